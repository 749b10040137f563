//! Turning-movement counts in the layout of junction studies: for each class a block with a column for each turn of each
//! approach, a row for each quarter of an hour, and below it totals, the peak hour and its factor. A cell that may not be
//! told reads `<3`, and so does a sum without any cell that may.

use std::collections::BTreeMap;

use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use wayside_types::{LineId, RoadUserClass, TimeZone, Timestamp};

use super::super::turns::{Junction, Turn};
use super::clock;
use super::quarters::{Camera, MOTOR, Peak, Quarters, Series, Subject};
use super::sheet::{Styles, count, factor, heads, local, sum};
use crate::state::ApiParts;

/// Longest name of a sheet.
const NAME_MAX: usize = 31;
/// The first column of counts; before it stand when a quarter begins and ends.
const FIRST: u16 = 2;

/// A column of counts.
struct Column {
    turn: Turn,
    /// The movements that are this turn.
    movements: Vec<Subject>,
}

/// The turns of an approach, and which columns they have.
struct Approach {
    line: String,
    first: u16,
    columns: Vec<Column>,
}

impl Approach {
    /// Where the sum of its turns stands.
    fn total(&self) -> u16 {
        self.first + u16::try_from(self.columns.len()).unwrap_or_default()
    }
}

pub(super) fn add(
    book: &mut Workbook,
    styles: &Styles,
    parts: &ApiParts,
    movements: &Quarters,
    zone: &TimeZone,
) -> Result<(), XlsxError> {
    for (number, (id, camera)) in movements.cameras.iter().enumerate() {
        let Some(spec) = parts.cameras.iter().find(|spec| spec.id.as_str() == id) else { continue };
        let junction = Junction::new(spec, &parts.ground);
        let approaches = approaches(camera, &junction);
        if approaches.is_empty() {
            continue;
        }
        let mut name = format!("TMC {id}");
        if name.len() > NAME_MAX {
            name = format!("TMC {} {id}", number + 1);
            name.truncate(NAME_MAX);
        }
        let sheet = book.add_worksheet();
        sheet.set_name(name)?.set_column_range_width(0, 1, 17)?;
        Table { sheet, styles, camera, approaches, zone }.write(id, junction.on_ground)?;
    }
    Ok(())
}

/// The approaches of a junction with left, through, right and U-turn each, and what else there is.
fn approaches(camera: &Camera, junction: &Junction) -> Vec<Approach> {
    let mut by_line: BTreeMap<&str, BTreeMap<Turn, Vec<Subject>>> = BTreeMap::new();
    for subject in camera.counts.keys() {
        let turn = match (LineId::new(&subject.0), LineId::new(&subject.1)) {
            (Ok(from), Ok(to)) => junction.turn(&from, &to),
            _ => Turn::Unknown,
        };
        by_line.entry(&subject.0).or_default().entry(turn).or_default().push(subject.clone());
    }
    let mut next = FIRST;
    let mut approaches = Vec::new();
    for (line, mut turns) in by_line {
        let mut columns: Vec<Column> = [Turn::Left, Turn::Through, Turn::Right, Turn::Back]
            .map(|turn| Column { turn, movements: turns.remove(&turn).unwrap_or_default() })
            .into();
        columns.extend(turns.into_iter().map(|(turn, movements)| Column { turn, movements }));
        let approach = Approach { line: line.to_owned(), first: next, columns };
        next = approach.total() + 1;
        approaches.push(approach);
    }
    approaches
}

struct Table<'a> {
    sheet: &'a mut Worksheet,
    styles: &'a Styles,
    camera: &'a Camera,
    approaches: Vec<Approach>,
    zone: &'a TimeZone,
}

