//! A camera's password, through a whole run over RTSP: it must be in nothing that is written, logged or sent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says so by failing")]

#[path = "common/canary.rs"]
#[allow(dead_code, reason = "the other forms are for frames and boxes")]
mod canary;
mod common;
#[path = "common/search.rs"]
mod search;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use canary::{Canary, Forms};
use common::{Camsim, Site, scratch, shared, wait};
use search::{nothing_in, search_files};

/// As long as the canaries that are searched for.
const PASSWORD: &Canary = b"Kanarienvogel-07";

#[test]
fn a_cameras_password_is_told_to_the_camera_only() {
    let Some(clip) = shared("clips/arterial-20s.mp4") else { return };
    let mut site = Site::new();
    let elsewhere = scratch();
    let made = elsewhere.path().join("cameras");
    let mut camsim = Camsim::start(&[clip.to_str().unwrap()], &made);
    let file = std::fs::read_dir(&made).unwrap().next().unwrap().unwrap().path();
    let camera = std::fs::read_to_string(file).unwrap();
    let with_login = camera.replace("rtsp://", "rtsp://${TEST_CAMERA_LOGIN}@");
    assert_ne!(with_login, camera);
    std::fs::write(site.cameras().join("one.toml"), with_login).unwrap();
    let password = str::from_utf8(PASSWORD).unwrap();
    site.environment = vec![
        ("TEST_CAMERA_LOGIN", format!("operator:{password}")),
        ("RUST_LOG", "debug,wayside=trace".to_owned()),
    ];
    site.start();
    let mut live = TcpStream::connect(&site.listen).unwrap();
    write!(live, "GET /api/v1/live HTTP/1.0\r\nHost: {}\r\n\r\n", site.listen).unwrap();
    let state = |site: &Site| site.items("/api/v1/cameras")[0]["status"]["state"].as_str().map(str::to_owned);
    let until = |site: &Site, wanted: &str| {
        wait(Duration::from_secs(90), wanted, || (state(site).as_deref() == Some(wanted)).then_some(()));
    };
    until(&site, "live");
    // A source has most to say when it is lost.
    camsim.process.kill();
    until(&site, "reconnecting");
    let paths = ["/api/v1/cameras", "/api/v1/measurements", "/metrics", "/readyz", "/"];
    let mut sent: Vec<Vec<u8>> = paths.iter().map(|path| site.text(path).unwrap().into_bytes()).collect();
    camsim.start_again();
    until(&site, "live");
    assert!(site.process.take().unwrap().stop());
    let mut events = Vec::new();
    live.read_to_end(&mut events).unwrap();
    assert!(String::from_utf8_lossy(&events).contains("reconnecting"), "no event told of the loss");
    sent.push(events);

    let mut forms = Forms::default();
    forms.frame(PASSWORD);
    let searcher = forms.searcher(*PASSWORD);
    assert!(!searcher.find(format!("rtsp://operator:{password}@127.0.0.1/").as_bytes()).is_empty());
    for answer in &sent {
        nothing_in("an answer", answer, &searcher);
    }
    let kept = search_files(site.dir.path(), &searcher);
    assert!(kept > 1_000_000, "hardly anything was kept: {kept} bytes");
    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(log.lines().count() > 50, "hardly anything was logged: {log}");
}
