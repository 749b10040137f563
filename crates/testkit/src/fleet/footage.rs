//! Real clips as material: their frames, what they show when nobody is there, and where vehicles pass. The passes are
//! found with the project's own detector and tracker when the fleet is made; nothing of them is kept.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wayside_detect::{Detector, DetectorOptions, Model, Runtime};
use wayside_ingest::{SourceOptions, read_file};
use wayside_track::Tracker;
use wayside_types::{
    BBox, CameraId, Frame, FrameSize, PixelFormat, Point, RoadUserClass, Timestamp, TrackId, TrackSettings,
};

use super::pixels::Picture;

/// Where clips, models and libraries are.
#[derive(Debug, Clone)]
pub struct Places {
    /// Directory of the clips.
    pub clips: PathBuf,
    /// The checkout: manifests and fetched files.
    pub home: PathBuf,
}

/// A clip.
#[derive(Debug)]
pub struct Footage {
    /// Its file's name without ending.
    pub name: &'static str,
    /// Frames a second, really.
    pub fps: f64,
    /// All frames.
    pub frames: Vec<Picture>,
    /// The median of them: nobody is there.
    pub plate: Picture,
    /// Ways of road users through it.
    pub passes: Vec<Pass>,
}

/// One road user's way through a clip.
#[derive(Debug, Clone)]
pub struct Pass {
    /// What it is.
    pub class: RoadUserClass,
    /// Boxes (pixels) by frame number, in order.
    boxes: Vec<(f64, BBox)>,
}

impl Pass {
    /// First and last frame.
    pub fn span(&self) -> (f64, f64) {
        let at = |b: Option<&(f64, BBox)>| b.map_or(0.0, |(frame, _)| *frame);
        (at(self.boxes.first()), at(self.boxes.last()))
    }

    /// The box at a frame, between two seen ones on a straight way; `None` before and after.
    pub fn at(&self, frame: f64) -> Option<BBox> {
        let after = self.boxes.iter().position(|(at, _)| *at >= frame)?;
        let (t1, b1) = self.boxes[after];
        if after == 0 {
            return (t1 - frame < 0.5).then_some(b1);
        }
        let (t0, b0) = self.boxes[after - 1];
        let share = ((frame - t0) / (t1 - t0).max(1e-9)) as f32;
        let mix = |a: f32, b: f32| a + (b - a) * share;
        Some(BBox::new(mix(b0.x1, b1.x1), mix(b0.y1, b1.y1), mix(b0.x2, b1.x2), mix(b0.y2, b1.y2)))
    }

    /// Whether it begins and ends at the picture's edge or far away: nobody vanishes in the middle of a road.
    fn is_whole(&self, (width, height): (f32, f32)) -> bool {
        let leaves = |end: Option<&(f64, BBox)>| {
            end.is_some_and(|(_, b)| {
                let (x, y) = (0.05 * width, 0.05 * height);
                let at_edge = b.x1 < x || b.y1 < y || b.x2 > width - x || b.y2 > height - y;
                at_edge || b.width().min(b.height()) < 0.04 * width
            })
        };
        leaves(self.boxes.first()) && leaves(self.boxes.last())
    }

    /// With what came before a tracker was sure and what came after: straight on by so many frames at both ends, as
    /// long as its middle is in the picture.
    fn extended(&self, by: f64, frames: usize, (width, height): (f32, f32)) -> Self {
        let n = self.boxes.len();
        let pace = |(t0, a): &(f64, BBox), (t1, b): &(f64, BBox)| {
            let (p, q) = (a.reference(), b.reference());
            ((q.x - p.x) / (t1 - t0), (q.y - p.y) / (t1 - t0))
        };
        let near = 3.min(n - 1);
        let begins = (self.boxes[0], pace(&self.boxes[0], &self.boxes[near]), -1.0);
        let ends = (self.boxes[n - 1], pace(&self.boxes[n - 1 - near], &self.boxes[n - 1]), 1.0);
        let mut boxes = self.boxes.clone();
        for ((frame, b), (vx, vy), sense) in [begins, ends] {
            for step in 1..=(by as usize) {
                let off = sense * step as f64;
                let (dx, dy) = ((vx * off) as f32, (vy * off) as f32);
                let moved = BBox::new(b.x1 + dx, b.y1 + dy, b.x2 + dx, b.y2 + dy);
                let middle = moved.centre();
                let seen = (0.0..f64::from(width)).contains(&middle.x)
                    && (0.0..f64::from(height)).contains(&middle.y);
                if seen && (0.0..frames as f64).contains(&(frame + off)) {
                    boxes.push((frame + off, moved));
                }
            }
        }
        boxes.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { class: self.class, boxes }
    }

