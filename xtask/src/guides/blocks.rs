//! What of a guide can be done, and what is to come of it.

/// How something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In the background, from when it listens.
    Server,
    /// Once.
    Run,
    /// Until its outcome is there: it looks, and changes nothing.
    Look,
    /// A program for Node.
    Node,
}

/// One block of a guide.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Where it begins, counted from 1.
    pub(super) line: usize,
    pub(super) way: Way,
    pub(super) text: String,
    /// What it is to print.
    pub(super) printed: Option<String>,
}

impl Block {
    /// Whether it calls a program of that name.
    pub(super) fn uses(&self, tool: &str) -> bool {
        (self.way == Way::Node && tool == "node")
            || self.text.split(|c: char| !c.is_alphanumeric()).any(|word| word == tool)
    }
}

/// All that can be done of a guide, in its order.
pub(super) fn of(guide: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    // Whether what was last found has had nothing but empty lines after it.
    let mut is_next = false;
    let mut lines = guide.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(mark) = line.strip_prefix("```") else {
            is_next &= line.is_empty();
            continue;
        };
        let inside: Vec<&str> =
            lines.by_ref().map(|(_, it)| it).take_while(|it| !it.starts_with("```")).collect();
        let text = inside.join("\n");
        let way = match mark {
            "sh server" => Way::Server,
            "sh run" => Way::Run,
            "sh look" => Way::Look,
            "js run" => Way::Node,
            "text" if is_next => {
                if let Some(last) = found.last_mut() {
                    last.printed = Some(text);
                }
                is_next = false;
                continue;
            }
            _ => {
                is_next = false;
                continue;
            }
        };
        found.push(Block { line: at + 1, way, text, printed: None });
        is_next = true;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "# A\n\n```sh server\nanteroom\n```\nwords\n```text\nno outcome\n```\n\n```sh look\n\
                         cat a\n```\n\n```text\n1 … 2\n```\n```sh\nnot done\n```\n```js run\na();\n```\n";

    #[test]
    fn what_is_marked_is_done_and_what_follows_is_its_outcome() {
        let found = of(GUIDE);
        let seen: Vec<_> =
            found.iter().map(|it| (it.line, it.way, it.printed.as_deref())).collect();
        let wanted =
            [(3, Way::Server, None), (11, Way::Look, Some("1 … 2")), (21, Way::Node, None)];
        assert_eq!(seen, wanted);
        assert!(found[2].uses("node") && !found[1].uses("node"));
    }

    /// What people are told to do in English and in Korean is the same, but for what is said beside it.
    #[test]
    fn guides_in_both_languages_do_the_same() {
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let mut compared = 0;
        for file in std::fs::read_dir(docs.join("ko")).unwrap() {
            let korean = file.unwrap().path();
            let read = |path| std::fs::read_to_string(path).unwrap();
            let name = korean.file_name().unwrap().to_owned();
            let both = [read(docs.join(&name)), read(korean)];
            let done: [Vec<_>; 2] = both.map(|text| {
                let bare = |block: Block| (block.way, without_remarks(&block.text), block.printed);
                of(&text).into_iter().map(bare).collect()
            });
            compared += done[0].len();
            for (english, korean) in done[0].iter().zip(&done[1]) {
                assert_eq!(english, korean, "{}", name.display());
            }
            assert_eq!(done[0].len(), done[1].len(), "{}", name.display());
        }
        assert!(compared > 10, "{compared}");
    }

    fn without_remarks(text: &str) -> String {
        let bare = |line: &str| {
            let line = line.split(" # ").next().unwrap().split(" // ").next().unwrap();
            let is_remark = line.starts_with("# ") || line.starts_with("// ");
            if is_remark { String::new() } else { line.trim_end().to_owned() }
        };
        text.lines().map(bare).collect::<Vec<_>>().join("\n")
    }
}
