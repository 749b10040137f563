//! Which detection belongs to which track: the likelihood of each pairing under the track's own motion,
//! or, before it has one, under the camera's learnt flow; the two rounds by score of ByteTrack; and a third
//! by overlap for what moved otherwise than predicted.

use wayside_types::{Detection, Timestamp};

use crate::assign::assign;
use crate::clean::Group;
use crate::flow::Flow;
use crate::motion::{Fit, Measured, Motion};
use crate::tracklet::{Tracklet, seconds};

/// Squared Mahalanobis distance beyond which a pairing is out of the question.
const GATE_STRONG: f64 = 25.0;
/// The same for weak detections, which are often not what they seem.
const GATE_WEAK: f64 = 12.0;
/// Twice the negative log-likelihood of a detection that belongs to no track: a pairing must beat it.
const ALONE: f64 = 9.0;
/// The same for weak detections: more of them are nothing.
const ALONE_WEAK: f64 = 4.0;
/// A weak detection is something else where both its sides differ by more than this (logarithm) from those of a track
/// that was just seen: what stands in front of a road user shortens one side, rarely both at once.
const WEAK_SIZE: f64 = 0.4;
/// That is a track seen this lately …
const JUST_SEEN_S: f64 = 0.3;
/// … and this often.
const KNOWN_HITS: u32 = 3;
/// A track unseen for longer than this takes no weak detection.
const WEAK_UNSEEN_S: f64 = 2.0;
/// A strong detection that is nobody's is a left-over track's where their boxes overlap by this (IoU) …
const RESCUE_IOU: f32 = 0.2;
/// … their sides differ by less than this (logarithm) …
const RESCUE_SIZE: f32 = 0.5;
/// … the track is known and was unseen for no longer than this.
const RESCUE_UNSEEN_S: f64 = 0.5;
/// However unsure the prediction is, nobody moves faster than this many box units a second.
const MAX_SPEED_UNITS_S: f64 = 9.0;
/// Another class of the same group costs this.
const OTHER_CLASS: f64 = 0.5;
/// A track that is not confirmed yet costs this: a second box around a car must not take the car away from
/// the track that followed it all along.
const UNSURE: f64 = 2.0;

/// A pairing: index of the track, index of the detection, and the track's motion predicted for it.
pub(crate) struct Pair {
    pub track: usize,
    pub detection: usize,
    pub motion: Motion,
}

/// Finds the best pairs for one frame. `tracks` of two or more detections are already predicted to `at`.
pub(crate) fn associate(
    tracks: &[Tracklet],
    detections: &[Detection],
    at: Timestamp,
    high_score: f32,
    flow: &Flow,
) -> Vec<Pair> {
    let beliefs: Vec<Vec<(Motion, f64)>> = tracks.iter().map(|t| beliefs(t, at, flow)).collect();
    let mut free_tracks: Vec<usize> = (0..tracks.len()).collect();
    let mut pairs = Vec::new();
    for strong in [true, false] {
        let alone = if strong { ALONE } else { ALONE_WEAK };
        let round: Vec<usize> =
            (0..detections.len()).filter(|&d| (detections[d].score >= high_score) == strong).collect();
        let rows: Vec<usize> = free_tracks
            .iter()
            .copied()
            .filter(|&t| strong || seconds(tracks[t].last_seen, at) <= WEAK_UNSEEN_S)
            .collect();
        let mut costs = Vec::with_capacity(rows.len() * round.len());
        let mut chosen = Vec::with_capacity(rows.len() * round.len());
        for &t in &rows {
            for &d in &round {
                let (cost, motion) = pairing(&tracks[t], &beliefs[t], &detections[d], at, strong);
                costs.push(cost);
                chosen.push(motion);
            }
        }
        for (row, column) in assign(&costs, rows.len(), round.len(), alone).into_iter().enumerate() {
            let Some(column) = column else { continue };
            let Some(motion) = chosen[row * round.len() + column] else { continue };
            pairs.push(Pair { track: rows[row], detection: round[column], motion });
        }
        free_tracks.retain(|t| !pairs.iter().any(|p| p.track == *t));
    }
    rescue(tracks, detections, at, high_score, &mut pairs);
    pairs
}

