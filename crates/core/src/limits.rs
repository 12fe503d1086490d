//! Every bound of the domain in one place, with its unit. What an operator may change is in the
//! server's configuration; these are the walls that no configuration moves.

/// The largest capacity a room may have, in seats. The smallest is 1.
pub const CAPACITY_MAX: u32 = 10_000;
/// Characters (Unicode scalar values) in a room's name, after trimming.
pub const ROOM_NAME_CHARS_MAX: usize = 80;
/// Characters in a user name. The smallest is [`USERNAME_CHARS_MIN`].
pub const USERNAME_CHARS_MAX: usize = 32;
/// Fewest characters in a user name.
pub const USERNAME_CHARS_MIN: usize = 3;
/// Characters in a display name, after trimming. The smallest is 1.
pub const DISPLAY_NAME_CHARS_MAX: usize = 40;
/// Fewest characters in a password.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Characters in a password; longer ones are refused before any hashing.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Characters in a contact number.
pub const CONTACT_CHARS_MAX: usize = 40;
/// Characters in the idempotency id that a client gives a message.
pub const CLIENT_ID_CHARS_MAX: usize = 64;
/// Most messages replayed for `since`; beyond that the client pages history.
pub const REPLAY_MAX: usize = 1_000;
/// Most items in one page of a list.
pub const PAGE_MAX: usize = 200;
/// Items in a page when the client does not say.
pub const PAGE_DEFAULT: usize = 50;
/// Characters in a search, after trimming. The smallest is 1.
pub const SEARCH_CHARS_MAX: usize = 200;
/// Members named in a `welcome`; `member_count` tells how many there are.
pub const WELCOME_MEMBERS_MAX: usize = 100;
/// Waiters in one room's line.
pub const WAITLIST_MAX: usize = 10_000;
/// Streams that keep one waiter's place at once. Further ones are told all the same, and keep it as
/// soon as one of these has ended.
pub const STREAMS_MAX: usize = 4;
/// Attempts to connect that a reservation counts; more are not told apart.
pub const ATTEMPTS_MAX: u32 = 1_000;
