//! From costs to cameras: the limits that the machine sets, which of them comes first, and what to do about
//! it. Pure arithmetic; what was measured comes from `measure`.

use wayside_types::FrameSize;

/// Share of the capacity that is recommended: traffic, weather and the machine's other duties vary.
pub const HEADROOM: f64 = 0.8;
/// Resident memory of `wayside run` without cameras, MB, as `docs/measurements.md` has it.
const BASE_MB: f64 = 141.0;
/// Resident memory that a camera of [`MEASURED_PIXELS`] takes, MB, as `docs/measurements.md` has it.
const CAMERA_MB: f64 = 11.0;
/// The size that it was measured at, 640x360.
const MEASURED_PIXELS: f64 = 640.0 * 360.0;

/// What one camera costs at one rate: CPU seconds for each second of the camera.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Frames a second that the profile's rate makes due.
    pub due_fps: f64,
    /// Decoding alone.
    pub decode: f64,
    /// The model alone, on every frame that is due.
    pub inference: f64,
    /// The whole pipeline.
    pub whole: f64,
}

impl Costs {
    /// Shares of the whole pipeline: decoding, inference, everything else. Where motion gating spares the
    /// detector frames, inference is what decoding leaves.
    #[must_use]
    pub fn shares(&self) -> [f64; 3] {
        let decode = (self.decode / self.whole).clamp(0.0, 1.0);
        let inference = (self.inference / self.whole).clamp(0.0, 1.0 - decode);
        [decode, inference, 1.0 - decode - inference]
    }
}

/// What the machine has to give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// CPU cores.
    pub cores: usize,
    /// Detections at a time: `inference.workers`.
    pub workers: usize,
    /// Pictures a second through all workers, where the model runs on an accelerator.
    pub accelerator_fps: Option<f64>,
    /// Memory that programs could still take.
    pub memory_mb: Option<f64>,
    /// Of a camera's picture.
    pub size: FrameSize,
}

/// What ends first when cameras are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bottleneck {
    /// The cores, mostly with decoding.
    Decode,
    /// The cores, mostly with the model.
    Inference,
    /// The cores, mostly with neither.
    Rest,
    /// The workers: the other cores have nothing to do.
    Workers,
    /// The accelerator that the model runs on.
    Accelerator,
    /// Memory.
    Memory,
}

impl Bottleneck {
    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Inference => "inference",
            Self::Rest => "rest",
            Self::Workers => "workers",
            Self::Accelerator => "accelerator",
            Self::Memory => "memory",
        }
    }

    /// What an operator can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Decode => {
                "take the cameras' sub-stream: 640x360 is enough for the detector, and 10 to 15 frames a second \
                 cost less to decode than 25"
            }
            Self::Inference => {
                "a lower rate (the profile's rate_fps), a faster model (docs/guide/add-a-model.md) or a GPU \
                 (inference.provider)"
            }
            Self::Rest => "a lower rate (the profile's rate_fps) or more cores",
            Self::Workers => "set inference.workers to the number of cores, or leave it out",
            Self::Accelerator => "a lower rate (the profile's rate_fps), a faster model or another GPU",
            Self::Memory => "more memory, or smaller pictures (the cameras' sub-stream)",
        }
    }
}

/// How many cameras, and why not more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Cores over decoding and inference alone: no pipeline that looks at every due frame can do better.
    pub arithmetic_limit: f64,
    /// What the cores hold.
    pub cores: f64,
    /// What the workers hold.
    pub workers: f64,
    /// What the accelerator holds.
    pub accelerator: Option<f64>,
    /// What the memory holds.
    pub memory: Option<f64>,
    /// The smallest of these.
    pub capacity: f64,
    /// [`HEADROOM`] of it, whole cameras.
    pub recommended: u32,
    /// What ends first.
    pub bottleneck: Bottleneck,
}

