//! x

pub mod ws;
