//! `experiment admission`: the seat strategies under the same load, beside baselines that show what the checks
//! can see.

pub(crate) mod data;
pub(crate) mod deployment;
pub(crate) mod people;
pub(crate) mod rules;
pub(crate) mod table;
pub(crate) mod together;
pub(crate) mod watch;
