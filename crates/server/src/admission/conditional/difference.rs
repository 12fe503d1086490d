//! What a step changed, by comparing a room's plain values before and after it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anteroom_core::ids::{RoomId, SessionId, UserId};
use anteroom_core::seat::{EntryImage, Header, PlaceNo, SlotImage, Snapshot, Waiter};

/// The rows to write, in this order: the header, what went, what changed, what is new.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) room: RoomId,
    pub(super) header: Option<Header>,
    pub(super) slots: Rows<UserId, From<SlotImage>>,
    pub(super) line: Rows<PlaceNo, From<Waiter>>,
    pub(super) entering: Rows<SessionId, EntryImage>,
}

/// A row, and the address that it was asked for from.
pub(super) type From<T> = (T, Option<IpAddr>);

/// The rows of one kind, by their key.
#[derive(Debug)]
pub(super) struct Rows<K, T> {
    pub(super) gone: Vec<K>,
    pub(super) changed: Vec<T>,
    pub(super) new: Vec<T>,
}

impl<K: Ord + Copy, T> Rows<K, T> {
    fn between<I: PartialEq + Clone>(
        before: &[I],
        after: &[I],
        key: impl Fn(&I) -> K,
        row: impl Fn(I) -> T,
    ) -> Self {
        let mut former: BTreeMap<K, &I> = before.iter().map(|it| (key(it), it)).collect();
        let mut rows = Self { gone: Vec::new(), changed: Vec::new(), new: Vec::new() };
        for image in after {
            match former.remove(&key(image)) {
                Some(former) if former == image => {}
                Some(_) => rows.changed.push(row(image.clone())),
                None => rows.new.push(row(image.clone())),
            }
        }
        rows.gone.extend(former.into_keys());
        rows
    }

    fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.changed.is_empty() && self.new.is_empty()
    }
}

impl Difference {
    /// What leads from `before` to `after`.
    pub(super) fn between(
        before: &Snapshot,
        after: &Snapshot,
        address: impl Fn(UserId) -> Option<IpAddr>,
    ) -> Self {
        Self {
            room: after.header.id,
            header: (before.header != after.header).then_some(after.header),
            slots: Rows::between(
                &before.slots,
                &after.slots,
                |slot| slot.user,
                |slot| {
                    let address = slot.reservation.and_then(|_| address(slot.user));
                    (slot, address)
                },
            ),
            line: Rows::between(
                &before.line,
                &after.line,
                |waiter| waiter.place,
                |waiter| (waiter, address(waiter.user)),
            ),
            entering: Rows::between(
                &before.entering,
                &after.entering,
                |entry| entry.session,
                std::convert::identity,
            ),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.header.is_none()
            && self.slots.is_empty()
            && self.line.is_empty()
            && self.entering.is_empty()
    }
}
