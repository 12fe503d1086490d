//! How a session is carried: which ways there are, and the address that each asks for. Pure.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use uuid::Uuid;

use crate::error::{Error, Result};

/// SockJS lets a client name a server, for those who share sessions out by it. Nobody here does.
const ANY_SERVER: &str = "000";

/// What carries a session. All of them carry the same frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket at `/ws`.
    #[default]
    WebSocket,
    /// A WebSocket whose frames are framed once more, as SockJS does it.
    SockJsWebSocket,
    /// One answer that goes on, and another when it has become too long.
    XhrStreaming,
    /// One answer for whatever there is, and then the next.
    XhrPolling,
    /// As [`Transport::XhrStreaming`], as an event stream.
    EventSource,
}

impl Transport {
    /// Every one of them.
    pub const ALL: [Self; 5] = [
        Self::WebSocket,
        Self::SockJsWebSocket,
        Self::XhrStreaming,
        Self::XhrPolling,
        Self::EventSource,
    ];

    /// The name: where SockJS has one, that of its client.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::SockJsWebSocket => "sockjs-websocket",
            Self::XhrStreaming => "xhr-streaming",
            Self::XhrPolling => "xhr-polling",
            Self::EventSource => "eventsource",
        }
    }

    /// Whether it is a WebSocket; the others are requests and answers.
    #[must_use]
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::SockJsWebSocket)
    }

    /// Whether frames are framed as SockJS does it.
    #[must_use]
    pub const fn is_sockjs(self) -> bool {
        !matches!(self, Self::WebSocket)
    }

    /// What stands in the path for it.
    const fn in_path(self) -> &'static str {
        match self {
            Self::WebSocket | Self::SockJsWebSocket => "websocket",
            Self::XhrStreaming => "xhr_streaming",
            Self::XhrPolling => "xhr",
            Self::EventSource => "eventsource",
        }
    }

    /// The address to ask for, made of the one that a reservation names. One over SockJS is a new
    /// session at each call.
    pub(crate) fn address(self, websocket_url: &Url) -> Result<Url> {
        let mut url = websocket_url.clone();
        let (plain, secure) = if self.is_websocket() { ("ws", "wss") } else { ("http", "https") };
        let scheme = match url.scheme() {
            "ws" | "http" => plain,
            _ => secure,
        };
        // From one of these four to another there is always a way.
        let _ = url.set_scheme(scheme);
        if self.is_sockjs() {
            // The address may hold a ticket, so the error does not repeat it.
            let not_ours = || Error::Protocol("the address of the WebSocket is not /ws".into());
            let root = url.path().strip_suffix("/ws").ok_or_else(not_ours)?;
            let session = Uuid::new_v4().simple();
            url.set_path(&format!("{root}/sockjs/{ANY_SERVER}/{session}/{}", self.in_path()));
        }
        Ok(url)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Transport {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|it| it.as_str() == name);
        known.ok_or_else(|| Error::Protocol(format!("{name} is no transport")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(transport: Transport, of: &str) -> String {
        transport.address(&Url::parse(of).unwrap()).unwrap().into()
    }

    #[test]
    fn a_websocket_is_asked_for_where_the_reservation_says() {
        let it = Transport::WebSocket;
        assert_eq!(address(it, "ws://h:1/ws?ticket=a%2Bb"), "ws://h:1/ws?ticket=a%2Bb");
        assert_eq!(address(it, "https://h/x/ws?ticket=t"), "wss://h/x/ws?ticket=t");
    }

    #[test]
    fn a_session_over_sockjs_has_a_name_of_its_own_and_the_same_query() {
        let ways = [
            (Transport::SockJsWebSocket, "ws", "websocket"),
            (Transport::XhrStreaming, "http", "xhr_streaming"),
            (Transport::XhrPolling, "http", "xhr"),
            (Transport::EventSource, "http", "eventsource"),
        ];
        for (transport, scheme, last) in ways {
            let [one, other] = [(); 2].map(|()| address(transport, "ws://h:1/x/ws?ticket=a%2Bb"));
            assert_ne!(one, other);
            assert!(one.starts_with(&format!("{scheme}://h:1/x/sockjs/000/")), "{one}");
            assert!(one.ends_with(&format!("/{last}?ticket=a%2Bb")), "{one}");
        }
        let elsewhere = Url::parse("ws://h/elsewhere?ticket=t").unwrap();
        assert!(Transport::XhrPolling.address(&elsewhere).is_err());
    }

    #[test]
    fn names_are_read_back() {
        for transport in Transport::ALL {
            assert_eq!(transport.to_string().parse::<Transport>().unwrap(), transport);
        }
        assert!("pigeon".parse::<Transport>().is_err());
        assert_eq!(Transport::default(), Transport::WebSocket);
    }
}
