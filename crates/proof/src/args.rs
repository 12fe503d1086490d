//! The command line.

use std::collections::HashMap;

pub(crate) const USAGE: &str = "\
usage: anteroom-proof histories [--seed S] [--count N]
         random histories: the ledger against the plain model";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Histories { seed: u64, count: u64 },
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
        assert_eq!(parse("histories"), Ok(Command::Histories { seed: 1, count: 10_000 }));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for line in ["", "nonsense", "histories 5", "histories --seed", "histories --seed x"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("histories --wide 1").is_err());
    }
}
