//! A piece of wire between a node and the server of the bus that can be cut, held, or made to lose, double and reorder what
//! the nodes tell each other.

use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wires {
    /// Passes everything on.
    Pass,
    /// Of every seven published things that come down, it loses one, doubles one, and lets one come after
    /// its successor.
    Garble,
    /// Passes nothing on and keeps it, with the lines open.
    Hold,
    /// Breaks every line, and takes no new one.
    Cut,
}

/// A wire to one server. Goes with the test's runtime.
pub(crate) struct Relay {
    address: SocketAddr,
    order: watch::Sender<Wires>,
    garbled: Arc<AtomicUsize>,
}

impl Relay {
    /// A wire to the server at that port, which passes everything on.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (order, orders) = watch::channel(Wires::Pass);
        let garbled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&garbled);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *orders.borrow() == Wires::Cut {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (up, back) = client.into_split();
                let (down, there) = server.into_split();
                let upward = Carrier::new(&orders, &count, false).carry(up, there);
                let downward = Carrier::new(&orders, &count, true).carry(down, back);
                tokio::spawn(async {
                    tokio::select! {
                        () = upward => {}
                        () = downward => {}
                    }
                });
            }
        });
        Self { address, order, garbled }
    }

    /// Where the wire begins.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it does this.
    pub(crate) fn now(&self, order: Wires) {
        self.order.send_replace(order);
    }

    /// How many things it has lost, doubled or reordered.
    pub(crate) fn garbled(&self) -> usize {
        self.garbled.load(Ordering::Relaxed)
    }
}

/// One direction of one line.
struct Carrier {
    order: watch::Receiver<Wires>,
    garbled: Arc<AtomicUsize>,
    is_down: bool,
    waiting: BytesMut,
    late: BytesMut,
    published: usize,
}

impl Carrier {
    fn new(order: &watch::Receiver<Wires>, garbled: &Arc<AtomicUsize>, is_down: bool) -> Self {
        let (order, garbled) = (order.clone(), Arc::clone(garbled));
        let (waiting, late) = (BytesMut::new(), BytesMut::new());
        Self { order, garbled, is_down, waiting, late, published: 0 }
    }

    async fn carry(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        loop {
            let mut orders = self.order.clone();
            tokio::select! {
                read = from.read_buf(&mut self.waiting) => if read.unwrap_or(0) == 0 { return },
                _ = orders.wait_for(|it| *it == Wires::Cut) => return,
            }
            let order = orders.wait_for(|it| *it != Wires::Hold).await.map_or(Wires::Cut, |it| *it);
            let passed = match order {
                Wires::Cut => return,
                Wires::Garble if self.is_down => self.garble(),
                _ => self.all(),
            };
            if to.write_all(&passed).await.is_err() {
                return;
            }
        }
    }

    fn all(&mut self) -> BytesMut {
        let mut passed = mem::take(&mut self.waiting);
        passed.unsplit(mem::take(&mut self.late));
        passed
    }

    fn garble(&mut self) -> BytesMut {
        let mut passed = BytesMut::new();
        while let Some((length, is_published)) = first(&self.waiting) {
            let value = self.waiting.split_to(length);
            if !is_published {
                passed.extend_from_slice(&value);
                continue;
            }
            self.published += 1;
            let turn = self.published % 7;
            self.garbled.fetch_add(usize::from([2, 4, 6].contains(&turn)), Ordering::Relaxed);
            match turn {
                2 => {}
                4 => passed.extend_from_slice(&[value.clone(), value].concat()),
                6 => self.late = value,
                _ => {
                    passed.extend_from_slice(&value);
                    passed.extend_from_slice(&mem::take(&mut self.late));
                }
            }
        }
        passed
    }
}

/// The length of the first thing, if all of it is there, and whether it is something published. A frame of
/// RabbitMQ's protocol begins with a small number, a value of Redis' with a sign.
fn first(bytes: &[u8]) -> Option<(usize, bool)> {
    if *bytes.first()? > 8 {
        let length = whole(bytes)?;
        return Some((length, bytes[..length].starts_with(b"*3\r\n$7\r\nmessage\r\n")));
    }
    let method = frame(bytes)?;
    // Class 60, method 60: a delivery; a header with the length of its body follows, and the body.
    let is_published = bytes[0] == 1 && bytes[7..method].starts_with(&[0, 60, 0, 60]);
    if !is_published {
        return Some((method, false));
    }
    let mut at = method + frame(&bytes[method..])?;
    let length =
        bytes[method + 11..method + 19].iter().fold(0, |sum, it| sum << 8 | usize::from(*it));
    let mut carried = 0;
    while carried < length {
        let body = frame(&bytes[at..])?;
        (at, carried) = (at + body, carried + body - 8);
    }
    Some((at, true))
}

/// The length of the first frame of RabbitMQ's protocol, if all of it is there.
fn frame(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(3..7)?.iter().fold(0, |sum, it| sum << 8 | usize::from(*it));
    (bytes.len() >= length + 8).then_some(length + 8)
}

/// The length of the first value of Redis' protocol, if all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(2).position(|it| it == b"\r\n")? + 2;
    let count = || std::str::from_utf8(&bytes[1..end - 2]).unwrap().parse::<usize>().unwrap_or(0);
    let length = match bytes[0] {
        b'$' if bytes[1] == b'-' => end,
        b'$' => end + count() + 2,
        b'*' => {
            let mut at = end;
            for _ in 0..count() {
                at += whole(&bytes[at..])?;
            }
            at
        }
        _ => end,
    };
    (bytes.len() >= length).then_some(length)
}
