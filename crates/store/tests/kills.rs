//! kill -9 anywhere, for real: a process that counts is killed again and again, at times together with its
//! database, and started again. What it acknowledged is in the database, once; what was open when it died is
//! there as its last checkpoint had it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use support::{With, camera, partly, psql};
use tempfile::TempDir;
use wayside_store::cluster::socket_url;
use wayside_store::{Checkpoint, Database, DatabaseOptions, OpenState, Writer, WriterOptions, epoch};
use wayside_types::{
    BinLength, CameraId, ClosedBins, Direction, Incident, IncidentId, IncidentKind, IncidentRecord,
    IncidentState, Reason, RoadUserClass, Severity, SystemClock, Timestamp,
};

/// A bin is saved this often before it closes.
const SAVES: u32 = 4;
/// What a closed bin holds: more than any checkpoint of it.
const CLOSED: u32 = 50;

/// Minute `n` with as many cars as there were by the `part`-th checkpoint.
fn bin(n: i64, part: u32, epoch: i64) -> ClosedBins {
    let start = Timestamp::from_second(1_795_000_020 + n * 60).unwrap();
    let (count, observed_s) = if part > SAVES { (CLOSED, 60.0) } else { (part * 10, f64::from(part) * 12.0) };
    partly("a", BinLength::Minute1, start, epoch, observed_s).line(
        "n",
        Direction::Forward,
        RoadUserClass::Car,
        count,
    )
}

fn incident(n: i64, epoch: i64, over: bool) -> IncidentRecord {
    let at = Timestamp::from_second(1_795_000_020 + n * 60).unwrap();
    let number = u32::try_from(n).unwrap() + 1;
    let id = IncidentId { camera: CameraId::new("a").unwrap(), epoch, number };
    let incident = Incident {
        kind: IncidentKind::CameraDark,
        zone: None,
        place: None,
        severity: Severity::Minor,
        confidence: 0.8,
        onset: at,
        detected: at,
        ended: over.then_some(at),
        why: vec![Reason::new("brighter_share", 0.0, "max_bright", 40.0)],
    };
    let record = IncidentRecord::began(id, incident, at, None);
    if over { IncidentRecord { revision: 2, state: IncidentState::Ended, ..record } } else { record }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").unwrap();
    out.flush().unwrap();
}

async fn open(dir: &Path) -> (Database, Writer, Checkpoint, i64) {
    let options = DatabaseOptions::Private { dir: dir.join("pg") };
    let database = Database::open(&options, SystemClock::shared()).await.unwrap();
    let checkpoint = Checkpoint::open(&dir.join("checkpoint")).unwrap();
    let epoch = epoch::next(&dir.join("spool"), &SystemClock::default()).unwrap();
    let writer_options =
        WriterOptions { batch_rows: 6, ..WriterOptions::new(epoch, vec![camera("a", &["n"])]) };
    let writer =
        Writer::start(database.clone(), &dir.join("spool"), SystemClock::shared(), writer_options).unwrap();
    (database, writer, checkpoint, epoch)
}

/// The process that is killed.
#[test]
#[ignore = "run by another test of this file, in a process that it kills"]
fn counter() {
    let dir = PathBuf::from(std::env::var("WAYSIDE_TEST_KILLS").unwrap());
    let first: i64 = std::env::var("WAYSIDE_TEST_FIRST").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (_database, writer, checkpoint, epoch) = runtime.block_on(open(&dir));
    writer.recover(&checkpoint).unwrap();
    say(&format!("@ epoch {epoch}"));
    for n in first.. {
        for part in 1..=SAVES {
            say(&format!("@ saving {n} {part}"));
            checkpoint.save(&OpenState::of_bins(vec![bin(n, part, epoch)])).unwrap();
            say(&format!("@ saved {n} {part}"));
        }
        say(&format!("@ closing {n}"));
        writer.submit(vec![bin(n, SAVES + 1, epoch)]).unwrap();
        say(&format!("@ closed {n}"));
        // Of every minute an incident, of every other one it is over at once.
        writer.submit_incidents(vec![incident(n, epoch, false)]).unwrap();
        say(&format!("@ told {n}"));
        if n % 2 == 0 {
            writer.submit_incidents(vec![incident(n, epoch, true)]).unwrap();
            say(&format!("@ over {n}"));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What one run said before it died.
#[derive(Debug, Default)]
struct Run {
    epoch: Option<i64>,
    /// Parts that each bin may be at, by what was said.
    may_be: BTreeMap<i64, Vec<u32>>,
    last: Option<i64>,
    /// Incidents that were kept, and those of them whose end was.
    told: BTreeSet<i64>,
    over: BTreeSet<i64>,
}

impl Run {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok());
        match words.as_slice() {
            ["@", "epoch", ..] => self.epoch = number(2),
            ["@", "saving", ..] => {
                let (n, part) = (number(2).unwrap(), u32::try_from(number(3).unwrap()).unwrap());
                // Either it was saved, or what was there before is: nothing, for the first part.
                self.may_be.insert(n, vec![part - 1, part]);
                self.last = Some(n);
            }
            ["@", "saved", ..] => {
                self.may_be.insert(number(2).unwrap(), vec![u32::try_from(number(3).unwrap()).unwrap()]);
            }
            ["@", "closing", ..] => {
                self.may_be.insert(number(2).unwrap(), vec![SAVES, SAVES + 1]);
            }
            ["@", "told", ..] => {
                self.told.insert(number(2).unwrap());
            }
            ["@", "over", ..] => {
                self.over.insert(number(2).unwrap());
            }
            ["@", "closed", ..] => {
                self.may_be.insert(number(2).unwrap(), vec![SAVES + 1]);
            }
            _ => {}
        }
    }
}

fn spawn(dir: &Path, first: i64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "counter", "--ignored", "--nocapture"])
        .env("WAYSIDE_TEST_KILLS", dir)
        .env("WAYSIDE_TEST_FIRST", first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a process count for a while and kills it, with its database a little earlier if so asked.
fn run_and_kill(dir: &Path, first: i64, life: Duration, database_first: Option<Duration>) -> Run {
    let mut child = spawn(dir, first);
    let output = child.stdout.take().unwrap();
    let (heard, lines) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            heard.send(line).unwrap();
        }
    });
    let mut run = Run::default();
    while run.epoch.is_none() {
        let line = lines.recv_timeout(Duration::from_secs(60)).expect("the counter said nothing");
        run.hear(&line);
    }
    std::thread::sleep(life);
    if let Some(wait) = database_first {
        let lock = fs::read_to_string(dir.join("pg/data/postmaster.pid")).unwrap();
        let server: i32 = lock.lines().next().unwrap().trim().parse().unwrap();
        kill_process(Pid::from_raw(server).unwrap(), Signal::KILL).unwrap();
        std::thread::sleep(wait);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    // A line that was cut off by the kill has no end and no meaning; `lines` gives it all the same, and a
    // prefix of "@ closed 12" could be "@ closed 1". The writes are single system calls, so this can't be.
    for line in lines.try_iter() {
        run.hear(&line);
    }
    run
}

