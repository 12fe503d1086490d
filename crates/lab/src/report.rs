//! What a scenario found: checks that held or not, figures, and what the server spent on it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::latency::Figures;
use crate::procfs::{Cpu, Memory};

/// One thing that must hold.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) holds: bool,
    pub(crate) found: String,
}

/// What the server spent over a stretch in which `count` things of one kind happened.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Spent {
    pub(crate) what: &'static str,
    pub(crate) count: u64,
    pub(crate) cpu: Cpu,
    pub(crate) us_each: f64,
}

/// The findings of one scenario.
#[derive(Serialize)]
pub(crate) struct Report {
    scenario: &'static str,
    arguments: serde_json::Value,
    rates_per_second: BTreeMap<&'static str, f64>,
    latency: BTreeMap<&'static str, Figures>,
    figures: BTreeMap<&'static str, f64>,
    server_cpu: Vec<Spent>,
    server_memory: Option<Memory>,
    server_memory_before: Option<Memory>,
    lab_cpu: Option<Cpu>,
    checks: Vec<Check>,
}

impl Report {
    pub(crate) fn new(scenario: &'static str, arguments: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self {
            scenario,
            arguments: serde_json::to_value(arguments)?,
            rates_per_second: BTreeMap::new(),
            latency: BTreeMap::new(),
            figures: BTreeMap::new(),
            server_cpu: Vec::new(),
            server_memory: None,
            server_memory_before: None,
            lab_cpu: None,
            checks: Vec::new(),
        })
    }

    /// Notes whether `found` is what was `expected`.
    pub(crate) fn check<T: PartialEq + fmt::Debug>(
        &mut self,
        name: impl Into<String>,
        found: &T,
        expected: &T,
    ) {
        let holds = found == expected;
        let found = match holds {
            true => format!("{found:?}"),
            false => format!("{found:?}, expected {expected:?}"),
        };
        self.checks.push(Check { name: name.into(), holds, found });
    }

    pub(crate) fn rate(&mut self, what: &'static str, count: u64, seconds: f64) {
        self.rates_per_second.insert(what, count as f64 / seconds.max(1e-9));
    }

    /// What was noted of a latency.
    pub(crate) fn latency_of(&self, what: &str) -> Option<Figures> {
        self.latency.get(what).copied()
    }

    /// The checks that did not hold.
    pub(crate) fn broken(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.holds)
    }

    pub(crate) fn latency(&mut self, what: &'static str, figures: Figures) {
        self.latency.insert(what, figures);
    }

    /// A number with its unit in its name.
    pub(crate) fn figure(&mut self, what: &'static str, number: f64) {
        self.figures.insert(what, number);
    }

    /// What the server spent between two readings, divided among `count` things.
    pub(crate) fn spent(&mut self, what: &'static str, count: u64, readings: Option<(Cpu, Cpu)>) {
        if let Some((before, after)) = readings {
            let cpu = after.since(before);
            let us_each = cpu.total_s() * 1e6 / (count.max(1) as f64);
            self.server_cpu.push(Spent { what, count, cpu, us_each });
        }
    }

    /// What the server's memory was before the load.
    pub(crate) fn memory_before(&mut self, memory: Memory) {
        self.server_memory_before = Some(memory);
    }

    /// Reads the end state: memory of the server, processor time of the lab itself.
    pub(crate) fn finish(&mut self, server: Option<u32>) -> anyhow::Result<()> {
        self.server_memory = server.map(Memory::of).transpose()?;
        self.lab_cpu = Some(Cpu::of(None)?);
        Ok(())
    }

    /// Whether every check held, and there was one.
    pub(crate) fn holds(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.holds)
    }

    pub(crate) fn to_json(&self) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.scenario)?;
        for (what, rate) in &self.rates_per_second {
            writeln!(f, "  {what:<28} {rate:>12.1} /s")?;
        }
        for (what, figures) in &self.latency {
            let Figures { count, p50_ms, p99_ms, max_ms } = figures;
            writeln!(
                f,
                "  {what:<28} p50 {p50_ms:>9.3} ms   p99 {p99_ms:>9.3} ms   max {max_ms:>9.3} ms   ({count})"
            )?;
        }
        for (what, number) in &self.figures {
            writeln!(f, "  {what:<28} {number:>12.2}")?;
        }
        for Spent { what, count, cpu, us_each } in &self.server_cpu {
            writeln!(
                f,
                "  server CPU per {what:<13} {us_each:>12.3} us   ({count}; user {:.2} s, system {:.2} s)",
                cpu.user_s, cpu.system_s
            )?;
        }
        if let Some(memory) = &self.server_memory {
            let Memory { peak_kib, now_kib } = memory;
            writeln!(
                f,
                "  server memory                {peak_kib:>12} KiB at most, {now_kib} now"
            )?;
        }
        if let Some(memory) = &self.server_memory_before {
            writeln!(f, "  server memory before         {:>12} KiB", memory.now_kib)?;
        }
        if let Some(cpu) = &self.lab_cpu {
            writeln!(f, "  the lab's own CPU            {:>12.2} s", cpu.total_s())?;
        }
        for Check { name, holds, found } in &self.checks {
            let mark = if *holds { "ok  " } else { "FAIL" };
            writeln!(f, "  {mark} {name}: {found}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new("storm", &serde_json::json!({"users": 3})).unwrap()
    }

    #[test]
    fn a_report_holds_only_when_something_was_checked_and_all_of_it_held() {
        let mut report = report();
        assert!(!report.holds());
        report.check("granted", &3, &3);
        assert!(report.holds());
        report.check("refused", &4, &5);
        assert!(!report.holds());
        assert!(report.to_string().contains("FAIL refused: 4, expected 5"));
    }

    #[test]
    fn cost_is_shared_among_what_was_done() {
        let mut report = report();
        let before = Cpu { user_s: 1.0, system_s: 1.0 };
        let after = Cpu { user_s: 1.5, system_s: 1.25 };
        report.spent("entry", 1000, Some((before, after)));
        report.spent("nothing", 0, None);
        assert_eq!(report.server_cpu.len(), 1);
        assert!((report.server_cpu[0].us_each - 750.0).abs() < 1e-6);
        let json: serde_json::Value = serde_json::from_slice(&report.to_json().unwrap()).unwrap();
        assert_eq!(json["server_cpu"][0]["count"], 1000);
    }
}
