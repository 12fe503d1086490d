//! Lists in pages.

use serde::{Deserialize, Serialize};

/// One page of a list; `next_cursor` is opaque and absent on the last page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PageOf{T}"))]
pub struct Page<T> {
    /// The items, in the list's own order.
    pub items: Vec<T>,
    /// Hand it back as `?cursor=` for the page that follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
