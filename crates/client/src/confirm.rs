//! Step 2 of entry: opens the line with a ticket and waits until the server has said `welcome` or why
//! not. It owns the upgrade request and nothing after the first frame.

use std::time::Duration;

use anteroom_protocol::SUBPROTOCOL;
use anteroom_protocol::entry::Reservation;
use anteroom_protocol::frame::{Ending, ServerFrame};
use reqwest::Url;
use reqwest::header::{
    HeaderMap, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL,
};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite;
use tokio_util::either::Either;
use tungstenite::client::IntoClientRequest;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::Request;
use tungstenite::protocol::WebSocketConfig;

use crate::error::{Error, Result};
use crate::http::{Client, refusal};
use crate::line::{Event, Line};
use crate::session::Session;
use crate::socket::SocketLine;
use crate::sockjs::HttpLine;
use crate::tls;
use crate::transport::Transport;

/// Longest wait from the first TCP packet until `welcome` or a refusal.
pub const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes reserved for reading, per session. The library's own 128 KiB is for few busy sockets.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Bytes collected before they are written out.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// Most bytes waiting to be written to a server that does not read.
const WRITE_BUFFER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest frame or message accepted from the server, in bytes.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// What goes with the ticket. The default is a deliberate arrival of a program without a page.
#[derive(Clone, Debug, Default)]
pub struct ConfirmOptions {
    /// The secret of the last `welcome`; every automatic reconnect sends it.
    pub resume: Option<String>,
    /// The last `seq` seen: what came after is replayed.
    pub since: Option<i64>,
    /// The `Origin` header, as a browser would send it.
    pub origin: Option<String>,
    /// More headers (a cookie, a bearer), name and value.
    pub headers: Vec<(String, String)>,
    /// The socket's receive buffer in bytes, for tests of slow readers; the system's when absent. Only
    /// a WebSocket is a socket of its own.
    pub receive_buffer: Option<u32>,
    /// What carries the session; the client's when absent.
    pub transport: Option<Transport>,
}

impl Client {
    /// Opens the session of a reservation and waits for `welcome`.
    ///
    /// # Errors
    /// [`Error::RefusedAtConnect`] when the server refuses after the upgrade, [`Error::Refused`] or
    /// [`Error::NotUpgraded`] before it, [`Error::TimedOut`] after [`CONFIRM_TIMEOUT`].
    pub async fn confirm(
        &self,
        reservation: &Reservation,
        options: ConfirmOptions,
    ) -> Result<Session> {
        open(self, &reservation.websocket_url, options).await
    }

    /// As [`Client::confirm`] with a ticket alone, at this client's own address. The ticket need not
    /// be a real one.
    ///
    /// # Errors
    /// As [`Client::confirm`].
    pub async fn confirm_ticket(&self, ticket: &str, options: ConfirmOptions) -> Result<Session> {
        let mut url = parse(&self.url("/ws"))?;
        url.query_pairs_mut().append_pair("ticket", ticket);
        open(self, url.as_str(), options).await
    }
}

/// Opens `address` (absolute, or a path of this server) and waits for `welcome`.
pub(crate) async fn open(
    client: &Client,
    address: &str,
    options: ConfirmOptions,
) -> Result<Session> {
    let absolute = if address.starts_with('/') { client.url(address) } else { address.into() };
    let transport = options.transport.unwrap_or(client.transport());
    let url = address_of(&absolute, transport, &options)?;
    let entry = async {
        let line = match transport.is_websocket() {
            true => Line::Socket(Box::new(socket(client, &url, transport, &options).await?)),
            false => {
                let asked = (url, headers(&options)?);
                Line::Http(Box::new(HttpLine::open(client.http(), transport, asked).await?))
            }
        };
        welcomed(line).await
    };
    tokio::time::timeout(CONFIRM_TIMEOUT, entry)
        .await
        .unwrap_or(Err(Error::TimedOut("waiting for welcome")))
}

