//! Our own clients over TLS: they enter and talk, and tell nothing to whoever does not prove to be the server.

use anteroom_client::{Client, ConfirmOptions, Distrust, Error, Transport, Trust};
use anteroom_protocol::entry::Reserve;
use anteroom_protocol::room::CreateRoom;

use crate::harness::terminal::PipedChat;
use crate::harness::{Authority, TestServer, next_message};

async fn start(authority: &Authority) -> TestServer {
    TestServer::start(|cfg| authority.is_used_by(cfg)).await
}

/// How somebody without an account is called.
fn guest<'a, const N: usize>(room: &'a str, more: [&'a str; N]) -> Vec<&'a str> {
    [&["--name", "Mina", "--room", room][..], &more].concat()
}

#[tokio::test]
async fn the_rust_client_enters_and_talks_over_tls_by_every_transport() {
    let authority = Authority::new();
    let server = start(&authority).await;
    let trust = authority.trust();
    let client = Client::trusting(Authority::address(&server), &trust).unwrap();
    let ann = client.guest("Ann").await.unwrap();
    let wish = CreateRoom { name: "Behind a lock".into(), capacity: 8, ..CreateRoom::default() };
    let made = ann.create_room(&wish).await.unwrap();
    assert!(made.reservation.websocket_url.starts_with("wss://"), "as the server says");
    let mut host = client.confirm(&made.reservation, ConfirmOptions::default()).await.unwrap();
    for transport in Transport::ALL {
        let guest = client.guest(transport.as_str()).await.unwrap();
        let seat = guest.reserve(made.room.id, &Reserve::default()).await.unwrap();
        let options = ConfirmOptions { transport: Some(transport), ..ConfirmOptions::default() };
        let mut session = client.confirm(&seat, options).await.unwrap();
        session.send(transport.as_str()).await.unwrap();
        assert_eq!(next_message(&mut host).await.content, transport.as_str());
        session.leave().await.unwrap();
    }
}

#[tokio::test]
async fn asvs_12_3_2_a_server_that_does_not_prove_who_it_is_is_told_nothing() {
    let authority = Authority::new();
    let server = start(&authority).await;
    let own = authority.trust();
    let others = Authority::new().trust();
    let by_name = Authority::address(&server);
    // The certificate is for a name only.
    let by_address = format!("https://127.0.0.1:{}", server.port());
    for (address, trust, distrust) in [
        (&by_name, &others, Distrust::Issuer),
        (&by_name, &Trust::Machine, Distrust::Issuer),
        (&by_address, &own, Distrust::Name),
    ] {
        let client = Client::trusting(address, trust).unwrap();
        let refused = client.guest("Ann").await.unwrap_err();
        assert!(matches!(&refused, Error::Untrusted(why) if *why == distrust), "{refused:?}");
        let refused = client.confirm_ticket("secret", ConfirmOptions::default()).await;
        let refused = refused.err().expect("no session");
        assert!(matches!(&refused, Error::Untrusted(why) if *why == distrust), "{refused:?}");
    }
    let client = Client::trusting(&by_name, &own).unwrap();
    client.guest("Ann").await.unwrap();
}

#[tokio::test]
async fn anteroom_chat_goes_over_tls_and_says_in_words_whom_it_does_not_trust() {
    let authority = Authority::new();
    let server = start(&authority).await;
    let trust = authority.trust();
    let (root, by_name) = (authority.root(), Authority::address(&server));
    let client = Client::trusting(&by_name, &trust).unwrap();
    let ann = client.guest("Ann").await.unwrap();
    let wish = CreateRoom { name: "Behind a lock".into(), capacity: 3, ..CreateRoom::default() };
    let made = ann.create_room(&wish).await.unwrap();
    let mut host = client.confirm(&made.reservation, ConfirmOptions::default()).await.unwrap();

    let room = made.room.id.to_string();
    let wss = by_name.replace("https://", "wss://");
    for address in [&by_name, &wss] {
        let mut mina = PipedChat::start(address, &guest(&room, ["--ca", &root]));
        mina.says("You are in Behind a lock").await;
        mina.types("over a lock");
        assert_eq!(next_message(&mut host).await.content, "over a lock");
        mina.ends_input();
        assert_eq!(mina.exit().await, 0);
    }
    let others = Authority::new();
    let other = others.root();
    let by_address = format!("https://127.0.0.1:{}", server.port());
    let empty = authority.file("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (address, arguments, words) in [
        (&by_name, guest(&room, []), "name its file with --ca"),
        (&by_name, guest(&room, ["--ca", &other]), "nobody this machine trusts"),
        (&by_address, guest(&room, ["--ca", &root]), "its certificate is for another name"),
        (&by_name, guest(&room, ["--ca", empty.to_str().unwrap()]), "it has no certificate"),
        (&by_name, guest(&room, ["--ca", "/nowhere.pem"]), "/nowhere.pem"),
    ] {
        let mut refused = PipedChat::start(address, &arguments);
        refused.says(words).await;
        assert_eq!(refused.exit().await, 2, "{words}");
    }
}
