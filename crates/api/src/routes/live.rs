//! `GET /api/v1/live`: what happens right now, as server-sent events. Counts come as their bins close and
//! are never finer than what is stored; class icons go to browser sessions of the page only (design
//! rules 1.3 and 1.5).

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use utoipa::ToSchema;
use wayside_types::{BinSubject, CameraId, ClosedBins, Icon, LiveEvent, MachineStatus};

use super::cameras::Status;
use super::incidents::Incident;
use crate::listen::Closing;
use crate::params::Params;
use crate::problem::{Body, Kind, Problem};
use crate::session::Session;
use crate::state::ApiState;

/// How often a silent stream says that it is still there, so that proxies keep it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Event `hello`, the first of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hello {
    /// The version of the binary; a page of another version should load itself anew.
    version: &'static str,
    /// The site's time zone, to whose clock bins are aligned.
    #[schema(required)]
    time_zone: Option<String>,
    /// Whether this stream will hold icons. If not, a page lost its session and should load itself anew.
    icons: bool,
}

/// Event `camera`: a camera's state, once at the start for each camera and then as it changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CameraEvent {
    /// The camera's id.
    camera: String,
    #[serde(flatten)]
    status: Status,
}

/// Event `machine`: how the machine keeps up with all cameras, once at the start and then every few seconds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MachineEvent {
    /// Threads that look at frames.
    workers: u32,
    /// Share of their time that was spent on frames in the last second, 0 to 1.
    busy_share: f64,
    /// Frames that wait for one of them.
    waiting_frames: u64,
    /// Share of their profiles' rates at which cameras are analysed; below 1 while the machine is overloaded.
    rate_share: f64,
    /// The last batch of rows to the database, in milliseconds; null before the first.
    #[schema(required)]
    store_ms: Option<f64>,
    /// Rows that wait on disk for the database.
    spooled_rows: u64,
}

impl From<MachineStatus> for MachineEvent {
    fn from(status: MachineStatus) -> Self {
        let MachineStatus { workers, busy_share, waiting_frames, rate_share, store_ms, spooled_rows } =
            status;
        Self { workers, busy_share, waiting_frames, rate_share, store_ms, spooled_rows }
    }
}

/// Event `bins`: a bin closed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BinsEvent {
    /// The camera's id.
    camera: String,
    /// Start of the bin, inclusive.
    start: Timestamp,
    /// End of the bin, exclusive.
    end: Timestamp,
    /// Length of the bin: `1m`, `5m`, `15m`, `1h` or `1d`.
    bin: &'static str,
    /// The counts of lines that are not zero.
    counts: Vec<Count>,
    /// How much of the bin the camera really observed.
    coverage: EventCoverage,
    /// When the next bin of this length closes.
    next_close_at: Timestamp,
}

/// How many road users of one class crossed a line one way within a bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Count {
    /// The line's id.
    line: String,
    /// `forward` or `backward`.
    direction: &'static str,
    /// `car`, `bus`, `truck`, `motorcycle`, `bicycle` or `pedestrian`.
    class: &'static str,
    /// How many.
    count: u32,
}

/// How far a bin can be trusted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventCoverage {
    /// Seconds observed.
    observed_s: f64,
    /// Share of the frames due for analysis that were dropped, 0 to 1.
    dropped_share: f64,
    /// `good`, `fair` or `poor`.
    grade: &'static str,
}

/// Event `incident`: an incident that was detected, changed or ended, as it stands now. At the start of a stream, and
/// after `lagged`, every incident that is open comes once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentEvent {
    #[serde(flatten)]
    incident: Incident,
}

/// Event `icons`: class symbols of the moment on a grid of 32 columns and 18 rows, in no order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IconsEvent {
    /// The camera's id.
    camera: String,
    /// Where what is.
    icons: Vec<IconAt>,
}

/// One class symbol.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IconAt {
    /// `car`, `bus`, `truck`, `motorcycle`, `bicycle` or `pedestrian`.
    class: &'static str,
    /// 0 to 31, left to right.
    column: u8,
    /// 0 to 17, top to bottom.
    row: u8,
}

/// Event `lagged`: the reader was too slow and missed events; counts that it missed can be queried.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lagged {
    /// How many events were missed.
    missed: u64,
}

/// Live events
///
/// A stream of server-sent events, each with a name and one JSON object as data: `hello` first, then
/// `camera` (schema `CameraEvent`), `machine` (`MachineEvent`), `incident` (`IncidentEvent`), `bins` (`BinsEvent`), `icons` (`IconsEvent`; for
/// browser sessions of the page only) and `lagged` (`Lagged`) when the reader was too slow. After `lagged` every
/// camera's state and every open incident is sent anew, as at the start. The stream ends when the server stops; it has
/// no ids to resume from: what is open comes again, and what is over is kept and can be queried.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    operation_id = "live",
    tag = "live",
    params(
        ("camera" = Option<Vec<String>>, Query, style = Form, explode = false, description = "Only these cameras; repeated or separated by commas"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String, description = "The stream"),
        (status = 400, body = Body, content_type = "application/problem+json", description = "A parameter is not acceptable"),
        (status = 503, body = Body, content_type = "application/problem+json", description = "Too many streams are open"),
    )
)]
pub(crate) async fn handler(
    State(state): State<ApiState>,
    closing: Option<Extension<Closing>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let cameras = wanted_cameras(&state, query.as_deref())?;
    let place = Place::take(&state)?;
    let session = state.sessions.of(&headers);
    let feed = Feed { state, cameras, session, _place: place };
    let events = feed.events();
    let events = match closing {
        Some(Extension(Closing(token))) => events.take_until(token.cancelled_owned()).boxed(),
        None => events.boxed(),
    };
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Some proxies collect answers before they pass them on; this is how nginx is told not to.
    Ok(([("x-accel-buffering", "no")], stream).into_response())
}

