//! The accept loop: our own, because the usual one leaves silent clients open for ever.
//!
//! A connection that sends no request head in time is closed; the number of connections is bounded;
//! a failing `accept` (descriptors run out) backs off instead of spinning; a stop closes idle
//! connections and lets running requests end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anteroom_core::mutants::{self, Mutant};
use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::extract::{ByCommand, Peer};
use super::tls::Tls;

/// A request head must be complete within this span.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request head, and the read buffer of a connection, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// From now on a connection on which nothing that was sent is taken for so long is ended, whatever is still to be
/// written: the other side is gone, or does not read. Connections inherit it from their listener.
pub(crate) fn end_unread(listener: &TcpListener, after: Duration) {
    if let Err(error) = SockRef::from(listener).set_tcp_user_timeout(Some(after)) {
        tracing::warn!(event = "accept.unbounded", %error, "connections that nobody reads stay open");
    }
}

/// Accepts until `stopping`, which is when requests are no longer taken; connections are spawned on `tasks`.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<Tls>,
    connections_max: usize,
    stopping: CancellationToken,
    tasks: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    loop {
        let accepted = tokio::select! {
            accepted = accept_one(&listener, &places) => accepted,
            () = stopping.cancelled() => return,
        };
        let Some((stream, peer, place)) = accepted else { return };
        let place = Place(Arc::new(Held { _permit: place, cut: Notify::new() }));
        let line =
            Line { router: router.clone(), from: From::Peer(peer, place), tasks: tasks.clone() };
        let stopping = stopping.clone();
        // Chat frames are small and must not wait for each other; a socket without it still works.
        let _ = stream.set_nodelay(true);
        match tls.clone() {
            None => drop(tasks.spawn(connection(stream, line, stopping))),
            Some(tls) => drop(tasks.spawn(async move {
                let shaken = tokio::select! {
                    shaken = tls.shake_hands(stream) => shaken,
                    () = stopping.cancelled() => None,
                };
                if let Some(stream) = shaken {
                    connection(stream, line, stopping).await;
                }
            })),
        }
    }
}

async fn accept_one(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    // Never closed while the loop runs.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return Some((stream, Peer(peer), place)),
            Err(error) => not_accepted(&error).await,
        }
    }
}

/// Says so, and waits a little: what failed would fail again at once.
#[expect(clippy::disallowed_methods, reason = "no event tells when descriptors are free again")]
pub(crate) async fn not_accepted(error: &std::io::Error) {
    tracing::warn!(event = "accept.failed", %error, "a connection was not accepted");
    tokio::time::sleep(ACCEPT_BACKOFF).await;
}

/// One of the connections that may be open at once. Whoever keeps a connection open beyond its
/// requests, as a WebSocket does, keeps this with it.
#[derive(Clone, Debug)]
pub(crate) struct Place(Arc<Held>);

#[derive(Debug)]
struct Held {
    _permit: OwnedSemaphorePermit,
    cut: Notify,
}

impl Place {
    /// Ends the connection, whatever is still to be written: nobody reads it. Not one that was upgraded.
    pub(crate) fn cut(&self) {
        self.0.cut.notify_one();
    }
}

/// What bytes go over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// What the requests of one connection need.
#[derive(Clone)]
struct Line {
    router: Router,
    from: From,
    tasks: TaskTracker,
}

/// Who asks over it.
#[derive(Clone)]
enum From {
    Peer(Peer, Place),
    /// A command on this machine.
    Command,
}

impl Line {
    /// Answers one request. One that changes something runs to its end even when the client hangs up
    /// in the middle: a step that is durable must also reach the seats and sessions it concerns.
    async fn answer(self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let mut request = request.map(Body::new);
        match self.from {
            From::Peer(peer, place) => {
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(place);
            }
            From::Command => {
                request.extensions_mut().insert(ByCommand);
            }
        }
        if request.method().is_safe() || mutants::on(Mutant::B25WorkGoesWithItsCaller) {
            return self.router.oneshot(request).await;
        }
        let answer = self.tasks.spawn(self.router.oneshot(request)).await;
        answer.unwrap_or_else(|_| Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()))
    }
}

/// Resolves when somebody ends the connection.
async fn cut(place: Option<&Place>) {
    match place {
        Some(place) => place.0.cut.notified().await,
        None => std::future::pending().await,
    }
}

/// Answers the commands of one connection on this machine.
pub(crate) async fn operator(stream: UnixStream, router: Router, tasks: TaskTracker) {
    let line = Line { router, from: From::Command, tasks };
    connection(stream, line, CancellationToken::new()).await;
}

/// Serves one connection to its end.
async fn connection(stream: impl Stream, line: Line, stopping: CancellationToken) {
    let place = match &line.from {
        From::Peer(_, place) => Some(place.clone()),
        From::Command => None,
    };
    let service = service_fn(move |request| line.clone().answer(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let served = async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    let ended = tokio::select! {
        ended = served => ended,
        () = cut(place.as_ref()) => return,
    };
    if let Err(error) = ended {
        tracing::debug!(event = "connection.failed", %error, "a connection ended with an error");
    }
}
