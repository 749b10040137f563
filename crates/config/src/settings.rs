//! Reading `wayside.toml`: where things are kept, where to listen, in which time zone days are cut. Finding
//! the file is `locate`'s, the cameras and profiles it points at are `site`'s.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, access};
use serde::{Deserialize, Serialize};
use wayside_types::camera::RtspTransport;
use wayside_types::{Retention, TimeZone};

use crate::document::Document;
use crate::env::Env;
use crate::error::{ConfigError, ConfigErrors};
use crate::locate::Place;
use crate::publish::{ExportSettings, NamedCameras, PublisherSettings, read_exports, read_publisher};
use crate::section::{Item, Section, closest};
use crate::source::absolute;

/// Keys of the settings file.
pub(crate) const SITE_KEYS: &[&str] = &[
    "data_dir",
    "listen",
    "timezone",
    "cameras_dir",
    "profiles_dir",
    "schemes",
    "models_dir",
    "model_files_dir",
    "onnxruntime",
    "database",
    "inference",
    "rtsp",
    "retention",
    "publisher",
    "export",
];
/// Keys of `[database]`.
pub(crate) const DATABASE_KEYS: &[&str] = &["url"];
/// Keys of `[inference]`.
pub(crate) const INFERENCE_KEYS: &[&str] = &["provider", "workers"];
/// Keys of `[retention]`.
pub(crate) const RETENTION_KEYS: &[&str] =
    &["minutes_days", "quarters_days", "hours_days", "incidents_days", "stills_days"];
/// Keys of `[rtsp]`.
pub(crate) const RTSP_KEYS: &[&str] = &[
    "transport",
    "connect_timeout_ms",
    "stall_timeout_ms",
    "retry_first_ms",
    "retry_max_ms",
    "jitter_buffer_ms",
];

/// The address that is listened on when none is given.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// A site's settings, checked; every path is absolute.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file they came from.
    pub config_file: PathBuf,
    /// `WAYSIDE_HOME`, else the checkout.
    pub home: PathBuf,
    /// Where everything that is kept lies: `pg`, spool, checkpoint.
    pub data_dir: PathBuf,
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// In which days and hours are cut.
    pub time_zone: TimeZone,
    /// Its IANA name.
    pub time_zone_name: String,
    /// The server to use; `None` for a private cluster under `data_dir/pg`.
    pub database_url: Option<DatabaseUrl>,
    /// Camera files.
    pub cameras_dir: PathBuf,
    /// Profiles.
    pub profiles_dir: PathBuf,
    /// The table of class schemes; absent where none was named and the shipped one is not there.
    pub schemes: PathBuf,
    /// Model manifests.
    pub models_dir: PathBuf,
    /// The models' own files.
    pub model_files_dir: PathBuf,
    /// ONNX Runtime's shared library.
    pub onnxruntime: PathBuf,
    /// What inference runs on.
    pub provider: Provider,
    /// Inference sessions at a time; `None` lets `detect` choose by the machine's cores.
    pub inference_workers: Option<NonZeroUsize>,
    /// How RTSP cameras are talked to.
    pub rtsp: RtspSettings,
    /// How long things are kept.
    pub retention: Retention,
    /// Who answers for what is published.
    pub publisher: PublisherSettings,
    /// What is written or posted on a schedule.
    pub exports: Vec<ExportSettings>,
}

impl Settings {
    /// Until there is access control, only this machine may be listened on unless someone insists.
    ///
    /// # Errors
    /// When `listen` is no loopback address and `insecure` is false.
    pub fn check_listen(&self, insecure: bool) -> Result<(), ConfigError> {
        if insecure || self.listen.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        Err(ConfigError {
            file: self.config_file.clone(),
            position: None,
            key: "listen".to_owned(),
            value: Some(format!("\"{}\"", self.listen)),
            message: "must be a loopback address (127.0.0.1 or [::1]): there is no access control yet, so \
                      anyone who reaches this address could read everything; --insecure allows it all the same"
                .to_owned(),
        })
    }
}

