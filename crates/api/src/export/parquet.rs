//! Rows as Apache Parquet: a typed column each, absent where it is empty, instants as microseconds of UTC, compressed with
//! Snappy. A hidden count is absent and `count_hidden` is true. Rows are gathered until a row group is worth its while.

use std::io;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use wayside_store::query::{MeasurementKind, MeasurementQuery};

use super::columns::{Column, Type, Value, columns};
use super::row::Measurement;
use super::rows::RowWriter;

/// Rows of a row group: enough for dictionaries and run lengths to pay, few enough to be held.
const GROUP_ROWS: usize = 30_000;

/// Writes the rows of a kind.
pub(super) struct Parquet {
    file: SerializedFileWriter<Vec<u8>>,
    columns: Vec<Gathered>,
    rows: usize,
}

/// A column of the row group in the making.
struct Gathered {
    column: Column,
    present: Vec<i16>,
    hidden: Vec<bool>,
    cells: Cells,
}

enum Cells {
    Text(Vec<ByteArray>),
    Whole(Vec<i64>),
    Number(Vec<f64>),
    Truth(Vec<bool>),
}

impl Parquet {
    /// # Errors
    /// Never with the columns there are: their schema is tested.
    pub(super) fn new(query: &MeasurementQuery) -> io::Result<Self> {
        let schema = parse_message_type(&schema(query.kind)).map_err(io_error)?;
        let said = |key: &str, value: &str| KeyValue::new(format!("wayside.{key}"), value.to_owned());
        let about = vec![
            said("bin", query.bin.as_str()),
            said("timezone", query.zone.iana_name().unwrap_or("unnamed")),
        ];
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("wayside ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(about))
            .build();
        let file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties));
        let columns = columns(query.kind).into_iter().map(Gathered::new).collect();
        Ok(Self { file: file.map_err(io_error)?, columns, rows: 0 })
    }

    /// Writes what was gathered as a row group.
    fn flush(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            let mut group = self.file.next_row_group().map_err(io_error)?;
            for column in &mut self.columns {
                column.write(&mut group).map_err(io_error)?;
            }
            group.close().map_err(io_error)?;
            self.rows = 0;
        }
        Ok(())
    }

    /// What was written since it was last taken.
    fn take(&mut self) -> io::Result<Vec<u8>> {
        self.file.flush()?;
        Ok(std::mem::take(self.file.inner_mut()))
    }
}

impl RowWriter for Parquet {
    fn begin(&mut self) -> io::Result<Vec<u8>> {
        self.take()
    }

    fn rows(&mut self, rows: Vec<Measurement>) -> io::Result<Vec<u8>> {
        for row in rows {
            for (column, value) in self.columns.iter_mut().zip(row.values()) {
                column.push(value)?;
            }
            self.rows += 1;
            if self.rows >= GROUP_ROWS {
                self.flush()?;
            }
        }
        self.take()
    }

    fn end(&mut self) -> io::Result<Vec<u8>> {
        self.flush()?;
        self.file.finish().map_err(io_error)?;
        self.take()
    }
}

/// The schema as Parquet's own text form.
fn schema(kind: MeasurementKind) -> String {
    let field = |column: Column| {
        let Column { name, of } = column;
        match of {
            Type::Text => format!("optional binary {name} (STRING);"),
            Type::Time => format!("required int64 {name} (TIMESTAMP(MICROS,true));"),
            Type::Whole => format!("optional int64 {name};"),
            Type::Count => format!("optional int64 {name}; required boolean {name}_hidden;"),
            Type::Number => format!("optional double {name};"),
            Type::Truth => format!("required boolean {name};"),
        }
    };
    let fields: Vec<String> = columns(kind).into_iter().map(field).collect();
    format!("message measurement {{ {} }}", fields.join(" "))
}

impl Gathered {
    fn new(column: Column) -> Self {
        let cells = match column.of {
            Type::Text => Cells::Text(Vec::new()),
            Type::Time | Type::Whole | Type::Count => Cells::Whole(Vec::new()),
            Type::Number => Cells::Number(Vec::new()),
            Type::Truth => Cells::Truth(Vec::new()),
        };
        Self { column, present: Vec::new(), hidden: Vec::new(), cells }
    }

    fn push(&mut self, value: Value) -> io::Result<()> {
        self.hidden.push(value == Value::Hidden);
        self.present.push(i16::from(!matches!(value, Value::Absent | Value::Hidden)));
        match (&mut self.cells, value) {
            (_, Value::Absent | Value::Hidden) => {}
            (Cells::Text(cells), Value::Text(text)) => cells.push(text.as_str().into()),
            (Cells::Whole(cells), Value::Time(time)) => cells.push(time.as_microsecond()),
            (Cells::Whole(cells), Value::Whole(n)) => cells.push(i64::try_from(n).unwrap_or(i64::MAX)),
            (Cells::Number(cells), Value::Number(n)) => cells.push(n),
            (Cells::Truth(cells), Value::Truth(yes)) => cells.push(yes),
            (_, other) => {
                return Err(io::Error::other(format!("column {} can't hold {other:?}", self.column.name)));
            }
        }
        Ok(())
    }

    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, Vec<u8>>) -> Result<(), ParquetError> {
        let present = std::mem::take(&mut self.present);
        // A column that is never absent has no definition levels.
        let levels = match self.column.of {
            Type::Time | Type::Truth => None,
            _ => Some(present.as_slice()),
        };
        write_column(group, std::mem::replace(&mut self.cells, Self::new(self.column).cells), levels)?;
        let hidden = std::mem::take(&mut self.hidden);
        if self.column.of == Type::Count {
            write_column(group, Cells::Truth(hidden), None)?;
        }
        Ok(())
    }
}

fn write_column(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    cells: Cells,
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than the rows".to_owned()));
    };
    match (column.untyped(), &cells) {
        (ColumnWriter::ByteArrayColumnWriter(writer), Cells::Text(cells)) => {
            writer.write_batch(cells, levels, None)?;
        }
        (ColumnWriter::Int64ColumnWriter(writer), Cells::Whole(cells)) => {
            writer.write_batch(cells, levels, None)?;
        }
        (ColumnWriter::DoubleColumnWriter(writer), Cells::Number(cells)) => {
            writer.write_batch(cells, levels, None)?;
        }
        (ColumnWriter::BoolColumnWriter(writer), Cells::Truth(cells)) => {
            writer.write_batch(cells, levels, None)?;
        }
        _ => return Err(ParquetError::General("the schema has other columns than the rows".to_owned())),
    }
    column.close()
}

fn io_error(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_schema_that_says_its_types() {
        for kind in [MeasurementKind::Lines, MeasurementKind::Movements, MeasurementKind::Zones] {
            let parsed = parse_message_type(&schema(kind)).unwrap();
            let counts = columns(kind).iter().filter(|column| column.of == Type::Count).count();
            assert_eq!(parsed.get_fields().len(), columns(kind).len() + counts);
        }
    }
}
