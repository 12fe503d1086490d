//! The client against a real socket peer that follows a script, for what a healthy server would
//! hardly ever do: cut lines, lie about codes, leave gaps, fall silent.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test it serves")]

mod joined;
mod peer;
mod sockjs;
mod steps;
