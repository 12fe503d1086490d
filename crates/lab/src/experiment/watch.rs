//! What must hold, judged by what was seen from outside: when each request went out, when its answer came, and
//! what it said. The server is asked nothing about itself here.
//!
//! Nobody outside knows when a decision was made, only that it lay between question and answer. So every
//! judgement uses the side that cannot accuse wrongly: a seat counts as *certainly* taken from its answer until
//! its owner asks to give it back, and as *possibly* taken from its question until that is acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use super::data::Faults;

/// How many faults are put into words.
const WORDS_MAX: usize = 12;
/// How long after its deadline a reservation that nobody took may still count as possibly taken.
const LATE: Duration = Duration::from_secs(5);

/// The number of a grant: the life of the room's counter, and the count.
pub(crate) type Grant = (u64, u64);

/// What somebody did or was told, at an instant of the lab's clock.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) room: i64,
    pub(crate) person: u32,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// Asks for a seat.
    Asks,
    /// Was granted one: the number, when it was asked for, how long it is kept, and whether it is `again` the
    /// seat that this person has already.
    Granted { grant: Grant, asked: Duration, kept: Duration, again: bool },
    /// Was told that the room is full, having asked then.
    Full { asked: Duration },
    /// Got no seat for another reason.
    NotGranted,
    /// Asked and heard nothing: may have a seat or not.
    Unheard,
    /// Was welcomed.
    Enters,
    /// A ticket that stood was refused.
    PromiseBroken(u16),
    /// Asks to give the seat back, or breaks the line.
    Lets,
    /// Was told that the seat is back.
    Gone,
    /// Read a count of seats that does not add up: their sum and the capacity.
    DoesNotAddUp { sum: u32, capacity: u32 },
}

/// A room as the lab made it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Venue {
    pub(crate) room: i64,
    pub(crate) capacity: u32,
    /// People who sit there all the time.
    pub(crate) settled: u32,
    /// The first grant that is not the maker's, when every answer was heard and numbers must have no gap.
    pub(crate) first: Option<Grant>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    pub(crate) faults: Faults,
    pub(crate) evidence: Vec<String>,
}

impl Judgement {
    fn word(&mut self, words: impl FnOnce() -> String) {
        if self.evidence.len() < WORDS_MAX {
            self.evidence.push(words());
        }
    }
}

/// Judges everything that was seen in the rooms. Events may come in any order.
pub(crate) fn judge(venues: &[Venue], events: &[Event]) -> Judgement {
    let mut by_room: BTreeMap<i64, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_room.entry(event.room).or_default().push(event);
    }
    let mut judged = Judgement::default();
    for venue in venues {
        let mut seen = by_room.remove(&venue.room).unwrap_or_default();
        seen.sort_by_key(|event| event.at);
        room(venue, &seen, &mut judged);
    }
    judged
}

fn room(venue: &Venue, seen: &[&Event], judged: &mut Judgement) {
    let people = spans(seen, judged, venue);
    let taken = Curve::of(people.iter().map(|it| it.certain), venue.settled);
    let over = taken.most.saturating_sub(venue.capacity);
    if over > 0 {
        judged.faults.overfills += u64::from(over);
        judged.word(|| {
            format!("room {}: {} seats taken of {}", venue.room, taken.most, venue.capacity)
        });
    }
    let maybe = Curve::of(people.iter().map(|it| it.possible), venue.settled);
    for event in seen {
        match &event.what {
            What::Full { asked } => {
                // Whoever was refused does not count against itself; its own span ends here.
                let most = maybe.most_between(*asked, event.at).saturating_sub(1);
                if most < venue.capacity {
                    judged.faults.false_full += 1;
                    judged.word(|| {
                        format!(
                            "room {}: told full while at most {most} of {} seats could be taken",
                            venue.room, venue.capacity
                        )
                    });
                }
            }
            What::PromiseBroken(code) => {
                judged.faults.false_promises += 1;
                judged.word(|| {
                    format!("room {}: a ticket that stood was refused with {code}", venue.room)
                });
            }
            What::DoesNotAddUp { sum, capacity } => {
                judged.faults.conservation += 1;
                judged
                    .word(|| format!("room {}: seats add up to {sum}, not {capacity}", venue.room));
            }
            _ => {}
        }
    }
    history(venue, seen, judged);
}

/// When somebody's seat was taken, from the one point of view or the other.
#[derive(Clone, Copy)]
struct Taken {
    certain: Option<(Duration, Duration)>,
    possible: Option<(Duration, Duration)>,
}

/// What is known of one person while the events go by.
#[derive(Default)]
struct Tracked {
    /// Questions without an answer.
    asking: u32,
    possible_since: Option<Duration>,
    /// The seat: since when, its number, and until when it is kept unless entered.
    seat: Option<(Duration, Grant, Option<Duration>)>,
    /// The end that was asked for.
    letting: bool,
}

