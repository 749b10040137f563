//! What is going on right now: each camera's state, and events for pages that watch. The engine writes,
//! `api` reads; neither knows the other. Nothing here is finer than what is stored: counts come as bins
//! close, icons as class symbols on a coarse grid, without ids, sizes or scores.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

use crate::bins::ClosedBins;
use crate::class::RoadUserClass;
use crate::health::{DroppedShares, MachineStatus, StageTimes};
use crate::ids::CameraId;
use crate::record::{IncidentId, IncidentRecord, IncidentState};
use crate::silhouette::Silhouette;
use crate::time::Timestamp;

/// Where a camera stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    /// Connecting for the first time.
    Connecting,
    /// Frames are coming.
    Live,
    /// Lost; trying again.
    Reconnecting,
    /// The source is over (a file that was played to its end).
    Ended,
    /// Given up: the source can never work as configured.
    Failed,
}

/// A camera's state as it may be shown. Holds no counts and no credentials.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CameraStatus {
    /// Whose.
    pub camera: CameraId,
    /// What it is doing.
    pub state: CameraState,
    /// Since when.
    pub since: Timestamp,
    /// Why, in words for an operator, when something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Capture time of the newest frame.
    pub last_frame_at: Option<Timestamp>,
    /// Decoded frames a second over the last seconds.
    pub received_fps: f64,
    /// Analysed frames a second over the last seconds.
    pub analysed_fps: f64,
    /// Share of due frames dropped over the last seconds, 0 to 1.
    pub dropped_share: f64,
    /// The same by reason.
    pub dropped_for: DroppedShares,
    /// Share of analysed frames that the detector was spared over the last seconds, because they showed nothing new.
    pub gated_share: f64,
    /// Where frames spent their time over the last seconds.
    pub stages: StageTimes,
    /// Analysed frames a second that the camera has been slowed to because the machine is overloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowed_to_fps: Option<f64>,
    /// Picture width and height in pixels, once known.
    pub size_px: Option<[u32; 2]>,
    /// Times the connection was made anew since the start.
    pub reconnects: u64,
}

impl CameraStatus {
    /// A camera that is being connected for the first time.
    #[must_use]
    pub fn connecting(camera: CameraId, since: Timestamp) -> Self {
        Self {
            camera,
            state: CameraState::Connecting,
            since,
            reason: None,
            last_frame_at: None,
            received_fps: 0.0,
            analysed_fps: 0.0,
            dropped_share: 0.0,
            dropped_for: DroppedShares::default(),
            gated_share: 0.0,
            stages: StageTimes::default(),
            slowed_to_fps: None,
            size_px: None,
            reconnects: 0,
        }
    }
}

/// A class symbol on the live view's grid of 32 × 18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Icon {
    /// What.
    pub class: RoadUserClass,
    /// 0 to 31, left to right.
    pub column: u8,
    /// 0 to 17, top to bottom.
    pub row: u8,
}

impl Icon {
    /// Columns of the grid.
    pub const COLUMNS: u8 = 32;
    /// Rows of the grid.
    pub const ROWS: u8 = 18;
}

/// Something that just happened.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// A camera's status changed, or its regular refresh.
    Camera(CameraStatus),
    /// How the machine keeps up, every few seconds.
    Machine(MachineStatus),
    /// A bin closed: its counts, and when the next of this length closes.
    Bins {
        /// What was counted and observed.
        closed: Arc<ClosedBins>,
        /// When the next bin of this length closes.
        next_close_at: Timestamp,
    },
    /// An incident was detected, changed, or is over; the record says which. Whoever comes later is told of the open
    /// ones by [`LiveHub::open_incidents`].
    Incident(Arc<IncidentRecord>),
    /// The class icons of the moment, at most once a second, in shuffled order, for browser sessions only.
    Icons {
        /// Whose view.
        camera: CameraId,
        /// Where on the grid.
        icons: Vec<Icon>,
    },
}

/// The live state of all cameras. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct LiveHub {
    events: broadcast::Sender<LiveEvent>,
    cameras: Arc<RwLock<BTreeMap<CameraId, Shown>>>,
    machine: Arc<RwLock<Option<MachineStatus>>>,
    incidents: Arc<RwLock<BTreeMap<IncidentId, Arc<IncidentRecord>>>>,
    silhouettes: Arc<RwLock<BTreeMap<CameraId, SilhouetteSender>>>,
}

/// The newest silhouette of a camera, for those who watch it.
type SilhouetteSender = watch::Sender<Option<Arc<Silhouette>>>;

struct Shown {
    status: CameraStatus,
    background: Option<Bytes>,
}

impl LiveHub {
    /// An empty hub. A reader that falls `backlog` events behind loses the oldest.
    #[must_use]
    pub fn new(backlog: usize) -> Self {
        Self {
            events: broadcast::channel(backlog.max(1)).0,
            cameras: Arc::default(),
            machine: Arc::default(),
            incidents: Arc::default(),
            silhouettes: Arc::default(),
        }
    }

