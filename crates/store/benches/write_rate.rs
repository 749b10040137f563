//! Rows a second through the whole writer: spool, sync, upsert, commit, into a private durable cluster on
//! this machine's disk. `cargo bench -p wayside-store --bench write_rate -- [SECONDS] [CAMERAS]`. The design
//! asks for 36,000 on two cores. The disk's directory can be chosen with `TMPDIR`.

#![expect(clippy::print_stdout, reason = "a bench prints its result")]
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use wayside_store::query::{MeasurementQuery, measurements};
use wayside_store::{Database, DatabaseOptions, Writer, WriterOptions};
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, ClosedBins, Coverage, Direction, Grade, LineId,
    RoadUserClass, SystemClock, TimeZone, Timestamp,
};

/// Lines a camera, each crossed in both directions by three classes.
const LINES: [&str; 4] = ["north-in", "east-in", "south-in", "west-in"];
const START_S: i64 = 1_795_000_020;
/// A writer this far behind is not asked for more: a disk is not endless.
const BEHIND_ROWS: u64 = 400_000;

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let seconds = numbers.first().copied().unwrap_or(30);
    let cameras = numbers.get(1).copied().unwrap_or(1_000);
    let dir = tempfile::Builder::new().prefix("wayside-bench-").tempdir()?;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let options = DatabaseOptions::Private { dir: dir.path().join("pg") };
    let database = runtime.block_on(Database::open(&options, SystemClock::shared()))?;
    let spool = dir.path().join("spool");
    let writer_options = WriterOptions::new(1, Vec::new());
    let writer = runtime
        .block_on(async { Writer::start(database.clone(), &spool, SystemClock::shared(), writer_options) })?;

    let started = Instant::now();
    let mut minute = 0;
    let mut longest = Duration::ZERO;
    while started.elapsed() < Duration::from_secs(seconds) {
        for some in (0..cameras).collect::<Vec<_>>().chunks(100) {
            let closed = some.iter().map(|camera| bin(*camera, minute)).collect::<Result<Vec<_>, _>>()?;
            let before = Instant::now();
            writer.submit(closed)?;
            longest = longest.max(before.elapsed());
        }
        minute += 1;
        while writer.stats().spooled_rows > BEHIND_ROWS {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    while writer.stats().spooled_rows > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let elapsed = started.elapsed().as_secs_f64();
    let rows = writer.stats().written_rows;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = rows as f64 / elapsed;
    println!(
        "{rows} rows of {cameras} cameras in {elapsed:.1} s: {rate:.0} rows a second, spooled, synced and committed"
    );
    println!("longest submit of 100 cameras' bins: {longest:.1?}");

    let zone = TimeZone::UTC;
    let (from, to) = (Timestamp::from_second(START_S)?, Timestamp::from_second(START_S + minute * 60)?);
    let mut query = MeasurementQuery::new(from, to, BinLength::Minute15, zone);
    query.cameras = vec![CameraId::new("camera-7")?];
    query.limit = 10_000;
    let before = Instant::now();
    let page = runtime.block_on(measurements(&database, &query))?;
    println!("one camera's {} rows of 15 minutes: {:.1?}", page.items.len(), before.elapsed());
    runtime.block_on(writer.shutdown());
    runtime.block_on(database.close());
    Ok(())
}

/// One camera's busy minute: coverage and 24 counts.
fn bin(camera: u64, minute: i64) -> Result<ClosedBins, Box<dyn Error>> {
    let camera = CameraId::new(&format!("camera-{camera}"))?;
    let start = Timestamp::from_second(START_S + minute * 60)?;
    let (length, epoch) = (BinLength::Minute1, 1);
    let mut bins = Vec::new();
    for line in LINES {
        for direction in [Direction::Forward, Direction::Backward] {
            for class in [RoadUserClass::Car, RoadUserClass::Bus, RoadUserClass::Truck] {
                let subject = BinSubject::Line(LineId::new(line)?, direction);
                let key = BinKey { camera: camera.clone(), subject, class, start, length, epoch };
                bins.push(Bin { key, count: 12 });
            }
        }
    }
    let coverage = Coverage {
        camera,
        start,
        length,
        epoch,
        observed_s: 60.0,
        dropped_share: 0.0,
        grade: Grade::Good,
        config_version: "0123456789abcdef".to_owned(),
    };
    Ok(ClosedBins { bins, ..ClosedBins::of(coverage) })
}
