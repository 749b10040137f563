//! The private cluster: made, restarted, found again after every kind of kill, and every reason why it can't
//! start explained in words that say what to do.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it the same way")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use support::{SmallDisk, within};
use tempfile::TempDir;
use wayside_store::{Cluster, ClusterOptions, Database, DatabaseOptions, StoreError};
use wayside_types::SystemClock;

/// A directory that the server's user can reach even when we are root.
fn scratch() -> TempDir {
    let dir = tempfile::Builder::new().prefix("wayside-cluster-").tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

fn options(dir: &Path) -> ClusterOptions {
    ClusterOptions { durable: false, ..ClusterOptions::new(dir) }
}

fn pid(raw: u32) -> Pid {
    Pid::from_raw(i32::try_from(raw).unwrap()).unwrap()
}

fn is_alive(process: u32) -> bool {
    // A zombie of ours still has a number; it is dead all the same.
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    test_kill_process(pid(process)).is_ok() && !stat.contains(") Z ")
}

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn it_starts_stops_and_starts_again() {
    let dir = scratch();
    let pg = dir.path().join("pg");
    let cluster = Cluster::start(&options(&pg)).unwrap();
    let server = cluster.pid().unwrap();
    assert!(is_alive(server));
    // Nobody else's business: neither data nor socket.
    for private in [pg.clone(), pg.join("data"), cluster.socket_dir().to_owned()] {
        assert_eq!(fs::metadata(&private).unwrap().mode() & 0o077, 0, "{}", private.display());
    }
    let settings = fs::read_to_string(format!("/proc/{server}/cmdline")).unwrap();
    assert!(settings.contains("listen_addresses=\0"), "{settings}");
    // A second one on the same directory is refused, and told who has it.
    let error = Cluster::start(&options(&pg)).unwrap_err();
    assert!(
        matches!(error, StoreError::InUse { pid: Some(holder), .. } if holder == std::process::id()),
        "{error}"
    );
    cluster.stop();
    assert!(!is_alive(server));
    assert!(!pg.join("data/postmaster.pid").exists(), "it was not stopped cleanly");
    let again = Cluster::start(&options(&pg)).unwrap();
    assert_ne!(again.pid().unwrap(), server);
}

#[test]
fn a_server_that_is_killed_comes_back() {
    let dir = scratch();
    let cluster = Cluster::start(&options(&dir.path().join("pg"))).unwrap();
    let first = cluster.pid().unwrap();
    kill_process(pid(first), Signal::KILL).unwrap();
    assert!(within(PATIENCE, || cluster.pid().is_some_and(|now| now != first && is_alive(now))));
}

/// What [`an_orphan_is_gone_before_the_next_start`] kills: a process that owns a cluster.
#[test]
#[ignore = "run by another test of this file, in a process that it kills"]
fn owner() {
    let dir = std::env::var("WAYSIDE_TEST_CLUSTER").unwrap();
    let cluster = Cluster::start(&options(Path::new(&dir))).unwrap();
    fs::write(Path::new(&dir).with_extension("pid"), cluster.pid().unwrap().to_string()).unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn spawn_owner(pg: &Path) -> (std::process::Child, u32) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner", "--ignored", "--nocapture"])
        .env("WAYSIDE_TEST_CLUSTER", pg)
        .spawn()
        .unwrap();
    let note = pg.with_extension("pid");
    let mut server = None;
    assert!(within(PATIENCE, || {
        server = fs::read_to_string(&note).ok().and_then(|text| text.parse().ok());
        server.is_some()
    }));
    fs::remove_file(note).unwrap();
    (child, server.unwrap())
}

#[test]
fn a_server_dies_with_its_owner() {
    let dir = scratch();
    let pg = dir.path().join("pg");
    let (mut owner, server) = spawn_owner(&pg);
    assert!(is_alive(server));
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(within(PATIENCE, || !is_alive(server)), "the server outlived kill -9 of its owner");
    assert!(!pg.join("data/postmaster.pid").exists(), "it was not a clean shutdown");
}

#[test]
fn an_orphan_is_gone_before_the_next_start() {
    let dir = scratch();
    let pg = dir.path().join("pg");
    let (mut owner, server) = spawn_owner(&pg);
    // A stopped server can't obey the kernel's signal, like one that hangs on a dead disk.
    kill_process(pid(server), Signal::STOP).unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(is_alive(server));
    let resume = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(1));
        kill_process(pid(server), Signal::CONT).unwrap();
    });
    let cluster = Cluster::start(&options(&pg)).unwrap();
    resume.join().unwrap();
    assert!(!is_alive(server));
    assert!(is_alive(cluster.pid().unwrap()));
}

