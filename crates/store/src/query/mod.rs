//! The questions that may be asked of the database: [`cameras`] and [`measurements`], with a page of answers at a
//! time, [`matrix`] of one camera's movements, a day beside what is [`typical`], [`gaps`] in what was watched, and
//! [`incidents`]. Bins come from `bins`, pages from `cursor`, which stored lengths are read from `sources`, what packed days
//! have of an answer from `days`. The SQL of the rest lies in `fetch`, `coverage`, `flow` and `quality`, and rows, with their
//! zeros, are put together in `fill`.

mod bins;
mod cameras;
mod coverage;
mod cursor;
mod days;
mod fetch;
mod fill;
mod flow;
mod gaps;
mod incidents;
mod matrix;
mod measurements;
mod movements;
mod pager;
mod pages;
mod quality;
mod sources;
mod typical;

pub use cameras::{CameraRow, cameras};
pub(crate) use coverage::Observed;
pub use cursor::Cursor;
pub(crate) use days::Rest;
pub(crate) use flow::{FlowSum, StoredFlow};
pub use flow::{LineFlow, ZoneFlow};
pub use gaps::{Gap, GapsQuery, gaps};
pub use incidents::{IncidentCursor, IncidentPage, IncidentQuery, incident, incidents, still, stills};
pub use matrix::{MatrixQuery, MovementMatrix, matrix};
pub(crate) use measurements::LEAST_CELL;
pub use measurements::{
    GroupBy, GroupKey, MeasurementKind, MeasurementQuery, MeasurementRow, RowSubject, SmallCells,
    measurements,
};
pub use pages::Pages;
pub use quality::LineQuality;
pub(crate) use quality::signs;
pub use typical::{Mover, TypicalQuery, TypicalRow, Usual, movers, typical};

use fill::Group;

use crate::error::StoreError;

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    pub next: Option<Cursor>,
}

/// A value that was checked when it was written; another program may have written there since.
pub(crate) fn stored<T, E: std::fmt::Display>(value: Result<T, E>) -> Result<T, StoreError> {
    value.map_err(|error| StoreError::Refused {
        what: "a query: it holds something that Wayside never writes",
        code: None,
        reason: error.to_string(),
    })
}
