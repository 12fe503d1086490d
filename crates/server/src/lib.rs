//! x

pub mod accounts;
pub mod clock;
pub mod storage;
pub mod tokens;
