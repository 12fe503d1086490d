//! One return after a lost line: waits, reserves and confirms until a session stands or the contract
//! says to stay away. It runs as a task of its own, so that a caller who stops waiting for an event
//! does not cut an entry in half.

use anteroom_protocol::entry::Reserve;

use crate::account::Account;
use crate::backoff::{Backoff, Next, after_close, after_error, dice, pause};
use crate::confirm::ConfirmOptions;
use crate::error::{Error, Result};
use crate::session::{Closed, Session};
use crate::transport::Transport;

/// What a return needs to know.
pub(crate) struct Return {
    pub(crate) account: Account,
    pub(crate) room: i64,
    /// Password and key of the room.
    pub(crate) door: Reserve,
    pub(crate) transport: Option<Transport>,
    pub(crate) resume: Option<String>,
    pub(crate) since: i64,
    pub(crate) backoff: Backoff,
}

impl Return {
    /// Comes back after `closed`. The back-off is handed back as it then stands.
    pub(crate) async fn run(mut self, closed: Closed) -> (Backoff, Result<Session>) {
        let mut last = Error::Closed { code: closed.code, reason: closed.reason };
        let mut next = after_close(closed.code);
        let mut reserved_again = false;
        loop {
            match next {
                Next::ReserveOnce if !reserved_again => reserved_again = true,
                Next::Stay | Next::ReserveOnce => return (self.backoff, Err(last)),
                Next::BackOff => match self.backoff.next_wait(dice(), asked(&last)) {
                    Some(wait) => pause(wait).await,
                    None => return (self.backoff, Err(last)),
                },
            }
            match self.enter().await {
                Ok(session) => return (self.backoff, Ok(session)),
                Err(error) => {
                    next = after_error(&error);
                    last = error;
                }
            }
        }
    }

    /// Both steps, as an automatic reconnect makes them.
    async fn enter(&self) -> Result<Session> {
        let resume = self.resume.clone();
        let body = Reserve { resume: resume.clone(), ..self.door.clone() };
        let reservation = self.account.reserve(self.room, &body).await?;
        let (since, transport) = (Some(self.since), self.transport);
        let options = ConfirmOptions { resume, since, transport, ..ConfirmOptions::default() };
        self.account.confirm(&reservation, options).await
    }
}

fn asked(error: &Error) -> Option<std::time::Duration> {
    match error {
        Error::Refused(refusal) => refusal.retry_after,
        _ => None,
    }
}
