//! Cameras over real RTSP on the loopback: what comes, what is lost, and what is said about it.

mod common;

use std::net::TcpListener;
use std::time::Duration;

use common::server::{H264, Proxy, Server, Setting, web_server};
use common::{quick, start};
use wayside_ingest::{RtspTransport, SourceChange, SourceOptions};
use wayside_types::{Clock, FrameSize, SystemClock};

fn is_live(change: &SourceChange) -> bool {
    matches!(change, SourceChange::Live { .. })
}

fn is_lost(change: &SourceChange) -> bool {
    matches!(change, SourceChange::Lost { .. })
}

#[test]
fn h264_over_tcp_comes_at_the_rate_with_the_cameras_time() {
    let server = Server::start(H264);
    let (live, recorder) = start(&server.url(), quick());
    let heard = recorder.wait("3 s of frames", |heard| heard.frames.len() > 30);
    let size = FrameSize { width: 160, height: 120 };
    assert_eq!(heard.states[0], SourceChange::Connecting);
    assert!(
        matches!(&heard.states[1], SourceChange::Live { size: s, codec, decoder }
            if *s == size && codec == "H.264" && !decoder.is_empty()),
        "{:?}",
        heard.states
    );
    assert_eq!(heard.states.len(), 2);
    let (first, last) = (heard.frames[0], heard.frames[30]);
    let passed_s = (last.media - first.media).as_secs_f64();
    assert!((2.8..=3.3).contains(&passed_s), "30 frames at 10 a second took {passed_s} s");
    assert!(heard.frames.windows(2).all(|w| w[0].seq < w[1].seq && w[0].media < w[1].media));
    assert!(heard.frames.iter().all(|f| f.size == size));
    let stats = live.stats();
    assert!(stats.frames >= 75 && stats.due >= 31 && stats.reconnects == 0, "{stats:?}");
    // The server's first report comes within seconds, when exactly is left to chance (RFC 3550, 6.2); from then
    // on capture times are the camera's, so that they keep step with media time whatever the arrival.
    let heard = recorder.wait("the server's report", |_| live.stats().camera_clock_used);
    for frame in &heard.frames[10..] {
        let behind = frame.arrived_at.duration_since(frame.captured_at).as_secs_f64();
        assert!((-0.1..1.0).contains(&behind), "captured {behind} s before arrival");
    }
}

#[test]
fn h265_is_taken_too() {
    if !common::has_element("x265enc") {
        return;
    }
    let server = Server::start(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120,framerate=10/1 \
         ! x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph265pay name=pay0 pt=96 config-interval=-1",
    );
    let (_live, recorder) = start(&server.url(), quick());
    let heard = recorder.wait("frames", |heard| heard.frames.len() > 5);
    assert!(
        matches!(&heard.states[1], SourceChange::Live { codec, .. } if codec == "H.265"),
        "{:?}",
        heard.states
    );
}

#[test]
fn udp_works_by_option() {
    let server = Server::start(H264);
    let (_live, recorder) = start(&server.url(), SourceOptions { transport: RtspTransport::Udp, ..quick() });
    recorder.wait("frames", |heard| heard.frames.len() > 5);
}

#[test]
fn keyframes_only_gives_keyframes_only() {
    let server = Server::start(H264);
    let options = SourceOptions { keyframes_only: true, rate_fps: 10.0, watchdog_ms: 500, ..quick() };
    let (live, recorder) = start(&server.url(), options);
    // One a second: the watchdog of half a second must not take that for a hanging camera.
    let heard = recorder.wait("keyframes", |heard| heard.frames.len() > 3);
    assert!(heard.states.iter().all(|s| !is_lost(s)), "{:?}", heard.states);
    assert_eq!(heard.frames[3].seq, 3);
    assert!((heard.frames[3].media - heard.frames[0].media).as_secs_f64() > 1.8);
    assert!(live.stats().frames <= 6);
}

#[test]
fn a_killed_camera_is_connected_again() {
    let server = Server::start(H264);
    let (port, url) = (server.port, server.url());
    let (live, recorder) = start(&url, quick());
    recorder.wait("frames", |heard| heard.frames.len() > 5);
    drop(server);
    recorder.wait_state(
        "a refusal",
        |s| matches!(s, SourceChange::Lost { reason, .. } if reason.contains("refused")),
    );
    let _server = Server::with(Setting { launch: H264, port, ..Setting::default() });
    let heard = recorder.wait("coming back", |heard| heard.states.iter().filter(|s| is_live(s)).count() == 2);
    let before = heard.frames.len();
    let heard = recorder.wait("frames", |heard| heard.frames.len() > before + 5);
    assert!(heard.frames.windows(2).all(|w| w[0].seq < w[1].seq && w[0].media <= w[1].media));
    assert!(heard.frames.windows(2).all(|w| w[0].captured_at <= w[1].captured_at));
    // Media time has moved on by the time away.
    let (first, last) = (heard.frames[0], heard.frames[heard.frames.len() - 1]);
    let by_media = (last.media - first.media).as_secs_f64();
    let by_arrival = last.arrived_at.duration_since(first.arrived_at).as_secs_f64();
    assert!((by_media - by_arrival).abs() < 0.7, "{by_media} s of media in {by_arrival} s");
    assert!(live.stats().reconnects >= 1);
}

