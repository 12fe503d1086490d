//! Every way to be refused, and the way onward from each.
//!
//! One entry per stable code of the wire contract, so that no refusal ends in a bare code. The
//! words are in `en` and `ko`; a refusal without words in either does not compile.

/// What a page says about one refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusalText {
    /// What happened, in a few words.
    pub(crate) title: &'static str,
    /// What it means, and whether the seat is kept, in one or two sentences.
    pub(crate) body: &'static str,
}

/// One way onward, offered as a link or a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// The same address again; in a room, reserve again.
    Retry,
    /// A deliberate takeover of one's own seat.
    UseHere,
    /// Stand in line for a seat.
    Wait,
    /// Ask for the room's password, then try again.
    RoomPassword,
    Login,
    Guest,
    SignUp,
    ChangePassword,
    NewRoom,
    Lobby,
    /// The accounts, for administrators.
    People,
}

impl Action {
    /// The name the script knows it by (`data-action`).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::UseHere => "use-here",
            Self::Wait => "wait",
            Self::RoomPassword => "room-password",
            Self::Login => "login",
            Self::Guest => "guest",
            Self::SignUp => "signup",
            Self::ChangePassword => "change-password",
            Self::NewRoom => "new-room",
            Self::Lobby => "lobby",
            Self::People => "people",
        }
    }
}

impl RefusalText {
    pub(super) const fn new(title: &'static str, body: &'static str) -> Self {
        Self { title, body }
    }
}

macro_rules! refusals {
    ($($name:ident $field:ident => [$($action:ident),+];)*) => {
        /// A refusal by its stable code.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Refusal { $($name),* }

        impl Refusal {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable code on the wire.
            pub(crate) fn code(self) -> &'static str {
                match self { $(Self::$name => stringify!($field)),* }
            }

            /// Ways onward, the likeliest first; never none.
            pub(crate) fn actions(self) -> &'static [Action] {
                match self { $(Self::$name => &[$(Action::$action),+]),* }
            }
        }

        /// The words of one language for every refusal.
        pub(crate) struct RefusalTexts { $(pub(super) $field: RefusalText),* }

        impl RefusalTexts {
            pub(crate) fn of(&self, refusal: Refusal) -> RefusalText {
                match refusal { $(Refusal::$name => self.$field),* }
            }
        }
    };
}

refusals! {
    RoomFull room_full => [Wait, Retry, Lobby];
    ReservationExpired reservation_expired => [Retry, Lobby];
    NotWaiting not_waiting => [Wait, Retry, Lobby];
    NoReservation no_reservation => [Retry, Lobby];
    Replaced replaced => [UseHere, Lobby];
    AlreadySeated already_seated => [Retry, Lobby];
    LoggedOut logged_out => [Login, Lobby];
    Unauthenticated unauthenticated => [Login, Guest, SignUp];
    BadCredentials bad_credentials => [Login, SignUp];
    Removed removed => [Lobby];
    Banned banned => [Lobby];
    RoomClosed room_closed => [Lobby, NewRoom];
    RoomNotFound room_not_found => [Lobby, NewRoom];
    WrongRoomPassword wrong_room_password => [RoomPassword, Lobby];
    SlowConsumer slow_consumer => [Retry, Lobby];
    RateLimited rate_limited => [Retry, Lobby];
    Unavailable unavailable => [Retry, Lobby];
    EntryFailed entry_failed => [Retry, Lobby];
    Restarting restarting => [Retry, Lobby];
    Offline offline => [Retry, Lobby];
    Left left => [Retry, Lobby];
    TooManyReservations too_many_reservations => [Retry, Lobby];
    GuestsDisabled guests_disabled => [Login, SignUp];
    Forbidden forbidden => [Lobby];
    LastAdmin last_admin => [People, Lobby];
    NotFound not_found => [Lobby];
    AccountLocked account_locked => [Lobby];
    AccountExpired account_expired => [Lobby, SignUp];
    CredentialsExpired credentials_expired => [ChangePassword, Lobby];
    CrossSite cross_site => [Lobby];
    TooLarge too_large => [Retry, Lobby];
    BadRequest bad_request => [Retry, Lobby];
    Internal internal => [Retry, Lobby];
}

impl Refusal {
    /// Whether it can meet somebody who is logged in and wants into a room, or sits there. The
    /// others are told by the pages on which one logs in.
    pub(crate) fn is_met_in_rooms(self) -> bool {
        !matches!(
            self,
            Self::BadCredentials
                | Self::GuestsDisabled
                | Self::AccountLocked
                | Self::AccountExpired
                | Self::CredentialsExpired
                | Self::NotFound
                | Self::LastAdmin
        )
    }

    /// The refusal of a stable code. A code with no page of its own is told in the nearest words.
    pub(crate) fn from_code(code: &str) -> Self {
        if let Some(known) = Self::ALL.iter().find(|refusal| refusal.code() == code) {
            return *known;
        }
        match code {
            "going_away" | "fenced" => Self::Restarting,
            "invalid" | "bad_frame" | "username_taken" => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}
