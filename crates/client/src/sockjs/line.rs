//! Both sides of a session over HTTP as one line: what was received in its order, and requests that
//! send, one at a time.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::frame::array;
use super::receiver::{Receiver, Told};
use crate::backoff::pause;
use crate::error::{Error, Result};
use crate::line::{Closed, RawEvent};
use crate::transport::Transport;

/// The server takes no more for now: the pause before it is asked again, and how often.
const FULL: Duration = Duration::from_millis(200);
const FULL_MAX: usize = 50;
/// What was sent is larger than may be.
const TOO_LARGE: u16 = 1009;
/// What the server had said before a request failed may take so long to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A session over HTTP, read and written by one owner. Dropping it drops its requests.
pub(crate) struct HttpLine {
    pub(crate) heard_at: Instant,
    told: UnboundedReceiver<Told>,
    /// Ends with the line, and with the session.
    receiver: JoinSet<()>,
    sender: Sender,
    /// The request that is under way. It goes on when its sender does not wait for it.
    sending: JoinSet<Result<Sent>>,
    /// Since when nothing can be sent any more, and how the session ends where it is not told.
    failed: Option<(Instant, Closed)>,
    ended: bool,
}

#[derive(Clone)]
struct Sender {
    http: reqwest::Client,
    url: Url,
    headers: HeaderMap,
}

impl HttpLine {
    /// Opens a session; whether it is let in shows in what it is told first.
    ///
    /// # Errors
    /// [`Error::Refused`] where the server does not take the request, [`Error::Transport`] where it
    /// does not answer.
    pub(crate) async fn open(
        http: &reqwest::Client,
        transport: Transport,
        (url, headers): (Url, HeaderMap),
    ) -> Result<Self> {
        let sender = Sender { http: http.clone(), url: sending(&url), headers: headers.clone() };
        let receiver = Receiver::new(http.clone(), transport, (url, headers));
        let first = receiver.ask().await?;
        let (out, told) = unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(receiver.run(first, out));
        Ok(Self {
            heard_at: Instant::now(),
            told,
            receiver: task,
            sender,
            sending: JoinSet::new(),
            failed: None,
            ended: false,
        })
    }

    /// The next text, or the end, once.
    pub(crate) async fn next_raw(&mut self) -> Option<RawEvent> {
        loop {
            if self.ended {
                return None;
            }
            let told = match &self.failed {
                None => self.told.recv().await,
                Some((since, end)) => match timeout_at(*since + LAST_WORDS, self.told.recv()).await
                {
                    Ok(told) => told,
                    Err(_) => Some(Told::Over(end.clone())),
                },
            };
            self.heard_at = Instant::now();
            match told {
                Some(Told::Text { text, room }) => {
                    drop(room);
                    return Some(RawEvent::Text(text.into()));
                }
                Some(Told::Sign) => {}
                Some(Told::Over(closed)) => return Some(self.over(closed)),
                None => {
                    let reason = "the line broke".into();
                    return Some(self.over(Closed { code: 1006, reason }));
                }
            }
        }
    }

    fn over(&mut self, closed: Closed) -> RawEvent {
        self.ended = true;
        // Where the server was not told, nobody keeps the seat by asking on.
        self.receiver.abort_all();
        RawEvent::Closed(closed)
    }

    /// Sends a text, after all that were sent before, and waits until the server has taken it.
    /// Whoever stops waiting has sent it all the same.
    ///
    /// # Errors
    /// [`Error::Transport`] when the line is broken. Then it stays so.
    pub(crate) async fn write(&mut self, text: &str) -> Result<()> {
        if self.ended {
            return Err(Error::transport("the session is over"));
        }
        self.sent().await?;
        if self.failed.is_some() {
            return Ok(());
        }
        self.sending.spawn(self.sender.clone().send(array(text)?));
        self.sent().await
    }

    async fn sent(&mut self) -> Result<()> {
        while let Some(sent) = self.sending.join_next().await {
            let end = match sent.map_err(Error::transport).flatten() {
                Ok(Sent::Taken) => continue,
                // Where it was a message that is too large the session is told; where nobody has read it
                // the end is the same.
                Ok(Sent::TooLarge) => Closed { code: TOO_LARGE, reason: "too_large".into() },
                Err(error) => Closed { code: 1006, reason: error.to_string() },
            };
            self.failed.get_or_insert((Instant::now(), end));
        }
        match &self.failed {
            // As over a socket, whose close comes later.
            Some((_, end)) if end.code == TOO_LARGE => Ok(()),
            Some((_, end)) => Err(Error::transport(end.reason.clone())),
            None => Ok(()),
        }
    }
}

/// What became of a text.
enum Sent {
    Taken,
    TooLarge,
}

impl Sender {
    async fn send(self, body: String) -> Result<Sent> {
        for _ in 0..FULL_MAX {
            let request = self.http.post(self.url.clone()).headers(self.headers.clone());
            let request = request.header(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            let status = request.body(body.clone()).send().await?.status();
            match status {
                StatusCode::PAYLOAD_TOO_LARGE => return Ok(Sent::TooLarge),
                StatusCode::SERVICE_UNAVAILABLE => pause(FULL).await,
                _ if status.is_success() => return Ok(Sent::Taken),
                _ => return Err(Error::transport(format!("sending was answered HTTP {status}"))),
            }
        }
        Err(Error::transport("the server takes nothing more"))
    }
}

/// Where a session that receives there sends to.
fn sending(receiving: &Url) -> Url {
    let mut url = receiving.clone();
    let path = receiving.path();
    let session = path.rsplit_once('/').map_or(path, |(session, _)| session);
    url.set_path(&format!("{session}/xhr_send"));
    url
}
