//! The pages of rooms: all of them, and one with everybody who has to do with it.

use askama::Template;

use super::paged::{Links, Paged};
use super::views::Someone;
use super::{Desk, When};
use crate::pages::seats::Seats;
use crate::pages::{Page, query_value};

/// One room in the list.
pub(crate) struct RoomRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) seats: Seats,
    pub(crate) has_password: bool,
    pub(crate) is_unlisted: bool,
    pub(crate) is_pending: bool,
}

/// `GET /admin/rooms`: every open room, with its seats.
#[derive(Template)]
#[template(path = "admin/rooms.html")]
pub(crate) struct RoomsView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) query: String,
    pub(crate) rooms: Paged<RoomRow>,
}

impl RoomsView {
    fn pages(&self) -> Links {
        let query = query_value(&self.query);
        let said = (self.desk.a.first_page, self.page.t.more_rooms);
        self.rooms.links(said, |cursor| format!("/admin/rooms?q={query}&cursor={cursor}"))
    }
}

/// How somebody has a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sits {
    Here,
    Held,
    Reserved,
}

/// Somebody with a seat.
pub(crate) struct SeatRow {
    pub(crate) who: Someone,
    pub(crate) sits: Sits,
    /// In the room since, or the seat kept or reserved until.
    pub(crate) when: Option<When>,
    pub(crate) is_owner: bool,
    pub(crate) on_staff_seat: bool,
}

/// Somebody who may not come back.
pub(crate) struct BanRow {
    pub(crate) who: Someone,
    pub(crate) since: When,
}

/// `GET /admin/rooms/{id}`: who has a seat, who waits, who is banned.
#[derive(Template)]
#[template(path = "admin/room.html")]
pub(crate) struct RoomDeskView {
    pub(crate) page: Page,
    pub(crate) desk: Desk,
    pub(crate) room: RoomRow,
    pub(crate) owner: Someone,
    pub(crate) created: When,
    pub(crate) until_empty: bool,
    pub(crate) members: Paged<SeatRow>,
    pub(crate) line: Paged<SeatRow>,
    pub(crate) bans: Paged<BanRow>,
}

impl RoomDeskView {
    fn members_pages(&self) -> Links {
        self.links(&self.members, |it| {
            self.href(it, &self.line.behind, &self.bans.behind, "members")
        })
    }

    fn line_pages(&self) -> Links {
        self.links(&self.line, |it| self.href(&self.members.behind, it, &self.bans.behind, "line"))
    }

    fn bans_pages(&self) -> Links {
        self.links(&self.bans, |it| self.href(&self.members.behind, &self.line.behind, it, "bans"))
    }

    fn links<T>(&self, table: &Paged<T>, href: impl Fn(&str) -> String) -> Links {
        table.links((self.desk.a.first_page, self.desk.a.next_page), href)
    }

    /// This page with each table where its cursor says.
    fn href(&self, members: &str, line: &str, bans: &str, part: &str) -> String {
        let [members, line, bans] = [members, line, bans].map(query_value);
        let here = format!("/admin/rooms/{}", self.room.id);
        format!("{here}?members={members}&line={line}&bans={bans}#{part}")
    }
}