    /// Events from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.events.subscribe()
    }

    /// Tells everyone who listens; a camera's status, the machine's and an open incident are kept as well.
    pub fn publish(&self, event: LiveEvent) {
        if let LiveEvent::Camera(status) = &event {
            let mut cameras = self.cameras.write().unwrap_or_else(PoisonError::into_inner);
            match cameras.get_mut(&status.camera) {
                Some(shown) => shown.status = status.clone(),
                None => {
                    let shown = Shown { status: status.clone(), background: None };
                    cameras.insert(status.camera.clone(), shown);
                }
            }
        }
        if let LiveEvent::Machine(status) = &event {
            *self.machine.write().unwrap_or_else(PoisonError::into_inner) = Some(*status);
        }
        if let LiveEvent::Incident(record) = &event {
            self.keep_incident(record);
        }
        // Nobody listening is no fault.
        drop(self.events.send(event));
    }

    fn keep_incident(&self, record: &Arc<IncidentRecord>) {
        let mut incidents = self.incidents.write().unwrap_or_else(PoisonError::into_inner);
        if record.state == IncidentState::Open {
            incidents.insert(record.id.clone(), record.clone());
        } else {
            incidents.remove(&record.id);
        }
    }

    /// The incidents that are open, by id.
    #[must_use]
    pub fn open_incidents(&self) -> Vec<Arc<IncidentRecord>> {
        self.incidents.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Every camera's status, by id.
    #[must_use]
    pub fn statuses(&self) -> Vec<CameraStatus> {
        let cameras = self.cameras.read().unwrap_or_else(PoisonError::into_inner);
        cameras.values().map(|shown| shown.status.clone()).collect()
    }

    /// One camera's status.
    #[must_use]
    pub fn status(&self, camera: &CameraId) -> Option<CameraStatus> {
        let cameras = self.cameras.read().unwrap_or_else(PoisonError::into_inner);
        cameras.get(camera).map(|shown| shown.status.clone())
    }

    /// How the machine keeps up, once it is known.
    #[must_use]
    pub fn machine(&self) -> Option<MachineStatus> {
        *self.machine.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the newest background view (a JPEG made by `redact`), in memory only.
    pub fn set_background(&self, camera: &CameraId, jpeg: Bytes) {
        let mut cameras = self.cameras.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = cameras.get_mut(camera) {
            shown.background = Some(jpeg);
        }
    }

    /// The newest background view as a JPEG, once there is one.
    #[must_use]
    pub fn background(&self, camera: &CameraId) -> Option<Bytes> {
        let cameras = self.cameras.read().unwrap_or_else(PoisonError::into_inner);
        cameras.get(camera).and_then(|shown| shown.background.clone())
    }

    /// The silhouettes of a camera from now on, the newest at a time; one is made only while somebody has this. Whoever
    /// watches must be a browser session of the page.
    #[must_use]
    pub fn watch_silhouette(&self, camera: &CameraId) -> watch::Receiver<Option<Arc<Silhouette>>> {
        let mut silhouettes = self.silhouettes.write().unwrap_or_else(PoisonError::into_inner);
        silhouettes.entry(camera.clone()).or_insert_with(|| watch::channel(None).0).subscribe()
    }

    /// Whether anybody watches a camera's silhouettes.
    #[must_use]
    pub fn is_silhouette_wanted(&self, camera: &CameraId) -> bool {
        let silhouettes = self.silhouettes.read().unwrap_or_else(PoisonError::into_inner);
        silhouettes.get(camera).is_some_and(|sender| sender.receiver_count() > 0)
    }

    /// Forgets the last silhouettes of cameras that nobody watches any more.
    pub fn forget_silhouettes(&self) {
        let mut silhouettes = self.silhouettes.write().unwrap_or_else(PoisonError::into_inner);
        silhouettes.retain(|_, sender| sender.receiver_count() > 0);
    }

    /// Gives a silhouette to those who watch; where nobody does it is dropped.
    pub fn show_silhouette(&self, camera: &CameraId, silhouette: Silhouette) {
        let silhouettes = self.silhouettes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = silhouettes.get(camera) {
            // Without a receiver nothing is kept.
            drop(sender.send(Some(Arc::new(silhouette))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameSize;
    use crate::silhouette::SilhouetteGrid;

    fn silhouette() -> Silhouette {
        let grid = SilhouetteGrid { size: FrameSize { width: 9, height: 9 }, bands: Vec::new() };
        Silhouette { at: Timestamp::UNIX_EPOCH, grid: Arc::new(grid), cells: Vec::new(), known_share: 0.0 }
    }

    #[test]
    fn silhouettes_are_kept_for_nobody() {
        let hub = LiveHub::new(4);
        let (a, b) = (CameraId::new("a").unwrap(), CameraId::new("b").unwrap());
        assert!(!hub.is_silhouette_wanted(&a));
        hub.show_silhouette(&a, silhouette());
        let (first, second) = (hub.watch_silhouette(&a), hub.watch_silhouette(&a));
        assert!(first.borrow().is_none(), "one from before is still there");
        assert!(hub.is_silhouette_wanted(&a) && !hub.is_silhouette_wanted(&b));
        hub.show_silhouette(&a, silhouette());
        assert!(second.borrow().is_some());
        hub.forget_silhouettes();
        assert!(hub.is_silhouette_wanted(&a) && second.borrow().is_some());
        drop((first, second));
        assert!(!hub.is_silhouette_wanted(&a));
        hub.forget_silhouettes();
        assert!(hub.watch_silhouette(&a).borrow().is_none(), "the last one outlived its watchers");
    }
}
