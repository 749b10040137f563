//! All rows as CSV (RFC 4180), streamed page by page, so that a year of minutes takes no more memory than
//! a page.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use csv::{Terminator, WriterBuilder};
use futures::stream;
use wayside_store::query::{MeasurementKind, MeasurementQuery, MeasurementRow, Page, measurements};
use wayside_store::{Database, StoreError};

use super::row::{Measurement, csv_header};

/// Answers with every row of the question from its first page on.
///
/// # Errors
/// When the first page can't be had. Later faults break the connection off, so that a file that was cut
/// short can't be mistaken for a whole one.
pub(super) async fn respond(database: Database, query: MeasurementQuery) -> Result<Response, StoreError> {
    let first = measurements(&database, &query).await?;
    let pages = Pages { database, query, waiting: Some(first), head: true };
    let body = Body::from_stream(stream::try_unfold(pages, Pages::next));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"measurements.csv\"")),
    ];
    Ok((headers, body).into_response())
}

/// The pages of an answer, one after the other.
struct Pages {
    database: Database,
    query: MeasurementQuery,
    /// Fetched and not sent.
    waiting: Option<Page<MeasurementRow>>,
    /// Whether the column names are still to be sent.
    head: bool,
}

impl Pages {
    async fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let page = match self.waiting.take() {
            Some(page) => page,
            None if self.query.cursor.is_some() => {
                measurements(&self.database, &self.query).await.map_err(|error| {
                    tracing::warn!(%error, "a CSV answer was cut short");
                    io::Error::other(error)
                })?
            }
            None => return Ok(None),
        };
        let chunk = chunk(self.query.kind, self.head, page.items)?;
        self.head = false;
        self.query.cursor = page.next;
        Ok(Some((chunk, self)))
    }
}

fn chunk(kind: MeasurementKind, head: bool, rows: Vec<MeasurementRow>) -> io::Result<Bytes> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    if head {
        writer.write_record(csv_header(kind))?;
    }
    for row in rows {
        writer.write_record(Measurement::from(row).csv_fields())?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| error.into_error())
}
