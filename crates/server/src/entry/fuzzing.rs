//! For the fuzz targets: secrets by which a session is resumed.

/// The hash of a secret as it was presented.
#[must_use]
pub fn resume_hash(text: &str) -> [u8; 32] {
    super::resume_hash(text).0
}