#[test]
fn a_camera_that_hangs_without_closing_is_found() {
    let server = Server::start(H264);
    let proxy = Proxy::to(server.port);
    let (_live, recorder) = start(&format!("rtsp://127.0.0.1:{}/cam", proxy.port), quick());
    recorder.wait("frames", |heard| heard.frames.len() > 5);
    proxy.hang(true);
    let reason = recorder.reason();
    assert!(reason.contains("hangs"), "{reason}");
    proxy.hang(false);
    recorder.wait("coming back", |heard| heard.states.iter().filter(|s| is_live(s)).count() == 2);
}

#[test]
fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://127.0.0.1:{}/cam", listener.local_addr().unwrap().port());
    let (live, recorder) = start(&url, SourceOptions { connect_timeout_ms: 500, ..quick() });
    let reason = recorder.reason();
    assert!(reason.contains("did not answer within 0.5 s"), "{reason}");
    recorder.wait("a second try", |heard| heard.states.iter().filter(|s| is_lost(s)).count() == 2);
    let clock = SystemClock::default();
    live.stop();
    assert!(clock.monotonic() < Duration::from_secs(2), "stopping took {:?}", clock.monotonic());
}

#[test]
fn a_wrong_codec_is_named_and_tried_again() {
    let server = Server::start("videotestsrc is-live=true ! jpegenc ! rtpjpegpay name=pay0 pt=26");
    let (_live, recorder) = start(&server.url(), quick());
    let heard = recorder.wait("two failures", |heard| {
        heard.states.iter().filter(|s| matches!(s, SourceChange::Failed { retry_in: Some(_), .. })).count()
            == 2
    });
    assert_eq!(recorder.reason(), "codec JPEG is not supported: the camera must send H.264 or H.265");
    assert!(heard.frames.is_empty());
}

#[test]
fn the_video_is_found_among_other_streams() {
    let audio = "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8";
    let server = Server::start(&format!("{H264} {audio}"));
    let (_live, recorder) = start(&server.url(), quick());
    recorder.wait("frames", |heard| heard.frames.len() > 5);
    let server = Server::start("audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8");
    let (_live, recorder) = start(&server.url(), quick());
    let reason = recorder.reason();
    assert!(reason.contains("no video stream") && reason.contains("audio"), "{reason}");
}

#[test]
fn each_refusal_has_its_own_reason() {
    let server = Server::start(H264);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let web = web_server();
    for (url, want) in [
        (format!("rtsp://127.0.0.1:{web}/cam"), "does not speak RTSP"),
        (format!("rtsps://127.0.0.1:{}/cam", server.port), "does not speak TLS"),
        (format!("rtsp://127.0.0.1:{}/nothing", server.port), "404"),
        (format!("rtsp://127.0.0.1:{free}/cam"), "connection refused by 127.0.0.1"),
        ("rtsp://../cam".to_owned(), "cannot be resolved (DNS)"),
        ("rtsp://255.255.255.255:554/cam".to_owned(), "unreachable"),
    ] {
        let (_live, recorder) = start(&url, quick());
        let reason = recorder.reason();
        println!("{url}: {reason}");
        assert!(reason.contains(want), "{url}: {reason}");
    }
}

#[test]
fn a_stream_that_changes_its_size_goes_on() {
    let server = Server::start(H264);
    server.on_element("size", |size| {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1500));
            let caps: gstreamer::Caps =
                "video/x-raw,format=I420,width=320,height=240,framerate=25/1".parse().unwrap();
            gstreamer::prelude::ObjectExt::set_property(&size, "caps", caps);
        });
    });
    let (_live, recorder) = start(&server.url(), quick());
    let (small, large) = (FrameSize { width: 160, height: 120 }, FrameSize { width: 320, height: 240 });
    let heard =
        recorder.wait("large frames", |heard| heard.frames.iter().filter(|f| f.size == large).count() > 5);
    assert!(
        heard.states.contains(&SourceChange::SizeChanged { from: small, to: large }),
        "{:?}",
        heard.states
    );
    assert!(heard.states.iter().all(|s| !is_lost(s)), "{:?}", heard.states);
    assert!(heard.frames.iter().filter(|f| f.size == small).count() > 5);
}

#[test]
fn rtsps_wants_a_certificate_it_can_trust_or_the_option() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let openssl = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=cam", "-keyout"])
        .arg(at("key.pem"))
        .arg("-out")
        .arg(at("cert.pem"))
        .output();
    if !openssl.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: openssl can't make a certificate");
        return;
    }
    let pem = ["cert.pem", "key.pem"].map(|name| std::fs::read_to_string(at(name)).unwrap()).concat();
    let server = Server::with(Setting { launch: H264, tls: Some(&pem), ..Setting::default() });
    let url = server.url().replace("rtsp://", "rtsps://");
    let (_live, recorder) = start(&url, SourceOptions { tls_insecure: true, ..quick() });
    recorder.wait("frames", |heard| heard.frames.len() > 5);
    let (_live, recorder) = start(&url, quick());
    let reason = recorder.reason();
    println!("{reason}");
    assert!(reason.contains("certificate"), "{reason}");
}
