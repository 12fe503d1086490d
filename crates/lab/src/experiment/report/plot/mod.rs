//! Plots as inline SVG. Each can be read alone: what is better stands in the title, units at the axes, names and
//! numbers at the marks. Colours and letters come from the page's style sheet.

pub(crate) mod bars;
pub(crate) mod lines;
mod scale;
pub(crate) mod strip;

use super::text::{escape, headed};

/// Width of a plot in its own units: that of a small telephone, so that letters have their size there.
const WIDTH: f64 = 360.0;
const LEFT: f64 = 10.0;
const RIGHT: f64 = WIDTH - 18.0;
/// Height of a row: a line of text with a track below it.
const ROW: f64 = 36.0;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

impl Better {
    pub(crate) fn of(more_is_better: bool) -> Self {
        if more_is_better { Self::More } else { Self::Less }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::More => "more is better →",
            Self::Less => "← less is better",
        }
    }
}

/// What stands around a plot.
pub(crate) struct Caption<'a> {
    pub(crate) title: &'a str,
    pub(crate) better: Option<Better>,
    /// What else must be known to read it; may be empty.
    pub(crate) note: &'a str,
}

impl Caption<'_> {
    /// A figure around a drawing of some size.
    fn around(&self, class: &str, (width, height): (f64, f64), drawing: &str) -> String {
        let title = escape(&headed(self.title));
        let better = self.better.map_or_else(String::new, |it| {
            format!("<span class=\"better\">{}</span>", it.in_words())
        });
        let note = match self.note {
            "" => String::new(),
            note => format!("<p class=\"note\">{}</p>", escape(note)),
        };
        format!(
            "<figure class=\"{class}\"><figcaption><b>{title}</b>{better}</figcaption>\
             <div class=\"scroll\"><svg viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"{title}\">{drawing}</svg></div>{note}</figure>\n"
        )
    }
}

/// A name on the left of a row and a number on its right.
fn row_text(y: f64, name: &str, value: &str) -> String {
    let baseline = y + 12.0;
    format!(
        "<text class=\"name\" x=\"{LEFT}\" y=\"{baseline:.1}\">{}</text>\
         <text class=\"value\" x=\"{RIGHT}\" y=\"{baseline:.1}\">{}</text>",
        escape(name),
        escape(value)
    )
}

/// A small heading between rows.
fn row_heading(y: f64, text: &str) -> String {
    let baseline = y + 13.0;
    format!("<text class=\"group\" x=\"{LEFT}\" y=\"{baseline:.1}\">{}</text>", escape(text))
}
