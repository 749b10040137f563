//! `wayside audit` on a real database: a tally is held against what was counted in the same stretch of time, kept, and
//! listed; what can't be compared is said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test fails it the same way"
)]

mod common;

use std::path::{Path, PathBuf};

use common::{root, run, scratch};
use wayside_store::{Cluster, ClusterOptions, Database, DatabaseOptions, Writer, WriterOptions};
use wayside_testkit::SimClock;
use wayside_types::{
    Bin, BinKey, BinLength, BinSubject, CameraId, ClosedBins, Coverage, Direction, Grade, LineId,
    RoadUserClass, Timestamp,
};

const START: &str = "2026-03-02T10:00:00Z";

/// A site with one camera whose data lie in `dir/data`.
fn site(dir: &Path) -> PathBuf {
    let cameras = dir.join("cameras");
    std::fs::create_dir(&cameras).unwrap();
    let camera = "id = \"hp-07\"\nname = \"Youxie Street\"\nsource = \"rtsp://127.0.0.1:1/x\"\n\
                  department = \"traffic\"\nprofile = \"arterial\"\n\
                  [[line]]\nid = \"east-in\"\npoints = [[0.25, 0.95], [0.25, 0.35]]\n";
    std::fs::write(cameras.join("hp-07.toml"), camera).unwrap();
    let config = dir.join("wayside.toml");
    let data = dir.join("data");
    let home = root();
    let text = format!(
        "data_dir = {data:?}\ntimezone = \"UTC\"\ncameras_dir = {cameras:?}\nprofiles_dir = {:?}\nmodels_dir = {:?}\n",
        home.join("pipelines"),
        home.join("models")
    );
    std::fs::write(&config, text).unwrap();
    config
}

/// Bins of 900 or 60 seconds of one line.
fn bins(length: BinLength, start: Timestamp, observed_s: f64, counts: &[(RoadUserClass, u32)]) -> ClosedBins {
    let camera = CameraId::new("hp-07").unwrap();
    let bin = |(class, count): &(RoadUserClass, u32)| {
        let subject = BinSubject::Line(LineId::new("east-in").unwrap(), Direction::Forward);
        let key = BinKey { camera: camera.clone(), subject, class: *class, start, length, epoch: 1 };
        Bin { key, count: *count }
    };
    let coverage = Coverage {
        camera: camera.clone(),
        start,
        length,
        epoch: 1,
        observed_s,
        dropped_share: 0.0,
        grade: Grade::Good,
        config_version: "v1".to_owned(),
    };
    ClosedBins { bins: counts.iter().map(bin).collect(), ..ClosedBins::of(coverage) }
}

/// A quarter of an hour, watched whole, and the minutes that it is made of; a cluster that stays up meanwhile is given.
fn counted(data: &Path) -> Cluster {
    let options = ClusterOptions { durable: false, ..ClusterOptions::new(data.join("pg")) };
    std::fs::create_dir_all(data).unwrap();
    let made = DatabaseOptions::Private { dir: data.join("pg") };
    let clock = SimClock::at("2026-03-02T11:00:00Z");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::open(&made, clock.shared()).await.unwrap();
        let writing = WriterOptions::new(1, wayside_config_cameras(data));
        let writer = Writer::start(database.clone(), &data.join("spool"), clock.shared(), writing).unwrap();
        let start: Timestamp = START.parse().unwrap();
        let mut closed = Vec::new();
        for minute in 0..15 {
            let at = start + jiff::SignedDuration::from_mins(minute);
            closed.push(bins(
                BinLength::Minute1,
                at,
                60.0,
                &[(RoadUserClass::Car, 6), (RoadUserClass::Truck, 1)],
            ));
        }
        closed.push(bins(BinLength::Minute15, start, 900.0, &[(RoadUserClass::Bicycle, 12)]));
        let next = start + jiff::SignedDuration::from_mins(15);
        closed.push(bins(BinLength::Minute1, next, 30.0, &[(RoadUserClass::Car, 3)]));
        writer.submit(closed).unwrap();
        writer.shutdown().await;
        database.close().await;
    });
    Cluster::start(&options).unwrap()
}

fn wayside_config_cameras(data: &Path) -> Vec<wayside_types::CameraSpec> {
    let config = data.parent().unwrap().join("wayside.toml");
    wayside_config::load_site(Some(&config)).unwrap().cameras
}

