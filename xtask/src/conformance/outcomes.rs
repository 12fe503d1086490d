//! What the suite found, case by case, and what it comes to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

/// As the suite calls the outcomes, in the order of the table.
const BEHAVIORS: [&str; 5] = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED"];
/// Which cases begin with which number.
const GROUPS: [(u32, &str); 11] = [
    (1, "framing"),
    (2, "pings and pongs"),
    (3, "reserved bits"),
    (4, "opcodes"),
    (5, "fragmentation"),
    (6, "UTF-8"),
    (7, "closing"),
    (9, "limits and performance"),
    (10, "messages cut by the sender"),
    (12, "compression, offered in many ways"),
    (13, "compression, with its parameters"),
];
/// How a connection may end, beside what a case is about.
const CLEAN: [&str; 3] = ["OK", "INFORMATIONAL", "UNIMPLEMENTED"];

/// One case.
#[derive(Clone, Debug, Deserialize)]
struct Case {
    behavior: String,
    #[serde(rename = "behaviorClose")]
    close: String,
}

impl Case {
    fn has_failed(&self) -> bool {
        !BEHAVIORS[..4].contains(&&*self.behavior) || !CLEAN.contains(&&*self.close)
    }
}

/// All cases by their numbers.
#[derive(Debug)]
pub(super) struct Outcomes(BTreeMap<Vec<u32>, Case>);

impl Outcomes {
    /// Reads the suite's own index of the cases of `agent`.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn read(index: &Path, agent: &str) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(index).with_context(|| index.display().to_string())?;
        Self::parse(&text, agent)
    }

    fn parse(text: &str, agent: &str) -> anyhow::Result<Self> {
        let mut agents: BTreeMap<String, BTreeMap<String, Case>> = serde_json::from_str(text)?;
        let cases = agents.remove(agent).context("the suite did not test this server")?;
        let number = |name: &str| name.split('.').map(str::parse).collect::<Result<Vec<u32>, _>>();
        let cases = cases.into_iter().map(|(name, case)| Ok((number(&name)?, case)));
        Ok(Self(cases.collect::<anyhow::Result<_>>()?))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many did not hold.
    pub(super) fn failed(&self) -> usize {
        self.0.values().filter(|case| case.has_failed()).count()
    }

    /// A row for each group of cases, and one for all.
    pub(super) fn table(&self) -> String {
        let mut out = String::from("| cases | |");
        for behavior in BEHAVIORS {
            let _ = write!(out, " {} |", behavior.to_lowercase());
        }
        out.push_str("\n| --- | --- |");
        out.push_str(&" ---: |".repeat(BEHAVIORS.len()));
        for (group, subject) in GROUPS {
            let of_group = || self.0.iter().filter(|(n, _)| n.first() == Some(&group));
            if of_group().next().is_some() {
                let _ = write!(out, "\n| {group}.* | {subject} |");
                row(&mut out, &of_group().map(|(_, case)| case).collect::<Vec<_>>());
            }
        }
        let _ = write!(out, "\n| all {} | |", self.len());
        row(&mut out, &self.0.values().collect::<Vec<_>>());
        out
    }

    /// Every case that is neither right nor left open by the RFC, in words.
    pub(super) fn remarks(&self) -> Vec<String> {
        let worth = |case: &Case| case.has_failed() || case.behavior == "NON-STRICT";
        let said = |(n, case): (&Vec<u32>, &Case)| {
            let name: Vec<String> = n.iter().map(u32::to_string).collect();
            format!("{}: {}, close: {}", name.join("."), case.behavior, case.close)
        };
        self.0.iter().filter(|(_, case)| worth(case)).map(said).collect()
    }
}

fn row(out: &mut String, cases: &[&Case]) {
    for behavior in BEHAVIORS {
        let is_of = |case: &&&Case| match behavior {
            "FAILED" => case.has_failed(),
            _ => !case.has_failed() && case.behavior == behavior,
        };
        let _ = write!(out, " {} |", cases.iter().filter(is_of).count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(cases: &[(&str, &str, &str)]) -> Outcomes {
        let case = |(n, behavior, close): &(&str, &str, &str)| {
            format!(r#""{n}":{{"behavior":"{behavior}","behaviorClose":"{close}","duration":1}}"#)
        };
        let cases: Vec<String> = cases.iter().map(case).collect();
        Outcomes::parse(&format!(r#"{{"it":{{{}}}}}"#, cases.join(",")), "it").unwrap()
    }

    #[test]
    fn a_case_fails_by_its_behaviour_or_by_how_it_ends() {
        let outcomes = outcomes(&[
            ("1.1.1", "OK", "OK"),
            ("1.1.10", "OK", "UNCLEAN"),
            ("1.1.2", "FAILED", "OK"),
            ("6.4.1", "NON-STRICT", "OK"),
            ("7.1.6", "INFORMATIONAL", "INFORMATIONAL"),
            ("12.1.1", "UNIMPLEMENTED", "OK"),
            ("13.1.1", "SOMETHING NEW", "OK"),
        ]);
        assert_eq!((outcomes.len(), outcomes.failed()), (7, 3));
        let table = outcomes.table();
        assert!(table.contains("| 1.* | framing | 1 | 0 | 0 | 0 | 2 |"), "{table}");
        assert!(table.ends_with("| all 7 | | 1 | 1 | 1 | 1 | 3 |"), "{table}");
        let remarks = outcomes.remarks();
        assert_eq!(remarks[0], "1.1.2: FAILED, close: OK");
        assert_eq!(remarks[1], "1.1.10: OK, close: UNCLEAN");
        assert_eq!(remarks[2], "6.4.1: NON-STRICT, close: OK");
        assert_eq!(remarks.len(), 4);
    }

    #[test]
    fn a_suite_that_tested_somebody_else_has_said_nothing() {
        assert!(Outcomes::parse(r#"{"other":{}}"#, "it").is_err());
    }
}
