//! What may be said, whoever says it and wherever it goes.

use anteroom_protocol::message::{APPLICATION_JSON, TEXT_PLAIN};

use crate::storage::is_json;

/// Checks content of at most `chars_max` characters and what it promises to be.
///
/// # Errors
/// In words for whoever wrote it.
pub(crate) fn check(content: &str, kind: Option<&str>, chars_max: usize) -> Result<(), String> {
    let chars = content.chars().count();
    if chars == 0 || chars > chars_max {
        return Err(format!("content has 1 to {chars_max} characters."));
    }
    if content.contains('\0') {
        return Err("content has no character U+0000.".to_owned());
    }
    match kind {
        None | Some(TEXT_PLAIN) => Ok(()),
        Some(APPLICATION_JSON) if is_json(content) => Ok(()),
        Some(APPLICATION_JSON) => {
            Err("content is not the JSON its content_type promises.".to_owned())
        }
        Some(_) => Err(format!("content_type is {TEXT_PLAIN} or {APPLICATION_JSON}.")),
    }
}
