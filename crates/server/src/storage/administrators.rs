//! Who counts as an administrator, in the words of both stores.

/// Those who may administer at a time, and can log in again: a guest who leaves is gone. Of an account that has ended
/// the roles are gone.
macro_rules! administrators {
    ($at:literal) => {
        concat!(
            "FROM user_roles JOIN users ON users.id = user_id
             WHERE role = 'admin' AND locked_at IS NULL AND password_hash IS NOT NULL
                 AND (expires_at IS NULL OR expires_at > ",
            $at,
            ")"
        )
    };
}
pub(super) use administrators;
