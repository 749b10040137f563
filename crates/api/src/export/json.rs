//! Rows as JSON: a page as the API answers it, and all of them as one document of the same shape, for files.

use std::cell::Cell;
use std::io;

use serde::{Serialize, Serializer};
use wayside_store::query::MeasurementRow;

use super::row::Measurement;
use super::rows::RowWriter;

/// About how long a row is without speeds and bands.
const ROW_BYTES: usize = 400;

/// A page of rows. Each is written as it is made: all of them at once would be many megabytes more to fill and to free.
///
/// # Errors
/// When a row has no form in JSON.
pub(crate) fn page(rows: Vec<MeasurementRow>, next_cursor: Option<String>) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(ROW_BYTES * (rows.len() + 1));
    serde_json::to_writer(&mut body, &Page { items: Items(Cell::new(rows)), next_cursor })?;
    Ok(body)
}

/// As [`crate::page::Page`].
#[derive(Serialize)]
struct Page {
    items: Items,
    next_cursor: Option<String>,
}

/// Rows that are written once.
struct Items(Cell<Vec<MeasurementRow>>);

impl Serialize for Items {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().map(Measurement::from))
    }
}

/// Writes `{"items":[…],"next_cursor":null}`, an item a line.
#[derive(Default)]
pub(super) struct Json {
    begun: bool,
}

impl RowWriter for Json {
    fn begin(&mut self) -> io::Result<Vec<u8>> {
        Ok(b"{\"items\":[".to_vec())
    }

    fn rows(&mut self, rows: Vec<Measurement>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        for row in rows {
            out.extend_from_slice(if self.begun { b",\n" } else { b"\n" });
            self.begun = true;
            serde_json::to_writer(&mut out, &row)?;
        }
        Ok(out)
    }

    fn end(&mut self) -> io::Result<Vec<u8>> {
        Ok(b"\n],\"next_cursor\":null}\n".to_vec())
    }
}
