//! The RTSP server: bound to loopback and nothing else, one shared media per mount, basic
//! authentication on request. It runs in a thread with a main loop of its own.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer_app::AppSrc;
use gstreamer_rtsp as gst_rtsp;
use gstreamer_rtsp::prelude::*;
use gstreamer_rtsp_server as rtsp;
use gstreamer_rtsp_server::prelude::*;

use super::feed::{self, Feed, Outlet, StopFlag};
use super::file::FileFeed;
use super::scene::SceneFeed;
use crate::error::CamsimError;
use crate::scene::SceneSpec;

/// The one address a simulated camera listens on.
const LOOPBACK: &str = "127.0.0.1";
/// Pairs of loopback UDP ports for clients that don't want RTP in the RTSP connection.
const UDP_PORTS: (u16, u16) = (42_000, 47_999);
/// More copies than anybody's test needs.
const MAX_COPIES: u32 = 1_000;
const ROLE: &str = "viewer";

/// What to serve.
#[derive(Debug, Clone, Default)]
pub struct CamsimOptions {
    /// Files of H.264 or H.265 in a container that GStreamer demuxes.
    pub videos: Vec<PathBuf>,
    /// Drawn scenes; of several of one kind each gets a number behind its name.
    pub scenes: Vec<SceneSpec>,
    /// TCP port on 127.0.0.1; 0 = a free one.
    pub port: u16,
    /// Mounts per video and scene, at least 1; each copy plays on its own.
    pub copies: u32,
    /// User and password asked of every client (RTSP basic authentication).
    pub credentials: Option<(String, String)>,
}

/// One camera that can be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountedCamera {
    /// `rtsp://127.0.0.1:PORT/NAME`, without credentials.
    pub url: String,
    /// The mount's name, fit for a camera id (`[a-z0-9-]{1,40}`).
    pub name: String,
}

impl MountedCamera {
    /// The address with user and password in it. Not for logs.
    #[must_use]
    pub fn url_with(&self, user: &str, password: &str) -> String {
        self.url.replacen("rtsp://", &format!("rtsp://{}:{}@", percent(user), percent(password)), 1)
    }
}

/// Cameras being served; dropping it ends them, like [`CamServer::stop`].
pub struct CamServer {
    cameras: Vec<MountedCamera>,
    server: rtsp::RTSPServer,
    main_loop: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
    stop: StopFlag,
    feeds: Feeds,
}

type Feeds = Arc<Mutex<Vec<JoinHandle<()>>>>;
type MakeFeed = Box<dyn Fn() -> Box<dyn Feed> + Send + Sync>;

impl CamServer {
    /// Opens every video, binds the port and starts serving.
    ///
    /// # Errors
    /// When nothing is to be served, a file can't be, the port is taken, or GStreamer lacks a part.
    pub fn start(options: CamsimOptions) -> Result<Self, CamsimError> {
        gst::init()?;
        check(&options)?;
        let mut names = Names::default();
        let mut mounts: Vec<(String, MakeFeed)> = Vec::new();
        for path in &options.videos {
            let file = FileFeed::open(path)?;
            let stem = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
            for name in names.of(&stem, options.copies) {
                let file = file.clone();
                mounts.push((name, Box::new(move || Box::new(file.clone()))));
            }
        }
        for spec in &options.scenes {
            spec.check()?;
            for (copy, name) in (0..).zip(names.of(spec.kind.as_str(), options.copies)) {
                // Copies are other days on the same road.
                let spec = SceneSpec { seed: spec.seed.wrapping_add(copy), ..spec.clone() };
                mounts.push((name, Box::new(move || Box::new(SceneFeed::new(&spec)))));
            }
        }
        Self::serve(options, mounts)
    }

    /// The cameras, in the order of the options: videos first, each with its copies.
    #[must_use]
    pub fn urls(&self) -> Vec<MountedCamera> {
        self.cameras.clone()
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        u16::try_from(self.server.bound_port()).unwrap_or_default()
    }

