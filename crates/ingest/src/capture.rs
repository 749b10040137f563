//! When the light fell in: RTP time stamps brought to wall-clock time by the camera's RTCP sender reports
//! (RFC 3550 section 6.4.1), where they are plausible. Pure; hooking into rtpbin is `pipeline::rtsp`'s work.

use std::collections::VecDeque;

use wayside_types::Timestamp;

/// A capture time may lie this far before the arrival, in nanoseconds: encoder, network and decoder take their time.
const MAX_BEHIND_NS: i64 = 10_000_000_000;
/// And this far after it: clocks synchronised by NTP agree far better, a clock that is set wrongly seldom does.
const MAX_AHEAD_NS: i64 = 1_000_000_000;
/// A camera's clock that was found implausible must come this much inside the limits again.
const HYSTERESIS_NS: i64 = 250_000_000;
/// Seconds from the NTP era (1900) to the Unix epoch.
const NTP_TO_UNIX_S: i64 = 2_208_988_800;
/// Packets are remembered until their frame is decoded.
const REMEMBERED: usize = 512;
/// A sender report this old in RTP time says nothing any more, in seconds.
const MAX_REPORT_AGE_S: i64 = 600;

/// A sender report: the same moment in NTP and in RTP time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderReport {
    /// 32.32 fixed point seconds since 1900, modulo 2³² s.
    pub ntp: u64,
    /// In units of the RTP clock rate, modulo 2³².
    pub rtp: u32,
}

/// The capture clock of one connection.
#[derive(Debug, Default)]
pub(crate) struct CaptureClock {
    clock_rate: u32,
    report: Option<SenderReport>,
    /// Presentation time of the packets in ns, with their RTP time.
    packets: VecDeque<(u64, u32)>,
    distrusted: bool,
}

impl CaptureClock {
    /// A clock for RTP time of this many units a second, 90 000 for video.
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, ..Self::default() }
    }

    /// The newest sender report. One with NTP time 0 says that the camera has no wall clock.
    pub fn report(&mut self, report: SenderReport) {
        self.report = (report.ntp != 0).then_some(report);
    }

    /// A packet on its way to the decoder.
    pub fn packet(&mut self, pts_ns: u64, rtp: u32) {
        if self.packets.back().is_some_and(|&(last, _)| last == pts_ns) {
            return;
        }
        if self.packets.len() == REMEMBERED {
            self.packets.pop_front();
        }
        self.packets.push_back((pts_ns, rtp));
    }

    /// When the frame with this presentation time was captured, if the camera says so and it is plausible:
    /// at most 10 s before and 1 s after `now`.
    pub fn captured(&mut self, pts_ns: u64, now: Timestamp) -> Option<Timestamp> {
        let report = self.report?;
        let &(_, rtp) = self.packets.iter().rev().find(|&&(pts, _)| pts == pts_ns)?;
        let now_ns = i64::try_from(now.as_nanosecond()).ok()?;
        let since_report = i64::from(rtp.wrapping_sub(report.rtp).cast_signed());
        let rate = i64::from(self.clock_rate);
        if rate == 0 || since_report.abs() > MAX_REPORT_AGE_S * rate {
            return None;
        }
        let captured_ns = unix_ns(report.ntp, now_ns)? + since_report * 1_000_000_000 / rate;
        let ahead_ns = captured_ns - now_ns;
        let inside = if self.distrusted { HYSTERESIS_NS } else { 0 };
        let plausible = (-MAX_BEHIND_NS + inside..=MAX_AHEAD_NS - inside).contains(&ahead_ns);
        self.distrusted = !plausible;
        if !plausible {
            return None;
        }
        Timestamp::from_nanosecond(i128::from(captured_ns)).ok()
    }

    /// Whether the camera's clock was found implausible.
    pub fn distrusted(&self) -> bool {
        self.distrusted
    }
}