    /// How far it came, box sizes.
    pub fn travel(&self) -> f64 {
        let Some(((_, first), (_, last))) = self.boxes.first().zip(self.boxes.last()) else { return 0.0 };
        let unit = f64::from(first.area().max(last.area())).sqrt().max(1.0);
        first.reference().distance(last.reference()) / unit
    }

    /// From its first to its last place, pixels.
    pub fn way(&self) -> (f64, f64) {
        let Some(((_, first), (_, last))) = self.boxes.first().zip(self.boxes.last()) else {
            return (0.0, 0.0);
        };
        let (a, b) = (first.reference(), last.reference());
        (b.x - a.x, b.y - a.y)
    }

    /// Frames at which its whole box lies inside the picture and its foot in a polygon (fractions).
    pub fn frames_in(&self, polygon: &[Point], (width, height): (usize, usize)) -> Vec<f64> {
        let (w, h) = (width as f64, height as f64);
        let inside = |b: &BBox| {
            let p = b.reference();
            let whole = b.x1 > 3.0 && b.y1 > 3.0 && f64::from(b.x2) < w - 3.0 && f64::from(b.y2) < h - 3.0;
            whole && contains(polygon, Point::new(p.x / w, p.y / h))
        };
        self.boxes.iter().filter(|(_, b)| inside(b)).map(|(frame, _)| *frame).collect()
    }
}

/// Whether a polygon holds a point, by the parity of edges that a ray to the right crosses.
pub fn contains(polygon: &[Point], p: Point) -> bool {
    let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
    let crosses = |(a, b): &(&Point, &Point)| {
        (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x
    };
    edges.filter(crosses).count() % 2 == 1
}

impl Footage {
    /// Reads a clip and finds its passes.
    ///
    /// # Errors
    /// When the clip, the model or ONNX Runtime can't be used.
    pub fn load(places: &Places, name: &'static str, fps: f64) -> anyhow::Result<Self> {
        let path = places.clips.join(format!("{name}.mp4"));
        let frames = frames(&path)?;
        let plate = median(&frames).with_context(|| format!("{}: has no frames", path.display()))?;
        let passes = passes(places, &frames, fps)?;
        Ok(Self { name, fps, frames, plate, passes })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.plate.width, self.plate.height)
    }

    /// The nearest frame.
    pub fn frame(&self, index: f64) -> &Picture {
        let index = index.round().max(0.0) as usize;
        self.frames.get(index).unwrap_or(&self.plate)
    }
}

/// All frames; those wider than 1000 pixels at half their size.
fn frames(path: &Path) -> anyhow::Result<Vec<Picture>> {
    let mut frames = Vec::new();
    let mut odd = false;
    let options = SourceOptions { rate_fps: 1000.0, ..SourceOptions::default() };
    read_file(CameraId::new("clip")?, path, &options, &mut |frame| {
        match picture(&frame) {
            Some(picture) if picture.width > 1000 => frames.push(halved(&picture)),
            Some(picture) => frames.push(picture),
            None => odd = true,
        }
        ControlFlow::Continue(())
    })?;
    if odd {
        bail!("{}: is not in I420", path.display());
    }
    Ok(frames)
}

fn picture(frame: &Frame) -> Option<Picture> {
    if frame.format != PixelFormat::I420 {
        return None;
    }
    let (width, height) = (frame.size.width as usize, frame.size.height as usize);
    let mut data = Vec::with_capacity(width * height * 3 / 2);
    for (index, (w, h)) in
        [(width, height), (width / 2, height / 2), (width / 2, height / 2)].into_iter().enumerate()
    {
        let plane = frame.pixels.plane(index);
        for row in 0..h {
            data.extend_from_slice(plane.data.get(row * plane.stride..row * plane.stride + w)?);
        }
    }
    Some(Picture { width, height, data })
}

fn halved(picture: &Picture) -> Picture {
    let (width, height) = (picture.width / 2, picture.height / 2);
    let mut data = Vec::with_capacity(width * height * 3 / 2);
    let mut offset = 0;
    for (w, h) in [(width, height), (width / 2, height / 2), (width / 2, height / 2)] {
        let at = |x: usize, y: usize| u32::from(picture.data[offset + y * 2 * w + x]);
        for y in 0..h {
            data.extend((0..w).map(|x| {
                ((at(2 * x, 2 * y)
                    + at(2 * x + 1, 2 * y)
                    + at(2 * x, 2 * y + 1)
                    + at(2 * x + 1, 2 * y + 1)
                    + 2)
                    / 4) as u8
            }));
        }
        offset += 4 * w * h;
    }
    Picture { width, height, data }
}

