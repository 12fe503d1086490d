//! `anteroom chat`, the real program against a real server.

use anteroom_client::Account;
use anteroom_client::HistoryFrom;
use anteroom_protocol::frame::ServerFrame;
use anteroom_protocol::message::Message;
use anteroom_protocol::room::CreateRoom;

use crate::harness::terminal::{COLUMNS, PipedChat, Screen, TerminalChat};
use crate::harness::{Known as _, PASSWORD, Relay, TestServer, within};

/// What was said in a room, oldest first.
async fn said(account: &Account, room: i64) -> Vec<String> {
    let page = account.history(room, HistoryFrom::Newest, Some(200)).await.unwrap();
    let mut said: Vec<Message> = page.items;
    said.reverse();
    said.into_iter().map(|message| message.content).collect()
}

fn guest<'a>(name: &'a str, room: &'a str) -> [&'a str; 5] {
    ["--plain", "--name", name, "--room", room]
}

#[tokio::test]
async fn two_people_make_a_room_find_it_by_name_and_talk() {
    let server = TestServer::plain().await;
    let mut mina = PipedChat::start(server.base(), &["--plain", "--name", "Mina"]);
    mina.says("No room is open yet.").await;
    mina.types("new Tea room 3");
    mina.says("was made").await;
    let entered = mina.says("You are in Tea room (").await;
    assert!(entered.ends_with("●○○ 1/3"), "{entered}");

    let mut jun = PipedChat::start(server.base(), &["--plain", "--name", "준", "--lang", "ko"]);
    let listed = jun.says("Tea room").await;
    assert!(listed.contains("Tea room  ●○○ 1/3"), "{listed}");
    jun.types("tea ROOM");
    jun.says("에 들어왔어요. ●●○ 2/3").await;
    mina.says("→ 준 came in").await;

    jun.types("안녕하세요, 미나 님");
    let heard = mina.says("준: 안녕하세요, 미나 님").await;
    assert_eq!(heard.as_bytes()[2], b':', "the time: {heard}");
    mina.types("hello");
    mina.types("//usr/bin");
    jun.says("Mina: hello").await;
    jun.says("Mina: /usr/bin").await;

    mina.types("/edit /usr/sbin");
    jun.says("Mina 님의 #3 글이 바뀌었어요: /usr/sbin").await;
    mina.types("/delete #2");
    jun.says("#2 글이 지워졌어요").await;
    jun.types("/지난글");
    jun.says("#2 ").await;
    jun.says("/usr/sbin (고침)").await;
    jun.types("/누구");
    let who = jun.says("여기 있는 분: ").await;
    assert!(who.contains("Mina") && who.contains("준"), "{who}");
    jun.types("/dance");
    jun.says("/dance 명령은 없어요").await;
    jun.types("/나가기");
    jun.says("자리를 비웠어요").await;
    assert_eq!(jun.exit().await, 0);
    mina.says("← 준 left").await;
    mina.types("/seats");
    mina.says("●○○ 1/3").await;
    mina.ends_input();
    mina.says("You left.").await;
    assert_eq!(mina.exit().await, 0);
}

#[tokio::test]
async fn a_full_room_says_so_and_the_line_gives_the_seat_that_comes_free() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 1).await;
    let number = room.to_string();

    let mut refused = PipedChat::start(server.base(), &guest("Mina", &number));
    refused.says("The room is full: ● 1/1").await;
    refused.says("--wait").await;
    assert_eq!(refused.exit().await, 2);

    let waits = [&guest("Mina", &number)[..], &["--wait"]].concat();
    let mut mina = PipedChat::start(server.base(), &waits);
    mina.types("am I in?");
    mina.says("In line: you are next").await;
    let mut jun =
        PipedChat::start(server.base(), &[&guest("Jun", &number)[..], &["--wait"]].concat());
    jun.says("In line: place 2, 1 before you").await;
    // One gives up: asked to stop, the place is given back at once.
    jun.signal("TERM");
    jun.says("You left the line.").await;
    assert_eq!(jun.exit().await, 0);
    assert_eq!(server.seats(room).await.waiting, 1);

    session.leave().await.unwrap();
    mina.says("It is your turn.").await;
    mina.says("You are in A room").await;
    mina.says("Mina: am I in?").await;
}

