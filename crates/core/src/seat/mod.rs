//! The ledger of one room: who has a seat, until when, and who may change it.
//!
//! A [`Room`] is the atomic unit. Its occupancy is the size of the set of slots; no counter exists.
//! A [`Slot`] is one user's place, whatever the user has there: a reservation, live parts (one for
//! each session) or a held part. It exists exactly as long as one of them does, so giving a seat
//! back twice cannot be written down.
//!
//! Every step takes a [`Step`]: the time, the policy values, and a journal of [`Change`]s. A step
//! first ends what is due, then checks its guards, then acts, and last offers every free place to
//! the line. A refused step changes nothing of its own.
//!
//! An entry: [`Room::reserve`] → [`Room::connecting`] → [`Room::confirm`] → the caller persists and
//! registers → [`Room::settle_entry`], or [`Room::abort`] which puts back what was replaced.
//!
//! Read on in `slot`, `sitting`, `resume`, `room`, then the steps: `reserve`, `entry`, `leave`,
//! `waiting`, `expire`. Not known here: tickets and their keys, passwords and bans, quotas across
//! rooms, and what any refusal looks like on the wire.

mod change;
mod check;
mod entry;
mod expire;
mod index;
mod leave;
mod line;
mod permit;
mod reserve;
mod resume;
mod rival;
mod room;
mod sitting;
mod slot;
mod snapshot;
mod streams;
mod terms;
mod view;
mod waiting;

#[cfg(test)]
mod tests;

pub use change::{Change, CloseCause, End, Entry, ExpiredOutcome, WaiterEnd};
pub use entry::{Claim, ConfirmRefusal, Confirmed};
pub use leave::{BadCapacity, Closed, PartRef, Parting};
pub use line::{PlaceNo, Waiter};
pub use permit::Class;
pub use reserve::{Ask, PartyRefusal, ReserveRefusal, Reserved};
pub use resume::ResumeMatch;
pub use rival::{Rival, RivalClaim};
pub use room::{Lifetime, Room, RoomSize, RoomSpec, RoomState};
pub use sitting::{Held, Part, Sitting};
pub use slot::{Reservation, Slot, SlotState, Stay};
pub use snapshot::{Elsewhere, EntryImage, Header, SlotImage, Snapshot};
pub use streams::Streams;
pub use terms::{Arrivals, SessionPolicy, Step, Terms};
pub use view::{Member, Seats, StaffSeats};
pub use waiting::{Attachment, Position, WaitRefusal, Waiting};
