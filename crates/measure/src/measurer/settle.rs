//! Crossings from the moment that a path shows or implies them until they are sure: what nobody saw is concluded from how tracks
//! begin and end, and each waits before it is told. Whether it counts is `line`'s to say, what else is noted of it `noted`'s.

use wayside_types::{Direction, Sign, Timestamp, Track};

use super::{CROWDED_SHARE, MAX_LATENESS, MeasuredLine, Measurer};
use crate::crossing::Passage;
use crate::event::{Crossing, Event, Movement};
use crate::gap;
use crate::path::{later, seconds};
use crate::quality::is_at_end;
use crate::speed::speed;

/// A crossing waits this long before it is reported: the class gets more votes, the speed more path, and
/// one that is taken back at once was none.
const SETTLE_S: f64 = 0.7;
/// What never reached `high_score` must travel so many times `min_travel_boxes`.
const WEAK_TRAVEL: f64 = 3.0;
/// The path this long before and after a crossing says where on the line it was.
const PLACE_WINDOW_S: f64 = 0.7;
/// A movement is reported when its track ends, or this long after its last crossing.
const MOVEMENT_SETTLE_S: f64 = 20.0;

/// A crossing that waits to be reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub line: usize,
    pub passage: Passage,
    /// Whether the path itself crossed; otherwise it was extrapolated.
    pub seen: bool,
    pub crowded: bool,
}

/// What became of a crossing that had waited.
pub(super) struct Told {
    pub pending: Pending,
    /// Whether it counted, or by which sign it did not.
    pub counts: Result<(), Sign>,
    /// Whether its track was followed for much less before the line than is usual there; `None` where nobody knows.
    pub brief: Option<bool>,
    /// Whether it was at the very end of the line.
    pub at_end: bool,
}

impl Measurer {
    /// A road user that was first detected in motion in the middle of the picture, just past a line, must
    /// have come over it.
    pub(super) fn look_back(&mut self, track: &Track) {
        let Some(user) = self.users.get_mut(&track.id) else { return };
        if !track.confirmed || !track.observed || user.looked_back {
            return;
        }
        let Some(velocity) = user.path.velocity_at_start(gap::WINDOW_S) else {
            user.looked_back = seconds(user.path.first().at, user.path.last().at) > gap::JUDGE_S;
            return;
        };
        if seconds(user.path.first().at, user.path.last().at) < gap::JUDGE_S {
            return;
        }
        user.looked_back = true;
        if !user.starts_inside || user.path.score_at_start(gap::JUDGE_S) < gap::MIN_SCORE {
            return;
        }
        for (index, line) in self.lines.iter().enumerate() {
            // What happened before the camera watched is not counted.
            let watched = |p: &Passage| self.first_at.is_some_and(|first| p.at >= first);
            if let Some(passage) = gap::before(&line.segment, user.path.first(), velocity).filter(watched) {
                let crowded = user.came_out;
                user.pending.push(Pending { line: index, passage, seen: false, crowded });
            }
        }
    }

    /// A road user that was lost in steady motion in the middle of the picture, just before a line, has
    /// gone over it; not a vehicle that would have had to drive through one that stands: it joined the queue.
    pub(super) fn look_ahead(&mut self, now: Timestamp, track: &Track) {
        let inside = !self.is_at_edge(&track.bbox);
        let Some(user) = self.users.get_mut(&track.id) else { return };
        let velocity = |window_s| user.path.velocity_at_end(window_s);
        let Some(velocity) = velocity(gap::WINDOW_S).or_else(|| velocity(gap::WIDER_WINDOW_S)) else {
            return;
        };
        // What fades while it is hidden was once seen well.
        let faded = user.path.best_score() >= f64::from(self.high_score);
        let least = if faded { gap::MIN_SCORE_FADED } else { gap::MIN_SCORE };
        if !track.confirmed || !inside || user.path.score_at_end(gap::JUDGE_S) < least {
            return;
        }
        // Where two vehicles are beside each other, a track may leap from one to the other before it is lost.
        let sure = user.path.sure_velocity_at_end(gap::WIDER_WINDOW_S);
        if !sure.is_some_and(|sure| gap::is_one_way(sure, velocity)) || self.company.goes_on(track.id) {
            return;
        }
        for (index, line) in self.lines.iter().enumerate() {
            // Where a recording ends, nobody was lost: what would have happened later is not counted.
            let watched = |p: &Passage| p.at <= now;
            let last = user.path.last();
            let motor = track.class.is_motor_vehicle();
            let free = |p: &Passage| !(motor && self.company.blocked(track.id, last.p, p.place));
            if let Some(passage) = gap::after(&line.segment, last, velocity).filter(watched).filter(free) {
                let crowded = self.company.covered(track.id, &track.bbox, CROWDED_SHARE);
                user.pending.push(Pending { line: index, passage, seen: false, crowded });
            }
        }
    }

