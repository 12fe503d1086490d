//! A blocking HTTP/1.1 client on one kept connection: as little of the lab's time as can be.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use memchr::memmem;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use crate::engine::check::number_after;
use crate::engine::wire::{self, Frame};

/// How long anything may stay unanswered.
const PATIENCE: Duration = Duration::from_secs(60);
/// Loopback addresses to come from, so that no one runs out of ports.
const SOURCES: u32 = 200;

/// A connection to the server, from the next of many loopback addresses.
pub(crate) fn connection(server: SocketAddr) -> Result<TcpStream> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let SocketAddr::V4(server) = server else { bail!("{server} is not an IPv4 address") };
    let stream = if server.ip().is_loopback() {
        let last = 2 + NEXT.fetch_add(1, Ordering::Relaxed) % SOURCES;
        let from = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last as u8), 0);
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        bind(&socket, &from).context("binding to a loopback address")?;
        connect(&socket, &server).context("connecting")?;
        TcpStream::from(socket)
    } else {
        TcpStream::connect(server)?
    };
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The address behind `http://HOST:PORT`.
pub(crate) fn address(url: &str) -> Result<SocketAddr> {
    let host =
        url.trim_end_matches('/').strip_prefix("http://").context("not an http:// address")?;
    host.parse().with_context(|| format!("{host} is not ADDRESS:PORT"))
}

/// One kept connection.
pub(crate) struct Http {
    server: SocketAddr,
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Http {
    pub(crate) fn new(server: SocketAddr) -> Result<Self> {
        let stream = connection(server)?;
        Ok(Self { server, stream, request: Vec::new(), answer: Vec::new() })
    }

    /// Asks for a path of the API and answers the status and the body.
    pub(crate) fn get(&mut self, path: &str, token: &str) -> Result<(u16, &[u8])> {
        self.request.clear();
        write!(
            self.request,
            "GET /api/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.server
        )?;
        self.answer()
    }

    /// Sends a POST to a path of the API and answers the status and the body.
    pub(crate) fn post(&mut self, path: &str, token: &str, body: &str) -> Result<(u16, &[u8])> {
        self.prepare_post(path, token, body)?;
        self.answer()
    }

    /// Sends a DELETE to a path of the API and answers the status.
    pub(crate) fn delete(&mut self, path: &str, token: &str) -> Result<u16> {
        self.request.clear();
        write!(
            self.request,
            "DELETE /api/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.server
        )?;
        Ok(self.answer()?.0)
    }

    fn prepare_post(&mut self, path: &str, token: &str, body: &str) -> Result<()> {
        self.request.clear();
        write!(
            self.request,
            "POST /api/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.server,
            body.len()
        )?;
        Ok(())
    }

    /// Turns into a connection that asks one thing again and again without ever sleeping.
    pub(crate) fn repeating(mut self, path: &str, token: &str, body: &str) -> Result<Repeating> {
        self.prepare_post(path, token, body)?;
        self.stream.set_nonblocking(true)?;
        Ok(Repeating { http: self })
    }

    fn answer(&mut self) -> Result<(u16, &[u8])> {
        self.stream.write_all(&self.request)?;
        let head = read_head(&mut self.stream, &mut self.answer)?;
        let whole = match status(&self.answer)? {
            204 => head,
            _ => head + content_length(&self.answer[..head])?,
        };
        while self.answer.len() < whole {
            read_more(&mut self.stream, &mut self.answer)?;
        }
        Ok((status(&self.answer)?, &self.answer[head..whole]))
    }
}

/// A kept connection on which one request is repeated, for one thread with many of them that does not sleep
/// while it waits: see [`Engine::stays_awake`](super::Engine::stays_awake).
pub(crate) struct Repeating {
    http: Http,
}

impl Repeating {
    /// Asks.
    pub(crate) fn ask(&mut self) -> Result<()> {
        self.http.answer.clear();
        // A request is far smaller than a socket's buffer, which is empty once all was answered.
        Ok(self.http.stream.write_all(&self.http.request)?)
    }

