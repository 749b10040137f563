//! One incident a cause: rules say in every frame what holds, and this remembers what of it is new, worse or over.

use wayside_types::{
    Incident, IncidentChange, IncidentKind, IncidentPhase, Place, Reason, Severity, Timestamp, ZoneId,
};

/// Something that holds now.
#[derive(Debug, Clone)]
pub struct Held {
    pub kind: IncidentKind,
    /// Tells causes of one kind apart.
    pub key: u64,
    pub zone: Option<ZoneId>,
    pub place: Option<Place>,
    pub severity: Severity,
    pub confidence: f64,
    pub onset: Timestamp,
    /// When it was last known to hold.
    pub last: Timestamp,
    pub why: Vec<Reason>,
}

/// Incidents that are not over.
#[derive(Debug, Default)]
pub struct Ledger {
    open: Vec<Open>,
    last_number: u64,
}

#[derive(Debug)]
struct Open {
    key: u64,
    number: u64,
    last: Timestamp,
    incident: Incident,
}

impl Ledger {
    /// Takes all that holds of the kinds that were looked for; what is open of them and does not hold is over.
    pub fn update(
        &mut self,
        at: Timestamp,
        held: Vec<Held>,
        looked_for: impl Fn(IncidentKind) -> bool,
    ) -> Vec<IncidentChange> {
        let mut changes = Vec::new();
        let holds = |open: &Open| held.iter().any(|h| (h.kind, h.key) == (open.incident.kind, open.key));
        let over = |open: &mut Open| looked_for(open.incident.kind) && !holds(open);
        changes.extend(self.open.extract_if(.., over).map(|open| open.end()));
        for held in held {
            changes.extend(self.hold(at, held));
        }
        changes
    }

    /// Ends everything: nobody watches any more.
    pub fn close(&mut self) -> Vec<IncidentChange> {
        self.open.drain(..).map(|open| open.change(IncidentPhase::Lost)).collect()
    }

    /// The numbers of what is open, and when each was last known to hold.
    pub fn open(&self) -> impl Iterator<Item = (u64, Timestamp)> {
        self.open.iter().map(|open| (open.number, open.last))
    }

    fn hold(&mut self, at: Timestamp, held: Held) -> Option<IncidentChange> {
        let same = |open: &&mut Open| (open.incident.kind, open.key) == (held.kind, held.key);
        if let Some(open) = self.open.iter_mut().find(same) {
            open.last = held.last.max(open.last);
            let worse = held.severity > open.incident.severity;
            if worse {
                open.incident.severity = held.severity;
            }
            return worse.then(|| open.change(IncidentPhase::Changed));
        }
        self.last_number += 1;
        let incident = Incident {
            kind: held.kind,
            zone: held.zone,
            place: held.place,
            severity: held.severity,
            confidence: held.confidence.clamp(0.0, 1.0),
            onset: held.onset,
            detected: at,
            ended: None,
            why: held.why,
        };
        let open = Open { key: held.key, number: self.last_number, last: held.last, incident };
        let change = open.change(IncidentPhase::Began);
        self.open.push(open);
        Some(change)
    }
}

impl Open {
    fn change(&self, phase: IncidentPhase) -> IncidentChange {
        let incident = self.incident.clone();
        IncidentChange { number: self.number, phase, last_seen: self.last, incident }
    }

    fn end(mut self) -> IncidentChange {
        self.incident.ended = Some(self.last.max(self.incident.onset));
        self.change(IncidentPhase::Ended)
    }
}
