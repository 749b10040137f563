//! Credentials: they open the camera, and are in nothing that leaves: no state, no error, no log line, raw or
//! percent-encoded. All in one test, because the log is the process's.

mod common;

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use common::server::{H264, Server, Setting};
use common::{quick, start};
use wayside_ingest::SourceChange;

const USER: &str = "adm-Üser";
const PASSWORD: &str = "p@ss/w0rd Z%";
const URL_LOGIN: &str = "adm-%C3%9cser:p%40ss%2Fw0rd%20Z%25";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every form in which a secret might get out.
fn leaks(text: &str) -> Option<&'static str> {
    const FORMS: &[&str] =
        &["adm-", "%9cser", "%9Cser", "p@ss", "p%40ss", "w0rd", "t0k3n", "YWRtLc", "cEBzcy93MHJk", "wr0ng"];
    FORMS.iter().copied().find(|form| text.contains(form))
}

#[test]
fn they_open_the_camera_and_never_leave() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let server = Server::with(Setting { launch: H264, login: Some((USER, PASSWORD)), ..Setting::default() });
    let jpeg = Server::start("videotestsrc is-live=true ! jpegenc ! rtpjpegpay name=pay0 pt=26");
    let open = Server::start(H264);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    for (port, login, path, want) in [
        (server.port, "adm-%C3%9cser:wr0ng", "cam", "401"),
        (server.port, "adm-%C3%9cser", "cam", "401"),
        (free, URL_LOGIN, "cam?token=t0k3n", "refused"),
        (jpeg.port, URL_LOGIN, "cam", "codec JPEG"),
        (open.port, URL_LOGIN, "none?token=t0k3n", "404"),
        (silent, URL_LOGIN, "cam?token=t0k3n", "127.0.0.1"),
        (free, "adm-%C3%9cser:p@ss/w0rd", "cam", "refused"),
    ] {
        let options = wayside_ingest::SourceOptions { connect_timeout_ms: 1_000, ..quick() };
        let (live, recorder) = start(&format!("rtsp://{login}@127.0.0.1:{port}/{path}"), options);
        let reason = recorder.reason();
        println!("{login} {path}: {reason}");
        assert!(reason.contains(want) || port == silent, "{login}@{port}/{path}: {reason}");
        drop(live);
        for state in recorder.wait("anything", |_| true).states {
            let text = format!("{state:?}");
            assert_eq!(leaks(&text), None, "{text}");
        }
    }
    let (_live, recorder) = start(&format!("rtsp://{URL_LOGIN}@127.0.0.1:{}/cam", server.port), quick());
    recorder.wait_state("opening", |state| matches!(state, SourceChange::Live { .. }));
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        text.contains("401") && text.contains("live") && text.contains("cam-1"),
        "the log is not empty: {text}"
    );
    assert_eq!(leaks(&text), None, "{text}");
}
