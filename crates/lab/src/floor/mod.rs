//! The floor: what the machine takes for the work that no server can leave out.
//!
//! One thread, epoll, no runtime and no storage. It answers the same requests as the server (any
//! name, any ticket), and for each message received it writes one frame to each member of the room:
//! either at once, one write per member and message ([`Mode::Single`]), or, for messages that wait
//! together, one write per member for all of them ([`Mode::Batched`]). It decides nothing, stores
//! nothing and checks nothing; ratios to it say how much a server costs beside the kernel.

mod answers;
mod peers;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use anyhow::Result;
use clap::ValueEnum;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::args::Floor as FloorArgs;
use crate::engine::wire::{self, Frame};
use crate::floor::answers::Answer;
use crate::floor::peers::Peers;

/// The listener among the events; peers count from 0.
const LISTENER: u64 = u64::MAX;
const READ_BYTES: usize = 64 << 10;
const EVENTS: usize = 1024;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// One write per member and message.
    Single,
    /// One write per member for the messages of one turn.
    Batched,
}

/// Listens, says where on stdout, and serves until killed.
pub(crate) fn serve(args: &FloorArgs) -> Result<()> {
    let listener = TcpListener::bind(args.listen)?;
    listener.set_nonblocking(true)?;
    writeln!(std::io::stdout().lock(), "listening on http://{}", listener.local_addr()?)?;
    let mut floor = Floor::new(listener, args)?;
    loop {
        floor.turn()?;
    }
}

/// A batched floor on a thread that lives as long as the process, and its address.
#[cfg(test)]
pub(crate) fn on_a_thread() -> Result<SocketAddr> {
    let args = FloorArgs { listen: any_port(), mode: Mode::Batched, frame_bytes: 300 };
    let listener = TcpListener::bind(args.listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> Result<()> {
        let mut floor = Floor::new(listener, &args)?;
        loop {
            floor.turn()?;
        }
    });
    Ok(address)
}

/// The default address: a free port of the loopback.
pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

struct Floor {
    epoll: OwnedFd,
    listener: TcpListener,
    mode: Mode,
    peers: Peers,
    scratch: Vec<u8>,
    events: Vec<epoll::Event>,
}

impl Floor {
    fn new(listener: TcpListener, args: &FloorArgs) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = epoll::EventData::new_u64(LISTENER);
        epoll::add(&epoll, &listener, data, epoll::EventFlags::IN)?;
        Ok(Self {
            epoll,
            listener,
            mode: args.mode,
            peers: Peers::new(args.frame_bytes),
            scratch: vec![0; READ_BYTES],
            events: Vec::with_capacity(EVENTS),
        })
    }

    /// Everything that waits, once; then what was said in it.
    fn turn(&mut self) -> Result<()> {
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for at in 0..self.events.len() {
            let (which, flags) = (self.events[at].data.u64(), self.events[at].flags);
            if which == LISTENER {
                self.accept()?;
                continue;
            }
            let peer = which as usize;
            if flags.contains(epoll::EventFlags::OUT) {
                self.peers.write_rest(&self.epoll, peer);
            }
            if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP) {
                self.read(peer);
            }
        }
        self.peers.publish(&self.epoll);
        self.peers.bury();
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    self.peers.add(&self.epoll, stream)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read(&mut self, number: usize) {
        let mut scratch = std::mem::take(&mut self.scratch);
        if let Some(peer) = self.peers.get(number) {
            let kept = peer.partial.len();
            scratch.resize(READ_BYTES.max(kept + 4096), 0);
            scratch[..kept].copy_from_slice(&peer.partial);
            peer.partial.clear();
            let in_room = peer.room.is_some();
            match peer.stream.read(&mut scratch[kept..]) {
                Ok(0) => self.peers.remove(number),
                Ok(read) if in_room => self.frames(number, &mut scratch[..kept + read]),
                Ok(read) => self.requests(number, &scratch[..kept + read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    peer.partial.extend_from_slice(&scratch[..kept]);
                }
                Err(_) => self.peers.remove(number),
            }
        }
        self.scratch = scratch;
    }

    fn frames(&mut self, number: usize, bytes: &mut [u8]) {
        let mut start = 0;
        while let Some(frame) = Frame::at_front(&bytes[start..]) {
            let rest = &mut bytes[start..];
            frame.unmask(rest);
            let payload = &rest[frame.payload.clone()];
            if frame.opcode == wire::TEXT && payload.starts_with(br#"{"type":"send""#) {
                self.peers.say(number, payload);
                if self.mode == Mode::Single {
                    self.peers.publish(&self.epoll);
                }
            } else if payload.starts_with(br#"{"type":"leave""#) {
                let mut close = Vec::new();
                wire::put(&mut close, wire::CLOSE, &1000_u16.to_be_bytes());
                self.peers.write(&self.epoll, number, &close);
            } else if frame.opcode == wire::CLOSE {
                self.peers.remove(number);
                return;
            }
            start += frame.end();
        }
        self.peers.keep(number, &bytes[start..]);
    }

    fn requests(&mut self, number: usize, mut bytes: &[u8]) {
        while let Some((answer, used)) = Answer::to(bytes) {
            let room = self.peers.room_for(&answer);
            self.peers.write(&self.epoll, number, &answer.bytes(room));
            if let Answer::Upgrade(room) = answer {
                self.peers.seat(number, room);
            }
            bytes = &bytes[used..];
        }
        self.peers.keep(number, bytes);
    }
}