impl Table<'_> {
    /// The column of the whole junction's sum.
    fn all(&self) -> u16 {
        self.approaches.last().map_or(FIRST, |approach| approach.total() + 1)
    }

    fn write(mut self, id: &str, on_ground: bool) -> Result<(), XlsxError> {
        let how = if on_ground { "on the ground" } else { "in the picture (not calibrated: check them)" };
        let title = format!("Turning movements at {id}");
        self.sheet.write_string_with_format(0, 0, title, &self.styles.title)?;
        let note = format!(
            "Turns as the lines lie {how}. Under 3 in a quarter of an hour reads <3 and is in no total. Counts are values, \
             totals and peak-hour factors formulas. Rows marked partial were not watched whole."
        );
        self.sheet.write_string_with_format(1, 0, note, &self.styles.note)?;
        // The busiest hour of all motor vehicles is that of every block.
        let peak = self.camera.peak(&self.whole_junction(&MOTOR), self.zone, None);
        let motor = self.camera.classes.iter().any(|class| MOTOR.contains(class));
        let mut row = 3;
        if motor {
            row = self.block("All motor vehicles", &MOTOR, peak, row)?;
        }
        for class in self.camera.classes.iter().copied().collect::<Vec<_>>() {
            row = self.block(class.as_str(), &[class], peak, row)?;
        }
        Ok(())
    }

    fn whole_junction(&self, classes: &[RoadUserClass]) -> Series {
        let mut all = Series::new();
        for subject in self.camera.counts.keys() {
            for (start, n) in self.camera.sum(subject, classes) {
                *all.entry(start).or_default() += n;
            }
        }
        all
    }

    /// A block of some classes from a row on; gives the row of the next.
    fn block(
        &mut self,
        name: &str,
        classes: &[RoadUserClass],
        peak: Option<Peak>,
        row: u32,
    ) -> Result<u32, XlsxError> {
        self.sheet.write_string_with_format(row, 0, name, &self.styles.title)?;
        self.block_heads(row + 1)?;
        let columns = self.columns(classes);
        let first = row + 4;
        let mut at = first;
        let mut peak_rows: Option<(u32, u32)> = None;
        for (&start, &whole) in &self.camera.watched {
            self.sheet.write_with_format(at, 0, &local(start, self.zone), &self.styles.time)?;
            let (_, end) = super::QUARTER.bounds(start, self.zone);
            self.sheet.write_with_format(at, 1, &local(end, self.zone), &self.styles.time)?;
            for (column, series) in &columns {
                count(self.sheet, self.styles, (at, *column), series.get(&start).copied())?;
            }
            self.row_sums(&columns, at, |series| series.get(&start).copied())?;
            if !whole {
                self.sheet.write_string_with_format(at, self.all() + 1, "partial", &self.styles.note)?;
            }
            if peak.is_some_and(|peak| start >= peak.start && start < peak.end) {
                peak_rows = Some((peak_rows.map_or(at, |rows| rows.0), at));
            }
            at += 1;
        }
        self.column_sums(&columns, "Total (formula)", (first, at - 1), at, |_| true)?;
        at += 1;
        if let (Some(peak), Some(rows)) = (peak, peak_rows) {
            let name = format!(
                "Peak hour {} {} to {} (formula)",
                local(peak.start, self.zone).date(),
                clock(peak.start, self.zone),
                clock(peak.end, self.zone)
            );
            let within = |start: Timestamp| start >= peak.start && start < peak.end;
            self.column_sums(&columns, &name, rows, at, within)?;
            self.factors(&columns, (rows, at), within)?;
            at += 2;
        }
        Ok(at + 2)
    }

    fn block_heads(&mut self, row: u32) -> Result<(), XlsxError> {
        heads(self.sheet, self.styles, (row + 2, 0), &["from", "to"])?;
        for approach in &self.approaches {
            let (first, last) = (approach.first, approach.total());
            let title = format!("from {}", approach.line);
            self.sheet.merge_range(row, first, row, last, &title, &self.styles.head)?;
            for (column, at) in approach.columns.iter().zip(first..) {
                let to: Vec<&str> = column.movements.iter().map(|(_, to)| to.as_str()).collect();
                heads(self.sheet, self.styles, (row + 1, at), &[&to.join(" ")])?;
                heads(self.sheet, self.styles, (row + 2, at), &[column.turn.name()])?;
            }
            heads(self.sheet, self.styles, (row + 2, last), &["App. total"])?;
        }
        let all = self.all();
        heads(self.sheet, self.styles, (row + 2, all), &["Int. total"])
    }

    /// The columns that hold counts: those of turns that somebody can make here.
    fn columns(&self, classes: &[RoadUserClass]) -> Vec<(u16, Series)> {
        let mut found = Vec::new();
        for approach in &self.approaches {
            for (column, at) in approach.columns.iter().zip(approach.first..) {
                if column.movements.is_empty() {
                    continue;
                }
                let mut series = Series::new();
                for movement in &column.movements {
                    for (start, n) in self.camera.sum(movement, classes) {
                        *series.entry(start).or_default() += n;
                    }
                }
                found.push((at, series));
            }
        }
        found
    }

    /// The sums of a row: of each approach and of the junction, of the numbers that `of` picks from the columns.
    fn row_sums(
        &mut self,
        columns: &[(u16, Series)],
        row: u32,
        of: impl Fn(&Series) -> Option<u64>,
    ) -> Result<(), XlsxError> {
        let line = row + 1;
        let mut totals = Vec::new();
        let mut all = None;
        for approach in &self.approaches {
            let (first, last) = (approach.first, approach.total());
            let own = columns.iter().filter(|(column, _)| (first..last).contains(column));
            let n = own.filter_map(|(_, series)| of(series)).reduce(|a, b| a + b);
            let formula = format!("=SUM({}{line}:{}{line})", letters(first), letters(last - 1));
            sum(self.sheet, self.styles, (row, last), &formula, n)?;
            totals.push(format!("{}{line}", letters(last)));
            all = match (all, n) {
                (Some(all), Some(n)) => Some(all + n),
                (all, n) => all.or(n),
            };
        }
        let formula = format!("=SUM({})", totals.join(","));
        sum(self.sheet, self.styles, (row, self.all()), &formula, all)
    }

    /// A row of sums over rows, of the quarters that `within` picks.
    fn column_sums(
        &mut self,
        columns: &[(u16, Series)],
        name: &str,
        (first, last): (u32, u32),
        row: u32,
        within: impl Fn(Timestamp) -> bool,
    ) -> Result<(), XlsxError> {
        self.sheet.write_string_with_format(row, 0, name, &self.styles.total)?;
        for (column, series) in columns {
            let letters = letters(*column);
            let formula = format!("=SUM({letters}{}:{letters}{})", first + 1, last + 1);
            sum(self.sheet, self.styles, (row, *column), &formula, over(series, &within))?;
        }
        self.row_sums(columns, row, |series| over(series, &within))
    }

    /// The peak-hour factors below the row of the peak hour.
    fn factors(
        &mut self,
        columns: &[(u16, Series)],
        ((first, last), peak_row): ((u32, u32), u32),
        within: impl Fn(Timestamp) -> bool,
    ) -> Result<(), XlsxError> {
        let row = peak_row + 1;
        self.sheet.write_string_with_format(row, 0, "PHF (formula)", &self.styles.note)?;
        let mut whole: Vec<(u16, Series)> = columns.to_vec();
        let all = self.all();
        let sums =
            self.approaches.iter().map(|approach| (approach.total(), approach.first..approach.total()));
        for (at, own) in sums.chain([(all, FIRST..all)]) {
            let mut series = Series::new();
            for (_, turn) in columns.iter().filter(|(column, _)| own.contains(column)) {
                turn.iter().for_each(|(start, n)| *series.entry(*start).or_default() += n);
            }
            whole.push((at, series));
        }
        for (column, series) in &whole {
            let Some(volume) = over(series, &within) else { continue };
            let quarters = series.iter().filter(|(start, _)| within(**start)).map(|(_, n)| *n);
            let letters = letters(*column);
            let formula =
                format!("={letters}{}/(4*MAX({letters}{}:{letters}{}))", peak_row + 1, first + 1, last + 1);
            let highest = quarters.max().unwrap_or_default();
            factor(self.sheet, self.styles, (row, *column), &formula, (volume, highest))?;
        }
        Ok(())
    }
}

/// The sum of what may be told; `None` where there is nothing.
fn over(series: &Series, within: &impl Fn(Timestamp) -> bool) -> Option<u64> {
    series.iter().filter(|(start, _)| within(**start)).map(|(_, n)| *n).reduce(|a, b| a + b)
}

/// A column's name: A to Z, AA and so on.
fn letters(column: u16) -> String {
    let mut n = u32::from(column) + 1;
    let mut text = Vec::new();
    while n > 0 {
        let digit = (n - 1) % 26;
        text.push(char::from(b'A' + u8::try_from(digit).unwrap_or_default()));
        n = (n - 1) / 26;
    }
    text.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_letters() {
        for (column, want) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!(letters(column), want);
        }
    }
}
