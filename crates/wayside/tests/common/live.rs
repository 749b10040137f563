//! Listens to `/api/v1/live` as a page would, through restarts of the server, and keeps what it announced.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Start of the minute, camera, line, direction, class.
pub type Key = (String, String, String, String, String);

#[derive(Default)]
struct Heard {
    counts: BTreeMap<Key, u64>,
    /// Start of each one-minute bin that was announced, by camera and start: how often.
    bins: BTreeMap<(String, String), u32>,
    /// Every version of every incident that was told, with the time at which it came.
    incidents: Vec<(Value, jiff::Timestamp)>,
}

/// A listener of live events.
pub struct Listener {
    heard: Arc<Mutex<Heard>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub fn start(listen: &str) -> Self {
        let (heard, stop) = (Arc::<Mutex<Heard>>::default(), Arc::<AtomicBool>::default());
        let (into, until, address) = (heard.clone(), stop.clone(), listen.to_owned());
        let thread = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                let _ = listen_once(&address, &into, &until);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        Self { heard, stop, thread: Some(thread) }
    }

    /// What was announced in one-minute bins, summed.
    pub fn counts(&self) -> BTreeMap<Key, u64> {
        self.heard.lock().unwrap().counts.clone()
    }

    /// How many one-minute bins were announced for each camera and start.
    pub fn bins(&self) -> BTreeMap<(String, String), u32> {
        self.heard.lock().unwrap().bins.clone()
    }

    /// Every version of every incident that was told, with the time at which it came.
    pub fn incidents(&self) -> Vec<(Value, jiff::Timestamp)> {
        self.heard.lock().unwrap().incidents.clone()
    }

    /// Announced minutes, each once whatever the number of cameras.
    pub fn minutes(&self) -> usize {
        self.bins().keys().map(|(_, start)| start.clone()).collect::<std::collections::BTreeSet<_>>().len()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen_once(address: &str, heard: &Mutex<Heard>, stop: &AtomicBool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    // HTTP/1.0: no chunks, the events come as they are.
    write!(stream, "GET /api/v1/live HTTP/1.0\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n")?;
    let mut lines = BufReader::new(stream);
    let (mut name, mut line) = (String::new(), String::new());
    while !stop.load(Ordering::Relaxed) {
        match lines.read_line(&mut line) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // A line that is not whole yet stays in `line` and is read on.
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        }
        if let Some(event) = line.strip_prefix("event:") {
            name = event.trim().to_owned();
        } else if let (Some(data), "bins") = (line.strip_prefix("data:"), name.as_str()) {
            take(&serde_json::from_str(data).unwrap(), heard);
        } else if let (Some(data), "incident") = (line.strip_prefix("data:"), name.as_str()) {
            let told = (serde_json::from_str(data).unwrap(), now());
            heard.lock().unwrap().incidents.push(told);
        }
        line.clear();
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "real processes run on real time")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn take(closed: &Value, heard: &Mutex<Heard>) {
    if closed["bin"] != "1m" {
        return;
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut heard = heard.lock().unwrap();
    let (camera, start) = (text(&closed["camera"]), text(&closed["start"]));
    *heard.bins.entry((camera.clone(), start.clone())).or_default() += 1;
    for count in closed["counts"].as_array().unwrap() {
        let key = (
            start.clone(),
            camera.clone(),
            text(&count["line"]),
            text(&count["direction"]),
            text(&count["class"]),
        );
        *heard.counts.entry(key).or_default() += count["count"].as_u64().unwrap();
    }
}
