//! The shape of each file as JSON Schema, for editors and for `docs/reference/schema`. These structs are
//! never read into: the reading modules find more mistakes, with their places. A test holds the two to the
//! same keys.
#![expect(dead_code, reason = "the fields exist for their names, types and descriptions")]

use schemars::{JsonSchema, Schema, schema_for};

use crate::schema_rules::Hazard;

type Point = [f64; 2];

/// The schema of `wayside.toml`, as JSON text.
#[must_use]
pub fn site_schema_json() -> String {
    text(&schema_for!(SiteFile))
}

/// The schema of a camera file, as JSON text.
#[must_use]
pub fn camera_schema_json() -> String {
    text(&schema_for!(CameraFile))
}

/// The schema of a profile, as JSON text.
#[must_use]
pub fn profile_schema_json() -> String {
    text(&schema_for!(ProfileFile))
}

/// JSON Schema of the table of class schemes.
#[must_use]
pub fn schemes_schema_json() -> String {
    text(&schema_for!(SchemesFile))
}

fn text(schema: &Schema) -> String {
    // A schema is a JSON value, so writing it can't fail.
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The settings of a Wayside site.
#[derive(JsonSchema)]
#[schemars(title = "Wayside settings", deny_unknown_fields)]
struct SiteFile {
    /// Where everything that is kept lies. A relative path starts at this file's directory.
    data_dir: String,
    /// IP address and port of HTTP. Only loopback is taken without --insecure. Default 127.0.0.1:8080.
    listen: Option<String>,
    /// IANA time zone in which days and hours are cut.
    timezone: String,
    /// Directory of camera files. Default: cameras, beside this file.
    cameras_dir: Option<String>,
    /// Directory of profiles. Default: pipelines, in the home directory.
    profiles_dir: Option<String>,
    /// The table of class schemes; `config/schemes.toml` of the installation unless given.
    schemes: Option<String>,
    /// Directory of model manifests. Default: models, in the home directory.
    models_dir: Option<String>,
    /// Directory of the models' own files. Default: .wayside/models, in the home directory.
    model_files_dir: Option<String>,
    /// ONNX Runtime's shared library. Default: .wayside/lib/libonnxruntime.so, in the home directory.
    onnxruntime: Option<String>,
    /// The database. Without it, a private PostgreSQL cluster runs under data_dir/pg.
    database: Option<Database>,
    /// Where detection runs.
    inference: Option<Inference>,
    /// How RTSP cameras are talked to.
    rtsp: Option<Rtsp>,
    /// How long things are kept.
    retention: Option<Retention>,
    /// Who answers for what is published.
    publisher: Option<crate::schema_publish::Publisher>,
    /// Files that are written or posted on a schedule.
    export: Option<Vec<crate::schema_publish::Export>>,
}

/// How long things are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Retention {
    /// Counts by the minute are kept for so many days. Default 90.
    #[schemars(range(min = 32, max = 36_500))]
    minutes_days: Option<u32>,
    /// Counts, speeds, movements and zones by the quarter of an hour are kept for so many days. Default: for ever.
    #[schemars(range(min = 32, max = 36_500))]
    quarters_days: Option<u32>,
    /// Counts and speeds by the hour are kept for so many days. Default: for ever.
    #[schemars(range(min = 32, max = 36_500))]
    hours_days: Option<u32>,
    /// Incidents that are over are deleted after so many days, with their stills. Default: never.
    #[schemars(range(min = 1, max = 36_500))]
    incidents_days: Option<u32>,
    /// Stills of incidents are deleted after so many days. Default 30.
    #[schemars(range(min = 1, max = 3_650))]
    stills_days: Option<u32>,
}

/// The database.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Database {
    /// postgres://… ; credentials through ${ENV}.
    url: Option<String>,
}

/// Where detection runs.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Inference {
    /// Default cpu. A provider that can't be loaded is an error.
    provider: Option<Provider>,
    /// Inference sessions at a time. Default: chosen by the machine's cores.
    #[schemars(range(min = 1, max = 256))]
    workers: Option<u32>,
}

/// What inference runs on.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Provider {
    Cpu,
    Cuda,
    Tensorrt,
}

