//! Recordings: a scene drawn, encoded to H.264 in MP4 as fast as the machine can, its truth and its
//! camera file beside it. The same specification gives the same frames and the same truth.

use std::path::Path;
use std::str::FromStr;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use super::SceneSpec;
use super::camera_file::camera_toml;
use super::layout::Layout;
use super::stage::Stage;
use super::truth::{Recorder, Truth};
use crate::draw::canvas::Picture;
use crate::error::CamsimError;

/// Nobody crosses a line this long before the end of a recording: what is counted was seen whole.
const QUIET_S: f64 = 1.0;
/// A recording may grow by this much to end at a quiet moment.
const LONGER_S: f64 = 15.0;
/// x264's quantizer of recordings.
const QUANTIZER: u32 = 20;

/// Draws `seconds` of a scene into an MP4 and writes its truth (JSON) and camera file (TOML).
///
/// The recording goes on for up to 15 s until nobody has just crossed a line or is about to.
///
/// # Errors
/// When the specification is out of range, a file can't be written or the encoder is missing.
pub fn record(
    spec: &SceneSpec,
    seconds: f64,
    video_out: &Path,
    truth_out: &Path,
    camera_out: &Path,
) -> Result<Truth, CamsimError> {
    if !(1.0..=86_400.0).contains(&seconds) {
        let value = seconds.to_string();
        return Err(CamsimError::OutOfRange { setting: "recording seconds", value, accepted: "1 to 86400" });
    }
    gst::init()?;
    let layout = Layout::of(spec)?;
    let frames = quiet_end(spec, &layout, seconds)?;
    let mut stage = Stage::new(spec)?;
    let mut recorder = Recorder::new(&layout);
    let mut encoder = Encoder::new(spec.size, spec.fps, QUANTIZER, video_out)?;
    for _ in 0..frames {
        recorder.look(&stage, &layout);
        encoder.push(&stage.next_frame())?;
    }
    encoder.finish()?;
    let truth = recorder.truth(spec.kind.as_str(), &layout);
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|source| CamsimError::Write { path: path.to_owned(), source })
    };
    let json = serde_json::to_string_pretty(&truth)
        .map_err(|e| CamsimError::Write { path: truth_out.to_owned(), source: e.into() })?;
    write(truth_out, &(json + "\n"))?;
    write(camera_out, &camera_toml(spec, &video_out.to_string_lossy())?)?;
    Ok(truth)
}

/// What happens on a scene, without drawing it.
///
/// # Errors
/// When the specification is out of range.
pub fn foresee(spec: &SceneSpec, seconds: f64) -> Result<Truth, CamsimError> {
    let layout = Layout::of(spec)?;
    let recorder = rehearse(spec, &layout, (seconds * f64::from(spec.fps)) as u64)?;
    Ok(recorder.truth(spec.kind.as_str(), &layout))
}

fn rehearse(spec: &SceneSpec, layout: &Layout, frames: u64) -> Result<Recorder, CamsimError> {
    let mut stage = Stage::blank(spec)?;
    let mut recorder = Recorder::new(layout);
    for _ in 0..frames {
        recorder.look(&stage, layout);
        stage.skip();
    }
    Ok(recorder)
}

/// The number of frames up to the first quiet moment after `seconds`.
fn quiet_end(spec: &SceneSpec, layout: &Layout, seconds: f64) -> Result<u64, CamsimError> {
    let fps = f64::from(spec.fps);
    let recorder = rehearse(spec, layout, ((seconds + LONGER_S + QUIET_S) * fps) as u64)?;
    let quiet = |at: f64| recorder.crossings().iter().all(|c| (c.at_s - at).abs() > QUIET_S);
    let first = (seconds * fps).ceil() as u64;
    let last = ((seconds + LONGER_S) * fps) as u64;
    Ok((first..=last).find(|frame| quiet(*frame as f64 / fps)).unwrap_or(first))
}

/// x264 of constant quality into MP4.
pub struct Encoder {
    pipeline: gst::Pipeline,
    source: AppSrc,
    fps: u32,
    frame: u64,
}

