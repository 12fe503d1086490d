//! The one page: its frame, its parts in order, and nothing from elsewhere.

use super::View;
use super::sections;
use super::text::when;

const TITLE: &str = "Which seat strategy when";
const STYLE: &str = include_str!("style.css");

/// Fills that are no plain colour, for the whole page.
const PATTERNS: &str = "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\
    <pattern id=\"stripes\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
    <rect width=\"6\" height=\"6\" style=\"fill:var(--c3)\"/><rect width=\"2\" height=\"6\" style=\"fill:var(--card)\"/></pattern>\
    <pattern id=\"dots\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">\
    <rect width=\"5\" height=\"5\" style=\"fill:var(--c1)\"/><circle cx=\"2.5\" cy=\"2.5\" r=\"1.1\" style=\"fill:var(--card)\"/></pattern>\
    </defs></svg>\n";

/// A part of the page: its anchor, its heading, and what draws it. What comes to nothing is left out.
type Section = (&'static str, &'static str, fn(&View<'_>) -> String);

const SECTIONS: [Section; 10] = [
    ("verdicts", "Which one for which use", sections::verdicts::section),
    ("faults", "Does a room keep its capacity?", sections::faults::section),
    ("scenarios", "Scenario by scenario", sections::scenarios::section),
    ("sustained", "How much load it bears", sections::sustained::section),
    ("latency", "How long each step takes", sections::latency::section),
    ("cpu", "What a decision costs", sections::cpu::section),
    ("failures", "When things go wrong", sections::failures::section),
    ("rules", "The original’s four rules", sections::rules::section),
    ("numbers", "All numbers", sections::numbers::section),
    ("method", "How it was measured", sections::method::section),
];

/// The whole page.
pub(crate) fn page(view: &View<'_>) -> String {
    let (mut contents, mut parts) = (String::new(), String::new());
    for (id, heading, draw) in SECTIONS {
        let part = draw(view);
        if !part.is_empty() {
            contents.push_str(&format!("<li><a href=\"#{id}\">{heading}</a></li>"));
            parts.push_str(&format!("<section id=\"{id}\"><h2>{heading}</h2>\n{part}</section>\n"));
        }
    }
    let plan = &view.run.plan;
    let times = match plan.repetitions {
        1 => "once each".to_owned(),
        more => format!("{more} times each"),
    };
    let lead = format!(
        "Who may sit down when a hundred people want the last seat: {} ways to decide it, under the same load, \
         {times} in an order drawn anew. Measured from outside, {}.",
        view.run.subjects.len(),
        when(plan.began_at_ms)
    );
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{TITLE}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{PATTERNS}<main>\n\
         <header><h1>{TITLE}</h1>\n<p class=\"lead\">{lead}</p></header>\n{}{}\
         <nav aria-label=\"Contents\"><ol>{contents}</ol></nav>\n{parts}</main>\n</body>\n</html>\n",
        sections::short::banners(view),
        sections::short::short(view)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::data::Run;
    use crate::experiment::fixture;

    const VOID: [&str; 4] = ["!DOCTYPE", "meta", "br", "hr"];

    fn drawn(run: &Run) -> String {
        page(&View::new(run))
    }

    /// What is wrong with the nesting of tags.
    fn unbalanced(html: &str) -> Option<String> {
        let mut open: Vec<String> = Vec::new();
        for tag in html.split('<').skip(1) {
            let Some((tag, _)) = tag.split_once('>') else { return Some(format!("<{tag}")) };
            let name = tag.trim_matches('/').split_whitespace().next().unwrap_or_default();
            if let Some(name) = tag.strip_prefix('/') {
                match open.pop() {
                    Some(last) if last == name => {}
                    last => return Some(format!("{last:?} closed by {name}")),
                }
            } else if !tag.ends_with('/') && !VOID.contains(&name) {
                open.push(name.to_owned());
            }
        }
        open.pop()
    }

    #[test]
    fn the_page_is_whole_and_takes_nothing_from_elsewhere() {
        let html = drawn(&fixture::run());
        for foreign in ["http://", "https://", "src=", "<script", "<link", "@import", "url(h"] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        assert_eq!(unbalanced(&html), None);
        assert_eq!(unbalanced("<p><b>x</p></b>"), Some("Some(\"b\") closed by p".to_owned()));
        for (id, heading, _) in SECTIONS {
            assert!(html.contains(&format!("href=\"#{id}\"")), "{heading}");
            assert!(html.contains(&format!("<section id=\"{id}\"")), "{heading}");
        }
        assert!(
            !html.contains("NaN") && !html.contains(">inf") && !html.contains("\"inf"),
            "a number is none"
        );
    }

    #[test]
    fn a_small_run_is_drawn_too() {
        let mut run = fixture::run();
        run.cells.retain(|it| it.subject == "semaphore" && it.repetition == 0);
        run.subjects.retain(|it| it.id == "semaphore");
        run.scenarios.retain(|it| it.id == "burst");
        let html = drawn(&run);
        assert_eq!(unbalanced(&html), None);
        run.cells.clear();
        let html = drawn(&run);
        assert_eq!(unbalanced(&html), None);
        assert!(!html.contains("NaN"));
    }

    #[test]
    fn a_run_that_proves_nothing_says_so_at_the_top() {
        let mut run = fixture::run();
        assert!(!drawn(&run).contains("class=\"banner\""));
        for cell in run.cells.iter_mut().filter(|it| it.subject == "unlocked") {
            cell.faults.overfills = 0;
        }
        let html = drawn(&run);
        assert!(html.contains("class=\"banner\"") && html.contains("proves nothing"));
        let mut run = fixture::run();
        let cell = run.cells.iter_mut().find(|it| it.subject == "redis-1").unwrap();
        cell.faults.false_full = 2;
        let html = drawn(&run);
        let banner = html.split("class=\"banner\"").nth(1).unwrap().split("</div>").next().unwrap();
        assert!(banner.contains("Redis, one node") && banner.contains("2 false"), "{banner}");
    }

    #[test]
    fn hostile_words_stay_words() {
        let mut run = fixture::run();
        let hostile = "<script>\"alert\"&</script>'";
        run.machine.processor = hostile.to_owned();
        run.machine.programs.insert(hostile.to_owned(), hostile.to_owned());
        run.subjects[0].title = hostile.to_owned();
        run.scenarios[0].about = hostile.to_owned();
        run.scenarios[0].figures[0].unit = hostile.to_owned();
        run.scenarios[0].figures[0].title = hostile.to_owned();
        for cell in &mut run.cells {
            cell.evidence = vec![hostile.to_owned()];
            if let Some(why) = &mut cell.not_run {
                why.push_str(hostile);
            }
            cell.cpu_us.insert(hostile.to_owned(), 1.0);
            if let Some(latency) = cell.latency.remove("confirm") {
                cell.latency.insert(hostile.to_owned(), latency);
            }
        }
        let html = drawn(&run);
        assert!(!html.contains("<script"), "not escaped");
        assert!(html.contains("&lt;script&gt;&quot;alert&quot;&amp;"));
        assert_eq!(unbalanced(&html), None);
    }
}
