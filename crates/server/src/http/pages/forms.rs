//! Forms without script: what was asked, and how a refusal is shown beside its field.

use std::collections::BTreeMap;

use anteroom_core::limits;
use anteroom_protocol::Code;
use serde::Deserialize;

use super::super::problem::Refused;
use crate::pages::form::{Answers, Fault, FieldError};
use crate::pages::refusal::Refusal;

/// The fields of a form as they were sent.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Asked(BTreeMap<String, String>);

impl Asked {
    /// The value of a field; empty when it was not sent.
    pub(super) fn get(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    /// The value of a field that may be left empty.
    pub(super) fn optional(&self, field: &str) -> Option<String> {
        Some(self.get(field).to_owned()).filter(|text| !text.trim().is_empty())
    }

    /// The form again, with what was wrong.
    pub(super) fn answers(&self, errors: Vec<FieldError>) -> Answers {
        Answers { values: self.0.clone().into_iter().collect(), errors }
    }
}

/// What was wrong, field by field; what belongs to no field stands above the form.
pub(super) fn faults(refused: &Refused) -> Vec<FieldError> {
    match refused.code {
        Code::Invalid => refused
            .errors
            .iter()
            .map(|error| FieldError::new(error.field.as_str(), fault(&error.field, &error.code)))
            .collect(),
        Code::UsernameTaken => vec![FieldError::new("username", Fault::UsernameTaken)],
        Code::BadCredentials => vec![FieldError::new("", Fault::BadCredentials)],
        Code::RateLimited => {
            let minutes = refused.retry_after.unwrap_or(60).div_ceil(60);
            vec![FieldError::new("", Fault::TooManyTries(minutes))]
        }
        other => vec![FieldError::new("", Fault::Refused(Refusal::from_code(other.as_str())))],
    }
}

/// The seats of a room and those kept for staff, as two fields say them.
pub(super) fn size(asked: &Asked) -> Result<(u32, u32), Vec<FieldError>> {
    let read = |field: &str, min: u32| {
        let sent = asked.get(field).trim();
        let usual = if sent.is_empty() && min == 0 { "0" } else { sent };
        let out_of_range = Fault::OutOfRange(min, limits::CAPACITY_MAX);
        usual.parse().map_err(|_| FieldError::new(field, out_of_range))
    };
    match (read("capacity", 1), read("staff_seats", 0)) {
        (Ok(capacity), Ok(staff_seats)) => Ok((capacity, staff_seats)),
        (capacity, staff) => Err(capacity.err().into_iter().chain(staff.err()).collect()),
    }
}

fn fault(field: &str, code: &str) -> Fault {
    let (min, max) = match field {
        "username" => (limits::USERNAME_CHARS_MIN, limits::USERNAME_CHARS_MAX),
        "display_name" => (1, limits::DISPLAY_NAME_CHARS_MAX),
        "contact_number" => (1, limits::CONTACT_CHARS_MAX),
        "name" => (1, limits::ROOM_NAME_CHARS_MAX),
        _ => (limits::PASSWORD_CHARS_MIN, limits::PASSWORD_CHARS_MAX),
    };
    match code {
        "required" => Fault::Required,
        "too_short" => Fault::TooShort(min),
        "too_long" => Fault::TooLong(max),
        "out_of_range" if field == "staff_seats" => Fault::StaffBeyondSeats,
        "out_of_range" => Fault::OutOfRange(1, limits::CAPACITY_MAX),
        "characters" => Fault::Characters,
        "too_common" => Fault::TooCommon,
        "unchanged" => Fault::SamePassword,
        "wrong_password" => Fault::WrongPassword,
        _ => Fault::Invalid,
    }
}