    /// The status and the body, when all of it is here.
    pub(crate) fn answered(&mut self) -> Result<Option<(u16, &[u8])>> {
        let Http { stream, answer, .. } = &mut self.http;
        match read_more(stream, answer) {
            Ok(()) => {}
            Err(error) if would_block(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let Some(head) = memmem::find(answer, b"\r\n\r\n").map(|at| at + 4) else {
            return Ok(None);
        };
        let whole = head + content_length(&answer[..head])?;
        Ok((answer.len() >= whole).then_some((status(answer)?, &answer[head..whole])))
    }
}

fn would_block(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|it| it.kind() == ErrorKind::WouldBlock)
}

/// Somebody who sits in a room: an open socket past its `welcome`.
pub(crate) struct Seated {
    pub(crate) stream: TcpStream,
    pub(crate) last_seq: i64,
    /// Bytes read behind the `welcome`.
    pub(crate) rest: Vec<u8>,
}

/// What became of a ticket that was presented.
pub(crate) enum Presented {
    /// The seat is taken; the payload of the `welcome`.
    In(Seated, Vec<u8>),
    /// Refused in words, or before the upgrade: the close code or the status.
    Refused(u16),
}

/// Step 2: opens a WebSocket with a ticket and reads up to its `welcome`.
pub(crate) fn take_seat(server: SocketAddr, ticket: &str) -> Result<Seated> {
    match present(server, ticket)? {
        Presented::In(seated, _) => Ok(seated),
        Presented::Refused(code) => bail!("no welcome: {code}"),
    }
}

/// Opens a WebSocket with a ticket, and what may follow it in the query, and reads up to its `welcome` or its
/// refusal.
pub(crate) fn present(server: SocketAddr, ticket: &str) -> Result<Presented> {
    let mut stream = connection(server)?;
    let request = format!(
        "GET /ws?ticket={ticket} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: anteroom.v1\r\nSec-WebSocket-Key: {}\r\n\r\n",
        wire::HANDSHAKE_KEY
    );
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::with_capacity(4096);
    let head = read_head(&mut stream, &mut bytes)?;
    let answered = status(&bytes)?;
    if answered != 101 {
        return Ok(Presented::Refused(answered));
    }
    bytes.drain(..head);
    let frame = read_frame(&mut stream, &mut bytes)?;
    let payload = &bytes[frame.payload.clone()];
    if payload.starts_with(b"{\"type\":\"refused\"") {
        let code = number_after(payload, b"\"status\":").context("a refusal without a status")?;
        return Ok(Presented::Refused(u16::try_from(code)?));
    }
    if !payload.starts_with(b"{\"type\":\"welcome\"") {
        bail!("no welcome: {}", String::from_utf8_lossy(payload));
    }
    // The room that a welcome names has a `last_seq` too; both were true a moment ago.
    let last_seq = number_after(payload, b"\"last_seq\":").context("no last_seq")?;
    let welcome = payload.to_vec();
    bytes.drain(..frame.end());
    Ok(Presented::In(Seated { stream, last_seq, rest: bytes }, welcome))
}

impl Seated {
    /// Gives the seat back and answers the code of the server's close.
    pub(crate) fn leave(mut self) -> Result<u16> {
        let mut out = Vec::new();
        wire::put_masked(&mut out, wire::TEXT, br#"{"type":"leave"}"#);
        self.stream.write_all(&out)?;
        loop {
            let frame = read_frame(&mut self.stream, &mut self.rest)?;
            if frame.opcode == wire::CLOSE {
                let payload = &self.rest[frame.payload.clone()];
                wire::put_masked(&mut out, wire::CLOSE, payload);
                // The server may have gone once it said its last word.
                let _ = self.stream.write_all(&out);
                return Ok(wire::close_code(payload));
            }
            self.rest.drain(..frame.end());
        }
    }

    /// Says something and reads until it is stored, and until it came back.
    pub(crate) fn say(&mut self, number: usize) -> Result<()> {
        let mut out = Vec::new();
        let text = format!(r#"{{"type":"send","client_id":"{number:012}","content":"hello"}}"#);
        wire::put_masked(&mut out, wire::TEXT, text.as_bytes());
        self.stream.write_all(&out)?;
        let id = format!(r#""client_id":"{number:012}""#);
        let (mut acks, mut messages) = (0, 0);
        while acks == 0 || messages == 0 {
            let frame = read_frame(&mut self.stream, &mut self.rest)?;
            let payload = &self.rest[frame.payload.clone()];
            if frame.opcode == wire::CLOSE || payload.starts_with(b"{\"type\":\"error\"") {
                bail!("instead of an ack: {}", String::from_utf8_lossy(payload));
            }
            if memmem::find(payload, id.as_bytes()).is_some() {
                acks += usize::from(payload.starts_with(b"{\"type\":\"ack\""));
                messages += usize::from(payload.starts_with(b"{\"type\":\"message\""));
            }
            self.rest.drain(..frame.end());
        }
        Ok(())
    }
}

/// The text member of a small answer.
pub(crate) fn text_after(body: &[u8], name: &str) -> Result<String> {
    let quoted = format!("\"{name}\":\"");
    let missing = || format!("no {name} in {}", String::from_utf8_lossy(body));
    let start = memmem::find(body, quoted.as_bytes()).with_context(missing)? + quoted.len();
    let len = memchr::memchr(b'"', &body[start..]).with_context(missing)?;
    Ok(String::from_utf8_lossy(&body[start..start + len]).into_owned())
}

fn read_frame(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<Frame> {
    loop {
        if let Some(frame) = Frame::at_front(bytes) {
            return Ok(frame);
        }
        read_more(stream, bytes)?;
    }
}

/// Reads an answer's head into the emptied buffer; where the body begins.
fn read_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<usize> {
    bytes.clear();
    loop {
        read_more(stream, bytes)?;
        if let Some(at) = memmem::find(bytes, b"\r\n\r\n") {
            return Ok(at + 4);
        }
    }
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<()> {
    let mut some = [0; 4096];
    let read = stream.read(&mut some)?;
    if read == 0 {
        bail!("the server closed the connection");
    }
    bytes.extend_from_slice(&some[..read]);
    Ok(())
}

fn status(head: &[u8]) -> Result<u16> {
    let text = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    text.and_then(|text| text.parse().ok()).context("an answer without a status")
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok(length.context("an answer without a length")?.1.trim().parse()?)
}
