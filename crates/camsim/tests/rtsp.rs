//! The simulated cameras as a client sees them, over real RTSP on loopback.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use wayside_camsim::{CamServer, CamsimError, CamsimOptions, SceneKind, SceneSpec};
use wayside_types::SystemClock;

/// Writes a short H.264 clip, ten frames at ten a second unless told otherwise.
fn clip(dir: &Path, name: &str, frames: u32, encoder: &str, muxer: &str) -> PathBuf {
    gst::init().unwrap();
    let path = dir.join(name);
    run(&format!(
        "videotestsrc num-buffers={frames} pattern=ball ! video/x-raw,width=160,height=96,framerate=10/1 \
         ! {encoder} ! {muxer} ! filesink location={}",
        path.display()
    ));
    path
}

fn run(pipeline: &str) {
    let pipeline = gst::parse::launch(pipeline).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(30), &kinds);
    assert_eq!(message.unwrap().type_(), gst::MessageType::Eos);
    pipeline.set_state(gst::State::Null).unwrap();
}

const X264: &str = "x264enc speed-preset=ultrafast key-int-max=10";

fn options(videos: &[PathBuf]) -> CamsimOptions {
    CamsimOptions { videos: videos.to_vec(), copies: 1, ..CamsimOptions::default() }
}

/// Times (running time, ms) of the access units that a client receives for a while.
fn watch(url: &str, protocols: &str, how_many: usize) -> Result<Vec<u64>, String> {
    let pipeline = gst::parse::launch(&format!(
        "rtspsrc location={url} protocols={protocols} port-range=30000-31999 latency=0 buffer-mode=none ! rtph264depay ! h264parse \
         ! video/x-h264,alignment=au ! appsink name=out sync=false"
    ))
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let sink = pipeline.by_name("out").unwrap().downcast::<AppSink>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut times = Vec::new();
    let mut failure = None;
    let mut patience = 50;
    while times.len() < how_many && failure.is_none() {
        match sink.try_pull_sample(gst::ClockTime::from_mseconds(200)) {
            Some(sample) => {
                let pts = sample.buffer().unwrap().pts().unwrap();
                let segment = sample.segment().unwrap().downcast_ref::<gst::ClockTime>().unwrap().clone();
                // What comes before the client's segment begins is not shown, and has no such time.
                times.extend(segment.to_running_time(pts).map(gst::ClockTime::mseconds));
            }
            None => {
                let error = pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]);
                patience -= 1;
                failure = match error.as_ref().map(|m| m.view()) {
                    Some(gst::MessageView::Error(e)) => Some(format!("{} {:?}", e.error(), e.debug())),
                    _ => (patience == 0).then(|| "nothing came for 10 s".to_owned()),
                };
            }
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    failure.map_or(Ok(times), Err)
}

#[test]
fn a_file_loops_with_growing_times_in_real_time() {
    let dir = tempfile::tempdir().unwrap();
    let file = clip(dir.path(), "ball.mp4", 10, &format!("{X264} bframes=2"), "mp4mux");
    let server = CamServer::start(options(&[file])).unwrap();
    let url = &server.urls()[0].url;
    for protocols in ["tcp", "udp"] {
        // Three times through a clip of one second.
        let clock = SystemClock::shared();
        let mut times = watch(url, protocols, 30).unwrap();
        let took = clock.monotonic();
        assert!(took >= Duration::from_millis(2_500), "{protocols}: 3 s of video took {took:?}");
        // With B-frames the order of decoding is not the order of showing.
        times.sort_unstable();
        for pair in times.windows(2) {
            let step = pair[1] - pair[0];
            assert!((98..=102).contains(&step), "{protocols}: a step of {step} ms in {times:?}");
        }
    }
    server.stop();
}

#[test]
fn clients_of_one_mount_see_the_same_moment_and_copies_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = clip(dir.path(), "Ball_Game.mkv", 20, X264, "matroskamux");
    let server = CamServer::start(CamsimOptions { copies: 2, ..options(&[file]) }).unwrap();
    let names: Vec<_> = server.urls().into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["ball-game-1", "ball-game-2"]);
    let urls: Vec<_> = server.urls().into_iter().map(|c| c.url).collect();
    let threads: Vec<_> = [&urls[0], &urls[0], &urls[1]]
        .map(|url| url.clone())
        .map(|url| std::thread::spawn(move || watch(&url, "tcp", 8)))
        .into_iter()
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap().unwrap().len(), 8);
    }
    server.stop();
}