/// NTP time to Unix time, in the era that lies nearest to `near_ns` (the NTP era ends in 2036).
fn unix_ns(ntp: u64, near_ns: i64) -> Option<i64> {
    let near_ntp_s = near_ns.div_euclid(1_000_000_000) + NTP_TO_UNIX_S;
    let seconds = u32::try_from(ntp >> 32).ok()?;
    let low = u32::try_from(near_ntp_s.rem_euclid(1 << 32)).ok()?;
    let unix_s = near_ntp_s + i64::from(seconds.wrapping_sub(low).cast_signed()) - NTP_TO_UNIX_S;
    let fraction_ns = ((ntp & 0xffff_ffff) * 1_000_000_000) >> 32;
    unix_s.checked_mul(1_000_000_000)?.checked_add(i64::try_from(fraction_ns).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 32.32 NTP time of a Unix time in ms.
    fn ntp(unix_ms: i64) -> u64 {
        let s = (unix_ms.div_euclid(1000) + NTP_TO_UNIX_S).rem_euclid(1 << 32) as u64;
        (s << 32) | ((unix_ms.rem_euclid(1000) as u64) << 32).div_ceil(1000)
    }

    fn at(unix_ms: i64) -> Timestamp {
        Timestamp::from_millisecond(unix_ms).unwrap()
    }

    /// The capture time of a frame 9000 RTP units (0.1 s) after a report at `report_ms`, seen at `now_ms`.
    fn captured(clock: &mut CaptureClock, report_ms: i64, now_ms: i64) -> Option<i64> {
        clock.report(SenderReport { ntp: ntp(report_ms), rtp: u32::MAX - 100 });
        clock.packet(7, (u32::MAX - 100).wrapping_add(9000));
        clock.captured(7, at(now_ms)).map(Timestamp::as_millisecond)
    }

    #[test]
    fn rtp_time_becomes_wall_clock_time() {
        const NOW: i64 = 1_795_000_000_000;
        for (report_ms, now_ms, want) in [
            (NOW, NOW + 300, Some(NOW + 100)),
            (NOW, NOW, Some(NOW + 100)),
            (NOW, NOW + 10_200, None),
            (NOW + 1_000, NOW, None),
            // Past the end of the NTP era in February 2036.
            (2_085_978_495_900, 2_085_978_496_100, Some(2_085_978_496_000)),
            (2_085_978_496_500, 2_085_978_496_700, Some(2_085_978_496_600)),
        ] {
            assert_eq!(
                captured(&mut CaptureClock::new(90_000), report_ms, now_ms),
                want,
                "{report_ms} at {now_ms}"
            );
        }
    }

    #[test]
    fn a_clock_at_the_limit_does_not_flap() {
        const NOW: i64 = 1_795_000_000_000;
        let mut clock = CaptureClock::new(90_000);
        assert!(captured(&mut clock, NOW + 901, NOW).is_none());
        assert!(clock.distrusted());
        assert!(captured(&mut clock, NOW + 890, NOW).is_none());
        assert!(captured(&mut clock, NOW + 600, NOW).is_some());
        assert!(captured(&mut clock, NOW + 890, NOW).is_some());
    }

    #[test]
    fn without_report_packet_or_wall_clock_there_is_no_capture_time() {
        let mut clock = CaptureClock::new(90_000);
        clock.packet(7, 0);
        assert!(clock.captured(7, at(0)).is_none());
        clock.report(SenderReport { ntp: 0, rtp: 0 });
        assert!(clock.captured(7, at(0)).is_none());
        clock.report(SenderReport { ntp: ntp(0), rtp: 0 });
        assert!(clock.captured(8, at(0)).is_none());
        assert!(clock.captured(7, at(0)).is_some());
    }

    proptest! {
        #[test]
        fn anything_a_camera_reports_is_survived(
            reports in prop::collection::vec((any::<u64>(), any::<u32>(), any::<u32>()), 1..50),
            rate: u32,
            now_s in -62_000_000_000i64..253_000_000_000,
        ) {
            let mut clock = CaptureClock::new(rate);
            let now = Timestamp::from_second(now_s).unwrap();
            for (i, (ntp, rtp, packet)) in reports.into_iter().enumerate() {
                clock.report(SenderReport { ntp, rtp });
                clock.packet(i as u64, packet);
                if let Some(captured) = clock.captured(i as u64, now) {
                    prop_assert!((captured.as_second() - now_s).abs() <= 11);
                }
            }
        }
    }
}