/// What inference runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The CPU.
    #[default]
    Cpu,
    /// NVIDIA, through CUDA.
    Cuda,
    /// NVIDIA, through TensorRT.
    TensorRt,
}

/// How RTSP cameras are talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtspSettings {
    /// How media travels where a camera file doesn't say.
    pub transport: RtspTransport,
    /// A connection that isn't up after this long has failed.
    pub connect_timeout_ms: u32,
    /// A camera that sends no frame for this long is taken for hung and connected anew.
    pub stall_timeout_ms: u32,
    /// Wait before the first new attempt; doubles with each.
    pub retry_first_ms: u32,
    /// The longest wait between attempts.
    pub retry_max_ms: u32,
    /// How much reordering and jitter is evened out.
    pub jitter_buffer_ms: u32,
}

impl Default for RtspSettings {
    fn default() -> Self {
        Self {
            transport: RtspTransport::Tcp,
            connect_timeout_ms: 10_000,
            stall_timeout_ms: 10_000,
            retry_first_ms: 500,
            retry_max_ms: 30_000,
            jitter_buffer_ms: 200,
        }
    }
}

/// A PostgreSQL address with its password. The secret is reachable by [`DatabaseUrl::expose`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Arc<str>);

impl DatabaseUrl {
    /// The whole address. For the database client, nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

/// What reading `wayside.toml` gave: directories are known even where other settings are wrong, so that
/// the files in them can be checked as well.
pub(crate) struct ReadSettings {
    pub(crate) settings: Option<Settings>,
    pub(crate) cameras_dir: PathBuf,
    pub(crate) profiles_dir: PathBuf,
    pub(crate) models_dir: PathBuf,
    /// The table of class schemes, and whether it was named.
    pub(crate) schemes: (PathBuf, bool),
    pub(crate) transport: RtspTransport,
    /// The cameras that exports name.
    pub(crate) export_cameras: NamedCameras,
    /// Whether the file isn't even TOML, so that the directories are guesses.
    pub(crate) guessed: bool,
}

/// Reads the settings file as far as it can be read. `keeping` says whether `data_dir` is going to be used.
pub(crate) fn read_settings(
    place: &Place,
    env: &Env,
    keeping: bool,
    errors: &mut ConfigErrors,
) -> ReadSettings {
    let directory = crate::camera::directory_of(&place.config);
    let document = match Document::read(&place.config) {
        Ok(document) => document,
        Err(error) => {
            errors.0.push(error);
            return ReadSettings {
                settings: None,
                cameras_dir: directory.join("cameras"),
                profiles_dir: place.home.join("pipelines"),
                models_dir: place.home.join("models"),
                schemes: (place.home.join("config/schemes.toml"), false),
                transport: RtspTransport::default(),
                export_cameras: Vec::new(),
                guessed: true,
            };
        }
    };
    let (table, broken) = document.parse();
    let root = Section::root(&document, table.get_ref(), SITE_KEYS);
    let mut read = read_root(&root, place, &directory, env, keeping);
    read.guessed = broken;
    drop(table);
    errors.0.extend(document.finish());
    read
}

fn read_root(root: &Section<'_>, place: &Place, directory: &Path, env: &Env, keeping: bool) -> ReadSettings {
    let path = |key: &'static str, default: PathBuf| match root.get(key) {
        Some(item) => item.words(4_096).map(|text| absolute(directory, Path::new(text))),
        None => Some(default),
    };
    let data_dir = root.need("data_dir", "the directory where everything is kept").and_then(|item| {
        let dir = absolute(directory, Path::new(item.words(4_096)?));
        match writable(&dir) {
            Err(message) if keeping => {
                item.fail(message);
                None
            }
            _ => Some(dir),
        }
    });
    let listen = root.get("listen").map_or(Some(DEFAULT_LISTEN), |item| read_listen(&item));
    let zone = root
        .need("timezone", "the site's IANA time zone, such as \"Asia/Shanghai\" or \"UTC\"")
        .and_then(|item| read_time_zone(&item));
    let (cameras_dir, profiles_dir) =
        (path("cameras_dir", directory.join("cameras")), path("profiles_dir", place.home.join("pipelines")));
    let models_dir = path("models_dir", place.home.join("models"));
    let schemes_default = place.home.join("config/schemes.toml");
    let schemes = path("schemes", schemes_default.clone());
    let schemes_read = (schemes.clone().unwrap_or(schemes_default), root.get("schemes").is_some());
    let model_files_dir = path("model_files_dir", place.home.join(".wayside/models"));
    let onnxruntime = path("onnxruntime", place.home.join(".wayside/lib/libonnxruntime.so"));
    let database_url = root.get("database").and_then(|item| read_database(&item, env));
    let (provider, inference_workers) = root.get("inference").map(|i| read_inference(&i)).unwrap_or_default();
    let rtsp = root.get("rtsp").map(|item| read_rtsp(&item)).unwrap_or_default();
    let retention = root.get("retention").map(|item| read_retention(&item)).unwrap_or_default();
    let publisher = root.get("publisher").map_or(Some(PublisherSettings::default()), |i| read_publisher(&i));
    let (exports, export_cameras) =
        root.get("export").map(|item| read_exports(&item, directory, env)).unwrap_or_default();
    let cameras = cameras_dir.clone().unwrap_or_else(|| directory.join("cameras"));
    let profiles = profiles_dir.clone().unwrap_or_else(|| place.home.join("pipelines"));
    let models = models_dir.clone().unwrap_or_else(|| place.home.join("models"));
    let settings = || {
        let (time_zone, time_zone_name) = zone?;
        Some(Settings {
            config_file: place.config.clone(),
            home: place.home.clone(),
            data_dir: data_dir?,
            listen: listen?,
            time_zone,
            time_zone_name,
            database_url,
            cameras_dir: cameras_dir?,
            profiles_dir: profiles_dir?,
            schemes: schemes?,
            models_dir: models_dir?,
            model_files_dir: model_files_dir?,
            onnxruntime: onnxruntime?,
            provider,
            inference_workers,
            rtsp,
            retention,
            publisher: publisher?,
            exports,
        })
    };
    ReadSettings {
        settings: settings(),
        cameras_dir: cameras,
        profiles_dir: profiles,
        models_dir: models,
        schemes: schemes_read,
        transport: rtsp.transport,
        export_cameras,
        guessed: false,
    }
}

