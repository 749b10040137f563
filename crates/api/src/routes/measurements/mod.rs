//! `GET /api/v1/measurements`: counts in bins, as a page of JSON or all as a file; the matrix of a camera's movements is
//! in `matrix`, a day beside what is usual in `typical`, peak hours in `peaks`, what was not watched in `gaps`. What may be asked is in `ask`, what an answer looks like in `export`; summing, zeros and suppression are the store's work.

pub(crate) mod ask;
pub(crate) mod gaps;
pub(crate) mod matrix;
pub(crate) mod peaks;
pub(crate) mod typical;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use wayside_store::StoreError;
use wayside_store::query::measurements;

pub(crate) use ask::{BINS, range};

use crate::export::{self, ExportError, Format, Measurement};
use crate::page::Page;
use crate::params::Params;
use crate::problem::{Body, FieldError, Kind, Problem};
use crate::state::ApiState;

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request itself is at fault.
    #[error("the request is not acceptable")]
    Request(Problem),
    /// The store does not answer, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file can't be made of the answer.
    #[error(transparent)]
    Export(ExportError),
}

impl From<ExportError> for Error {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => Self::Store(error),
            error => Self::Export(error),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Request(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Request(problem) => problem,
            Error::Store(StoreError::BadQuery { field, reason }) => {
                Self::fields(Kind::InvalidParameter, vec![FieldError::new(field, None, &reason)])
                    .saying(format!("{field} can't be used: {reason}"))
            }
            Error::Store(error @ StoreError::TooFine { shortest, .. }) => {
                let accepted = format!("{shortest} or longer");
                Self::fields(Kind::InvalidParameter, vec![FieldError::new("bin", None, accepted)])
                    .saying(error.to_string())
            }
            Error::Store(error) if error.is_transient() => {
                tracing::warn!(%error, "measurements could not be read");
                Self::new(Kind::DatabaseAway, format!("{error}; closed bins are kept, try again later"))
            }
            Error::Store(error) => Self::internal(&error),
            Error::Export(ExportError::TooMuch(reason)) => {
                Self::fields(Kind::InvalidParameter, vec![FieldError::new("format", None, &reason)])
                    .saying(reason)
            }
            Error::Export(error) => Self::internal(&error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// Counts in bins
///
/// One row for every group and bin that a camera watched, also when it counted nothing; bins that a camera
/// did not watch have no rows. Rows come by camera, bin, and then by line and direction (or from and to)
/// and class. Motor vehicles are counted in bins of a minute or longer, pedestrians, bicycles, motorcycles
/// and movements in bins of 15 minutes or longer; without `class` an answer holds the classes that its bin
/// allows. Movements under 3 in a quarter of an hour are shown as null (`suppressed`), as `<3` in CSV, and no
/// sum holds them. Speeds, headways, occupancy and zones come in bins of 15 minutes or longer; speeds and headways of
/// fewer than five crossings of a line by a class in a quarter of an hour were not kept, and no sum holds them.
#[utoipa::path(
    get,
    path = "/api/v1/measurements",
    operation_id = "list_measurements",
    tag = "measurements",
    params(
        ("kind" = Option<String>, Query, description = "`lines` (crossings; the default), `movements` (from line to line) or `zones` (how full, queues, delay)"),
        ("camera" = Option<Vec<String>>, Query, explode = false, description = "Only these cameras; repeated or separated by commas"),
        ("line" = Option<Vec<String>>, Query, explode = false, description = "Only these lines; a movement is meant when it begins or ends at one of them"),
        ("zone" = Option<Vec<String>>, Query, explode = false, description = "Only these zones; for `kind=zones`"),
        ("class" = Option<Vec<String>>, Query, explode = false, description = "Only these classes: `car`, `bus`, `truck`, `motorcycle`, `bicycle`, `pedestrian`"),
        ("from" = Option<String>, Query, format = DateTime, description = "Bins that start at this time or later; 24 hours before `to` unless given"),
        ("to" = Option<String>, Query, format = DateTime, description = "Bins that start before this time; now unless given"),
        ("bin" = Option<String>, Query, description = "`1m`, `5m`, `15m` (the default), `1h` or `1d`, aligned to the clock of the site's time zone; at most 600,000 bins at once"),
        ("group" = Option<Vec<String>>, Query, explode = false, description = "What rows are told apart by besides camera and bin: some of `line`, `direction`, `class`, for movements of `from`, `to`, `class`; all unless given; `none` for totals. A road user that crosses two lines counts at both, also in totals"),
        ("format" = Option<String>, Query, description = "`json` (a page), `csv` or `parquet` (all rows), `xlsx` (a workbook: the bins of lines, peak hours, turning movements, charts); comes before `Accept`"),
        ("detail" = Option<String>, Query, description = "`counts` leaves out speeds, headways, occupancy and bands, which are most of the work; `all` unless given"),
        ("scheme" = Option<String>, Query, description = "Tells classes apart by the groups of this class scheme (`group`), and gives `pcu_per_h`; shipped are `eu-8-1-like`, `us-fhwa-like` and `cn-jtg`"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "At most this many rows on one page; 1,000 unless given; JSON only"),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before; JSON only"),
    ),
    responses(
        (status = 200, description = "A page of rows as JSON, or all rows as a file, by `format` or `Accept`", content(
            (Page<Measurement> = "application/json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.parquet"),
            (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 406, body = Body, content_type = "application/problem+json", description = "None of the formats is acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "The database does not answer"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut params = Params::parse(query.as_deref());
    let format = export::chosen(&mut params, &headers)?;
    let query = ask::question(&state, params, format)?;
    let mut response = match format {
        Format::Json => {
            let page = measurements(&state.database, &query).await?;
            let body = export::page(page.items, page.next.map(|cursor| cursor.to_string()));
            let body = body.map_err(|error| Problem::internal(&error))?;
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Format::Csv | Format::Parquet => export::respond(state.database.clone(), query, format).await?,
        Format::Xlsx => {
            // Closed only with the state itself.
            let _turn = state.whole_files.acquire().await;
            export::whole(format, "traffic-study", export::workbook(&state, query).await?)
        }
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}
