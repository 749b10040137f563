//! Which alert is which hazard, and the sums over all scenes.
//!
//! An alert tells a hazard of its own kind, in its zone if both name one, when it is raised no earlier than
//! [`EARLY_S`] before the hazard's onset and their times overlap. Each hazard takes the first alert that tells it, each
//! alert tells one hazard at most. An alert that is left over is false, a second one of the same hazard as well, unless
//! the label says that it is several; kinds that the scene tolerates count neither way. A hazard without an alert
//! is missed. A false alert counts against its own kind, in whatever scene it is.

use std::collections::BTreeMap;

use serde::Serialize;
use wayside_engine::report::IncidentReport;
use wayside_types::IncidentKind;

use super::label::{Hazard, Scene};

/// Labels are no more exact than this, and a rule may see the beginning earlier than the label says.
const EARLY_S: f64 = 1.0;
/// An alert that is less confident is called unsure.
pub const UNSURE_BELOW: f64 = 0.7;

/// An alert of a scene, seconds of the video.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// What it says.
    pub kind: IncidentKind,
    /// Where.
    pub zone: Option<String>,
    /// When its condition began.
    pub start_s: f64,
    /// When it was raised.
    pub detected_s: f64,
    /// When it was over.
    pub end_s: Option<f64>,
    /// How sure, 0 to 1.
    pub confidence: f64,
}

impl From<&IncidentReport> for Alert {
    fn from(incident: &IncidentReport) -> Self {
        Self {
            kind: incident.kind,
            zone: incident.zone.as_ref().map(ToString::to_string),
            start_s: incident.start_s,
            detected_s: incident.detected_s,
            end_s: incident.end_s,
            confidence: incident.confidence,
        }
    }
}

/// A hazard and whether it was told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// What went wrong.
    pub kind: IncidentKind,
    /// From its onset to the alert, less the rule's hold, seconds; `None` if it was missed.
    pub delay_s: Option<f64>,
    /// Whether the alert was unsure.
    pub unsure: bool,
}

/// What came of a scene.
#[derive(Debug, Clone, Serialize)]
pub struct Scored {
    /// Its name.
    pub scene: String,
    /// The kind that it was made for.
    pub about: IncidentKind,
    /// Its family.
    pub family: String,
    /// Length of the video.
    pub watched_s: f64,
    /// Hazards, in the label's order.
    pub hazards: Vec<Outcome>,
    /// False alerts.
    pub false_alerts: Vec<Alert>,
}

/// Matches a scene's alerts with its label.
pub fn match_scene(
    scene: &Scene,
    mut alerts: Vec<Alert>,
    watched_s: f64,
    hold_s: impl Fn(IncidentKind) -> f64,
) -> Scored {
    alerts.sort_by(|a, b| a.detected_s.total_cmp(&b.detected_s));
    let mut left = alerts;
    let mut hazards = Vec::new();
    for hazard in &scene.hazards {
        let first = left.iter().position(|alert| tells(alert, hazard));
        let alert = first.map(|index| left.remove(index));
        if hazard.several {
            left.retain(|alert| !tells(alert, hazard));
        }
        hazards.push(Outcome {
            kind: hazard.kind,
            delay_s: alert.as_ref().map(|alert| alert.detected_s - hazard.onset_s - hold_s(hazard.kind)),
            unsure: alert.as_ref().is_some_and(|alert| alert.confidence < UNSURE_BELOW),
        });
    }
    left.retain(|alert| !scene.tolerated.contains(&alert.kind));
    Scored {
        scene: scene.name.clone(),
        about: scene.about,
        family: scene.family.clone(),
        watched_s,
        hazards,
        false_alerts: left,
    }
}

fn tells(alert: &Alert, hazard: &Hazard) -> bool {
    let zone = match (&alert.zone, &hazard.zone) {
        (Some(told), Some(labelled)) => told == labelled,
        _ => true,
    };
    let begins_before_its_end = hazard.end_s.is_none_or(|end| alert.start_s <= end);
    let ends_after_its_onset = alert.end_s.is_none_or(|end| end >= hazard.onset_s);
    alert.kind == hazard.kind
        && zone
        && alert.detected_s >= hazard.onset_s - EARLY_S
        && begins_before_its_end
        && ends_after_its_onset
}

/// Sums of one kind.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Scenes in which nothing goes wrong that were made to tempt this kind.
    pub negatives: u64,
    /// Hazards that were told.
    pub detected: u64,
    /// Hazards that were not.
    pub missed: u64,
    /// Alerts without a hazard.
    pub false_alerts: u64,
    /// Alerts, true or false, that were unsure.
    pub unsure: u64,
    /// From onset to alert beyond the hold, of those that were told, seconds.
    pub delays_s: Vec<f64>,
}

impl Tally {
    /// Alerts, true or false.
    pub fn alerts(&self) -> u64 {
        self.detected + self.false_alerts
    }

    /// Mean delay beyond the hold.
    pub fn mean_delay_s(&self) -> Option<f64> {
        let n = self.delays_s.len();
        (n > 0).then(|| self.delays_s.iter().sum::<f64>() / n as f64)
    }

    /// The longest.
    pub fn worst_delay_s(&self) -> Option<f64> {
        self.delays_s.iter().copied().max_by(f64::total_cmp)
    }
}

/// Sums over scenes.
#[derive(Debug, Clone, Default)]
pub struct Tallies {
    /// Kind by kind, of those that a scene was made for or an alert was raised of.
    pub kinds: BTreeMap<IncidentKind, Tally>,
    /// Scenes.
    pub scenes: usize,
    /// Length of all videos.
    pub watched_s: f64,
}

