//! A video file as a camera: demuxed, parsed and sent as it is, over and over, with time stamps that go
//! on growing across the seam. It is read as it is played, so a long file costs no memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

use super::feed::{Feed, Gone, Outlet};
use crate::error::CamsimError;

/// How long to wait for a frame before looking at the bus for an error.
const POLL: gst::ClockTime = gst::ClockTime::from_mseconds(100);
/// A file may take this many polls, 10 s, to show its first frame.
const OPEN_POLLS: usize = 100;
/// What the last frame lasts where the file says nothing.
const DEFAULT_FRAME: gst::ClockTime = gst::ClockTime::from_mseconds(40);

/// The codecs that can be sent as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// H.264, ITU-T.
    H264,
    /// H.265, ITU-T.
    H265,
}

impl Codec {
    fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "video/x-h264" => Some(Self::H264),
            "video/x-h265" => Some(Self::H265),
            _ => None,
        }
    }

    const fn parser(self) -> &'static str {
        match self {
            Self::H264 => "h264parse",
            Self::H265 => "h265parse",
        }
    }

    const fn payloader(self) -> &'static str {
        match self {
            Self::H264 => "rtph264pay",
            Self::H265 => "rtph265pay",
        }
    }

    /// Whole access units with start codes, so that parameter sets travel in the stream.
    fn caps(self) -> gst::Caps {
        let name = match self {
            Self::H264 => "video/x-h264",
            Self::H265 => "video/x-h265",
        };
        gst::Caps::builder(name).field("stream-format", "byte-stream").field("alignment", "au").build()
    }
}

/// A file that was opened once and found fit to be sent.
#[derive(Debug, Clone)]
pub struct FileFeed {
    path: PathBuf,
    codec: Codec,
}

impl FileFeed {
    /// Opens the file and looks for its first frame of H.264 or H.265.
    ///
    /// # Errors
    /// When the file is missing, no video, cut off before its first frame, or of another codec.
    pub fn open(path: &Path) -> Result<Self, CamsimError> {
        let unreadable = |source| CamsimError::Unreadable { path: path.to_owned(), source };
        if std::fs::File::open(path).and_then(|f| f.metadata()).map_err(unreadable)?.is_dir() {
            return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
        }
        let reader = Reader::open(path)?;
        for _ in 0..OPEN_POLLS {
            let sample = match reader.next()? {
                Next::Sample(sample) => sample,
                Next::Timeout => continue,
                Next::End => break,
            };
            let media_type = sample.caps().and_then(|c| c.structure(0)).map(|s| s.name().to_string());
            let media_type = media_type.unwrap_or_else(|| "an unnamed codec".into());
            return match Codec::of(&media_type) {
                Some(codec) => Ok(Self { path: path.to_owned(), codec }),
                None => Err(CamsimError::Codec { path: path.to_owned(), codec: media_type }),
            };
        }
        Err(reader.no_frame())
    }

    /// Plays the file once from `offset` on; returns where the next pass starts.
    fn pass(&self, offset: Duration, outlet: &Outlet) -> Result<Result<Duration, Gone>, CamsimError> {
        let reader = Reader::open(&self.path)?;
        let mut seam = Seam::new(offset);
        loop {
            if outlet.gone() {
                return Ok(Err(Gone));
            }
            let sample = match reader.next()? {
                Next::Sample(sample) => sample,
                Next::Timeout => continue,
                Next::End => return Ok(Ok(seam.end())),
            };
            let Some(buffer) = seam.shift(&sample) else { continue };
            if let Some(caps) = sample.caps() {
                outlet.set_caps(caps);
            }
            let due = buffer.dts_or_pts().map_or(offset, Into::into);
            if let Err(gone) = outlet.wait_until(due).and_then(|()| outlet.push(buffer)) {
                return Ok(Err(gone));
            }
        }
    }
}

impl Feed for FileFeed {
    fn launch(&self) -> String {
        format!(
            "( appsrc name=source is-live=true format=time block=true max-buffers=8 caps=\"{}\" \
             ! {} name=pay0 pt=96 config-interval=-1 )",
            self.codec.caps(),
            self.codec.payloader(),
        )
    }

    fn run(&mut self, outlet: &Outlet) -> Result<Gone, CamsimError> {
        let mut offset = Duration::ZERO;
        loop {
            match self.pass(offset, outlet)? {
                Ok(end) if end > offset => offset = end,
                // The file was opened once and had frames; now it has none.
                Ok(_) => {
                    return Err(CamsimError::NotAVideo {
                        path: self.path.clone(),
                        reason: "no frame of it is left".into(),
                    });
                }
                Err(gone) => return Ok(gone),
            }
        }
    }
}

/// Moves the time stamps of one pass behind those of the pass before.
struct Seam {
    offset: gst::ClockTime,
    first: Option<gst::ClockTime>,
    last: Option<gst::ClockTime>,
    step: gst::ClockTime,
    end: gst::ClockTime,
}

impl Seam {
    fn new(offset: Duration) -> Self {
        let offset = gst::ClockTime::try_from(offset).unwrap_or(gst::ClockTime::ZERO);
        Self { offset, first: None, last: None, step: DEFAULT_FRAME, end: offset }
    }

