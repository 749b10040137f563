//! Scheduled exports over a real database, into real directories and to a real receiver.

mod receiver;

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use wayside_config::{ExportEvery, ExportFormat, ExportSettings, ExportTarget, ExportWhat, Secret};
use wayside_store::{Database, WriterStats};
use wayside_testkit::{SimClock, TestDb};
use wayside_types::{BinLength, CameraId};

use self::receiver::{Authority, Receiver};
use super::Export;
use crate::ApiParts;
use crate::testing::{clock, parts};
use crate::tests::measurements::{fill, half_an_hour};

fn settings(what: ExportWhat, format: ExportFormat, target: ExportTarget) -> ExportSettings {
    ExportSettings {
        name: "half".to_owned(),
        what,
        format,
        cameras: vec![CameraId::new("hp-07").unwrap()],
        bin: BinLength::Minute15,
        every: ExportEvery::Hour,
        after_minutes: 5,
        target,
    }
}

/// The parts of a site in Kathmandu, whose hours begin at a quarter past, at a time.
fn site(database: &Database, clock: &SimClock) -> ApiParts {
    let mut parts = parts(database.clone(), "127.0.0.1:8080", WriterStats::default());
    parts.clock = clock.shared();
    parts
}

fn files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).map(|entries| {
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    });
    let mut names: Vec<String> = entries.unwrap_or_default();
    names.sort();
    names
}

