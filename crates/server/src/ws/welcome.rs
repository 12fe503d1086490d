//! The first frame of a session, and the replay that follows it.

use anteroom_core::limits::WELCOME_MEMBERS_MAX;
use anteroom_core::seat::SlotState;
use anteroom_protocol::Timestamp;
use anteroom_protocol::frame::{ServerFrame, Welcome, WelcomeMember};
use anteroom_protocol::room::{MemberUser, SeatState};
use bytes::Bytes;

use super::passage::Connections;
use crate::entry::{Entered, EntryError};
use crate::hub::{Among, Link, encode};
use crate::rooms::view_of;
use crate::view;

/// `welcome` and the replay as frames, and the `seq` up to which they cover the room.
///
/// The session is registered already, so what is said from now on waits in its outbox.
///
/// # Errors
/// The store or the other nodes are away, or the room vanished meanwhile.
pub(super) async fn compose(
    all: &Connections,
    entered: &Entered,
    since: Option<i64>,
) -> Result<(Vec<Bytes>, i64), EntryError> {
    let session = &entered.session;
    let entry = &all.entry;
    // Before it is read how far the room is: what is said after that is heard.
    all.delivery.attend(session.room).await?;
    let info = entry.rooms.get(session.room).ok_or(EntryError::RoomClosed)?;
    if since.is_some_and(|since| since > info.last_seq()) {
        // Another node has told more than this one knows.
        all.delivery.bring_up(session.room).await?;
    }
    let last_seq = info.last_seq();
    let seats = entry.admission.seats(session.room).await?.map(view::seats).unwrap_or_default();
    let presence = &entry.aftermath.presence;
    let seats = presence.with_countdown(session.room, seats, entry.admission.now());
    let (members, member_count) = members(all, session).await?;
    let replayed = match since {
        Some(since) => Some(all.history.replay(session.room, since, last_seq).await?),
        None => None,
    };
    let wall = all.clock.wall();
    let login_ends = entry.tokens.login_deadline(session.user, session.login, wall).await?;
    let mut room = view_of(&info, seats);
    room.last_seq = last_seq;
    room.key = info.key.clone().filter(|_| info.owner == session.user);
    let welcome = ServerFrame::Welcome(Box::new(Welcome {
        session: session.id.0,
        room,
        you: session.member(),
        members,
        member_count,
        seats,
        last_seq,
        resume: entered.resume.clone(),
        heartbeat_ms: u64::try_from(all.bounds.load().ping.as_millis()).unwrap_or(u64::MAX),
        entry: view::entry(entered.kind),
        login_expires_at: Timestamp(login_ends.unwrap_or_default()),
        replay: replayed.as_ref().and_then(|it| it.replay),
        first_seq: replayed.as_ref().map(|it| it.first_seq),
    }));
    let mut head = vec![encode(&welcome)];
    head.extend(replayed.into_iter().flat_map(|it| it.frames));
    Ok((head, last_seq))
}

/// The first hundred who sit or are held, and how many there are.
async fn members(
    all: &Connections,
    session: &Link,
) -> Result<(Vec<WelcomeMember>, u32), EntryError> {
    let mut seated = all.entry.admission.members(session.room).await?;
    seated.retain(|member| member.settled);
    let shown: Vec<_> = seated.iter().take(WELCOME_MEMBERS_MAX).map(|it| it.user).collect();
    let among = Among { bus: &*all.entry.aftermath.bus, storage: &*all.entry.storage };
    let presence = &all.entry.aftermath.presence;
    presence.list(session.room, shown.iter().copied());
    presence.learn_names(&all.entry.hub, session.room, &shown, &among).await;
    let count = u32::try_from(seated.len()).unwrap_or(u32::MAX);
    let members = seated
        .into_iter()
        .take(WELCOME_MEMBERS_MAX)
        .map(|member| WelcomeMember {
            user: MemberUser {
                id: member.user.0,
                name: presence.name_of(&all.entry.hub, session.room, member.user),
            },
            state: match member.state {
                SlotState::Held => SeatState::Held,
                SlotState::Occupied | SlotState::Reserved => SeatState::Occupied,
            },
            read: presence.passing.mark_of(session.room, member.user),
        })
        .collect();
    Ok((members, count))
}
