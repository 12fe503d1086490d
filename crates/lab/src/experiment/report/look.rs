//! How each subject is told from the others: by colour, by the shape of its mark and by the dash of its line.

use crate::experiment::data::SubjectInfo;

/// A subject's look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// A class of the style sheet, which sets the colour.
    pub(crate) class: &'static str,
    shape: &'static str,
    /// Of lines; empty for a whole one.
    pub(crate) dash: &'static str,
    is_hollow: bool,
}

/// Around the middle of the mark.
const SHAPES: [&str; 5] = [
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0-5 0Z",
    "M-4.4-4.4H4.4V4.4H-4.4Z",
    "M0-6L6 0L0 6L-6 0Z",
    "M0-5.5L5.5 4.5H-5.5Z",
    "M0 5.5L5.5-4.5H-5.5Z",
];
const CROSS: &str = "M-5-5L5 5M-5 5L5-5";
const DASHES: [&str; 5] = ["", "8 3", "2 3", "9 3 2 3", "5 5"];
const STRATEGIES: [&str; 5] = ["c0", "c1", "c2", "c3", "c4"];
const WRONG: &str = "cw";
const BASELINE: &str = "cb";

impl Look {
    /// The mark as a picture among words.
    pub(crate) fn icon(self) -> String {
        format!(
            "<svg class=\"icon\" viewBox=\"-8 -8 16 16\" aria-hidden=\"true\">{}</svg>",
            self.mark(0.0, 0.0)
        )
    }

    /// The mark with its middle at a point.
    pub(crate) fn mark(self, x: f64, y: f64) -> String {
        let Self { class, shape, is_hollow, .. } = self;
        let kind = if is_hollow { "mark hollow" } else { "mark" };
        format!(
            "<path class=\"{kind} {class}\" transform=\"translate({x:.1} {y:.1})\" d=\"{shape}\"/>"
        )
    }
}

/// The looks of a run's subjects.
pub(crate) struct Looks<'a>(Vec<(&'a str, Look)>);

impl<'a> Looks<'a> {
    /// Strategies take colours in their order; baselines are grey and hollow, a wrong one a cross.
    pub(crate) fn of(subjects: &'a [SubjectInfo]) -> Self {
        let (mut strategies, mut baselines) = (0, 0);
        let looks = subjects.iter().map(|subject| {
            let seen = if subject.is_baseline { &mut baselines } else { &mut strategies };
            let n = *seen % SHAPES.len();
            // A cross is no shape of the row.
            *seen += usize::from(!subject.must_overfill);
            let class = if subject.is_baseline { BASELINE } else { STRATEGIES[n] };
            let (shape, dash, is_hollow) = (SHAPES[n], DASHES[n], subject.is_baseline);
            let look = match subject.must_overfill {
                true => Look { class: WRONG, shape: CROSS, dash: "1 4", is_hollow: true },
                false => Look { class, shape, dash, is_hollow },
            };
            (subject.id.as_str(), look)
        });
        Self(looks.collect())
    }

    pub(crate) fn get(&self, subject: &str) -> Look {
        let plain = Look { class: BASELINE, shape: SHAPES[0], dash: "", is_hollow: false };
        self.0.iter().find(|(id, _)| *id == subject).map_or(plain, |(_, look)| *look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::table;

    #[test]
    fn without_colour_no_two_subjects_look_the_same() {
        let subjects = table::subjects();
        let looks = Looks::of(&subjects);
        for (n, (one, look)) in looks.0.iter().enumerate() {
            for (other, another) in &looks.0[n + 1..] {
                let same = (look.shape, look.is_hollow) == (another.shape, another.is_hollow);
                assert!(!same, "{one} and {other}");
            }
        }
    }
}
