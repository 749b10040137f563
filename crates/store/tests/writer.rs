//! The writer while all is well, while the database is away or hangs, while the disk is full, and with rows
//! that nobody should take.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use support::{SmallDisk, With, camera, partly, psql, ts, watched, within};
use tempfile::TempDir;
use wayside_store::{
    Cluster, ClusterOptions, Database, DatabaseOptions, SecretUrl, StoreError, Writer, WriterOptions,
};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{BinLength, ClosedBins, Direction, RoadUserClass, Timestamp};

const PATIENCE: Duration = Duration::from_secs(60);

fn clock() -> SimClock {
    SimClock::at("2026-11-21T12:00:00Z")
}

fn start(database: &Database, spool: &Path) -> Writer {
    start_with(database, spool, WriterOptions::new(1, vec![camera("a", &["n"])]))
}

fn start_with(database: &Database, spool: &Path, options: WriterOptions) -> Writer {
    Writer::start(database.clone(), spool, clock().shared(), options).unwrap()
}

fn minute(n: i64) -> Timestamp {
    Timestamp::from_second(ts("2026-11-21T10:00:00Z").as_second() + n * 60).unwrap()
}

/// Minute `n`, wholly watched, with some cars.
fn cars(n: i64, count: u32) -> ClosedBins {
    watched("a", BinLength::Minute1, minute(n), 1).line("n", Direction::Forward, RoadUserClass::Car, count)
}

fn counts(url: &SecretUrl) -> Vec<String> {
    psql(url, "SELECT extract(epoch FROM start_at)::bigint, count FROM line_bin ORDER BY 1")
}

fn expected(minutes: impl Iterator<Item = (i64, u32)>) -> Vec<String> {
    minutes.map(|(n, count)| format!("{}|{count}", minute(n).as_second())).collect()
}

fn is_written(writer: &Writer) -> bool {
    let stats = writer.stats();
    stats.spooled_rows == 0 && stats.memory_rows == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_row_lowers_nothing() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path());
    let open = |count, observed_s| {
        partly("a", BinLength::Minute1, minute(0), 1, observed_s).line(
            "n",
            Direction::Forward,
            RoadUserClass::Car,
            count,
        )
    };
    // In one batch, and in one after the other.
    writer.submit(vec![open(5, 20.0), open(9, 60.0), open(7, 40.0)]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)));
    writer.submit(vec![open(8, 50.0)]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)));
    assert_eq!(psql(db.url(), "SELECT count FROM line_bin"), ["9"]);
    assert_eq!(psql(db.url(), "SELECT observed_s, grade FROM coverage"), ["60|good"]);
    // A newer one raises it.
    writer.submit(vec![open(11, 60.0)]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)));
    assert_eq!(psql(db.url(), "SELECT count FROM line_bin"), ["11"]);
    assert_eq!(psql(db.url(), "SELECT camera, epoch, config_version FROM run"), ["a|1|v1"]);
    writer.shutdown().await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_month_gets_its_partition() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path());
    let times =
        ["1999-12-31T23:59:00Z", "2026-11-30T23:59:00Z", "2026-12-01T00:00:00Z", "2031-07-01T00:00:00Z"];
    let bins = times.map(|at| {
        watched("a", BinLength::Minute1, ts(at), 1).line("n", Direction::Forward, RoadUserClass::Car, 1)
    });
    writer.submit(bins.to_vec()).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)));
    assert_eq!(psql(db.url(), "SELECT sum(count) FROM line_bin"), ["4"]);
    let parts = psql(db.url(), "SELECT tableoid::regclass FROM line_bin ORDER BY start_at");
    assert_eq!(
        parts,
        ["line_bin_60_1999_12", "line_bin_60_2026_11", "line_bin_60_2026_12", "line_bin_60_2031_07"]
    );
    assert_eq!(writer.stats().rejected_rows, 0);
    // Somebody drops a partition under the writer's feet: it is made again.
    psql(db.url(), "DROP TABLE line_bin_60_2031_07");
    writer.submit(vec![bins[3].clone()]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)));
    assert_eq!(psql(db.url(), "SELECT count(*) FROM line_bin_60_2031_07"), ["1"]);
    assert_eq!(writer.stats().rejected_rows, 0);
    writer.shutdown().await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_stored_is_refused_and_holds_up_nobody() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path());
    let people = cars(0, 2).line("n", Direction::Forward, RoadUserClass::Pedestrian, 4);
    let error = writer.submit(vec![cars(1, 1), people, cars(2, 1)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pedestrians are stored and shown in bins of 15m or longer (privacy rule: aggregates only), not 1m"
    );
    let turn = watched("a", BinLength::Minute5, minute(0), 1).movement("n", "s", RoadUserClass::Car, 9);
    assert!(matches!(writer.submit(vec![turn]), Err(StoreError::TooFine { .. })));
    let mut foreign = cars(3, 1);
    foreign.bins[0].key.epoch = 2;
    assert!(matches!(writer.submit(vec![foreign]), Err(StoreError::BadBin { .. })));
    // A text that no check of ours minds but PostgreSQL refuses.
    let mut poison = cars(4, 1);
    poison.coverage.config_version = "a\0b".to_owned();
    writer.submit(vec![cars(5, 1), poison, cars(6, 1)]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    assert_eq!(counts(db.url()), expected([(1, 1), (2, 1), (5, 1), (6, 1)].into_iter()));
    assert_eq!(writer.stats().rejected_rows, 3 + 2 + 2 + 2);
    let aside = std::fs::read_to_string(spool.path().join("rejected.jsonl")).unwrap();
    assert_eq!(aside.lines().count(), 1);
    writer.shutdown().await;
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_at_the_start_gets_all_of_it_later() {
    let spool = TempDir::new().unwrap();
    let nowhere = DatabaseOptions::Url(SecretUrl::new("postgres://w:hidden@127.0.0.1:1/x").unwrap());
    let error = Database::open(&nowhere, clock().shared()).await.unwrap_err();
    assert!(error.is_transient() && !error.to_string().contains("hidden"), "{error}");
    let database = Database::connect_lazy(&nowhere, clock().shared()).await.unwrap();
    assert!(database.ready().await.is_err());
    let writer = start(&database, spool.path());
    for n in 0..20 {
        writer.submit(vec![cars(n, 3)]).unwrap();
    }
    assert!(within(PATIENCE, || writer.stats().database_away));
    assert_eq!(writer.stats().spooled_rows, 40);
    assert!(writer.stats().last_error.is_some_and(|error| !error.contains("hidden")));
    writer.shutdown().await;

    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let writer = start(&database, spool.path());
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    writer.shutdown().await;
    assert_eq!(counts(db.url()), expected((0..20).map(|n| (n, 3))));
    // What is written leaves nothing behind.
    let left = std::fs::read_dir(spool.path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "spool")
    });
    assert_eq!(left.count(), 0);
    database.close().await;
}

