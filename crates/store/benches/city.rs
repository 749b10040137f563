//! Questions at the size of a city: 100 million stored bins of 1,500 cameras, asked alone and while bins are written as
//! fast as they go. `cargo bench -p wayside-store --bench city -- DIR [DAYS [CAMERAS [ONLY]]]`: `DIR` takes about 20 GB and is kept, so
//! that the next run (with as many cameras and days) only asks; fewer than 31 days or 1,500 cameras store fewer rows. `DAYS` may be
//! `thursdays`: the five of the month, which are all that a Thursday beside the four before it reads, in a sixth of the room; nothing
//! is asked of the month then. `ONLY` is a part of the names of those questions that are to be asked. The design asks for a camera's month of quarters of an hour within 50 ms, the day of 500 cameras within
//! 300 ms, everybody's current hour within 500 ms, and 36,000 rows a second.

#![expect(clippy::print_stdout, reason = "a bench prints its result")]
#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::error::Error;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use wayside_store::query::{GroupBy, GroupKey, MeasurementQuery, Pages, TypicalQuery, movers};
use wayside_store::{Cluster, ClusterOptions, Database, DatabaseOptions, Upkeep, Writer, WriterOptions};
use wayside_testkit::{SimClock, bench_arguments};
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, CameraSpec, ClosedBins, Coverage, Direction, Grade, LineId,
    Retention, RoadUserClass, SystemClock, TimeZone, Timestamp,
};

const CAMERAS: usize = 1_500;
const DISTRICT: usize = 500;
/// The month that is filled; what is current is after it.
const MONTH: &str = "2026-10-01T00:00:00Z";
/// What is written meanwhile begins here.
const EARLIER: &str = "2026-09-01T00:00:00Z";
/// Ten minutes before the end of an hour.
const NOW: &str = "2026-11-02T08:50:00Z";
const LINES: [&str; 2] = ["in", "out"];
const CLASSES: [RoadUserClass; 2] = [RoadUserClass::Car, RoadUserClass::Truck];
const RUNS: usize = 7;
const MOVERS: &str = "movers of a day beside four weeks before";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let Some(mut arguments) = bench_arguments() else { return Ok(()) };
    let dir = arguments.next().ok_or("name a directory for the database: it takes about 20 GB")?;
    let days = arguments.next().map_or(Ok(Days::First(31)), |days| days.parse())?;
    let many = arguments.next().map_or(Ok(CAMERAS), |cameras| cameras.parse::<usize>())?;
    let plan = Plan { days, many: many.max(1), only: arguments.next().unwrap_or_default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(Path::new(&dir), &plan))
}

/// What is filled, and of what is asked those questions whose name holds `only`.
struct Plan {
    days: Days,
    many: usize,
    only: String,
}

/// Which days of the month are filled.
#[derive(Clone, Copy, PartialEq)]
enum Days {
    First(i64),
    Thursdays,
}

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let first = text.parse().ok().filter(|days| (1..=31).contains(days)).map(Self::First);
        first
            .or((text == "thursdays").then_some(Self::Thursdays))
            .ok_or_else(|| format!("DAYS is {text:?}: it may be 1 to 31, or thursdays"))
    }
}

impl Days {
    /// The starts of the bins of a length in them, as a table `series` with a column `t`.
    fn starts(self, length_s: i32) -> String {
        let (days, which) = match self {
            Self::First(days) => (days, "true"),
            Self::Thursdays => (31, "extract(isodow FROM t AT TIME ZONE 'UTC') = 4"),
        };
        format!(
            "(SELECT t FROM generate_series('{MONTH}'::timestamptz, '{MONTH}'::timestamptz + interval '{days} days' \
             - interval '1 second', interval '{length_s} seconds') AS t WHERE {which}) AS series"
        )
    }
}

