//! The peak-hour table: for each line, direction, class and day the busiest hour, its highest quarter and its factor.

use rust_xlsxwriter::{Workbook, XlsxError};
use wayside_types::TimeZone;

use super::quarters::{MOTOR, Quarters};
use super::sheet::{Styles, factor, heads, local};

const HEADS: [&str; 11] = [
    "camera",
    "line",
    "direction",
    "class",
    "day",
    "peak hour from",
    "peak hour to",
    "volume",
    "highest 15 min",
    "PHF (formula)",
    "quarters observed whole",
];

pub(super) fn add(
    book: &mut Workbook,
    styles: &Styles,
    quarters: &Quarters,
    zone: &TimeZone,
) -> Result<(), XlsxError> {
    let sheet = book.add_worksheet();
    sheet.set_name("Peak hours")?;
    heads(sheet, styles, (0, 0), &HEADS)?;
    let mut row = 1;
    for (id, camera) in &quarters.cameras {
        for subject in camera.counts.keys() {
            let motor: Vec<_> = MOTOR.into_iter().filter(|class| camera.classes.contains(class)).collect();
            let all = (!motor.is_empty()).then_some(("motor vehicles", motor));
            let each = camera.classes.iter().map(|class| (class.as_str(), vec![*class]));
            for (name, classes) in all.into_iter().chain(each) {
                let series = camera.sum(subject, &classes);
                for day in camera.days(zone) {
                    for (text, column) in [id, &subject.0, &subject.1, &name.to_owned()].iter().zip(0..) {
                        sheet.write_string(row, column, text.as_str())?;
                    }
                    sheet.write_with_format(row, 4, &day, &styles.day)?;
                    if let Some(peak) = camera.peak(&series, zone, Some(day)) {
                        sheet.write_with_format(row, 5, &local(peak.start, zone), &styles.time)?;
                        sheet.write_with_format(row, 6, &local(peak.end, zone), &styles.time)?;
                        sheet.write_number(row, 7, peak.volume as f64)?;
                        sheet.write_number(row, 8, peak.highest_quarter as f64)?;
                        let line = row + 1;
                        let formula = format!("=H{line}/(4*I{line})");
                        let numbers = (peak.volume, peak.highest_quarter);
                        factor(sheet, styles, (row, 9), &formula, numbers)?;
                    } else {
                        sheet.write_string_with_format(row, 5, "no whole hour observed", &styles.note)?;
                    }
                    let of_day = camera.watched.iter().filter(|(at, _)| local(**at, zone).date() == day);
                    let whole =
                        u32::try_from(of_day.filter(|(_, whole)| **whole).count()).unwrap_or(u32::MAX);
                    sheet.write_number(row, 10, whole)?;
                    row += 1;
                }
            }
        }
    }
    sheet.autofilter(0, 0, row.saturating_sub(1).max(1), 10)?.set_freeze_panes(1, 0)?;
    sheet.set_column_range_width(0, 10, 16)?;
    Ok(())
}
