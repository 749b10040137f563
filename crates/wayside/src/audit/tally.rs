//! What a person counted: a CSV of line, direction, class and number, or the answers to questions at a terminal.

use std::io::Write;

use anyhow::{Context, bail, ensure};
use wayside_store::audit::{Tally, TallyClass};
use wayside_types::{CameraSpec, Direction};

/// The first line of a CSV, which may be left out.
const HEADER: [&str; 4] = ["line", "direction", "class", "count"];

/// Reads a CSV, also as spreadsheets write it: with a byte order mark, or with semicolons where commas are decimal points.
///
/// # Errors
/// Names the first row that is not acceptable, and what would be.
pub fn parse(text: &str, camera: &CameraSpec) -> anyhow::Result<Vec<Tally>> {
    let mut tallies: Vec<Tally> = Vec::new();
    for (index, row) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let fields: Vec<&str> = row.split([',', ';']).map(|field| field.trim().trim_matches('"')).collect();
        if row.trim().is_empty() || (tallies.is_empty() && fields == HEADER) {
            continue;
        }
        let tally = parse_row(&fields, camera).with_context(|| format!("row {}", index + 1))?;
        let twice = tallies.iter().any(|known| {
            (&known.line, known.direction, known.class) == (&tally.line, tally.direction, tally.class)
        });
        ensure!(
            !twice,
            "row {}: {} {} {} is there twice",
            index + 1,
            tally.line,
            tally.direction.as_str(),
            tally.class.as_str()
        );
        tallies.push(tally);
    }
    Ok(tallies)
}

fn parse_row(fields: &[&str], camera: &CameraSpec) -> anyhow::Result<Tally> {
    let [line, direction, class, count] = *fields else {
        bail!("has {} fields instead of line,direction,class,count", fields.len());
    };
    let Some(known) = camera.lines.iter().find(|known| known.id.as_str() == line) else {
        let known: Vec<&str> = camera.lines.iter().map(|line| line.id.as_str()).collect();
        bail!("line {line:?} is not one of camera {}: {}", camera.id, known.join(" "));
    };
    Ok(Tally {
        line: known.id.clone(),
        direction: direction.parse()?,
        class: class.parse().map_err(anyhow::Error::msg)?,
        count: number(count)?,
    })
}

fn number(text: &str) -> anyhow::Result<u32> {
    let number = text.parse().ok().filter(|number| *number <= Tally::MOST);
    number.with_context(|| format!("count {text:?} is no whole number from 0 to {}", Tally::MOST))
}

/// Asks for every line and direction; an empty answer leaves one out.
///
/// # Errors
/// When nothing can be read any more.
pub fn ask(camera: &CameraSpec) -> anyhow::Result<Vec<Tally>> {
    let mut tallies = Vec::new();
    for line in &camera.lines {
        for direction in [Direction::Forward, Direction::Backward] {
            if let Some(count) = answer(&format!("{} {}", line.id, direction.as_str()))? {
                tallies.push(Tally { line: line.id.clone(), direction, class: TallyClass::Motor, count });
            }
        }
    }
    Ok(tallies)
}

fn answer(what: &str) -> anyhow::Result<Option<u32>> {
    loop {
        let mut out = std::io::stdout();
        write!(out, "cars, buses and lorries over {what} (empty: not tallied): ")?;
        out.flush()?;
        let mut text = String::new();
        ensure!(std::io::stdin().read_line(&mut text)? > 0, "the tally ended at {what}");
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        match number(text) {
            Ok(number) => return Ok(Some(number)),
            Err(error) => writeln!(out, "{error}")?,
        }
    }
}

#[cfg(test)]
mod tests {
    use wayside_types::{Line, LineId, Point};

    use super::*;

    #[test]
    fn what_spreadsheets_write_is_read() {
        let line =
            Line { id: LineId::new("east").unwrap(), points: [Point::new(0.2, 0.9), Point::new(0.2, 0.1)] };
        let camera = CameraSpec { lines: vec![line], ..wayside_testkit::camera("hp-07") };
        let read = |text: &str| parse(&text.replace("LINE", "east"), &camera).unwrap();
        let plain = read("line,direction,class,count\nLINE,forward,motor,12\nLINE,backward,bicycle,0\n");
        assert_eq!(plain.len(), 2);
        for other in [
            "\u{feff}line,direction,class,count\r\nLINE,forward,motor,12\r\nLINE,backward,bicycle,0\r\n",
            "\u{feff}line;direction;class;count\r\nLINE;forward;motor;12\r\nLINE;backward;bicycle;0\r\n",
            "\"LINE\";\"forward\";\"motor\";\"12\"\nLINE;backward;bicycle;0",
        ] {
            assert_eq!(read(other), plain, "{other:?}");
        }
    }
}
