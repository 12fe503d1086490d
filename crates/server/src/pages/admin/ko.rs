//! 관리 화면의 한국어 글. 다른 화면과 같은 해요체로 써요.

use anteroom_protocol::account::Role;
use anteroom_protocol::attempt::Outcome;
use anteroom_protocol::audit::{Act, ActOutcome};

use super::super::texts::Plural;
use super::plot::Series;
use super::texts::{AdminTexts, Question};
use super::views::{LeaseState, Part};

pub(super) static TEXTS: AdminTexts = AdminTexts {
    title: "관리",
    nav_label: "관리",
    overview: "한눈에 보기",
    rooms: "방",
    people: "사람",
    entries: "입장 기록",
    audit: "관리 기록",
    utc: "UTC",
    live: "지금 상태예요",
    live_lost: "새 상태를 받지 못했어요. 다시 시도하고 있어요…",
    more: "이전 기록 보기",
    newest: "최신 기록 보기",
    next_page: "다음 쪽",
    first_page: "첫 쪽",
    none: "–",
    filter: "보기",
    any: "전체",
    clear: "모두 보기",
    actions: "할 수 있는 일",
    nothing_matches: "조건에 맞는 것이 없어요.",

    refused_title: "관리자만 볼 수 있어요",
    refused_body: "지금 계정에는 여기를 볼 권한이 없어요. 달라진 것은 없어요.",
    refused_how: "서버 운영자가 권한을 줄 수 있어요. 서버를 멈추고 그 컴퓨터에서 아래 명령을 실행한 다음, 다시 켜고 로그인하면 돼요.",
    refused_moderator: "계정, 노드, 관리 기록은 관리자만 볼 수 있어요. 운영진은 방과 입장 기록을 돌볼 수 있어요.",

    open_rooms: "열린 방",
    pending_rooms: Plural {
        one: "아직 아무도 안 들어온 방 1개",
        other: "아직 아무도 안 들어온 방 {n}개",
    },
    seats_taken: "사용 중인 자리",
    of_seats: "전체 {n}석",
    waiting: "줄 선 사람",
    sessions: "열린 세션",
    sessions_here: "이 노드의 열린 세션",
    people_online: Plural { one: "1명이 접속 중", other: "{n}명이 접속 중" },
    outcomes: "시간별 입장 결과",
    outcomes_lead: "들어오려던 시도가 어떻게 끝났는지 보여 줘요.",
    outcomes_none: "이 시간에는 들어오려던 사람이 없어요.",
    outcomes_desc: "{width}마다 하나씩 쌓은 막대예요. 모두 합쳐 {totals}. 아래 표에 같은 숫자가 있어요.",
    outcomes_table: "숫자를 표로 보기",
    outcomes_since: "남아 있는 가장 오래된 기록",
    outcomes_memory: "저장소에 입장 기록을 남기지 않아, 이 노드가 켜진 뒤로 센 숫자만 보여요.",
    span_label: "기간",
    spans: ["1시간", "24시간", "7일"],
    widths: ["1분", "30분", "3시간"],
    from: "시작",
    total: "합계",
    stores: "저장소",
    store_part: "용도",
    store_kind: "종류",
    store_state: "상태",
    since: "언제부터",
    ready: "정상",
    not_ready: "응답 없음",
    stores_lead: "누군가 마지막으로 확인했을 때 이 노드에서 본 상태예요.",
    nodes: "노드",
    nodes_lead: "노드 스스로만 아는 값은 지금 응답하는 노드만 보여 줄 수 있어요.",
    node: "노드",
    node_alone: "이 서버",
    this_node: "지금 응답 중",
    lease: "임대",
    lease_left: "{n}초 남음",
    version: "버전",
    started: "시작한 때",
    unknown: "알 수 없음",

    rooms_lead: "목록에 보이지 않는 방까지, 열린 방을 모두 보여 줘요.",
    room_search: "방 이름이나 번호",
    search: "찾기",
    no_rooms: "그런 방은 열려 있지 않아요.",
    unlisted: "목록에 없음",
    pending: "아직 입장 전",
    owner: "방장",
    created: "만든 때",
    visible: "찾을 수 있는 사람",
    public: "누구나",
    lifetime: "열어 두는 기간",
    persistent: "직접 닫을 때까지",
    until_empty: "모두 나갈 때까지",
    settings: "설정",
    members: "자리가 있는 사람",
    no_members: "자리가 있는 사람이 없어요.",
    person: "사람",
    state: "상태",
    occupied: "있음",
    held: "맡아 둔 자리",
    reserved: "예약됨",
    held_until: "자리를 맡아 두는 시각",
    reserved_until: "예약이 끝나는 시각",
    is_owner: "방장",
    staff_seat: "운영진 자리",
    line: "줄 선 사람",
    bans: "입장을 막은 사람",
    no_bans: "이 방에서 입장을 막은 사람이 없어요.",

    people_lead: "아이디 앞글자로 계정과 게스트를 찾아요.",
    person_search: "아이디 앞글자",
    person_search_hint: "비워 두면 모두 보여요. 게스트 아이디는 guest-…로 시작해요.",
    no_people: "그렇게 시작하는 아이디가 없어요.",
    roles: "권한",
    roles_lead: "그 사람이 다음에 무엇을 하든 바로 적용돼요.",
    roles_own: "자신의 관리자 권한은 뺄 수 없어요. 관리자가 아무도 남지 않을 수 있으니까요.",
    save_roles: "권한 저장",
    member_since: "가입한 때",
    locked_since: "잠근 때",
    locked: "잠김",
    in_use: "사용 중",
    you: "나",
    account: "계정",
    sessions_of: "지금 있는 곳",
    no_sessions: "어느 방에도 없어요.",
    room: "방",
    entries_of: "이 사람의 입장 기록",
    audit_of: "이 사람에 대한 관리 기록",

    entries_lead: "들어오려던 시도와 그 결과를 최근 것부터 보여 줘요.",
    outcome: "결과",
    room_number: "방 번호",
    user_name: "아이디",
    when: "언제",
    why: "이유",
    attempts: "시도",
    waited: "예약에서 연결까지",
    seconds: "{n}초",
    offered: "줄 선 사람에게 난 자리",
    takeover: "이미 앉아 있었음",

    audit_lead: "관리자와 방장이 한 일을 최근 것부터 보여 줘요.",
    actor: "누가",
    actor_hint: "아이디, 또는 command line",
    command_line: "명령줄",
    by: "누구의 일",
    by_staff: "운영진과 명령줄",
    by_others: "방장과 그 밖의 사람",
    act: "무엇을",
    target: "누구에게, 어디에",
    target_hint: "아이디나 방 번호",
    detail: "자세히",
    result: "결과",

    confirm_title: "정말 할까요?",
    keep: "아니요, 돌아갈게요",
    question,
    notice,
    act_name,
    act_outcome,
    outcome_name,
    series,
    role,
    role_hint,
    lease_state,
    part,
};

