//! A terminal that hands every key over as it is pressed, for as long as the value lives.

use std::io::{self, IsTerminal as _, stdin, stdout};

use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};

/// Columns where the terminal does not say.
const COLUMNS: usize = 80;

/// Restores the terminal when it goes, also when the program panics.
pub(super) struct RawMode(Termios);

impl RawMode {
    /// Every key for itself, nothing echoed.
    pub(super) fn keys() -> io::Result<Self> {
        Self::set(|modes| {
            modes.make_raw();
            // What is printed by whatever else still ends its lines as it should.
            modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
        })
    }

    /// Whole lines, nothing echoed; `None` where there is no terminal to echo.
    pub(super) fn quiet() -> Option<Self> {
        let quiet = || Self::set(|modes| modes.local_modes -= LocalModes::ECHO);
        stdin().is_terminal().then(quiet)?.ok()
    }

    fn set(change: impl FnOnce(&mut Termios)) -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut modes = before.clone();
        change(&mut modes);
        tcsetattr(stdin(), OptionalActions::Now, &modes)?;
        Ok(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that has gone cannot be restored.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.0);
    }
}

/// How wide the terminal is.
pub(super) fn columns() -> usize {
    let size = tcgetwinsize(stdout()).map(|size| usize::from(size.ws_col));
    size.ok().filter(|columns| *columns > 0).unwrap_or(COLUMNS)
}
