//! What can be asked of the lab on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use serde::Serialize;

use crate::experiment::Experiment;
use crate::floor;

/// Load and checks for an Anteroom server.
#[derive(Parser)]
#[command(name = "anteroom-lab", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
}

#[derive(Subcommand)]
pub(crate) enum Scenario {
    /// Fill one room, send messages, and check that everyone got each once and in order.
    Hold(Hold),
    /// Let many users reserve few seats at the same instant; exactly the seats may be granted.
    Storm(Storm),
    /// Reserve, connect and leave, over and over.
    Churn(Churn),
    /// Let two users fight for one seat, over and over; exactly one may win each time.
    Duel(Duel),
    /// Present forged tickets and stale secrets, over and over; nothing may open or change.
    Forge(Forge),
    /// Let many wait for few seats, and free one after the other: each goes to the head of the line.
    Line(Line),
    /// Fill rooms and measure what a delivery costs and how long it takes.
    Fanout(Fanout),
    /// Reserve, connect and leave, over and over, on as many lanes as `--concurrency`.
    Joins(Joins),
    /// Ask for a seat in a full room, over and over.
    Refused(Refused),
    /// Sit and say nothing.
    Idle(Idle),
    /// Fill a room in which some read slowly, not at all, or break the line.
    Slow(Slow),
    /// Let many come to and leave a room in which many sit; what those are told of it, and its price.
    Presence(Presence),
    /// Compare the seat strategies on servers that are started for it.
    Experiment {
        #[command(subcommand)]
        which: Experiment,
    },
    /// Not a scenario: serve as the floor that servers are measured against.
    Floor(Floor),
}

