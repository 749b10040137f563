//! All rows as one JSON document of the same shape as a page of the API, for files.

use std::io;

use super::row::Measurement;
use super::rows::RowWriter;

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
