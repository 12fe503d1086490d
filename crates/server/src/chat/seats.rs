//! A room's seats in one line of text: `●●●◐○○ 3/6 · 1 waiting`.

use anteroom_client::protocol::room::Seats;

use super::words::{Words, fill};

/// Rooms with more seats are told in numbers alone.
const DRAWN_MAX: u32 = 24;

/// The picture and the numbers.
pub(super) fn seats_line(seats: &Seats, words: &Words) -> String {
    let mut parts = vec![taken(seats)];
    let counted = [
        (seats.reserved, words.seats_reserved),
        (seats.held, words.seats_held),
        (seats.waiting, words.seats_waiting),
    ];
    for (count, text) in counted.into_iter().filter(|(count, _)| *count > 0) {
        parts.push(fill(text, &[("n", &count.to_string())]));
    }
    let told = parts.join(" · ");
    match picture(seats) {
        Some(picture) => format!("{picture} {told}"),
        None => told,
    }
}

/// `3/6`: who sits, or is expected back, of all seats.
pub(super) fn taken(seats: &Seats) -> String {
    format!("{}/{}", seats.occupied + seats.held, seats.capacity)
}

/// One mark for each seat: taken, kept for somebody who comes back, reserved, free.
fn picture(seats: &Seats) -> Option<String> {
    let marked = seats.occupied + seats.held + seats.reserved;
    // After its capacity was lowered a room has more people than seats; all are drawn.
    let drawn = seats.capacity.max(marked);
    let mark = |(count, mark): (u32, &str)| mark.repeat(count as usize);
    let marks = [
        (seats.occupied, "●"),
        (seats.held, "◐"),
        (seats.reserved, "◌"),
        (drawn - marked.min(drawn), "○"),
    ];
    (drawn <= DRAWN_MAX).then(|| marks.map(mark).concat())
}

#[cfg(test)]
mod tests {
    use super::super::words::{EN, KO};
    use super::*;

    #[test]
    fn seats_are_drawn_and_counted() {
        let mut seats = Seats { capacity: 6, occupied: 3, held: 1, free: 2, ..Seats::default() };
        assert_eq!(seats_line(&seats, &EN), "●●●◐○○ 4/6 · 1 kept for who comes back");
        seats = Seats { capacity: 6, occupied: 5, reserved: 1, waiting: 2, ..Seats::default() };
        assert_eq!(seats_line(&seats, &EN), "●●●●●◌ 5/6 · 1 reserved · 2 waiting");
        assert_eq!(seats_line(&seats, &KO), "●●●●●◌ 5/6 · 1석 예약됨 · 2명 대기 중");
    }

    #[test]
    fn large_rooms_are_numbers_and_shrunk_ones_show_everybody() {
        let seats = Seats { capacity: 300, occupied: 12, free: 288, ..Seats::default() };
        assert_eq!(seats_line(&seats, &EN), "12/300");
        let shrunk = Seats { capacity: 2, occupied: 3, ..Seats::default() };
        assert_eq!(seats_line(&shrunk, &EN), "●●● 3/2");
    }
}
