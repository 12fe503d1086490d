//! Scenarios of heavy load, on the [engine](crate::engine). They work against the server and against
//! the [floor](crate::floor) alike.

pub(crate) mod fanout;
pub(crate) mod idle;
pub(crate) mod joins;
pub(crate) mod load;
pub(crate) mod presence;
pub(crate) mod refused;
pub(crate) mod slow;

#[cfg(test)]
mod tests;
