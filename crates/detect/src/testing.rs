//! What the tests of this crate share: frames made by hand, models that may be absent, and an ONNX writer
//! just large enough for graphs of three nodes.

pub(crate) mod onnx;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wayside_types::frame::OwnedPixels;
use wayside_types::{BBox, CameraId, Detection, Frame, FrameSize, PixelFormat, Timestamp};

use crate::{Manifest, Runtime};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The path, or `None` after saying loudly that a test can't run without it.
pub(crate) fn present(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {} is not there (scripts/setup fetches .wayside)", path.display());
    None
}

/// ONNX Runtime, if it has been fetched.
pub(crate) fn runtime() -> Option<Runtime> {
    let library = present(Runtime::default_library(&root()))?;
    Some(Runtime::load(&library).unwrap())
}

pub(crate) fn frame(format: PixelFormat, width: u32, height: u32, planes: Vec<(Vec<u8>, usize)>) -> Frame {
    Frame {
        camera: CameraId::new("test").unwrap(),
        captured_at: Timestamp::UNIX_EPOCH,
        media_time: Duration::ZERO,
        seq: 0,
        size: FrameSize { width, height },
        format,
        pixels: Arc::new(OwnedPixels::planar(planes)),
    }
}

/// A frame of one colour.
pub(crate) fn plain(width: u32, height: u32, rgb: [u8; 3]) -> Frame {
    let row = 3 * width as usize;
    frame(PixelFormat::Rgb8, width, height, vec![(rgb.repeat((width * height) as usize), row)])
}

/// A PNG file as a frame.
pub(crate) fn picture(path: &Path) -> Frame {
    let rgb = image::open(path).unwrap().to_rgb8();
    let (width, height) = rgb.dimensions();
    frame(PixelFormat::Rgb8, width, height, vec![(rgb.into_raw(), 3 * width as usize)])
}

/// An RGB frame as limited-range BT.601 I420 or NV12 with padded strides.
pub(crate) fn to_yuv(rgb: &Frame, format: PixelFormat, padding: usize) -> Frame {
    let (w, h) = (rgb.size.width as usize, rgb.size.height as usize);
    let data = rgb.pixels.plane(0).data;
    let yuv = |x: usize, y: usize| {
        let p = &data[3 * (y * w + x)..][..3];
        let [r, g, b] = [0, 1, 2].map(|i| f64::from(p[i]) / 255.0);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        [16.0 + 219.0 * luma, 128.0 + 224.0 * (b - luma) / 1.772, 128.0 + 224.0 * (r - luma) / 1.402]
    };
    let byte = |v: f64| v.round().clamp(0.0, 255.0) as u8;
    let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
    let mut luma = vec![0; (w + padding) * h];
    let (mut u, mut v) = (vec![0; cw * ch], vec![0; cw * ch]);
    for y in 0..h {
        for x in 0..w {
            luma[y * (w + padding) + x] = byte(yuv(x, y)[0]);
        }
    }
    for y in 0..ch {
        for x in 0..cw {
            let near = [(0, 0), (1, 0), (0, 1), (1, 1)]
                .map(|(dx, dy)| yuv((2 * x + dx).min(w - 1), (2 * y + dy).min(h - 1)));
            u[y * cw + x] = byte(near.iter().map(|p| p[1]).sum::<f64>() / 4.0);
            v[y * cw + x] = byte(near.iter().map(|p| p[2]).sum::<f64>() / 4.0);
        }
    }
    let planes = match format {
        PixelFormat::I420 => {
            let padded = |plane: &[u8]| -> Vec<u8> {
                plane.chunks(cw).flat_map(|row| row.iter().copied().chain(vec![255; padding])).collect()
            };
            vec![(luma, w + padding), (padded(&u), cw + padding), (padded(&v), cw + padding)]
        }
        PixelFormat::Nv12 => {
            let uv: Vec<u8> = u.iter().zip(&v).flat_map(|(u, v)| [*u, *v]).collect();
            let rows = uv.chunks(2 * cw).flat_map(|row| row.iter().copied().chain(vec![255; padding]));
            vec![(luma, w + padding), (rows.collect(), 2 * cw + padding)]
        }
        PixelFormat::Rgb8 => panic!("RGB is what we come from"),
    };
    frame(format, rgb.size.width, rgb.size.height, planes)
}

/// A directory with one model file and the manifest that fits it.
pub(crate) struct ModelDir {
    pub dir: tempfile::TempDir,
    pub manifest: Manifest,
}

/// Puts model bytes into a directory of their own, with a manifest made from `text` (everything after
/// `sha256`).
pub(crate) fn model_dir(bytes: &[u8], text: &str) -> ModelDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tiny.onnx"), bytes).unwrap();
    let sha256: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    let text = format!(
        "name = \"tiny\"\nfile = \"tiny.onnx\"\nsha256 = \"{sha256}\"\nlicence = \"CC0-1.0\"\norigin = \"made by a test\"\n{text}"
    );
    let manifest = Manifest::parse(Path::new("tiny.toml"), &text).unwrap();
    ModelDir { dir, manifest }
}

/// One expected box of a reference.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub class: String,
    pub score: f32,
    pub bbox: BBox,
}

/// Reads a list of `{class, score, box_px}`.
pub(crate) fn expected(list: &serde_json::Value) -> Vec<Expected> {
    let number = |v: &serde_json::Value| v.as_f64().unwrap() as f32;
    let read = |v: &serde_json::Value| {
        let b: Vec<f32> = v["box_px"].as_array().unwrap().iter().map(number).collect();
        Expected {
            class: v["class"].as_str().unwrap().to_owned(),
            score: number(&v["score"]),
            bbox: BBox::new(b[0], b[1], b[2], b[3]),
        }
    };
    list.as_array().unwrap().iter().map(read).collect()
}

/// Every expected box is found once with IoU ≥ 0.9 and a score within 0.05, and nothing else is.
pub(crate) fn assert_agrees(what: &str, expected: &[Expected], found: &[Detection]) {
    let fits = |e: &Expected, d: &Detection| {
        e.class == d.class.as_str() && (e.score - d.score).abs() <= 0.05 && e.bbox.iou(&d.bbox) >= 0.9
    };
    let list = |d: &Detection| {
        format!(
            "{} {:.3} [{:.1} {:.1} {:.1} {:.1}]",
            d.class, d.score, d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2
        )
    };
    let shown: Vec<_> = found.iter().map(list).collect();
    for e in expected {
        let n = found.iter().filter(|d| fits(e, d)).count();
        let b = e.bbox;
        assert_eq!(
            n, 1,
            "{what}: {} {:.3} [{:.1} {:.1} {:.1} {:.1}] found {n} times in {shown:#?}",
            e.class, e.score, b.x1, b.y1, b.x2, b.y2
        );
    }
    assert_eq!(found.len(), expected.len(), "{what}: found more than expected: {shown:#?}");
}
