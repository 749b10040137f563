//! What the sheets of the workbook share: styles, date cells on the site's clock, and cells by their meaning.

use jiff::civil;
use rust_xlsxwriter::{Color, Format, FormatAlign, FormatBorder, Formula, Worksheet, XlsxError};
use wayside_types::{TimeZone, Timestamp};

/// How cells look.
pub(super) struct Styles {
    pub(super) title: Format,
    pub(super) head: Format,
    pub(super) time: Format,
    pub(super) day: Format,
    pub(super) ratio: Format,
    pub(super) total: Format,
    pub(super) note: Format,
    pub(super) hidden: Format,
}

impl Styles {
    pub(super) fn new() -> Self {
        let head = Format::new()
            .set_bold()
            .set_background_color(Color::RGB(0x00DD_E6EE))
            .set_border_bottom(FormatBorder::Thin)
            .set_align(FormatAlign::Center);
        Self {
            title: Format::new().set_bold().set_font_size(14),
            head,
            time: Format::new().set_num_format("yyyy-mm-dd hh:mm"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
            ratio: Format::new().set_num_format("0.00"),
            total: Format::new().set_bold().set_border_top(FormatBorder::Thin),
            note: Format::new().set_italic(),
            hidden: Format::new().set_align(FormatAlign::Right).set_font_color(Color::Gray),
        }
    }
}

/// The clock at the site.
pub(super) fn local(at: Timestamp, zone: &TimeZone) -> civil::DateTime {
    at.to_zoned(zone.clone()).datetime()
}

/// A column of a row, counted from 0.
pub(super) type Place = (u32, u16);

/// A count; hidden where it is `None`.
pub(super) fn count(
    sheet: &mut Worksheet,
    styles: &Styles,
    (row, column): Place,
    n: Option<u64>,
) -> Result<(), XlsxError> {
    match n {
        Some(n) => sheet.write_number(row, column, n as f64)?,
        None => sheet.write_string_with_format(row, column, "<3", &styles.hidden)?,
    };
    Ok(())
}

/// A sum by formula with what it comes to; hidden where nothing that may be shown goes into it.
pub(super) fn sum(
    sheet: &mut Worksheet,
    styles: &Styles,
    (row, column): Place,
    formula: &str,
    n: Option<u64>,
) -> Result<(), XlsxError> {
    match n {
        Some(n) => {
            let formula = Formula::new(formula).set_result(n.to_string());
            sheet.write_formula_with_format(row, column, formula, &styles.total)?
        }
        None => sheet.write_string_with_format(row, column, "<3", &styles.hidden)?,
    };
    Ok(())
}

/// A peak-hour factor by formula: the hour's volume over four times its highest quarter.
pub(super) fn factor(
    sheet: &mut Worksheet,
    styles: &Styles,
    (row, column): Place,
    formula: &str,
    (volume, highest): (u64, u64),
) -> Result<(), XlsxError> {
    if highest > 0 {
        let result = volume as f64 / (4.0 * highest as f64);
        let formula = Formula::new(formula).set_result(result.to_string());
        sheet.write_formula_with_format(row, column, formula, &styles.ratio)?;
    }
    Ok(())
}

/// Column names in a row.
pub(super) fn heads(
    sheet: &mut Worksheet,
    styles: &Styles,
    (row, column): Place,
    names: &[&str],
) -> Result<(), XlsxError> {
    for (name, column) in names.iter().zip(column..) {
        sheet.write_string_with_format(row, column, *name, &styles.head)?;
    }
    Ok(())
}
