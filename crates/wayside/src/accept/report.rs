//! What `wayside accept` prints and writes: kind by kind, with 95 % intervals, and what went wrong where.

use serde_json::{Value, json};

use super::score::{Scored, Tallies, Tally, UNSURE_BELOW};
use super::wilson::interval;
use crate::process::say;

/// Prints the table; with `details` also every miss and every false alert.
pub fn print(tallies: &Tallies, scored: &[Scored], details: bool) {
    let hours = tallies.watched_s / 3600.0;
    say(&format!("{} scenes, {hours:.2} camera-hours; intervals are Wilson's, 95 %", tallies.scenes));
    say(&format!(
        "{:<26} {:>21} {:>6} {:>9} {:>23} {:>13} {:>15} {:>20}",
        "kind",
        "detected",
        "missed",
        "negatives",
        "false of alerts",
        "an hour (day)",
        "delay, worst s",
        "unsure"
    ));
    for (kind, tally) in &tallies.kinds {
        let trials = tally.detected + tally.missed;
        let false_alerts = share(tally.false_alerts, tally.alerts());
        let rate = tally.false_alerts as f64 / hours;
        let delay = match (tally.mean_delay_s(), tally.worst_delay_s()) {
            (Some(mean), Some(worst)) => format!("{mean:.1}, {worst:.1}"),
            _ => "-".into(),
        };
        say(&format!(
            "{:<26} {:>21} {:>6} {:>9} {:>23} {:>13} {:>15} {:>20}",
            kind.as_str(),
            share(tally.detected, trials),
            tally.missed,
            tally.negatives,
            false_alerts,
            format!("{rate:.1} ({:.0})", rate * 24.0),
            delay,
            share(tally.unsure, tally.alerts()),
        ));
    }
    say(&format!(
        "delay is from onset to alert beyond the rule's hold; unsure is a confidence under {UNSURE_BELOW}"
    ));
    if details {
        scored.iter().for_each(print_details);
    }
}

fn print_details(scene: &Scored) {
    for missed in scene.hazards.iter().filter(|h| h.delay_s.is_none()) {
        say(&format!("missed {} in {} ({})", missed.kind, scene.scene, scene.family));
    }
    for alert in &scene.false_alerts {
        let (kind, zone) = (alert.kind, alert.zone.as_deref().unwrap_or("-"));
        let at = format!("{:.1} s, raised {:.1} s", alert.start_s, alert.detected_s);
        say(&format!("false {kind} in {} ({}): zone {zone}, from {at}", scene.scene, scene.family));
    }
}

/// "49/50 90-100 %".
fn share(hits: u64, trials: u64) -> String {
    match interval(hits, trials) {
        Some((low, high)) => format!("{hits}/{trials} {:.1}-{:.1} %", low * 100.0, high * 100.0),
        None => "-".into(),
    }
}

/// The same for machines, with every scene.
pub fn json(tallies: &Tallies, scored: &[Scored]) -> Value {
    let hours = tallies.watched_s / 3600.0;
    let kinds: serde_json::Map<String, Value> =
        tallies.kinds.iter().map(|(kind, tally)| (kind.to_string(), of_kind(tally, hours))).collect();
    json!({ "scenes": tallies.scenes, "camera_hours": hours, "kinds": kinds, "by_scene": scored })
}

fn of_kind(tally: &Tally, hours: f64) -> Value {
    let trials = tally.detected + tally.missed;
    let part = |hits: u64, of: u64| (of > 0).then(|| hits as f64 / of as f64);
    json!({
        "positives": trials,
        "negatives": tally.negatives,
        "detected": tally.detected,
        "missed": tally.missed,
        "detected_share": part(tally.detected, trials),
        "detected_interval": interval(tally.detected, trials),
        "false_alerts": tally.false_alerts,
        "false_share": part(tally.false_alerts, tally.alerts()),
        "false_interval": interval(tally.false_alerts, tally.alerts()),
        "false_per_camera_hour": tally.false_alerts as f64 / hours,
        "false_per_camera_day": tally.false_alerts as f64 / hours * 24.0,
        "mean_delay_s": tally.mean_delay_s(),
        "worst_delay_s": tally.worst_delay_s(),
        "unsure": tally.unsure,
        "unsure_share": part(tally.unsure, tally.alerts()),
        "unsure_interval": interval(tally.unsure, tally.alerts()),
    })
}
