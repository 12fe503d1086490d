//! How a section is written down, so that its keys, their defaults and what explains them are one text.

/// A section that can say what its keys mean.
pub(super) trait Described {
    /// Each key with the sentences that explain it, in the order in which they are written.
    fn described() -> Vec<(&'static str, String)>;
}

macro_rules! section {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $fdoc:literal])* $field:ident: $ty:ty = $default:expr,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $fdoc])* pub $field: $ty,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::section::Described for $name {
            fn described() -> Vec<(&'static str, String)> {
                vec![$((stringify!($field), concat!($($fdoc, "\n"),*).to_owned()),)*]
            }
        }
    };
}

pub(super) use section;
