//! From TOML to [`Manifest`]. Unknown keys and wrong types are found by serde; everything that a type
//! can't say is checked here, and all such mistakes are reported at once, each with its line.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;
use toml::Spanned;
use wayside_types::class::UnknownClass;
use wayside_types::{RoadUserClass, SceneClass};

use super::{
    ClassMap, ColourOrder, FetchSpec, InputSpec, Layout, Manifest, ManifestError, ResizeMode, TensorOrder,
};

/// Inputs larger than this on a side are a mistake rather than a model.
const MAX_SIDE_PX: u32 = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    name: Spanned<String>,
    file: Spanned<String>,
    sha256: Spanned<String>,
    licence: Spanned<String>,
    origin: Spanned<String>,
    layout: Spanned<String>,
    input: Spanned<RawInput>,
    output: Spanned<BTreeMap<String, Spanned<String>>>,
    #[serde(default)]
    post: RawPost,
    labels: Option<Spanned<i64>>,
    classes: Spanned<BTreeMap<Spanned<String>, Spanned<String>>>,
    fetch: Option<Spanned<RawFetch>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    name: Spanned<String>,
    width: Spanned<i64>,
    height: Spanned<i64>,
    #[serde(default)]
    tensor: RawTensor,
    colour: RawColour,
    #[serde(default = "one")]
    scale: Spanned<f64>,
    mean: Option<Spanned<[f64; 3]>>,
    std: Option<Spanned<[f64; 3]>>,
    resize: RawResize,
    pad: Option<Spanned<i64>>,
    size_input: Option<Spanned<String>>,
}