#[tokio::test]
async fn who_is_replaced_is_told_in_words_and_stays_away() {
    let server = TestServer::start(|it| {
        it.set("auth.logins_per_user", 2);
    })
    .await;
    let owner = server.user("owner").await;
    let (room, _session) = server.room(&owner, 3).await;
    server.user("mina").await;
    let number = room.to_string();
    let login = ["--plain", "--user", "mina", "--room", &number];
    let mut first = PipedChat::start(server.base(), &login);
    first.says("You are in A room").await;
    let mut second = PipedChat::start(server.base(), &[&login[..], &["--lang", "ko"]].concat());
    second.says("다른 곳의 접속은 끝났고").await;
    first.says("You are in the room from elsewhere now").await;
    assert_eq!(first.exit().await, 3);
    second.types("still here");
    second.says("mina: still here").await;
    assert_eq!(server.seats(room).await.occupied, 2);
}

#[tokio::test]
async fn every_other_end_by_somebody_else_is_told_in_words() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 9).await;
    let number = room.to_string();
    let enter = |user: &'static str| {
        let login = ["--plain", "--user", user, "--room", &number];
        PipedChat::start(server.base(), &login)
    };
    let (removed, superseded) = (server.user("removed").await, server.user("superseded").await);
    server.user("closed").await;
    let mut chats = ["removed", "superseded", "closed"].map(enter);
    for chat in &mut chats {
        chat.says("You are in A room").await;
    }
    let [by_removal, by_login, by_closing] = &mut chats;
    owner.remove_member(room, removed.id()).await.unwrap();
    by_removal.says("You were removed from the room").await;
    assert_eq!(by_removal.exit().await, 3);
    // One login per user: a newer one ends this one.
    server.login("superseded").await;
    by_login.says("Your login has ended, or you logged in elsewhere").await;
    assert_eq!(by_login.exit().await, 3);
    drop(superseded);
    owner.close_room(room).await.unwrap();
    by_closing.says("The room was closed.").await;
    assert_eq!(by_closing.exit().await, 3);
}

#[tokio::test]
async fn after_a_restart_of_the_server_it_comes_back_and_what_was_typed_meanwhile_is_said() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 3).await;
    let relay = Relay::to(server.port()).await;
    let url = format!("http://{}", relay.address());
    let mut mina = PipedChat::start(&url, &guest("Mina", &room.to_string()));
    mina.says("You are in A room").await;
    server.stop().await;
    mina.says("The server is restarting. Coming back by myself").await;
    mina.types("said meanwhile");
    mina.says("Kept, and sent when the line is back.").await;
    server.restart().await;
    relay.turn_to(server.port());
    mina.says("Back in the room").await;
    mina.says("Mina: said meanwhile").await;
    assert_eq!(said(&server.login("owner").await, room).await, ["said meanwhile"]);
}

#[tokio::test]
async fn what_is_piped_in_is_said_line_by_line_as_it_stands_and_then_it_leaves() {
    let server = TestServer::start(|it| {
        it.set("limits.enabled", true);
    })
    .await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 3).await;
    let mut pipe =
        PipedChat::start(server.base(), &["--name", "cron", "--room", &room.to_string()]);
    // More than may be said at once, and among it what would be a command from a person.
    let mut lines: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
    lines[3] = "/leave".to_owned();
    lines.iter().for_each(|line| pipe.types(line));
    pipe.types("");
    pipe.ends_input();
    pipe.says("You left. The seat is free.").await;
    assert_eq!(pipe.exit().await, 0);
    assert_eq!(said(&owner, room).await, lines);
    server.seats_when(room, |seats, _| seats.occupied + seats.held == 0).await;
}

