//! A user as the wire shows one.

use anteroom_protocol::account::User;

use crate::storage::{UserRecord, shown};

/// What anybody may see of a user.
#[must_use]
pub fn public_view(user: &UserRecord) -> User {
    User {
        id: user.id.0,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        roles: user.roles.clone(),
        created_at: shown(user.created_at),
        contact_number: None,
    }
}

/// What the users themselves see.
#[must_use]
pub fn own_view(user: &UserRecord) -> User {
    User { contact_number: user.contact_number.clone(), ..public_view(user) }
}
