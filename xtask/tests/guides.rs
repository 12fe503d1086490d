//! What the guides tell people to do works, and comes out as they say; and what they point to is there.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn what_the_guides_say_comes_out_as_they_say() {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let server = xtask.with_file_name("anteroom");
    if !server.exists() {
        // Whoever tests the whole workspace has built it.
        common::not_run(&format!("the server is not built: {}", server.display()));
        return;
    }
    let out = Command::new(xtask).args(["guides", "--server"]).arg(server).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    // Of several guides that were not run each is told; this is one test, and was not run as a whole.
    let left_out: Vec<_> = said.lines().filter_map(|it| it.strip_prefix("NOT RUN: ")).collect();
    if !left_out.is_empty() {
        common::not_run(&left_out.join("; "));
    }
    assert!(out.status.success(), "{said}{}", String::from_utf8_lossy(&out.stderr));
}

/// A guide whose words are no longer true is noticed.
#[test]
fn a_guide_that_says_something_else_fails() {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let place = std::env::temp_dir().join(format!("anteroom-guides-{}", std::process::id()));
    std::fs::create_dir_all(place.join("docs")).unwrap();
    let said = |guide: &str| {
        std::fs::write(place.join("docs/one.md"), guide).unwrap();
        let mut asked = Command::new(xtask);
        asked.args(["guides", "--server", "/bin/true", "--root"]).arg(&place);
        let out = asked.output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let (good, told) =
        said("```sh run\necho one; a=two\n```\n```text\none\n```\n```sh look\necho $a\n```\n");
    assert!(good, "{told}");
    for guide in [
        "```sh run\necho one\n```\n```text\ntwo\n```\n",
        "```sh run\nfalse\n```\n",
        "```sh look\necho one\n```\n```text\ntwo\n```\n",
    ] {
        let (good, told) = said(guide);
        assert!(!good && told.contains("line 1"), "{guide}{told}");
    }
    std::fs::remove_dir_all(place).unwrap();
}

/// Every file that a guide or a README points to. What lies elsewhere is not asked.
#[test]
fn what_the_documents_point_to_is_there() {
    let root = root();
    let mut pages = vec![root.join("README.md"), root.join("README.ko.md")];
    for dir in ["docs", "docs/ko"] {
        let files = std::fs::read_dir(root.join(dir)).unwrap().map(|it| it.unwrap().path());
        pages.extend(files.filter(|it| it.extension().is_some_and(|it| it == "md")));
    }
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            let name = link.split('#').next().unwrap();
            if name.is_empty() || name.contains("://") {
                continue;
            }
            let there = page.parent().unwrap().join(name);
            assert!(there.exists(), "{}: {link}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}
