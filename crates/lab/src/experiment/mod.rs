//! `experiment admission`: the seat strategies under the same load, beside baselines that show what the checks
//! can see.

pub(crate) mod data;
pub(crate) mod table;
