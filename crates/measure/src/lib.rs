//! What tracks mean for traffic: line crossings, movements, speeds, queues, occupancy, and the cutting of
//! all that into bins. Pure: no clock, no I/O. Following road users is `track`'s work, keeping bins
//! `store`'s. Nothing that leaves this crate carries a track id, a box or a path.
//!
//! The map: [`Measurer`] keeps a short `path` for each track and asks `crossing` whether it crossed a
//! line, `recent` whether that was counted already, `speed` how fast it was on the ground that
//! [`Homography`] gives behind its [`Lens`], `presence` for how long vehicles are over lines, and `zones` how full the
//! zones are; `quality` notes by what signs any of that may be wrong; [`Binner`] cuts the resulting [`Event`]s into bins with their coverage, with `flow` for speeds, headways and
//! occupancy and `zone_bin` for zones, [`Totals`] sums them for a whole file.

pub mod binner;
mod company;
mod crossing;
pub mod event;
mod flow;
mod gap;
pub mod homography;
pub mod lens;
pub mod measurer;
mod path;
pub mod pose;
mod presence;
mod quality;
mod recent;
mod rest;
mod speed;
pub mod totals;
mod zone_bin;
pub mod zones;

pub use binner::{Binner, GRACE};
pub use event::{Crossing, Event, Lost, Movement, Noted, Presence, ZoneMoment};
pub use homography::{Agreement, CalibrationError, Homography, PairOff};
pub use lens::Lens;
pub use measurer::{MAX_LATENESS, MeasureError, Measurer, Quality};
pub use pose::Pose;
pub use totals::{CountTotal, LostTotal, MovementTotal, QualityTotal, SpeedTotal, Totals};
pub use zones::ZoneSummary;
