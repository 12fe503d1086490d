//! Anteroom: a real-time chat server whose rooms keep their capacity.

pub mod accounts;
pub mod clock;
pub mod storage;
pub mod tokens;
