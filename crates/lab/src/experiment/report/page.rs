//! The page as a whole: one file that needs nothing else.

use super::super::data::Run;
use super::super::summary::Summary;
use super::{sections, sections_trouble};

const STYLE: &str = include_str!("style.css");

/// The report.
pub(super) fn whole(run: &Run) -> String {
    let summary = Summary::of(run);
    let parts = [
        ("verdict", "What to take", sections::verdict(&summary)),
        ("promise", "Was the promise kept?", sections::promise(&summary)),
        ("load", "Under load", sections::load(&summary)),
        ("cost", "What it costs", sections::cost(&summary)),
        ("trouble", "When things go wrong", sections_trouble::trouble(&summary)),
        ("rules", "The original's four rules", sections_trouble::rules(&summary)),
        ("numbers", "All numbers", sections_trouble::numbers(&summary)),
        ("method", "How it was measured", sections_trouble::method(&summary)),
    ];
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Which seat strategy when</title><style>{STYLE}</style></head><body><main>\n\
         <p class=\"sub\">Anteroom · experiment “admission”</p><h1>Which seat strategy when</h1>\n{}",
        sections::lead(&summary)
    );
    page.push_str("<nav>");
    for (id, title, _) in &parts {
        page.push_str(&format!("<a href=\"#{id}\">{title}</a>"));
    }
    page.push_str("</nav>\n");
    for (id, title, text) in parts {
        page.push_str(&format!("<section id=\"{id}\"><h2>{title}</h2>\n{text}</section>\n"));
    }
    page.push_str("</main></body></html>\n");
    page
}

/// Text as HTML shows it.
pub(super) fn esc(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A table of numbers; its cells are HTML.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    drawn("numbers", head, rows)
}

/// A table of words, which are broken into lines.
pub(super) fn wordy(head: &[&str], rows: &[Vec<String>]) -> String {
    drawn("words", head, rows)
}

fn drawn(kind: &str, head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("<div class=\"scroll\"><table class=\"{kind}\"><thead><tr>");
    head.iter().for_each(|it| text.push_str(&format!("<th scope=\"col\">{it}</th>")));
    text.push_str("</tr></thead><tbody>\n");
    for row in rows {
        text.push_str("<tr>");
        for (n, cell) in row.iter().enumerate() {
            let kind = if n == 0 { "td" } else { "td class=\"n\"" };
            text.push_str(&format!("<{kind}>{cell}</td>"));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table></div>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::run;

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_shows_texts_as_they_are() {
        let page = whole(&run(10));
        for foreign in ["http://", "https://", "<script", "src=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("A &lt;processor&gt; &amp; more") && !page.contains("<processor>"));
    }

    #[test]
    fn what_is_opened_is_closed() {
        let page = whole(&run(10));
        for tag in ["section", "figure", "table", "svg", "div", "p", "ul", "h2", "h3", "details"] {
            let opened = page.matches(&format!("<{tag}>")).count()
                + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn a_run_that_proves_nothing_says_so_at_the_top() {
        let mut run = run(10);
        assert!(!whole(&run).contains("class=\"card banner\""));
        run.cells.iter_mut().for_each(|cell| cell.faults.overfills = 0);
        assert!(whole(&run).contains("class=\"card banner\""));
    }

    #[test]
    fn a_run_of_one_repetition_is_drawn_too() {
        assert!(whole(&run(1)).contains("</html>"));
    }
}