#[tokio::test]
async fn a_piped_line_that_is_not_stored_shows_in_the_exit_status() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let room = server.empty_room(&owner, 3).await.to_string();
    let mut pipe = PipedChat::start(server.base(), &["--name", "cron", "--room", &room]);
    pipe.types(&"x".repeat(4_001));
    pipe.types("short");
    pipe.ends_input();
    let told = pipe.says("Not sent: The server does not take that.").await;
    assert!(told.ends_with("x…") && told.chars().count() < 200, "the beginning is enough: {told}");
    pipe.says("cron: short").await;
    assert_eq!(pipe.exit().await, 1);
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_why_and_the_exit_status_says_so() {
    let server = TestServer::start(|it| {
        it.set("auth.guests", false);
    })
    .await;
    let owner = server.user("owner").await;
    let body = CreateRoom {
        name: "Guarded".into(),
        capacity: 2,
        password: Some(PASSWORD.into()),
        ..CreateRoom::default()
    };
    let created = owner.create_room(&body).await.unwrap();
    let _seated = owner.confirm(&created.reservation, Default::default()).await.unwrap();
    server.user("mina").await;
    let room = created.room.id.to_string();
    let away = "http://127.0.0.1:1";
    let base = server.base();
    let login = ["--user", "mina", "--room"];
    let cases: [(&str, Vec<&str>, i32, &str); 7] = [
        (base, [&login[..], &[&room]].concat(), 2, "The room has a password"),
        (base, [&login[..], &["999"]].concat(), 2, "There is no such room."),
        (base, [&login[..], &["Nowhere"]].concat(), 2, "No open room is called Nowhere."),
        (base, vec!["--name", "Guest"], 2, "Guests cannot come in here."),
        (base, vec!["--user", "nobody"], 2, "User name or password is wrong."),
        (away, vec!["--name", "Guest"], 1, "The server cannot be reached."),
        ("https://127.0.0.1:1", vec!["--name", "Guest"], 1, "The server cannot be reached."),
    ];
    for (url, arguments, status, words) in cases {
        let mut chat = PipedChat::start(url, &arguments);
        chat.says(words).await;
        assert_eq!(chat.exit().await, status, "{words}");
    }
    let right = [&login[..], &[&room, "--room-password", PASSWORD]].concat();
    PipedChat::start(base, &right).says("You are in Guarded").await;
}

#[tokio::test]
async fn what_others_write_cannot_command_a_terminal() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 3).await;
    let mut mina = PipedChat::start(server.base(), &guest("Mina", &room.to_string()));
    mina.says("You are in").await;
    session.send("\x1b[2J\x1b]52;c;cm0=\x07wiped\u{202e}\n12:00 owner: forged").await.unwrap();
    let line = mina.says("wiped").await;
    assert!(line.contains("␛[2J␛]52;c;cm0=␇wiped\u{fffd} ⏎ 12:00 owner: forged"), "{line:?}");
    assert!(!line.contains(|char: char| char.is_control()), "{line:?}");
}

#[tokio::test]
async fn on_a_terminal_what_is_typed_and_what_comes_in_do_not_garble_each_other() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 4).await;
    session.send("said before").await.unwrap();
    let number = room.to_string();
    let mut terminal =
        TerminalChat::start(server.base(), &["--room", &number, "--name", "준", "--lang", "ko"]);
    let foot = |screen: &Screen, text: &str| screen.foot() == text;
    terminal.shows("the room", |it| foot(it, "2/4>") && it.has("owner: said before")).await;

    // What is drawn comes in pieces, so the whole picture is waited for.
    terminal.types("안녕하세");
    // A Korean letter is two columns wide.
    let typed = |it: &Screen| foot(it, "2/4> 안녕하세") && it.cursor.1 == 5 + 8;
    terminal.shows("what is typed", typed).await;
    session.send("interrupting").await.unwrap();
    let heard = |it: &Screen| it.has("owner: interrupting") && typed(it);
    terminal.shows("the message above what is typed", heard).await;
    session.send(format!("\x1b[2J\x1b[H\n{}", "가".repeat(30))).await.unwrap();
    let hostile = |it: &Screen| it.has("␛[2J␛[H") && typed(it);
    let screen = terminal.shows("the hostile one", hostile).await;
    assert!(screen.has("owner: interrupting"), "nothing was wiped: {screen:#?}");
    let set_in = screen.rows.iter().filter(|row| row.starts_with("        가")).count();
    assert_eq!(set_in, 2, "no row of it begins where messages begin: {screen:#?}");

    // One more letter, one mistyped and taken back.
    terminal.types("요ㅋ\x7f\r");
    let is_it = |frame: &ServerFrame| match frame {
        ServerFrame::Message(message) if message.content == "안녕하세요" => {
            Some(message.clone())
        }
        _ => None,
    };
    let heard = within("what was typed", session.wait_for(is_it)).await.unwrap();
    assert_eq!(heard.sender.unwrap().name, "준");
    let said = |it: &Screen| foot(it, "2/4>") && it.has("준: 안녕하세요");
    terminal.shows("an empty line, and what was said", said).await;

    // Longer than the row: it scrolls, and stays one row.
    terminal.types("아주 긴 한국어 문장은 줄 끝에서 밀려 나가고 끝이 보여요");
    let at_end = |it: &Screen| {
        let (foot, is_inside) = (it.foot(), it.cursor.1 < usize::from(COLUMNS));
        foot.starts_with("2/4> ") && foot.ends_with("끝이 보여요") && is_inside
    };
    terminal.shows("its end", at_end).await;
    session.send("once more").await.unwrap();
    let heard = |it: &Screen| it.has("owner: once more") && at_end(it);
    let screen = terminal.shows("one more message", heard).await;
    let feet = screen.rows.iter().filter(|row| row.starts_with("2/4>")).count();
    assert_eq!(feet, 1, "no rest of it is left above: {screen:#?}");

    terminal.types("\x15/나가기\r");
    assert_eq!(terminal.exit().await, (0, true));
    assert!(terminal.screen().has("자리를 비웠어요"));
}

