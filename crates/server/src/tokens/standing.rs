//! How each user stands: the account and its live logins, as the store has them, kept at hand.
//!
//! Where this process is the only writer of its store, a copy is right as long as every write goes
//! through [`Standings::change`]. Where other nodes write too, none is kept here, but in Redis, if there is
//! one ([`Copies`]). Invariant: while a user's slot is unlocked, its copy is absent or
//! equal to the store. A change runs to its end even when whoever asked for it has gone, because a
//! write that is still on its way to the disk must not be overtaken by a read.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anteroom_core::ids::{LoginId, UserId};
use anteroom_core::maps::Few;
use anteroom_protocol::account::Role;
use tokio::time::Instant;

use super::copies::{Announced, COPIES_FOR, Copies, Look};
use super::issuer::{AccountFault, deadline, in_force};
use crate::storage::{LoginRecord, SharedStorage, StorageError, Stored, UserRecord, WallMillis};

/// What of one user's account and live logins is asked with every call, and no more: there are as
/// many as there are users about.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The display name, shared with the user's sessions.
    pub(crate) name: Arc<str>,
    roles: Few<Role>,
    pub(super) is_locked: bool,
    pub(super) life_ends: Option<WallMillis>,
    /// Oldest first. Live in the store; a login's time may have passed all the same.
    pub(super) logins: Box<[Live]>,
}

/// A login that lives in the store.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) id: LoginId,
    /// Of the token in force.
    pub(crate) signature_hash: [u8; 32],
    /// When that token stops working, at the latest with the account.
    pub(crate) ends: WallMillis,
}

impl Standing {
    fn of(user: UserRecord, logins: &[LoginRecord]) -> Self {
        let live = |login: &LoginRecord| Live {
            id: login.id,
            signature_hash: login.current.signature_hash,
            ends: deadline(&user, &login.current),
        };
        let logins = logins.iter().map(live).collect();
        let state = (user.locked_at.is_some(), user.expires_at);
        Self::from_parts((user.display_name.into(), user.roles), state, logins)
    }

    pub(super) fn from_parts(
        (name, all): (Arc<str>, Vec<Role>),
        (is_locked, life_ends): (bool, Option<WallMillis>),
        logins: Box<[Live]>,
    ) -> Self {
        let mut roles = Few::default();
        for role in all {
            roles.insert(role);
        }
        Self { name, roles, is_locked, life_ends, logins }
    }

    pub(crate) fn login(&self, id: LoginId) -> Option<&Live> {
        self.logins.iter().find(|login| login.id == id)
    }

    /// As the roles of the record: sorted.
    pub(crate) fn roles(&self) -> Vec<Role> {
        let mut roles: Vec<Role> = self.roles.iter().collect();
        roles.sort_unstable();
        roles
    }

    /// Refuses a locked account and one whose life is over.
    pub(crate) fn in_force(&self, now: WallMillis) -> Result<(), AccountFault> {
        in_force(self.is_locked, self.life_ends, now)
    }
}

/// What becomes of a change that cannot be announced to the other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// It is refused: it grants something.
    Refuse,
    /// It is made, and answered when every copy from before it has run out: it takes something away, or must
    /// not be refused.
    WaitOut,
}

/// How much slower Redis' clock may run while copies run out.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);

/// Whether no copy from before a change can be found any more.
async fn is_through(copies: &Copies, user: UserId, announced: Option<Announced>) -> bool {
    match announced {
        Some(announced) => copies.changed(user, &announced).await.is_ok(),
        None => false,
    }
}

type Slot = Arc<tokio::sync::Mutex<Option<Arc<Standing>>>>;

/// The copies, bounded in number. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Standings {
    storage: SharedStorage,
    slots: Arc<Mutex<Slots>>,
    /// Nobody else writes.
    keeps: bool,
    /// What all nodes have at hand.
    copies: Option<Arc<Copies>>,
}

impl Standings {
    /// Keeps about `users_max` users at hand, or with `keeps` false nobody.
    pub(crate) fn new(storage: SharedStorage, users_max: usize, keeps: bool) -> Self {
        let slots = Slots { young_max: users_max.div_ceil(2).max(1), ..Slots::default() };
        Self { storage, slots: Arc::new(Mutex::new(slots)), keeps, copies: None }
    }