/// How RTSP cameras are talked to.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Rtsp {
    /// How media travels where a camera file doesn't say. Default tcp.
    transport: Option<Transport>,
    /// A connection that isn't up after this long has failed. Default 10000.
    #[schemars(range(min = 500, max = 120_000))]
    connect_timeout_ms: Option<u32>,
    /// A camera without a frame for this long is connected anew. Default 10000.
    #[schemars(range(min = 1_000, max = 600_000))]
    stall_timeout_ms: Option<u32>,
    /// Wait before the first new attempt; doubles with each. Default 500.
    #[schemars(range(min = 50, max = 60_000))]
    retry_first_ms: Option<u32>,
    /// The longest wait between attempts. Default 30000.
    #[schemars(range(min = 100, max = 3_600_000))]
    retry_max_ms: Option<u32>,
    /// How much reordering and jitter is evened out. Default 200.
    #[schemars(range(min = 0, max = 10_000))]
    jitter_buffer_ms: Option<u32>,
}

/// How RTSP media travels.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Transport {
    Tcp,
    Udp,
}

/// One fixed view: where it comes from, where it stands, what is drawn on it.
#[derive(JsonSchema)]
#[schemars(title = "Wayside camera", deny_unknown_fields)]
struct CameraFile {
    /// Unique in the site.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,40}$"))]
    id: String,
    /// What people call this view.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// rtsp://, rtsps:// or a video file, relative to this file's directory; credentials through ${ENV}.
    /// `analyze` ignores it.
    source: String,
    /// How RTSP media travels. Default: rtsp.transport of the settings, else tcp.
    transport: Option<Transport>,
    /// Who owns the camera.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,40}$"))]
    department: String,
    /// How its frames are processed: the name of a profile.
    profile: String,
    /// Where the camera stands.
    location: Option<Location>,
    /// Four or more pairs of image and ground points; without it there are no speeds.
    calibration: Option<Calibration>,
    /// Counting lines.
    #[schemars(length(max = 100))]
    line: Option<Vec<Line>>,
    /// Zones.
    #[schemars(length(max = 100))]
    zone: Option<Vec<Zone>>,
}

/// Where a camera stands and looks, WGS 84.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Location {
    /// Degrees east.
    #[schemars(range(min = -180, max = 180))]
    lon: f64,
    /// Degrees north.
    #[schemars(range(min = -90, max = 90))]
    lat: f64,
    /// View direction, clockwise from north.
    #[schemars(range(min = 0, max = 360))]
    heading_deg: Option<f64>,
}

/// Pairs of image and ground points.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Calibration {
    /// Fractions of the picture's width and height.
    #[schemars(length(min = 4, max = 40))]
    image: Vec<Point>,
    /// Metres on the ground, as many, right-handed seen from above. Either this or ground_lonlat.
    #[schemars(length(min = 4, max = 40))]
    ground_m: Option<Vec<Point>>,
    /// The same as [longitude, latitude] in degrees, WGS 84, instead of ground_m.
    #[schemars(length(min = 4, max = 40))]
    ground_lonlat: Option<Vec<Point>>,
    /// Where ground metres lie on the map; with ground_lonlat it follows and is left out.
    ground_origin: Option<GroundOrigin>,
    /// The lens: coefficient of the division model, below 0 for a barrel, or fit to find it from eight or more pairs.
    /// Default: a lens that keeps straight lines straight.
    distortion: Option<Distortion>,
}

/// A coefficient, or fit.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Distortion {
    Given(#[schemars(range(min = -0.6, max = 0.6))] f64),
    Asked(Fit),
}

/// To be found from the pairs.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Fit {
    Fit,
}

/// Where ground (0, 0) is and which way its y axis points.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct GroundOrigin {
    /// Degrees east.
    #[schemars(range(min = -180, max = 180))]
    lon: f64,
    /// Degrees north.
    #[schemars(range(min = -90, max = 90))]
    lat: f64,
    /// Clockwise from north.
    #[schemars(range(min = 0, max = 360))]
    y_axis_deg: f64,
}

/// A directed segment. A crossing is forward from the left hand to the right hand of someone who walks
/// from the first to the second point.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Line {
    /// Unique among the camera's lines.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,40}$"))]
    id: String,
    /// From, to; fractions of the picture's width and height, 0 to 1.
    points: [Point; 2],
}