fn one() -> Spanned<f64> {
    Spanned::new(0..0, 1.0)
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawTensor {
    #[default]
    Nchw,
    Nhwc,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RawColour {
    Rgb,
    Bgr,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum RawResize {
    LetterboxTopLeft,
    LetterboxCentre,
    Stretch,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawPost {
    nms_iou: Option<Spanned<f64>>,
    duplicate_iou: Option<Spanned<f64>>,
    join_riders: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFetch {
    kind: Spanned<String>,
    package: Option<Spanned<String>>,
    version: Option<Spanned<String>>,
    sha256: Option<Spanned<String>>,
    member: Option<Spanned<String>>,
    integrity: Option<Spanned<String>>,
    model: Option<Spanned<String>>,
    convert: Option<Spanned<String>>,
}

/// Collects mistakes with their lines.
pub(super) struct Checker<'a> {
    path: &'a Path,
    text: &'a str,
    mistakes: Vec<(usize, String)>,
}

impl<'a> Checker<'a> {
    pub(super) const fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text, mistakes: Vec::new() }
    }

    pub(super) const fn has_mistakes(&self) -> bool {
        !self.mistakes.is_empty()
    }

    /// All mistakes, in the order of their lines.
    pub(super) fn report(mut self) -> ManifestError {
        self.mistakes.sort_by_key(|(line, _)| *line);
        let path = self.path.display();
        ManifestError::Invalid {
            mistakes: self.mistakes.iter().map(|(line, what)| format!("{path}:{line}: {what}")).collect(),
        }
    }

    pub(super) fn mistake(&mut self, span: Range<usize>, message: impl Into<String>) {
        let line = 1 + self.text.bytes().take(span.start).filter(|b| *b == b'\n').count();
        self.mistakes.push((line, message.into()));
    }

    /// A text that must not be empty.
    fn filled(&mut self, key: &str, value: &Spanned<String>) -> String {
        if value.get_ref().trim().is_empty() {
            self.mistake(value.span(), format!("{key} is empty"));
        }
        value.get_ref().clone()
    }

    /// A profile finds a manifest by its file name, so a different name inside would only mislead.
    pub(super) fn own_name(&mut self, value: &Spanned<String>) -> String {
        let stem = self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if *value.get_ref() != stem {
            let name = value.get_ref();
            self.mistake(
                value.span(),
                format!("name is {name:?}; it must be {stem:?}, the file's own name without .toml"),
            );
        }
        value.get_ref().clone()
    }

    /// A text of hexadecimal digits as `sha256sum` prints them.
    fn sha256(&mut self, key: &str, value: &Spanned<String>) -> String {
        let text = value.get_ref();
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            self.mistake(
                value.span(),
                format!(
                    "{key} is {text:?}; it must be 64 lower-case hexadecimal digits, as sha256sum prints"
                ),
            );
        }
        text.clone()
    }

    /// A file name without any directory.
    pub(super) fn plain_file(&mut self, key: &str, value: &Spanned<String>) -> String {
        let name = value.get_ref();
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !plain {
            self.mistake(
                value.span(),
                format!(
                    "{key} is {name:?}; it must be a plain file name of [A-Za-z0-9._-] without directories"
                ),
            );
        }
        name.clone()
    }

    #[expect(clippy::cast_possible_truncation, reason = "a threshold needs no more than f32 holds")]
    fn iou(&mut self, key: &str, value: Option<&Spanned<f64>>) -> Option<f32> {
        let value = value?;
        let iou = *value.get_ref();
        if !(iou > 0.0 && iou <= 1.0) {
            self.mistake(value.span(), format!("{key} is {iou}; it must be above 0 and at most 1"));
        }
        Some(iou as f32)
    }

    fn side(&mut self, key: &str, value: &Spanned<i64>) -> u32 {
        match u32::try_from(*value.get_ref()) {
            Ok(side) if (1..=MAX_SIDE_PX).contains(&side) => side,
            _ => {
                self.mistake(
                    value.span(),
                    format!("{key} is {}; it must be 1 to {MAX_SIDE_PX} pixels", value.get_ref()),
                );
                1
            }
        }
    }
}

pub(super) fn manifest(path: &Path, text: &str) -> Result<Manifest, ManifestError> {
    let mut check = Checker::new(path, text);
    let raw: RawManifest = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            check.mistake(error.span().unwrap_or(0..0), error.message());
            return Err(check.report());
        }
    };
    let layout = layout(&mut check, &raw.layout);
    let manifest = Manifest {
        name: check.own_name(&raw.name),
        file: check.plain_file("file", &raw.file),
        sha256: check.sha256("sha256", &raw.sha256),
        licence: check.filled("licence", &raw.licence),
        origin: check.filled("origin", &raw.origin),
        layout,
        input: input(&mut check, raw.input.get_ref(), layout),
        outputs: outputs(&mut check, &raw.output, layout),
        labels: labels(&mut check, &raw, layout),
        classes: classes(&mut check, &raw.classes, layout),
        nms_iou: check
            .iou("post.nms_iou", raw.post.nms_iou.as_ref())
            .or_else(|| layout.wants_nms().then_some(0.45)),
        duplicate_iou: check.iou("post.duplicate_iou", raw.post.duplicate_iou.as_ref()).unwrap_or(0.7),
        join_riders: raw.post.join_riders.unwrap_or(true),
        fetch: raw.fetch.as_ref().and_then(|fetch| self::fetch(&mut check, fetch)),
    };
    if check.has_mistakes() { Err(check.report()) } else { Ok(manifest) }
}

fn layout(check: &mut Checker<'_>, value: &Spanned<String>) -> Layout {
    let found = Layout::ALL.iter().copied().find(|l| l.as_str() == value.get_ref());
    found.unwrap_or_else(|| {
        let accepted: Vec<_> = Layout::ALL.iter().map(|l| l.as_str()).collect();
        check.mistake(
            value.span(),
            format!("layout is {:?}; accepted are: {}", value.get_ref(), accepted.join(" ")),
        );
        Layout::Yolov8
    })
}

