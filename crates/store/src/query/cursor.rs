//! Where a page ended: the key of its last row, as text that fits into a URL unescaped. A cursor means
//! something only for the query that it came from.

use std::fmt;
use std::str::FromStr;

use wayside_types::{CameraId, Timestamp};

use crate::error::StoreError;

/// The place after a page's last row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(super) camera: CameraId,
    /// Microseconds since 1970 at which the bin of the last row starts; absent in lists of cameras.
    pub(super) start: Option<Timestamp>,
    /// The last row's group within the bin: its parts in the list's order.
    pub(super) group: [String; 3],
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.camera)?;
        if let Some(start) = self.start {
            let [a, b, c] = &self.group;
            write!(f, ".{}.{a}.{b}.{c}", start.as_microsecond())?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        parse(text).ok_or_else(|| StoreError::BadQuery {
            field: "cursor",
            reason: "it is not one that a page of this list ended with".to_owned(),
        })
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let parts: Vec<&str> = text.split('.').collect();
    let plain = |part: &str| {
        part.len() <= 40 && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match parts.as_slice() {
        ["1", camera] => {
            Some(Cursor { camera: CameraId::new(camera).ok()?, start: None, group: Default::default() })
        }
        ["1", camera, start, a, b, c] if [a, b, c].iter().all(|part| plain(part)) => Some(Cursor {
            camera: CameraId::new(camera).ok()?,
            start: Some(Timestamp::from_microsecond(start.parse().ok()?).ok()?),
            group: [(*a).to_owned(), (*b).to_owned(), (*c).to_owned()],
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_being_text() {
        for text in ["1.hp-07", "1.hp-07.1763719200000000.east-in.forward.car", "1.a.0..."] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "2.hp-07",
            "1.HP",
            "1.a.b.c.d.e",
            "1.a.0.x",
            "1.a.0.x.y.z.w",
            "1.a.0.x y..",
            "1.a.99999999999999999999...",
        ] {
            let error = bad.parse::<Cursor>().unwrap_err();
            assert!(error.to_string().contains("cursor"), "{bad}: {error}");
        }
    }
}