/// Adds scenes up.
pub fn tallies(scored: &[Scored]) -> Tallies {
    let mut all = Tallies { scenes: scored.len(), ..Tallies::default() };
    for scene in scored {
        all.watched_s += scene.watched_s;
        let about = all.kinds.entry(scene.about).or_default();
        about.negatives += u64::from(scene.hazards.is_empty());
        for hazard in &scene.hazards {
            let tally = all.kinds.entry(hazard.kind).or_default();
            match hazard.delay_s {
                Some(delay_s) => {
                    tally.detected += 1;
                    tally.delays_s.push(delay_s);
                }
                None => tally.missed += 1,
            }
            tally.unsure += u64::from(hazard.unsure);
        }
        for alert in &scene.false_alerts {
            let tally = all.kinds.entry(alert.kind).or_default();
            tally.false_alerts += 1;
            tally.unsure += u64::from(alert.confidence < UNSURE_BELOW);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hazard(zone: Option<&str>, onset_s: f64, end_s: Option<f64>) -> Hazard {
        let zone = zone.map(str::to_owned);
        Hazard { kind: IncidentKind::StoppedVehicle, zone, onset_s, end_s, several: false }
    }

    fn alert(zone: Option<&str>, start_s: f64, detected_s: f64, end_s: Option<f64>) -> Alert {
        let zone = zone.map(str::to_owned);
        Alert { kind: IncidentKind::StoppedVehicle, zone, start_s, detected_s, end_s, confidence: 0.9 }
    }

    fn scored(hazards: Vec<Hazard>, alerts: Vec<Alert>, tolerated: &[IncidentKind]) -> Scored {
        let scene = Scene {
            name: "s".into(),
            video: "v".into(),
            camera: "c".into(),
            about: IncidentKind::StoppedVehicle,
            family: "f".into(),
            hazards,
            tolerated: tolerated.to_vec(),
        };
        match_scene(&scene, alerts, 60.0, |_| 5.0)
    }

    #[track_caller]
    fn check(hazards: Vec<Hazard>, alerts: Vec<Alert>, told: &[bool], false_alerts: usize) {
        let scored = scored(hazards, alerts, &[]);
        let found: Vec<bool> = scored.hazards.iter().map(|h| h.delay_s.is_some()).collect();
        assert_eq!((found.as_slice(), scored.false_alerts.len()), (told, false_alerts), "{scored:?}");
    }

    #[test]
    fn an_alert_tells_a_hazard_of_its_kind_and_zone_while_it_lasts() {
        let one = || vec![hazard(Some("a"), 10.0, Some(30.0))];
        check(one(), vec![alert(Some("a"), 10.2, 15.5, Some(29.0))], &[true], 0);
        check(one(), vec![alert(Some("b"), 10.2, 15.5, Some(29.0))], &[false], 1);
        check(one(), vec![alert(None, 10.2, 15.5, None)], &[true], 0);
        // Raised before anything was wrong, though it goes on until then.
        check(one(), vec![alert(Some("a"), 2.0, 7.0, Some(20.0))], &[false], 1);
        // Begun only after it was over.
        check(one(), vec![alert(Some("a"), 31.0, 36.0, None)], &[false], 1);
        // Raised late, of what was still there.
        check(one(), vec![alert(Some("a"), 28.0, 33.0, Some(34.0))], &[true], 0);
        check(one(), vec![], &[false], 0);
        check(vec![], vec![alert(Some("a"), 1.0, 6.0, None)], &[], 1);
        let other = Alert { kind: IncidentKind::WrongWay, ..alert(Some("a"), 10.2, 15.5, None) };
        check(one(), vec![other], &[false], 1);
    }

    #[test]
    fn one_hazard_is_one_alert() {
        let alerts = || vec![alert(Some("a"), 20.0, 25.0, None), alert(Some("a"), 10.0, 15.0, Some(18.0))];
        check(vec![hazard(Some("a"), 10.0, None)], alerts(), &[true], 1);
        check(vec![Hazard { several: true, ..hazard(Some("a"), 10.0, None) }], alerts(), &[true], 0);
        let two = vec![hazard(Some("a"), 10.0, Some(18.0)), hazard(Some("a"), 20.0, None)];
        check(two, alerts(), &[true, true], 0);
        let both = scored(vec![hazard(Some("a"), 10.0, None)], alerts(), &[IncidentKind::StoppedVehicle]);
        assert!(both.false_alerts.is_empty());
        // The earlier one counts, and its delay is what it took beyond the hold.
        assert!((both.hazards[0].delay_s.unwrap() - 0.0).abs() < 1e-9);
    }

    #[test]
    fn sums_are_kept_by_kind() {
        let hit = scored(vec![hazard(None, 10.0, None)], vec![alert(None, 10.0, 16.0, None)], &[]);
        let miss = scored(vec![hazard(None, 10.0, None)], vec![], &[]);
        let wrong = Alert { kind: IncidentKind::CameraMoved, confidence: 0.3, ..alert(None, 1.0, 2.0, None) };
        let negative = scored(vec![], vec![wrong], &[]);
        let all = tallies(&[hit, miss, negative]);
        assert!((all.watched_s - 180.0).abs() < 1e-9);
        let stopped = &all.kinds[&IncidentKind::StoppedVehicle];
        assert_eq!((stopped.detected, stopped.missed, stopped.false_alerts, stopped.negatives), (1, 1, 0, 1));
        assert_eq!((stopped.mean_delay_s(), stopped.worst_delay_s()), (Some(1.0), Some(1.0)));
        let moved = &all.kinds[&IncidentKind::CameraMoved];
        assert_eq!((moved.detected, moved.false_alerts, moved.unsure, moved.alerts()), (0, 1, 1, 1));
    }
}