async fn socket(
    client: &Client,
    url: &Url,
    transport: Transport,
    options: &ConfirmOptions,
) -> Result<SocketLine> {
    let stream = connect(url, options.receive_buffer).await?;
    let stream = match url.scheme() {
        "wss" => tls::shake_hands(client.tls(), host(url), stream).await?,
        _ => Either::Left(stream),
    };
    let request = upgrade_request(url, transport, options)?;
    let (socket, _) =
        client_async_with_config(request, stream, Some(config())).await.map_err(not_upgraded)?;
    Ok(SocketLine::opened(socket, transport.is_sockjs()))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

fn parse(text: &str) -> Result<Url> {
    // The text may hold a ticket, so the error does not repeat it.
    Url::parse(text).map_err(|error| Error::Protocol(format!("WebSocket address: {error}")))
}

fn address_of(absolute: &str, transport: Transport, options: &ConfirmOptions) -> Result<Url> {
    let mut url = transport.address(&parse(absolute)?)?;
    if let Some(resume) = &options.resume {
        url.query_pairs_mut().append_pair("resume", resume);
    }
    if let Some(since) = options.since {
        url.query_pairs_mut().append_pair("since", &since.to_string());
    }
    Ok(url)
}

/// The server's name or address, without the brackets of IPv6.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

async fn connect(url: &Url, receive_buffer: Option<u32>) -> Result<TcpStream> {
    let host = host(url);
    let port = url.port_or_known_default().unwrap_or(80);
    let mut last = Error::Protocol(format!("{host} has no address"));
    for address in lookup_host((host, port)).await.map_err(Error::transport)? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
            .map_err(Error::transport)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).map_err(Error::transport)?;
        }
        match socket.connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(Error::transport)?;
                return Ok(stream);
            }
            Err(error) => last = Error::transport(error),
        }
    }
    Err(last)
}

fn upgrade_request(url: &Url, transport: Transport, options: &ConfirmOptions) -> Result<Request> {
    let mut request = url.as_str().into_client_request().map_err(Error::transport)?;
    if !transport.is_sockjs() {
        let subprotocol = HeaderValue::from_static(SUBPROTOCOL);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    request.headers_mut().extend(headers(options)?);
    Ok(request)
}

fn headers(options: &ConfirmOptions) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(origin) = &options.origin {
        headers.insert(ORIGIN, header_value("origin", origin)?);
    }
    for (name, value) in &options.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Error::Protocol(format!("{name}: not a header name")))?;
        headers.append(parsed, header_value(name, value)?);
    }
    Ok(headers)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|_| Error::Protocol(format!("{name}: not a header value")))
}

/// What the server answered instead of the upgrade.
fn not_upgraded(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Http(response) => {
            let status = response.status().as_u16();
            let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let wait = wait.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            let body = response.into_body().unwrap_or_default();
            // Only the bytes that came with the header are at hand, so the problem may be cut off.
            match refusal(status, &body, wait) {
                refused @ Error::Refused(_) => refused,
                _ => Error::NotUpgraded { status },
            }
        }
        // The line ended in the middle of the answer, which breaks no contract.
        error @ tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            Error::transport(error)
        }
        tungstenite::Error::Protocol(error) => Error::Protocol(error.to_string()),
        error => Error::transport(error),
    }
}

async fn welcomed(mut line: Line) -> Result<Session> {
    match line.read().await {
        Some(Event::Frame(ServerFrame::Welcome(welcome))) => Ok(Session::welcomed(line, welcome)),
        Some(Event::Frame(ServerFrame::Refused(ending))) => Err(refused(line, ending).await),
        Some(Event::Frame(_)) => Err(Error::Protocol("a frame came before welcome".into())),
        Some(Event::Unreadable(what)) => {
            Err(Error::Protocol(format!("instead of welcome came {what}")))
        }
        Some(Event::Closed(closed)) if closed.code == 1006 => {
            Err(Error::transport(format!("the line broke before welcome: {}", closed.reason)))
        }
        Some(Event::Closed(closed)) => {
            Err(Error::RefusedAtConnect { code: None, status: closed.code, detail: closed.reason })
        }
        None => Err(Error::Protocol("the session was over before it began".into())),
    }
}

/// The contract promises a close with the same code right after `refused`.
async fn refused(mut line: Line, ending: Ending) -> Error {
    match line.read().await {
        Some(Event::Closed(closed)) if closed.code == ending.status => Error::RefusedAtConnect {
            code: Some(ending.code),
            status: ending.status,
            detail: ending.detail,
        },
        other => Error::Protocol(format!(
            "refused said {} {}, then came {other:?}",
            ending.status, ending.code
        )),
    }
}
