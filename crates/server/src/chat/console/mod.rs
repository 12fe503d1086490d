//! Where lines come from and go to: a live terminal with a line being typed at its foot, or plain
//! lines in and out. The only module here that reads standard input and writes standard output.

mod editor;
mod keys;
mod raw;

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Read as _, Write as _, stdin, stdout};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};

use super::line::Line;
use editor::{Did, Editor};
use keys::Keys;
use raw::{RawMode, columns};

/// Bytes read at once.
const PIECE: usize = 4096;

/// A terminal or a pipe.
pub(super) struct Console {
    input: Receiver<Vec<u8>>,
    /// Plain input that is not a whole line yet.
    partial: Vec<u8>,
    lines: VecDeque<String>,
    is_over: bool,
    /// Nobody reads what is printed any more.
    is_deaf: bool,
    /// Somebody can be asked.
    is_person: bool,
    live: Option<Live>,
}

/// What a live terminal has more than a pipe.
struct Live {
    editor: Editor,
    keys: Keys,
    prompt: String,
    resized: Signal,
    _raw: RawMode,
}

impl Console {
    /// Opens the terminal, or the plain form where there is none or none is wanted.
    pub(super) fn open(plain: bool) -> io::Result<Self> {
        let is_person = stdin().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let is_live = is_person && stdout().is_terminal() && !plain && !is_dumb;
        let live = is_live.then(Live::open).transpose()?;
        Ok(Self {
            input: read_aside(),
            partial: Vec::new(),
            lines: VecDeque::new(),
            is_over: false,
            is_deaf: false,
            is_person,
            live,
        })
    }

    /// Whether a line is being edited at the foot of a terminal.
    pub(super) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Whether a person sits there, who can be asked.
    pub(super) fn is_person(&self) -> bool {
        self.is_person
    }

    /// Whether whoever read the output has gone.
    pub(super) fn is_deaf(&self) -> bool {
        self.is_deaf
    }

    /// Shows a line above the one that is being typed.
    pub(super) fn say(&mut self, line: &Line) {
        let out = match &self.live {
            Some(live) => format!("\r\x1b[K{}\r\n{}", line.shown(columns()), live.foot()),
            None => format!("{}\n", line.plain()),
        };
        self.write(&out);
    }

    /// Rings, where there is somebody to hear it.
    pub(super) fn ring(&mut self) {
        if self.live.is_some() {
            self.write("\x07");
        }
    }

    /// What stands before the line that is being typed.
    pub(super) fn prompt(&mut self, prompt: impl Into<String>) {
        let prompt = prompt.into();
        if let Some(live) = &mut self.live
            && live.prompt != prompt
        {
            live.prompt = prompt;
            let out = live.foot();
            self.write(&out);
        }
    }

    /// Asks and waits for one line; `None` for nobody there, or one who leaves.
    pub(super) async fn ask(&mut self, question: &str) -> Option<String> {
        self.prompt(question);
        if self.live.is_none() && self.is_person {
            self.write(question);
        }
        let answer = self.line().await;
        self.prompt("");
        answer
    }

    /// The same, for what nobody should see.
    pub(super) async fn ask_secret(&mut self, question: &str) -> Option<String> {
        let quiet = if self.live.is_none() { RawMode::quiet() } else { None };
        if let Some(live) = &mut self.live {
            live.editor.hidden = true;
        }
        let answer = self.ask(question).await;
        if let Some(live) = &mut self.live {
            live.editor.hidden = false;
        }
        if quiet.is_some() {
            self.write("\n");
        }
        answer
    }

    /// The next line; `None` at the end of the input, or when one wants to leave. Cancelling the call
    /// loses nothing.
    pub(super) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.is_over {
                return None;
            }
            let piece = match &mut self.live {
                None => self.input.recv().await,
                Some(live) => tokio::select! {
                    piece = self.input.recv() => piece,
                    _ = live.resized.recv() => Some(Vec::new()),
                },
            };
            self.take(piece);
        }
    }

    fn take(&mut self, piece: Option<Vec<u8>>) {
        match (&mut self.live, piece) {
            (Some(live), Some(piece)) => {
                self.is_over |= live.take(&piece, &mut self.lines);
                let out = live.foot();
                self.write(&out);
            }
            (None, Some(piece)) => {
                self.partial.extend(piece);
                while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.partial.drain(..=end).collect();
                    self.lines.push_back(plain_line(&line));
                }
            }
            (_, None) => {
                if !self.partial.is_empty() {
                    self.lines.push_back(plain_line(&std::mem::take(&mut self.partial)));
                }
                self.is_over = true;
            }
        }
    }

    fn write(&mut self, out: &str) {
        let mut stdout = stdout().lock();
        let written = stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush());
        self.is_deaf |= written.is_err();
    }
}

impl Live {
    fn open() -> io::Result<Self> {
        let raw = RawMode::keys()?;
        let mut out = stdout().lock();
        // A paste is marked, so that its line ends are told from the key.
        out.write_all(b"\x1b[?2004h")?;
        out.flush()?;
        Ok(Self {
            editor: Editor::default(),
            keys: Keys::default(),
            prompt: String::new(),
            resized: signal(SignalKind::window_change())?,
            _raw: raw,
        })
    }

    /// Takes what was typed; whether one wants to leave.
    fn take(&mut self, piece: &[u8], lines: &mut VecDeque<String>) -> bool {
        self.keys.push(piece);
        while let Some(key) = self.keys.next() {
            match self.editor.press(key) {
                Did::Edited => {}
                Did::Line(line) => lines.push_back(line),
                Did::Leave => return true,
            }
        }
        false
    }

    /// The bytes that draw the line being typed, wherever on its row the cursor is.
    fn foot(&self) -> String {
        let (row, column) = self.editor.row(&self.prompt, columns());
        let to = if column > 0 { format!("\x1b[{column}C") } else { String::new() };
        format!("\r\x1b[K{row}\r{to}")
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The row of the line being typed is left empty. A terminal that has gone needs none of it.
        let mut out = stdout().lock();
        let _ = out.write_all(b"\r\x1b[K\x1b[?2004l").and_then(|()| out.flush());
    }
}

/// Standard input, read by a thread: a read of it cannot be called off. It runs one piece ahead at
/// most, and ends with the program.
fn read_aside() -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel(1);
    std::thread::spawn(move || {
        let mut piece = [0; PIECE];
        loop {
            let read = match stdin().lock().read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            if sender.blocking_send(piece[..read].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn plain_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\r', '\n']).to_owned()
}
