//! The client against a real socket peer that follows a script, for what a healthy server would
//! hardly ever do: cut lines, lie about codes, leave gaps, fall silent.

mod joined;
mod peer;
mod steps;
