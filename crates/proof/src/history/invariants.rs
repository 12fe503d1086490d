//! What must hold of every step, whoever made it. Needs no model: a room before, a room after, and
//! what was told in between.

use std::collections::{BTreeMap, BTreeSet};

use anteroom_core::ids::{Generation, UserId};
use anteroom_core::seat::{Change, Class, Entry, Header, PlaceNo, SlotImage, Snapshot};

/// Says what was broken.
macro_rules! hold {
    ($that:expr, $($said:tt)+) => {
        if !$that {
            return Err(format!($($said)+));
        }
    };
}
pub(super) use hold;

/// The stays that began and were not returned yet, kept from the journal alone.
#[derive(Default)]
pub(super) struct Stays {
    open: BTreeSet<(UserId, Generation)>,
}

impl Stays {
    /// Follows one step's journal.
    pub(super) fn follow(&mut self, journal: &[Change], after: &Snapshot) -> Result<(), String> {
        // The order within a step is free, so what began is put in before what ended is taken out.
        for change in journal {
            if let Change::Entered { user, generation, entry: Entry::First, .. } = *change {
                hold!(self.open.insert((user, generation)), "a stay of {user:?} began twice");
            }
        }
        for change in journal {
            if let Change::Returned { user, entered, .. } = *change {
                hold!(self.open.remove(&(user, entered)), "a stay of {user:?} was returned twice");
            }
        }
        let stays = after.slots.iter().filter_map(|slot| Some((slot.user, slot.stay?.entered)));
        hold!(stays.collect::<BTreeSet<_>>() == self.open, "stays begun minus returned: {self:?}");
        Ok(())
    }
}

impl std::fmt::Debug for Stays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.open.fmt(f)
    }
}

/// In force is the size before the step (for what lazy expiry frees) or the one after it, for the
/// room and for each class of its seats.
pub(super) fn no_seat_beyond_capacity(before: &Snapshot, after: &Snapshot) -> Result<(), String> {
    let had: BTreeSet<UserId> = before.slots.iter().map(|slot| slot.user).collect();
    let is_new = |slot: &&SlotImage| !had.contains(&slot.user);
    let capacity = before.header.capacity.max(after.header.capacity) as usize;
    let slots = after.slots.len();
    let was_added = after.slots.iter().any(|slot| is_new(&slot));
    hold!(!was_added || slots <= capacity, "a seat was added: {slots} of {capacity}");
    for class in [Class::Ordinary, Class::Staff] {
        let limit = limit(&before.header, class).max(limit(&after.header, class)) as usize;
        let of_class = after.slots.iter().filter(|slot| slot.class == class);
        let was_added = of_class.clone().any(|slot| is_new(&slot));
        let slots = of_class.count();
        hold!(!was_added || slots <= limit, "a {class:?} seat was added: {slots} of {limit}");
    }
    Ok(())
}

/// Staff seats of a room that was cut below them are all it has.
fn limit(header: &Header, class: Class) -> u32 {
    let staff = header.staff_seats.min(header.capacity);
    match class {
        Class::Ordinary => header.capacity - staff,
        Class::Staff => staff,
    }
}

/// Whoever got an ordinary place in this step left nobody behind who had stood in front.
pub(super) fn nobody_overtakes(before: &Snapshot, after: &Snapshot) -> Result<(), String> {
    let line: BTreeMap<UserId, PlaceNo> =
        before.line.iter().map(|waiter| (waiter.user, waiter.place)).collect();
    let had: BTreeSet<UserId> = before.slots.iter().map(|slot| slot.user).collect();
    let seated = after.slots.iter().filter(|it| it.class == Class::Ordinary);
    for slot in seated.filter(|slot| !had.contains(&slot.user)) {
        let own = line.get(&slot.user).copied().unwrap_or(PlaceNo(u64::MAX));
        let mut behind = after.line.iter().filter(|waiter| line.contains_key(&waiter.user));
        hold!(behind.all(|waiter| own < waiter.place), "{:?} overtook somebody", slot.user);
    }
    Ok(())
}

/// After everything was ended and all time has passed.
pub(super) fn nothing_is_left(after: &Snapshot) -> Result<(), String> {
    let is_empty = after.slots.is_empty() && after.line.is_empty() && after.entering.is_empty();
    hold!(is_empty, "a seat, a waiter or an entry leaks: {after:#?}");
    Ok(())
}