fn read_listen(item: &Item<'_>) -> Option<SocketAddr> {
    let address = item.text()?.parse().ok();
    if address.is_none() {
        item.fail("must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"; port 0 takes any free one");
    }
    address
}

fn read_time_zone(item: &Item<'_>) -> Option<(TimeZone, String)> {
    let name = item.words(100)?;
    match TimeZone::get(name) {
        Ok(zone) => Some((zone, name.to_owned())),
        Err(_) => {
            let names: Vec<String> = jiff::tz::db().available().map(|n| n.to_string()).collect();
            if names.is_empty() {
                item.fail("this machine has no time zone database; install the system package tzdata");
                return None;
            }
            item.fail(match closest(name, names.iter().map(String::as_str)) {
                Some(close) => format!("is no IANA time zone; did you mean \"{close}\"?"),
                None => "is no IANA time zone; write a name such as \"Asia/Shanghai\" or \"UTC\"".to_owned(),
            });
            None
        }
    }
}

fn read_database(item: &Item<'_>, env: &Env) -> Option<DatabaseUrl> {
    let section = item.section(DATABASE_KEYS, SITE_KEYS)?;
    let item = section.get("url")?.secret();
    match env.expand(item.text()?, |_, value| value.to_owned()) {
        Ok(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Some(DatabaseUrl(url.into()))
        }
        Ok(_) => {
            item.fail(
                "must begin with postgres:// or postgresql://; leave database.url out for a private cluster",
            );
            None
        }
        Err(message) => {
            item.fail(message);
            None
        }
    }
}

fn read_inference(item: &Item<'_>) -> (Provider, Option<NonZeroUsize>) {
    let Some(section) = item.section(INFERENCE_KEYS, SITE_KEYS) else { return Default::default() };
    let providers = [("cpu", Provider::Cpu), ("cuda", Provider::Cuda), ("tensorrt", Provider::TensorRt)];
    let provider = section.get("provider").and_then(|i| i.one_of(&providers)).unwrap_or_default();
    let workers = section.get("workers").and_then(|i| i.whole(1..=256, "sessions"));
    (provider, workers.and_then(|n| NonZeroUsize::new(n as usize)))
}

fn read_retention(item: &Item<'_>) -> Retention {
    let mut kept = Retention::default();
    let Some(section) = item.section(RETENTION_KEYS, SITE_KEYS) else { return kept };
    let days = |key, range| section.get(key).and_then(|i| i.whole(range, "days"));
    // A month of bins is summed before it goes, and a month is at most 31 days.
    for (key, setting) in [
        ("minutes_days", &mut kept.minutes_days),
        ("quarters_days", &mut kept.quarters_days),
        ("hours_days", &mut kept.hours_days),
    ] {
        *setting = days(key, 32..=36_500).or(*setting);
    }
    kept.incidents_days = days("incidents_days", 1..=36_500);
    kept.stills_days = days("stills_days", 1..=3_650).unwrap_or(kept.stills_days);
    let ascending = [
        ("minutes_days", kept.minutes_days),
        ("quarters_days", kept.quarters_days),
        ("hours_days", kept.hours_days),
    ];
    for pair in ascending.windows(2) {
        if let [(shorter, Some(few)), (longer, Some(many))] = pair
            && many < few
        {
            section.fail(format!(
                "{longer} is {many} but must be at least {shorter}, {few}: sums outlive their parts"
            ));
        }
    }
    kept
}

fn read_rtsp(item: &Item<'_>) -> RtspSettings {
    let mut rtsp = RtspSettings::default();
    let Some(section) = item.section(RTSP_KEYS, SITE_KEYS) else { return rtsp };
    let transports = [("tcp", RtspTransport::Tcp), ("udp", RtspTransport::Udp)];
    if let Some(transport) = section.get("transport").and_then(|i| i.one_of(&transports)) {
        rtsp.transport = transport;
    }
    for (key, setting, range) in [
        ("connect_timeout_ms", &mut rtsp.connect_timeout_ms, 500..=120_000),
        ("stall_timeout_ms", &mut rtsp.stall_timeout_ms, 1_000..=600_000),
        ("retry_first_ms", &mut rtsp.retry_first_ms, 50..=60_000),
        ("retry_max_ms", &mut rtsp.retry_max_ms, 100..=3_600_000),
        ("jitter_buffer_ms", &mut rtsp.jitter_buffer_ms, 0..=10_000),
    ] {
        if let Some(value) = section.get(key).and_then(|i| i.whole(range, "milliseconds")) {
            *setting = value;
        }
    }
    if rtsp.retry_max_ms < rtsp.retry_first_ms {
        section.fail(format!(
            "retry_max_ms is {} but must be at least retry_first_ms, {}",
            rtsp.retry_max_ms, rtsp.retry_first_ms
        ));
    }
    rtsp
}

/// Whether a directory can be written into, or made where it isn't there yet. Nothing is made here.
fn writable(directory: &Path) -> Result<(), String> {
    let existing = directory.ancestors().find(|d| d.exists()).unwrap_or(Path::new("/"));
    if !existing.is_dir() {
        return Err(format!(
            "{} is not a directory; name a directory that can be written",
            existing.display()
        ));
    }
    access(existing, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|e| format!("{} can't be written: {e}; name a directory that can be", existing.display()))
}