impl Verdict {
    /// The arithmetic. Every cost must be above 0.
    #[must_use]
    pub fn of(costs: &Costs, limits: &Limits) -> Self {
        let cores = limits.cores as f64;
        let [decode, inference, rest] = costs.shares();
        let by_cores = if decode >= inference.max(rest) {
            Bottleneck::Decode
        } else if inference >= rest {
            Bottleneck::Inference
        } else {
            Bottleneck::Rest
        };
        let whole = cores / costs.whole;
        // Decoding runs on threads of its own; a worker does the rest.
        let workers = limits.workers as f64 / (costs.whole * (1.0 - decode)).max(f64::MIN_POSITIVE);
        let accelerator = limits.accelerator_fps.map(|fps| fps / costs.due_fps);
        let memory = limits.memory_mb.map(|mb| ((mb - BASE_MB) / camera_mb(limits.size)).max(0.0));
        let others = [
            (limits.workers < limits.cores).then_some((workers, Bottleneck::Workers)),
            accelerator.map(|cameras| (cameras, Bottleneck::Accelerator)),
            memory.map(|cameras| (cameras, Bottleneck::Memory)),
        ];
        let first =
            others.into_iter().flatten().fold((whole, by_cores), |a, b| if b.0 < a.0 { b } else { a });
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and is never negative"
        )]
        let recommended = (HEADROOM * first.0) as u32;
        Self {
            arithmetic_limit: cores / (costs.decode + costs.inference),
            cores: whole,
            workers,
            accelerator,
            memory,
            capacity: first.0,
            recommended,
            bottleneck: first.1,
        }
    }
}

/// Resident memory that a camera with pictures of this size takes, MB. Taken to grow with the picture as a
/// whole, although a part doesn't: rather too much than too little.
#[must_use]
pub fn camera_mb(size: FrameSize) -> f64 {
    CAMERA_MB * (f64::from(size.width) * f64::from(size.height) / MEASURED_PIXELS).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { due_fps: 5.0, decode: 0.025, inference: 0.075, whole: 0.11 };
    const LIMITS: Limits = Limits {
        cores: 2,
        workers: 2,
        accelerator_fps: None,
        memory_mb: Some(20_000.0),
        size: FrameSize { width: 640, height: 360 },
    };

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn cores_over_costs() {
        let verdict = Verdict::of(&COSTS, &LIMITS);
        close(verdict.arithmetic_limit, 20.0);
        close(verdict.cores, 2.0 / 0.11);
        close(verdict.capacity, verdict.cores);
        assert_eq!(verdict.recommended, 14, "80 % of 18.2");
        assert_eq!(verdict.bottleneck, Bottleneck::Inference);
        let [decode, inference, rest] = COSTS.shares();
        close(decode, 0.025 / 0.11);
        close(inference, 0.075 / 0.11);
        close(rest, 0.01 / 0.11);
    }

    #[test]
    fn the_larger_share_of_the_cores_is_named() {
        let of = |decode, inference, whole| {
            Verdict::of(&Costs { decode, inference, whole, ..COSTS }, &LIMITS).bottleneck
        };
        assert_eq!(of(0.2, 0.05, 0.26), Bottleneck::Decode);
        assert_eq!(of(0.05, 0.2, 0.26), Bottleneck::Inference);
        assert_eq!(of(0.05, 0.05, 0.26), Bottleneck::Rest);
    }

    #[test]
    fn frames_that_gating_spares_are_no_share_of_the_cost() {
        let gated = Costs { whole: 0.04, ..COSTS };
        let [decode, inference, rest] = gated.shares();
        close(decode, 0.625);
        close(inference, 0.375);
        close(rest, 0.0);
        let verdict = Verdict::of(&gated, &LIMITS);
        assert_eq!(verdict.bottleneck, Bottleneck::Decode);
        assert!(verdict.capacity > verdict.arithmetic_limit);
    }

    #[test]
    fn whatever_ends_first_is_the_bottleneck() {
        let few = Verdict::of(&COSTS, &Limits { workers: 1, ..LIMITS });
        assert_eq!(few.bottleneck, Bottleneck::Workers);
        close(few.capacity, 1.0 / 0.085);
        let gpu = Verdict::of(&COSTS, &Limits { accelerator_fps: Some(30.0), ..LIMITS });
        assert_eq!((gpu.bottleneck, gpu.recommended), (Bottleneck::Accelerator, 4));
        let memory_mb = Some(BASE_MB + 5.0 * camera_mb(LIMITS.size));
        let small = Verdict::of(&COSTS, &Limits { memory_mb, ..LIMITS });
        assert_eq!((small.bottleneck, small.recommended), (Bottleneck::Memory, 4));
        let none = Verdict::of(&COSTS, &Limits { memory_mb: Some(10.0), ..LIMITS });
        assert_eq!((none.bottleneck, none.recommended), (Bottleneck::Memory, 0));
        let unknown = Verdict::of(&COSTS, &Limits { memory_mb: None, ..LIMITS });
        assert_eq!((unknown.bottleneck, unknown.memory), (Bottleneck::Inference, None));
    }

    #[test]
    fn a_larger_picture_takes_more_memory() {
        let at = |width, height| camera_mb(FrameSize { width, height });
        close(at(640, 360), CAMERA_MB);
        close(at(1280, 720), 4.0 * CAMERA_MB);
        close(at(320, 180), CAMERA_MB);
    }
}
