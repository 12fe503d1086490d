//! 한국어 문장. The Korean sentences, in the polite 해요 style of the pages.

use anteroom_client::protocol::Code;

use super::Words;

pub(in super::super) static WORDS: Words = Words {
    seats_reserved: "{n}석 예약됨",
    seats_held: "{n}석 맡아 둠",
    seats_waiting: "{n}명 대기 중",

    ask_name: "이름: ",
    ask_password: "{name} 님의 비밀번호: ",
    ask_room: "어느 방으로 갈까요? 번호나 이름, 또는 새방 이름 자리수 > ",
    ask_room_password: "방 비밀번호: ",
    ask_wait: "줄을 설까요? [Y/n] ",
    yes: &["", "y", "yes", "네", "예", "ㅛ"],
    name_missing: "누구인지 알려 주세요. --name 이름 은 게스트로, --user 아이디 는 계정으로 들어가요.",
    password_missing: "비밀번호를 물어볼 수 없어요. ANTEROOM_PASSWORD 에 넣어 주세요.",
    bad_authority: "--ca {file}: {why}",
    no_authority: "이 컴퓨터가 믿는 인증 기관이 없어요: {why}. 인증서 목록(ca-certificates)을 설치하거나 --ca 로 파일을 알려 주세요.",
    not_trusted: "그 서버가 맞는지 확인할 수 없어 아무것도 보내지 않았어요: {why}",
    other_issuer: "이 컴퓨터가 믿는 곳에서 발급한 인증서가 아니에요. 직접 만든 인증 기관이라면 --ca 로 그 파일을 알려 주세요.",
    other_name: "인증서의 이름이 --url 의 이름과 달라요.",
    expired: "인증서의 기한이 지났어요.",
    bad_address: "서버 주소가 아니에요: {url}",

    rooms: "열려 있는 방:",
    no_rooms: "아직 열린 방이 없어요.",
    more_rooms: "방이 더 있어요. 이름으로 찾을 수 있어요.",
    needs_password: "비밀번호",
    no_such_name: "열린 방 가운데 이름이 {name}인 방이 없어요.",
    several_rooms: "같은 이름의 방이 여럿이에요. 번호로 골라 주세요.",
    room_made: "{id}번 방을 만들었어요. 다른 분은 이렇게 들어와요: anteroom chat --room {id}",

    full: "방이 가득 찼어요: {seats}",
    full_no_line: "지금은 줄도 설 수 없어요. 나중에 다시 해 주세요.",
    full_hint: "--wait 를 붙이면 줄을 서요.",
    place: "대기 {place}번째, 앞에 {ahead}명{estimate}. /나가기 로 줄에서 나와요.",
    place_first: "다음이 내 차례예요{estimate}. /나가기 로 줄에서 나와요.",
    estimate_soon: ", 1분 안쪽",
    estimate_minutes: ", 약 {n}분",
    your_turn: "차례가 왔어요.",
    still_waiting: "아직 줄에 서 있어서 아무에게도 들리지 않아요. /나가기 로 줄에서 나와요.",
    line_left: "줄에서 나왔어요.",
    seat_lost: "연결이 너무 오래 끊겨서 자리가 방으로 돌아갔어요.",

    entered: "{room}({id})에 들어왔어요. {seats}",
    entered_elsewhere: "다른 곳의 접속은 끝났고, 자리는 그대로예요.",
    hint: "글을 쓰면 모두에게 보여요. /도움말 에 명령이 있어요.",
    back: "방에 돌아왔어요. 놓친 글은 없어요.",
    back_truncated: "방에 돌아왔어요. 그동안 글이 많았어요. /지난글 로 볼 수 있어요.",
    joined: "→ {name} 님이 들어왔어요",
    left: "← {name} 님이 나갔어요",
    edited: "{whose}#{n} 글이 바뀌었어요: ",
    deleted: "{whose}#{n} 글이 지워졌어요",
    whose: "{name} 님의 ",
    gone_message: "(지운 글)",
    changed_mark: " (고침)",
    direct: "{name} 님이 나에게만: ",
    server: "서버",
    missed: "그동안 고치거나 지운 옛 글이 있어요.",
    not_sent: "보내지 못했어요: {why} · ",
    not_now: "지금은 연결이 끊겼어요. 돌아온 뒤에 다시 해 주세요.",
    too_many_unsent: "밀린 글이 너무 많아 보내지 못했어요: ",
    kept_for_later: "연결이 돌아오면 보낼게요.",
    who: "여기 있는 분: {names}",
    away_mark: " (곧 돌아옴)",
    no_history: "더 오래된 글이 없어요.",
    nothing_to_change: "그런 내 글을 찾지 못했어요. /지난글 에서 번호를 볼 수 있어요.",
    unknown_command: "/{name} 명령은 없어요. /도움말 을 보세요. // 로 시작하면 / 로 시작하는 글을 써요.",
    usage: "이렇게 써요: {usage}",
    help: &[
        "/누구  /who             누가 있는지",
        "/자리  /seats           자리 현황",
        "/지난글 /history [20]    지난 글과 번호",
        "/고치기 /edit [#12] …    마지막 내 글, 또는 12번 글을 고치기",
        "/지우기 /delete [#12]    지우기",
        "/나가기 /leave           나가기. 자리는 바로 비어요 (Ctrl-C, Ctrl-D 도 돼요)",
        "//…                     / 로 시작하는 글 쓰기",
    ],

    you_left: "방에서 나왔어요. 자리를 비웠어요.",
    away: "연결이 끊겼어요. 저절로 돌아갈게요…",
    away_server: "서버를 다시 시작하고 있어요. 저절로 돌아갈게요…",
    away_slow: "글이 너무 많아 연결이 따라가지 못했어요. 저절로 돌아갈게요…",
    away_fast: "한꺼번에 너무 많이 보냈어요. 잠시 뒤 저절로 돌아갈게요…",
    offline: "서버에 연결할 수 없어요. 주소가 맞는지, 서버가 켜져 있는지 봐 주세요.",
    not_understood: "서버와 이 프로그램이 서로 알아듣지 못해요: {detail}",
    of_code,
};