/// What every scenario needs.
#[derive(clap::Args, Clone, Serialize)]
pub(crate) struct Common {
    /// Address of the server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// Process id of the server, to account for its CPU and memory.
    #[arg(long)]
    pub(crate) server_pid: Option<u32>,
    /// Entries under way at the same time.
    #[arg(long, default_value_t = 64)]
    pub(crate) concurrency: usize,
    /// Also write the report to this file as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Hold {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many enter.
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,
    /// Seats of the room; as many as members when absent.
    #[arg(long)]
    pub(crate) room_capacity: Option<usize>,
    /// Messages to send once all sit.
    #[arg(long, default_value_t = 100)]
    pub(crate) messages: usize,
    /// Messages per second.
    #[arg(long, default_value_t = 20.0)]
    pub(crate) rate: f64,
    /// How many members take turns in sending.
    #[arg(long, default_value_t = 10)]
    pub(crate) senders: usize,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Storm {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Seats of the room.
    #[arg(long, default_value_t = 100)]
    pub(crate) capacity: usize,
    /// Users who reserve at the same instant.
    #[arg(long, default_value_t = 1000)]
    pub(crate) users: usize,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Churn {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many come and go side by side.
    #[arg(long, default_value_t = 50)]
    pub(crate) members: usize,
    /// How often each.
    #[arg(long, default_value_t = 20)]
    pub(crate) cycles: usize,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Duel {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many duels in all.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) duels: usize,
    /// Rooms in which they are fought side by side.
    #[arg(long, default_value_t = 8)]
    pub(crate) lanes: usize,
    /// Every how many duels the winner takes the seat and leaves it, instead of giving the
    /// reservation back; 0 for never.
    #[arg(long, default_value_t = 50)]
    pub(crate) seated_every: usize,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Forge {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many attempts, half of them forged tickets, half stale secrets.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) attempts: usize,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Line {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Seats of the room.
    #[arg(long, default_value_t = 100)]
    pub(crate) capacity: usize,
    /// Users who wait.
    #[arg(long, default_value_t = 1000)]
    pub(crate) waiters: usize,
    /// How many of a hundred leave the line.
    #[arg(long, default_value_t = 10)]
    pub(crate) leave: usize,
    /// How many of a hundred vanish without a word.
    #[arg(long, default_value_t = 10)]
    pub(crate) vanish: usize,
    /// Seats to free.
    #[arg(long, default_value_t = 500)]
    pub(crate) freed: usize,
    /// Seats freed per second.
    #[arg(long, default_value_t = 50.0)]
    pub(crate) rate: f64,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Fanout {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many rooms.
    #[arg(long, default_value_t = 1)]
    pub(crate) rooms: usize,
    /// Members of each room.
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,
    /// How many members of a room take turns in sending.
    #[arg(long, default_value_t = 8)]
    pub(crate) senders: usize,
    /// Messages outstanding in all rooms together, in a closed loop.
    #[arg(long, default_value_t = 8)]
    pub(crate) window: usize,
    /// An open loop instead, of this many deliveries per second.
    #[arg(long)]
    pub(crate) deliveries_per_second: Option<f64>,
    /// Seconds before the measurement.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warm_up: f64,
    /// Seconds of the measurement.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// The server is the floor, which sends no acks.
    #[arg(long)]
    pub(crate) floor: bool,
    /// Address of another node of the same deployment: members sit on all of them in turn.
    #[arg(long)]
    pub(crate) node: Vec<String>,
    /// Process id of something whose CPU counts too, such as another node or the bus.
    #[arg(long)]
    pub(crate) pid: Vec<u32>,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Joins {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Say something and hear it before leaving; every eighth breaks the line instead of leaving.
    #[arg(long)]
    pub(crate) chat: bool,
    /// Seconds before the measurement.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warm_up: f64,
    /// Seconds of the measurement.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
    /// The server is the floor, which counts no seats.
    #[arg(long)]
    pub(crate) floor: bool,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Refused {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Seconds before the measurement.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warm_up: f64,
    /// Seconds of the measurement.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Idle {
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many rooms.
    #[arg(long, default_value_t = 10)]
    pub(crate) rooms: usize,
    /// Members of each room.
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,
    /// Seconds to sit once all is quiet.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Slow {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Members of the room; one in ten of them reads slowly.
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,
    /// How many members take turns in sending.
    #[arg(long, default_value_t = 8)]
    pub(crate) senders: usize,
    /// Messages outstanding.
    #[arg(long, default_value_t = 32)]
    pub(crate) window: usize,
    /// Content of a message in bytes: the kernel keeps megabytes for each reader before a server can
    /// tell that one is slow.
    #[arg(long, default_value_t = 3000)]
    pub(crate) content_bytes: usize,
    /// Seconds of load, first without those who read slowly, then with them.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Presence {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Members of the room.
    #[arg(long, default_value_t = 1000)]
    pub(crate) members: usize,
    /// How many come, and leave again.
    #[arg(long, default_value_t = 1000)]
    pub(crate) visits: usize,
}

#[derive(clap::Args, Serialize)]
pub(crate) struct Floor {
    /// Where to listen; the address is told on stdout as the server tells it.
    #[arg(long, default_value_t = floor::any_port())]
    pub(crate) listen: SocketAddr,
    /// How messages travel.
    #[arg(long, value_enum, default_value = "batched")]
    pub(crate) mode: floor::Mode,
    /// Length of each `message` frame, header included.
    #[arg(long, default_value_t = 400)]
    pub(crate) frame_bytes: usize,
}

impl Scenario {
    /// What every scenario needs; the floor is none, and the experiment starts its own servers.
    pub(crate) fn common(&self) -> Option<&Common> {
        Some(match self {
            Self::Hold(hold) => &hold.common,
            Self::Storm(storm) => &storm.common,
            Self::Churn(churn) => &churn.common,
            Self::Duel(duel) => &duel.common,
            Self::Forge(forge) => &forge.common,
            Self::Line(line) => &line.common,
            Self::Fanout(fanout) => &fanout.common,
            Self::Joins(joins) => &joins.common,
            Self::Refused(refused) => &refused.common,
            Self::Idle(idle) => &idle.common,
            Self::Slow(slow) => &slow.common,
            Self::Presence(presence) => &presence.common,
            Self::Experiment { .. } | Self::Floor(_) => return None,
        })
    }
}