#[test]
fn a_stale_lock_file_is_no_obstacle() {
    let dir = scratch();
    let pg = dir.path().join("pg");
    let cluster = Cluster::start(&options(&pg)).unwrap();
    let lock = pg.join("data/postmaster.pid");
    let text = fs::read_to_string(&lock).unwrap();
    let owner = fs::metadata(&lock).unwrap();
    let socket_lock = cluster.socket_dir().join(".s.PGSQL.5432.lock");
    cluster.stop();
    // The number in it now belongs to something else that lives: this test.
    let (_, rest) = text.split_once('\n').unwrap();
    for file in [lock, socket_lock] {
        fs::write(&file, format!("{}\n{rest}", std::process::id())).unwrap();
        std::os::unix::fs::chown(&file, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let again = Cluster::start(&options(&pg)).unwrap();
    assert!(is_alive(again.pid().unwrap()));
}

#[test]
fn an_interrupted_initdb_is_begun_anew() {
    let dir = scratch();
    let pg = dir.path().join("pg");
    fs::create_dir_all(pg.join("data.new/base")).unwrap();
    fs::write(pg.join("data.new/PG_VERSION"), "15\n").unwrap();
    let cluster = Cluster::start(&options(&pg)).unwrap();
    assert!(is_alive(cluster.pid().unwrap()));
    assert!(!pg.join("data.new").exists());
}

#[test]
fn a_deep_data_dir_gets_a_short_socket() {
    let dir = scratch();
    let deep = dir.path().join("d".repeat(60)).join("e".repeat(60));
    let cluster = Cluster::start(&options(&deep)).unwrap();
    let socket = cluster.socket_dir().join(".s.PGSQL.5432");
    assert!(socket.as_os_str().len() <= 107 && socket.exists(), "{}", socket.display());
    assert_eq!(fs::metadata(cluster.socket_dir()).unwrap().mode() & 0o777, 0o700);
    let short = cluster.socket_dir().to_owned();
    cluster.stop();
    fs::remove_dir_all(short).unwrap();
}

#[test]
fn another_major_version_is_explained() {
    let dir = scratch();
    let data = dir.path().join("pg/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let message = Cluster::start(&options(&dir.path().join("pg"))).unwrap_err().to_string();
    for part in ["PostgreSQL 9", "15", "postgresql-9", "pg_upgrade"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn missing_programs_are_explained() {
    let dir = scratch();
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let options = ClusterOptions { programs: Some(empty), ..options(&dir.path().join("pg")) };
    let message = Cluster::start(&options).unwrap_err().to_string();
    assert!(
        message.contains("apt-get install postgresql-15") && message.contains("database.url"),
        "{message}"
    );
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let dir = scratch();
    let data = dir.path().join("pg/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("holiday.jpg"), "x").unwrap();
    let error = Cluster::start(&options(&dir.path().join("pg"))).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(data.join("holiday.jpg").exists());
}

#[test]
fn a_directory_that_the_server_cannot_reach_is_named() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only a root process hands the server to another user");
        return;
    }
    let dir = scratch();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let message = Cluster::start(&options(&closed.join("data/pg"))).unwrap_err().to_string();
    assert!(message.contains(&format!("chmod o+x {}", closed.display())), "{message}");
    assert!(message.contains("postgres"), "{message}");
}

#[test]
fn a_full_disk_is_explained() {
    let dir = scratch();
    let Some(disk) = SmallDisk::mount(&dir.path().join("disk"), "8m") else {
        eprintln!("SKIPPED: a small disk can be mounted by root only");
        return;
    };
    let error = Cluster::start(&options(&disk.0.join("pg"))).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("no space is left"), "{error}");
}

#[test]
fn programs_are_found_through_a_link() {
    // Some systems have PATH entries that are links into the versioned directory.
    let dir = scratch();
    let bin = dir.path().join("bin");
    let Some(real) = fs::read_dir("/usr/lib/postgresql").ok().and_then(|mut dirs| dirs.next()) else {
        eprintln!("SKIPPED: no PostgreSQL under /usr/lib/postgresql");
        return;
    };
    symlink(real.unwrap().path().join("bin"), &bin).unwrap();
    let options = ClusterOptions { programs: Some(bin), ..options(&dir.path().join("pg")) };
    assert!(Cluster::start(&options).unwrap().pid().is_some());
}

#[tokio::test]
async fn a_private_database_opens_twice_and_closes() {
    let dir = scratch();
    let options = DatabaseOptions::Private { dir: dir.path().join("pg") };
    for _ in 0..2 {
        let database = Database::open(&options, SystemClock::shared()).await.unwrap();
        database.ready().await.unwrap();
        let server = database.cluster_pid().unwrap();
        database.close().await;
        assert!(!is_alive(server));
    }
}
