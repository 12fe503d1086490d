//! A configuration file and an environment: usable, and then the same when printed and read again; or refused
//! in words.

use std::path::PathBuf;
use std::sync::LazyLock;

use anteroom::config::{Overrides, load};

use crate::draw::Draw;

/// In memory where there is such a place.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let dir = if memory.is_dir() { memory } else { std::env::temp_dir() };
    dir.join(format!("anteroom-fuzz-{}.toml", std::process::id()))
});

pub fn run(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let mut environment = Vec::new();
    // Lines `NAME=VALUE` in front are the environment; the rest is the file.
    while draw.0.starts_with(b"ANTEROOM_") {
        let line = draw.text_line();
        let Some((name, value)) = line.split_once('=') else { continue };
        // Reads whatever file is named.
        if !name.ends_with("_FILE") {
            environment.push((name.to_owned(), value.to_owned()));
        }
    }
    std::fs::write(&*FILE, draw.0).expect("a file");
    let overrides = Overrides { file: Some(FILE.clone()), environment, flags: Vec::new() };
    let config = match load(&overrides) {
        Ok(config) => config,
        Err(refused) => {
            assert!(!refused.to_string().trim().is_empty());
            return;
        }
    };
    config.check().expect("what was loaded is usable");
    let printed = config.to_toml();
    if printed.contains("(hidden)") {
        return;
    }
    std::fs::write(&*FILE, &printed).expect("a file");
    let again = load(&Overrides { file: Some(FILE.clone()), ..Overrides::default() });
    assert_eq!(again.expect("what is printed can be used").to_toml(), printed);
}
