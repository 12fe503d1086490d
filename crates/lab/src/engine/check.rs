//! What must hold of deliveries, checked for every one of them at the price of comparing its bytes.
//!
//! The first receiver of a message is believed once its `seq` is the next of the room and its
//! `client_id` names a message that was sent there, in the order of its sender, and not told before.
//! Every other receiver must get the same bytes at the same place. So each message arrives once, in
//! order, and in the same order for everyone; whatever else comes is a [`Fault`].

use std::collections::VecDeque;

use memchr::memmem;

/// What went wrong with a delivery.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("member {member} got seq {got} where {expected} was due: lost or out of order")]
    Lost { member: usize, expected: i64, got: i64 },
    #[error("member {member} got seq {got} again; {expected} was due")]
    Doubled { member: usize, expected: i64, got: i64 },
    #[error("member {member} got other bytes under seq {seq} than the others")]
    Differs { member: usize, seq: i64 },
    #[error("message {number} was told a second time, under seq {seq}")]
    ToldTwice { number: usize, seq: i64 },
    #[error("message {number} overtook a later one of its sender, under seq {seq}")]
    Overtaken { number: usize, seq: i64 },
    #[error("seq {seq} is not a message that was sent to this room")]
    Strange { seq: i64 },
    #[error("a message without a readable seq")]
    Unnumbered,
}

/// One delivery in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Which of the messages sent.
    pub(crate) number: usize,
    /// Everyone in the room who counts has it now.
    pub(crate) complete: bool,
}

/// Who sits where, what was sent, and how far each has come.
#[derive(Default)]
pub(crate) struct Check {
    rooms: Vec<Room>,
    members: Vec<Member>,
    sent: Vec<Sent>,
}

struct Member {
    room: usize,
    /// The `seq` that is due.
    next: i64,
    /// The number of the last message of this member that was told, plus one.
    told_below: usize,
    /// Nobody waits for this one.
    excused: bool,
}

#[derive(Default)]
struct Room {
    /// How many receivers make a message complete.
    waited_for: usize,
    /// The `seq` of the first of `open`.
    first_open: i64,
    /// Messages told to some and not yet to all.
    open: VecDeque<Open>,
}

struct Open {
    number: usize,
    bytes: Vec<u8>,
    got: usize,
}

struct Sent {
    sender: usize,
    told: bool,
}

impl Check {
    /// Adds a member of a room (rooms count from 0) that has seen everything up to `last_seq`, and
    /// answers the member's number.
    pub(crate) fn join(&mut self, room: usize, last_seq: i64) -> usize {
        if self.rooms.len() <= room {
            self.rooms.resize_with(room + 1, Room::default);
        }
        let here = &mut self.rooms[room];
        if here.waited_for == 0 {
            here.first_open = last_seq + 1;
        }
        here.waited_for += 1;
        self.members.push(Member { room, next: last_seq + 1, told_below: 0, excused: false });
        self.members.len() - 1
    }

    /// Notes that `sender` says something, and answers its number.
    pub(crate) fn say(&mut self, sender: usize) -> usize {
        self.sent.push(Sent { sender, told: false });
        self.sent.len() - 1
    }

    /// Messages no longer wait for one member of the room: one who reads slowly or has gone.
    pub(crate) fn excuse(&mut self, member: usize) {
        let Member { room, excused, .. } = &mut self.members[member];
        if !std::mem::replace(excused, true) {
            self.rooms[*room].waited_for -= 1;
        }
    }

    /// How many messages were sent, and how many of them nobody has been told.
    pub(crate) fn sent_and_untold(&self) -> (usize, usize) {
        (self.sent.len(), self.sent.iter().filter(|sent| !sent.told).count())
    }

    /// The `seq` that is due for a member.
    pub(crate) fn due_for(&self, member: usize) -> i64 {
        self.members[member].next
    }