    /// The same, with what all nodes have at hand.
    pub(super) fn with(self, copies: Arc<Copies>) -> Self {
        Self { copies: Some(copies), ..self }
    }

    /// How the user stands now; `None` when there is no such user. Waits for a change under way.
    pub(crate) async fn read(&self, user: UserId) -> Stored<Option<Arc<Standing>>> {
        let slot = self.slot(user);
        let mut copy = slot.lock().await;
        if let Some(standing) = &*copy {
            return Ok(Some(Arc::clone(standing)));
        }
        let place = match &self.copies {
            Some(copies) => match copies.look(user).await {
                Look::Found(standing) => return Ok(Some(Arc::new(standing))),
                Look::Missing(place) => Some((copies, place)),
                Look::Closed => None,
            },
            None => None,
        };
        let Some(record) = self.storage.user(user).await? else { return Ok(None) };
        let logins = self.storage.logins(user).await?;
        let standing = Arc::new(Standing::of(record, &logins));
        if let Some((copies, place)) = place {
            copies.put(user, place, &standing).await;
        }
        if self.keeps {
            *copy = Some(Arc::clone(&standing));
        }
        Ok(Some(standing))
    }

    /// Runs the only change of this user at this time. What it reads from the store inside is what
    /// stands; the copy is taken anew after it, also when its outcome is not known. `otherwise` says what
    /// happens where the other nodes' copies cannot be called in.
    pub(crate) async fn change<T, E, F, Work>(
        &self,
        user: UserId,
        otherwise: Otherwise,
        work: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StorageError> + Send + 'static,
        F: FnOnce(SharedStorage) -> Work + Send + 'static,
        Work: Future<Output = Result<T, E>> + Send,
    {
        let slot = self.slot(user);
        let (storage, copies) = (Arc::clone(&self.storage), self.copies.clone());
        let change = tokio::spawn(async move {
            let mut copy = slot.lock().await;
            *copy = None;
            let Some(copies) = copies else { return work(storage).await };
            let announced = match copies.changing(user).await {
                Ok(announced) => Some(announced),
                Err(_) if otherwise == Otherwise::WaitOut => None,
                Err(away) => return Err(E::from(StorageError::Unavailable(away.to_string()))),
            };
            let outcome = work(storage).await;
            let decided = Instant::now();
            // Nothing is kept here: others of this user need not wait.
            drop(copy);
            if !is_through(&copies, user, announced).await {
                tokio::time::sleep_until(decided + COPIES_FOR + CLOCKS_DIFFER).await;
            }
            outcome
        });
        change.await.unwrap_or_else(|error| {
            Err(E::from(StorageError::Unavailable(format!("a change did not finish: {error}"))))
        })
    }

    fn slot(&self, user: UserId) -> Slot {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).slot(user)
    }
}

/// Two generations: what was not asked for during a whole one is dropped.
#[derive(Default)]
struct Slots {
    young: HashMap<UserId, Slot>,
    old: HashMap<UserId, Slot>,
    young_max: usize,
}

impl Slots {
    fn slot(&mut self, user: UserId) -> Slot {
        if let Some(slot) = self.young.get(&user) {
            return Arc::clone(slot);
        }
        let slot = self.old.remove(&user).unwrap_or_default();
        if self.young.len() >= self.young_max {
            let dropped = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            // A slot in use is that user's lock; without it a second lock would be made.
            let in_use = dropped.into_iter().filter(|(_, slot)| Arc::strong_count(slot) > 1);
            self.young.extend(in_use);
        }
        self.young.insert(user, Arc::clone(&slot));
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anteroom_core::ids::UserId;
    use uuid::Uuid;

    use super::Slots;

    #[test]
    fn the_copies_are_bounded_and_a_slot_in_use_is_never_made_twice() {
        let mut slots = Slots { young_max: 8, ..Slots::default() };
        let held = slots.slot(UserId(Uuid::from_u128(0)));
        for n in 1..1000 {
            drop(slots.slot(UserId(Uuid::from_u128(n))));
            assert!(slots.young.len() + slots.old.len() <= 17);
        }
        assert!(Arc::ptr_eq(&held, &slots.slot(UserId(Uuid::from_u128(0)))));
    }
}
