//! The Unix socket in the data directory, over which commands speak to this server. Who may open it is decided
//! by the file and by whose process asks: the server's own user, or root.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::App;
use crate::config::Config;
use crate::http;

/// Where it is.
pub(crate) fn socket_of(config: &Config) -> PathBuf {
    config.server.data_dir.join("anteroom.sock")
}

/// Answers commands until `last`. A server without its socket serves all the same, and says so.
pub(super) async fn spawn(
    app: &Arc<App>,
    config: &Config,
    loops: &TaskTracker,
    last: &CancellationToken,
) {
    let path = socket_of(config);
    let listener = match bind(&path).await {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::warn!(event = "control.unavailable", path = %path.display(), %error,
                "commands cannot reach this server");
        }
    };
    let (router, last, tasks) = (http::control_router(app), last.clone(), loops.clone());
    loops.spawn(async move {
        let accepting = async {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) if may(&stream) => {
                        let answered = http::serve::operator(stream, router.clone(), tasks.clone());
                        tasks.spawn(last.clone().run_until_cancelled_owned(answered));
                    }
                    Ok(_) => {}
                    // Descriptors ran out: commands are wanted then more than ever.
                    Err(error) => http::serve::not_accepted(&error).await,
                }
            }
        };
        last.run_until_cancelled(accepting).await;
        // Another life may have put its own there meanwhile: that one would be taken away only if
        // both ran at once on one directory, which the second start refuses.
        let _ = std::fs::remove_file(&path);
    });
}

/// Listens there, in the place of what an earlier life left behind.
async fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if UnixStream::connect(path).await.is_ok() {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            private(UnixListener::bind(path)?, path)
        }
        bound => private(bound?, path),
    }
}

fn private(listener: UnixListener, path: &Path) -> io::Result<UnixListener> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Whoever came before the file was made private is found out here.
fn may(stream: &UnixStream) -> bool {
    let own = geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}