/// The median of some frames, value by value.
fn median(frames: &[Picture]) -> Option<Picture> {
    const MOST: usize = 41;
    let some: Vec<&Picture> = frames.iter().step_by(frames.len().div_ceil(MOST).max(1)).collect();
    let first = some.first()?;
    let mut values = vec![0; some.len()];
    let data = (0..first.data.len()).map(|i| {
        values.iter_mut().zip(&some).for_each(|(value, frame)| *value = frame.data[i]);
        *values.select_nth_unstable(some.len() / 2).1
    });
    Some(Picture { data: data.collect(), ..**first })
}

/// A picture as a frame for the detector.
fn as_frame(picture: &Picture, at: Timestamp) -> anyhow::Result<Frame> {
    let (w, h) = (picture.width, picture.height);
    let part = |from: usize, to: usize, stride: usize| (picture.data[from..to].to_vec(), stride);
    let planes =
        vec![part(0, w * h, w), part(w * h, w * h * 5 / 4, w / 2), part(w * h * 5 / 4, w * h * 3 / 2, w / 2)];
    Ok(Frame {
        camera: CameraId::new("clip")?,
        captured_at: at,
        media_time: std::time::Duration::ZERO,
        seq: 0,
        size: FrameSize { width: u32::try_from(w)?, height: u32::try_from(h)? },
        format: PixelFormat::I420,
        pixels: std::sync::Arc::new(wayside_types::frame::OwnedPixels::planar(planes)),
    })
}

/// Who passes, at about twelve looks a second.
fn passes(places: &Places, frames: &[Picture], fps: f64) -> anyhow::Result<Vec<Pass>> {
    let runtime = Runtime::load(&Runtime::default_library(&places.home))?;
    let model = Model::load(&places.home.join("models"), "yolox_nano")?;
    let files = places.home.join(".wayside/models");
    let mut detector = Detector::open(&runtime, &model, &files, &DetectorOptions::default())?;
    let Some(first) = frames.first() else { return Ok(Vec::new()) };
    let size = FrameSize { width: u32::try_from(first.width)?, height: u32::try_from(first.height)? };
    let mut tracker = Tracker::new(TrackSettings::default(), size);
    let mut ways: HashMap<TrackId, Pass> = HashMap::new();
    let mut order = Vec::new();
    for (index, picture) in frames.iter().enumerate().step_by((fps / 12.0).round().max(1.0) as usize) {
        let at = Timestamp::from_millisecond((index as f64 / fps * 1000.0) as i64)?;
        let found = detector.detect(&[as_frame(picture, at)?], 0.1)?.pop().unwrap_or_default();
        for track in tracker.update(at, &found).active.iter().filter(|t| t.observed && t.confirmed) {
            let pass = ways.entry(track.id).or_insert_with(|| {
                order.push(track.id);
                Pass { class: track.class, boxes: Vec::new() }
            });
            pass.class = track.class;
            pass.boxes.push((index as f64, track.bbox));
        }
    }
    let seen: Vec<Pass> = order.iter().filter_map(|id| ways.remove(id)).collect();
    // A rider and the bicycle hide each other all the way.
    let clean = |pass: &Pass| {
        let hidden = |(frame, b): &(f64, BBox)| {
            let alike = |other: &&Pass| other.class.is_motor_vehicle() == pass.class.is_motor_vehicle();
            let others = seen.iter().filter(alike).filter(|other| other.span() != pass.span());
            let mut boxes = others.filter_map(|other| other.at(*frame));
            boxes.any(|other| other.iou(b) < 0.6 && other.intersection(&b.grown(0.05)) > 0.12 * b.area())
        };
        !pass.class.is_motor_vehicle()
            || pass.boxes.iter().filter(|b| hidden(b)).count() * 5 <= pass.boxes.len()
    };
    let wanted = |pass: &&Pass| pass.boxes.len() >= 6 && pass.travel() >= 1.5 && clean(pass);
    let area = (first.width as f32, first.height as f32);
    let passes = seen.iter().filter(wanted).map(|pass| pass.extended(0.6 * fps, frames.len(), area));
    Ok(passes.filter(|pass| !pass.class.is_motor_vehicle() || pass.is_whole(area)).collect())
}
