//! OWASP's ASVS 5.0.0, of which `docs/asvs.md` has a row for each requirement that bears on this server.

mod met;
mod table;
