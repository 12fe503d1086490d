//! A piece of wire between a store and its server: it can lose the answer of a commit, fall silent, or be
//! cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes everything on, unless it is told otherwise.
pub(crate) struct Wire {
    state: Arc<State>,
    /// How often the lines of before were silenced.
    silenced: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    loses_commit: AtomicBool,
    is_cut: AtomicBool,
    lines: AtomicUsize,
}

impl Wire {
    /// A wire to the server of this address.
    pub(crate) async fn to(url: &str) -> (Self, String) {
        let host = url.split('@').nth(1).and_then(|it| it.split('/').next()).unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (silenced, silence) = watch::channel(0);
        let (of_lines, server) = (Arc::clone(&state), host.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                of_lines.lines.fetch_add(1, Ordering::SeqCst);
                if of_lines.is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(&server).await.unwrap();
                let mut silence = silence.clone();
                silence.mark_unchanged();
                tokio::spawn(pass((client, server), Arc::clone(&of_lines), silence));
            }
        });
        let through = url.replace(&host, &address.to_string());
        (Self { state, silenced }, through)
    }

    /// The next commit arrives, and its answer does not.
    pub(crate) fn lose_next_commit(&self) {
        self.state.loses_commit.store(true, Ordering::SeqCst);
    }

    /// The lines that there are stay open, and nothing comes through any more; new ones work.
    pub(crate) fn silence(&self) {
        self.silenced.send_modify(|times| *times += 1);
    }

    /// From now on every new line ends at once, or no longer.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.state.is_cut.store(is_cut, Ordering::SeqCst);
    }

    /// How many lines were made so far.
    pub(crate) fn lines(&self) -> usize {
        self.state.lines.load(Ordering::SeqCst)
    }
}

async fn pass(
    (mut client, mut server): (TcpStream, TcpStream),
    state: Arc<State>,
    mut silence: watch::Receiver<usize>,
) {
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let count = read.unwrap_or(0);
                let has_commit = up[..count].windows(6).any(|six| six == b"COMMIT");
                if count == 0 || server.write_all(&up[..count]).await.is_err() {
                    return;
                }
                if has_commit && state.loses_commit.swap(false, Ordering::SeqCst) {
                    // The answer is there, so it is done; and nobody hears of it.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let count = read.unwrap_or(0);
                if count == 0 || client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
            said = silence.changed() => {
                if said.is_ok() {
                    std::future::pending::<()>().await;
                }
                return;
            }
        }
    }
}
