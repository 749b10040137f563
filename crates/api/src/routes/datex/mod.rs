//! DATEX II v3: `sites` and what was `measured` at them, one file per endpoint. The documents are `export`'s work.

pub(crate) mod measured;
pub(crate) mod sites;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::export::datex::{DatexError, MEDIA_TYPE};
use crate::problem::{Kind, Problem};
use crate::routes::measurements;

fn document(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], bytes).into_response()
}

impl From<DatexError> for measurements::Error {
    fn from(error: DatexError) -> Self {
        match error {
            DatexError::Store(error) => Self::Store(error),
            DatexError::NoSite => Self::Request(Problem::new(Kind::NotFound, error.to_string())),
            DatexError::Write(_) => Self::Request(Problem::internal(&error)),
        }
    }
}
