//! One request to the collector, over a connection of its own: there are few, and a connection that was
//! kept would have to be watched.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::Failure;
use crate::config::Collector;

/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer has to be longer.
const ANSWER_MAX: usize = 64 << 10;

/// The answer to `body`, if it was taken.
pub(super) async fn post(to: &Collector, body: Bytes) -> Result<Bytes, Failure> {
    match timeout(PATIENCE, exchange(to, body)).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::ForNow("the collector does not answer in time".to_owned())),
    }
}

async fn exchange(to: &Collector, body: Bytes) -> Result<Bytes, Failure> {
    let stream = TcpStream::connect((&*to.host, to.port)).await.map_err(for_now)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(for_now)?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::post(&*to.path)
        .header(HOST, &*to.authority)
        .header(CONTENT_TYPE, "application/x-protobuf")
        .header(USER_AGENT, concat!("anteroom/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))
        .map_err(for_now)?;
    let answer = sender.send_request(request).await.map_err(for_now)?;
    let status = answer.status();
    let words = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    match status.as_u16() {
        200..300 => Ok(words.map_err(|error| Failure::ForNow(error.to_string()))?.to_bytes()),
        // What OTLP says may be tried again.
        429 | 502 | 503 | 504 => Err(Failure::ForNow(format!("the collector answers {status}"))),
        other => Err(Failure::ForGood(other)),
    }
}

fn for_now(error: impl std::fmt::Display) -> Failure {
    Failure::ForNow(error.to_string())
}
