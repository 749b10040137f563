//! What a profile names: one manifest, or one model in several input shapes, of which each camera gets the
//! one that its picture fills best. The shapes' own manifests are read by [`Manifest::load`].

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use wayside_types::FrameSize;

use super::parse::Checker;
use super::{ClassMap, Manifest, ManifestError, ResizeMode};
use crate::preprocess::Fit;

/// A model in one or more input shapes.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    name: String,
    /// One at least. The first says how large a picture is shown to the model.
    shapes: Vec<Manifest>,
}

/// The file of a model that comes in several shapes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    name: Spanned<String>,
    shapes: Spanned<Vec<Spanned<String>>>,
}

/// Shapes that one model may come in: a session is opened for each.
const SHAPES: std::ops::RangeInclusive<usize> = 2..=8;

impl Model {
    /// Reads `NAME.toml` in a directory of manifests, and the manifests of its shapes if it lists any.
    ///
    /// # Errors
    /// When a file can't be read, or has mistakes: all of the first such file, each with its line.
    pub fn load(manifests: &Path, name: &str) -> Result<Self, ManifestError> {
        let path = manifests.join(format!("{name}.toml"));
        let text = super::read(&path)?;
        if !text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("shapes")) {
            return Manifest::parse(&path, &text).map(Self::from);
        }
        let mut check = Checker::new(&path, &text);
        let raw: RawModel = match toml::from_str(&text) {
            Ok(raw) => raw,
            Err(error) => {
                check.mistake(error.span().unwrap_or(0..0), error.message());
                return Err(check.report());
            }
        };
        let name = check.own_name(&raw.name);
        let listed = raw.shapes.get_ref();
        if !SHAPES.contains(&listed.len()) {
            let (least, most) = (SHAPES.start(), SHAPES.end());
            let message = format!("shapes lists {} manifests; it must be {least} to {most}", listed.len());
            check.mistake(raw.shapes.span(), message);
        }
        for shape in listed {
            check.plain_file("shapes", shape);
        }
        if check.has_mistakes() {
            return Err(check.report());
        }
        let mut shapes: Vec<Manifest> = Vec::with_capacity(listed.len());
        for shape in listed {
            let manifest = Manifest::load(&manifests.join(format!("{}.toml", shape.get_ref())))?;
            if let Some(mistake) = mismatch(shapes.first(), &manifest) {
                check.mistake(shape.span(), format!("shape {:?} {mistake}", manifest.name));
            }
            shapes.push(manifest);
        }
        if check.has_mistakes() { Err(check.report()) } else { Ok(Self { name, shapes }) }
    }

    /// The name that profiles use.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its shapes, one at least.
    #[must_use]
    pub fn shapes(&self) -> &[Manifest] {
        &self.shapes
    }

    /// Which shape pictures of a size go to: of those that show them no smaller than the first does, the one
    /// with the fewest pixels, as what is not picture is grey padding that costs as much.
    #[must_use]
    pub fn shape_for(&self, size: FrameSize) -> usize {
        let shown = |shape: &Manifest| pixels(shown(shape, size));
        let wanted = self.shapes.first().map_or(0, shown);
        let fitting = self.shapes.iter().enumerate().filter(|(_, shape)| shown(shape) >= wanted);
        fitting.min_by_key(|(_, shape)| pixels(shape.input.size())).map_or(0, |(index, _)| index)
    }

    /// How large pictures of a size are shown to the model, in pixels of its input.
    #[must_use]
    pub fn shown(&self, size: FrameSize) -> FrameSize {
        self.shapes.get(self.shape_for(size)).map_or(size, |shape| shown(shape, size))
    }
}

impl From<Manifest> for Model {
    fn from(manifest: Manifest) -> Self {
        Self { name: manifest.name.clone(), shapes: vec![manifest] }
    }
}

fn shown(shape: &Manifest, size: FrameSize) -> FrameSize {
    let fit = Fit::new(&shape.input, size);
    FrameSize { width: fit.width, height: fit.height }
}

fn pixels(size: FrameSize) -> u64 {
    u64::from(size.width) * u64::from(size.height)
}

/// Why a manifest is no other shape of the model that the first one describes.
fn mismatch(first: Option<&Manifest>, shape: &Manifest) -> Option<String> {
    if shape.input.resize == ResizeMode::Stretch {
        return Some(
            "stretches its pictures; shapes are chosen by what fits, so they must letterbox".to_owned(),
        );
    }
    let first = first?;
    if first.layout != shape.layout {
        let (is, must) = (shape.layout.as_str(), first.layout.as_str());
        return Some(format!("has layout {is}; it must be {must}, as that of {:?}", first.name));
    }
    let same = match (&first.classes, &shape.classes) {
        (ClassMap::RoadUsers(a), ClassMap::RoadUsers(b)) => sorted(a.values()) == sorted(b.values()),
        (a, b) => a == b,
    };
    (!same).then(|| {
        format!("names other classes than {:?}; a camera's picture must not decide that", first.name)
    })
}

fn sorted<'a, C: Copy + Ord + 'a>(classes: impl Iterator<Item = &'a C>) -> Vec<C> {
    let mut classes: Vec<C> = classes.copied().collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}
