//! What dpkg is told of the package: its name, what it needs, what happens around it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::told;
use super::tree::{KEPT, Tree};

/// Who answers for a package that somebody makes without saying who.
pub(super) const MAINTAINER: &str = "Anteroom maintainers <maintainers@anteroom.invalid>";
/// The packaging's own number behind that of the program.
const REVISION: u32 = 1;
/// What runs before and after.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Program and packaging.
pub(super) fn version() -> String {
    format!("{}-{REVISION}", env!("CARGO_PKG_VERSION"))
}

/// What Debian wants to read of this release of the packaging.
pub(super) fn changelog(maintainer: &str, date: &str) -> String {
    format!(
        "anteroom ({}) unstable; urgency=medium\n\n  * See changelog.gz for what is new in the program.\n\n \
         -- {maintainer}  {date}\n",
        version()
    )
}

/// Writes all of `DEBIAN/`. Last, for it counts what is there.
pub(super) fn write(
    staged: &Tree,
    root: &Path,
    maintainer: &str,
    architecture: &str,
) -> anyhow::Result<()> {
    let files = staged.files()?;
    let (mut sums, mut bytes) = (String::new(), 0);
    for file in &files {
        let path = staged.place().join(file);
        bytes += path.metadata()?.len();
        let name = file.display().to_string();
        if !KEPT.contains(&format!("/{name}").as_str()) {
            let said = told("md5sum", &[&path.display().to_string()])?;
            let sum = said.split_whitespace().next().context("md5sum says a sum")?;
            writeln!(sums, "{sum}  {name}")?;
        }
    }
    let program = std::fs::read(staged.place().join("usr/bin/anteroom"))?;
    let text = format!(
        "Package: anteroom\nVersion: {}\nArchitecture: {architecture}\nMaintainer: {maintainer}\n\
         Installed-Size: {}\nDepends: {}\n\
         Suggests: postgresql, redis-server, rabbitmq-server\nSection: net\nPriority: optional\n\
         Description: real-time chat server whose rooms keep their capacity\n \
         A room for 30 holds 30: seats are reserved over HTTP before anybody\n \
         connects, and confirmed over WebSocket. One program with its database in\n \
         one directory; several nodes over PostgreSQL and Redis or RabbitMQ.\n",
        version(),
        bytes.div_ceil(1024),
        needs(&program),
    );
    staged.write("DEBIAN/control", &text, 0o644)?;
    staged.write("DEBIAN/md5sums", &sums, 0o644)?;
    staged.write("DEBIAN/conffiles", &format!("{}\n", KEPT.join("\n")), 0o644)?;
    for script in SCRIPTS {
        let from = root.join("packaging/debian").join(script);
        staged.copy(&from, &format!("DEBIAN/{script}"), 0o755)?;
    }
    Ok(())
}

/// The libraries that the program asks for. It asks for no more than libc and the unwinder: whatever else it
/// holds is linked into it.
fn needs(program: &[u8]) -> String {
    let mut needs = vec!["adduser".to_owned()];
    if let Some((major, minor)) = newest_glibc(program) {
        needs.push(format!("libc6 (>= {major}.{minor})"));
    }
    if program.windows(12).any(|it| it == b"libgcc_s.so.") {
        needs.push("libgcc-s1 (>= 4.2)".to_owned());
    }
    needs.join(", ")
}

/// The newest `GLIBC_x.y` among the versions of symbols that a program asks for.
fn newest_glibc(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let starts = program.windows(MARK.len()).enumerate().filter(|(_, it)| *it == MARK);
    starts
        .filter_map(|(at, _)| {
            let rest = &program[at + MARK.len()..];
            let end = rest.iter().position(|it| !it.is_ascii_digit() && *it != b'.')?;
            let (major, minor) = std::str::from_utf8(&rest[..end]).ok()?.split_once('.')?;
            // A third number is that of a release of old; nothing new has one.
            let minor = minor.split('.').next()?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_asks_of_the_system_is_read_from_it() {
        let program = b"\0GLIBC_2.2.5\0libgcc_s.so.1\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0";
        assert_eq!(newest_glibc(program), Some((2, 34)));
        assert_eq!(needs(program), "adduser, libc6 (>= 2.34), libgcc-s1 (>= 4.2)");
        assert_eq!(needs(b"\0a static program\0"), "adduser");
    }
}
