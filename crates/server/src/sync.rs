//! The locks of those parts whose every interleaving is looked at.
//!
//! Under the feature `schedules` they are locks of a checker that decides at each of them which thread
//! goes on; otherwise they are the standard library's and nothing else.

#[cfg(not(feature = "schedules"))]
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock};

#[cfg(feature = "schedules")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock};
