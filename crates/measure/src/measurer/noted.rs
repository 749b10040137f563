//! What the measurer notes beside its counts: signs of tracks that broke, merged or were too weak near a line, and where
//! counted tracks ended. What the signs are is `quality`'s; whether somebody counts is decided next door.

use wayside_types::{Evidence, RoadUserClass, Sign, Timestamp, Track};

use super::settle::{Pending, Told};
use super::{MAX_LATENESS, MERGED_SHARE, Measurer, User};
use crate::crossing::Passage;
use crate::event::{Event, Noted};
use crate::gap;
use crate::path::{later, seconds};
use crate::presence::UNSEEN_S;
use crate::quality::{self, Suspect};

impl Measurer {
    /// What is told of a crossing that was just counted, or not because somebody was counted there.
    pub(super) fn note_crossing(
        &self,
        now: Timestamp,
        (track, user): (&Track, &User),
        Told { pending, counts, brief, at_end }: &Told,
    ) -> Vec<Event> {
        let Some(line) = self.lines.get(pending.line) else { return Vec::new() };
        let at = pending.passage.at.max(later(now, -MAX_LATENESS.as_secs_f64()));
        let told = |class: RoadUserClass, evidence: Evidence| {
            let (line, direction) = (line.id.clone(), pending.passage.direction);
            Event::Noted(Noted { line, direction, class, at, evidence })
        };
        if let Err(sign) = counts {
            return vec![told(track.class, one(*sign))];
        }
        let first = user.path.first();
        let counted = quality::Counted {
            path: &user.path,
            passage: &pending.passage,
            seen: pending.seen,
            crowded: pending.crowded,
            at_end: *at_end,
            // Wherever it began, one that was followed as long as others are was not lost before.
            began_well: *brief == Some(false) || self.places.began(first.p, first.unit, !user.starts_inside),
            high_score: f64::from(self.high_score),
        };
        let mut evidence = counted.evidence();
        let other = quality::other_class(track);
        let elsewhere = other.map(|(class, own, others)| {
            evidence.add(own, 1);
            told(class, one(others))
        });
        std::iter::once(told(track.class, evidence)).chain(elsewhere).collect()
    }

    /// Suspects that a track which began behind a line had crossed it, once enough is seen of how it began.
    pub(super) fn suspect_before(&mut self, track: &Track, ended: bool) {
        let Some(user) = self.users.get_mut(&track.id) else { return };
        if !(user.looked_back || ended) || std::mem::replace(&mut user.suspected, true) || !user.starts_inside
        {
            return;
        }
        let Some(velocity) = user.path.velocity_at_start(gap::WINDOW_S) else { return };
        let sign = if user.came_out { Sign::Merged } else { Sign::Behind };
        let watched = |p: &Passage| self.first_at.is_some_and(|first| p.at >= first);
        for (index, line) in self.lines.iter().enumerate() {
            let known = user.pending.iter().any(|p| p.line == index);
            let passage = quality::before(&line.segment, &user.path, velocity).filter(watched);
            if let Some(passage) = passage.filter(|_| !known) {
                let unit = user.path.first().unit;
                self.suspects.push(Suspect { line: index, passage, class: track.class, sign, unit });
            }
        }
    }

    /// Suspects that a track which was lost short of a line went on over it.
    pub(super) fn suspect_after(&mut self, now: Timestamp, track: &Track) {
        if self.is_at_edge(&track.bbox) {
            return;
        }
        let merged = self.company.covered(track.id, &track.bbox, MERGED_SHARE);
        let Some(user) = self.users.get(&track.id) else { return };
        let velocity = |window_s| user.path.velocity_at_end(window_s);
        let Some(velocity) = velocity(gap::WINDOW_S).or_else(|| velocity(gap::WIDER_WINDOW_S)) else {
            return;
        };
        let sign = if merged { Sign::Merged } else { Sign::Short };
        for (index, line) in self.lines.iter().enumerate() {
            let known = user.pending.iter().any(|p| p.line == index);
            let passage = quality::after(&line.segment, &user.path, velocity).filter(|p| p.at <= now);
            if let Some(passage) = passage.filter(|_| !known) {
                let unit = user.path.last().unit;
                self.suspects.push(Suspect { line: index, passage, class: track.class, sign, unit });
            }
        }
    }

    /// Suspects that what crossed without being sure enough to count was somebody.
    pub(super) fn suspect_unsure(&mut self, track: &Track, user: &User) {
        for Pending { line, passage, .. } in user.pending.iter().copied() {
            if self.lines.get(line).is_some_and(|line| line.segment.holds(passage.place)) {
                let unit = user.path.last().unit;
                self.suspects.push(Suspect { line, passage, class: track.class, sign: Sign::Unsure, unit });
            }
        }
    }

    /// Tells of the suspects whom nobody counted meanwhile; of all of them where no more frames come.
    pub(super) fn note_suspects(&mut self, now: Timestamp, all: bool, events: &mut Vec<Event>) {
        let oldest = later(now, -MAX_LATENESS.as_secs_f64());
        for suspect in self.suspects.extract_if(.., |suspect| all || suspect.is_due(now)) {
            let Some(line) = self.lines.get(suspect.line) else { continue };
            if !line.recent.explains(&suspect.passage, suspect.unit) {
                events.push(Event::Noted(Noted {
                    line: line.id.clone(),
                    direction: suspect.passage.direction,
                    class: suspect.class,
                    at: suspect.passage.at.max(oldest),
                    evidence: one(suspect.sign),
                }));
            }
        }
    }

    /// Notes where a confirmed track that moved ended, and learns from where it began and ended. One that is still seen
    /// as the stream ends has not.
    pub(super) fn note_end(&mut self, now: Timestamp, track: &Track, user: &User, events: &mut Vec<Event>) {
        let at_edge = self.is_at_edge(&track.bbox);
        let (first, last) = (*user.path.first(), *user.path.last());
        if seconds(track.last_seen, now) <= UNSEEN_S && !at_edge {
            return;
        }
        if let Some((line, direction)) = user.crossed
            && let Some(line) = self.lines.get(line)
        {
            let mut evidence = one(Sign::Ended);
            evidence.add(Sign::EndedAstray, u64::from(!self.places.ended(last.p, last.unit, at_edge)));
            let at = track.last_seen.max(later(now, -MAX_LATENESS.as_secs_f64()));
            events.push(Event::Noted(Noted {
                line: line.id.clone(),
                direction,
                class: track.class,
                at,
                evidence,
            }));
        }
        if user.path.travel_boxes() >= self.settings.min_travel_boxes {
            self.places.learn(user.starts_inside.then_some(first.p), (!at_edge).then_some(last.p));
        }
    }
}

fn one(sign: Sign) -> Evidence {
    let mut evidence = Evidence::default();
    evidence.add(sign, 1);
    evidence
}
