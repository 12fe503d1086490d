//! The command line.

use std::collections::HashMap;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
usage: anteroom-proof histories [--seed S] [--count N]
         random histories: the ledger against the plain model
       anteroom-proof model [--shard K/N] [--max-seconds T] [--state FILE] [--only WORDS]
         every state of the larger small worlds; what FILE remembers as searched by this very
         program is not searched again";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Histories { seed: u64, count: u64 },
    Model(ModelRun),
}

/// Which worlds are searched, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ModelRun {
    /// The `k`th of `n` shards, counted from 1.
    pub(crate) shard: (usize, usize),
    /// For the whole shard.
    pub(crate) max_seconds: u64,
    pub(crate) state: Option<PathBuf>,
    /// Only worlds with this in their names.
    pub(crate) only: Option<String>,
}

impl Command {
    /// # Errors
    /// What is wrong with the arguments, in words.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments;
        let name = arguments.next().ok_or("which machine?")?;
        let mut flags = Flags::read(arguments)?;
        let command = match name.as_str() {
            "histories" => Self::Histories {
                seed: flags.number("seed")?.unwrap_or(1),
                count: flags.number("count")?.unwrap_or(10_000),
            },
            "model" => Self::Model(ModelRun {
                shard: flags.shard()?,
                max_seconds: flags.number("max-seconds")?.unwrap_or(600),
                state: flags.0.remove("state").map(PathBuf::from),
                only: flags.0.remove("only"),
            }),
            other => return Err(format!("there is no machine named {other}")),
        };
        flags.none_left()?;
        Ok(command)
    }
}

/// `--name value` pairs.
struct Flags(HashMap<String, String>);

impl Flags {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut flags = HashMap::new();
        while let Some(argument) = arguments.next() {
            let name = argument.strip_prefix("--").ok_or(format!("{argument}: a flag?"))?;
            let value = arguments.next().ok_or(format!("--{name} wants a value"))?;
            flags.insert(name.to_owned(), value);
        }
        Ok(Self(flags))
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>, String> {
        let value = self.0.remove(name);
        value
            .map(|text| text.parse().map_err(|_| format!("--{name} {text}: a number?")))
            .transpose()
    }

    fn shard(&mut self) -> Result<(usize, usize), String> {
        let Some(text) = self.0.remove("shard") else { return Ok((1, 1)) };
        let parts =
            text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        parts
            .filter(|(k, n)| (1..=*n).contains(k))
            .ok_or(format!("--shard {text}: K of K/N is 1 to N"))
    }

    fn none_left(self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(name) => Err(format!("there is no flag --{name} here")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        Command::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_come_in_any_order_and_have_defaults() {
        let all = parse("histories --count 5 --seed 9");
        assert_eq!(all, Ok(Command::Histories { seed: 9, count: 5 }));
        let model = parse("model --shard 2/3 --state done.txt");
        assert!(matches!(model, Ok(Command::Model(ModelRun { shard: (2, 3), .. }))));
        assert_eq!(parse("histories"), Ok(Command::Histories { seed: 1, count: 10_000 }));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["", "nonsense", "histories 5", "histories --seed", "histories --seed x"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("histories --wide 1").is_err());
        assert!(parse("model --shard 3/2").is_err());
        assert!(parse("model --shard 0/2").is_err());
    }
}