    /// Takes the payload of a `message` frame that `member` received.
    ///
    /// # Errors
    /// The [`Fault`]; the member's place is then as it was.
    pub(crate) fn hear(&mut self, member: usize, payload: &[u8]) -> Result<Heard, Fault> {
        let (index, next) = (self.members[member].room, self.members[member].next);
        let room = &self.rooms[index];
        let Ok(at) = usize::try_from(next - room.first_open) else {
            return self.hear_late(member, payload);
        };
        match room.open.get(at) {
            Some(open) if open.bytes == payload => {}
            Some(_) => return Err(self.differs(member, payload)),
            None => self.believe(member, payload)?,
        }
        self.members[member].next += 1;
        let room = &mut self.rooms[index];
        let open = &mut room.open[at];
        if self.members[member].excused {
            return Ok(Heard { number: open.number, complete: false });
        }
        open.got += 1;
        let heard = Heard { number: open.number, complete: open.got == room.waited_for };
        // Receivers are in order, so nobody can complete a later message before an earlier one.
        while room.open.front().is_some_and(|open| open.got >= room.waited_for) {
            room.open.pop_front();
            room.first_open += 1;
        }
        Ok(heard)
    }

    /// The first receiver of a message.
    fn believe(&mut self, member: usize, payload: &[u8]) -> Result<(), Fault> {
        let seq = self.seq_due(member, payload)?;
        let number = number_of(payload).ok_or(Fault::Strange { seq })?;
        let room = self.members[member].room;
        let sent = self.sent.get_mut(number).ok_or(Fault::Strange { seq })?;
        let sender = &mut self.members[sent.sender];
        if sender.room != room {
            return Err(Fault::Strange { seq });
        }
        if sent.told {
            return Err(Fault::ToldTwice { number, seq });
        }
        if number < sender.told_below {
            return Err(Fault::Overtaken { number, seq });
        }
        sender.told_below = number + 1;
        sent.told = true;
        self.rooms[room].open.push_back(Open { number, bytes: payload.to_vec(), got: 0 });
        Ok(())
    }

    /// Fails unless the frame carries the `seq` that is due.
    fn seq_due(&self, member: usize, payload: &[u8]) -> Result<i64, Fault> {
        let expected = self.members[member].next;
        let got = seq_of(payload).ok_or(Fault::Unnumbered)?;
        match got.cmp(&expected) {
            std::cmp::Ordering::Less => Err(Fault::Doubled { member, expected, got }),
            std::cmp::Ordering::Greater => Err(Fault::Lost { member, expected, got }),
            std::cmp::Ordering::Equal => Ok(got),
        }
    }

    fn differs(&self, member: usize, payload: &[u8]) -> Fault {
        match self.seq_due(member, payload) {
            Ok(seq) => Fault::Differs { member, seq },
            Err(fault) => fault,
        }
    }

    /// One who is excused, behind what the others have completed: its bytes are gone, its place not.
    fn hear_late(&mut self, member: usize, payload: &[u8]) -> Result<Heard, Fault> {
        let seq = self.seq_due(member, payload)?;
        let number = number_of(payload).ok_or(Fault::Strange { seq })?;
        match self.sent.get(number) {
            Some(sent) if sent.told => {}
            _ => return Err(Fault::Strange { seq }),
        }
        self.members[member].next += 1;
        Ok(Heard { number, complete: false })
    }
}

/// The first `"seq":` of a payload.
pub(crate) fn seq_of(payload: &[u8]) -> Option<i64> {
    number_after(payload, b"\"seq\":")
}

/// What follows a name in a payload, as a whole number.
pub(crate) fn number_after(payload: &[u8], name: &[u8]) -> Option<i64> {
    let digits = &payload[memmem::find(payload, name)? + name.len()..];
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&digits[..len]).ok()?.parse().ok()
}