impl Encoder {
    /// An encoder of pictures of this size (pixels), so many a second, with x264's quantizer: 20 is good, 40 is mush.
    ///
    /// # Errors
    /// When the file can't be created or the encoder is missing.
    pub fn new(size: (u32, u32), fps: u32, quantizer: u32, path: &Path) -> Result<Self, CamsimError> {
        // What can't be created is better said now than by a pipeline at its end.
        std::fs::File::create(path).map_err(|source| CamsimError::Write { path: path.to_owned(), source })?;
        gst::init()?;
        let description = format!(
            "appsrc name=source format=time block=true max-buffers=8 \
             ! x264enc pass=quant quantizer={quantizer} speed-preset=veryfast bframes=0 key-int-max=60 threads=1 \
             ! h264parse ! mp4mux ! filesink name=sink"
        );
        let pipeline = gst::parse::launch(&description)?
            .downcast::<gst::Pipeline>()
            .map_err(|_| CamsimError::Gstreamer("no pipeline".into()))?;
        let part = |name: &str| {
            pipeline.by_name(name).ok_or_else(|| CamsimError::Gstreamer(format!("no {name} in the pipeline")))
        };
        part("sink")?.set_property("location", path);
        let source = part("source")?
            .downcast::<AppSrc>()
            .map_err(|_| CamsimError::Gstreamer("source is no appsrc".into()))?;
        source.set_caps(Some(&picture_caps(size, fps)?));
        pipeline.set_state(gst::State::Playing)?;
        Ok(Self { pipeline, source, fps, frame: 0 })
    }

    /// Takes the next picture.
    ///
    /// # Errors
    /// When the encoder fails.
    pub fn push(&mut self, picture: &Picture) -> Result<(), CamsimError> {
        let buffer = picture_buffer(picture, self.frame, self.fps)?;
        self.frame += 1;
        self.source.push_buffer(buffer).map(|_| ()).map_err(|_| self.failure())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn finish(self) -> Result<(), CamsimError> {
        self.source.end_of_stream().map_err(|_| self.failure())?;
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let bus = self.pipeline.bus().ok_or_else(|| CamsimError::Gstreamer("no bus".into()))?;
        match bus.timed_pop_filtered(None, &kinds).as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => Err(CamsimError::Gstreamer(error.error().to_string())),
            _ => Ok(()),
        }
    }

    fn failure(&self) -> CamsimError {
        let message = self.pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        CamsimError::Gstreamer(match message.as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Error(error)) => error.error().to_string(),
            _ => "the encoder takes no more frames".into(),
        })
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Caps of a scene's frames.
pub(crate) fn picture_caps(size: (u32, u32), fps: u32) -> Result<gst::Caps, CamsimError> {
    let (width, height) = size;
    Ok(gst::Caps::from_str(&format!(
        "video/x-raw,format=I420,width={width},height={height},framerate={fps}/1,colorimetry=bt601,\
         pixel-aspect-ratio=1/1,interlace-mode=progressive"
    ))?)
}

/// A frame as a buffer. GStreamer pads rows of I420 to 4 bytes; sizes in steps of 4 with half of them
/// padded where needed.
pub(crate) fn picture_buffer(picture: &Picture, frame: u64, fps: u32) -> Result<gst::Buffer, CamsimError> {
    let half = picture.width / 2;
    let stride = half.next_multiple_of(4);
    let luma = picture.width * picture.height;
    let data = if stride == half {
        picture.data.clone()
    } else {
        let mut data = picture.data[..luma].to_vec();
        for row in picture.data[luma..].chunks_exact(half) {
            data.extend_from_slice(row);
            data.resize(data.len() + stride - half, 128);
        }
        data
    };
    let mut buffer = gst::Buffer::from_mut_slice(data);
    let at = |frame: u64| gst::ClockTime::from_nseconds(frame * 1_000_000_000 / u64::from(fps));
    let writable = buffer.get_mut().ok_or_else(|| CamsimError::Gstreamer("a buffer is shared".into()))?;
    writable.set_pts(at(frame));
    writable.set_duration(at(frame + 1) - at(frame));
    Ok(buffer)
}
