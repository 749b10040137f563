//! Names that people give: cameras, lines, zones, departments. They are checked once, here, and cheap
//! to clone. The id of a track is not among them: see [`crate::track::TrackId`].

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An id that breaks the rule `[a-z0-9-]{1,40}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} must be 1 to 40 characters of a-z, 0-9 and '-'")]
pub struct IdError {
    /// Which kind of id was wanted.
    pub what: &'static str,
    /// What was given.
    pub value: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes the id.
            ///
            /// # Errors
            /// [`IdError`] when it is not 1 to 40 characters of `a-z`, `0-9` and `-`.
            pub fn new(value: &str) -> Result<Self, IdError> {
                let fits = (1..=40).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                if fits { Ok(Self(value.into())) } else { Err(IdError { what: $what, value: value.to_owned() }) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(value: String) -> Result<Self, IdError> {
                Self::new(&value)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

id!(
    /// A camera: one fixed view.
    CameraId,
    "camera id"
);
id!(
    /// A counting line, unique within its camera.
    LineId,
    "line id"
);
id!(
    /// A zone, unique within its camera.
    ZoneId,
    "zone id"
);
id!(
    /// The department that owns a camera.
    Department,
    "department"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_enforced() {
        for good in ["a", "hp-07", "0123456789012345678901234567890123456789"] {
            assert_eq!(CameraId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "HP", "a b", "ä", "01234567890123456789012345678901234567890", "../x"] {
            assert!(CameraId::new(bad).is_err(), "{bad:?} was taken");
        }
    }
}
