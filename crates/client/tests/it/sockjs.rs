//! Sessions over HTTP against a peer that follows a script: what is asked in which order, and which end
//! a broken answer is.

use std::collections::VecDeque;

use anteroom_client::{
    Account, Client, Closed, ConfirmOptions, Error, Event, JoinOptions, JoinedRoom, RoomEvent,
    Session, Transport,
};
use anteroom_protocol::frame::{ClientFrame, ServerFrame};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::join;
use tokio::net::{TcpListener, TcpStream};

use crate::peer::{ROOM, ack, message, refused, reservation, welcome};

/// A peer whose requests come in whatever order.
struct Peer {
    listener: TcpListener,
    early: VecDeque<Asked>,
}

/// One request that waits for its answer.
struct Asked {
    line: String,
    body: String,
    stream: TcpStream,
}

impl Peer {
    async fn bind(transport: Transport) -> (Self, Account) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::new(address).unwrap().with_transport(transport);
        (Self { listener, early: VecDeque::new() }, client.with_token("a.b.c"))
    }

    /// The next request with this in its first line.
    async fn asked(&mut self, what: &str) -> Asked {
        let is_it = |asked: &Asked| asked.line.contains(what);
        if let Some(at) = self.early.iter().position(is_it) {
            return self.early.remove(at).unwrap();
        }
        loop {
            let (stream, _) = self.listener.accept().await.unwrap();
            let asked = read(stream).await;
            if is_it(&asked) {
                return asked;
            }
            self.early.push_back(asked);
        }
    }

    /// Lets a session over polling in.
    async fn welcomes(&mut self, resume: &str, last_seq: i64) -> Asked {
        let asked = self.asked("/xhr?").await.answers("o\n").await;
        let text = welcome(resume, last_seq, 60_000);
        let again = self.asked("/xhr?").await.answers(&frame(&[text])).await;
        assert_eq!(asked, again, "every request of a session has the same address");
        self.asked("/xhr?").await
    }
}

async fn read(mut stream: TcpStream) -> Asked {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    let line = head.lines().next().unwrap().into();
    Asked { line, body: String::from_utf8(body).unwrap(), stream }
}

impl Asked {
    /// Answers whole; what was asked.
    async fn answers(self, body: &str) -> String {
        self.answers_as(200, body).await
    }

    async fn answers_as(mut self, status: u16, body: &str) -> String {
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: ");
        let answer = format!("{head}{}\r\n\r\n{body}", body.len());
        self.stream.write_all(answer.as_bytes()).await.unwrap();
        self.stream.shutdown().await.unwrap();
        self.line
    }

    /// Begins an answer that is longer than what there is of it.
    async fn begins(mut self, body: &str) -> Self {
        let head = "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n";
        self.stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        self
    }

    async fn goes_on(&mut self, body: &str) {
        self.stream.write_all(body.as_bytes()).await.unwrap();
    }
}

fn frame(texts: &[Value]) -> String {
    let texts: Vec<String> = texts.iter().map(Value::to_string).collect();
    format!("a{}\n", serde_json::to_string(&texts).unwrap())
}

async fn polling() -> (Peer, Session, Asked) {
    let (mut peer, account) = Peer::bind(Transport::XhrPolling).await;
    let confirm = account.client().confirm_ticket("t+t", ConfirmOptions::default());
    let (session, waiting) = join!(confirm, peer.welcomes("secret-1", 0));
    (peer, session.unwrap(), waiting)
}