/// Every incident that was kept is there once, over if that was kept; none is open any more.
fn check_incidents(runs: &[Run], rows: &[String]) {
    let mut found: BTreeMap<(i64, i64), String> = BTreeMap::new();
    for row in rows {
        let fields: Vec<&str> = row.split('|').collect();
        let key = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        assert!(found.insert(key, fields[2].to_owned()).is_none(), "{row} is there twice");
    }
    let mut told = 0;
    for run in runs {
        for n in &run.told {
            let state = found.remove(&(run.epoch.unwrap(), *n));
            assert!(state.is_some(), "incident {n} is lost");
            let state = state.unwrap();
            // The end may have been kept without our hearing of it.
            assert!(
                state == "ended" || (state == "unknown" && !run.over.contains(n)),
                "incident {n} is {state}"
            );
            told += 1;
        }
    }
    // At most the one of each run that was kept as it died.
    assert!(found.len() <= runs.len(), "nobody told of {found:?}");
    assert!(found.values().all(|state| state != "open"), "{found:?}");
    assert!(told > 50, "only {told} incidents were told: the test shows little");
}

#[test]
fn nothing_closed_is_lost_or_doubled() {
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let milliseconds = Duration::from_millis;
    let mut first = 0;
    let mut runs = Vec::new();
    for (life, database_first) in [
        (milliseconds(700), None),
        (milliseconds(0), None),
        (milliseconds(400), Some(milliseconds(150))),
        (milliseconds(350), Some(milliseconds(600))),
        (milliseconds(30), None),
        (milliseconds(500), Some(milliseconds(0))),
    ] {
        let run = run_and_kill(dir.path(), first, life, database_first);
        // The next run goes on with the bin that was open: its two parts are two epochs of one bin.
        first = run.last.unwrap_or(first);
        runs.push(run);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (database, writer, checkpoint, _) = runtime.block_on(open(dir.path()));
    writer.recover(&checkpoint).unwrap();
    let stats = writer.clone();
    runtime.block_on(writer.shutdown());
    assert_eq!(stats.stats().spooled_rows, 0, "{:?}", stats.stats());

    let url = socket_url(&dir.path().join("pg/socket"), "wayside").unwrap();
    let rows = psql(
        &url,
        "SELECT b.epoch, (extract(epoch FROM b.start_at)::bigint - 1795000020) / 60, b.count, c.observed_s \
         FROM line_bin b JOIN coverage c USING (camera, length_s, start_at, epoch) ORDER BY 1, 2",
    );
    let total = psql(&url, "SELECT (SELECT count(*) FROM line_bin), (SELECT count(*) FROM coverage)");
    let told = psql(
        &url,
        "SELECT epoch, substring(id FROM '[0-9]+$')::bigint - 1, state FROM incident ORDER BY 1, 2",
    );
    runtime.block_on(database.close());
    check_incidents(&runs, &told);

    assert_eq!(total, [format!("{0}|{0}", rows.len())], "counts and coverage come in pairs");
    let mut found: BTreeMap<(i64, i64), u32> = BTreeMap::new();
    for row in &rows {
        let fields: Vec<&str> = row.split('|').collect();
        let (epoch, n): (i64, i64) = (fields[0].parse().unwrap(), fields[1].parse().unwrap());
        let part = (1..=SAVES + 1).find(|part| {
            let bin = bin(n, *part, epoch);
            bin.bins[0].count.to_string() == fields[2] && bin.coverage.observed_s.to_string() == fields[3]
        });
        let part = part.unwrap_or_else(|| panic!("no state of a bin looks like {row}"));
        assert!(found.insert((epoch, n), part).is_none(), "{row} is there twice");
    }
    let mut closed = 0;
    for run in &runs {
        let epoch = run.epoch.unwrap();
        for (n, may_be) in &run.may_be {
            // Part 0 is a bin of which nothing had been saved.
            let part = found.remove(&(epoch, *n)).unwrap_or_default();
            assert!(may_be.contains(&part), "bin {n} of run {epoch} is at part {part}, not {may_be:?}");
            closed += usize::from(part == SAVES + 1);
        }
    }
    assert!(found.is_empty(), "nobody counted {found:?}");
    assert!(closed > 50, "only {closed} bins closed: the test shows little");
    eprintln!("{} runs killed, {closed} bins closed, none lost, none doubled", runs.len());
}
