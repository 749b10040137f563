//! Measurements in the formats that people use. `row` is the one description of a measurement (with `flow`, `quality` and `zone`),
//! `columns` the same as a table, `rows` fetches pages of them from the store; every format is a writer over these: `csv`,
//! `json`, `parquet` row by row, `xlsx` as a workbook, `datex` as DATEX II. `geojson` shows where cameras and lines are and what
//! they are doing; `schedule` makes files of all these again and again; `place` and `turns` know where lines lie. What may be shown was decided by the store before anything comes
//! here.

mod columns;
mod csv;
pub(crate) mod datex;
mod flow;
mod format;
pub(crate) mod geojson;
mod json;
mod parquet;
mod place;
mod quality;
mod row;
mod rows;
mod schedule;
mod turns;
mod xlsx;
mod zone;

pub(crate) use format::{Format, chosen};
pub(crate) use geojson::last_quarter;
pub(crate) use json::page;
pub(crate) use place::OnMap;
pub(crate) use row::{LineMeasurement, Measurement, Watched, rounded};
pub(crate) use rows::{ExportError, respond, whole};
pub use schedule::Exports;
pub(crate) use xlsx::{Quarters, workbook};