#[tokio::test]
async fn on_a_terminal_the_end_of_a_stay_leaves_it_as_it_was() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, mut session) = server.room(&owner, 4).await;
    let number = room.to_string();
    let mut terminal =
        TerminalChat::start(server.base(), &["--room", &number, "--name", "Mina", "--lang", "en"]);
    terminal.shows("the room", |it| it.foot() == "2/4>").await;
    terminal.types("half a sent");
    terminal.shows("what is typed", |it| it.foot() == "2/4> half a sent").await;
    owner.close_room(room).await.unwrap();
    terminal.shows("why", |it| it.has("The room was closed.")).await;
    assert_eq!(terminal.exit().await, (3, true));
    let over = session.wait_for(|frame| matches!(frame, ServerFrame::Closing(_)).then_some(()));
    within("the end of the other", over).await.unwrap();
}

#[tokio::test]
async fn a_person_who_leaves_does_not_wait_for_a_line_that_is_lost() {
    let mut server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let number = server.empty_room(&owner, 4).await.to_string();
    let mut terminal =
        TerminalChat::start(server.base(), &["--room", &number, "--name", "Mina", "--lang", "en"]);
    terminal.shows("the room", |it| it.foot() == "1/4>").await;
    // Said, and left at once: it is stored first.
    let mut second = PipedChat::start(server.base(), &guest("Jun", &number));
    second.says("You are in").await;
    second.types("last words");
    second.types("/leave");
    terminal.shows("the last words", |it| it.has("Jun: last words")).await;
    assert_eq!(second.exit().await, 0);
    server.stop().await;
    terminal.shows("the loss", |it| it.has("The server is restarting.")).await;
    terminal.types("never mind\r");
    terminal.shows("that it is kept", |it| it.has("Kept, and sent when")).await;
    terminal.types("\x03");
    assert_eq!(terminal.exit().await, (0, true));
}

#[tokio::test]
async fn on_a_terminal_the_password_is_not_shown_and_a_full_room_offers_its_line() {
    let server = TestServer::plain().await;
    let owner = server.user("owner").await;
    let (room, session) = server.room(&owner, 1).await;
    server.user("mina").await;
    let number = room.to_string();
    let login = ["--room", &number, "--user", "mina", "--lang", "en"];
    let mut terminal = TerminalChat::start(server.base(), &login);
    terminal.shows("the question", |it| it.foot() == "Password of mina:").await;
    terminal.draws_for(PASSWORD).await;
    terminal.shows("nothing of it", |it| it.foot() == "Password of mina:").await;
    terminal.types("\r");
    let screen = terminal.shows("the next", |it| it.foot() == "Wait in line? [Y/n]").await;
    assert!(screen.has("The room is full: ● 1/1"), "{screen:#?}");
    assert!(!screen.has("horse"), "{screen:#?}");
    terminal.types("\r");
    terminal.shows("the place", |it| it.has("In line: you are next")).await;
    terminal.types("hello?\r");
    terminal.shows("that nobody hears", |it| it.has("Nobody hears you yet")).await;
    session.leave().await.unwrap();
    let seated = |it: &Screen| it.has("It is your turn.") && it.foot() == "1/1>";
    terminal.shows("the seat", seated).await;
    // What was fetched with the arrow is what was said, never the password.
    terminal.types("\x1b[A");
    terminal.shows("what was typed before", |it| it.foot() == "1/1> hello?").await;
    terminal.draws_for("\x1b[A").await;
    terminal.shows("nothing before that", |it| it.foot() == "1/1> hello?").await;
    terminal.types("\x15/leave\r");
    assert_eq!(terminal.exit().await, (0, true));
}