    /// Reports crossings that have waited long enough, and a movement that is over.
    pub(super) fn settle(&mut self, now: Timestamp, track: &Track, ended: bool, events: &mut Vec<Event>) {
        let Some(user) = self.users.get_mut(&track.id) else { return };
        // What was never detected well must show by its way that it is no thing beside the road.
        let weak = user.path.best_score() < f64::from(self.high_score);
        let travel = self.settings.min_travel_boxes * if weak { WEAK_TRAVEL } else { 1.0 };
        let mut noted = Vec::new();
        let mut index = 0;
        while let Some(pending) = user.pending.get(index).copied() {
            // Who was lost on its way has come as far as the place where it is taken to have crossed.
            let taken = if pending.seen || weak { 0.0 } else { user.path.boxes_to(pending.passage.place) };
            let sure = track.confirmed && user.path.travel_boxes().max(taken) >= travel;
            let ripe = ended || seconds(pending.passage.at, now) >= SETTLE_S;
            let part = |line: &MeasuredLine| line.is_part_of_counted(track, user, &pending, &self.company);
            let goes = ripe && (sure || self.lines.get(pending.line).is_some_and(part));
            if !goes {
                index += 1;
                continue;
            }
            user.pending.remove(index);
            if !sure {
                noted.push(Told { pending, counts: Err(Sign::Part), brief: None, at_end: false });
                continue;
            }
            let Some(line) = self.lines.get_mut(pending.line) else { continue };
            let smooth = user.path.place_at(pending.passage.at, PLACE_WINDOW_S).filter(|_| pending.seen);
            let place = smooth.unwrap_or(pending.passage.place);
            let at_end = is_at_end(&line.segment, place, user.path.unit_since(pending.passage.at));
            if !line.segment.holds(place) {
                if at_end && pending.seen {
                    noted.push(Told { pending, counts: Err(Sign::PastEnd), brief: None, at_end });
                }
                continue;
            }
            let recount_s = f64::from(self.settings.recount_ms) / 1_000.0;
            let again = line.recent.same_track(track.id, pending.passage.at, recount_s);
            if again {
                continue;
            }
            let brief = line.is_brief(user, &pending);
            let counts = line.accept((track, user), &pending, brief, &self.company);
            noted.push(Told { pending, counts, brief, at_end });
            if counts.is_err() {
                continue;
            }
            let at = pending.passage.at.max(later(now, -MAX_LATENESS.as_secs_f64()));
            let speed_mps =
                self.ground.as_ref().and_then(|g| speed(g, self.size, &user.path, pending.passage.at));
            let direction: Direction = pending.passage.direction;
            events.push(Event::Crossing(Crossing {
                line: line.id.clone(),
                direction,
                class: track.class,
                at,
                speed_mps,
            }));
            user.entered.get_or_insert(pending.line);
            user.left = Some((pending.line, pending.passage.at));
            user.crossed = Some((pending.line, direction));
            if !user.counted {
                user.counted = true;
                self.quality.counted += 1;
            }
        }
        if let Some(user) = self.users.get(&track.id) {
            events.extend(noted.iter().flat_map(|told| self.note_crossing(now, (track, user), told)));
        }
        let Some(user) = self.users.get_mut(&track.id) else { return };
        let (Some(from), Some((to, left_at))) = (user.entered, user.left) else { return };
        if from != to && (ended || seconds(left_at, now) >= MOVEMENT_SETTLE_S) {
            let (Some(from), Some(to_line)) = (self.lines.get(from), self.lines.get(to)) else { return };
            let at = left_at.max(later(now, -MAX_LATENESS.as_secs_f64()));
            let (from, to_id) = (from.id.clone(), to_line.id.clone());
            events.push(Event::Movement(Movement { from, to: to_id, class: track.class, at }));
            // What it does next is a movement that starts where this one ended.
            user.entered = Some(to);
            user.moved = true;
        }
    }
}