async fn run(dir: &Path, plan: &Plan) -> Result<()> {
    let (days, many) = (plan.days, plan.many);
    let now: Timestamp = NOW.parse()?;
    let mut options = ClusterOptions::new(dir.join("pg"));
    options.durable = true;
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await??;
    let mut connection = PgConnection::connect(cluster.url("postgres")?.expose()).await?;
    let known = "SELECT count(*) FROM pg_database WHERE datname = 'city'";
    if sqlx::query_scalar::<_, i64>(known).fetch_one(&mut connection).await? == 0 {
        wayside_store::database::create(&cluster.url("postgres")?, "city").await?;
    }
    let url = cluster.url("city")?;
    let mut connection = PgConnection::connect(url.expose()).await?;
    let database = Database::open(&DatabaseOptions::Url(url), SimClock::at(NOW).shared()).await?;
    fill(&mut connection, days, many).await?;
    current_hour(&database, dir, now, many).await?;
    let count = "SELECT sum(reltuples)::bigint FROM pg_class WHERE relkind = 'r' AND \
                 relname ~ '^(camera_day|coverage|line_bin|line_flow|coverage_sum)_[0-9_]+$' AND reltuples > 0";
    let rows: i64 = sqlx::query_scalar(count).fetch_one(&mut connection).await?;
    println!("{:.1} million rows stored", rows as f64 / 1e6);

    println!("alone:");
    ask_all(&database, now, plan).await?;
    println!("while bins are written:");
    let writing = Arc::new(AtomicBool::new(true));
    let load = load(database.clone(), dir, writing.clone(), many)?;
    ask_all(&database, now, plan).await?;
    writing.store(false, Ordering::Relaxed);
    println!("  {}", load.recv()?);
    database.close().await;
    tokio::task::spawn_blocking(move || cluster.stop()).await?;
    Ok(())
}

fn camera(n: usize) -> String {
    format!("cam-{n:04}")
}

fn cameras(n: usize) -> Result<Vec<CameraId>> {
    Ok((0..n).map(|n| CameraId::new(&camera(n))).collect::<std::result::Result<_, _>>()?)
}

