//! Files of measurements from a real database, read back by other programs' readers: Parquet by its own reader, workbooks
//! by calamine.

use std::io::Cursor;

use ::parquet::basic::LogicalType;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::{Field, Row};
use bytes::Bytes;
use calamine::{Data, Range, Reader, Xlsx};
use serde_json::{Value, json};
use wayside_testkit::TestDb;
use wayside_types::{BinLength, ClosedBins, Direction, RoadUserClass};

use super::measurements::{at, count, half_an_hour, line, movement, site, watched};
use crate::testing::Site;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

async fn file(site: &Site, query: &str) -> (Vec<u8>, String) {
    let answer = site.get(&format!("/api/v1/measurements?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    assert!(answer.header("content-disposition").starts_with("attachment; filename="));
    (answer.body.to_vec(), answer.header("content-type").to_owned())
}

fn parquet(bytes: Vec<u8>) -> (SerializedFileReader<Bytes>, Vec<Row>) {
    let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    (reader, rows)
}

fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no {name}")).1
}

#[tokio::test]
async fn parquet_holds_what_json_says() {
    let db = TestDb::new().await;
    let (site, database) = site(&db, half_an_hour()).await;
    let span = "from=2026-11-21T11:30:00Z&to=2026-11-21T12:00:00Z";
    for kind in ["lines", "movements", "zones"] {
        let json = site.get(&format!("/api/v1/measurements?kind={kind}&limit=10000&{span}")).await.json();
        let items = json["items"].as_array().unwrap();
        let (bytes, media) = file(&site, &format!("format=parquet&kind={kind}&{span}")).await;
        assert_eq!(media, "application/vnd.apache.parquet");
        let (reader, rows) = parquet(bytes);
        assert_eq!((rows.len(), items.is_empty()), (items.len(), false), "{kind}");
        for (row, item) in rows.iter().zip(items) {
            same(row, item);
        }
        let descriptor = reader.metadata().file_metadata().schema_descr_ptr();
        for column in descriptor.columns().iter().filter(|c| ["start", "end"].contains(&c.name())) {
            let Some(LogicalType::Timestamp(of)) = column.logical_type_ref() else {
                panic!("{} is no time", column.name())
            };
            assert!(of.is_adjusted_to_u_t_c, "a time without a zone");
        }
        let about = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let zone = about.iter().find(|pair| pair.key == "wayside.timezone").unwrap();
        assert_eq!(zone.value.as_deref(), Some("Asia/Kathmandu"));
    }
    database.close().await;
}

/// Whether a row says the same as an item of the API: absent where that is null, hidden where that is.
fn same(row: &Row, item: &Value) {
    let text = |name: &str| match field(row, name) {
        Field::Str(text) => json!(text),
        Field::Null => Value::Null,
        other => panic!("{name} is {other}"),
    };
    let number = |name: &str| match field(row, name) {
        Field::Double(n) => json!(n),
        Field::Long(n) => json!(n),
        Field::Null => Value::Null,
        other => panic!("{name} is {other}"),
    };
    for name in ["camera", "line", "direction", "from", "to", "class", "zone", "zone_kind", "grade"] {
        if item.get(name).is_some() {
            assert_eq!(text(name), item[name], "{name} of {item}");
        }
    }
    for name in ["count", "flow_per_h", "untrusted", "occupancy", "density_per_km", "observed_s"] {
        if item.get(name).is_some() {
            assert_eq!(number(name), item[name], "{name} of {item}");
        }
    }
    if item.get("speed").is_some() {
        assert_eq!(number("speed_p85_kmh"), item["speed"]["p85_kmh"], "{item}");
        assert_eq!(number("headway_n"), item["headway"]["n"], "{item}");
        assert_eq!(number("count_high"), item["band"]["high"], "{item}");
        assert_eq!(number("began_well"), item["quality"]["began_well"], "{item}");
    }
    if item.get("suppressed").is_some() {
        assert_eq!(*field(row, "count_hidden"), Field::Bool(item["suppressed"].as_bool().unwrap()), "{item}");
    }
    assert_eq!(*field(row, "complete"), Field::Bool(item["complete"].as_bool().unwrap()));
    let Field::TimestampMicros(start) = field(row, "start") else { panic!("start is no time") };
    let start = jiff::Timestamp::from_microsecond(*start).unwrap();
    assert_eq!(json!(start.to_string()), item["start"]);
}

#[tokio::test]
async fn parquet_is_written_in_row_groups() {
    let db = TestDb::new().await;
    let minutes = (0..3_000).map(|m| watched(BinLength::Minute1, at(m - 3_000))).collect();
    let (site, database) = site(&db, minutes).await;
    let span = "from=2026-11-19T00:00:00Z&to=2026-11-21T12:00:00Z";
    let (bytes, _) = file(&site, &format!("format=parquet&bin=1m&{span}")).await;
    let (reader, rows) = parquet(bytes);
    assert_eq!((rows.len(), reader.num_row_groups()), (3_000 * 2 * 2 * 3, 2));
    let (bytes, _) = file(&site, "format=parquet&camera=hp-01").await;
    let (_, none) = parquet(bytes);
    assert!(none.is_empty(), "nothing was watched, and the file says so");
    database.close().await;
}

/// Eight quarters of an hour from 15:45 at the site, the last of them watched in part.
fn two_hours() -> Vec<ClosedBins> {
    let mut all = Vec::new();
    let cars = [5, 10, 20, 30, 20, 10, 5, 5];
    let turning = [2, 4, 8, 9, 7, 2, 3, 3];
    for (quarter, (cars, turning)) in (0..).zip(cars.into_iter().zip(turning)) {
        let start = at(15 * (quarter - 6));
        let forward = line("east-in", Direction::Forward);
        for minute in 0..15 {
            let bin = watched(BinLength::Minute1, at(15 * (quarter - 6) + minute));
            let n = if minute == 0 { cars } else { 0 };
            all.push(if n > 0 { count(bin, forward.clone(), RoadUserClass::Car, n) } else { bin });
        }
        let mut bin = watched(BinLength::Minute15, start);
        if quarter == 7 {
            bin.coverage.observed_s = 450.0;
        }
        bin = count(bin, forward, RoadUserClass::Bicycle, 3);
        bin = count(bin, movement("east-in", "north-out"), RoadUserClass::Car, turning);
        all.push(bin);
    }
    all
}

type Book = Xlsx<Cursor<Vec<u8>>>;

async fn book(site: &Site, query: &str) -> Book {
    let (bytes, media) = file(site, &format!("format=xlsx&{query}")).await;
    assert_eq!(media, XLSX);
    Xlsx::new(Cursor::new(bytes)).unwrap()
}

fn sheet(book: &mut Book, name: &str) -> Range<Data> {
    book.worksheet_range(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The row that begins with these texts.
fn row<'a>(range: &'a Range<Data>, texts: &[&str]) -> &'a [Data] {
    let is = |cell: &Data, text: &str| matches!(cell, Data::String(cell) if cell == text);
    let begins = |row: &&[Data]| row.iter().zip(texts).all(|(cell, text)| is(cell, text));
    range.rows().find(begins).unwrap_or_else(|| panic!("no row {texts:?}"))
}

fn local(cell: &Data) -> String {
    let Data::DateTime(time) = cell else { panic!("{cell} is no date cell") };
    let (year, month, day, hour, minute, ..) = time.to_ymd_hms_milli();
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

#[tokio::test]
async fn a_workbook_holds_a_study() {
    let db = TestDb::new().await;
    let (site, database) = site(&db, two_hours()).await;
    let span = "from=2026-11-21T10:00:00Z&to=2026-11-21T12:00:00Z";
    let mut book = book(&site, &format!("camera=hp-07&{span}")).await;
    assert_eq!(book.sheet_names(), ["About", "Bins", "Peak hours", "TMC hp-07", "Hours", "Totals", "Charts"]);
    bins_are_those_of_the_api(&site, &sheet(&mut book, "Bins"), span).await;
    the_peak_hour_is_found(&mut book);
    turns_stand_where_an_engineer_looks(&mut book);
    let hours = sheet(&mut book, "Hours");
    // 16:00 to 17:00 at the site was watched whole, the hours around it were not.
    let whole: Vec<&[Data]> = hours.rows().filter(|row| matches!(row[1..], [.., Data::Float(_)])).collect();
    assert_eq!(whole.len(), 1, "{hours:?}");
    assert_eq!((local(&whole[0][0]).as_str(), &whole[0][2]), ("2026-11-21 16:00", &Data::Float(80.0)));
    let totals = sheet(&mut book, "Totals");
    let forward = row(&totals, &["east-in forward"]);
    assert_eq!(
        (&forward[1], &forward[5], &forward[7]),
        (&Data::Float(105.0), &Data::Float(24.0), &Data::Float(129.0))
    );
    database.close().await;
}

async fn bins_are_those_of_the_api(site: &Site, bins: &Range<Data>, span: &str) {
    let json = site.get(&format!("/api/v1/measurements?camera=hp-07&limit=10000&{span}")).await.json();
    let items = json["items"].as_array().unwrap();
    assert_eq!(bins.height(), items.len() + 1);
    let heads: Vec<String> = bins.rows().next().unwrap().iter().map(ToString::to_string).collect();
    let column = |name: &str| heads.iter().position(|head| head == name).unwrap();
    for (row, item) in bins.rows().skip(1).zip(items) {
        for name in ["line", "direction", "class", "count", "flow_per_h", "observed_s"] {
            match (&row[column(name)], &item[name]) {
                (Data::Empty, Value::Null) => {}
                (Data::String(cell), want) => assert_eq!(want, cell),
                (Data::Float(cell), want) => assert_eq!(want.as_f64(), Some(*cell), "{name} of {item}"),
                (cell, want) => panic!("{name}: {cell} is not {want}"),
            }
        }
        assert_eq!(row[column("complete")], Data::Bool(item["complete"].as_bool().unwrap()), "{item}");
        let start: jiff::Timestamp = item["start"].as_str().unwrap().parse().unwrap();
        let zoned = start.in_tz("Asia/Kathmandu").unwrap();
        assert_eq!(local(&row[column("start")]), zoned.strftime("%Y-%m-%d %H:%M").to_string());
        assert_eq!(row[column("utc_offset")].to_string(), "+05:45");
    }
}

fn the_peak_hour_is_found(book: &mut Book) {
    let peaks = sheet(book, "Peak hours");
    let cars = row(&peaks, &["hp-07", "east-in", "forward", "car"]);
    assert_eq!(
        (local(&cars[5]).as_str(), local(&cars[6]).as_str()),
        ("2026-11-21 16:00", "2026-11-21 17:00")
    );
    assert_eq!((&cars[7], &cars[8]), (&Data::Float(80.0), &Data::Float(30.0)));
    let Data::Float(factor) = cars[9] else { panic!("{:?} is no factor", cars[9]) };
    assert!((factor - 80.0 / 120.0).abs() < 1e-9, "{factor}");
    // Seven of the eight quarters were watched whole.
    assert_eq!(cars[10], Data::Float(7.0));
    let all = row(&peaks, &["hp-07", "east-in", "forward", "motor vehicles"]);
    assert_eq!(all[7], Data::Float(80.0), "bicycles are no motor vehicles");
    let formulas = book.worksheet_formula("Peak hours").unwrap();
    assert!(formulas.used_cells().all(|(_, _, text)| text.contains("/(4*I")), "{formulas:?}");
    assert!(formulas.used_cells().next().is_some(), "the factor is a formula");
}

fn turns_stand_where_an_engineer_looks(book: &mut Book) {
    let turns = sheet(book, "TMC hp-07");
    let text = |row: usize| -> Vec<String> {
        turns.rows().nth(row).unwrap().iter().map(ToString::to_string).collect()
    };
    assert!(text(1)[0].contains("on the ground"), "{:?}", text(1));
    assert_eq!((text(3)[0].as_str(), text(4)[2].as_str()), ("All motor vehicles", "from east-in"));
    assert_eq!(text(5)[2], "north-out", "the exit stands above its turn");
    assert_eq!(text(6)[..7], ["from", "to", "Left", "Through", "Right", "U-turn", "App. total"]);
    let left: Vec<String> = (7..15).map(|row| text(row)[2].clone()).collect();
    assert_eq!(left, ["<3", "4", "8", "9", "7", "<3", "3", "3"]);
    let sums: Vec<String> = (7..15).map(|row| text(row)[6].clone()).collect();
    assert_eq!(sums, left, "a sum of nothing that may be told is hidden too");
    assert!(text(14).contains(&"partial".to_owned()), "{:?}", text(14));
    assert!(!text(13).contains(&"partial".to_owned()));
    assert_eq!((text(15)[0].as_str(), text(15)[2].as_str()), ("Total (formula)", "34"));
    assert_eq!(
        (text(16)[0].as_str(), text(16)[2].as_str()),
        ("Peak hour 2026-11-21 16:00 to 17:00 (formula)", "28")
    );
    let factor: f64 = text(17)[2].parse().unwrap();
    assert!((factor - 28.0 / 36.0).abs() < 1e-9, "{factor}");
    let formulas = book.worksheet_formula("TMC hp-07").unwrap();
    let all: Vec<&String> = formulas.used_cells().map(|(_, _, text)| text).collect();
    assert!(all.iter().any(|text| text.contains("SUM(C8:C15)")), "{all:?}");
    assert!(all.iter().any(|text| text.contains("SUM(C9:C12)")), "{all:?}");
}

#[tokio::test]
async fn a_workbook_that_would_be_too_large_is_refused() {
    let db = TestDb::new().await;
    let (site, database) = site(&db, half_an_hour()).await;
    for (query, part) in [
        ("from=2026-09-01T00:00:00Z&to=2026-11-21T00:00:00Z", "a workbook holds at most 62"),
        ("kind=movements", "leave kind and scheme out"),
        ("scheme=two", "leave kind and scheme out"),
        ("limit=5", "left out: xlsx holds all rows"),
    ] {
        let answer = site.get(&format!("/api/v1/measurements?format=xlsx&{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(part), "{query}: {}", answer.text());
    }
    database.close().await;
}