    /// Disconnects every client and ends; returns when all threads have ended.
    pub fn stop(self) {
        drop(self);
    }

    fn serve(options: CamsimOptions, mounts: Vec<(String, MakeFeed)>) -> Result<Self, CamsimError> {
        let server = rtsp::RTSPServer::new();
        server.set_address(LOOPBACK);
        server.set_service(&options.port.to_string());
        if let Some((user, password)) = &options.credentials {
            server.set_auth(Some(&authentication(user, password)));
        }
        let (stop, feeds) = (StopFlag::default(), Feeds::default());
        let table = server.mount_points().ok_or_else(|| CamsimError::Gstreamer("no mount points".into()))?;
        let pool = rtsp::RTSPAddressPool::new();
        pool.add_range(LOOPBACK, LOOPBACK, UDP_PORTS.0, UDP_PORTS.1, 0)?;
        let mut names = Vec::with_capacity(mounts.len());
        for (name, make) in mounts {
            let factory = factory(&name, make, &stop, &feeds);
            factory.set_address_pool(Some(&pool));
            table.add_factory(&format!("/{name}"), factory);
            names.push(name);
        }
        let context = glib::MainContext::new();
        attach(&server, &context, options.port)?;
        let port = server.bound_port();
        let cameras = names
            .into_iter()
            .map(|name| MountedCamera { url: format!("rtsp://{LOOPBACK}:{port}/{name}"), name })
            .collect();
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let thread = run(&server, &main_loop)?;
        Ok(Self { cameras, server, main_loop, thread: Some(thread), stop, feeds })
    }
}

impl Drop for CamServer {
    fn drop(&mut self) {
        self.stop.set();
        self.server.client_filter(Some(&mut |_, _| rtsp::RTSPFilterResult::Remove));
        self.main_loop.quit();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let feeds = std::mem::take(&mut *self.feeds.lock().unwrap_or_else(PoisonError::into_inner));
        for feed in feeds {
            let _ = feed.join();
        }
    }
}

fn check(options: &CamsimOptions) -> Result<(), CamsimError> {
    if options.videos.is_empty() && options.scenes.is_empty() {
        return Err(CamsimError::NothingToServe);
    }
    if !(1..=MAX_COPIES).contains(&options.copies) {
        return Err(CamsimError::OutOfRange {
            setting: "copies",
            value: options.copies.to_string(),
            accepted: "1 to 1000",
        });
    }
    match &options.credentials {
        Some((user, _)) if user.is_empty() || user.contains(':') => Err(CamsimError::Credentials),
        _ => Ok(()),
    }
}

/// Binds the port; the system's reason for a refusal is asked for, because the server keeps it to itself.
fn attach(server: &rtsp::RTSPServer, context: &glib::MainContext, port: u16) -> Result<(), CamsimError> {
    if server.attach(Some(context)).is_ok() {
        return Ok(());
    }
    let reason = match TcpListener::bind((LOOPBACK, port)) {
        Err(error) => error.to_string(),
        Ok(_) => "it was taken for a moment".to_owned(),
    };
    Err(CamsimError::Port { port, reason })
}

fn run(server: &rtsp::RTSPServer, main_loop: &glib::MainLoop) -> Result<JoinHandle<()>, CamsimError> {
    // Sessions of clients that vanished time out only when somebody looks.
    let sessions = server.session_pool();
    let tidy = glib::timeout_source_new(Duration::from_secs(2), None, glib::Priority::DEFAULT, move || {
        if let Some(sessions) = &sessions {
            sessions.cleanup();
        }
        glib::ControlFlow::Continue
    });
    tidy.attach(Some(&main_loop.context()));
    let main_loop = main_loop.clone();
    std::thread::Builder::new()
        .name("camsim rtsp".into())
        .spawn(move || {
            let context = main_loop.context();
            let run = || {
                main_loop.run();
                // What the removed clients left behind is closed before the thread ends.
                while context.iteration(false) {}
            };
            if context.with_thread_default(run).is_err() {
                tracing::error!("the main context of the simulated cameras belongs to another thread");
            }
        })
        .map_err(|error| CamsimError::Gstreamer(format!("no thread for the RTSP server: {error}")))
}

