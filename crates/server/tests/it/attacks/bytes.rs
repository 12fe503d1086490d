//! Any bytes out on a connection of their own, and all the answers that come back on it.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, within};

/// One answer as it came.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Reply {
    /// One header; a missing one is empty.
    pub(super) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    }
}

/// Sends these bytes and reads answers until the other side closes. What is being sent when it does is lost.
pub(super) async fn exchange(port: u16, bytes: impl AsRef<[u8]>) -> Vec<Reply> {
    let (replies, is_closed) = exchange_for(PATIENCE, port, bytes).await;
    assert!(is_closed, "the connection stays open after {replies:?}");
    replies
}

/// The same for no longer than `span`; whether the other side has closed by then.
pub(super) async fn exchange_for(
    span: Duration,
    port: u16,
    bytes: impl AsRef<[u8]>,
) -> (Vec<Reply>, bool) {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let mut read = Vec::new();
    let both = async {
        let sending = writing.write_all(bytes.as_ref());
        // A reset is an end as well.
        let receiving =
            async { while reading.read_buf(&mut read).await.is_ok_and(|more| more > 0) {} };
        let _ = tokio::join!(sending, receiving);
    };
    let is_closed = tokio::time::timeout(span, both).await.is_ok();
    (taken_apart(&read), is_closed)
}

/// The first answer to these bytes, and no more of the connection. After an upgrade its body is what came
/// until the other side closed, or nothing came with the answer that was awaited.
pub(super) async fn answer(port: u16, bytes: impl AsRef<[u8]>) -> Reply {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let _ = stream.write_all(bytes.as_ref()).await;
    let mut read = Vec::new();
    within("an answer", async {
        while !is_whole(&read) && stream.read_buf(&mut read).await.is_ok_and(|more| more > 0) {}
    })
    .await;
    let shown = String::from_utf8_lossy(&read).into_owned();
    taken_apart(&read).into_iter().next().unwrap_or_else(|| panic!("no answer: {shown:?}"))
}

/// Whether an answer with its body has come.
fn is_whole(read: &[u8]) -> bool {
    let Some(end) = find(read, b"\r\n\r\n") else { return false };
    let reply = Reply { status: 0, head: text(&read[..end]), body: String::new() };
    match reply.header("content-length").parse::<usize>() {
        Ok(length) => read.len() >= end + 4 + length,
        Err(_) if reply.header("transfer-encoding").contains("chunked") => {
            read.ends_with(b"0\r\n\r\n")
        }
        // After an upgrade whatever came; the frames after it are not counted here.
        Err(_) => reply.head.contains(" 101 ") || reply.head.contains(" 204 "),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The statuses of the answers to these bytes.
pub(super) async fn statuses(port: u16, bytes: impl AsRef<[u8]>) -> Vec<u16> {
    exchange(port, bytes).await.iter().map(|reply| reply.status).collect()
}

/// A request whose answer is the last on its connection.
pub(super) fn last_request(line: &str, headers: &[(&str, &str)], body: &str) -> String {
    request(line, &[headers, &[("Connection", "close")]].concat(), body)
}

/// A request with a length, and without one where there is no body to a GET.
pub(super) fn request(line: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || !line.starts_with("GET") {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// The answers in what was read. What is no answer fails the test; the last may be cut off.
pub(super) fn taken_apart(mut bytes: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    while let Some(end) = find(bytes, b"\r\n\r\n") {
        let head = text(&bytes[..end]);
        bytes = &bytes[end + 4..];
        assert!(head.starts_with("HTTP/1."), "no answer: {head:?}");
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap();
        let mut reply = Reply { status, head, body: String::new() };
        let length = reply.header("content-length").parse::<usize>();
        let (body, rest) = match (status, length) {
            (100..200 | 204 | 304, _) => (Vec::new(), bytes),
            _ if reply.header("transfer-encoding").contains("chunked") => unchunked(bytes),
            (_, Ok(length)) => {
                let (body, rest) = bytes.split_at(length.min(bytes.len()));
                (body.to_vec(), rest)
            }
            (_, Err(_)) => (bytes.to_vec(), &[][..]),
        };
        reply.body = text(&body);
        bytes = if status == 101 { &[] } else { rest };
        replies.push(reply);
    }
    replies
}

fn unchunked(mut bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut body = Vec::new();
    while let Some(end) = find(bytes, b"\r\n") {
        let digits = std::str::from_utf8(&bytes[..end]).unwrap();
        let length = usize::from_str_radix(digits.trim(), 16).expect("the size of a chunk");
        let chunk = &bytes[end + 2..];
        body.extend_from_slice(&chunk[..length.min(chunk.len())]);
        bytes = chunk.get(length + 2..).unwrap_or_default();
        if length == 0 {
            break;
        }
    }
    (body, bytes)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|some| some == what)
}

#[test]
fn two_answers_on_one_connection_are_told_apart() {
    let read = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 400 Bad Request\r\n\
                 Transfer-Encoding: chunked\r\n\r\n3\r\nbad\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let replies = taken_apart(read);
    let seen: Vec<(u16, &str)> = replies.iter().map(|it| (it.status, &*it.body)).collect();
    assert_eq!(seen, [(200, "ok"), (400, "bad"), (204, "")]);
}
