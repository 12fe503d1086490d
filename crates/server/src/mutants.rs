//! Mutants that live in texts: a script or a statement is changed as it is loaded.
//!
//! See [`anteroom_core::mutants`] for what mutants are. Code carries its own; what is written in SQL
//! or Lua cannot ask a switch, so the faulty text is made from the sound one here. A row
//! that no longer fits its text changes nothing, and so shows as a mutant that survives.

use std::borrow::Cow;

/// The text as it is.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(crate) const fn seeded<'a>(_: &str, text: &'a str) -> Cow<'a, str> {
    Cow::Borrowed(text)
}

/// The text, with the active mutant's change if it has one in the texts of that name.
#[cfg(feature = "mutants")]
pub(crate) fn seeded<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    let mut rows =
        CHANGES.iter().filter(|(_, texts, from, _)| *texts == name && text.contains(from));
    match rows.find(|(mutant, ..)| anteroom_core::mutants::on(*mutant)) {
        Some((_, _, from, to)) => Cow::Owned(text.replace(from, to)),
        None => Cow::Borrowed(text),
    }
}

#[cfg(feature = "mutants")]
use anteroom_core::mutants::Mutant;

/// Mutant, name of the texts, what stands there, what stands there instead.
#[cfg(feature = "mutants")]
type Change = (Mutant, &'static str, &'static str, &'static str);

#[cfg(feature = "mutants")]
const CHANGES: &[Change] = &[
    (
        Mutant::B02RowsCountedTwice,
        "seats",
        "SELECT class, count(*) FROM slots",
        "SELECT class, 2 * count(*) FROM slots",
    ),
    (
        Mutant::B09RowsAreNoJudge,
        "seats",
        "FROM slots WHERE room = :room)",
        "FROM slots WHERE room = :room AND 0)",
    ),
    (
        Mutant::B09StaffNotCounted,
        "seats",
        "SELECT class, count(*) FROM slots WHERE room = ?1 GROUP BY class",
        "SELECT class, count(*) FROM slots WHERE room = ?1 AND class <> 'staff' GROUP BY class",
    ),
    (
        Mutant::B13SlotDroppedInEveryRoom,
        "seats",
        "DELETE FROM slots WHERE room = ?1 AND user = ?2",
        "DELETE FROM slots WHERE ?1 AND user = ?2",
    ),
    (Mutant::B18EpochNotStored, "seats", "SET epoch = :epoch,", "SET epoch = min(epoch, :epoch),"),
    (Mutant::B19DueSlotsNotLoaded, "seats", "AND due <= ?2", "AND due <= ?2 AND due IS NULL"),
    (
        Mutant::B24LineFromItsEnd,
        "seats",
        "FROM waiters WHERE room = ?1 ORDER BY place LIMIT",
        "FROM waiters WHERE room = ?1 ORDER BY place DESC LIMIT",
    ),
    (Mutant::B03ScriptKeepsTheQuota, "lua", "if given.refused and taken then", "if false then"),
    (Mutant::B05ScriptComparesNoNonce, "lua", "and it.nonce == ask.nonce\n", "\n"),
    (Mutant::B06ScriptReservesInAClosingRoom, "lua", "    return 'closed'\n", "    return nil\n"),
    (
        Mutant::B09ScriptKeptSeatsOfBefore,
        "lua",
        "  rooms.set(room, 'staff_seats', ask.staff_seats)\n",
        "\n",
    ),
    (
        Mutant::B09ScriptCountsOneTooFew,
        "lua",
        "return redis.call('HLEN', room.key .. ':slots')",
        "return math.max(0, redis.call('HLEN', room.key .. ':slots') - 1)",
    ),
    (
        Mutant::B13ScriptClosesWithoutNumber,
        "lua",
        "or not same(part.generation, ask.generation) or part.owner",
        "or part.owner",
    ),
    (
        Mutant::B13ScriptTakesAnotherLogins,
        "lua",
        "if not standing or standing.login == asked.login then",
        "if true then",
    ),
    (
        Mutant::B13ScriptTakesAnyStreamOff,
        "lua",
        "if waiter and waiter.streams[ask.stream] then\n  waiter.streams[ask.stream] = nil",
        "if waiter then\n  waiter.streams = {}",
    ),
    (
        Mutant::B13ScriptReleasesByUser,
        "lua",
        "ask.user, { ask.session }, not ask.clean",
        "ask.user, sitting.sessions(slot, function() return true end), not ask.clean",
    ),
    (
        Mutant::B18ScriptRepeatsItsNumbers,
        "lua",
        "rooms.set(room, 'next', room.next + 1)",
        "rooms.set(room, 'next', 1)",
    ),
    (
        Mutant::B19ScriptSetsNoDeadline,
        "lua",
        "redis.call('ZADD', room.key .. ':due', is[name], user .. ':' .. kind)",
        "local _ = kind",
    ),
    (
        Mutant::B20ScriptHonoursTheDeadline,
        "lua",
        "'-inf', clock.now, 'BYSCORE'",
        "'-inf', '(' .. clock.now, 'BYSCORE'",
    ),
    (Mutant::B20ScriptTakesAnyLogin, "lua", "\n    and it.login == ask.login then", " then"),
    (
        Mutant::B24ScriptOffersOnce,
        "lua",
        "waiter.login, waiter.nonce, true)\n",
        "waiter.login, waiter.nonce, true)\n    do return end\n",
    ),
    (
        Mutant::B29ScriptTakesAnySecret,
        "lua",
        "if found == 'other' and sitting.size(it) >= parts then",
        "if false then",
    ),
    (Mutant::B30EndsWhatHasEnded, "END_ONE", " AND left_at IS NULL", ""),
];