/// A table of class schemes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Wayside class schemes")]
struct SchemesFile {
    /// The schemes.
    scheme: Option<Vec<Scheme>>,
}

/// How the six classes go into the groups of a counting standard.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Scheme {
    /// Unique in the file; what `scheme=` in the API names.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,40}$"))]
    id: String,
    /// What it is called.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// Its groups; every class is in exactly one.
    #[schemars(length(max = 6))]
    group: Vec<Group>,
}

/// Some classes that a scheme takes for one.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Group {
    /// Unique in the scheme.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,40}$"))]
    id: String,
    /// What it is called.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// The classes in it.
    #[schemars(length(min = 1, max = 6))]
    classes: Vec<Class>,
    /// Passenger-car units of one of them.
    #[schemars(range(min = 0, max = 10))]
    pcu: f64,
}

/// A polygon with a purpose.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Zone {
    /// Unique among the camera's zones.
    #[schemars(regex(pattern = r"^[a-z0-9-]{1,40}$"))]
    id: String,
    /// What it is for.
    kind: ZoneKind,
    /// Corners in order; fractions of the picture's width and height, 0 to 1; edges don't cross.
    #[schemars(length(min = 3, max = 200))]
    polygon: Vec<Point>,
    /// The way traffic should go, as an arrow in the picture; lanes must have one, others none.
    heading: Option<[Point; 2]>,
    /// Classes that must not be here; for carriageways and lanes.
    closed_to: Option<Vec<Class>>,
    /// How fast traffic goes here when nothing is in its way, km/h; for lanes and queues. Delay is measured against it.
    #[schemars(range(min = 5, max = 200))]
    free_flow_kmh: Option<f64>,
}

/// What a zone is for.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum ZoneKind {
    Lane,
    Carriageway,
    Crossing,
    Queue,
    Watch,
    Ignore,
}

/// The six road-user classes.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Class {
    Car,
    Bus,
    Truck,
    Motorcycle,
    Bicycle,
    Pedestrian,
}

/// How a kind of view is processed. The file's name is the profile's.
#[derive(JsonSchema)]
#[schemars(title = "Wayside profile", deny_unknown_fields)]
struct ProfileFile {
    /// Analysed frames a second, by frame time; above 0.
    #[schemars(range(min = 0, max = 60))]
    rate_fps: f64,
    /// Name of a manifest in the models directory, without .toml.
    model: String,
    /// Decoding.
    decode: Option<Decode>,
    /// Which frames the detector is spared.
    motion: Option<Motion>,
    /// Detection.
    detect: Option<Detect>,
    /// Tracking.
    track: Option<Track>,
    /// Counting.
    count: Option<Count>,
    /// Incident rules.
    hazard: Option<Hazard>,
}

/// What is decoded.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Decode {
    /// Decode keyframes only. Default false.
    keyframes_only: Option<bool>,
}

/// Which frames the detector is spared: those that show nothing new since the last it looked at.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Motion {
    /// Whether it is spared any. Default true.
    gate: Option<bool>,
    /// After this long it looks at a frame in any case. Default 4000.
    #[schemars(range(min = 500, max = 60_000))]
    refresh_ms: Option<u32>,
}

/// What the detector is shown, and which detections go on.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Detect {
    /// Detections below this score are not even tried in the second association.
    #[schemars(range(min = 0.01, max = 0.99))]
    low_score: Option<f64>,
    /// Whether dark pictures are brightened for the detector. Default true.
    brighten: Option<bool>,
}

/// Association and motion filter.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Track {
    /// Detections from this score on take part in the first association.
    #[schemars(range(min = 0.01, max = 0.99))]
    high_score: Option<f64>,
    /// A new track starts from this score on.
    #[schemars(range(min = 0.01, max = 0.99))]
    start_score: Option<f64>,
    /// A track without detections ends after this long.
    #[schemars(range(min = 100, max = 60_000))]
    lost_ms: Option<u32>,
}

/// Guards of counting.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Count {
    /// A road user counts once it has moved this share of its own box's size.
    #[schemars(range(min = 0, max = 10))]
    min_travel_boxes: Option<f64>,
    /// The same line counts the same road user again after this long at the earliest.
    #[schemars(range(min = 0, max = 600_000))]
    recount_ms: Option<u32>,
}
