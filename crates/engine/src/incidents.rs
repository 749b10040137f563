//! What becomes of incidents once a rule has told them: a [`Book`] a camera gives each an id that lasts and keeps what
//! is open; the [`Announcer`] keeps every change safe and then tells the pages, on a thread of its own, so that no frame
//! waits for a disk. Which rule tells what is `hazard`'s.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use metrics::{counter, histogram};
use wayside_store::Writer;

use wayside_types::{
    CameraId, GroundOrigin, IncidentChange, IncidentId, IncidentPhase, IncidentRecord, IncidentState,
    IncidentStill, LiveEvent, LiveHub, SharedClock, Timestamp,
};

use crate::evidence::Given;

/// The incidents of one camera in this run.
pub struct Book {
    camera: CameraId,
    epoch: i64,
    origin: Option<GroundOrigin>,
    last: u32,
    /// By the number under which the rules know each.
    open: BTreeMap<u64, IncidentRecord>,
}

impl Book {
    /// A book without an entry; `origin` says where the camera's ground is on the map.
    pub fn new(camera: CameraId, epoch: i64, origin: Option<GroundOrigin>) -> Self {
        Self { camera, epoch, origin, last: 0, open: BTreeMap::new() }
    }

    /// Takes down what the rules said; gives back how each incident stands now.
    pub fn take(&mut self, changes: Vec<IncidentChange>) -> Vec<IncidentRecord> {
        changes.into_iter().map(|change| self.enter(change)).collect()
    }

    fn enter(&mut self, change: IncidentChange) -> IncidentRecord {
        let IncidentChange { number, phase, last_seen, incident } = change;
        let mut record = match self.open.remove(&number) {
            Some(mut known) => {
                known.revision += 1;
                known.last_seen = last_seen.max(known.last_seen);
                (known.incident.severity, known.incident.ended) = (incident.severity, incident.ended);
                known
            }
            None => {
                self.last += 1;
                let id = IncidentId { camera: self.camera.clone(), epoch: self.epoch, number: self.last };
                IncidentRecord::began(id, incident, last_seen, self.origin)
            }
        };
        match phase {
            IncidentPhase::Began | IncidentPhase::Changed => {
                self.open.insert(number, record.clone());
            }
            IncidentPhase::Ended => {
                record.last_seen = record.incident.ended.unwrap_or(last_seen);
                record.state = IncidentState::Ended;
            }
            IncidentPhase::Lost => record = record.unwatched(),
        }
        record.in_milliseconds()
    }

    /// What is open, with the moments at which the rules last saw each.
    pub fn open(&self, seen: impl Iterator<Item = (u64, Timestamp)>) -> Vec<IncidentRecord> {
        let with_time = |(number, at): (u64, Timestamp)| {
            let mut record = self.open.get(&number)?.clone();
            record.last_seen = at.max(record.last_seen);
            Some(record)
        };
        seen.filter_map(with_time).collect()
    }
}

/// Hands changes to the thread that keeps and tells them. Cheap to clone.
#[derive(Clone)]
pub struct Announcer(Sender<Told>);

/// What the thread is told.
enum Told {
    Incident(IncidentRecord),
    Still(Given),
    Finish,
}

impl Announcer {
    /// One that nobody listens to.
    #[cfg(test)]
    pub fn to_nobody() -> Self {
        Self(channel().0)
    }

    /// Says how incidents stand, in the order of the calls, and returns at once.
    pub fn tell(&self, records: Vec<IncidentRecord>) {
        for record in records {
            log(&record);
            // The thread outlives every camera, so that somebody listens.
            drop(self.0.send(Told::Incident(record)));
        }
    }

    /// Hands over the stills of incidents that were told before.
    pub fn show(&self, stills: Vec<Given>) {
        for still in stills {
            drop(self.0.send(Told::Still(still)));
        }
    }
}

/// The log is for whoever has no page open; metrics count what began.
fn log(record: &IncidentRecord) {
    let incident = &record.incident;
    let (camera, kind) = (&record.id.camera, incident.kind);
    let (zone, severity) = (incident.zone.as_ref().map(|z| z.as_str()), incident.severity.as_str());
    let number = record.id.number;
    match (record.state, record.revision) {
        (IncidentState::Open, 1) => {
            counter!("wayside_incidents_total", "camera" => camera.to_string(), "kind" => kind.as_str())
                .increment(1);
            tracing::warn!(%camera, number, %kind, zone, severity, "incident began");
        }
        (IncidentState::Open, _) => {
            tracing::warn!(%camera, number, %kind, zone, severity, "incident changed")
        }
        (IncidentState::Ended, _) => tracing::info!(%camera, number, %kind, zone, severity, "incident ended"),
        (IncidentState::Unknown, _) => {
            tracing::info!(%camera, number, %kind, zone, severity, "incident is watched no more");
        }
    }
}

