//! An endpoint as the documents tell of it: where it is, who may ask, what it takes, answers and refuses.
//!
//! Plain data. Routes are made from these and from nothing else (`http/contract.rs`), and what a request
//! carries is read from its handler's own arguments there, so that neither can be forgotten here.

use std::collections::BTreeSet;

use anteroom_protocol::Code;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Gives the schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The methods of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// What endpoints are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Accounts,
    Rooms,
    Entry,
    Waiting,
    History,
    Administration,
    Operation,
}

impl Group {
    pub(crate) const ALL: [Self; 7] = [
        Self::Accounts,
        Self::Rooms,
        Self::Entry,
        Self::Waiting,
        Self::History,
        Self::Administration,
        Self::Operation,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "Accounts and sign-in",
            Self::Rooms => "Rooms",
            Self::Entry => "Entry, step 1: the reservation",
            Self::Waiting => "Waiting for a seat",
            Self::History => "History",
            Self::Administration => "Administration",
            Self::Operation => "Operation",
        }
    }

    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Accounts => "Who somebody is, and how it is proven.",
            Self::Rooms => "Rooms, who sits in them, and who may not come back.",
            Self::Entry => {
                "A seat is counted for the caller until a deadline. Step 2 is the WebSocket, which \
                 presents the ticket: see the AsyncAPI document."
            }
            Self::Waiting => "The line in front of a full room: first come, first served.",
            Self::History => "What was said, for those who may read it.",
            Self::Administration => "What moderators and administrators see and do.",
            Self::Operation => "For those who run the server, and the contract itself.",
        }
    }
}

/// Who may ask. Who may not is refused with `forbidden`, or is told that there is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum May {
    #[default]
    Anyone,
    LoggedIn,
    /// The user it is about, and staff.
    Oneself,
    /// Who has a seat in the room, its owner, and staff.
    Seated,
    /// The room's owner, and staff.
    Owner,
    Staff,
    Admin,
}

impl May {
    pub(crate) const fn told(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::LoggedIn => "anyone who is logged in",
            Self::Oneself => "the user it is about, moderators, administrators",
            Self::Seated => "who has a seat in the room, its owner, moderators, administrators",
            Self::Owner => "the room's owner, moderators, administrators",
            Self::Staff => "moderators, administrators",
            Self::Admin => "administrators",
        }
    }

    /// Whether some of those who are logged in may not.
    const fn is_narrow(self) -> bool {
        !matches!(self, Self::Anyone | Self::LoggedIn)
    }
}

/// A parameter of the path, or a header of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// `path` or `header`.
    pub(crate) place: &'static str,
    pub(crate) about: &'static str,
    pub(crate) schema: SchemaOf,
}

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Whether a login has to come along.
    pub(crate) login: bool,
    pub(crate) parameters: Vec<Parameter>,
    /// A type whose fields are the parameters of the query.
    pub(crate) query: Option<SchemaOf>,
    /// The JSON body, and whether it has to be there.
    pub(crate) body: Option<(SchemaOf, bool)>,
    /// What the reading of all this may refuse.
    pub(crate) refusals: BTreeSet<&'static str>,
}

impl Asked {
    pub(crate) fn refuses(&mut self, codes: &[Code]) {
        self.refusals.extend(codes.iter().map(|code| code.as_str()));
    }
}

/// One of the server-sent events of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamEvent {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) schema: SchemaOf,
}

/// What an answer carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    Nothing,
    Json(SchemaOf),
    /// A text of this media type.
    Text(&'static str),
    /// Server-sent events.
    Events(&'static [StreamEvent]),
}

/// One answer that is no refusal.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) about: &'static str,
    pub(crate) body: Body,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

/// One endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// With `{name}` for what varies.
    pub(crate) path: String,
    /// `operationId`.
    pub(crate) id: &'static str,
    pub(crate) group: Group,
    /// In a few words.
    pub(crate) summary: &'static str,
    pub(crate) about: &'static str,
    pub(crate) may: May,
    pub(crate) asked: Asked,
    pub(crate) answers: Vec<Answer>,
    refusals: BTreeSet<&'static str>,
}

impl Endpoint {
    pub(crate) fn new(method: Method, path: &str, id: &'static str, summary: &'static str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            id,
            group: Group::Operation,
            summary,
            about: "",
            may: May::Anyone,
            asked: Asked::default(),
            answers: Vec::new(),
            refusals: BTreeSet::new(),
        }
    }

    /// Told together with others.
    pub(crate) fn among(self, group: Group) -> Self {
        Self { group, ..self }
    }

    /// The same below `base`.
    pub(crate) fn below(self, base: &str) -> Self {
        Self { path: format!("{base}{}", self.path), ..self }
    }

    /// More words on it.
    pub(crate) fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Who may.
    pub(crate) fn for_whom(mut self, may: May) -> Self {
        self.may = may;
        self
    }

    /// A header that a request may carry.
    pub(crate) fn hears(mut self, name: &'static str, about: &'static str) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<String>();
        self.asked.parameters.push(Parameter { name, place: "header", about, schema });
        self
    }

    /// An answer with a JSON body.
    pub(crate) fn answers<T: JsonSchema>(self, status: u16, about: &'static str) -> Self {
        let of: SchemaOf = |generator| generator.subschema_for::<T>();
        self.answer(status, about, Body::Json(of))
    }

    /// An answer without a body.
    pub(crate) fn answers_nothing(self, status: u16, about: &'static str) -> Self {
        self.answer(status, about, Body::Nothing)
    }

    /// An answer with a body of whatever kind.
    pub(crate) fn answer(mut self, status: u16, about: &'static str, body: Body) -> Self {
        self.answers.push(Answer { status, about, body, headers: Vec::new() });
        self
    }

    /// A header of the answer that was named last.
    pub(crate) fn with(mut self, name: &'static str, about: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, about));
        }
        self
    }

    /// What it refuses with, beside what every request may be refused with.
    pub(crate) fn refuses(mut self, codes: &[Code]) -> Self {
        self.refusals.extend(codes.iter().map(|code| code.as_str()));
        self
    }

    /// Whether a login has to come along.
    pub(crate) fn needs_login(&self) -> bool {
        self.asked.login || self.may != May::Anyone
    }

    /// Every code it may refuse with.
    pub(crate) fn all_refusals(&self) -> impl Iterator<Item = Code> {
        let mut all = &self.refusals | &self.asked.refusals;
        let mut may = |is: bool, code: Code| is.then(|| all.insert(code.as_str()));
        may(self.needs_login(), Code::Unauthenticated);
        may(self.may.is_narrow(), Code::Forbidden);
        may(self.method != Method::Get, Code::CrossSite);
        may(true, Code::Internal);
        may(self.group != Group::Operation, Code::Unavailable);
        // Per address and per account, whatever is asked.
        may(self.group != Group::Operation, Code::RateLimited);
        Code::ALL.iter().copied().filter(move |code| all.contains(code.as_str()))
    }
}
