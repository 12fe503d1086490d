//! The scripts: one per verb, each with as much of the library in front of it as it calls.

/// What a script does, and with it whether a full Redis may still run it: what gives seats back
/// must go on, what grants them must not.
macro_rules! script {
    (grants $file:literal) => {
        script!(@ "#!lua\n", $file)
    };
    (frees $file:literal) => {
        script!(@ "#!lua flags=allow-oom\n", $file)
    };
    (reads $file:literal) => {
        // Not `no-writes`: a replica would then answer, with what was true some time ago. Without
        // the steps: making their functions is a third of what a look costs.
        concat!(
            "#!lua flags=allow-oom\n",
            include_str!("lua/call.lua"),
            include_str!("lua/rooms.lua"),
            include_str!("lua/line.lua"),
            include_str!("lua/answer.lua"),
            include_str!(concat!("lua/", $file, ".lua"))
        )
    };
    // Two looks at once, for tests that look after each step: the texts of both, and one answer.
    (looks $one:literal $other:literal) => {
        concat!(
            "#!lua flags=allow-oom\n",
            include_str!("lua/call.lua"),
            include_str!("lua/rooms.lua"),
            include_str!("lua/line.lua"),
            include_str!("lua/answer.lua"),
            "local give, all = answer.give, {}\n",
            "function answer.give(value) for name, it in pairs(value) do all[name] = it end end\n",
            "local function one()\n",
            include_str!(concat!("lua/", $one, ".lua")),
            "end\nlocal function other()\n",
            include_str!(concat!("lua/", $other, ".lua")),
            "end\none()\nother()\nreturn give(all)\n"
        )
    };
    (@ $flags:literal, $file:literal) => {
        concat!(
            $flags,
            include_str!("lua/call.lua"),
            include_str!("lua/tick.lua"),
            include_str!("lua/rooms.lua"),
            include_str!("lua/sitting.lua"),
            include_str!("lua/line.lua"),
            include_str!("lua/seats.lua"),
            include_str!("lua/follow.lua"),
            include_str!("lua/owners.lua"),
            include_str!("lua/answer.lua"),
            include_str!(concat!("lua/", $file, ".lua"))
        )
    };
}

macro_rules! scripts {
    ($($(#[$when:meta])* $verb:ident: $kind:ident $($file:literal)+,)*) => {
        /// A verb, by its script.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Verb {
            $($(#[$when])* $verb,)*
        }

        /// Every verb.
        pub(super) const ALL: &[Verb] = &[$($(#[$when])* Verb::$verb,)*];

        impl Verb {
            /// The script's text.
            pub(super) const fn text(self) -> &'static str {
                match self {
                    $($(#[$when])* Self::$verb => script!($kind $($file)+),)*
                }
            }
        }
    };
}

scripts! {
    AddRoom: grants "add_room",
    TakeUp: frees "take_up",
    Reserve: grants "reserve",
    ReserveParty: grants "reserve_party",
    Cancel: frees "cancel",
    Connecting: frees "connecting",
    Confirm: grants "confirm",
    Settle: frees "settle",
    Heard: frees "heard",
    Abort: frees "abort",
    Close: frees "close",
    Supersede: frees "supersede",
    RevokeLogin: frees "revoke_login",
    Remove: frees "remove",
    Fence: frees "fence",
    CloseRoom: frees "close_room",
    SetCapacity: grants "set_capacity",
    Wait: grants "wait",
    StopWaiting: frees "stop_waiting",
    StreamAttached: frees "stream_attached",
    StreamLost: frees "stream_lost",
    Expire: frees "expire",
    ReadSeats: reads "read_seats",
    ReadMembers: reads "read_members",
    ReadUser: reads "read_user",
    ReadSessions: reads "read_sessions",
    ReadLine: reads "read_line",
    ReadRoom: reads "read_room",
    ReadEntries: reads "read_entries",
    ReadDue: reads "read_due",
    #[cfg(test)]
    ReadRoomAndSeats: looks "read_room" "read_seats",
}
