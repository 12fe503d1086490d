//! The files under `/assets/`, inside the binary: styles, scripts, the sign.
//!
//! The pages use the same client modules that are published for others (`clients/js`).

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

/// One file, ready to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset {
    pub(crate) content_type: &'static str,
    pub(crate) plain: Form,
    /// By gzip, where that makes it smaller.
    pub(crate) packed: Option<Form>,
}

/// One way to send a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) bytes: &'static [u8],
    /// A strong validator with its quotes, made from the content. Names carry no version, so send
    /// `Cache-Control: no-cache` with it.
    pub(crate) etag: &'static str,
}

macro_rules! files {
    ($($name:literal from $path:literal),* $(,)?) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)))),*]
    };
}

static FILES: LazyLock<Vec<(&'static str, Asset)>> = LazyLock::new(|| {
    let files = files![
        "app.css" from "assets/app.css",
        "admin.css" from "assets/admin.css",
        "admin.js" from "assets/admin.js",
        "docs.css" from "assets/docs.css",
        "docs.js" from "assets/docs.js",
        "logo.svg" from "assets/logo.svg",
        "lobby.js" from "assets/lobby.js",
        "room.js" from "assets/room.js",
        "chime.js" from "assets/chime.js",
        "line.js" from "assets/line.js",
        "messages.js" from "assets/messages.js",
        "message.js" from "assets/message.js",
        "links.js" from "assets/links.js",
        "outgoing.js" from "assets/outgoing.js",
        "quotes.js" from "assets/quotes.js",
        "find.js" from "assets/find.js",
        "composer.js" from "assets/composer.js",
        "acts.js" from "assets/acts.js",
        "typing.js" from "assets/typing.js",
        "reads.js" from "assets/reads.js",
        "unread.js" from "assets/unread.js",
        "countdown.js" from "assets/countdown.js",
        "kept.js" from "assets/kept.js",
        "seats.js" from "assets/seats.js",
        "anteroom.js" from "../../clients/js/anteroom.js",
        "session.js" from "../../clients/js/session.js",
        "waiting.js" from "../../clients/js/waiting.js",
        "http_socket.js" from "../../clients/js/http_socket.js",
        "policy.js" from "../../clients/js/policy.js",
        "anteroom-embed.js" from "../../clients/js/anteroom-embed.js",
        "embed-style.js" from "../../clients/js/embed-style.js",
        "embed-texts.js" from "../../clients/js/embed-texts.js",
    ];
    files.map(|(name, content)| (name, prepare(name, content))).into()
});

/// The file of that name, the part of the path after `/assets/`.
pub(crate) fn asset(name: &str) -> Option<Asset> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, asset)| *asset)
}

/// The names that are served.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

fn prepare(name: &str, content: &'static str) -> Asset {
    let (content_type, bytes) = match name.rsplit_once('.') {
        Some((_, "css")) => ("text/css; charset=utf-8", tight(&slim(content))),
        Some((_, "js")) => ("text/javascript; charset=utf-8", slim(content)),
        Some((_, "svg")) => ("image/svg+xml", content.to_owned()),
        _ => ("application/octet-stream", content.to_owned()),
    };
    ready(content_type, bytes)
}

/// A text that is made once and is the same for everybody from then on.
pub(crate) fn ready(content_type: &'static str, text: String) -> Asset {
    let packed = pack(text.as_bytes()).filter(|packed| packed.len() < text.len());
    Asset { content_type, plain: form(text.into_bytes()), packed: packed.map(form) }
}

fn form(bytes: Vec<u8>) -> Form {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let mut etag = String::from("\"");
    for byte in &digest.as_ref()[..12] {
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    Form { bytes: bytes.leak(), etag: etag.leak() }
}

fn pack(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).ok()?;
    packer.finish().ok()
}

/// Leaves out indentation, empty lines and lines that are only a comment. Lines stay lines, so an
/// error in a browser is still found; no file may carry a text over a line end.
fn slim(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    let mut in_comment = false;
    for line in content.lines().map(str::trim) {
        in_comment |= line.starts_with("/*");
        if !(in_comment || line.is_empty() || line.starts_with("//")) {
            out.push_str(line);
            out.push('\n');
        }
        in_comment &= !line.ends_with("*/");
    }
    out
}

/// A style sheet without the spaces that only a reader needs; none of its texts holds such a pair.
fn tight(sheet: &str) -> String {
    [(": ", ":"), ("; ", ";"), (", ", ","), (" {", "{"), ("{ ", "{"), (";}", "}"), (" }", "}")]
        .into_iter()
        .fold(sheet.to_owned(), |sheet, (loose, tight)| sheet.replace(loose, tight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_a_page_imports_is_served() {
        for (name, file) in FILES.iter().filter(|(name, _)| name.ends_with(".js")) {
            let text = std::str::from_utf8(file.plain.bytes).unwrap();
            for import in text.split(" from './").skip(1) {
                let import = import.split('\'').next().unwrap();
                assert!(asset(import).is_some(), "{name} imports {import}");
            }
        }
    }

    #[test]
    fn names_outside_the_table_are_not_served() {
        for name in ["", "../Cargo.toml", "app.css/", "APP.CSS"] {
            assert!(asset(name).is_none(), "{name}");
        }
        assert_ne!(asset("app.css").unwrap().plain.etag, asset("room.js").unwrap().plain.etag);
    }

    #[test]
    fn a_sheet_is_tightened_without_a_change_of_meaning() {
        let sheet =
            "a :is(b, i) { top: calc(1px + 2px); left: 0; }\n@media (width: 1px) { b { x: y } }";
        let expected = "a :is(b,i){top:calc(1px + 2px);left:0}\n@media (width:1px){b{x:y}}";
        assert_eq!(tight(sheet), expected);
    }

    #[test]
    fn slimming_drops_comments_and_keeps_code() {
        let text = "/** What\n * it does */\n  a(1); // why\n\n// no\n/* one */\nb();\n";
        assert_eq!(slim(text), "a(1); // why\nb();\n");
        for (name, file) in FILES.iter() {
            let text = std::str::from_utf8(file.plain.bytes).unwrap();
            let open = text.lines().find(|line| line.matches('`').count() % 2 == 1);
            assert_eq!(open, None, "{name} carries a text over a line end");
        }
    }
}
