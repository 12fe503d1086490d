//! `anteroom chat`: a room in a terminal, for people without a browser.
//!
//! A client like any other: it stands on `anteroom_client` and the wire, and knows nothing of the
//! server it is shipped with. Pure are [`command`] (what was typed), [`view`] and [`ends`] (how events
//! and ends read), [`seats`], `words` and `console/editor`; [`console`] alone touches the terminal, and
//! what others wrote reaches it through [`line`] and [`clean`] only. [`entry`] is the way in, [`room`]
//! the loop in the room.
//!
//! The line editor is our own because the libraries did not fit: one blocks a thread in its read and
//! races with what is printed meanwhile, the other miscounts wide letters at the end of a row.

mod clean;
mod command;
mod console;
mod ends;
mod entry;
mod line;
mod room;
mod seats;
mod stop;
mod view;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use time::UtcOffset;

use console::Console;
use ends::Exit;
use entry::Entry;
use room::{Outcome, Sent, Stay};
use stop::Stop;
use view::View;
use words::{EN, KO, Words};

/// How `anteroom chat` was called.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: 0 left; 1 the server is out of reach, or a piped line was not stored; \
    2 refused (full, no such room, wrong password, …); 3 the stay was ended (replaced, logged out, removed, …)."
)]
pub(crate) struct ChatCommand {
    /// Where the server is: http or https.
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    url: String,
    /// PEM file of the authorities that may vouch for an https server, instead of those the machine trusts.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The room, by number or name. Without it, open rooms are listed to choose from.
    #[arg(long, value_name = "NUMBER|NAME")]
    room: Option<String>,
    /// Come in as a guest of this name.
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    name: Option<String>,
    /// Log in as this user; the password is asked for, or taken from ANTEROOM_PASSWORD.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// The room's password.
    #[arg(long, value_name = "PASSWORD")]
    room_password: Option<String>,
    /// The key of an unlisted room.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Stand in line in front of a full room without being asked.
    #[arg(long)]
    wait: bool,
    /// Language; otherwise as LC_ALL, LC_MESSAGES or LANG say.
    #[arg(long, value_enum)]
    lang: Option<Lang>,
    /// One line in, one line out, and no escapes. Commands work also from a pipe.
    #[arg(long)]
    plain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Lang {
    En,
    Ko,
}

/// How it ended, for who called the program.
#[derive(Clone, Copy, Debug)]
struct Ended(Exit);

/// Runs it to its end.
///
/// # Errors
/// The terminal cannot be used at all.
pub(crate) fn run(command: &ChatCommand) -> std::io::Result<ExitCode> {
    // Before any thread starts: afterwards nobody can say safely what the environment holds.
    let offset = UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Ended(exit) = runtime.block_on(chat(command, offset))?;
    Ok(ExitCode::from(exit as u8))
}

async fn chat(command: &ChatCommand, offset: UtcOffset) -> std::io::Result<Ended> {
    let words = words_of(command.lang, |name| std::env::var(name).ok());
    let mut stop = Stop::new()?;
    let mut console = Console::open(command.plain)?;
    Ok(through(command, words, offset, (&mut console, &mut stop)).await.unwrap_or_else(|it| it))
}

async fn through(
    command: &ChatCommand,
    words: &'static Words,
    offset: UtcOffset,
    (console, stop): (&mut Console, &mut Stop),
) -> Result<Ended, Ended> {
    let mut entry = Entry { command, words, console, stop };
    let account = entry.sign_in().await?;
    let mut door = entry.door(&account).await?;
    // A pipe without `--plain` carries what somebody else wrote; none of it is a command.
    let verbatim = !entry.console.is_person() && !command.plain;
    loop {
        let joined = entry.enter(&account, &mut door).await?;
        let stay = Stay {
            account: &account,
            room: door.room(),
            words,
            view: View::new(words, offset, !entry.console.is_live()),
            console: &mut *entry.console,
            stop: &mut *entry.stop,
            joined,
            verbatim,
            sent: Sent::default(),
        };
        // Whose seat went meanwhile finds the line where the way in begins anew.
        if let Outcome::Over(ended) = stay.run().await {
            return Ok(ended);
        }
    }
}

/// The language asked for, or the one of the environment.
fn words_of(lang: Option<Lang>, variable: impl Fn(&str) -> Option<String>) -> &'static Words {
    let set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
    let found = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find(set);
    let is_korean = found.and_then(&variable).is_some_and(|value| value.starts_with("ko"));
    match lang {
        Some(Lang::Ko) => &KO,
        None if is_korean => &KO,
        _ => &EN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_asked_for_or_that_of_the_environment() {
        let korean = |name: &str| (name == "LANG").then(|| "ko_KR.UTF-8".to_owned());
        assert!(std::ptr::eq(words_of(None, korean), &KO));
        assert!(std::ptr::eq(words_of(Some(Lang::En), korean), &EN));
        let overruled = |name: &str| match name {
            "LC_ALL" => Some("C.UTF-8".to_owned()),
            _ => korean(name),
        };
        assert!(std::ptr::eq(words_of(None, overruled), &EN));
        assert!(std::ptr::eq(words_of(None, |_| None), &EN));
    }
}