/// Between two minutes nobody writes. That PostgreSQL was started anew meanwhile is no failure to write.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_broke_while_nobody_wrote_is_no_fault() {
    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path());
    for n in 0..3 {
        writer.submit(vec![cars(n, 3)]).unwrap();
        assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
        let broken = psql(
            db.url(),
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        );
        assert_ne!(broken, ["0"]);
        // Terminated is what is gone.
        let gone = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                    AND backend_type = 'client backend'";
        assert!(within(PATIENCE, || psql(db.url(), gone) == ["0"]));
    }
    assert_eq!(writer.stats().last_error, None);
    writer.shutdown().await;
    assert_eq!(counts(db.url()), expected((0..3).map(|n| (n, 3))));
    database.close().await;
}

/// A server of the test's own, to be stopped and killed.
async fn own_server(dir: &TempDir) -> (Cluster, Database, SecretUrl) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let options = ClusterOptions::new(dir.path().join("pg"));
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&options)).await.unwrap().unwrap();
    wayside_store::database::create(&cluster.url("postgres").unwrap(), "wayside").await.unwrap();
    let url = cluster.url("wayside").unwrap();
    let database = Database::open(&DatabaseOptions::Url(url.clone()), clock().shared()).await.unwrap();
    (cluster, database, url)
}