#[test]
fn a_tally_is_held_against_the_counts_of_its_stretch() {
    let dir = scratch();
    let config = site(dir.path());
    // The server runs, as it does beside `wayside run`, and the tool uses it.
    let _running = counted(&dir.path().join("data"));
    let tally = dir.path().join("tally.csv");
    let audit = |more: &[&str], rows: &str| {
        std::fs::write(&tally, rows).unwrap();
        let base = ["audit", "hp-07", "--config", config.to_str().unwrap()];
        run(&[&base[..], more].concat())
    };
    let tallied =
        |more: &[&str], rows: &str| audit(&[&["--tally", tally.to_str().unwrap()], more].concat(), rows);

    let rows = "line,direction,class,count\neast-in,forward,motor,100\neast-in,forward,bicycle,10\neast-in,backward,motor,0\n";
    let (good, said, error) = tallied(&["--from", START], rows);
    assert!(good, "{said}{error}");
    let line = |class: &str, way: &str| {
        said.lines().find(|l| l.contains(class) && l.contains(way)).unwrap_or_default().to_owned()
    };
    // 105 against 100, by the hour 420 against 400.
    let geh = (2.0_f64 * 400.0 / 820.0).sqrt();
    assert!(line("motor", "forward").contains("+5.0 %"), "{said}");
    assert!(line("motor", "forward").contains(&format!("{geh:.2}")), "{said}");
    assert!(line("bicycle", "forward").contains("+20.0 %"), "{said}");
    assert!(line("motor", "backward").contains('–') && line("motor", "backward").contains("0.00"), "{said}");
    assert!(said.contains("117 counted, 110 tallied; GEH under 5 in 3 of 3"), "{said}");

    // Whoever tallies by a silhouette can't tell bicycles from motorcycles.
    let (good, said, error) = tallied(&["--from", START], "east-in,forward,two_wheeler,12\n");
    assert!(good && said.contains("two_wheeler") && said.contains("+0.0 %"), "{said}{error}");

    // Given again, the tally replaces the one before; lists show it.
    let (good, ..) = tallied(&["--from", START], "east-in,forward,motor,105\n");
    assert!(good);
    let (good, said, error) = audit(&["--list"], "");
    assert!(good, "{error}");
    assert!(said.contains("+0.0 %") && said.contains("+20.0 %") && !said.contains("+5.0 %"), "{said}");

    // Minutes, too, where only motor vehicles are counted; half a minute was not watched.
    let (good, said, error) =
        tallied(&["--from", "2026-03-02T10:14:00Z", "--minutes", "2"], "east-in,forward,car,12\n");
    assert!(good, "{error}");
    assert!(said.contains("warning: the camera watched 90 of 120 s"), "{said}");
    assert!(said.contains("-25.0 %") && said.contains("watched in part"), "{said}");

    for (more, rows, wanted) in [
        (
            ["--from", START].as_slice(),
            "west,forward,motor,1\n",
            "\"west\" is not one of camera hp-07: east-in",
        ),
        (&["--from", START], "east-in,up,motor,1\n", "direction \"up\" is not one of: forward backward"),
        (&["--from", START], "east-in,forward,van,1\n", "class \"van\" is not one of: motor car"),
        (&["--from", START], "east-in,forward,car,many\n", "count \"many\" is no whole number from 0"),
        (&["--from", START], "east-in,forward,car\n", "row 1: has 3 fields"),
        (
            &["--from", START],
            "east-in,forward,car,1\neast-in,forward,car,2\n",
            "row 2: east-in forward car is there twice",
        ),
        (&["--from", START], "\n", "the tally is empty"),
        (
            &["--from", START, "--minutes", "5"],
            "east-in,forward,two_wheeler,1\n",
            "two_wheeler is only counted by",
        ),
        (
            &["--from", "2026-03-02T10:01:00Z"],
            "east-in,forward,bicycle,1\n",
            "only counted by the quarter of an hour",
        ),
        (&["--from", "2026-03-02T10:00:07Z"], "east-in,forward,car,1\n", "must be a whole minute"),
        (
            &["--from", "2999-01-01T00:00:00Z"],
            "east-in,forward,car,1\n",
            "are over at 2999-01-01T00:15:00Z only",
        ),
        (&["--from", "2026-03-02T12:00:00Z"], "east-in,forward,car,1\n", "did not watch"),
    ] {
        let (good, said, error) = tallied(more, rows);
        assert!(!good && error.contains(wanted), "{rows:?} gave {said}{error}");
    }
    let (good, _, error) = run(&["audit", "hp-99", "--list", "--config", config.to_str().unwrap()]);
    assert!(!good && error.contains("\"hp-99\" is not one of this site's: hp-07"), "{error}");
}
