//! The seats of a room as a page shows them: a sentence and a picture.
//!
//! Small rooms are drawn seat by seat, larger ones as a bar. The script in `assets/seats.js` draws
//! the same picture from the same numbers when they change.

use super::texts::{Texts, fill};

/// Rooms of up to this many seats are drawn seat by seat.
const DRAWN_SEATS_MAX: u32 = 60;

/// Live counts, as in the API's `seats`. All are numbers of seats but `waiting`: people in line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seats {
    pub(crate) capacity: u32,
    pub(crate) occupied: u32,
    pub(crate) reserved: u32,
    pub(crate) held: u32,
    pub(crate) waiting: u32,
    /// Places nobody has and only staff may take.
    pub(crate) staff_free: u32,
}

/// One stretch of the bar, in percent of its length.
pub(crate) struct Stretch {
    pub(crate) class: &'static str,
    pub(crate) start: f64,
    pub(crate) length: f64,
}

impl Seats {
    /// Places that a newcomer could have; 0 also when a lowered capacity is exceeded.
    pub(crate) fn free(&self) -> u32 {
        self.capacity.saturating_sub(self.occupied + self.reserved + self.held + self.staff_free)
    }

    /// Whether a newcomer would be told `room_full`.
    pub(crate) fn full(&self) -> bool {
        self.free() == 0 || self.waiting > 0
    }

    pub(crate) fn drawn(&self) -> bool {
        self.capacity <= DRAWN_SEATS_MAX
    }

    /// One class per seat: `o`ccupied, `h`eld, `r`eserved, `f`ree, `k`ept for staff.
    pub(crate) fn picture(&self) -> Vec<&'static str> {
        let counts = [
            ("o", self.occupied),
            ("h", self.held),
            ("r", self.reserved),
            ("f", self.free()),
            ("k", self.staff_free),
        ];
        counts
            .into_iter()
            .flat_map(|(class, count)| std::iter::repeat_n(class, count as usize))
            .take(DRAWN_SEATS_MAX as usize)
            .collect()
    }

    /// The stretches from the start; what is kept for staff stands at the end.
    pub(crate) fn bar(&self) -> Vec<Stretch> {
        let taken = self.occupied + self.held + self.reserved;
        let whole = f64::from(self.capacity.max(taken).max(1));
        let mut start = 0.0;
        let counts = [
            ("o", self.occupied),
            ("h", self.held),
            ("r", self.reserved),
            ("f", self.free()),
            ("k", self.staff_free),
        ];
        counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(class, count)| {
                let length = f64::from(count) * 100.0 / whole;
                let stretch = Stretch { class, start, length };
                start += length;
                stretch
            })
            .filter(|stretch| stretch.class != "f")
            .collect()
    }

    /// "7 of 10 seats taken, 1 reserved".
    pub(crate) fn line(&self, texts: &Texts) -> String {
        let main = texts.seats_taken.pick(self.capacity);
        let (occupied, capacity) = (grouped(self.occupied), grouped(self.capacity));
        let mut line = fill(main, &[("occupied", &occupied), ("capacity", &capacity)]);
        let parts = [
            (texts.seats_reserved, self.reserved),
            (texts.seats_held, self.held),
            (texts.seats_staff, self.staff_free),
            (texts.seats_waiting, self.waiting),
        ];
        for (part, count) in parts.into_iter().filter(|(_, count)| *count > 0) {
            line.push_str(texts.seats_join);
            line.push_str(&fill(part, &[("n", &grouped(count))]));
        }
        line
    }
}

/// A number with its thousands set apart, as both languages write it.
pub(crate) fn grouped(n: u32) -> String {
    match n {
        0..1_000 => n.to_string(),
        _ => format!("{},{:03}", grouped(n / 1_000), n % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lang::Lang;
    use super::*;

    #[test]
    fn line_names_only_what_is_there() {
        let seats = Seats { capacity: 10, occupied: 7, reserved: 1, ..Seats::default() };
        assert_eq!(seats.line(Lang::En.texts()), "7 of 10 seats taken, 1 reserved");
        assert_eq!(seats.line(Lang::Ko.texts()), "10석 중 7석 사용 중 · 1석 예약됨");
        let single = Seats { capacity: 1, occupied: 1, ..Seats::default() };
        assert_eq!(single.line(Lang::En.texts()), "1 of 1 seat taken");
    }

    #[test]
    fn picture_has_one_square_per_seat_in_a_fixed_order() {
        let seats = Seats { capacity: 6, occupied: 2, reserved: 1, held: 1, ..Seats::default() };
        assert_eq!(seats.picture(), ["o", "o", "h", "r", "f", "f"]);
        assert!(!seats.full());
        let kept = Seats { staff_free: 2, ..seats };
        assert_eq!(kept.picture(), ["o", "o", "h", "r", "k", "k"]);
        assert!(kept.full(), "what is left is for staff");
    }

    #[test]
    fn a_lowered_capacity_overflows_neither_count_nor_bar() {
        let seats = Seats { capacity: 100, occupied: 140, reserved: 10, ..Seats::default() };
        assert_eq!(seats.free(), 0);
        assert!(seats.full());
        let end: f64 = seats.bar().iter().map(|s| s.length).sum();
        assert!(end <= 100.000_1, "{end}");
    }

    #[test]
    fn a_bar_ends_with_what_is_kept_for_staff() {
        let seats = Seats { capacity: 100, occupied: 40, staff_free: 25, ..Seats::default() };
        let bar: Vec<_> = seats.bar().iter().map(|it| (it.class, it.start, it.length)).collect();
        assert_eq!(bar, [("o", 0.0, 40.0), ("k", 75.0, 25.0)]);
    }

    #[test]
    fn a_room_with_a_line_is_full_for_newcomers() {
        assert!(Seats { capacity: 3, occupied: 2, waiting: 1, ..Seats::default() }.full());
    }
}