fn of_code(code: Code) -> &'static str {
    match code {
        Code::BadRequest | Code::BadFrame => {
            "서버가 알아듣지 못했어요. 둘이 같은 버전인지 봐 주세요."
        }
        Code::Unauthenticated => {
            "로그인이 끝났거나 다른 곳에서 로그인했어요. 다시 시작해서 로그인해 주세요."
        }
        Code::Forbidden => "이 계정으로는 할 수 없어요.",
        Code::NotFound => "그런 것은 없어요.",
        Code::TooLarge => "너무 길어요. 줄여 주세요.",
        Code::Invalid => "서버가 받지 않는 값이에요.",
        Code::RateLimited => "짧은 시간에 너무 많았어요. 잠시 기다려 주세요.",
        Code::Unavailable => {
            "서버에 필요한 것이 없어 지금은 정할 수 없어요. 잠시 뒤에 다시 해 주세요."
        }
        Code::UsernameTaken => "이미 있는 아이디예요.",
        Code::BadCredentials => "아이디나 비밀번호가 틀렸어요.",
        Code::AccountLocked => "잠긴 계정이에요. 운영자에게 물어봐 주세요.",
        Code::AccountExpired => "기간이 끝난 계정이에요. 운영자에게 물어봐 주세요.",
        Code::CredentialsExpired => "비밀번호가 오래됐어요. 서버의 웹 화면에서 바꿔 주세요.",
        Code::GuestsDisabled => "게스트는 들어올 수 없어요. 계정을 써 주세요: --user 아이디",
        Code::LastAdmin => "관리자가 아무도 남지 않게 돼요.",
        Code::RoomFull => "방이 가득 찼어요.",
        Code::RoomNotFound => "그런 방이 없어요. 목록에 없는 방은 --key 가 필요해요.",
        Code::RoomClosed => "방이 닫혔어요. 다른 방을 골라 주세요.",
        Code::WrongRoomPassword => "방 비밀번호가 맞지 않아요: --room-password",
        Code::Banned => "이 방에는 더 들어올 수 없어요. 다른 방은 열려 있어요.",
        Code::Replaced => {
            "이제 다른 곳에서 같은 자리에 앉아 있어요. 여기로 돌아오려면 다시 시작해 주세요."
        }
        Code::TooManyReservations => {
            "다른 방에 예약만 하고 앉지 않은 자리가 있어요. 예약이 끝날 때까지 기다려 주세요."
        }
        Code::AlreadySeated => "이미 그 방에 자리가 있어요.",
        Code::NotWaiting => "이제 줄에 서 있지 않아요. 다시 시작하면 맨 뒤에 서요.",
        Code::NoReservation => "더는 쓸 수 없는 입장권이에요. 다시 시작해 주세요.",
        Code::ReservationExpired => "제때 앉지 못했어요. 다시 시작해 주세요.",
        Code::EntryFailed => "자리는 있었지만 입장을 저장하지 못했어요. 다시 시작해 주세요.",
        Code::LoggedOut => "로그아웃됐어요. 다시 시작해서 로그인해 주세요.",
        Code::Removed => "방 주인이나 운영진이 내보냈어요.",
        Code::SlowConsumer => "연결이 글을 다 받지 못했어요. 다시 시작해 주세요.",
        Code::GoingAway | Code::Restarting => "서버가 멈췄어요. 돌아오면 다시 시작해 주세요.",
        Code::Fenced => "서버의 이 부분이 사라졌어요. 다시 시작해 주세요.",
        _ => "서버에 문제가 생겼어요. 잠시 뒤에 다시 해 주세요.",
    }
}
