//! The words of Wayside: ids, time, geometry, road-user classes, lines and zones, profiles, tracks,
//! bins and live state. Everything may use this crate; it does no I/O and imports no other crate of
//! the workspace. Parsing of files lives in `config`, behaviour in the crate named after it.

pub mod bins;
pub mod camera;
pub mod class;
pub mod detection;
pub mod frame;
pub mod geometry;
pub mod health;
pub mod histogram;
pub mod ids;
pub mod incident;
pub mod layout;
pub mod live;
pub mod profile;
pub mod quality;
pub mod record;
pub mod retention;
pub mod rules;
pub mod scheme;
pub mod silhouette;
pub mod time;
pub mod track;
pub mod view;

pub use bins::{
    Bin, BinKey, BinLength, BinSubject, ClosedBins, Coverage, FlowBin, Grade, Headways, LEAST_SUMMARISED,
    Speeds, ZoneBin, ZoneDelay, ZoneQueue,
};
pub use camera::{Calibration, CameraSpec, Distortion, GroundOrigin, Location, SourceUrl};
pub use class::{RoadUserClass, SceneClass};
pub use detection::Detection;
pub use frame::{Frame, FrameSize, PixelBuffer, PixelFormat, Plane};
pub use geometry::{BBox, GroundMap, Point};
pub use health::{DroppedShares, MachineStatus, StageTimes};
pub use histogram::{HEADWAY_SCALE, Histogram, SPEED_SCALE, Scale};
pub use ids::{CameraId, Department, IdError, LineId, ZoneId};
pub use incident::{Incident, IncidentChange, IncidentKind, IncidentPhase, Place, Reason, Severity};
pub use layout::{Direction, Heading, Line, Zone, ZoneKind};
pub use live::{CameraState, CameraStatus, Icon, LiveEvent, LiveHub};
pub use profile::{CountSettings, DecodeSettings, DetectSettings, MotionSettings, Profile, TrackSettings};
pub use quality::{Band, Doubts, Evidence, QualityBin, Seeing, Sign};
pub use record::{IncidentId, IncidentRecord, IncidentState, IncidentStill, LonLat, StillKind};
pub use retention::Retention;
pub use rules::HazardSettings;
pub use scheme::{ClassGroup, Scheme};
pub use silhouette::{Silhouette, SilhouetteBand, SilhouetteGrid};
pub use time::{Clock, SharedClock, SystemClock, TimeZone, Timestamp};
pub use track::{Track, TrackId, TrackUpdate};
pub use view::{LumaCells, ViewSample};