/// The thread that keeps changes and tells them.
pub struct Keeper(JoinHandle<()>);

impl Keeper {
    /// Starts it, with what tells it.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn start(
        writer: Arc<Writer>,
        hub: LiveHub,
        clock: SharedClock,
    ) -> std::io::Result<(Self, Announcer)> {
        let (announcer, told) = channel();
        let work = move || keep(&told, &writer, &hub, &clock);
        let thread = std::thread::Builder::new().name("wayside-incidents".to_owned()).spawn(work)?;
        Ok((Self(thread), Announcer(announcer)))
    }

    /// Waits until everything told so far is kept and shown, and ends the thread.
    pub fn finish(self, announcer: &Announcer) {
        drop(announcer.0.send(Told::Finish));
        if self.0.join().is_err() {
            tracing::error!("the keeper of incidents ended by a panic");
        }
    }
}

/// Kept first, shown second: what a page has seen must still be there after a crash. Keeping is one sync of a file and
/// never waits for the database.
fn keep(told: &Receiver<Told>, writer: &Writer, hub: &LiveHub, clock: &SharedClock) {
    let took = histogram!("wayside_incident_told_seconds");
    while let Ok(first) = told.recv() {
        let mut last = false;
        let (mut records, mut stills) = (Vec::new(), Vec::new());
        // What came meanwhile shares the sync.
        for one in std::iter::once(first).chain(told.try_iter()) {
            match one {
                Told::Incident(record) => records.push(record),
                Told::Still(still) => stills.push(still),
                Told::Finish => last = true,
            }
        }
        if let Err(error) = writer.submit_incidents(records.clone()) {
            tracing::error!(%error, "incidents could not be kept");
        }
        for record in records {
            if record.revision == 1 {
                let since = clock.now().duration_since(record.incident.detected);
                took.record(since.as_secs_f64().max(0.0));
            }
            hub.publish(LiveEvent::Incident(Arc::new(record)));
        }
        stills.iter().for_each(|given| keep_still(given, writer));
        if last {
            return;
        }
    }
}

fn keep_still(given: &Given, writer: &Writer) {
    let Given { incident, kind, taken_at, .. } = given;
    match given.jpeg() {
        Ok(jpeg) => {
            let (incident, kind, taken_at) = (incident.clone(), *kind, *taken_at);
            let still = IncidentStill { incident, kind, taken_at, jpeg: jpeg.into() };
            if let Err(error) = writer.submit_still(still) {
                tracing::error!(%error, "a still could not be kept");
            }
        }
        Err(error) => tracing::warn!(%incident, %error, "no still"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wayside_types::{Incident, IncidentKind, Severity};

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(s).unwrap()
    }

    fn change(number: u64, phase: IncidentPhase, last_seen: i64, severity: Severity) -> IncidentChange {
        let ended = (phase == IncidentPhase::Ended).then(|| at(last_seen));
        let (kind, onset, detected) = (IncidentKind::CameraDark, at(10), at(20));
        let (zone, place, why) = (None, None, Vec::new());
        let incident = Incident { kind, zone, place, severity, confidence: 0.8, onset, detected, ended, why };
        IncidentChange { number, phase, last_seen: at(last_seen), incident }
    }

    #[test]
    fn an_incident_keeps_its_id_and_each_gets_one_of_its_own() {
        let mut book = Book::new(CameraId::new("a").unwrap(), 7, None);
        let began = book.take(vec![change(1, IncidentPhase::Began, 20, Severity::Minor)]);
        assert_eq!((began[0].id.to_string().as_str(), began[0].revision), ("a.7.1", 1));
        let worse = book.take(vec![change(1, IncidentPhase::Changed, 30, Severity::Severe)]);
        assert_eq!((worse[0].revision, worse[0].incident.severity), (2, Severity::Severe));
        assert!(worse[0].is_newer_than(&began[0]) && worse[0].state == IncidentState::Open);
        assert_eq!(book.open([(1, at(40)), (9, at(40))].into_iter())[0].last_seen, at(40));
        // Rules that begin anew count from 1 again; the book does not.
        let both = book.take(vec![
            change(1, IncidentPhase::Lost, 41, Severity::Severe),
            change(1, IncidentPhase::Began, 42, Severity::Minor),
        ]);
        assert_eq!(
            (both[0].state, both[0].incident.ended, both[0].last_seen),
            (IncidentState::Unknown, None, at(41))
        );
        assert_eq!((both[1].id.number, both[1].state), (2, IncidentState::Open));
        let ended = book.take(vec![change(1, IncidentPhase::Ended, 50, Severity::Minor)]);
        assert_eq!(
            (ended[0].id.number, ended[0].state, ended[0].last_seen),
            (2, IncidentState::Ended, at(50))
        );
        assert_eq!(book.open([(1, at(60))].into_iter()), []);
    }
}
