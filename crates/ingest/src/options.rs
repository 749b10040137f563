//! How a source is read: rate, transport, decoders and patience. Where it is read from is
//! [`wayside_types::SourceUrl`]; the settings' home in config files is `config`.

use wayside_types::camera::RtspTransport;

use crate::error::IngestError;

/// Settings of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceOptions {
    /// Analysed frames a second of frame time; over 0, at most 1000. A rate above the stream's own makes
    /// every frame due.
    pub rate_fps: f64,
    /// Decode keyframes only. Anything else is dropped before the decoder.
    pub keyframes_only: bool,
    /// How RTSP media travels. No other transport is tried.
    pub transport: RtspTransport,
    /// Decoder elements of GStreamer by preference, for H.264 and H.265 together; the first one that is
    /// installed and opens is taken. Empty: hardware first (VA-API, NVDEC), then software.
    pub decoders: Vec<String>,
    /// A camera must send its first frame within this time of connecting; at least 100.
    pub connect_timeout_ms: u64,
    /// A camera from which no frame came for so long hangs, and is connected anew; at least 100.
    pub watchdog_ms: u64,
    /// Pauses between connections.
    pub backoff: Backoff,
    /// Take any certificate of an `rtsps://` camera. Cameras mostly sign their own.
    pub tls_insecure: bool,
    /// How long packets that came out of order are waited for, UDP above all; at most 10 000. Adds no
    /// delay to packets that come in order.
    pub latency_ms: u32,
}

/// Pauses between connections: doubled after each failure up to a cap, each shortened at random so that a
/// hundred cameras behind one switch do not come back in step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first pause; at least 10.
    pub first_ms: u64,
    /// The longest pause; at least `first_ms`, at most 3 600 000.
    pub max_ms: u64,
    /// Which share of a pause is random, 0 to 1: the pause is uniform in `[(1 − jitter) p, p]`.
    pub jitter: f64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first_ms: 1_000, max_ms: 60_000, jitter: 0.5 }
    }
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            rate_fps: 10.0,
            keyframes_only: false,
            transport: RtspTransport::Tcp,
            decoders: Vec::new(),
            connect_timeout_ms: 10_000,
            watchdog_ms: 10_000,
            backoff: Backoff::default(),
            tls_insecure: false,
            latency_ms: 200,
        }
    }
}

impl SourceOptions {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`IngestError::Setting`] names the first one out of range.
    pub fn validate(&self) -> Result<(), IngestError> {
        let checks = [
            (
                self.rate_fps > 0.0 && self.rate_fps <= 1000.0,
                "rate_fps",
                self.rate_fps.to_string(),
                "over 0 and at most 1000",
            ),
            (
                (100..=3_600_000).contains(&self.connect_timeout_ms),
                "connect_timeout_ms",
                self.connect_timeout_ms.to_string(),
                "100 to 3600000",
            ),
            (
                (100..=3_600_000).contains(&self.watchdog_ms),
                "watchdog_ms",
                self.watchdog_ms.to_string(),
                "100 to 3600000",
            ),
            (
                (10..=3_600_000).contains(&self.backoff.first_ms),
                "backoff.first_ms",
                self.backoff.first_ms.to_string(),
                "10 to 3600000",
            ),
            (
                (self.backoff.first_ms..=3_600_000).contains(&self.backoff.max_ms),
                "backoff.max_ms",
                self.backoff.max_ms.to_string(),
                "backoff.first_ms to 3600000",
            ),
            (
                (0.0..=1.0).contains(&self.backoff.jitter),
                "backoff.jitter",
                self.backoff.jitter.to_string(),
                "0 to 1",
            ),
            (self.latency_ms <= 10_000, "latency_ms", self.latency_ms.to_string(), "at most 10000"),
        ];
        for (fits, setting, value, accepted) in checks {
            if !fits {
                return Err(IngestError::Setting { setting, value, accepted: accepted.to_owned() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_each_bad_setting_is_named() {
        assert_eq!(SourceOptions::default().validate(), Ok(()));
        type Spoil = fn(&mut SourceOptions);
        let cases: [(&str, Spoil); 9] = [
            ("rate_fps", |o| o.rate_fps = 0.0),
            ("rate_fps", |o| o.rate_fps = f64::NAN),
            ("rate_fps", |o| o.rate_fps = 1001.0),
            ("connect_timeout_ms", |o| o.connect_timeout_ms = 0),
            ("watchdog_ms", |o| o.watchdog_ms = 99),
            ("backoff.first_ms", |o| o.backoff.first_ms = 0),
            ("backoff.max_ms", |o| o.backoff.max_ms = o.backoff.first_ms - 1),
            ("backoff.jitter", |o| o.backoff.jitter = f64::NAN),
            ("latency_ms", |o| o.latency_ms = 10_001),
        ];
        for (name, spoil) in cases {
            let mut options = SourceOptions::default();
            spoil(&mut options);
            match options.validate() {
                Err(IngestError::Setting { setting, .. }) => assert_eq!(setting, name),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
