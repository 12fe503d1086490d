//! HTTP by hand: one request for each connection, its answer as it comes, read no faster than it is asked
//! to.

use std::net::Ipv4Addr;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::waiting::within;

/// What comes after the head of an answer.
pub(crate) struct Http {
    stream: TcpStream,
    /// Read and not taken apart yet.
    raw: BytesMut,
    /// Of the body, what nobody has taken.
    body: BytesMut,
    /// Bytes of the body that are still to come, where it says how many there are.
    left: Option<usize>,
    /// Whether the body came to its proper end.
    is_whole: bool,
    pub(crate) status: u16,
    head: String,
}

impl Http {
    /// Sends a request to a port of this machine, and reads the head of the answer.
    pub(crate) async fn ask(port: u16, line: &str, headers: &[(&str, &str)], body: &str) -> Self {
        Self::ask_slowly(port, line, headers, body, None).await
    }

    /// The same; the kernel takes about `receive_buffer` bytes unread.
    pub(crate) async fn ask_slowly(
        port: u16,
        line: &str,
        headers: &[(&str, &str)],
        body: &str,
        receive_buffer: Option<u32>,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        let mut stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.unwrap();
        let mut request = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += "\r\n";
        request += body;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(within("the head of an answer", stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let (raw, body) = (BytesMut::new(), BytesMut::new());
        let mut answer = Self { stream, raw, body, left: None, is_whole: false, status, head };
        answer.left = answer.header("content-length").map(|text| text.parse().unwrap());
        if answer.left.is_none() && answer.header("transfer-encoding").is_none() {
            answer.left = Some(0);
        }
        answer.is_whole = answer.left == Some(0);
        answer
    }

    /// One header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The body up to and with `end`; what there is when it ends before.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        within("a part of a body", async {
            loop {
                let at = self.body.windows(end.len()).position(|some| some == end.as_bytes());
                if let Some(at) = at {
                    let part = self.body.split_to(at + end.len());
                    return String::from_utf8(part.to_vec()).unwrap();
                }
                if !self.read().await {
                    return String::from_utf8(self.body.split().to_vec()).unwrap();
                }
            }
        })
        .await
    }

    /// What is left of the body, up to its end.
    pub(crate) async fn rest(&mut self) -> String {
        within("the end of a body", async { while self.read().await {} }).await;
        String::from_utf8(self.body.split().to_vec()).unwrap()
    }

    /// Whether the body came to its proper end, and not that of the line.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Reads more of the body; false at its end.
    async fn read(&mut self) -> bool {
        loop {
            if self.is_whole {
                return false;
            }
            if self.take_apart() {
                return true;
            }
            if !self.is_whole && self.stream.read_buf(&mut self.raw).await.unwrap_or(0) == 0 {
                return false;
            }
        }
    }

    /// Moves what has come to the body; true when something did.
    fn take_apart(&mut self) -> bool {
        if let Some(left) = &mut self.left {
            let part = self.raw.split_to(self.raw.len().min(*left));
            *left -= part.len();
            self.is_whole = *left == 0;
            self.body.extend_from_slice(&part);
            return !part.is_empty();
        }
        let Some(end) = self.raw.windows(2).position(|some| some == b"\r\n") else { return false };
        let digits = std::str::from_utf8(&self.raw[..end]).unwrap();
        let len = usize::from_str_radix(digits, 16).unwrap();
        if self.raw.len() < end + 2 + len + 2 {
            return false;
        }
        self.raw.advance(end + 2);
        let part = self.raw.split_to(len);
        self.raw.advance(2);
        self.is_whole = len == 0;
        self.body.extend_from_slice(&part);
        len > 0
    }
}