#[expect(clippy::cast_possible_truncation, reason = "pixels are scaled in f32")]
fn input(check: &mut Checker<'_>, raw: &RawInput, layout: Layout) -> InputSpec {
    let scale = *raw.scale.get_ref();
    if !(scale.is_finite() && scale > 0.0) {
        check.mistake(raw.scale.span(), format!("input.scale is {scale}; it must be above 0"));
    }
    for (key, triple, above_zero) in [("mean", &raw.mean, false), ("std", &raw.std, true)] {
        let Some(triple) = triple else { continue };
        if triple.get_ref().iter().any(|v| !v.is_finite() || (above_zero && *v <= 0.0)) {
            let range = if above_zero { "three numbers above 0" } else { "three finite numbers" };
            check.mistake(triple.span(), format!("input.{key} must be {range}, one a channel"));
        }
    }
    let triple = |t: &Option<Spanned<[f64; 3]>>, default: f32| {
        t.as_ref().map_or([default; 3], |t| t.get_ref().map(|v| v as f32))
    };
    if let Some(size) = &raw.size_input
        && layout != Layout::Detr
    {
        check.mistake(size.span(), "input.size_input belongs to layout detr only");
    }
    InputSpec {
        name: check.filled("input.name", &raw.name),
        width: side_for(check, "input.width", &raw.width, layout),
        height: side_for(check, "input.height", &raw.height, layout),
        tensor: match raw.tensor {
            RawTensor::Nchw => TensorOrder::Nchw,
            RawTensor::Nhwc => TensorOrder::Nhwc,
        },
        colour: match raw.colour {
            RawColour::Rgb => ColourOrder::Rgb,
            RawColour::Bgr => ColourOrder::Bgr,
        },
        scale: scale as f32,
        mean: triple(&raw.mean, 0.0),
        std: triple(&raw.std, 1.0),
        resize: match raw.resize {
            RawResize::LetterboxTopLeft => ResizeMode::LetterboxTopLeft,
            RawResize::LetterboxCentre => ResizeMode::LetterboxCentre,
            RawResize::Stretch => ResizeMode::Stretch,
        },
        pad: pad(check, raw),
        size_input: raw.size_input.as_ref().map(|s| check.filled("input.size_input", s)),
    }
}

/// The raw YOLOX grid exists for whole cells of 32 pixels only.
fn side_for(check: &mut Checker<'_>, key: &str, value: &Spanned<i64>, layout: Layout) -> u32 {
    let side = check.side(key, value);
    if layout == Layout::YoloxRaw && !side.is_multiple_of(32) && side > 1 {
        check.mistake(value.span(), format!("{key} is {side}; layout yolox_raw needs a multiple of 32"));
    }
    side
}

fn pad(check: &mut Checker<'_>, raw: &RawInput) -> u8 {
    match &raw.pad {
        Some(pad) if raw.resize == RawResize::Stretch => {
            check.mistake(pad.span(), "input.pad has no meaning with resize = \"stretch\"");
            0
        }
        Some(pad) => u8::try_from(*pad.get_ref()).unwrap_or_else(|_| {
            check.mistake(pad.span(), format!("input.pad is {}; it must be 0 to 255", pad.get_ref()));
            0
        }),
        None => 114,
    }
}

fn outputs(
    check: &mut Checker<'_>,
    raw: &Spanned<BTreeMap<String, Spanned<String>>>,
    layout: Layout,
) -> BTreeMap<String, String> {
    let roles = layout.outputs();
    for (role, graph_name) in raw.get_ref() {
        if !roles.contains(&role.as_str()) {
            check.mistake(
                graph_name.span(),
                format!(
                    "output.{role} is not an output of layout {}, which has: {}",
                    layout.as_str(),
                    roles.join(" ")
                ),
            );
        }
        check.filled(&format!("output.{role}"), graph_name);
    }
    for role in roles.iter().filter(|role| !raw.get_ref().contains_key(**role)) {
        check.mistake(
            raw.span(),
            format!(
                "output.{role} is missing: the graph's name of that output of layout {}",
                layout.as_str()
            ),
        );
    }
    raw.get_ref().iter().map(|(role, name)| (role.clone(), name.get_ref().clone())).collect()
}

/// The number of labels is part of an output's shape: a model that gives out more than it admits (key
/// points, embeddings behind the scores) is found by it when its graph is checked.
fn labels(check: &mut Checker<'_>, raw: &RawManifest, layout: Layout) -> Option<u32> {
    let Some(labels) = &raw.labels else {
        if layout.has_score_per_label() {
            check.mistake(
                raw.layout.span(),
                format!(
                    "labels is missing: how many labels the model knows; layout {} needs it",
                    layout.as_str()
                ),
            );
        }
        return None;
    };
    let count = u32::try_from(*labels.get_ref()).ok().filter(|n| (1..=65_536).contains(n));
    if count.is_none() {
        check.mistake(labels.span(), format!("labels is {}; it must be 1 to 65536", labels.get_ref()));
    }
    for label in raw.classes.get_ref().keys() {
        if let (Some(count), Ok(number)) = (count, label.get_ref().parse::<u32>())
            && number >= count
        {
            check.mistake(
                label.span(),
                format!("label {number} does not exist: labels = {count}, counted from 0"),
            );
        }
    }
    count
}

