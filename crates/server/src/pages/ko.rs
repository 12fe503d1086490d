//! 한국어 글. The Korean texts: written for Korean readers in the polite 해요 style throughout, not
//! translated word by word.

use super::form::Fault;
use super::refusal::{Action, RefusalText, RefusalTexts};
use super::seats::grouped;
use super::texts::{Plural, Texts};

pub(super) static TEXTS: Texts = Texts {
    tagline: "정원을 지키는 대화방",
    skip_link: "본문으로 건너뛰기",
    language_label: "언어",
    account_label: "내 계정",
    signed_in_as: "{name} 님으로 로그인했어요",
    guest_mark: "게스트",
    login: "로그인",
    log_out: "로그아웃",
    sign_up: "회원가입",
    come_as_guest: "게스트로 들어가기",
    profile: "내 정보",
    lobby: "로비",
    footer: "한번 예약한 자리에는 다른 누구도 앉을 수 없어요.",

    seats_taken: Plural {
        one: "{capacity}석 중 {occupied}석 사용 중",
        other: "{capacity}석 중 {occupied}석 사용 중",
    },
    seats_reserved: "{n}석 예약됨",
    seats_held: "{n}석 맡아 둠",
    seats_staff: "운영진 자리 {n}석",
    seats_waiting: "{n}명 대기 중",
    seats_join: " · ",
    legend_label: "네모 칸이 뜻하는 것",
    legend: ["사용 중", "돌아올 분 자리", "예약됨", "빈자리", "운영진 자리"],
    full: "만석",

    lobby_title: "열려 있는 방",
    lobby_lead: "방을 골라 자리에 앉아 보세요. 네모 한 칸이 한 자리이고, 지금 상태를 그대로 보여 줘요.",
    lobby_welcome: "게스트로 바로 들어오거나, 로그인해서 내 이름을 그대로 쓰세요.",
    search_label: "방 이름으로 찾기",
    search_button: "찾기",
    search_clear: "전체 방 보기",
    new_room: "방 만들기",
    enter: "입장",
    room_number: "{n}번 방",
    password_mark: "비밀번호",
    empty_title: "아직 열린 방이 없어요",
    empty_body: "첫 방을 열어 보세요. 이름과 자리 수를 정한 다음, 방 번호를 알려 주면 함께 이야기할 수 있어요.",
    nothing_found: "‘{q}’ 검색 결과가 없어요.",
    more_rooms: "방 더 보기",
    live: "자리 현황이 실시간으로 바뀌어요",
    live_lost: "실시간 자리 현황이 잠시 멈췄어요. 다시 연결하고 있어요…",

    username: "아이디",
    username_hint: "로그인할 때 써요. 영문·숫자와 점(.), 붙임표(-), 밑줄(_)로 3~32자까지 쓸 수 있어요.",
    password: "비밀번호",
    password_hint: "8~128자로 정해 주세요. 짧은 문장으로 만들면 기억하기 쉬워요.",
    current_password: "현재 비밀번호",
    new_password: "새 비밀번호",
    display_name: "표시 이름",
    display_name_hint: "다른 사람에게 보이는 이름이에요. 40자까지 쓸 수 있어요.",
    contact_number: "연락처",
    contact_hint: "본인과 서버 운영자만 볼 수 있어요.",
    optional: "선택",
    errors_title: "다시 확인해 주세요",
    sign_up_lead: "계정이 있으면 어느 기기에서든 같은 이름으로 다시 들어올 수 있어요.",
    sign_up_submit: "가입하기",
    login_lead: "다시 만나서 반가워요.",
    guest_title: "게스트로 들어가기",
    guest_lead: "가입하지 않아도 괜찮아요. 부를 이름만 알려 주고 자리에 앉으세요.",
    guest_submit: "들어가기",
    have_account: "이미 계정이 있어요",
    no_account: "계정 만들기",
    room_lead: "몇 명까지 앉을지 정해 주세요. 정원보다 한 명도 더 들어오지 못해요.",
    room_name: "방 이름",
    room_name_hint: "80자까지 쓸 수 있어요.",
    capacity: "자리 수",
    capacity_hint: "1석부터 10,000석까지 정할 수 있어요.",
    staff_seats: "운영진 자리 수",
    staff_seats_hint: "위의 자리 가운데 방장과 관리자만 앉을 수 있는 자리예요. 0이면 따로 두지 않아요.",
    visibility: "누가 찾을 수 있나요?",
    public: "누구나",
    public_hint: "로비 목록에 보여요.",
    unlisted: "링크를 아는 사람만",
    unlisted_hint: "어느 목록에도 보이지 않아요.",
    room_password: "방 비밀번호",
    room_password_hint: "비워 두면 빈자리가 있을 때 누구나 들어올 수 있어요.",
    lifetime: "언제까지 열어 둘까요?",
    persistent: "직접 닫을 때까지",
    persistent_hint: "모두 나가도 방은 그대로 남아 있어요.",
    until_empty: "모두 나갈 때까지",
    until_empty_hint: "마지막 사람이 나가면 방이 닫혀요.",
    create_room: "방 만들기",
    change_password: "비밀번호 바꾸기",
    change_password_lead: "계속하려면 새 비밀번호를 정해 주세요. 현재 비밀번호도 필요해요.",
    profile_lead: "다른 사람에게 보이는 모습과 로그인 방법을 정해요.",
    save: "저장",
    saved: "저장했어요.",
    password_saved: "비밀번호를 바꿨어요.",
    log_out_lead: "로그아웃하면 앉아 있던 자리를 돌려주고, 이 로그인으로 연 창이 모두 끝나요.",

    room_settings: "방 설정",
    room_settings_link: "설정",
    room_settings_lead: "저장하면 바로 적용돼요. 이미 자리가 있는 분은 자리를 잃지 않아요.",
    room_settings_pending: "아직 아무도 들어오지 않은 방이에요. 누군가 자리에 앉으면 여기에서 바꿀 수 있어요.",
    new_window: "새 탭에서 열려요",
    back_to_room: "방으로 돌아가기",
    fewer_seats_hint: "1석부터 10,000석까지 정할 수 있어요. 지금 있는 사람보다 적게 정해도 아무도 나가지 않고, 자리가 날 때까지는 아무도 새로 들어오지 못해요.",
    door: "누가 들어올 수 있나요?",
    door_open: "빈자리가 있으면 누구나",
    door_open_hint: "비밀번호를 묻지 않아요.",
    door_password: "비밀번호를 아는 사람만",
    door_password_hint: "아래에 정해 주세요. 비워 두면 지금 비밀번호를 그대로 써요.",
    new_room_password: "새 방 비밀번호",
    close_room: "방 닫기",
    close_room_lead: "줄을 선 분까지 모두 바로 나가게 되고, 방은 다시 열 수 없어요.",
    close_room_sure: "네, 모두에게 방을 닫을게요",

    entering_label: "입장하는 중",
    reserving: "자리를 예약하고 있어요…",
    confirming: "자리에 앉는 중이에요…",
    line_title: "줄을 서 있어요",
    line_place: "내 대기 순서",
    line_next: "바로 다음 차례예요.",
    line_ahead: Plural { one: "앞에 {n}명이 있어요.", other: "앞에 {n}명이 있어요." },
    line_minutes: Plural { one: "1분쯤 남았어요.", other: "{n}분쯤 남았어요." },
    line_hours: "한 시간 넘게 걸릴 수 있어요.",
    line_keep: "이 화면을 열어 두세요. 자리가 나면 여기서 알려 드리고 바로 들어가요.",
    line_broken: "연결이 끊겼어요. 순서는 잠시 남겨 두었으니 곧 이어서 기다릴게요…",
    line_leave: "줄에서 나가기",
    offer_title: "자리가 났어요",
    offer_lead: "다른 분이 앉을 수 없게 맡아 두었어요. {n}초 뒤에 자동으로 들어가요.",
    offer_enter: "지금 들어가기",
    offer_decline: "다음 분께 양보하기",
    cancel: "취소",
    leave: "나가기",
    members: "함께 있는 사람",
    members_more: "외 {n}명",
    messages: "대화",
    message_label: "보낼 메시지",
    message_hint: "Enter로 보내고, Shift+Enter로 줄을 바꿔요",
    send: "보내기",
    sending: "보내는 중…",
    failed: "보내지 못했어요.",
    retry_send: "다시 보내기",
    discard: "지우기",
    reconnecting: "연결이 끊겼어요. 다시 들어가는 중이에요…",
    reconnected: "다시 연결됐어요.",
    retry_now: "지금 다시 시도",
    load_older: "이전 메시지 보기",
    beginning: "여기서부터 대화가 시작됐어요.",
    no_messages: "아직 아무 말이 없어요. 먼저 인사해 보세요.",
    new_below: "아래에 새 메시지가 있어요",
    deleted_message: "삭제된 메시지예요.",
    edited_mark: "수정됨",
    you: "나",
    joined: "{name} 님이 들어왔어요",
    left: "{name} 님이 나갔어요",
    login_expiring: "2분쯤 뒤에 로그인이 끝나요. 다시 로그인하면 자리를 지킬 수 있어요.",
    invite: "초대",
    share_title: "함께할 사람 초대하기",
    share_public: "이 링크를 열면 누구나 빈자리에 앉을 수 있어요.",
    share_unlisted: "어느 목록에도 없는 방이라 이 링크로만 들어올 수 있어요. 함께하고 싶은 사람에게만 알려 주세요.",
    share_password: "들어올 때 방 비밀번호도 필요해요.",
    share_link: "이 방의 링크",
    copy: "링크 복사",
    copied: "복사했어요.",
    close: "닫기",
    room_password_wrong: "방 비밀번호가 맞지 않아요.",
    needs_script: "대화하려면 자바스크립트가 필요한데, 이 브라우저에서 꺼져 있어요. 아직 자리는 예약되지 않았어요. 자바스크립트를 켜고 새로고침해 주세요.",

    refusal_number: "코드: {code}",
    action,
    fault,
    refusals: RefusalTexts {
        room_full: RefusalText::new(
            "방이 가득 찼어요",
            "남은 자리가 없거나 먼저 기다리는 분이 있어요. 아직 이 방에 예약된 자리가 없어요.",
        ),
        reservation_expired: RefusalText::new(
            "예약 시간이 지났어요",
            "자리를 예약해 두었지만 제때 앉지 못해 자리가 방으로 돌아갔어요. 다시 예약할 수 있어요.",
        ),
        not_waiting: RefusalText::new(
            "지금은 줄에 서 있지 않아요",
            "다른 창에서 줄을 나갔거나, 오래 자리를 비워 순서가 뒷사람에게 넘어갔어요. 줄 맨 뒤에 다시 설 수 있어요.",
        ),
        no_reservation: RefusalText::new(
            "쓸 수 없는 입장권이에요",
            "이미 썼거나 취소했거나 다른 사람의 입장권이에요. 예약된 자리가 없으니 새로 예약해 주세요.",
        ),
        replaced: RefusalText::new(
            "다른 곳에서 이 방을 열었어요",
            "자리는 그대로 있고, 다른 창이나 다른 기기에서 쓰고 있어요. 이 창은 잠시 물러나 있을게요.",
        ),
        already_seated: RefusalText::new(
            "이미 자리가 있어요",
            "줄을 설 필요가 없어요. 들어가면 원래 자리에 그대로 앉게 돼요.",
        ),
        logged_out: RefusalText::new(
            "로그아웃했어요",
            "이 로그인으로 연 창이 모두 끝났고, 앉아 있던 자리도 돌려주었어요.",
        ),
        unauthenticated: RefusalText::new(
            "로그인이 필요해요",
            "아직 로그인하지 않았거나 로그인이 끝났어요. 로그인하면 이 화면으로 바로 돌아와요.",
        ),
        bad_credentials: RefusalText::new(
            "로그인하지 못했어요",
            "아이디나 비밀번호가 맞지 않아요. 다시 입력해 주세요.",
        ),
        removed: RefusalText::new(
            "방에서 내보내졌어요",
            "방장이나 관리자가 내보내서 앉아 있던 자리가 비워졌어요.",
        ),
        banned: RefusalText::new(
            "들어갈 수 없는 방이에요",
            "방장이나 관리자가 입장을 막았어요. 다른 방에는 들어갈 수 있어요.",
        ),
        room_closed: RefusalText::new(
            "닫힌 방이에요",
            "방장이나 운영자가 방을 닫아서 남아 있는 자리가 없어요.",
        ),
        room_not_found: RefusalText::new(
            "그런 방이 없어요",
            "방 번호가 잘못됐거나, 아무도 들어오지 않아 사라졌거나, 전체 링크가 있어야 열리는 방이에요.",
        ),
        wrong_room_password: RefusalText::new(
            "비밀번호가 필요한 방이에요",
            "비밀번호를 입력하면 자리를 예약해 드려요. 아직 예약된 자리는 없어요.",
        ),
        slow_consumer: RefusalText::new(
            "연결이 느려서 따라가지 못했어요",
            "받을 메시지가 너무 많이 쌓여 잠시 멈췄어요. 자리는 몇 초 동안 남아 있으니 다시 들어오면 놓친 메시지를 볼 수 있어요.",
        ),
        rate_limited: RefusalText::new(
            "조금만 천천히 해 주세요",
            "짧은 시간에 요청이 너무 많았어요. 잠시 뒤에 다시 시도해 주세요. 그 밖에 달라진 것은 없어요.",
        ),
        unavailable: RefusalText::new(
            "지금은 확인할 수 없어요",
            "서버가 쓰는 다른 서비스가 응답하지 않아서 새 자리를 드릴 수 없어요. 잠시 뒤에 다시 시도해 주세요.",
        ),
        entry_failed: RefusalText::new(
            "자리에 앉지 못했어요",
            "자리는 있었지만 입장을 저장하지 못했어요. 새로 받은 자리는 돌려주었고, 원래 앉아 있던 자리라면 그대로예요.",
        ),
        restarting: RefusalText::new(
            "서버를 다시 시작하고 있어요",
            "곧 돌아와요. 그때 다시 들어오면 그동안 놓친 메시지를 볼 수 있어요.",
        ),
        offline: RefusalText::new(
            "서버에 연결할 수 없어요",
            "인터넷 연결을 확인해 주세요. 방에 있었다면 자리는 몇 초 동안 남아 있어요.",
        ),
        left: RefusalText::new(
            "방에서 나왔어요",
            "자리는 바로 다른 분이 쓸 수 있게 비웠어요. 빈자리가 있으면 언제든 다시 들어올 수 있어요.",
        ),
        too_many_reservations: RefusalText::new(
            "예약한 자리가 너무 많아요",
            "다른 방에 예약만 하고 앉지 않은 자리가 있어요. 그 방에 들어가거나 예약을 취소하거나 예약 시간이 지나기를 기다려 주세요.",
        ),
        guests_disabled: RefusalText::new(
            "게스트로는 들어올 수 없어요",
            "이 서버에서는 계정이 필요해요. 로그인하거나 잠깐이면 되는 회원가입을 해 주세요.",
        ),
        forbidden: RefusalText::new(
            "권한이 없어요",
            "지금 계정으로는 보거나 할 수 없는 일이에요. 달라진 것은 없어요.",
        ),
        not_found: RefusalText::new(
            "찾는 화면이 없어요",
            "주소가 잘못됐거나, 여기 있던 것이 사라졌어요.",
        ),
        account_locked: RefusalText::new(
            "잠긴 계정이에요",
            "서버 운영자가 계정을 잠갔어요. 풀릴 때까지 로그인할 수 없으니 운영자에게 문의해 주세요.",
        ),
        account_expired: RefusalText::new(
            "사용 기간이 끝난 계정이에요",
            "정해진 기간 동안만 쓸 수 있는 계정이었어요. 더 쓰려면 서버 운영자에게 문의해 주세요.",
        ),
        credentials_expired: RefusalText::new(
            "비밀번호를 바꿀 때가 됐어요",
            "지금 비밀번호를 너무 오래 썼어요. 새 비밀번호를 정하고 다시 로그인해 주세요.",
        ),
        cross_site: RefusalText::new(
            "다른 사이트에서 온 요청이에요",
            "안전을 위해 다른 사이트가 대신 보낸 요청은 처리하지 않아요. 이 사이트에서 화면을 열고 다시 시도해 주세요.",
        ),
        too_large: RefusalText::new(
            "내용이 너무 길어요",
            "서버가 받을 수 있는 크기를 넘었어요. 줄여서 다시 시도해 주세요.",
        ),
        bad_request: RefusalText::new(
            "요청을 이해하지 못했어요",
            "요청 형식이 잘못됐어요. 달라진 것은 없으니 돌아가서 다시 시도해 주세요.",
        ),
        internal: RefusalText::new(
            "서버에 문제가 생겼어요",
            "문제를 기록해 두었어요. 앉아 있던 자리는 몇 초 동안 남아 있으니 다시 시도해 주세요.",
        ),
    },
};