#[tokio::test]
async fn files_appear_once_for_each_hour_and_are_caught_up() {
    let db = TestDb::new().await;
    let clock = clock();
    let database = fill(&db, half_an_hour()).await;
    let (out, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let target = ExportTarget::Directory(out.path().join("deep/er"));
    let make = |what, format| {
        Export::new(&site(&database, &clock), settings(what, format, target.clone()), state.path())
    };
    let export = make(ExportWhat::Lines, ExportFormat::Csv);
    // It is 12:00:30 UTC; the hour that is over began at 10:15.
    export.turn().await.unwrap();
    let deep = out.path().join("deep/er");
    assert_eq!(files(&deep), ["half-20261121T101500Z.csv"]);
    // What follows is made when it is over for five minutes, and nothing twice.
    clock.advance(Duration::from_secs(19 * 60));
    export.turn().await.unwrap();
    assert_eq!(files(&deep).len(), 1);
    clock.advance(Duration::from_secs(60));
    std::fs::remove_file(deep.join("half-20261121T101500Z.csv")).unwrap();
    export.turn().await.unwrap();
    assert_eq!(files(&deep), ["half-20261121T111500Z.csv"], "the one before was made already");
    let csv = std::fs::read_to_string(deep.join("half-20261121T111500Z.csv")).unwrap();
    assert!(
        csv.contains("hp-07,2026-11-21T11:30:00Z,2026-11-21T11:45:00Z,east-in,forward,car,,7,28,"),
        "{csv}"
    );
    assert!(!csv.contains("hp-01"));
    // Three hours without Wayside: a new one goes on where the old one ended, up to 15:15.
    clock.advance(Duration::from_secs(3 * 3_600));
    make(ExportWhat::Lines, ExportFormat::Csv).turn().await.unwrap();
    let names = files(&deep);
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(names.last().unwrap(), "half-20261121T141500Z.csv");
    database.close().await;
}

#[tokio::test]
async fn every_combination_that_can_be_configured_makes_a_file() {
    let db = TestDb::new().await;
    let clock = clock();
    clock.advance(Duration::from_secs(3_600));
    let database = fill(&db, half_an_hour()).await;
    for (what, format, end, holds) in [
        (ExportWhat::Lines, ExportFormat::Json, "json", "\"count\":7"),
        (ExportWhat::Lines, ExportFormat::Parquet, "parquet", "PAR1"),
        (ExportWhat::Movements, ExportFormat::Csv, "csv", "east-in,north-out,bus,,<3,"),
        (ExportWhat::Zones, ExportFormat::Csv, "csv", "lane-1,lane,0.1"),
        (ExportWhat::Study, ExportFormat::Xlsx, "xlsx", "PK"),
        (ExportWhat::MeasuredData, ExportFormat::Datex2, "xml", "<com:vehicleFlowRate>28<"),
        (ExportWhat::Sites, ExportFormat::Datex2, "xml", "<roa:measurementSite "),
        (ExportWhat::Map, ExportFormat::Geojson, "geojson", "FeatureCollection"),
    ] {
        let (out, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let settings = settings(what, format, ExportTarget::Directory(out.path().to_owned()));
        Export::new(&site(&database, &clock), settings, state.path()).turn().await.unwrap();
        let name = format!("half-20261121T111500Z.{end}");
        assert_eq!(files(out.path()), [name.as_str()], "{what:?}");
        let bytes = std::fs::read(out.path().join(&name)).unwrap();
        let found = bytes.windows(holds.len()).any(|window| window == holds.as_bytes());
        assert!(found, "{what:?} without {holds}");
        if format == ExportFormat::Json {
            let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(json["items"].as_array().unwrap().len(), 2 * 2 * 2 * 6);
        }
    }
    database.close().await;
}

#[tokio::test]
async fn bins_that_are_not_in_the_database_yet_are_waited_for() {
    let db = TestDb::new().await;
    let (clock, database) = (clock(), fill(&db, Vec::new()).await);
    let (out, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let settings =
        settings(ExportWhat::Lines, ExportFormat::Csv, ExportTarget::Directory(out.path().to_owned()));
    let mut parts = site(&database, &clock);
    let waiting = WriterStats { spooled_rows: 1, ..WriterStats::default() };
    parts.writer_stats = std::sync::Arc::new(move || waiting.clone());
    Export::new(&parts, settings.clone(), state.path()).turn().await.unwrap();
    assert!(files(out.path()).is_empty());
    // While the database is away, nothing is made and no half file is left.
    database.clone().close().await;
    let failed = Export::new(&site(&database, &clock), settings, state.path()).turn().await;
    assert!(failed.is_err());
    assert!(files(out.path()).is_empty(), "{:?}", files(out.path()));
}

#[tokio::test]
async fn files_are_posted_until_they_are_taken() {
    let db = TestDb::new().await;
    let (clock, database) = (clock(), fill(&db, half_an_hour()).await);
    clock.advance(Duration::from_secs(3_600));
    let state = TempDir::new().unwrap();
    let Receiver { url, told } = Receiver::plain(&[503, 307, 204]);
    let bearer = Some(Secret::new("s3cr3t"));
    let settings =
        settings(ExportWhat::Lines, ExportFormat::Csv, ExportTarget::Post { url, bearer, ca_file: None });
    let export = Export::new(&site(&database, &clock), settings, state.path());
    for status in ["503", "307"] {
        let failure = export.turn().await.unwrap_err().to_string();
        assert!(failure.ends_with(&format!("/in answered {status}")), "{failure}");
        assert!(!failure.contains("s3cr3t") && !failure.contains("k3y"), "{failure}");
    }
    export.turn().await.unwrap();
    // Taken is taken.
    export.turn().await.unwrap();
    let requests: Vec<String> = told.try_iter().collect();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request == &requests[0]), "each attempt is the same");
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    for part in [
        "post /in?key=k3y http/1.1",
        "authorization: bearer s3cr3t",
        "content-type: text/csv",
        "idempotency-key: \"half/2026-11-21t11:15:00z\"",
        "filename=\"half-20261121t111500z.csv\"",
    ] {
        assert!(head.contains(part), "{part} is not in {head}");
    }
    assert!(body.starts_with("camera,start,end,line,") && body.contains(",7,28,"), "{body}");
    assert!(files(&state.path().join("outbox")).is_empty(), "what was taken is not kept");
    database.close().await;
}

#[tokio::test]
async fn files_are_posted_over_https_to_whom_the_named_authority_signed() {
    let (dir, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let made = ["city", "somebody"].map(|name| Authority::new(dir.path(), name));
    let [Some(city), Some(somebody)] = made else {
        eprintln!("SKIPPED: openssl can't make certificates");
        return;
    };
    let db = TestDb::new().await;
    let (clock, database) = (clock(), fill(&db, half_an_hour()).await);
    clock.advance(Duration::from_secs(3_600));
    let Receiver { url, told } = Receiver::tls(&[204, 204], &city);
    let turn = async |ca_file: Option<&Path>| {
        let (url, bearer) = (url.clone(), Some(Secret::new("s3cr3t")));
        let target = ExportTarget::Post { url, bearer, ca_file: ca_file.map(Path::to_owned) };
        let settings = settings(ExportWhat::Lines, ExportFormat::Csv, target);
        Export::new(&site(&database, &clock), settings, state.path()).turn().await
    };
    let (missing, no_pem) = (dir.path().join("missing.pem"), dir.path().join("no.pem"));
    std::fs::write(&no_pem, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    for (ca_file, reasons) in [
        // Nobody on this machine signed it; and it is signed by another than the one that is named.
        (None, ["known to the machine, or named in ca_file", "invalid peer certificate: UnknownIssuer"]),
        (Some(somebody.file.as_path()), ["somebody.pem)", "must be in ca_file ("]),
        (Some(&missing), ["missing.pem) can't be read", "ca_file ("]),
        (Some(&no_pem), ["no.pem) is no PEM file of certificates", "ca_file ("]),
    ] {
        let failure = turn(ca_file).await.unwrap_err().to_string();
        assert!(reasons.iter().all(|reason| failure.contains(reason)), "{ca_file:?}: {failure}");
        assert!(!failure.contains("s3cr3t") && !failure.contains("k3y"), "{failure}");
        assert!(!failure.contains('\n'), "one line of a log: {failure}");
    }
    assert_eq!(told.try_iter().count(), 0, "a receiver that is not trusted is told nothing");
    // Once it is mended, nothing is missing: the hour that failed, and the one that is over since.
    turn(Some(&city.file)).await.unwrap();
    clock.advance(Duration::from_secs(3_600));
    turn(Some(&city.file)).await.unwrap();
    let requests: Vec<String> = told.try_iter().collect();
    assert_eq!(requests.len(), 2);
    for (request, key) in requests.iter().zip(["half/2026-11-21T11:15:00Z", "half/2026-11-21T12:15:00Z"]) {
        assert!(request.contains(key) && request.contains("Bearer s3cr3t"), "{key}: {request}");
    }
    assert!(requests[0].contains("east-in,forward,car,,7,28,"), "{}", requests[0]);
    assert!(files(&state.path().join("outbox")).is_empty(), "what was taken is not kept");
    database.close().await;
}