fn processes_of(data: &Path) -> Vec<Pid> {
    let found = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let number: i32 = entry.file_name().to_str()?.parse().ok()?;
        (std::fs::read_link(entry.path().join("cwd")).ok()? == data).then(|| Pid::from_raw(number)).flatten()
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the promise is about real time")]
async fn a_database_that_hangs_blocks_nobody() {
    let dir = TempDir::new().unwrap();
    let (cluster, database, url) = own_server(&dir).await;
    let spool = TempDir::new().unwrap();
    let writer = start(&database, spool.path());
    writer.submit(vec![cars(0, 1)]).unwrap();
    assert!(within(PATIENCE, || is_written(&writer)));
    let data = dir.path().join("pg/data").canonicalize().unwrap();
    let all = processes_of(&data);
    assert!(all.len() > 3);
    for process in &all {
        kill_process(*process, Signal::STOP).unwrap();
    }
    for n in 1..50 {
        let before = Instant::now();
        writer.submit(vec![cars(n, 1)]).unwrap();
        assert!(before.elapsed() < Duration::from_secs(2), "submit waited {:?}", before.elapsed());
    }
    let before = Instant::now();
    assert!(database.ready().await.is_err());
    assert!(before.elapsed() < Duration::from_secs(5));
    // Stopping does not wait for it for ever either.
    let before = Instant::now();
    writer.clone().shutdown().await;
    assert!(before.elapsed() < Duration::from_secs(15), "shutdown waited {:?}", before.elapsed());
    assert!(writer.stats().spooled_rows > 0);
    drop(writer);
    for process in &all {
        kill_process(*process, Signal::CONT).unwrap();
    }
    let writer = start(&database, spool.path());
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    writer.shutdown().await;
    assert_eq!(counts(&url), expected((0..50).map(|n| (n, 1))));
    database.close().await;
    tokio::task::spawn_blocking(move || cluster.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_dying_loses_and_doubles_nothing() {
    let dir = TempDir::new().unwrap();
    let (cluster, database, url) = own_server(&dir).await;
    let spool = TempDir::new().unwrap();
    let options = WriterOptions { batch_rows: 20, ..WriterOptions::new(1, vec![camera("a", &["n"])]) };
    let writer = start_with(&database, spool.path(), options);
    let submitting = {
        let writer = writer.clone();
        std::thread::spawn(move || {
            for n in 0..1_500 {
                writer.submit(vec![cars(n, u32::try_from(n % 90 + 1).unwrap())]).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
        })
    };
    let mut last = 0;
    for round in 0..4 {
        assert!(within(PATIENCE, || cluster.pid().is_some_and(|pid| pid != last)));
        std::thread::sleep(Duration::from_millis(400 + round * 150));
        let Some(pid) = cluster.pid() else { continue };
        last = pid;
        kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    }
    submitting.join().unwrap();
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    writer.shutdown().await;
    assert!(within(PATIENCE, || cluster.pid().is_some_and(|pid| pid != last)));
    assert_eq!(counts(&url), expected((0..1_500).map(|n| (n, u32::try_from(n % 90 + 1).unwrap()))));
    database.close().await;
    tokio::task::spawn_blocking(move || cluster.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_disk_is_survived() {
    let dir = TempDir::new().unwrap();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk"), "256k") else {
        eprintln!("SKIPPED: a small disk can be mounted by root only");
        return;
    };
    let nowhere = DatabaseOptions::Url(SecretUrl::new("postgres://127.0.0.1:1/x").unwrap());
    let database = Database::connect_lazy(&nowhere, clock().shared()).await.unwrap();
    let spool = disk.0.join("spool");
    let options = WriterOptions { memory_rows: 20, ..WriterOptions::new(1, vec![camera("a", &["n"])]) };
    let writer = start_with(&database, &spool, options.clone());
    writer.submit(vec![cars(0, 1)]).unwrap();
    // Something else fills the disk.
    let ballast = disk.0.join("ballast");
    drop(std::fs::write(&ballast, vec![1; 512 << 10]));
    let mut n = 1;
    while writer.stats().memory_rows < 20 {
        writer.submit(vec![cars(n, 1)]).unwrap();
        n += 1;
        assert!(n < 3_000, "the disk does not fill: {:?}", writer.stats());
    }
    assert!(writer.stats().last_error.is_some_and(|error| error.contains("no space is left")));
    // Memory is bounded: from here on losses are errors, and counted.
    let error = writer.submit(vec![cars(n, 1)]).unwrap_err();
    assert!(matches!(error, StoreError::Overflow { rows: 2, limit: 20, .. }), "{error}");
    assert_eq!(writer.stats().lost_rows, 2);
    // With space again, the next bins take those of the memory along.
    std::fs::remove_file(&ballast).unwrap();
    writer.submit(vec![cars(n, 1)]).unwrap();
    assert_eq!(writer.stats().memory_rows, 0);
    writer.shutdown().await;

    let db = TestDb::new().await;
    let database = db.open(clock().shared()).await;
    let writer = start_with(&database, &spool, options);
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    assert_eq!(counts(db.url()), expected((0..=n).map(|n| (n, 1))));
    // A full disk with the database there: bins go past the disk.
    drop(std::fs::write(&ballast, vec![1; 512 << 10]));
    let more = n + 1..n + 400;
    for n in more.clone() {
        writer.submit(vec![cars(n, 2)]).unwrap();
        assert!(within(PATIENCE, || writer.stats().memory_rows < 18), "{:?}", writer.stats());
    }
    assert!(within(PATIENCE, || is_written(&writer)), "{:?}", writer.stats());
    assert_eq!(writer.stats().lost_rows, 0);
    assert_eq!(counts(db.url()), expected((0..=n).map(|n| (n, 1)).chain(more.map(|n| (n, 2)))));
    writer.shutdown().await;
    database.close().await;
}

#[tokio::test]
async fn a_newer_schema_is_explained() {
    let db = TestDb::new().await;
    db.open(clock().shared()).await.close().await;
    psql(
        db.url(),
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', true, '', 0)",
    );
    let error = Database::open(&db.options(), clock().shared()).await.unwrap_err();
    assert!(error.to_string().contains("newer Wayside"), "{error}");
}

#[test]
fn every_run_has_a_number_of_its_own() {
    let dir = TempDir::new().unwrap();
    let clock = clock();
    let first = wayside_store::epoch::next(dir.path(), &clock).unwrap();
    assert_eq!(first, ts("2026-11-21T12:00:00Z").as_millisecond());
    assert_eq!(wayside_store::epoch::next(dir.path(), &clock).unwrap(), first + 1);
    // A machine without a battery for its clock comes up in the past.
    clock.set(ts("1970-01-01T00:00:00Z"));
    assert_eq!(wayside_store::epoch::next(dir.path(), &clock).unwrap(), first + 2);
    clock.set(ts("2026-11-22T00:00:00Z"));
    assert_eq!(
        wayside_store::epoch::next(dir.path(), &clock).unwrap(),
        ts("2026-11-22T00:00:00Z").as_millisecond()
    );
}
