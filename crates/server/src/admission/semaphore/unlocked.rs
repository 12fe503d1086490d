//! What this strategy must not be: it looks, lets others go on, and then acts on what it saw.
//!
//! Only a mutant comes here ([`Mutant::B09CheckedThenActed`]), the test that shows that the schedules would
//! convict it, and the baselines of the experiment (`admission/baselines`).
//!
//! [`Mutant::B09CheckedThenActed`]: anteroom_core::mutants::Mutant::B09CheckedThenActed

use anteroom_core::ids::RoomId;
use anteroom_core::seat::{Ask, ReserveRefusal, Reserved, RoomSize, Seats};

use super::Semaphore;
use crate::admission::{Journal, Refusal};

impl Semaphore {
    /// Reserves in two steps, with `gap` between them.
    pub(in crate::admission) async fn check_then_act(
        &self,
        room: RoomId,
        ask: Ask,
        journal: &mut Journal,
        gap: impl Future<Output = ()> + Send,
    ) -> Result<Reserved, Refusal> {
        let seen = self.look(room, |ledger| ledger.seats()).ok_or(Refusal::NoRoom)?;
        gap.await;
        let taken = |seats: Seats| seats.occupied + seats.reserved + seats.held;
        let answer = self.step(room, journal, |ledger, step| {
            let believed = taken(ledger.seats()) + u32::from(seen.free > 0);
            let staff_seats = seen.staff.map_or(0, |staff| staff.capacity);
            let of = |capacity| RoomSize { capacity, staff_seats };
            let widened = ledger.set_capacity(step, of(believed.max(seen.capacity)));
            let answer = ledger.reserve(step, &ask);
            let narrowed = ledger.set_capacity(step, of(seen.capacity));
            (widened.is_ok() && narrowed.is_ok()).then_some(answer)
        });
        answer.flatten().unwrap_or(Err(ReserveRefusal::Gone)).map_err(Refusal::from)
    }
}
