//! Finding road users in frames: model manifests, pre-processing, ONNX Runtime, output decoding and the
//! clean-up of duplicate boxes. Where frames come from is `ingest`'s business, what becomes of the boxes
//! is `track`'s; fetching and converting model files is done by `scripts/models`.
//!
//! The way through the crate: a [`Manifest`] says what a model file is and how to talk to it; a
//! [`Model`] is what profiles name, one manifest or several that differ in their input's shape; a
//! [`Runtime`] is the ONNX Runtime library; a [`Detector`] runs a model and turns
//! [`wayside_types::Frame`]s into [`wayside_types::Detection`]s. The class allow-list (six road-user
//! classes, three scene classes) is enforced while a manifest is parsed, and `graph` refuses a model
//! that gives out more than its layout names.

mod decode;
mod detector;
mod error;
mod graph;
mod kernels;
mod manifest;
mod post;
mod preprocess;
mod runtime;

#[cfg(test)]
mod testing;

pub use detector::{Detector, DetectorOptions};
pub use error::DetectError;
pub use manifest::{
    ClassMap, ColourOrder, FetchSpec, InputSpec, Layout, Manifest, ManifestError, Model, ResizeMode,
    TensorOrder,
};
pub use preprocess::Lift;
pub use runtime::{Provider, Runtime};
