//! A piece of wire that does what a test tells it: to Redis, to PostgreSQL, to RabbitMQ, or to a node.
//!
//! It can be cut, reset, held, made slow or deaf, chop what it carries into pieces, lose, double and
//! reorder what nodes tell each other over Redis, and stop at a word that is named ([`Catch`]). What is
//! left to chance is drawn from the seed it was given.

mod carrier;
mod published;
mod trap;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::dice::Dice;
use super::waiting::within;
use carrier::{Broken, Carrier};
pub(crate) use trap::Catch;
use trap::Trap;

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
    /// Takes everything and passes nothing on, ever: the line is deaf, and stays open.
    Lose,
    /// Everything comes later, by up to so much.
    Slow(Duration),
    /// Everything comes in small pieces.
    Chop,
    /// So many bytes in a hundredth of a second.
    Drip(usize),
    /// Breaks every line, and takes no new one.
    Cut,
}

/// One direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the server behind.
    Up,
    /// From it.
    Down,
}

/// What holds at the moment.
#[derive(Clone, Copy)]
struct Orders {
    up: Wires,
    down: Wires,
    /// How often all lines that there were have been reset.
    resets: usize,
}

impl Orders {
    fn of(self, way: Way) -> Wires {
        match way {
            Way::Up => self.up,
            Way::Down => self.down,
        }
    }
}

/// A wire to one server. Goes with the test's runtime.
pub(crate) struct Relay {
    address: SocketAddr,
    orders: watch::Sender<Orders>,
    shared: Arc<Shared>,
}

/// What all lines of a wire know.
struct Shared {
    port: AtomicU16,
    lines: AtomicUsize,
    garbled: AtomicUsize,
    trap: Mutex<Option<Trap>>,
    dice: Mutex<Dice>,
}

impl Relay {
    /// A wire to the server at that port, which passes everything on.
    pub(crate) async fn to(port: u16) -> Self {
        Self::seeded(port, Dice::new(u64::from(port))).await
    }

    /// The same, with chances of its own.
    pub(crate) async fn seeded(port: u16, dice: Dice) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pass = Orders { up: Wires::Pass, down: Wires::Pass, resets: 0 };
        let orders = watch::Sender::new(pass);
        let shared = Arc::new(Shared {
            port: port.into(),
            lines: AtomicUsize::new(0),
            garbled: AtomicUsize::new(0),
            trap: Mutex::new(None),
            dice: Mutex::new(dice),
        });
        tokio::spawn(accept(listener, orders.subscribe(), Arc::clone(&shared)));
        Self { address, orders, shared }
    }

    /// Where the wire begins.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// New lines lead to this port from now on.
    pub(crate) fn turn_to(&self, port: u16) {
        self.shared.port.store(port, Ordering::Relaxed);
    }

    /// From now on it does this, both ways.
    pub(crate) fn now(&self, order: Wires) {
        self.orders.send_modify(|it| (it.up, it.down) = (order, order));
    }

    /// From now on it does this in one direction.
    pub(crate) fn one_way(&self, way: Way, order: Wires) {
        self.orders.send_modify(|it| match way {
            Way::Up => it.up = order,
            Way::Down => it.down = order,
        });
    }

    /// Resets every line that there is; new ones pass.
    pub(crate) fn reset(&self) {
        self.orders.send_modify(|it| it.resets += 1);
    }

    /// How many things it has lost, doubled or reordered.
    pub(crate) fn garbled(&self) -> usize {
        self.shared.garbled.load(Ordering::Relaxed)
    }

    /// Waits for that to pass on one line, and stops this line there and then: nothing more passes on it,
    /// either way, before [`Relay::let_go`] or its end.
    pub(crate) fn stop_at(&self, catch: Catch) -> impl Future<Output = ()> + use<> {
        let (trap, mut sprung) = Trap::new(catch);
        *self.shared.trap.lock().unwrap() = Some(trap);
        async move {
            within("what the wire was told to stop at", sprung.wait_for(|it| *it)).await.unwrap();
        }
    }

    /// The line that was stopped goes on, and passes what it kept.
    pub(crate) fn let_go(&self) {
        *self.shared.trap.lock().unwrap() = None;
        // Whoever is stopped looks again.
        self.orders.send_modify(|_| {});
    }
}

async fn accept(listener: TcpListener, orders: watch::Receiver<Orders>, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.lines.fetch_add(1, Ordering::Relaxed);
        if orders.borrow().up == Wires::Cut {
            continue;
        }
        let port = shared.port.load(Ordering::Relaxed);
        // Nobody behind: the line ends.
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
        tokio::spawn(pass(number, (client, server), (orders.clone(), Arc::clone(&shared))));
    }
}

/// Carries one line, both ways, to its end.
async fn pass(
    number: usize,
    (mut client, mut server): (TcpStream, TcpStream),
    (orders, shared): (watch::Receiver<Orders>, Arc<Shared>),
) {
    for end in [&client, &server] {
        let _ = end.set_nodelay(true);
    }
    let (up, back) = client.split();
    let (down, there) = server.split();
    let upward = Carrier::new(Way::Up, number, (&orders, &shared));
    let downward = Carrier::new(Way::Down, number, (&orders, &shared));
    // A direction that has ended in order leaves the other open, as TCP does.
    let ended = tokio::try_join!(upward.carry(up, there), downward.carry(down, back));
    if let Err(Broken::Reset) = ended {
        // Told to both ends as a reset, when they are dropped.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}
