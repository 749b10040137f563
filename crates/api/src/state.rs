//! What the handlers share: the parts that the binary hands in, and what the API keeps for itself
//! (browser sessions, the number of open live streams). Building the routes over it is `router`'s work.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::Semaphore;
use wayside_store::{Database, WriterStats};
use wayside_types::{CameraId, CameraSpec, LiveHub, Point, Scheme, SharedClock, TimeZone, Timestamp};

use crate::session::{RandomSource, Sessions};

/// Live streams that may be open at once; each keeps a connection.
const LIVE_STREAMS_MAX: usize = 256;

/// Files that are put together in memory at a time; others wait for their turn.
const WHOLE_FILES_MAX: usize = 2;

/// Where a point of a camera's picture (fractions) lies on its ground, metres; `None` without calibration and beyond the
/// horizon.
pub type GroundMap = Arc<dyn Fn(&CameraId, Point) -> Option<Point> + Send + Sync>;

/// Who answers for what is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Country of ISO 3166-1, two letters; `zz` for one that is not named.
    pub country: String,
    /// A name that is unique there.
    pub identifier: String,
}

/// Everything that the API needs from the rest of the process.
#[derive(Clone)]
pub struct ApiParts {
    /// The configured cameras, in the order in which they are listed.
    pub cameras: Arc<[CameraSpec]>,
    /// The configured class schemes.
    pub schemes: Arc<[Scheme]>,
    /// How the cameras' pictures lie on the ground.
    pub ground: GroundMap,
    /// Whose publications these are.
    pub publisher: Publisher,
    /// The live state that the engine writes.
    pub hub: LiveHub,
    /// Where measurements are read.
    pub database: Database,
    /// How the writer of closed bins is doing, for `/readyz`.
    pub writer_stats: Arc<dyn Fn() -> WriterStats + Send + Sync>,
    /// Where time comes from.
    pub clock: SharedClock,
    /// Where session keys come from; [`crate::os_random`] in production.
    pub random: RandomSource,
    /// The site's zone, to whose clock bins are aligned.
    pub time_zone: TimeZone,
    /// The process's metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The version of the binary.
    pub version: &'static str,
    /// The address that is really listened on; decides which names the server answers to.
    pub listen: SocketAddr,
}

/// The state of every handler. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// What is behind [`ApiState`].
pub struct Shared {
    parts: ApiParts,
    pub(crate) sessions: Sessions,
    pub(crate) live_streams: Arc<Semaphore>,
    pub(crate) whole_files: Semaphore,
    pub(crate) started_at: Timestamp,
}

impl ApiState {
    /// The state over these parts.
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        let sessions = Sessions::new(parts.listen.port(), parts.clock.clone(), parts.random.clone());
        let live_streams = Arc::new(Semaphore::new(LIVE_STREAMS_MAX));
        let started_at = parts.clock.now();
        let whole_files = Semaphore::new(WHOLE_FILES_MAX);
        Self(Arc::new(Shared { parts, sessions, live_streams, whole_files, started_at }))
    }

    /// The configured camera of this id.
    pub(crate) fn camera(&self, id: &CameraId) -> Option<&CameraSpec> {
        self.cameras.iter().find(|camera| camera.id == *id)
    }

    /// The ids of all cameras, for messages that say what would be accepted.
    pub(crate) fn camera_ids(&self) -> String {
        list_of("one of the cameras", self.cameras.iter().map(|camera| camera.id.as_str()))
    }
}

/// "one of the cameras: a b c", cut after a dozen.
pub(crate) fn list_of<'a>(what: &str, ids: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 12;
    let total = ids.len();
    let shown: Vec<&str> = ids.take(SHOWN_MAX).collect();
    match total {
        0 => format!("{what} (there are none)"),
        _ if total > SHOWN_MAX => format!("{what}: {} and {} more", shown.join(" "), total - SHOWN_MAX),
        _ => format!("{what}: {}", shown.join(" ")),
    }
}

impl Deref for ApiState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Deref for Shared {
    type Target = ApiParts;
    fn deref(&self) -> &ApiParts {
        &self.parts
    }
}
