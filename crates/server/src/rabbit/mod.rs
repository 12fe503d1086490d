//! RabbitMQ as a part of the deployment: the line to it, and everything that stands there.
//!
//! A [`Link`] is one connection, made anew by a task of its own when it broke ([`keeper`]); with each
//! new one everything that must stand on the broker is declared again ([`Topology`]), so that what was
//! deleted there comes back. Callers never wait for a line: while there is none they are refused at once.
//!
//! RabbitMQ stops reading from a connection that publishes while it is short of memory or disk, and with
//! what is published it keeps waiting acknowledgements and bindings. So whoever publishes and whoever
//! consumes have a link each.
//!
//! Nothing that is decided depends on the broker: what it carries is a hint to look at the store, may come
//! twice, late, in another order or never.
//!
//! Knows nothing of what is said over it.

mod broker;
mod consumer;
mod keeper;
mod link;
mod message;
mod socket;
mod topology;

#[cfg(test)]
pub(crate) mod tests;

/// The library that speaks to RabbitMQ, as it names itself in the log.
pub(crate) const LIBRARY: &str = "lapin";

pub(crate) use broker::{Away, Broker, Unfit};
pub(crate) use consumer::{Consumer, Delivery};
pub(crate) use link::Link;
pub(crate) use message::{Message, Outcome};
pub(crate) use topology::{BUS_NEWS, BUS_QUEUE, BUS_ROOMS, DEADLINES, DUE, Life, Topology};
