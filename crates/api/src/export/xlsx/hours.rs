//! Motor vehicles an hour by line and direction, and what each line counted by class, with a chart of both for each camera.
//! A vehicle that crosses two lines is in both: lines are told apart and never summed.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use rust_xlsxwriter::{Chart, ChartType, Workbook, Worksheet, XlsxError};
use wayside_types::{RoadUserClass, TimeZone, Timestamp};

use super::quarters::{Camera, MOTOR, Quarters};
use super::sheet::{Styles, heads, local, sum};

/// Rows that a chart takes.
const CHART_ROWS: u32 = 22;

pub(super) fn add(
    book: &mut Workbook,
    styles: &Styles,
    quarters: &Quarters,
    zone: &TimeZone,
) -> Result<(), XlsxError> {
    let (mut hours, mut totals, mut charts) = (Worksheet::new(), Worksheet::new(), Worksheet::new());
    hours.set_name("Hours")?;
    totals.set_name("Totals")?;
    charts.set_name("Charts")?;
    let (mut hour_row, mut total_row, mut chart_row) = (0, 0, 0);
    for (id, camera) in &quarters.cameras {
        let lines: Vec<String> = camera.counts.keys().map(|(line, way)| format!("{line} {way}")).collect();
        let block = hour_table(&mut hours, styles, (id, camera), &lines, (hour_row, zone))?;
        let mut chart = Chart::new(ChartType::Line);
        chart.title().set_name(format!("{id}: motor vehicles an hour").as_str());
        chart.x_axis().set_name("hour").set_num_format("dd hh:mm");
        chart.y_axis().set_name("vehicles");
        for (column, name) in (1..).zip(&lines) {
            let series = chart.add_series().set_name(name.as_str());
            series.set_categories(("Hours", block.0, 0, block.1, 0));
            series.set_values(("Hours", block.0, column, block.1, column));
        }
        place(&mut charts, chart, chart_row, 0)?;
        hour_row = block.1 + 3;
        let block = total_table(&mut totals, styles, (id, camera), &lines, total_row)?;
        let mut chart = Chart::new(ChartType::ColumnStacked);
        chart.title().set_name(format!("{id}: counted by class").as_str());
        for (column, class) in (1..).zip(RoadUserClass::ALL) {
            let series = chart.add_series().set_name(class.as_str());
            series.set_categories(("Totals", block.0, 0, block.1, 0));
            series.set_values(("Totals", block.0, column, block.1, column));
        }
        place(&mut charts, chart, chart_row, 12)?;
        total_row = block.1 + 3;
        chart_row += CHART_ROWS;
    }
    for sheet in [hours, totals, charts] {
        book.push_worksheet(sheet);
    }
    Ok(())
}

fn place(sheet: &mut Worksheet, mut chart: Chart, row: u32, column: u16) -> Result<(), XlsxError> {
    chart.set_width(740).set_height(400);
    sheet.insert_chart(row, column, &chart)?;
    Ok(())
}

/// A table of hours that begins in a row; gives the first and last row of its numbers.
fn hour_table(
    sheet: &mut Worksheet,
    styles: &Styles,
    (id, camera): (&str, &Camera),
    lines: &[String],
    (row, zone): (u32, &TimeZone),
) -> Result<(u32, u32), XlsxError> {
    let title = format!("{id}: motor vehicles an hour (values; empty where the hour was not watched whole)");
    sheet.write_string_with_format(row, 0, title, &styles.title)?;
    sheet.set_column_width(0, 17)?;
    let mut names = vec!["hour"];
    names.extend(lines.iter().map(String::as_str));
    heads(sheet, styles, (row + 1, 0), &names)?;
    // Hours of the local clock; the one that comes twice in autumn is two of them.
    let mut hours: BTreeMap<(Timestamp, DateTime), Vec<Timestamp>> = BTreeMap::new();
    for start in camera.watched.keys() {
        let (hour, _) = wayside_types::BinLength::Hour.bounds(*start, zone);
        hours.entry((hour, local(hour, zone))).or_default().push(*start);
    }
    let first = row + 2;
    let mut at = first;
    let series: Vec<_> = camera.counts.keys().map(|subject| camera.sum(subject, &MOTOR)).collect();
    for ((_, hour), quarters) in &hours {
        sheet.write_with_format(at, 0, hour, &styles.time)?;
        let whole = quarters.len() == 4 && quarters.iter().all(|q| camera.watched.get(q) == Some(&true));
        for (column, series) in (1..).zip(&series).filter(|_| whole) {
            let n: u64 = quarters.iter().filter_map(|quarter| series.get(quarter)).sum();
            sheet.write_number(at, column, n as f64)?;
        }
        at += 1;
    }
    Ok((first, at.saturating_sub(1).max(first)))
}

/// A table of what each line counted; likewise.
fn total_table(
    sheet: &mut Worksheet,
    styles: &Styles,
    (id, camera): (&str, &Camera),
    lines: &[String],
    row: u32,
) -> Result<(u32, u32), XlsxError> {
    let partial = camera.watched.values().filter(|whole| !**whole).count();
    let title = format!(
        "{id}: counted in {} quarters of an hour, {partial} of them watched in part (values; totals are formulas)",
        camera.watched.len()
    );
    sheet.write_string_with_format(row, 0, title, &styles.title)?;
    sheet.set_column_width(0, 24)?;
    let mut names = vec!["line"];
    names.extend(RoadUserClass::ALL.iter().map(|class| class.as_str()));
    names.push("total (formula)");
    heads(sheet, styles, (row + 1, 0), &names)?;
    let first = row + 2;
    let mut at = first;
    for (subject, name) in camera.counts.keys().zip(lines) {
        sheet.write_string(at, 0, name.as_str())?;
        let mut total = 0;
        for (column, class) in (1..).zip(RoadUserClass::ALL) {
            if camera.classes.contains(class) {
                let n: u64 = camera.sum(subject, &[*class]).values().sum();
                sheet.write_number(at, column, n as f64)?;
                total += n;
            }
        }
        sum(sheet, styles, (at, 7), &format!("=SUM(B{0}:G{0})", at + 1), Some(total))?;
        at += 1;
    }
    Ok((first, at.saturating_sub(1).max(first)))
}
