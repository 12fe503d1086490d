//! The task that receives: one request after the other, each as long as its answer goes on.
//!
//! What an answer that broke had in it nobody can tell, so its session is lost, as with a broken
//! WebSocket. A request that has not even reached the server may be made again, for a short while.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, Url};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::frame::{Frame, Reader};
use crate::backoff::pause;
use crate::error::{Error, Result};
use crate::http::opened;
use crate::line::Closed;
use crate::transport::Transport;

/// Bytes of texts that wait for whoever reads the session; then nothing more is asked for.
const UNREAD_BYTES_MAX: u32 = 4 << 20;
/// How long the server may be out of reach between two requests.
const AWAY_MAX: Duration = Duration::from_secs(3);
/// The pause before a request is made again.
const AGAIN: Duration = Duration::from_millis(100);
/// An answer may go on for this long. What ends it is the server, or nobody listening.
const ANSWER_LIFE: Duration = Duration::from_secs(24 * 3_600);
/// The server is told of another answer that still goes on.
const BUSY: u16 = 2010;
/// The server has nothing to say about a session that ended.
const GONE: u16 = 3000;

/// What the task tells.
pub(super) enum Told {
    /// A text, and the room that it takes while it waits.
    Text { text: String, room: OwnedSemaphorePermit },
    /// A sign of life.
    Sign,
    /// The end, and the last.
    Over(Closed),
}

/// One session's receiving side.
pub(super) struct Receiver {
    pub(super) http: reqwest::Client,
    pub(super) transport: Transport,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    room: Arc<Semaphore>,
    is_open: bool,
}

/// Whether another answer is to be asked for.
enum Ended {
    /// As it should.
    Whole,
    /// Another one is not over yet, to the server's knowledge.
    Busy,
    /// With the session.
    Session(Closed),
}

impl Receiver {
    pub(super) fn new(
        http: reqwest::Client,
        transport: Transport,
        (url, headers): (Url, HeaderMap),
    ) -> Self {
        let room = Arc::new(Semaphore::new(UNREAD_BYTES_MAX as usize));
        Self { http, transport, url, headers, room, is_open: false }
    }

    /// Asks for what there is.
    ///
    /// # Errors
    /// [`Error::Refused`] where the server says no, [`Error::Transport`] where it does not answer.
    pub(super) async fn ask(&self) -> Result<Response> {
        opened(self.request()).await
    }

    fn request(&self) -> RequestBuilder {
        let method = match self.transport {
            Transport::EventSource => Method::GET,
            _ => Method::POST,
        };
        let request = self.http.request(method, self.url.clone());
        request.headers(self.headers.clone()).timeout(ANSWER_LIFE)
    }

    /// Receives until the session is over.
    pub(super) async fn run(mut self, first: Response, out: UnboundedSender<Told>) {
        let closed = match self.receive(first, &out).await {
            Ok(closed) => closed,
            Err(error) => Closed { code: 1006, reason: error.to_string() },
        };
        // Nobody may be there any more to be told.
        let _ = out.send(Told::Over(closed));
    }

    async fn receive(&mut self, first: Response, out: &UnboundedSender<Told>) -> Result<Closed> {
        let mut response = first;
        let mut heard_at = Instant::now();
        loop {
            match self.read(response, out).await? {
                Ended::Session(closed) => return Ok(closed),
                Ended::Whole => heard_at = Instant::now(),
                Ended::Busy if heard_at.elapsed() > AWAY_MAX => {
                    return Err(Error::transport("another answer has not ended"));
                }
                Ended::Busy => pause(AGAIN).await,
            }
            response = self.ask_within(heard_at).await?;
        }
    }

    /// The next answer. What has not reached the server is asked again.
    async fn ask_within(&self, heard_at: Instant) -> Result<Response> {
        loop {
            match self.request().send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let status = response.status();
                    return Err(Error::transport(format!("the next answer was HTTP {status}")));
                }
                Err(error) if error.is_connect() && heard_at.elapsed() <= AWAY_MAX => {
                    pause(AGAIN).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads one answer to its end.
    async fn read(&mut self, mut response: Response, out: &UnboundedSender<Told>) -> Result<Ended> {
        let mut reader = Reader::new(self.transport);
        while let Some(piece) = response.chunk().await? {
            for frame in reader.take(&piece)? {
                match frame {
                    Frame::Open if self.is_open => {
                        return Err(Error::transport("the server knows the session no more"));
                    }
                    Frame::Open => self.is_open = true,
                    Frame::Heartbeat => drop(out.send(Told::Sign)),
                    Frame::Messages(texts) => self.tell(texts, out).await?,
                    Frame::Close(closed) => return Ok(ended(closed)),
                }
            }
        }
        if reader.is_whole() { Ok(Ended::Whole) } else { Err(Error::transport("half a frame")) }
    }

    /// Waits for room before anything more is read.
    async fn tell(&self, texts: Vec<String>, out: &UnboundedSender<Told>) -> Result<()> {
        for text in texts {
            let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX).min(UNREAD_BYTES_MAX);
            let room = Arc::clone(&self.room).acquire_many_owned(bytes).await;
            let room = room.map_err(Error::transport)?;
            // Nobody may be there any more to be told.
            let _ = out.send(Told::Text { text, room });
        }
        Ok(())
    }
}

fn ended(closed: Closed) -> Ended {
    match closed.code {
        BUSY => Ended::Busy,
        GONE => Ended::Session(Closed { code: 1006, ..closed }),
        _ => Ended::Session(closed),
    }
}