/// The spans in which people had seats. Two numbers for one person at once are a fault of their own.
fn spans(seen: &[&Event], judged: &mut Judgement, venue: &Venue) -> Vec<Taken> {
    let mut people: BTreeMap<u32, Tracked> = BTreeMap::new();
    let mut spans = Vec::new();
    for event in seen {
        let it = people.entry(event.person).or_default();
        match &event.what {
            What::Asks => {
                it.asking += 1;
                it.possible_since.get_or_insert(event.at);
            }
            What::Granted { grant, asked, kept, again } => {
                it.asking = it.asking.saturating_sub(1);
                // The answer was made at some time after the question: until then it is surely kept.
                let until = Some(*asked + *kept);
                match it.seat {
                    Some(_) if *again => {}
                    Some((_, had, kept_until)) if had != *grant => {
                        // A seat whose time was up may have been granted anew.
                        let stood = kept_until.is_none_or(|until| event.at < until);
                        if stood && !it.letting {
                            judged.faults.exclusion += 1;
                            judged
                                .word(|| format!("room {}: two seats for one person", venue.room));
                        }
                        spans.extend(it.certain_until(event.at));
                        it.seat = Some((event.at, *grant, until));
                    }
                    Some(_) => {}
                    None => it.seat = Some((event.at, *grant, until)),
                }
                it.letting = false;
            }
            What::Full { .. } | What::NotGranted => {
                it.asking = it.asking.saturating_sub(1);
                if it.asking == 0 && it.seat.is_none() {
                    spans.extend(it.possible_until(event.at));
                }
            }
            What::Enters => {
                if let Some((_, _, until)) = &mut it.seat {
                    *until = None;
                }
            }
            What::Lets => {
                spans.extend(it.certain_until(event.at));
                it.letting = true;
            }
            What::Gone => {
                spans.extend(it.certain_until(event.at));
                spans.extend(it.possible_until(event.at));
                it.letting = false;
            }
            What::Unheard | What::PromiseBroken(_) | What::DoesNotAddUp { .. } => {}
        }
    }
    for it in people.values_mut() {
        let kept_until = it.seat.and_then(|(_, _, until)| until);
        spans.extend(it.certain_until(Duration::MAX));
        let possibly = kept_until.map_or(Duration::MAX, |until| until + LATE);
        spans.extend(it.possible_until(possibly));
    }
    spans
}

impl Tracked {
    fn certain_until(&mut self, end: Duration) -> Option<Taken> {
        let (since, _, until) = self.seat.take()?;
        let end = until.map_or(end, |until| until.min(end));
        Some(Taken { certain: Some((since, end)), possible: None })
    }

    fn possible_until(&mut self, end: Duration) -> Option<Taken> {
        let since = self.possible_since.take()?;
        Some(Taken { certain: None, possible: Some((since, end)) })
    }
}

/// How many there were at each instant.
struct Curve {
    /// From each instant on, in order.
    points: Vec<(Duration, u32)>,
    most: u32,
}

impl Curve {
    fn of(spans: impl Iterator<Item = Option<(Duration, Duration)>>, always: u32) -> Self {
        let mut steps: Vec<(Duration, i64)> = Vec::new();
        for (from, to) in spans.flatten().filter(|(from, to)| from < to) {
            steps.push((from, 1));
            steps.push((to, -1));
        }
        // At one instant those who go count first: who came then need not have met them.
        steps.sort_unstable();
        let (mut count, mut most) = (i64::from(always), always);
        let mut points = vec![(Duration::ZERO, always)];
        for (at, step) in steps {
            count += step;
            let now = u32::try_from(count).unwrap_or(0);
            points.push((at, now));
            most = most.max(now);
        }
        Self { points, most }
    }

    /// The most there were at any instant of a span.
    fn most_between(&self, from: Duration, to: Duration) -> u32 {
        let first = self.points.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let inside = self.points[first..].iter().take_while(|(at, _)| *at <= to);
        inside.map(|(_, count)| *count).max().unwrap_or(0)
    }
}

