//! A decoder's buffer as a picture, mapped where it lies: no copy is made. Formats other than I420 and
//! NV12 are converted before, in `tap`'s part of the pipeline.

use gstreamer as gst;
use gstreamer_video::{VideoFrame, VideoFrameExt, VideoInfo, video_frame::Readable};
use wayside_types::{FrameSize, PixelBuffer, PixelFormat, Plane};

/// A mapped buffer; unmapped and given back to its pool when dropped.
struct Mapped(VideoFrame<Readable>);

impl PixelBuffer for Mapped {
    fn plane(&self, index: usize) -> Plane<'_> {
        let data = u32::try_from(index).ok().and_then(|i| self.0.plane_data(i).ok());
        let stride = self.0.plane_stride().get(index).and_then(|&stride| usize::try_from(stride).ok());
        match (data, stride) {
            (Some(data), Some(stride)) => Plane { data, stride },
            // A negative stride means rows from the bottom up, which no decoder of ours gives.
            _ => Plane { data: &[], stride: 0 },
        }
    }
}

/// A picture with its size and layout.
pub(crate) struct Picture {
    pub size: FrameSize,
    pub format: PixelFormat,
    pub pixels: std::sync::Arc<dyn PixelBuffer>,
}

/// Maps the buffer of a sample; `None` when it is not I420 or NV12, or can't be mapped.
pub(crate) fn map(sample: &gst::Sample) -> Option<Picture> {
    let info = VideoInfo::from_caps(sample.caps()?).ok()?;
    let format = match info.format() {
        gstreamer_video::VideoFormat::I420 => PixelFormat::I420,
        gstreamer_video::VideoFormat::Nv12 => PixelFormat::Nv12,
        _ => return None,
    };
    let size = FrameSize { width: info.width(), height: info.height() };
    let frame = VideoFrame::from_buffer_readable(sample.buffer_owned()?, &info).ok()?;
    Some(Picture { size, format, pixels: std::sync::Arc::new(Mapped(frame)) })
}
