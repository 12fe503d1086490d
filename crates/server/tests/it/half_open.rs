//! Peers that are gone without a word, and lines that take nothing: the seat is back in time, and
//! who only reads slowly keeps it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use anteroom_client::ConfirmOptions;
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::frame::ClientFrame;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::harness::{
    Known as _, Strace, TestServer, Wire, alive, ended, lacks_websocket, not_run, now_ms,
};

const PING: Duration = Duration::from_millis(300);
const SILENCE: Duration = Duration::from_millis(1_200);
const GRACE: Duration = Duration::from_millis(500);
/// What the machine may take for it, with other tests beside it.
const MARGIN: Duration = Duration::from_secs(3);

/// A server whose limits are short.
async fn impatient() -> TestServer {
    TestServer::start(|cfg| {
        cfg.set("heartbeat.ping", format!("{}ms", PING.as_millis()))
            .set("heartbeat.silence", format!("{}ms", SILENCE.as_millis()))
            .set("admission.grace", format!("{}ms", GRACE.as_millis()));
    })
    .await
}

/// An address of this machine that can be taken away, and all that is sent to it with it.
struct Cable {
    address: Ipv4Addr,
}

impl Cable {
    /// `None`, said loudly, where this machine does not allow it: then `test` has not been run.
    fn plug_in(test: &str) -> Option<Self> {
        let [.., third, fourth] = std::process::id().to_be_bytes();
        let cable = Self { address: Ipv4Addr::new(10, 77, third, fourth) };
        cable.ip(&["addr", "add", &cable.here(), "dev", "lo"], test).then_some(cable)
    }

    fn here(&self) -> String {
        format!("{}/32", self.address)
    }

    fn ip(&self, words: &[&str], test: &str) -> bool {
        let said = match Command::new("ip").args(words).output() {
            Ok(output) if output.status.success() => return true,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        not_run(test, said.trim());
        false
    }

    /// From now on nothing arrives there, and nobody is told.
    fn cut(&self, test: &str) -> bool {
        self.ip(&["route", "add", "blackhole", &self.here()], test)
            && self.ip(&["addr", "del", &self.here(), "dev", "lo"], test)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // One of the two is there.
        for words in [["addr", "del"], ["route", "del"]] {
            let _ = Command::new("ip").args(words).arg(self.here()).args(["dev", "lo"]).output();
        }
        let _ = Command::new("ip").args(["route", "del", "blackhole", &self.here()]).output();
    }
}

#[tokio::test]
async fn f43_the_seat_of_a_half_open_client_is_back_within_silence_and_grace() {
    const NAME: &str = "f43_the_seat_of_a_half_open_client_is_back_within_silence_and_grace";
    if lacks_websocket(NAME, "the cable is that of a socket") {
        return;
    }
    let server = impatient().await;
    let Some(cable) = Cable::plug_in(NAME) else { return };
    let (room, mut talking) = server.room(&server.user("owner").await, 2).await;
    let gone = server.guest("gone").await;
    let reservation = gone.reserve(room, &Reserve::default()).await.unwrap();
    let mut line = Wire::open_from(&reservation, cable.address).await;
    assert!(line.welcomed().await);
    if !cable.cut(NAME) {
        return;
    }
    let cut_at = now_ms();
    let returned = json!({ "room": room, "user": gone.id() });
    let talk = async {
        loop {
            // What is told piles up before a line on which nothing is acknowledged.
            alive(&mut talking).await;
        }
    };
    let returned = tokio::select! {
        returned = server.event("seat.returned", returned) => returned,
        () = talk => unreachable!("it talks on"),
    };
    let took = returned.at_ms() - cut_at;
    let due = SILENCE + GRACE + MARGIN;
    assert!(took <= i64::try_from(due.as_millis()).unwrap(), "back after {took} ms");
    let next = server.guest("next").await.enter(room).await;
    alive(&mut next.unwrap()).await;
}

#[tokio::test]
async fn f44_a_peer_that_never_answers_is_removed_and_a_slow_one_that_does_is_kept() {
    if lacks_websocket("a slow one that answers", "the socket is read byte by byte") {
        return;
    }
    let server = impatient().await;
    let (room, mut talking) = server.room(&server.user("owner").await, 3).await;
    let (mute, slow) = (server.guest("mute").await, server.guest("slow").await);
    // The kernel takes what comes for it; nobody reads.
    let reservation = mute.reserve(room, &Reserve::default()).await.unwrap();
    let mut mute_line = Wire::open(&reservation).await;
    assert!(mute_line.welcomed().await);
    let reservation = slow.reserve(room, &Reserve::default()).await.unwrap();
    let options = ConfirmOptions { receive_buffer: Some(4 << 10), ..ConfirmOptions::default() };
    let mut slow_line = slow.confirm(&reservation, options).await.unwrap();
    let stay = |who: &anteroom_client::Account| json!({ "room": room, "user": who.id() });
    let talk = async {
        loop {
            alive(&mut talking).await;
            // One byte of all that is told, and a word: it is behind for ever, and it is there.
            let mut byte = [0];
            let read =
                slow_line.socket_mut().expect("a WebSocket").get_mut().read_exact(&mut byte).await;
            read.expect("a slow reader is not cut");
            slow_line.send_frame(&ClientFrame::Ping { nonce: None }).await.unwrap();
        }
    };
    tokio::select! {
        _ = server.event("seat.returned", stay(&mute)) => {}
        () = talk => unreachable!("it talks on"),
    }
    assert_eq!(server.logged("session.closed", stay(&slow)).len(), 0, "the slow one is kept");
    assert_eq!(server.seats(room).await.occupied, 2);
}

/// The system refuses to take what is sent, and gives the reader no sign of it.
#[tokio::test]
async fn bug_a_session_that_lost_a_frame_does_not_live_on() {
    const NAME: &str = "bug_a_session_that_lost_a_frame_does_not_live_on";
    if lacks_websocket(NAME, "what is said has an answer, which the system does not take either") {
        return;
    }
    let server = TestServer::start(|cfg| {
        cfg.set("heartbeat.ping", "10m").set("heartbeat.silence", "20m");
    })
    .await;
    let (_, mut session) = server.room(&server.user("owner").await, 2).await;
    alive(&mut session).await;
    let inject =
        ["-e", "trace=sendto,writev,sendmsg", "-e", "inject=sendto,writev,sendmsg:error=ENOBUFS"];
    let Some(strace) = Strace::attach(&server, NAME, &inject) else { return };
    let say = r#"{"type":"send","client_id":"lost","content":"lost"}"#;
    session.send_raw_text(say).await.unwrap();
    let id = session.welcome().session;
    server.event("session.closed", json!({ "session": id, "code": 1006 })).await;
    drop(strace);
    // The last try may still be taken; then the line ends.
    ended(&mut session).await;
}

#[tokio::test]
async fn a_program_that_was_held_up_asks_on_a_new_connection_when_the_old_one_was_closed_meanwhile()
{
    let server = TestServer::start(|_| {}).await;
    let account = server.user("held-up").await;
    // Closed by the server when nothing was asked on it for 10 s, and after the one of the client.
    let mut silent = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    silent.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // This holds up the only thread that the client has.
    silent.read_to_end(&mut Vec::new()).unwrap();
    account.client().guest("later").await.unwrap();
}