fn action(action: Action) -> &'static str {
    match action {
        Action::Retry => "다시 시도",
        Action::UseHere => "여기서 이어 하기",
        Action::Wait => "줄 서서 기다리기",
        Action::RoomPassword => "입장하기",
        Action::Login => "로그인",
        Action::Guest => "게스트로 들어가기",
        Action::SignUp => "회원가입",
        Action::ChangePassword => "새 비밀번호 정하기",
        Action::NewRoom => "새 방 만들기",
        Action::Lobby => "로비로 가기",
    }
}

fn fault(fault: &Fault) -> String {
    match fault {
        Fault::Required => "꼭 입력해 주세요.".to_owned(),
        Fault::TooShort(min) => format!("{min}자 이상 입력해 주세요."),
        Fault::TooLong(max) => format!("{max}자까지만 쓸 수 있어요."),
        Fault::OutOfRange(min, max) => {
            format!("{}부터 {}까지의 정수를 입력해 주세요.", grouped(*min), grouped(*max))
        }
        Fault::StaffBeyondSeats => "방의 자리 수보다 많을 수 없어요.".to_owned(),
        Fault::NotSure => "먼저 여기에 표시해 주세요.".to_owned(),
        Fault::PasswordNotAsked => {
            "비밀번호를 쓰려면 위에서 ‘비밀번호를 아는 사람만’을 골라 주세요.".to_owned()
        }
        Fault::Characters => "쓸 수 없는 글자가 들어 있어요.".to_owned(),
        Fault::UsernameTaken => "이미 쓰고 있는 아이디예요. 다른 아이디를 정해 주세요.".to_owned(),
        Fault::BadCredentials => "아이디나 비밀번호가 맞지 않아요.".to_owned(),
        Fault::WrongPassword => "현재 비밀번호가 맞지 않아요.".to_owned(),
        Fault::SamePassword => "현재 비밀번호와 다른 비밀번호를 정해 주세요.".to_owned(),
        Fault::TooManyTries(minutes) => {
            format!("시도가 너무 많았어요. {minutes}분 뒤에 다시 시도해 주세요.")
        }
        Fault::Refused(refusal) => TEXTS.refusals.of(*refusal).body.to_owned(),
        Fault::Invalid => "쓸 수 없는 값이에요. 다시 확인해 주세요.".to_owned(),
    }
}
