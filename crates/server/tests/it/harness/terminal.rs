//! `anteroom chat` as people run it: between two pipes, or on a terminal of its own.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::fd::OwnedFd;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use tokio::sync::watch;

use super::PASSWORD;
use super::waiting::{PATIENCE, within};

fn chat(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anteroom"));
    command.args(["chat", "--url", url]).args(arguments);
    command.env("TZ", "UTC").env("LC_ALL", "C").env("TERM", "xterm-256color");
    command.env_remove("ANTEROOM_PASSWORD");
    command
}

/// One between two pipes.
pub(crate) struct PipedChat {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: watch::Receiver<Vec<String>>,
    read: usize,
}

impl PipedChat {
    /// Starts one.
    pub(crate) fn start(url: &str, arguments: &[&str]) -> Self {
        let mut command = chat(url, arguments);
        // There is nobody who could be asked.
        command.env("ANTEROOM_PASSWORD", PASSWORD);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, lines) = watch::channel(Vec::new());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("its output is text");
                sender.send_modify(|lines| lines.push(line));
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, lines, read: 0 }
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// Ends its input.
    pub(crate) fn ends_input(&mut self) {
        self.stdin = None;
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// The next line that has this in it; those before it are passed over.
    pub(crate) async fn says(&mut self, part: &str) -> String {
        let told = tokio::time::timeout(PATIENCE, async {
            loop {
                let lines = self.lines.borrow_and_update().clone();
                if let Some(at) = lines[self.read..].iter().position(|line| line.contains(part)) {
                    self.read += at + 1;
                    return lines[self.read - 1].clone();
                }
                if self.lines.changed().await.is_err() {
                    panic!("it ended without {part:?} after {lines:#?}");
                }
            }
        });
        let told = told.await;
        told.unwrap_or_else(|_| panic!("waited in vain for {part:?}; it said {:#?}", self.all()))
    }

    /// Everything it has said.
    pub(crate) fn all(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Its exit status, once it has closed its output.
    pub(crate) async fn exit(&mut self) -> i32 {
        let over = async { while self.lines.changed().await.is_ok() {} };
        within("the end of the program", over).await;
        self.child.wait().expect("it has ended").code().expect("no signal ended it")
    }
}

impl Drop for PipedChat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One on a terminal, and what is to be seen there.
pub(crate) struct TerminalChat {
    child: Child,
    master: File,
    modes_before: Termios,
    screen: Arc<Mutex<vt100::Parser>>,
    changed: watch::Receiver<usize>,
}

/// How large the terminal is.
pub(crate) const COLUMNS: u16 = 40;
const ROWS: u16 = 12;

impl TerminalChat {
    /// Starts one on a terminal of its own.
    pub(crate) fn start(url: &str, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("it opens");
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let name = name.into_string().expect("a plain name");
        let open = || File::options().read(true).write(true).open(&name).expect("its other end");
        tcsetwinsize(&master, size).expect("it has a size");
        let modes_before = tcgetattr(&master).expect("it has modes");
        let mut command = chat(url, arguments);
        command.stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().expect("the program starts");
        drop(command);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let changed = watched(&master, &screen);
        Self { child, master: File::from(master), modes_before, screen, changed }
    }

    /// Presses keys.
    pub(crate) fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes them");
    }

    /// Presses keys and waits until something was drawn for them, be it the same as before.
    pub(crate) async fn draws_for(&mut self, keys: &str) {
        self.changed.borrow_and_update();
        self.types(keys);
        within("something to be drawn", self.changed.changed()).await.expect("it goes on");
    }

    /// Waits until the screen is as wanted.
    pub(crate) async fn shows(&mut self, what: &str, wanted: impl Fn(&Screen) -> bool) -> Screen {
        let waiting = async {
            loop {
                self.changed.borrow_and_update();
                let screen = self.screen();
                if wanted(&screen) {
                    return screen;
                }
                assert!(
                    self.changed.changed().await.is_ok(),
                    "it ended without {what}: {screen:#?}"
                );
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(screen) => screen,
            Err(_) => panic!("waited in vain for {what}: {:#?}", self.screen()),
        }
    }

    /// What is to be seen.
    pub(crate) fn screen(&self) -> Screen {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let rows = screen.rows(0, COLUMNS).map(|row| row.trim_end().to_owned()).collect();
        let (row, column) = screen.cursor_position();
        Screen { rows, cursor: (row.into(), column.into()) }
    }

    /// Its exit status, and whether it left the terminal as it found it.
    pub(crate) async fn exit(&mut self) -> (i32, bool) {
        // Nothing is drawn any more once nobody has the terminal open.
        let over = async { while self.changed.changed().await.is_ok() {} };
        within("the end of the program", over).await;
        let status = self.child.wait().expect("it has ended");
        let modes = tcgetattr(&self.master).expect("it has modes");
        let same = modes.local_modes == self.modes_before.local_modes
            && modes.input_modes == self.modes_before.input_modes
            && modes.output_modes == self.modes_before.output_modes;
        (status.code().expect("no signal ended it"), same)
    }
}

impl Drop for TerminalChat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A moment of a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    pub(crate) rows: Vec<String>,
    /// Row and column.
    pub(crate) cursor: (usize, usize),
}

impl Screen {
    /// Whether some row has this in it.
    pub(crate) fn has(&self, part: &str) -> bool {
        self.rows.iter().any(|row| row.contains(part))
    }

    /// The row that the cursor is on.
    pub(crate) fn foot(&self) -> &str {
        &self.rows[self.cursor.0]
    }
}

/// Reads what the program draws, for as long as it draws.
fn watched(master: &OwnedFd, screen: &Arc<Mutex<vt100::Parser>>) -> watch::Receiver<usize> {
    let (sender, changed) = watch::channel(0);
    let mut drawn = File::from(master.try_clone().expect("one more handle"));
    let screen = Arc::clone(screen);
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        // The last one who has the other end open closes it with an error.
        while let Ok(read @ 1..) = drawn.read(&mut piece) {
            screen.lock().unwrap().process(&piece[..read]);
            sender.send_modify(|count| *count += read);
        }
    });
    changed
}
