//! The verbs of [`Admission`](super::Admission), written down once for whoever stands in front of a strategy and
//! passes them on: the watch beside it ([`measured`](super::measured)), and the lab's locks.

/// Hands every verb to the macro `$wrap`, by what it is about: those that `decide` over a seat of a room, with their
/// name among the metrics; the other steps of a room; steps over several rooms; and reads. Steps take the journal
/// as their last argument and those of a room the room as their first, which are not repeated here. What a wrapper
/// writes out itself goes along: `reserve`, and what has another shape.
macro_rules! every_verb {
    ($wrap:ident { $($others:tt)* }) => {
        $wrap! {
            decides {
                ReserveParty: fn reserve_party(party: Vec<Ask>) -> Result<Vec<Reserved>, PartyError>;
                Wait: fn wait(ask: Ask, address: Option<IpAddr>) -> Result<Waiting, WaitError>;
                Confirm: fn confirm(claim: Claim) -> Result<Confirmed, ConfirmError>;
            }
            of_a_room {
                fn cancel(user: UserId) -> Decided<Option<Generation>>;
                fn withdraw(user: UserId, grant: (Generation, LoginId)) -> Decided<bool>;
                fn settle(user: UserId, session: SessionId) -> Result<EndedSessions, SettleError>;
                fn abort(user: UserId, session: SessionId) -> Decided<()>;
                fn close(part: PartRef, parting: Parting) -> Decided<Closed>;
                fn remove(user: UserId) -> Decided<EndedSessions>;
                fn close_room() -> Decided<EndedSessions>;
                fn stop_waiting(user: UserId) -> Decided<bool>;
                fn stream_attached(user: UserId, stream: StreamId) -> Decided<Attachment>;
                fn stream_lost(user: UserId, stream: StreamId) -> Decided<()>;
                fn expire() -> Decided<()>;
            }
            of_several {
                fn take_up(owner: Owner) -> Decided<()>;
                fn supersede(user: UserId, old: LoginId, new: LoginId) -> Decided<EndedSessions>;
                fn revoke_login(user: UserId, login: LoginId) -> Decided<EndedSessions>;
                fn fence(owner: Owner) -> Decided<EndedSessions>;
            }
            reads {
                fn ping() -> Decided<()>;
                fn heard(room: RoomId, user: UserId, session: SessionId) -> Decided<()>;
                fn seats(room: RoomId) -> Decided<Option<Seats>>;
                fn members(room: RoomId) -> Decided<Vec<Member>>;
                fn is_seated(room: RoomId, user: UserId) -> Decided<bool>;
                fn sessions_of(user: UserId) -> Decided<Vec<(RoomId, SessionId)>>;
                fn overdue() -> Decided<Vec<RoomId>>;
                fn stay(room: RoomId, user: UserId) -> Decided<Option<Generation>>;
                fn has_slot(room: RoomId, user: UserId, login: LoginId) -> Decided<bool>;
                fn standing(room: RoomId, user: UserId) -> Decided<Option<Reserved>>;
                fn position(room: RoomId, user: UserId) -> Decided<Option<Position>>;
                fn line(room: RoomId) -> Decided<Vec<UserId>>;
                fn line_front(room: RoomId, most: usize) -> Decided<Vec<UserId>>;
                fn snapshot(room: RoomId) -> Decided<Option<Snapshot>>;
                fn entries_under_way() -> Decided<usize>;
            }

            fn name(&self) -> &'static str {
                self.seats.name()
            }

            fn now(&self) -> Millis {
                self.seats.now()
            }

            fn local(&self, at: Millis) -> Millis {
                self.seats.local(at)
            }

            fn shown(&self, at: Millis, clock: &Clock) -> i64 {
                self.seats.shown(at, clock)
            }

            async fn lost(&self) {
                self.seats.lost().await;
            }

            fn lose(&self) -> bool {
                self.seats.lose()
            }

            async fn rebuilt(&self) {
                self.seats.rebuilt().await;
            }

            $($others)*
        }
    };
}

pub(super) use every_verb;
