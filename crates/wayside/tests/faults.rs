//! The plug is pulled by turns: on the database, on the cameras, on the process itself. No closed bin is
//! lost or doubled, and the site goes on by itself. Runs for several real minutes, for bins are real ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::live::{Key, Listener};
use common::{Camsim, Site, send, wait};

const BIN: Duration = Duration::from_secs(90);

/// The database's own process, as the cluster's lock file says.
fn postgres_pid(site: &Site) -> u32 {
    let pg = site.dir.path().join("data/pg");
    let file = std::fs::read_dir(&pg)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("postmaster.pid"))
        .chain([pg.join("postmaster.pid")])
        .find(|file| file.exists())
        .expect("a postmaster.pid under data/pg");
    std::fs::read_to_string(file).unwrap().lines().next().unwrap().parse().unwrap()
}

fn states(site: &Site) -> BTreeSet<String> {
    let cameras = site.json("/api/v1/cameras").unwrap_or_default();
    let items = cameras["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|c| Some(c["status"]["state"].as_str()?.to_owned())).collect()
}

fn all(site: &Site, state: &str) -> Option<()> {
    (states(site) == BTreeSet::from([state.to_owned()])).then_some(())
}

fn next_minute(heard: &Listener) {
    let before = heard.minutes();
    wait(BIN, "the next bin", || (heard.minutes() > before).then_some(()));
}

/// What the database says, in the announcements' words.
fn stored(site: &Site, starts: &BTreeSet<String>) -> BTreeMap<Key, u64> {
    let first = starts.first().expect("some bin was announced");
    let last: jiff::Timestamp = starts.last().expect("some bin was announced").parse().unwrap();
    let to = last + jiff::SignedDuration::from_secs(120);
    let path = format!("/api/v1/measurements?from={first}&to={to}&bin=1m&group=line,direction,class");
    let mut counts = BTreeMap::new();
    for row in site.items(&path) {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let count = row["count"].as_u64().unwrap();
        if count > 0 {
            let key = (text("start"), text("camera"), text("line"), text("direction"), text("class"));
            *counts.entry(key).or_default() += count;
        }
    }
    counts
}

#[test]
fn kills_by_turns_lose_and_double_no_closed_bin() {
    let mut site = Site::new();
    let mut cameras = Camsim::start(&["--scene", "arterial", "--scene", "highway"], &site.cameras());
    site.start();
    let heard = Listener::start(&site.listen);
    wait(Duration::from_secs(60), "live cameras", || all(&site, "live"));
    next_minute(&heard);

    // The database, while a bin is open. Pages and counting go on; it is started again.
    let pid = postgres_pid(&site);
    send("-KILL", pid);
    next_minute(&heard);
    wait(Duration::from_secs(60), "the database", || (site.status("/readyz") == Some(200)).then_some(()));
    assert_ne!(postgres_pid(&site), pid, "the database was not started anew");

    // The cameras.
    cameras.process.kill();
    wait(Duration::from_secs(60), "the loss to be seen", || all(&site, "reconnecting"));
    cameras.start_again();
    wait(Duration::from_secs(90), "the cameras", || all(&site, "live"));
    next_minute(&heard);

    // The process itself, right after a bin was announced and twelve seconds into the next.
    std::thread::sleep(Duration::from_secs(12));
    let announced_before_kill: BTreeSet<String> =
        heard.bins().keys().map(|(_, start)| start.clone()).collect();
    site.process.as_mut().unwrap().kill();
    site.start();
    wait(Duration::from_secs(60), "live cameras", || all(&site, "live"));
    next_minute(&heard);
    assert!(site.process.take().unwrap().stop(), "it did not end well");
    let announced = heard.counts();
    let bins = heard.bins();
    drop(heard);

    site.start();
    let starts: BTreeSet<String> = bins.keys().map(|(_, start)| start.clone()).collect();
    let in_database = stored(&site, &starts);
    assert!(announced.values().sum::<u64>() >= 10, "hardly anything was counted: {announced:?}");
    for (key, count) in &announced {
        let kept = in_database.get(key).copied().unwrap_or_default();
        if announced_before_kill.contains(&key.0) {
            assert_eq!(kept, *count, "{key:?} was announced with {count}");
        } else {
            // The bin that was open at the kill holds what its first run had seen as well.
            assert!(kept >= *count, "{key:?}: announced {count}, kept {kept}");
        }
    }
    for (key, kept) in &in_database {
        if announced_before_kill.contains(&key.0) {
            assert_eq!(announced.get(key), Some(kept), "{key:?} was never announced like that");
        }
    }
    let first_run = bins.iter().filter(|((_, start), _)| announced_before_kill.contains(start));
    assert!(first_run.into_iter().all(|(_, times)| *times == 1), "a bin closed twice: {bins:?}");
}