/// Pairs what is left over by overlap alone. A stream that stutters shows a car a whole step late and the
/// next one twice as long, which no sensible model predicts.
fn rescue(
    tracks: &[Tracklet],
    detections: &[Detection],
    at: Timestamp,
    high_score: f32,
    pairs: &mut Vec<Pair>,
) {
    let lately = |t: &Tracklet| t.hits >= KNOWN_HITS && seconds(t.last_seen, at) <= RESCUE_UNSEEN_S;
    let rows: Vec<usize> =
        (0..tracks.len()).filter(|&t| lately(&tracks[t]) && !pairs.iter().any(|p| p.track == t)).collect();
    let columns: Vec<usize> = (0..detections.len())
        .filter(|&d| detections[d].score >= high_score && !pairs.iter().any(|p| p.detection == d))
        .collect();
    let cost = |t: &Tracklet, d: &Detection| {
        let b = t.motion.bbox();
        let alike = |own: f32, other: f32| (own / other).ln().abs() < RESCUE_SIZE;
        let fits = t.group == Group::of(d.class)
            && alike(b.width(), d.bbox.width())
            && alike(b.height(), d.bbox.height())
            && b.iou(&d.bbox) >= RESCUE_IOU;
        if fits { f64::from(1.0 - b.iou(&d.bbox)) } else { f64::INFINITY }
    };
    let mut costs = Vec::with_capacity(rows.len() * columns.len());
    for &t in &rows {
        costs.extend(columns.iter().map(|&d| cost(&tracks[t], &detections[d])));
    }
    for (row, column) in assign(&costs, rows.len(), columns.len(), 1.0).into_iter().enumerate() {
        if let Some(column) = column {
            let track = rows[row];
            pairs.push(Pair { track, detection: columns[column], motion: tracks[track].motion });
        }
    }
}

/// What a track may be doing, each with twice the negative log of its likelihood.
fn beliefs(track: &Tracklet, at: Timestamp, flow: &Flow) -> Vec<(Motion, f64)> {
    if track.hits > 1 {
        return vec![(track.motion, 0.0)];
    }
    let dt_s = seconds(track.last_seen, at);
    let reference = track.motion.bbox().reference();
    let headings = flow.headings(reference.x, reference.y);
    let unknown = 1.0 - headings.iter().map(|h| h.weight).sum::<f64>();
    let mut all = vec![(track.motion, unknown)];
    all.extend(headings.iter().map(|h| (track.motion.heading(h), h.weight)));
    all.into_iter()
        .map(|(mut motion, weight)| {
            motion.predict(dt_s);
            (motion, -2.0 * weight.max(1e-6).ln())
        })
        .collect()
}

/// The cost of a pairing and the motion it is best explained by; infinite and none if impossible.
fn pairing(
    track: &Tracklet,
    beliefs: &[(Motion, f64)],
    d: &Detection,
    at: Timestamp,
    strong: bool,
) -> (f64, Option<Motion>) {
    if track.group != Group::of(d.class) {
        return (f64::INFINITY, None);
    }
    let measured = Measured::new(&d.bbox, d.score);
    let class = if track.class() == d.class { 0.0 } else { OTHER_CLASS };
    let unsure = if track.confirmed() { 0.0 } else { UNSURE };
    let gate = if strong { GATE_STRONG } else { GATE_WEAK };
    let unseen_s = seconds(track.last_seen, at);
    let size_counts = !strong && track.hits >= KNOWN_HITS && unseen_s <= JUST_SEEN_S;
    let mut best = (f64::INFINITY, None);
    for (motion, prior) in beliefs {
        if size_counts && motion.sides_differ(&measured) > WEAK_SIZE {
            continue;
        }
        let Fit { distance2, size2, log_spread } = motion.fit(&measured);
        let reach = motion.unit() * (1.0 + MAX_SPEED_UNITS_S * unseen_s);
        let off = (measured.cx - motion.x.pos).hypot(measured.cy - motion.y.pos);
        let cost = distance2 + size2 + log_spread + prior + class + unsure;
        if distance2 <= gate && off <= reach && cost < best.0 {
            best = (cost, Some(*motion));
        }
    }
    best
}