fn number_of(payload: &[u8]) -> Option<usize> {
    usize::try_from(number_after(payload, b"\"client_id\":\"")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: i64, number: usize) -> Vec<u8> {
        format!(r#"{{"type":"message","seq":{seq},"client_id":"{number:012}"}}"#).into_bytes()
    }

    /// Two members in room 0, one in room 1; messages 0, 1 by member 0 and 2 by member 2.
    fn check() -> Check {
        let mut check = Check::default();
        check.join(0, 0);
        check.join(0, 0);
        check.join(1, 4);
        for sender in [0, 0, 2] {
            check.say(sender);
        }
        check
    }

    #[test]
    fn what_everyone_got_once_and_in_order_is_complete() {
        let mut check = check();
        let heard = |number, complete| Ok(Heard { number, complete });
        assert_eq!(check.hear(0, &message(1, 0)), heard(0, false));
        assert_eq!(check.hear(0, &message(2, 1)), heard(1, false));
        assert_eq!(check.hear(1, &message(1, 0)), heard(0, true));
        assert_eq!(check.hear(1, &message(2, 1)), heard(1, true));
        assert_eq!(check.sent_and_untold(), (3, 1));
        assert_eq!(check.hear(2, &message(5, 2)), heard(2, true));
        assert_eq!(check.sent_and_untold(), (3, 0));
        assert_eq!((check.due_for(0), check.due_for(2)), (3, 6));
    }

    #[test]
    fn a_lost_message_is_noticed_by_the_first_and_by_every_other_receiver() {
        let mut check = check();
        let lost = |member| Err(Fault::Lost { member, expected: 1, got: 2 });
        assert_eq!(check.hear(0, &message(2, 1)), lost(0));
        check.hear(0, &message(1, 0)).unwrap();
        check.hear(0, &message(2, 1)).unwrap();
        assert_eq!(check.hear(1, &message(2, 1)), lost(1));
    }

    #[test]
    fn a_doubled_message_is_noticed_while_it_is_open_and_after() {
        let mut check = check();
        let doubled = Err(Fault::Doubled { member: 0, expected: 2, got: 1 });
        check.hear(0, &message(1, 0)).unwrap();
        assert_eq!(check.hear(0, &message(1, 0)), doubled);
        check.hear(1, &message(1, 0)).unwrap();
        assert_eq!(check.hear(0, &message(1, 0)), doubled);
        let twice = Err(Fault::ToldTwice { number: 0, seq: 2 });
        assert_eq!(check.hear(0, &message(2, 0)), twice, "stored twice, under a new seq");
    }

    #[test]
    fn two_members_with_the_same_messages_in_another_order_are_noticed() {
        let mut check = check();
        check.hear(0, &message(1, 0)).unwrap();
        assert_eq!(
            check.hear(1, &message(1, 1)),
            Err(Fault::Differs { member: 1, seq: 1 }),
            "each numbered as it came"
        );
        assert_eq!(
            check.hear(1, &message(2, 1)),
            Err(Fault::Lost { member: 1, expected: 1, got: 2 }),
            "the numbers as they were given"
        );
    }

    #[test]
    fn a_later_message_of_a_sender_never_comes_before_an_earlier_one() {
        let mut check = check();
        check.hear(0, &message(1, 1)).unwrap();
        assert_eq!(check.hear(0, &message(2, 0)), Err(Fault::Overtaken { number: 0, seq: 2 }));
    }

    #[test]
    fn what_nobody_sent_here_is_strange() {
        let mut check = check();
        assert_eq!(check.hear(0, &message(1, 2)), Err(Fault::Strange { seq: 1 }), "another room's");
        assert_eq!(check.hear(0, &message(1, 3)), Err(Fault::Strange { seq: 1 }), "never sent");
        assert_eq!(check.hear(0, b"{}"), Err(Fault::Unnumbered));
    }

    #[test]
    fn nobody_waits_for_one_who_is_excused() {
        let mut check = check();
        check.excuse(1);
        assert_eq!(check.hear(0, &message(1, 0)), Ok(Heard { number: 0, complete: true }));
        let late = Ok(Heard { number: 0, complete: false });
        assert_eq!(check.hear(1, &message(1, 0)), late, "in order all the same");
        let doubled = Err(Fault::Doubled { member: 1, expected: 2, got: 1 });
        assert_eq!(check.hear(1, &message(1, 0)), doubled);
    }
}
