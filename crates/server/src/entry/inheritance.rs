//! What becomes of what a login has when another takes over from it.
//!
//! A supersede may reach the ledger late: when the seat store was away, or when one sign-in overtook
//! another. The login that takes over may have ended by then, and its own end have reached the ledger
//! before there was anything to end. So after each supersede the store is asked whether the new login
//! lives. If it does, its end is still to come, and will find what was rebound. If not, what was
//! rebound goes on to the login that took over from it, or goes as it would have gone.

use anteroom_core::ids::{LoginId, UserId};

use super::duty::NotYet;
use crate::admission::{Admission, EndedSessions, Journal};
use crate::storage::{LoginEnd, Storage, Stored};

/// Who has what a login had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heir {
    /// The login itself: it did not end.
    Itself,
    /// A newer login of the same user.
    Newer(LoginId),
    /// Nobody.
    Nobody,
}

/// Rebinds what stands under `old` to `new`, and on to whoever took over from that.
pub(super) async fn pass_on(
    (seats, storage): (&dyn Admission, &dyn Storage),
    user: UserId,
    (mut old, mut new): (LoginId, LoginId),
    journal: &mut Journal,
) -> Result<EndedSessions, NotYet> {
    let mut ended = EndedSessions::new();
    loop {
        ended.extend(seats.supersede(user, old, new, journal).await?);
        match heir_of(storage, user, new).await? {
            Heir::Itself => return Ok(ended),
            Heir::Newer(newer) => (old, new) = (new, newer),
            Heir::Nobody => {
                ended.extend(seats.revoke_login(user, new, journal).await?);
                return Ok(ended);
            }
        }
    }
}

async fn heir_of(storage: &dyn Storage, user: UserId, login: LoginId) -> Stored<Heir> {
    Ok(match storage.login_end(login).await? {
        None => Heir::Itself,
        // Who took over may have been superseded itself; the newest has what all of them had.
        Some(LoginEnd::Superseded) => {
            let newest = storage.logins(user).await?.pop();
            newest.map_or(Heir::Nobody, |newest| Heir::Newer(newest.id))
        }
        Some(_) => Heir::Nobody,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anteroom_core::ids::{Nonce, RoomId};
    use anteroom_core::seat::{Ask, Lifetime, RoomSpec, Terms};

    use super::*;
    use crate::admission::{Bounds, Semaphore};
    use crate::clock::Clock;
    use crate::storage::AuthStore as _;
    use crate::storage::contract::{self, NOW};
    use crate::storage::sqlite::{SqliteOptions, SqliteStorage};
    use crate::sweeper::Deadlines;

    const ROOM: RoomId = RoomId(1);

    /// A user, a first login with a reservation in a room, and further logins one after the other.
    struct House {
        seats: Semaphore,
        storage: SqliteStorage,
        user: UserId,
        logins: Vec<LoginId>,
        _dir: tempfile::TempDir,
    }

    impl House {
        async fn with_logins(count: u8) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let storage =
                SqliteStorage::open(&dir.path().join("anteroom.db"), SqliteOptions::default())
                    .unwrap();
            let user = contract::user(&storage, "ann").await;
            let mut logins = Vec::new();
            for mark in 0..count {
                let login = contract::login(user, mark);
                logins.push(login.id);
                storage.start_login(login, 1).await.unwrap();
            }
            let bounds = Bounds { per_user: 3, per_address: None };
            let (clock, deadlines) = (Arc::new(Clock::new()), Arc::new(Deadlines::default()));
            let seats = Semaphore::new(Terms::default(), bounds, clock, deadlines);
            let (lifetime, pending_until) = (Lifetime::Persistent, None);
            let (epoch, capacity, staff_seats) = (1, 1, 0);
            let spec = RoomSpec { id: ROOM, epoch, capacity, staff_seats, lifetime, pending_until };
            seats.add_room(spec).await.unwrap();
            let (login, nonce) = (logins[0], Nonce([1; 16]));
            let ask = Ask { user, login, nonce, is_staff: false, resume: None, over: None };
            seats.reserve(ROOM, ask, None, &mut Journal::new()).await.unwrap();
            Self { seats, storage, user, logins, _dir: dir }
        }

        /// The supersede of one login by the next, as late as it is made now.
        async fn pass_on(&self, from: usize) {
            let (old, new) = (self.logins[from], self.logins[from + 1]);
            let stores = (&self.seats as &dyn Admission, &self.storage as &dyn Storage);
            pass_on(stores, self.user, (old, new), &mut Journal::new()).await.unwrap();
        }

        async fn holder(&self) -> Option<LoginId> {
            let standing = self.seats.standing(ROOM, self.user).await.unwrap();
            standing.map(|it| it.reservation.login)
        }
    }

    #[tokio::test]
    async fn a_login_that_lives_has_what_the_old_one_had() {
        let house = House::with_logins(2).await;
        house.pass_on(0).await;
        assert_eq!(house.holder().await, Some(house.logins[1]));
    }

    #[tokio::test]
    async fn a_supersede_that_comes_after_the_next_one_passes_on_to_the_newest() {
        let house = House::with_logins(4).await;
        house.pass_on(1).await;
        house.pass_on(2).await;
        assert_eq!(house.holder().await, Some(house.logins[0]), "nobody has told it yet");
        house.pass_on(0).await;
        assert_eq!(house.holder().await, Some(house.logins[3]));
    }

    #[tokio::test]
    async fn a_supersede_that_comes_after_the_new_login_ended_leaves_nothing_behind() {
        let house = House::with_logins(2).await;
        let (user, new) = (house.user, house.logins[1]);
        for end in [LoginEnd::LoggedOut, LoginEnd::Forced] {
            house.storage.end_login(new, end, NOW).await.unwrap();
        }
        house.seats.revoke_login(user, new, &mut Journal::new()).await.unwrap();
        house.pass_on(0).await;
        assert_eq!(house.holder().await, None);
        assert_eq!(house.seats.seats(ROOM).await.unwrap().unwrap().free, 1);
    }
}
