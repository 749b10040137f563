//! The lengths of stored bins and of their sums, seconds.

/// Counts of cars, buses and trucks are stored by the minute.
pub(crate) const MINUTE_S: i32 = 60;
/// Everything else is stored by the quarter of an hour, and minutes are summed to it.
pub(crate) const QUARTER_S: i32 = 900;
/// Quarters of an hour are summed to hours.
pub(crate) const HOUR_S: i32 = 3_600;
/// What a day's quarters and hours add up to is packed into a row.
pub(crate) const DAY_S: i32 = 86_400;
