//! A connection whose peer is told what it says, by the same reading, decoding, encoding and closing as a
//! session's: what the suite that tests WebSocket implementations speaks to. Nobody has a seat here, and
//! only the program `anteroom-echo` has it.

use std::sync::Arc;

use anteroom_protocol::CloseCode;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;

use super::connection::upgraded;
use super::decode::Event;
use super::frame;
use super::passage::{Bounds, Connections, Departure};
use super::reading::{Hearer, Reading, linger};
use crate::hub::farewell;
use crate::hub::outbox::{Outbox, Pushed};

/// Says what it hears.
pub(crate) struct Echo {
    outbox: Outbox,
}

impl Echo {
    /// Serves a connection from its upgrade to its end, and keeps `place` as long.
    pub(crate) async fn serve(
        all: Arc<Connections>,
        upgrade: OnUpgrade,
        place: impl Send + 'static,
    ) {
        let Some((stream, unread)) = upgraded(upgrade).await else { return };
        let Bounds { frame_bytes, outbound_bytes, .. } = **all.bounds.load();
        let mut echo = Self { outbox: Outbox::new(stream, outbound_bytes) };
        echo.outbox.open(Vec::new(), 0);
        let departure = Reading::new(&unread, frame_bytes).converse(&mut echo).await;
        echo.outbox.finish(None, departure.last_words().1, false);
        linger(&echo.outbox, departure.has_closed()).await;
        drop(place);
    }

    fn say(&self, frame: Bytes) -> Option<Departure> {
        if self.outbox.push(frame) != Pushed::Overflow {
            return None;
        }
        let code = CloseCode::SlowConsumer;
        self.outbox.finish(Some(code), farewell(code, true), true);
        Some(Departure::Ended(code))
    }
}

impl Hearer for Echo {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Nobody asks whether such a peer is there.
    fn hear(&self) {}

    async fn first_words(&mut self, words: Event) -> Option<Departure> {
        self.event(words)
    }

    fn event(&mut self, event: Event) -> Option<Departure> {
        match event {
            Event::Text(text) => self.say(frame::text(text.as_bytes())),
            Event::Binary(bytes) => self.say(frame::binary(&bytes)),
            Event::Ping(payload) => self.say(frame::pong(&payload)),
            Event::Pong(_) => None,
            Event::Close { code, .. } => Some(Departure::closed(code)),
        }
    }
}
