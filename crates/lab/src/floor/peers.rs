//! Who is connected to the floor, who is in which room, and the writes.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use anyhow::Result;
use memchr::memmem;
use rustix::event::epoll::{self, EventData, EventFlags};

use crate::engine::wire;
use crate::floor::answers::Answer;

/// The digits of a `client_id`, as the engine writes them.
const CLIENT_ID: &[u8] = br#""client_id":""#;
const CLIENT_ID_DIGITS: usize = 12;

pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) room: Option<usize>,
    pub(crate) partial: Vec<u8>,
    /// What the socket did not take.
    out: Vec<u8>,
}

#[derive(Default)]
struct Room {
    members: Vec<usize>,
    last_seq: u64,
    /// Frames not yet written to anyone.
    said: Vec<u8>,
}

pub(crate) struct Peers {
    all: Vec<Option<Peer>>,
    free: Vec<usize>,
    /// Removed in this turn: their numbers are not given out again before it ends.
    dead: Vec<usize>,
    rooms: Vec<Room>,
    spoken_in: Vec<usize>,
    frame_bytes: usize,
    filler: Vec<u8>,
}

impl Peers {
    /// Nobody yet; frames to come are `frame_bytes` long, header included.
    pub(crate) fn new(frame_bytes: usize) -> Self {
        Self {
            all: Vec::new(),
            free: Vec::new(),
            dead: Vec::new(),
            rooms: Vec::new(),
            spoken_in: Vec::new(),
            frame_bytes,
            filler: vec![b'x'; frame_bytes],
        }
    }

    pub(crate) fn get(&mut self, number: usize) -> Option<&mut Peer> {
        self.all.get_mut(number)?.as_mut()
    }

    pub(crate) fn add(&mut self, epoll: &OwnedFd, stream: TcpStream) -> Result<()> {
        let number = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            self.all.len() - 1
        });
        epoll::add(epoll, &stream, EventData::new_u64(number as u64), EventFlags::IN)?;
        let peer = Peer { stream, room: None, partial: Vec::new(), out: Vec::new() };
        self.all[number] = Some(peer);
        Ok(())
    }

    pub(crate) fn remove(&mut self, number: usize) {
        let Some(peer) = self.all[number].take() else { return };
        if let Some(room) = peer.room {
            self.rooms[room].members.retain(|&member| member != number);
        }
        self.dead.push(number);
    }

    /// Ends a turn: no event of it can name the dead any more.
    pub(crate) fn bury(&mut self) {
        self.free.append(&mut self.dead);
    }

    pub(crate) fn keep(&mut self, number: usize, rest: &[u8]) {
        if let Some(peer) = self.get(number) {
            peer.partial.extend_from_slice(rest);
        }
    }

    /// The number of the room that an answer makes.
    pub(crate) fn room_for(&mut self, answer: &Answer) -> usize {
        if matches!(answer, Answer::Room) {
            self.rooms.push(Room::default());
        }
        self.rooms.len().saturating_sub(1)
    }

    pub(crate) fn seat(&mut self, number: usize, room: usize) {
        if room < self.rooms.len()
            && let Some(peer) = self.get(number)
        {
            peer.room = Some(room);
            self.rooms[room].members.push(number);
        }
    }

    /// Encodes what `number` says for its room.
    pub(crate) fn say(&mut self, number: usize, payload: &[u8]) {
        let Some(index) = self.get(number).and_then(|peer| peer.room) else { return };
        let Some(at) = memmem::find(payload, CLIENT_ID) else { return };
        let start = at + CLIENT_ID.len();
        let id = payload.get(start..start + CLIENT_ID_DIGITS).unwrap_or_default();
        let room = &mut self.rooms[index];
        room.last_seq += 1;
        let head = format!(r#"{{"type":"message","seq":{},"client_id":""#, room.last_seq);
        let tail = r#""}"#;
        let middle = r#"","content":""#;
        let used = head.len() + id.len() + middle.len() + tail.len();
        // Frames of a bench are longer than 125 bytes: their header takes four.
        let filler = self.frame_bytes.saturating_sub(4 + used);
        let text =
            [head.as_bytes(), id, middle.as_bytes(), &self.filler[..filler], tail.as_bytes()];
        if room.said.is_empty() {
            self.spoken_in.push(index);
        }
        wire::put(&mut room.said, wire::TEXT, &text.concat());
    }

    /// Writes to every member of every room what was said there.
    pub(crate) fn publish(&mut self, epoll: &OwnedFd) {
        while let Some(index) = self.spoken_in.pop() {
            let Room { members, said, .. } = &mut self.rooms[index];
            let (members, mut said) = (std::mem::take(members), std::mem::take(said));
            for &member in &members {
                self.write(epoll, member, &said);
            }
            said.clear();
            self.rooms[index].members = members;
            self.rooms[index].said = said;
        }
    }

    /// Writes now, and keeps what the socket does not take.
    pub(crate) fn write(&mut self, epoll: &OwnedFd, number: usize, bytes: &[u8]) {
        let Some(peer) = self.get(number) else { return };
        if !peer.out.is_empty() {
            peer.out.extend_from_slice(bytes);
            return;
        }
        let wrote = match peer.stream.write(bytes) {
            Ok(wrote) => wrote,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            // The hang-up is an event of its own.
            Err(_) => return,
        };
        if wrote < bytes.len() {
            peer.out.extend_from_slice(&bytes[wrote..]);
            watch(epoll, number, peer, EventFlags::IN | EventFlags::OUT);
        }
    }

    pub(crate) fn write_rest(&mut self, epoll: &OwnedFd, number: usize) {
        let Some(peer) = self.get(number) else { return };
        if let Ok(wrote) = peer.stream.write(&peer.out) {
            peer.out.drain(..wrote);
        }
        if peer.out.is_empty() {
            peer.out = Vec::new();
            watch(epoll, number, peer, EventFlags::IN);
        }
    }
}

fn watch(epoll: &OwnedFd, number: usize, peer: &Peer, flags: EventFlags) {
    // It can fail only for a socket that is not watched; every peer's is, from the start.
    let _ = epoll::modify(epoll, &peer.stream, EventData::new_u64(number as u64), flags);
}