/// The cameras asked for; all of them when none is named.
fn wanted_cameras(state: &ApiState, query: Option<&str>) -> Result<Vec<CameraId>, Problem> {
    let mut params = Params::parse(query);
    let mut wanted = Vec::new();
    for name in params.many("camera") {
        match CameraId::new(&name).ok().filter(|id| state.camera(id).is_some()) {
            Some(id) => wanted.push(id),
            None => params.refuse("camera", &name, state.camera_ids()),
        }
    }
    params.finish()?;
    if wanted.is_empty() {
        wanted.extend(state.cameras.iter().map(|camera| camera.id.clone()));
    }
    Ok(wanted)
}

/// One reader's view of the live state.
struct Feed {
    state: ApiState,
    cameras: Vec<CameraId>,
    session: Option<Session>,
    /// Given back when the stream ends.
    _place: Place,
}

/// One of the places for live streams, counted while it is taken.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// A place, unless all are taken.
    pub(crate) fn take(state: &ApiState) -> Result<Self, Problem> {
        let permit = state.live_streams.clone().try_acquire_owned().map_err(|_| {
            Problem::new(
                Kind::TooManyStreams,
                "every place for a live stream is taken; close one or try again",
            )
        })?;
        metrics::gauge!("wayside_http_live_streams").increment(1.0);
        Ok(Self { _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("wayside_http_live_streams").decrement(1.0);
    }
}

impl Feed {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
        // Subscribed first: what happens while the present state is read is not lost.
        let news = BroadcastStream::new(self.state.hub.subscribe());
        let mut first = vec![event("hello", &self.hello())];
        first.extend(self.state.hub.machine().and_then(|status| self.event_of(LiveEvent::Machine(status))));
        first.extend(self.present());
        let rest = news.flat_map(move |item| {
            stream::iter(match item {
                Ok(happened) => self.event_of(happened).into_iter().collect(),
                Err(BroadcastStreamRecvError::Lagged(missed)) => {
                    let mut events = vec![event("lagged", &Lagged { missed })];
                    events.extend(self.present());
                    events
                }
            })
        });
        stream::iter(first).chain(rest).map(Ok)
    }

    fn hello(&self) -> Hello {
        Hello {
            version: self.state.version,
            time_zone: self.state.time_zone.iana_name().map(str::to_owned),
            icons: self.session.is_some(),
        }
    }

    /// Every camera's state, and the incidents that are open.
    fn present(&self) -> Vec<Event> {
        let known = self.cameras.iter().filter_map(|id| self.state.hub.status(id)).map(LiveEvent::Camera);
        let open = self.state.hub.open_incidents().into_iter().map(LiveEvent::Incident);
        known.chain(open).filter_map(|happened| self.event_of(happened)).collect()
    }

    /// What this reader is told, if anything.
    fn event_of(&self, happened: LiveEvent) -> Option<Event> {
        match happened {
            LiveEvent::Camera(status) => {
                let camera = self.shown(&status.camera)?;
                Some(event("camera", &CameraEvent { camera, status: status.into() }))
            }
            LiveEvent::Machine(status) => Some(event("machine", &MachineEvent::from(status))),
            LiveEvent::Bins { closed, next_close_at } => {
                let camera = self.shown(&closed.coverage.camera)?;
                Some(event("bins", &self.bins_event(camera, &closed, next_close_at)))
            }
            LiveEvent::Incident(record) => {
                self.shown(&record.id.camera)?;
                Some(event("incident", &IncidentEvent { incident: Incident::from(&*record) }))
            }
            LiveEvent::Icons { camera, icons } => {
                let camera = self.shown(&camera)?;
                if !self.session.as_ref().is_some_and(Session::is_open) {
                    return None;
                }
                let icons = icons.iter().map(IconAt::from).collect();
                Some(event("icons", &IconsEvent { camera, icons }))
            }
        }
    }

    fn shown(&self, camera: &CameraId) -> Option<String> {
        self.cameras.contains(camera).then(|| camera.to_string())
    }

    fn bins_event(&self, camera: String, closed: &ClosedBins, next_close_at: Timestamp) -> BinsEvent {
        let coverage = &closed.coverage;
        let (_, end) = coverage.length.bounds(coverage.start, &self.state.time_zone);
        // The engine keeps to each class's shortest bin; this page of the rule book is held here as well.
        let stored = closed.bins.iter().filter(|bin| bin.key.class.shortest_bin() <= coverage.length);
        let counts = stored.filter_map(|bin| match &bin.key.subject {
            BinSubject::Line(line, direction) => Some(Count {
                line: line.to_string(),
                direction: direction.as_str(),
                class: bin.key.class.as_str(),
                count: bin.count,
            }),
            // Movements may have to be suppressed and zones are no crossings: both are queried instead.
            BinSubject::Movement(..) | BinSubject::Lost(_) => None,
        });
        BinsEvent {
            camera,
            start: coverage.start,
            end,
            bin: coverage.length.as_str(),
            counts: counts.collect(),
            coverage: EventCoverage {
                observed_s: coverage.observed_s,
                dropped_share: coverage.dropped_share,
                grade: coverage.grade.as_str(),
            },
            next_close_at,
        }
    }
}

impl From<&Icon> for IconAt {
    fn from(icon: &Icon) -> Self {
        Self { class: icon.class.as_str(), column: icon.column, row: icon.row }
    }
}

pub(crate) fn event(name: &'static str, data: &impl Serialize) -> Event {
    // The data are our own structs of strings and numbers, which always have a JSON form.
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}