fn question(act: Act) -> Question {
    let (title, body, button) = match act {
        Act::Kick => (
            "이 사람을 내보낼까요?",
            "이 방을 연 창이 모두 바로 닫히고 자리가 비어요. 다시 들어올 수는 있어요.",
            "내보내기",
        ),
        Act::Ban => (
            "이 방에 못 들어오게 막을까요?",
            "이 방을 연 창이 모두 바로 닫히고, 다시 풀어 줄 때까지 들어올 수 없어요.",
            "입장 막기",
        ),
        Act::Unban => {
            ("다시 들어올 수 있게 할까요?", "이 방에 다시 들어올 수 있어요.", "다시 허용")
        }
        Act::CloseRoom => (
            "이 방을 닫을까요?",
            "줄을 선 분까지 모두 바로 나가게 되고, 방은 다시 열 수 없어요.",
            "방 닫기",
        ),
        Act::Logout => (
            "모든 곳에서 로그아웃시킬까요?",
            "연 창이 모두 바로 닫히고 자리가 비어요. 다시 로그인할 수는 있어요.",
            "모두 로그아웃",
        ),
        Act::Lock => (
            "이 계정을 잠글까요?",
            "연 창이 모두 바로 닫히고, 잠금을 풀 때까지 로그인할 수 없어요.",
            "잠그기",
        ),
        Act::Unlock => ("잠금을 풀까요?", "다시 로그인할 수 있어요.", "잠금 풀기"),
        Act::ChangeRoom
        | Act::Roles
        | Act::Direct
        | Act::AddUser
        | Act::Export
        | Act::DeleteUser => ("계속할까요?", "바로 적용돼요.", "계속"),
    };
    Question { title, body, button }
}

