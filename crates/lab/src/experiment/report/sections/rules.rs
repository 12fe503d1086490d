//! The original's four rules, judged by its definitions, beside what its authors published.

use super::{name_of, paragraph, table, table_head, table_row};
use crate::experiment::data::{Rules, SubjectInfo};
use crate::experiment::report::View;
use crate::experiment::report::text::{escape, number, whole};

/// What the authors published: variant, requests granted of 2,000, rules 1 to 4. The most inside at once is
/// counted from the log they published.
const THEIRS: [[&str; 7]; 4] = [
    ["if-else", "991", "127 (6.35 %)", "1,839 (92.0 %)", "8", "1", "183 (9.15 %)"],
    ["synchronized, one phase", "990", "0", "0", "1", "0", "0"],
    ["ReentrantLock, not fair", "990", "0", "0", "1", "0", "0"],
    ["Semaphore, tryAcquire", "990", "excluded", "974 (48.7 %)", "18", "0", "excluded"],
];

const HEAD: [&str; 8] = [
    "",
    "requests",
    "granted",
    "1: stale look",
    "2: overlapping",
    "most inside at once",
    "3: over capacity",
    "4: out of order",
];

pub(crate) fn section(view: &View<'_>) -> String {
    let judged = |it: &SubjectInfo| Some(row(it, sum(view, &it.id)?));
    let rows: String = view.run.subjects.iter().filter_map(judged).collect();
    if rows.is_empty() {
        return String::new();
    }
    let heading = format!(
        "<tr><th scope=\"rowgroup\" colspan=\"{}\">Published by the authors of the original experiment \
         (ChatService), 2,000 requests each: their numbers, not ours</th></tr>\n",
        HEAD.len()
    );
    let theirs: String = THEIRS
        .iter()
        .map(|[name, numbers @ ..]| {
            let fields: String = numbers.iter().map(|it| format!("<td>{it}</td>")).collect();
            format!(
                "<tr class=\"theirs\"><th scope=\"row\">{name}</th><td>2,000</td>{fields}</tr>\n"
            )
        })
        .collect();
    let lead = "The experiment that this one goes back to judged a log of each decision by four rules. They are \
                kept here for comparison, by its own definitions; only rule 3 speaks of what a room promises. \
                Rule 1 (what is read after is not what was read before plus one) sees a stale look, not a lost \
                seat. Rule 2 (the time inside the decision overlaps another’s) is broken by whatever works \
                without a lock, right or wrong. Rule 4 (granted in the order of starting) fails for every counter \
                that lets others pass.";
    let theirs_about = "Of the published numbers two do not compare: the 1,839 were counted on a clock of about a \
                        millisecond, the 974 on one of nanoseconds; recounted on the finer clock it is 834 \
                        against 1,075. The most inside at once is recounted from the published log. A burst here \
                        is the same: ten rooms of 100 seats, one taken, 200 requests each.";
    paragraph("about", lead)
        + &table("numbers", &table_head(&HEAD), &(rows + &heading + &theirs))
        + &paragraph("note", theirs_about)
}

/// All repetitions together.
fn sum(view: &View<'_>, subject: &str) -> Option<Rules> {
    let all = view.run.cells.iter().filter(|it| it.subject == subject).filter_map(|it| it.rules);
    all.reduce(|sum, it| Rules {
        requests: sum.requests + it.requests,
        granted: sum.granted + it.granted,
        stale: sum.stale + it.stale,
        overlapping: sum.overlapping + it.overlapping,
        inside_at_once: sum.inside_at_once.max(it.inside_at_once),
        exceeded: sum.exceeded + it.exceeded,
        out_of_order: sum.out_of_order + it.out_of_order,
    })
}

fn row(subject: &SubjectInfo, rules: Rules) -> String {
    let part = |some: u64| match some {
        0 => "0".to_owned(),
        some => {
            let percent = some as f64 * 100.0 / rules.requests.max(1) as f64;
            format!("{} ({} %)", whole(some), number(percent))
        }
    };
    let fields = [
        whole(rules.requests),
        whole(rules.granted),
        part(rules.stale),
        part(rules.overlapping),
        whole(rules.inside_at_once),
        part(rules.exceeded),
        part(rules.out_of_order),
    ];
    table_row(&name_of(subject), &fields.map(|it| escape(&it)))
}