    /// A copy of the frame with shifted times; `None` for one without any time.
    fn shift(&mut self, sample: &gst::Sample) -> Option<gst::Buffer> {
        let mut buffer = sample.buffer()?.copy();
        let segment = sample.segment().and_then(|s| s.downcast_ref::<gst::ClockTime>());
        // Before the start of an edit list the running time is negative or absent: the raw time will do,
        // because only differences count.
        let raw =
            |t: Option<gst::ClockTime>| t.map(|t| segment.and_then(|s| s.to_running_time(t)).unwrap_or(t));
        let pts = raw(buffer.pts()).or_else(|| raw(buffer.dts()))?;
        let dts = buffer.dts().and_then(|t| raw(Some(t))).map_or(pts, |dts| dts.min(pts));
        // The first frame of a file is decoded and shown first; what is decoded later is never earlier.
        let first = *self.first.get_or_insert(pts);
        let at = |t: gst::ClockTime| self.offset + t.saturating_sub(first);
        let (pts, dts) = (at(pts), at(dts));
        if let Some(step) = self.last.and_then(|last| pts.checked_sub(last)).filter(|s| !s.is_zero()) {
            self.step = step;
        }
        self.last = Some(pts);
        let lasts = buffer.duration().filter(|d| !d.is_zero()).unwrap_or(self.step);
        self.end = self.end.max(pts + lasts);
        {
            let buffer = buffer.get_mut()?;
            buffer.set_pts(pts);
            buffer.set_dts(dts);
        }
        Some(buffer)
    }

    fn end(&self) -> Duration {
        self.end.into()
    }
}

enum Next {
    Sample(gst::Sample),
    End,
    Timeout,
}

/// One opening of the file: demuxer, parser, and a sink to pull encoded frames from.
struct Reader {
    path: PathBuf,
    pipeline: gst::Pipeline,
    sink: AppSink,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, CamsimError> {
        let pipeline = gst::Pipeline::new();
        let source = gst::ElementFactory::make("filesrc").property("location", path).build()?;
        let parse = gst::ElementFactory::make("parsebin").build()?;
        let sink = AppSink::builder().sync(false).max_buffers(16).build();
        pipeline.add_many([&source, &parse, sink.upcast_ref()])?;
        source.link(&parse)?;
        let (weak, target) = (pipeline.downgrade(), sink.clone());
        parse.connect_pad_added(move |_, pad| {
            let Some(pipeline) = weak.upgrade() else { return };
            if let Err(error) = attach(&pipeline, pad, &target) {
                gst::element_error!(pipeline, gst::StreamError::Failed, ("{error}"));
            }
        });
        let (weak, target) = (pipeline.downgrade(), sink.clone());
        parse.connect_no_more_pads(move |_| {
            if let (Some(pipeline), false) = (weak.upgrade(), is_linked(&target)) {
                gst::element_error!(pipeline, gst::StreamError::WrongType, ("it holds no video"));
            }
        });
        let reader = Self { path: path.to_owned(), pipeline, sink };
        if reader.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(reader.no_frame());
        }
        Ok(reader)
    }

    fn next(&self) -> Result<Next, CamsimError> {
        if let Some(sample) = self.sink.try_pull_sample(POLL) {
            return Ok(Next::Sample(sample));
        }
        if let Some(error) = self.error() {
            return Err(self.not_a_video(error));
        }
        // A file without video ends without the sink ever being linked.
        let ended = self.bus_has(gst::MessageType::Eos) || self.sink.is_eos() && is_linked(&self.sink);
        Ok(if ended { Next::End } else { Next::Timeout })
    }

    fn bus_has(&self, kind: gst::MessageType) -> bool {
        self.pipeline.bus().is_some_and(|bus| bus.pop_filtered(&[kind]).is_some())
    }

    fn error(&self) -> Option<String> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(error.error().message().to_owned()),
            _ => None,
        }
    }

    fn not_a_video(&self, reason: String) -> CamsimError {
        CamsimError::NotAVideo { path: self.path.clone(), reason }
    }

    fn no_frame(&self) -> CamsimError {
        let reason = self.error();
        self.not_a_video(reason.unwrap_or_else(|| "it shows no video frame".into()))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn is_linked(sink: &AppSink) -> bool {
    sink.static_pad("sink").is_some_and(|pad| pad.is_linked())
}

/// Links the first video pad to the sink, through a parser where the codec has one, and any other pad
/// to a sink that forgets.
fn attach(pipeline: &gst::Pipeline, pad: &gst::Pad, sink: &AppSink) -> Result<(), CamsimError> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let media_type = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
    let is_video = media_type.starts_with("video/") || media_type.starts_with("image/");
    let first = if is_linked(sink) || !is_video {
        let forget = gst::ElementFactory::make("fakesink").property("sync", false).build()?;
        forget.set_property("async", false);
        pipeline.add(&forget)?;
        forget.sync_state_with_parent()?;
        forget
    } else if let Some(codec) = Codec::of(&media_type) {
        let parser = gst::ElementFactory::make(codec.parser()).build()?;
        let filter = gst::ElementFactory::make("capsfilter").property("caps", codec.caps()).build()?;
        pipeline.add_many([&parser, &filter])?;
        gst::Element::link_many([&parser, &filter, sink.upcast_ref()])?;
        filter.sync_state_with_parent()?;
        parser.sync_state_with_parent()?;
        parser
    } else {
        sink.clone().upcast()
    };
    let target = first.static_pad("sink").ok_or_else(|| CamsimError::Gstreamer("no sink pad".into()))?;
    pad.link(&target).map_err(|e| CamsimError::Gstreamer(format!("a pad of type {media_type}: {e}")))?;
    Ok(())
}