fn authentication(user: &str, password: &str) -> rtsp::RTSPAuth {
    let auth = rtsp::RTSPAuth::new();
    let token = rtsp::RTSPToken::builder().field(rtsp::RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE).build();
    auth.add_basic(&rtsp::RTSPAuth::make_basic(user, password), &token);
    auth.set_supported_methods(gst_rtsp::RTSPAuthMethod::Basic);
    auth
}

fn factory(name: &str, make: MakeFeed, stop: &StopFlag, feeds: &Feeds) -> rtsp::RTSPMediaFactory {
    let factory = rtsp::RTSPMediaFactory::new();
    factory.set_shared(true);
    factory.set_protocols(gst_rtsp::RTSPLowerTrans::TCP | gst_rtsp::RTSPLowerTrans::UDP);
    factory.set_launch(&make().launch());
    factory.add_role_from_structure(
        &gst::Structure::builder(ROLE)
            .field(rtsp::RTSP_PERM_MEDIA_FACTORY_ACCESS, true)
            .field(rtsp::RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, true)
            .build(),
    );
    let (name, server_stop, feeds) = (name.to_owned(), stop.clone(), feeds.clone());
    factory.connect_media_configure(move |_, media| {
        let source = media.element().downcast::<gst::Bin>().ok().and_then(|bin| bin.by_name("source"));
        let Some(source) = source.and_then(|s| s.downcast::<AppSrc>().ok()) else {
            tracing::error!(mount = name, "the pipeline of the simulated camera has no source");
            return;
        };
        let media_stop = StopFlag::default();
        let ended = media_stop.clone();
        media.connect_unprepared(move |_| ended.set());
        match feed::spawn(&name, make(), Outlet::new(source, [server_stop.clone(), media_stop])) {
            Ok(thread) => {
                let mut feeds = feeds.lock().unwrap_or_else(PoisonError::into_inner);
                feeds.retain(|thread| !thread.is_finished());
                feeds.push(thread);
            }
            Err(error) => tracing::error!(mount = name, %error, "no thread for the simulated camera"),
        }
    });
    factory
}

/// Hands out mount names that are fit for camera ids and differ.
#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn of(&mut self, wanted: &str, copies: u32) -> Vec<String> {
        let base = slug(wanted);
        (1..=copies)
            .map(|copy| {
                let first = if copies == 1 { base.clone() } else { format!("{base}-{copy}") };
                let name = std::iter::once(first.clone())
                    .chain((2..).map(|n| format!("{first}-{n}")))
                    .find(|name| !self.0.contains(name))
                    .unwrap_or(first);
                self.0.push(name.clone());
                name
            })
            .collect()
    }
}

/// Lower case letters, digits and hyphens, at most 30 of them, so that a number fits behind.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 30 {
            break;
        }
    }
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "camera".into() } else { slug.into() }
}

/// Everything but letters, digits and `-._~` escaped (RFC 3986, section 2.1).
fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_ids_and_differ() {
        let mut names = Names::default();
        assert_eq!(names.of("Arterial 20s", 1), ["arterial-20s"]);
        assert_eq!(names.of("arterial_20s", 2), ["arterial-20s-1", "arterial-20s-2"]);
        assert_eq!(names.of("arterial-20s", 1), ["arterial-20s-2-2"].map(|_| "arterial-20s-3"));
        assert_eq!(names.of("监控", 1), ["camera"]);
        assert!(names.of(&"x".repeat(90), 1000).iter().all(|name| name.len() <= 40));
    }

    #[test]
    fn credentials_are_escaped_in_urls() {
        let camera = MountedCamera { url: "rtsp://127.0.0.1:1/a".into(), name: "a".into() };
        assert_eq!(camera.url_with("u", "p@:/"), "rtsp://u:p%40%3A%2F@127.0.0.1:1/a");
    }
}
