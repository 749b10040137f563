//! The first two sheets: what the study is, and its bins as every other format has them.

use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use wayside_store::query::MeasurementQuery;
use wayside_types::TimeZone;

use super::super::columns::{Type, Value, columns};
use super::super::row::Measurement;
use super::sheet::{Styles, heads, local};

/// What the reader has to know to sign for the numbers.
const ABOUT: [&str; 9] = [
    "Sheets: Bins (values), Peak hours, one turning-movement count (TMC) a camera, Hours and Totals with Charts.",
    "Times are on the site's clock; Bins gives the offset from UTC, as an hour comes twice when the clock goes back.",
    "A bin that a camera did not watch has no row. 0 means: watched, and nobody came.",
    "A bin with complete = FALSE was watched in part: its count is that of the part, flow_per_h is by the observed time.",
    "Peak hours are four whole quarters of an hour, each at least 98 % observed; where there are none, none is given.",
    "Peak-hour factor = volume of the hour / (4 x its highest quarter): a formula.",
    "A movement (two lines, a class, a quarter of an hour) under 3 reads <3 and is in no total: totals say at least.",
    "Speeds and headways of fewer than five crossings of a line by a class in a quarter of an hour are not kept.",
    "All other figures are values. Left, through and right follow from how the lines lie: see the sheet's own note.",
];

/// The sheet that says what this is.
pub(super) fn about(book: &mut Workbook, styles: &Styles, query: &MeasurementQuery) -> Result<(), XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name("About")?.set_column_width(0, 18)?;
    sheet.write_string_with_format(0, 0, "Traffic study", &styles.title)?;
    let cameras: Vec<&str> = query.cameras.iter().map(|camera| camera.as_str()).collect();
    let cameras = if cameras.is_empty() { "all".to_owned() } else { cameras.join(", ") };
    let zone = query.zone.iana_name().unwrap_or("unnamed").to_owned();
    let (bin, said) = (query.bin.as_str().to_owned(), |at| local(at, &query.zone));
    sheet.write_string(2, 0, "Cameras")?.write_string(2, 1, cameras)?;
    sheet.write_string(3, 0, "From")?.write_with_format(3, 1, &said(query.from), &styles.time)?;
    sheet.write_string(4, 0, "To")?.write_with_format(4, 1, &said(query.to), &styles.time)?;
    sheet.write_string(5, 0, "Time zone")?.write_string(5, 1, zone)?;
    sheet.write_string(6, 0, "Bins")?.write_string(6, 1, bin)?;
    sheet.set_column_width(1, 20)?;
    for (text, row) in ABOUT.iter().zip(8..) {
        sheet.write_string(row, 0, *text)?;
    }
    Ok(())
}

/// The sheet of bins in the making.
pub(super) struct Bins {
    sheet: Worksheet,
    zone: TimeZone,
    heads: Vec<&'static str>,
    next: u32,
}

impl Bins {
    pub(super) fn new(query: &MeasurementQuery) -> Self {
        let mut heads = Vec::new();
        for column in columns(query.kind) {
            heads.push(column.name);
            if column.name == "end" {
                heads.push("utc_offset");
            }
        }
        debug_assert!(columns(query.kind).iter().any(|column| column.of == Type::Count));
        Self { sheet: Worksheet::new(), zone: query.zone.clone(), heads, next: 1 }
    }

    pub(super) fn rows(&self) -> usize {
        self.next as usize - 1
    }

    pub(super) fn add(&mut self, styles: &Styles, row: &Measurement) -> Result<(), XlsxError> {
        let (at, mut column) = (self.next, 0);
        let mut times = 0;
        for value in row.values() {
            let sheet = &mut self.sheet;
            match value {
                Value::Absent => {}
                Value::Hidden => {
                    sheet.write_string_with_format(at, column, "<3", &styles.hidden)?;
                }
                Value::Text(text) => {
                    sheet.write_string(at, column, text)?;
                }
                Value::Time(time) => {
                    sheet.write_with_format(at, column, &local(time, &self.zone), &styles.time)?;
                    times += 1;
                    if times == 2 {
                        column += 1;
                        // That of the bin's end would be the next bin's where the clock jumps.
                        sheet.write_string(at, column, offset(row, &self.zone))?;
                    }
                }
                Value::Whole(n) => {
                    sheet.write_number(at, column, n as f64)?;
                }
                Value::Number(n) => {
                    sheet.write_number(at, column, n)?;
                }
                Value::Truth(yes) => {
                    sheet.write_boolean(at, column, yes)?;
                }
            }
            column += 1;
        }
        self.next += 1;
        Ok(())
    }

    pub(super) fn finish(mut self, styles: &Styles) -> Result<Worksheet, XlsxError> {
        self.sheet.set_name("Bins")?;
        heads(&mut self.sheet, styles, (0, 0), &self.heads)?;
        let last = u16::try_from(self.heads.len().saturating_sub(1)).unwrap_or(u16::MAX);
        self.sheet.autofilter(0, 0, self.next.saturating_sub(1), last)?;
        self.sheet.set_freeze_panes(1, 3)?.set_column_range_width(0, last, 13)?;
        self.sheet.set_column_range_width(1, 2, 17)?;
        Ok(self.sheet)
    }
}

/// The offset from UTC in force when the bin began, as `+05:45`.
fn offset(row: &Measurement, zone: &TimeZone) -> String {
    let start = row.start();
    let seconds = zone.to_offset(start).seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
