//! For how long the tracks of a line, one way, are usually followed before they cross it. One that was followed for much
//! less is the rest of a broken track or a box around a part, wherever in the picture it began; one that was followed for as long as
//! others began where tracks do. Seconds of the last crossings, in memory only.

use std::collections::VecDeque;

/// So many crossings are remembered, …
const REMEMBERED: usize = 64;
/// … and with fewer than these nothing is usual.
const LEAST: usize = 5;
/// Less than this share of what is usual (the median) is brief.
const BRIEF: f64 = 0.5;

/// How long counted tracks were followed before they crossed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leads(VecDeque<f64>);

impl Leads {
    /// A counted track was followed for so many seconds.
    pub fn note(&mut self, lead_s: f64) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(lead_s);
    }

    /// Whether so many seconds are few; `None` while nobody knows.
    pub fn is_brief(&self, lead_s: f64) -> Option<bool> {
        let mut known: Vec<f64> = self.0.iter().copied().collect();
        known.sort_by(f64::total_cmp);
        let usual = known.get(known.len() / 2).copied()?;
        (known.len() >= LEAST).then_some(lead_s < BRIEF * usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brief_is_what_is_much_less_than_usual() {
        let mut leads = Leads::default();
        assert_eq!(leads.is_brief(0.1), None);
        [2.0, 2.2, 1.8, 9.0].into_iter().for_each(|lead_s| leads.note(lead_s));
        assert_eq!(leads.is_brief(0.1), None, "four are too few");
        leads.note(2.0);
        assert_eq!((leads.is_brief(0.9), leads.is_brief(1.1)), (Some(true), Some(false)));
        // What was usual long ago is forgotten: the camera was set to another rate, the road is full.
        (0..REMEMBERED).for_each(|_| leads.note(0.5));
        assert_eq!(leads.is_brief(0.3), Some(false));
        assert_eq!(leads.0.len(), REMEMBERED);
    }
}
