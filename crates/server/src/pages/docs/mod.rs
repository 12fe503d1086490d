//! `GET /docs`: the contract for a reader. The frame is in every language; what the documents say is in theirs.

mod en;
mod ko;

use askama::Template;

use super::Page;
use super::lang::Lang;
use crate::documents::reference::Reference;

/// The words around the reference.
pub(crate) struct DocsTexts {
    title: &'static str,
    lead: &'static str,
    version: &'static str,
    /// Where the documents themselves speak English only.
    in_english: &'static str,
    openapi: &'static str,
    asyncapi: &'static str,
    contents: &'static str,
    filter: &'static str,
    filter_none: &'static str,
    start: &'static str,
    logins: &'static str,
    /// The groups of requests, in the order of the document.
    groups: [&'static str; 7],
    frames: &'static str,
    told: &'static str,
    heard: &'static str,
    closes: &'static str,
    closes_lead: &'static str,
    sockjs: &'static str,
    streams: &'static str,
    events: &'static str,
    events_lead: &'static str,
    codes: &'static str,
    codes_lead: &'static str,
    schemas: &'static str,
    schemas_lead: &'static str,
    who: &'static str,
    parameters: &'static str,
    body: &'static str,
    body_optional: &'static str,
    answers: &'static str,
    refusals: &'static str,
    required: &'static str,
    query: &'static str,
    example: &'static str,
    code: &'static str,
    status: &'static str,
    meaning: &'static str,
    comes_back: &'static str,
    yes: &'static str,
    no: &'static str,
}

/// The page.
#[derive(Template)]
#[template(path = "docs/docs.html")]
pub(crate) struct DocsView {
    pub(crate) page: Page,
    d: &'static DocsTexts,
    r: &'static Reference,
}

impl DocsView {
    pub(crate) fn new(page: Page, reference: &'static Reference) -> Self {
        let d = match page.lang {
            Lang::En => &en::TEXTS,
            Lang::Ko => &ko::TEXTS,
        };
        Self { page, d, r: reference }
    }
}
