//! x

pub(crate) mod pages;