fn notice(act: Act) -> &'static str {
    match act {
        Act::Kick => "방에서 내보냈어요.",
        Act::Ban => "이 방에 들어오지 못하게 막았어요.",
        Act::Unban => "다시 들어올 수 있어요.",
        Act::CloseRoom => "방을 닫았어요.",
        Act::ChangeRoom => "방을 바꿨어요.",
        Act::Logout => "모든 곳에서 로그아웃시켰어요.",
        Act::Lock => "계정을 잠갔어요.",
        Act::Unlock => "계정의 잠금을 풀었어요.",
        Act::Roles => "권한을 저장했어요.",
        Act::Direct => "전했어요.",
        Act::AddUser => "계정을 만들었어요.",
        Act::Export => "자료를 읽었어요.",
        Act::DeleteUser => "계정을 삭제했어요.",
    }
}

fn act_name(act: Act) -> &'static str {
    match act {
        Act::Kick => "내보냄",
        Act::Ban => "입장을 막음",
        Act::Unban => "다시 허용함",
        Act::CloseRoom => "방을 닫음",
        Act::ChangeRoom => "방을 바꿈",
        Act::Logout => "로그아웃시킴",
        Act::Lock => "계정을 잠금",
        Act::Unlock => "잠금을 풂",
        Act::Roles => "권한을 바꿈",
        Act::Direct => "직접 말을 전함",
        Act::AddUser => "계정을 만듦",
        Act::Export => "자료를 내려받음",
        Act::DeleteUser => "계정을 삭제함",
    }
}

fn act_outcome(outcome: ActOutcome) -> &'static str {
    match outcome {
        ActOutcome::Begun => "시작함, 결과 모름",
        ActOutcome::Done => "완료",
        ActOutcome::Refused => "거절됨",
        ActOutcome::Failed => "실패",
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Entered => "입장함",
        Outcome::Refused => "거절됨",
        Outcome::TicketRefused => "입장권 거절",
        Outcome::Cancelled => "취소함",
        Outcome::ExpiredNeverConnected => "만료, 연결 시도 없음",
        Outcome::ExpiredAfterFailedAttempt => "연결 실패 뒤 만료",
        Outcome::Failed => "실패",
        Outcome::Superseded => "새 예약으로 바뀜",
        Outcome::Revoked => "로그인이 끝남",
        Outcome::Removed => "내보내짐",
        Outcome::RoomClosed => "방이 닫힘",
    }
}

fn series(series: Series) -> &'static str {
    match series {
        Series::Entered => "입장",
        Series::Refused => "거절",
        Series::Expired => "만료",
        Series::Failed => "실패",
        Series::Other => "그 밖의 끝",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::User => "사용자",
        Role::Guest => "게스트",
        Role::Moderator => "운영진",
        Role::Admin => "관리자",
        Role::Service => "서비스",
    }
}

fn role_hint(role: Role) -> &'static str {
    match role {
        Role::Admin => "여기 있는 모든 일을 할 수 있어요.",
        Role::Moderator => {
            "방과 입장 기록을 돌봐요. 내보내기, 막기, 닫기까지이고 계정은 다루지 않아요."
        }
        Role::Service => "여러 사람의 자리를 한꺼번에 예약하는 프로그램이에요.",
        Role::User | Role::Guest => "",
    }
}

fn lease_state(state: LeaseState) -> &'static str {
    match state {
        LeaseState::Alone => "필요 없음",
        LeaseState::Held => "유효",
        LeaseState::RunOut => "시간이 지남",
        LeaseState::Fenced => "끝남, 자리를 돌려주는 중",
        LeaseState::Over => "끝남",
    }
}

fn part(part: Part) -> &'static str {
    match part {
        Part::Facts => "사실 기록",
        Part::Seats => "자리",
        Part::Bus => "노드 사이",
    }
}
