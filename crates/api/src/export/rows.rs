//! From a question to a file of rows: pages are fetched one after the other by their key and written as they come, so that
//! a year of minutes takes no more memory than a page. The formats are the writers beside.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use wayside_store::query::{MeasurementQuery, MeasurementRow, Pages};
use wayside_store::{Database, StoreError};

use super::csv::Csv;
use super::format::Format;
use super::json::Json;
use super::parquet::Parquet;
use super::row::Measurement;

/// Rows that are fetched at once.
pub(super) const ROWS_AT_ONCE: u32 = 5_000;

/// Makes a file out of rows, part by part.
pub(super) trait RowWriter: Send {
    /// What comes before the first row.
    fn begin(&mut self) -> io::Result<Vec<u8>>;
    /// Some rows, in order. May keep them until there are more.
    fn rows(&mut self, rows: Vec<Measurement>) -> io::Result<Vec<u8>>;
    /// What comes after the last row.
    fn end(&mut self) -> io::Result<Vec<u8>>;
}

/// The writer of a format; `None` for one that is no table of rows.
fn writer(format: Format, query: &MeasurementQuery) -> io::Result<Option<Box<dyn RowWriter>>> {
    Ok(match format {
        Format::Csv => Some(Box::new(Csv::new(query.kind))),
        Format::Json => Some(Box::<Json>::default()),
        Format::Parquet => Some(Box::new(Parquet::new(query)?)),
        Format::Xlsx => None,
    })
}

/// The parts of a file, one after the other.
pub(super) struct Parts {
    pages: Pages,
    writer: Box<dyn RowWriter>,
    /// Fetched and not written.
    waiting: Option<Vec<MeasurementRow>>,
    state: State,
}

enum State {
    Before,
    Rows,
    After,
}

/// Why a file can't be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The store does not answer, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The format can't hold it.
    #[error("the file could not be put together: {0}")]
    Write(#[from] io::Error),
    /// The question is too large for a format that is made as a whole.
    #[error("{0}")]
    TooMuch(String),
}

impl Parts {
    /// Fetches the first page, so that most faults are known before anything is sent.
    ///
    /// # Errors
    /// When it can't be had, or the format is no table of rows.
    pub(super) async fn start(
        database: Database,
        mut query: MeasurementQuery,
        format: Format,
    ) -> Result<Self, ExportError> {
        query.limit = ROWS_AT_ONCE;
        query.cursor = None;
        let writer = writer(format, &query)?
            .ok_or_else(|| io::Error::other(format!("{} is no table of rows", format.name())))?;
        let mut pages = Pages::new(&database, query);
        let waiting = pages.next().await?;
        Ok(Self { pages, writer, waiting, state: State::Before })
    }

    /// The next part; `None` after the last.
    ///
    /// # Errors
    /// When the database goes away midway: the file is then cut short and must not be taken for a whole one.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self.state {
            State::Before => {
                self.state = State::Rows;
                Ok(Some(self.writer.begin()?.into()))
            }
            State::Rows => {
                let page = match self.waiting.take() {
                    Some(page) => Some(page),
                    None => self.pages.next().await.map_err(|error| {
                        tracing::warn!(%error, "an export was cut short");
                        io::Error::other(error)
                    })?,
                };
                if self.pages.is_over() {
                    self.state = State::After;
                }
                let rows = page.into_iter().flatten().map(Measurement::from).collect();
                let mut part = self.writer.rows(rows)?;
                if matches!(self.state, State::After) {
                    part.extend(self.writer.end()?);
                }
                Ok(Some(part.into()))
            }
            State::After => Ok(None),
        }
    }
}

/// Answers with every row of the question as a file.
///
/// # Errors
/// When the first page can't be had. Later faults break the connection off, so that a file that was cut
/// short can't be mistaken for a whole one.
pub(crate) async fn respond(
    database: Database,
    query: MeasurementQuery,
    format: Format,
) -> Result<Response, ExportError> {
    let name = file_name(&format!("measurements.{}", format.name()));
    let parts = Parts::start(database, query, format).await?;
    let body = Body::from_stream(stream::try_unfold(parts, |mut parts| async move {
        Ok::<_, io::Error>(parts.next().await?.map(|part| (part, parts)))
    }));
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    Ok(([kind, (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// Answers with a file that is there as a whole.
pub(crate) fn whole(format: Format, name: &str, bytes: Vec<u8>) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let name = file_name(&format!("{name}.{}", format.name()));
    ([kind, (header::CONTENT_DISPOSITION, name)], bytes).into_response()
}

/// A `Content-Disposition` that has the answer kept under this name.
pub(super) fn file_name(name: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .unwrap_or(HeaderValue::from_static("attachment"))
}
