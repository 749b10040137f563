//! Rows as CSV (RFC 4180): CRLF line ends, column names first, what is summed or not known empty, a hidden count `<3`.

use std::io;

use csv::{Terminator, WriterBuilder};
use wayside_store::query::MeasurementKind;

use super::columns::{Value, columns};
use super::row::Measurement;
use super::rows::RowWriter;

/// Writes the rows of a kind.
pub(super) struct Csv {
    kind: MeasurementKind,
}

impl Csv {
    pub(super) fn new(kind: MeasurementKind) -> Self {
        Self { kind }
    }
}

impl RowWriter for Csv {
    fn begin(&mut self) -> io::Result<Vec<u8>> {
        let mut writer = writer();
        writer.write_record(columns(self.kind).iter().map(|column| column.name))?;
        writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn rows(&mut self, rows: Vec<Measurement>) -> io::Result<Vec<u8>> {
        let mut writer = writer();
        for row in rows {
            writer.write_record(row.values().into_iter().map(text))?;
        }
        writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }

    fn end(&mut self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn writer() -> csv::Writer<Vec<u8>> {
    WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new())
}

fn text(value: Value) -> String {
    match value {
        Value::Absent => String::new(),
        Value::Hidden => "<3".to_owned(),
        Value::Text(text) => text,
        Value::Time(time) => time.to_string(),
        Value::Whole(n) => n.to_string(),
        Value::Number(n) => n.to_string(),
        Value::Truth(yes) => yes.to_string(),
    }
}