fn classes(
    check: &mut Checker<'_>,
    raw: &Spanned<BTreeMap<Spanned<String>, Spanned<String>>>,
    layout: Layout,
) -> ClassMap {
    if raw.get_ref().is_empty() {
        check.mistake(raw.span(), "classes is empty; map at least one label, as in: 2 = \"car\"");
    }
    if layout == Layout::Scene {
        ClassMap::Scene(class_map::<SceneClass>(check, raw.get_ref(), "a model of layout scene"))
    } else {
        ClassMap::RoadUsers(class_map::<RoadUserClass>(check, raw.get_ref(), "a detector"))
    }
}

/// The allow-list: whatever is not in `C` is refused, by name.
fn class_map<C: FromStr<Err = UnknownClass>>(
    check: &mut Checker<'_>,
    raw: &BTreeMap<Spanned<String>, Spanned<String>>,
    who: &str,
) -> BTreeMap<u32, C> {
    let mut map = BTreeMap::new();
    for (label, class) in raw {
        let Ok(number) = label.get_ref().parse::<u32>() else {
            check.mistake(
                label.span(),
                format!("classes.{} is not a label number; labels count from 0", label.get_ref()),
            );
            continue;
        };
        match class.get_ref().parse::<C>() {
            Ok(class) => {
                if map.insert(number, class).is_some() {
                    check.mistake(label.span(), format!("label {number} is mapped twice"));
                }
            }
            Err(unknown) => check.mistake(
                class.span(),
                format!(
                    "label {number} is mapped to {:?}, which {who} may not name; accepted are only: {}",
                    unknown.value,
                    unknown.accepted.trim_end()
                ),
            ),
        }
    }
    map
}

fn fetch(check: &mut Checker<'_>, raw: &Spanned<RawFetch>) -> Option<FetchSpec> {
    let (span, raw) = (raw.span(), raw.get_ref());
    let kind = raw.kind.get_ref().as_str();
    let keys = [
        ("package", &raw.package, ["pypi", "npm"].as_slice()),
        ("version", &raw.version, &["pypi", "npm"]),
        ("sha256", &raw.sha256, &["pypi"]),
        ("member", &raw.member, &["pypi"]),
        ("integrity", &raw.integrity, &["npm"]),
        ("model", &raw.model, &["model"]),
        ("convert", &raw.convert, &["npm", "model"]),
    ];
    if !keys.iter().any(|(_, _, kinds)| kinds.contains(&kind)) {
        check.mistake(raw.kind.span(), format!("fetch.kind is {kind:?}; accepted are: pypi npm model"));
        return None;
    }
    for (key, value, kinds) in keys {
        match (value, kinds.contains(&kind)) {
            (Some(extra), false) => {
                check.mistake(extra.span(), format!("this key has no meaning with fetch.kind = {kind:?}"));
            }
            (None, true) => {
                check.mistake(span.clone(), format!("fetch.{key} is missing for fetch.kind = {kind:?}"));
            }
            _ => {}
        }
    }
    if kind == "model" {
        let (model, convert) = (raw.model.as_ref()?, raw.convert.as_ref()?);
        return Some(FetchSpec::Model {
            model: check.plain_file("fetch.model", model),
            convert: check.plain_file("fetch.convert", convert),
        });
    }
    let package = check.filled("fetch.package", raw.package.as_ref()?);
    let version = check.filled("fetch.version", raw.version.as_ref()?);
    if kind == "pypi" {
        let (sha256, member) = (raw.sha256.as_ref()?, raw.member.as_ref()?);
        let sha256 = check.sha256("fetch.sha256", sha256);
        return Some(FetchSpec::Pypi {
            package,
            version,
            sha256,
            member: check.filled("fetch.member", member),
        });
    }
    let (integrity, convert) = (raw.integrity.as_ref()?, raw.convert.as_ref()?);
    if !integrity.get_ref().starts_with("sha512-") {
        check.mistake(integrity.span(), "fetch.integrity must begin with \"sha512-\", as npm view prints it");
    }
    let convert = check.plain_file("fetch.convert", convert);
    Some(FetchSpec::Npm { package, version, integrity: integrity.get_ref().clone(), convert })
}