async fn end(session: &mut Session) -> Closed {
    loop {
        match session.next().await.unwrap() {
            Event::Closed(closed) => {
                assert!(session.next().await.is_none(), "the end comes once");
                return closed;
            }
            Event::Frame(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_session_polls_one_address_and_sends_beside_it() {
    let (mut peer, mut session, waiting) = polling().await;
    assert!(waiting.line.starts_with("POST /sockjs/000/"), "{}", waiting.line);
    assert!(waiting.line.ends_with("/xhr?ticket=t%2Bt HTTP/1.1"), "{}", waiting.line);
    let receiving = waiting.line.clone();
    let server = async {
        let sent = peer.asked("/xhr_send?").await;
        let texts: Vec<String> = serde_json::from_str(&sent.body).unwrap();
        let said: Value = serde_json::from_str(&texts[0]).unwrap();
        assert_eq!(sent.answers_as(204, "").await, receiving.replace("/xhr?", "/xhr_send?"));
        let acked = ack(said["client_id"].as_str().unwrap(), 1);
        waiting.answers(&frame(&[message(1), acked])).await;
    };
    let (acked, ()) = join!(session.send("hello"), server);
    assert_eq!(acked.unwrap().seq, 1);
    let first = session.next().await;
    assert!(matches!(first, Some(Event::Frame(ServerFrame::Message(it))) if it.seq == 1));
}

#[tokio::test]
async fn what_nobody_has_read_for_its_size_ends_the_session_as_it_ends_a_websocket() {
    let (mut peer, mut session, mut waiting) = polling().await;
    let server = async { peer.asked("/xhr_send?").await.answers_as(413, "").await };
    let (sent, _) = join!(session.send_raw_text("x".repeat(300 << 10)), server);
    sent.unwrap();
    let closed = end(&mut session).await;
    assert_eq!((closed.code, closed.reason.as_str()), (1009, "too_large"));
    let asked_on = waiting.stream.read(&mut [0]).await.unwrap_or(0);
    assert_eq!(asked_on, 0, "what was asked is taken back, and the server learns that it is over");
}

#[tokio::test]
async fn a_refusal_in_words_is_that_of_a_websocket() {
    for (transport, path, before) in [
        (Transport::XhrStreaming, "/xhr_streaming?", "hhhh\n"),
        (Transport::EventSource, "/eventsource?", "\r\n"),
    ] {
        let (mut peer, account) = Peer::bind(transport).await;
        let server = async {
            let words = refused(4408, "reservation_expired");
            let frames = ["o\n", &frame(&[words]), "c[4408,\"reservation_expired\"]\n"];
            let of_stream = |it: &str| format!("data: {}\r\n\r\n", it.trim_end());
            let is_stream = transport == Transport::EventSource;
            let written = frames.map(|it| if is_stream { of_stream(it) } else { it.into() });
            peer.asked(path).await.answers(&format!("{before}{}", written.concat())).await
        };
        let confirm = account.client().confirm_ticket("t", ConfirmOptions::default());
        let (entry, _) = join!(confirm, server);
        let error = entry.err().unwrap();
        assert!(matches!(error, Error::RefusedAtConnect { status: 4408, .. }), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_is_followed_by_another_and_one_that_breaks_by_the_end() {
    let (mut peer, account) = Peer::bind(Transport::XhrStreaming).await;
    let confirm = account.client().confirm_ticket("t", ConfirmOptions::default());
    let server = async {
        let first = format!("hhhh\no\n{}", frame(&[welcome("s", 0, 60_000), message(1)]));
        peer.asked("/xhr_streaming?").await.answers(&first).await;
        let mut second = peer.asked("/xhr_streaming?").await.begins("hhhh\n").await;
        second.goes_on(&frame(&[message(2)])).await;
        second.goes_on("a[\"half").await;
    };
    let (session, ()) = join!(confirm, server);
    let mut session = session.unwrap();
    for seq in [1, 2] {
        let next = session.next().await;
        assert!(matches!(next, Some(Event::Frame(ServerFrame::Message(it))) if it.seq == seq));
    }
    // Nobody can tell what else was in it: asking again could leave a gap.
    assert_eq!(end(&mut session).await.code, 1006);
}

#[tokio::test]
async fn a_server_that_knows_the_session_no_more_has_lost_it() {
    for answer in ["o\n", "c[3000,\"Go away!\"]\n", "nonsense\n", "a[\"half"] {
        let (_peer, mut session, waiting) = polling().await;
        waiting.answers(answer).await;
        assert_eq!(end(&mut session).await.code, 1006, "{answer}");
        let late = session.send_frame(&ClientFrame::Typing {}).await;
        assert!(matches!(late, Err(Error::Transport(_))));
    }
}

#[tokio::test]
async fn while_another_answer_goes_on_one_asks_again() {
    let (mut peer, mut session, waiting) = polling().await;
    waiting.answers("c[2010,\"Another connection still open\"]\n").await;
    peer.asked("/xhr?").await.answers("c[4409,\"replaced\"]\n").await;
    assert_eq!(end(&mut session).await, Closed { code: 4409, reason: "replaced".into() });
}

#[tokio::test]
async fn what_cannot_be_sent_ends_the_session_after_what_was_told_before() {
    let (mut peer, mut session, waiting) = polling().await;
    let server = async {
        peer.asked("/xhr_send?").await.answers_as(404, "").await;
    };
    let (sent, ()) = join!(session.send_frame(&ClientFrame::Typing {}), server);
    assert!(matches!(sent, Err(Error::Transport(_))), "{sent:?}");
    waiting.answers("c[4440,\"logged_out\"]\n").await;
    assert_eq!(end(&mut session).await.code, 4440, "its last words were on their way");

    let (mut peer, mut session, _waiting) = polling().await;
    let server = async {
        peer.asked("/xhr_send?").await.answers_as(404, "").await;
    };
    let _ = join!(session.send_frame(&ClientFrame::Typing {}), server);
    assert_eq!(end(&mut session).await.code, 1006, "nothing more came");
}

#[tokio::test]
async fn whoever_stops_waiting_has_sent_all_the_same_and_in_order() {
    let (mut peer, mut session, _waiting) = polling().await;
    let first = tokio::select! {
        first = peer.asked("/xhr_send?") => first,
        _ = session.send_raw_text("first") => panic!("it was not answered"),
    };
    let server = async {
        assert_eq!(first.body, r#"["first"]"#);
        first.answers_as(204, "").await;
        let second = peer.asked("/xhr_send?").await;
        assert_eq!(second.body, r#"["second"]"#);
        second.answers_as(204, "").await;
    };
    let (sent, ()) = join!(session.send_raw_text("second"), server);
    sent.unwrap();
}

#[tokio::test]
async fn a_dropped_session_hangs_up() {
    let (_peer, session, mut waiting) = polling().await;
    session.abort();
    assert_eq!(waiting.stream.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn leaving_is_said_and_a_close_is_not() {
    let (mut peer, session, waiting) = polling().await;
    let server = async {
        let sent = peer.asked("/xhr_send?").await;
        assert_eq!(sent.body, r#"["{\"type\":\"leave\"}"]"#);
        sent.answers_as(204, "").await;
        waiting.answers("c[1000,\"Normal closure\"]\n").await;
    };
    let (closed, ()) = join!(session.leave(), server);
    assert_eq!(closed.unwrap().code, 1000);

    let (_peer, session, mut waiting) = polling().await;
    assert_eq!(session.close(1001).await.unwrap().code, 1001);
    assert_eq!(waiting.stream.read(&mut [0]).await.unwrap_or(0), 0);
}

async fn entered(joined: &mut JoinedRoom) -> String {
    loop {
        if let RoomEvent::Entered(welcome) = joined.next().await.unwrap() {
            return welcome.resume;
        }
    }
}

#[tokio::test]
async fn a_joined_room_comes_back_the_way_it_came() {
    let (mut peer, account) = Peer::bind(Transport::WebSocket).await;
    let options = JoinOptions { transport: Some(Transport::XhrPolling), ..JoinOptions::default() };
    let server = async {
        let reserved = reservation("t1").to_string();
        peer.asked("/reservations").await.answers_as(201, &reserved).await;
        peer.welcomes("secret-1", 0).await
    };
    let (joined, waiting) = join!(account.join(ROOM, options), server);
    let mut joined = joined.unwrap();
    assert_eq!(entered(&mut joined).await, "secret-1");
    drop(waiting);
    let server = async {
        let reserved = reservation("t2").to_string();
        peer.asked("/reservations").await.answers_as(201, &reserved).await;
        let waiting = peer.welcomes("secret-2", 0).await;
        assert!(waiting.line.contains("ticket=t2&resume=secret-1&since=0"), "{}", waiting.line);
        waiting
    };
    let (resume, _waiting) = join!(entered(&mut joined), server);
    assert_eq!(resume, "secret-2");
}