#[test]
fn a_drawn_scene_is_watched_live() {
    let scenes = vec![SceneSpec::new(SceneKind::Highway, 1)];
    let server = CamServer::start(CamsimOptions { scenes, ..options(&[]) }).unwrap();
    let camera = server.urls().remove(0);
    assert_eq!(camera.name, "highway");
    let times = watch(&camera.url, "tcp", 30).unwrap();
    for pair in times.windows(2) {
        // 15 frames a second; a machine under load may leave some out.
        let step = pair[1] - pair[0];
        assert!((64..=700).contains(&step), "a step of {step} ms in {times:?}");
    }
    server.stop();
}

#[test]
fn it_listens_on_loopback_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = CamServer::start(options(&[clip(dir.path(), "a.mp4", 5, X264, "mp4mux")])).unwrap();
    let port = server.port();
    // While a client watches over UDP, its media sockets are open too.
    let url = server.urls()[0].url.clone();
    let client = std::thread::spawn(move || watch(&url, "udp", 10));
    std::thread::sleep(Duration::from_millis(700));
    let media_ports = 42_000..48_000;
    let mut udp_sockets = 0;
    for name in ["tcp", "tcp6", "udp", "udp6"] {
        let table = std::fs::read_to_string(format!("/proc/self/net/{name}")).unwrap();
        for local in table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)) {
            let (address, local_port) = local.split_once(':').unwrap();
            let local_port = u16::from_str_radix(local_port, 16).unwrap();
            let media = name.starts_with("udp") && media_ports.contains(&local_port);
            udp_sockets += usize::from(media);
            if media || name.starts_with("tcp") && local_port == port {
                assert_eq!(address, "0100007F", "{name} {local_port}: not bound to 127.0.0.1");
            }
        }
    }
    assert!(udp_sockets >= 2, "no media sockets were open: nothing was tested");
    client.join().unwrap().unwrap();
    let bound = std::net::TcpListener::bind(("127.0.0.1", port));
    assert!(bound.is_err(), "nobody listens on port {port}");
    server.stop();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "still open after stop");
}

#[test]
fn credentials_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = clip(dir.path(), "a.mp4", 10, X264, "mp4mux");
    let credentials = Some(("viewer".to_owned(), "s3cr et".to_owned()));
    let server = CamServer::start(CamsimOptions { credentials, ..options(&[file]) }).unwrap();
    let camera = server.urls().remove(0);
    assert!(watch(&camera.url, "tcp", 1).unwrap_err().contains("nauthorized"));
    assert!(watch(&camera.url_with("viewer", "wrong"), "tcp", 1).is_err());
    assert_eq!(watch(&camera.url_with("viewer", "s3cr et"), "tcp", 3).unwrap().len(), 3);
}

#[test]
fn bad_input_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let good = clip(dir.path(), "good.mp4", 10, X264, "mp4mux");
    let text = dir.path().join("notes.mp4");
    std::fs::write(&text, "not a video at all\n".repeat(300)).unwrap();
    let empty = dir.path().join("empty.mp4");
    std::fs::write(&empty, "").unwrap();
    let cut = dir.path().join("cut.mp4");
    let whole = std::fs::read(&good).unwrap();
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let sound = dir.path().join("sound.mkv");
    run(&format!(
        "audiotestsrc num-buffers=20 ! audioconvert ! vorbisenc ! matroskamux ! filesink location={}",
        sound.display()
    ));
    let mjpeg = clip(dir.path(), "old.avi", 5, "jpegenc", "avimux");
    let fails = |path: PathBuf| CamServer::start(options(&[good.clone(), path])).err().unwrap();
    for path in [text, empty, cut, sound] {
        let error = fails(path.clone());
        assert!(matches!(&error, CamsimError::NotAVideo { path: p, .. } if *p == path), "{error}");
    }
    assert!(matches!(fails(mjpeg), CamsimError::Codec { codec, .. } if codec == "image/jpeg"));
    assert!(matches!(fails(dir.path().join("absent.mp4")), CamsimError::Unreadable { .. }));
    assert!(matches!(fails(dir.path().to_owned()), CamsimError::Unreadable { .. }));
    assert!(matches!(CamServer::start(options(&[])).err(), Some(CamsimError::NothingToServe)));
    let none = CamsimOptions { copies: 0, ..options(std::slice::from_ref(&good)) };
    assert!(matches!(CamServer::start(none).err(), Some(CamsimError::OutOfRange { setting: "copies", .. })));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = CamServer::start(CamsimOptions { port, ..options(&[good]) }).err().unwrap();
    assert!(matches!(error, CamsimError::Port { port: p, .. } if p == port), "{error}");
}
