//! A study of some cameras as a workbook: its bins as they are (`bins`), peak hours (`peaks`), a turning-movement count a
//! junction (`turning`), hours and their charts (`hours`). Everything but the bins comes from quarters of an hour, which
//! `quarters` holds. Times are date cells on the site's clock; what a formula says is named so in its column or row.

mod bins;
mod hours;
mod peaks;
mod quarters;
mod sheet;
mod turning;

use jiff::civil;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};
use wayside_store::query::{MeasurementKind, MeasurementQuery, Pages};
use wayside_types::{BinLength, TimeZone, Timestamp};

pub(crate) use self::quarters::Quarters;
use self::sheet::{Styles, local};
use super::row::Measurement;
use super::rows::{ExportError, ROWS_AT_ONCE};
use crate::state::ApiParts;

/// Most rows of the sheet of bins: a workbook is put together in memory.
const ROWS_MAX: usize = 60_000;
/// Most cameras times days of a workbook.
const CAMERA_DAYS_MAX: i64 = 62;

/// The workbook that answers a question about lines.
///
/// # Errors
/// [`ExportError::TooMuch`] for a question whose answer would be too large, [`ExportError::Store`] when the database
/// does not answer.
pub(crate) async fn workbook(parts: &ApiParts, query: MeasurementQuery) -> Result<Vec<u8>, ExportError> {
    check(parts, &query)?;
    let styles = Styles::new();
    let mut book = Workbook::new();
    let made = query.to.to_zoned(TimeZone::UTC).datetime();
    book.set_properties(&properties(made)?);
    bins::about(&mut book, &styles, &query)?;
    let mut sheet = bins::Bins::new(&query);
    let all = MeasurementQuery { limit: ROWS_AT_ONCE, cursor: None, ..query.clone() };
    let mut pages = Pages::new(&parts.database, all);
    while let Some(rows) = pages.next().await? {
        for row in rows {
            sheet.add(&styles, &Measurement::from(row))?;
        }
        if sheet.rows() > ROWS_MAX {
            let reason = "choose longer bins, less time, fewer lines or classes, or csv or parquet";
            return Err(ExportError::TooMuch(format!("a workbook holds at most {ROWS_MAX} bins; {reason}")));
        }
    }
    book.push_worksheet(sheet.finish(&styles)?);
    let lines = Quarters::load(parts, &query, MeasurementKind::Lines).await?;
    peaks::add(&mut book, &styles, &lines, &query.zone)?;
    let movements = Quarters::load(parts, &query, MeasurementKind::Movements).await?;
    turning::add(&mut book, &styles, parts, &movements, &query.zone)?;
    hours::add(&mut book, &styles, &lines, &query.zone)?;
    Ok(book.save_to_buffer().map_err(failed)?)
}

fn check(parts: &ApiParts, query: &MeasurementQuery) -> Result<(), ExportError> {
    let too_much = |reason: String| Err(ExportError::TooMuch(reason));
    if query.kind != MeasurementKind::Lines || query.scheme.is_some() {
        return too_much(
            "a workbook is made of lines by class: leave kind and scheme out; it has movements as well"
                .into(),
        );
    }
    let cameras = if query.cameras.is_empty() { parts.cameras.len() } else { query.cameras.len() };
    let days = (query.to.duration_since(query.from).as_secs() + 86_399) / 86_400;
    let camera_days = days.saturating_mul(i64::try_from(cameras).unwrap_or(i64::MAX));
    if camera_days > CAMERA_DAYS_MAX {
        return too_much(format!(
            "{cameras} cameras over {days} days are {camera_days} camera days; a workbook holds at most \
             {CAMERA_DAYS_MAX}: name fewer cameras or less time, or take csv or parquet"
        ));
    }
    Ok(())
}

fn properties(made: civil::DateTime) -> Result<DocProperties, XlsxError> {
    let year = u16::try_from(made.year()).unwrap_or(1_900);
    let (month, day) = (made.month().unsigned_abs(), made.day().unsigned_abs());
    // When the study ends, not when the file was made: the same question gives the same file.
    let created = ExcelDateTime::from_ymd(year, month, day)?;
    Ok(DocProperties::new().set_title("Traffic study").set_company("Wayside").set_creation_datetime(&created))
}

/// An error of the library: a limit of the format, or a bug.
impl From<XlsxError> for ExportError {
    fn from(error: XlsxError) -> Self {
        Self::Write(failed(error))
    }
}

fn failed(error: XlsxError) -> std::io::Error {
    std::io::Error::other(error)
}

/// The local hour and minute, for words.
fn clock(at: Timestamp, zone: &TimeZone) -> String {
    let at = local(at, zone);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// How long the bins are that everything but the first sheet is made of.
const QUARTER: BinLength = BinLength::Minute15;
