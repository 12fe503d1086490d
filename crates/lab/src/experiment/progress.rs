//! How far a run has come, on standard error: one line that changes where that is a terminal, a line for each
//! subject elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// Cells of the bar.
const WIDTH: usize = 24;

pub(crate) struct Progress {
    blocks: usize,
    done: usize,
    done_before: usize,
    began: Instant,
    lives: bool,
}

impl Progress {
    /// So many blocks in all, of which some were done in an earlier sitting.
    pub(crate) fn new(blocks: usize, done: usize) -> Self {
        Self {
            blocks,
            done,
            done_before: done,
            began: Instant::now(),
            lives: stderr().is_terminal(),
        }
    }

    /// What is being done now.
    pub(crate) fn now(&self, repetition: u32, subject: &str, scenario: &str) {
        if self.lives {
            let line = format!(
                "\r{} repetition {} · {subject} · {scenario}{}\x1b[K",
                self.bar(),
                repetition + 1,
                self.left().map_or_else(String::new, |left| format!(" · {} left", spoken(left)))
            );
            say(&line);
        }
    }

    /// One subject was measured once more.
    pub(crate) fn block_done(&mut self, repetition: u32, subject: &str, took: Duration) {
        self.done += 1;
        if !self.lives {
            let left = self.left().map_or_else(|| "…".to_owned(), spoken);
            say(&format!(
                "{}/{} repetition {} {subject} {:.1} s, {left} left\n",
                self.done,
                self.blocks,
                repetition + 1,
                took.as_secs_f64()
            ));
        }
    }

    /// The line is over.
    pub(crate) fn end(&self) {
        if self.lives {
            say("\r\x1b[K");
        }
    }

    fn bar(&self) -> String {
        let full = WIDTH * self.done / self.blocks.max(1);
        format!("[{}{}] {}/{}", "█".repeat(full), "·".repeat(WIDTH - full), self.done, self.blocks)
    }

    /// As long as the rest takes at the pace of this sitting.
    fn left(&self) -> Option<Duration> {
        let here = self.done - self.done_before;
        let each = self.began.elapsed().checked_div(u32::try_from(here).ok()?)?;
        Some(each * u32::try_from(self.blocks - self.done).ok()?)
    }
}

fn spoken(span: Duration) -> String {
    match span.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

fn say(text: &str) {
    // Nobody may be reading any more.
    let _ = stderr().lock().write_all(text.as_bytes());
    let _ = stderr().lock().flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_this_sitting_alone() {
        let mut progress = Progress::new(10, 8);
        assert_eq!(progress.left(), None);
        progress.began -= Duration::from_secs(30);
        progress.block_done(0, "x", Duration::ZERO);
        let left = progress.left().unwrap().as_secs_f64();
        assert!((29.9..31.0).contains(&left), "{left}");
        assert!(progress.bar().contains("9/10"));
        assert_eq!(spoken(Duration::from_secs(61)), "2 min");
    }
}