/// Numbers are given once each, in an order that the answers do not contradict, and without gaps where none
/// can have got lost.
fn history(venue: &Venue, seen: &[&Event], judged: &mut Judgement) {
    // By number: who has it, when it was asked for first and answered first.
    let mut grants: BTreeMap<Grant, (u32, Duration, Duration)> = BTreeMap::new();
    let mut fault = |words: String| {
        judged.faults.history += 1;
        judged.word(|| words);
    };
    for event in seen {
        let What::Granted { grant, asked, .. } = &event.what else { continue };
        match grants.get_mut(grant) {
            None => drop(grants.insert(*grant, (event.person, *asked, event.at))),
            Some((person, ..)) if *person != event.person => {
                fault(format!("room {}: number {grant:?} was given to two people", venue.room));
            }
            Some((_, first, _)) => *first = (*first).min(*asked),
        }
    }
    let mut latest_question = Duration::ZERO;
    let mut due = venue.first;
    for (grant, (_, asked, answered)) in &grants {
        if latest_question > *answered {
            fault(format!(
                "room {}: number {grant:?} was answered before a smaller one was asked for",
                venue.room
            ));
        }
        latest_question = latest_question.max(*asked);
        if let Some((life, number)) = due {
            if *grant != (life, number) {
                fault(format!("room {}: after {:?} came {grant:?}", venue.room, (life, number)));
            }
            due = Some((grant.0, grant.1 + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VENUE: Venue = Venue { room: 1, capacity: 2, settled: 0, first: None };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn at(time: u64, person: u32, what: What) -> Event {
        Event { at: ms(time), room: 1, person, what }
    }

    fn granted(number: u64, asked: u64) -> What {
        What::Granted { grant: (1, number), asked: ms(asked), kept: ms(1_000), again: false }
    }

    /// Three people who got seats at 10, 20 and 30 ms and keep them.
    fn three() -> Vec<Event> {
        (1..=3)
            .flat_map(|n| {
                let time = u64::from(n) * 10;
                [at(time - 5, n, What::Asks), at(time, n, granted(u64::from(n), time - 5))]
            })
            .collect()
    }

    fn faults(venue: Venue, events: &[Event]) -> Faults {
        judge(&[venue], events).faults
    }

    #[test]
    fn one_too_many_is_an_overfill_and_as_many_as_seats_are_none() {
        assert_eq!(faults(VENUE, &three()).overfills, 1);
        assert_eq!(faults(VENUE, &three()[..4]), Faults::default());
        assert_eq!(faults(Venue { settled: 1, ..VENUE }, &three()).overfills, 2);
        assert_eq!(faults(Venue { capacity: 3, ..VENUE }, &three()), Faults::default());
    }

    #[test]
    fn who_gives_the_seat_back_in_time_or_misses_the_deadline_makes_room() {
        let mut events = three();
        events.push(at(29, 1, What::Lets));
        assert_eq!(faults(VENUE, &events), Faults::default());
        let mut late = three();
        late[4].at = ms(1_004);
        late[5].at = ms(1_006);
        late[5].what = granted(3, 1_004);
        assert_eq!(faults(VENUE, &late), Faults::default());
        // Who entered has no deadline.
        late.push(at(100, 1, What::Enters));
        assert_eq!(faults(VENUE, &late).overfills, 1);
    }

    #[test]
    fn full_is_believed_while_all_seats_may_be_taken() {
        let mut events = three()[..4].to_vec();
        events.push(at(12, 9, What::Asks));
        events.push(at(16, 9, What::Full { asked: ms(12) }));
        // The second had asked at 15: it may have been decided before.
        assert_eq!(faults(VENUE, &events), Faults::default());
        events[5].at = ms(14);
        assert_eq!(faults(VENUE, &events).false_full, 1);
    }

    #[test]
    fn a_seat_that_was_given_back_may_be_taken_until_that_is_acknowledged() {
        let mut events = three()[..4].to_vec();
        events.extend([at(30, 1, What::Lets), at(40, 1, What::Gone)]);
        events.extend([at(35, 9, What::Asks), at(50, 9, What::Full { asked: ms(35) })]);
        assert_eq!(faults(VENUE, &events), Faults::default());
        events.extend([at(41, 8, What::Asks), at(45, 8, What::Full { asked: ms(41) })]);
        let judged = faults(VENUE, &events);
        // One of the two who asked at 41 may have stood in the other's way.
        assert_eq!(judged.false_full, 0);
        events.extend([at(60, 8, What::Asks), at(65, 8, What::Full { asked: ms(60) })]);
        assert_eq!(faults(VENUE, &events).false_full, 1);
    }

    #[test]
    fn two_numbers_for_one_person_at_once_are_told_and_a_repeated_answer_is_not() {
        let again = [at(5, 1, What::Asks), at(6, 1, What::Asks), at(10, 1, granted(1, 5))];
        let same: Vec<_> = again.iter().cloned().chain([at(11, 1, granted(1, 6))]).collect();
        assert_eq!(faults(VENUE, &same), Faults::default());
        let other: Vec<_> = again.iter().cloned().chain([at(11, 1, granted(2, 6))]).collect();
        assert_eq!(faults(VENUE, &other).exclusion, 1);
    }

    #[test]
    fn numbers_are_unique_in_order_and_without_gaps() {
        let roomy = Venue { capacity: 9, ..VENUE };
        let mut twice = three();
        twice[5].what = granted(2, 25);
        assert_eq!(faults(roomy, &twice).history, 1);
        let mut contradicts = three();
        contradicts[1].what = granted(7, 5);
        // 7 was answered at 10; 2 and 3 were asked for later.
        assert_eq!(faults(roomy, &contradicts).history, 1);
        assert_eq!(faults(Venue { first: Some((1, 1)), ..roomy }, &three()).history, 0);
        let mut gap = three();
        gap[5].what = granted(4, 25);
        assert_eq!(faults(Venue { first: Some((1, 1)), ..roomy }, &gap).history, 1);
    }

    #[test]
    fn broken_promises_and_sums_that_do_not_add_up_are_counted() {
        let events = [
            at(1, 1, What::PromiseBroken(4403)),
            at(2, 1, What::DoesNotAddUp { sum: 3, capacity: 2 }),
        ];
        let judged = judge(&[VENUE], &events);
        assert_eq!((judged.faults.false_promises, judged.faults.conservation), (1, 1));
        assert_eq!(judged.evidence.len(), 2);
    }
}