/// What the writer and the upkeep leave behind for a month, made by the server itself: rows lie in the order of time.
async fn fill(connection: &mut PgConnection, days: Days, many: usize) -> Result<()> {
    let filled = sqlx::query_scalar::<_, bool>("SELECT EXISTS (SELECT FROM line_flow_3600)");
    if filled.fetch_one(&mut *connection).await? {
        return Ok(());
    }
    let began = Instant::now();
    connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'").await?;
    connection.execute(AssertSqlSafe(format!("SELECT ensure_month('{}')", &MONTH[..10]))).await?;
    let who = format!(
        "INSERT INTO camera SELECT 'cam-' || to_char(n, 'FM0000'), 'a', 'traffic', 'arterial', NULL, NULL, NULL, 'v1', now() \
         FROM generate_series(0, {}) n; \
         INSERT INTO camera_line SELECT camera, 'v1', line FROM camera, (VALUES ('in'), ('out')) AS l (line)",
        many - 1
    );
    connection.execute(AssertSqlSafe(who)).await?;
    for length_s in [900, 3_600] {
        let starts = days.starts(length_s);
        let times = format!("FROM {starts}, (SELECT camera FROM camera ORDER BY camera OFFSET 0) AS c");
        let subjects = "(VALUES ('in', 'forward', 'car', 40), ('in', 'forward', 'truck', 3), ('in', 'backward', 'car', 2), \
                        ('in', 'backward', 'truck', 1), ('out', 'forward', 'car', 1), ('out', 'forward', 'truck', 1), \
                        ('out', 'backward', 'car', 35), ('out', 'backward', 'truck', 4)) AS s (line, direction, class, n)";
        let crossed = "s.n + extract(hour FROM t)::int";
        let head = format!("c.camera, {length_s}, t");
        let mut tables = vec![
            (
                "line_bin",
                "(camera, length_s, start_at, line, direction, class, epoch) INCLUDE (count)",
                format!("SELECT {head}, s.line, s.direction, s.class, 1, {crossed} {times}, {subjects}"),
            ),
            (
                "line_flow",
                "(camera, length_s, start_at, line, direction, class, epoch)",
                format!(
                    "SELECT {head}, s.line, s.direction, s.class, 1, {crossed}, 0, 30, \
                     CASE WHEN s.n > 4 THEN 36 END, CASE WHEN s.n > 4 THEN 1800.0 END, CASE WHEN s.n > 4 THEN 0.72 END, \
                     CASE WHEN s.n > 4 THEN 20 END, CASE WHEN s.n > 4 THEN ARRAY[2, 4, 6, 9, 6, 4, 3, 2] END, \
                     CASE WHEN s.n > 4 THEN 36 END, CASE WHEN s.n > 4 THEN 720.0 END, CASE WHEN s.n > 4 THEN 3 END, \
                     CASE WHEN s.n > 4 THEN ARRAY[9, 8, 7, 5, 4, 2, 1] END {times}, {subjects}"
                ),
            ),
        ];
        let sums =
            "(camera, length_s, start_at, part_s, config_version) INCLUDE (observed_s, dropped_s, parts)";
        if length_s == 900 {
            let key = "(camera, length_s, start_at, epoch)";
            tables.push(("coverage", key, format!("SELECT {head}, 1, 900, 0, 'good', 'v1' {times}")));
            tables.push(("coverage_sum", sums, format!("SELECT {head}, 60, 'v1', 900, 0, 15 {times}")));
        } else {
            let parts = "(VALUES (60, 60), (900, 4)) AS p (part_s, parts)";
            let rows = format!("SELECT {head}, p.part_s, 'v1', 3600, 0, p.parts {times}, {parts}");
            tables.push(("coverage_sum", sums, rows));
        }
        for (table, key, rows) in tables {
            refill(connection, table, length_s, key, &rows).await?;
        }
    }
    // What counts say of themselves is stored of the camera whose month is asked for: it would be another 35 million rows.
    let asked = camera(many / 2);
    let signs = format!(
        "INSERT INTO line_quality (camera, length_s, start_at, line, direction, class, epoch, counted, astray, inferred, \
         bridged, weak, sparse, crowded, duplicate, unsure, short, behind, merged, ended, ended_astray, wavering, elsewhere, \
         hesitant) \
         SELECT camera, 900, start_at, line, direction, class, 1, count, count / 9, 0, count / 20, count / 5, count / 20, \
         count / 4, count / 30, 1, count / 15, 0, 1, count, count / 10, count / 20, 1, count / 7 \
         FROM line_bin_900 WHERE camera = '{asked}'"
    );
    connection.execute(AssertSqlSafe(signs)).await?;
    let days = "INSERT INTO rollup_due SELECT DISTINCT camera, 86400, date_bin('1 day', start_at, 'epoch'), 1 \
                FROM coverage_sum WHERE length_s = 3600 ON CONFLICT DO NOTHING";
    connection.execute(days).await?;
    println!("filled in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Fills a table's month without its index, which is made again at the end: a fraction of the time.
async fn refill(
    connection: &mut PgConnection,
    table: &str,
    length_s: i32,
    key: &str,
    rows: &str,
) -> Result<()> {
    let (parent, month) = (format!("{table}_{length_s}"), format!("{table}_{length_s}_2026_10"));
    let began = Instant::now();
    for sql in [
        format!("ALTER TABLE {parent} DETACH PARTITION {month}"),
        format!("ALTER TABLE {month} DROP CONSTRAINT {month}_pkey"),
        format!("INSERT INTO {month} {rows}"),
        format!("ALTER TABLE {month} ADD PRIMARY KEY {key}"),
        format!(
            "ALTER TABLE {parent} ATTACH PARTITION {month} FOR VALUES FROM ('{MONTH}') TO ('2026-11-01T00:00:00Z')"
        ),
        format!("VACUUM ANALYZE {month}"),
        "CHECKPOINT".to_owned(),
    ] {
        connection.execute(AssertSqlSafe(sql)).await?;
    }
    println!("  {month}: {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Everybody's hour until now, by the writer and the upkeep themselves.
async fn current_hour(database: &Database, dir: &Path, now: Timestamp, many: usize) -> Result<()> {
    let start = now.checked_sub(SignedDuration::from_mins(50))?;
    let options = WriterOptions::new(1, Vec::<CameraSpec>::new());
    let writer = Writer::start(database.clone(), &dir.join("spool"), SystemClock::shared(), options)?;
    for minute in 0..50 {
        let at = start.checked_add(SignedDuration::from_mins(minute))?;
        writer.submit(minute_of_all(many, at, BinLength::Minute1)?)?;
        if minute % 15 == 14 {
            writer.submit(minute_of_all(
                many,
                start.checked_add(SignedDuration::from_mins(minute - 14))?,
                BinLength::Minute15,
            )?)?;
        }
    }
    while writer.stats().spooled_rows > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::timeout(Duration::from_secs(60), writer.shutdown()).await?;
    let began = Instant::now();
    let done = wayside_store::upkeep::catch_up(database, now).await?;
    println!("summed and packed {done} quarters, hours and days in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn minute_of_all(many: usize, start: Timestamp, length: BinLength) -> Result<Vec<ClosedBins>> {
    cameras(many)?.into_iter().map(|camera| one(camera, start, length)).collect()
}

fn one(camera: CameraId, start: Timestamp, length: BinLength) -> Result<ClosedBins> {
    let mut bins = Vec::new();
    if length == BinLength::Minute1 {
        for line in LINES {
            for direction in [Direction::Forward, Direction::Backward] {
                for class in CLASSES {
                    let subject = BinSubject::Line(LineId::new(line)?, direction);
                    let key = BinKey { camera: camera.clone(), subject, class, start, length, epoch: 1 };
                    bins.push(Bin { key, count: 3 });
                }
            }
        }
    }
    let coverage = Coverage {
        camera,
        start,
        length,
        epoch: 1,
        observed_s: f64::from(length.nominal_s()),
        dropped_share: 0.0,
        grade: Grade::Good,
        config_version: "v1".to_owned(),
    };
    Ok(ClosedBins { bins, ..ClosedBins::of(coverage) })
}

/// Writes the minutes of earlier days, as fast as they go, until told to stop; then says how fast that was.
fn load(
    database: Database,
    dir: &Path,
    writing: Arc<AtomicBool>,
    many: usize,
) -> Result<mpsc::Receiver<String>> {
    let (said, says) = mpsc::channel();
    let options = WriterOptions::new(1, Vec::<CameraSpec>::new());
    let writer = Writer::start(database.clone(), &dir.join("spool"), SystemClock::shared(), options)?;
    // What is written is over, and so is summed as fast as it comes; the current hour stays as it is.
    let upkeep = Upkeep::start(database, SimClock::at(NOW).shared(), Retention::default());
    let runtime = tokio::runtime::Handle::current();
    let mut at: Timestamp = EARLIER.parse()?;
    std::thread::spawn(move || {
        let began = Instant::now();
        while writing.load(Ordering::Relaxed) {
            let minute = minute_of_all(many, at, BinLength::Minute1).map_err(|error| error.to_string());
            if minute.map(|minute| writer.submit(minute)).is_err() {
                break;
            }
            at = at.checked_add(SignedDuration::from_mins(1)).unwrap_or(at);
            while writer.stats().spooled_rows > 200_000 {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let rows = writer.stats().written_rows;
        let rate = rows as f64 / began.elapsed().as_secs_f64();
        runtime.block_on(upkeep.stop());
        runtime.block_on(writer.shutdown());
        drop(said.send(format!("{rows} rows written meanwhile: {rate:.0} rows a second, and summed beside")));
    });
    Ok(says)
}

async fn ask_all(database: &Database, now: Timestamp, plan: &Plan) -> Result<()> {
    let many = plan.many;
    let month: Timestamp = MONTH.parse()?;
    let day = month.checked_add(SignedDuration::from_hours(24 * 14))?;
    let (month_end, day_end) =
        ("2026-11-01T00:00:00Z".parse()?, day.checked_add(SignedDuration::from_hours(24))?);
    let hour = now.checked_sub(SignedDuration::from_mins(50))?;
    let hour_end = hour.checked_add(SignedDuration::from_hours(1))?;
    let lines = [GroupKey::Line, GroupKey::Direction];
    let one = vec![CameraId::new(&camera(many / 2))?];
    let (district, all) = (cameras(DISTRICT.min(many))?, Vec::new());
    let questions: [(&str, &[CameraId], _, _, &[GroupKey], f64); 7] = [
        ("a camera's month of 15 minutes", &one, (month, month_end), BinLength::Minute15, &[], 50.0),
        ("the same by line and direction", &one, (month, month_end), BinLength::Minute15, &lines, 50.0),
        ("a camera's month of hours", &one, (month, month_end), BinLength::Hour, &lines, 50.0),
        ("500 cameras' day", &district, (day, day_end), BinLength::Day, &[], 300.0),
        ("the same by line and direction", &district, (day, day_end), BinLength::Day, &lines, 300.0),
        ("500 cameras' day by hours", &district, (day, day_end), BinLength::Hour, &[], 300.0),
        ("everybody's current hour", &all, (hour, hour_end), BinLength::Hour, &[], 500.0),
    ];
    for (what, cameras, (from, to), bin, group, most_ms) in questions {
        if plan.days == Days::Thursdays && to == month_end || !what.contains(&plan.only) {
            continue;
        }
        for (detail, flows, signs) in
            [("with speeds and bands", true, true), ("with speeds", true, false), ("counts", false, false)]
        {
            if signs && cameras.len() != 1 {
                continue;
            }
            let mut query = MeasurementQuery::new(from, to, bin, TimeZone::UTC);
            query.cameras = cameras.to_vec();
            query.group_by = GroupBy::from_iter(group.iter().copied());
            query.limit = 10_000;
            (query.flows, query.with_quality) = (flows, signs);
            let (mut took, mut rows) = (Vec::new(), 0);
            for _ in 0..RUNS {
                let began = Instant::now();
                let mut pages = Pages::new(database, query.clone());
                rows = 0;
                while let Some(page) = pages.next().await? {
                    rows += page.len();
                }
                took.push(began.elapsed().as_secs_f64() * 1_000.0);
            }
            say(&format!("{what}, {detail}"), rows, took, most_ms);
        }
    }
    if MOVERS.contains(&plan.only) {
        movers_of_a_day(database).await?;
    }
    Ok(())
}

/// Whose Thursday was furthest from what is usual, of all cameras.
async fn movers_of_a_day(database: &Database) -> Result<()> {
    let query = TypicalQuery {
        cameras: Vec::new(),
        lines: Vec::new(),
        classes: Vec::new(),
        day: "2026-10-29".parse()?,
        weeks: 4,
        bin: BinLength::Hour,
        group_by: GroupBy::new(),
        zone: TimeZone::UTC,
    };
    let (mut took, mut rows) = (Vec::new(), 0);
    for _ in 0..RUNS {
        let began = Instant::now();
        rows = movers(database, &query).await?.len();
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    say(MOVERS, rows, took, 300.0);
    Ok(())
}

/// Prints what a question's runs took.
fn say(what: &str, rows: usize, mut took: Vec<f64>, most_ms: f64) {
    let (first, runs) = (took.first().copied().unwrap_or_default(), took.len());
    took.sort_by(f64::total_cmp);
    let median = took.get(runs / 2).copied().unwrap_or_default();
    println!(
        "  {what}: {rows} rows, median {median:.0} ms of {runs} (first {first:.0} ms; at most {most_ms:.0})"
    );
}
