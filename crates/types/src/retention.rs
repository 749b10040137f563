//! How long things are kept.

/// How long things are kept, in days; `None` for ever. Bins go by UTC months, once all of a month is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Counts by the minute.
    pub minutes_days: Option<u32>,
    /// Everything by quarters of an hour: counts, speeds, movements, zones.
    pub quarters_days: Option<u32>,
    /// Counts and speeds by the hour.
    pub hours_days: Option<u32>,
    /// Incidents that are over, with their stills.
    pub incidents_days: Option<u32>,
    /// Stills of incidents.
    pub stills_days: u32,
}

impl Default for Retention {
    /// Minutes for 90 days, stills for 30, everything else for ever.
    fn default() -> Self {
        Self {
            minutes_days: Some(90),
            quarters_days: None,
            hours_days: None,
            incidents_days: None,
            stills_days: 30,
        }
    }
}
