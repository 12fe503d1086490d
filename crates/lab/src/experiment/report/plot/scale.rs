//! From values to places on an axis.

use crate::experiment::report::text::number;

/// From this ratio of the largest to the smallest value on, an axis counts by factors.
const LOG_FROM: f64 = 20.0;

/// An axis from one place to another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    is_log: bool,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// From zero, or by factors where the values are far apart and none is zero.
    pub(crate) fn fitting(values: &[f64], from: f64, to: f64) -> Self {
        let most = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        if least > 0.0 && most / least > LOG_FROM {
            return Self::log(values, from, to);
        }
        let high = if most > 0.0 { most } else { 1.0 };
        Self { is_log: false, low: 0.0, high, from, to }
    }

    /// By factors, from zero where there is no value above it.
    pub(crate) fn log(values: &[f64], from: f64, to: f64) -> Self {
        let above = || values.iter().copied().filter(|value| *value > 0.0);
        let (least, most) = (above().fold(f64::INFINITY, f64::min), above().fold(0.0, f64::max));
        if most == 0.0 {
            return Self { is_log: false, low: 0.0, high: 1.0, from, to };
        }
        let (low, high) = (least * 0.85, most.max(least * 2.0) * 1.1);
        Self { is_log: true, low, high, from, to }
    }

    /// Where a value lies; what is beyond an end lies at the end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let part = match self.is_log {
            true => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Values that are marked, at most about `count`, with where they lie and what is written there.
    pub(crate) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let values = match self.is_log {
            true => self.log_ticks(count),
            false => self.plain_ticks(count),
        };
        values.into_iter().map(|value| (self.place(value), number(value))).collect()
    }

    fn plain_ticks(&self, count: usize) -> Vec<f64> {
        let rough = self.high / count as f64;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|it| it * power);
        let step = step.into_iter().find(|it| *it >= rough).unwrap_or(rough);
        let all = (0..=count).map(|n| n as f64 * step);
        all.take_while(|value| *value <= self.high * 1.001).collect()
    }

    fn log_ticks(&self, count: usize) -> Vec<f64> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        // The finest steps of which not too many fit; over very many decades, fewer of those.
        for parts in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]] {
            let all = (first..=last).flat_map(|n| parts.iter().map(move |it| it * 10_f64.powi(n)));
            let inside: Vec<_> = all.filter(|it| (self.low..=self.high).contains(it)).collect();
            if inside.len() <= count || parts.len() == 1 {
                let every = inside.len().div_ceil(count.max(1)).max(1);
                return inside.into_iter().step_by(every).collect();
            }
        }
        Vec::new()
    }

    pub(crate) fn is_log(&self) -> bool {
        self.is_log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_apart_values_lie_on_an_axis_of_factors() {
        assert!(!Scale::fitting(&[1.0, 20.0], 0.0, 100.0).is_log());
        assert!(Scale::fitting(&[1.0, 21.0], 0.0, 100.0).is_log());
        assert!(!Scale::fitting(&[0.0, 2_100.0], 0.0, 100.0).is_log());
        let scale = Scale::log(&[1.0, 10_000.0], 0.0, 100.0);
        let middle = scale.place(100.0);
        assert!((middle - 50.0).abs() < 1.0, "{middle}");
    }

    #[test]
    fn ticks_are_round_inside_and_few() {
        for values in
            [vec![0.0, 7.3], vec![0.0, 9_999.0], vec![0.0], vec![0.3, 70_000.0], vec![4.0, 90.0]]
        {
            let scale = Scale::fitting(&values, 10.0, 90.0);
            let ticks = scale.ticks(6);
            assert!((2..=7).contains(&ticks.len()), "{values:?}: {ticks:?}");
            assert!(ticks.iter().all(|(at, _)| (10.0..=90.0).contains(at)), "{ticks:?}");
        }
    }
}
