//! Reading `[publisher]` and `[[export]]`: who answers for what is published, and which files are written or posted on a
//! schedule. Making them is `api`'s work, in its module `export`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wayside_types::{BinLength, CameraId, LineId};

use crate::drawing::{position, read_id};
use crate::env::Env;
use crate::error::Position;
use crate::section::{Item, Section};
use crate::settings::SITE_KEYS;
use crate::source::absolute;

/// Keys of `[publisher]`.
pub(crate) const PUBLISHER_KEYS: &[&str] = &["country", "identifier"];
/// Keys of an `[[export]]`.
pub(crate) const EXPORT_KEYS: &[&str] = &[
    "name",
    "what",
    "format",
    "cameras",
    "bin",
    "every",
    "after_minutes",
    "directory",
    "url",
    "bearer",
    "ca_file",
];

/// Exports of a site, at most.
const MOST_EXPORTS: usize = 50;
/// Cameras that an export names, at most.
const MOST_CAMERAS: usize = 10_000;

/// Who answers for what is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherSettings {
    /// Country of ISO 3166-1, two small letters.
    pub country: String,
    /// A name that is unique there.
    pub identifier: String,
}

impl Default for PublisherSettings {
    /// Nobody in particular: `zz` is no country's.
    fn default() -> Self {
        Self { country: "zz".to_owned(), identifier: "wayside".to_owned() }
    }
}

/// What an export is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportWhat {
    /// Crossings of lines.
    Lines,
    /// Road users from line to line.
    Movements,
    /// What zones were like.
    Zones,
    /// A workbook with peak hours and turning movements.
    Study,
    /// DATEX II: what was measured.
    MeasuredData,
    /// DATEX II: the table of measurement sites.
    Sites,
    /// Cameras, lines and zones on a map.
    Map,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// JSON, as the API answers.
    Json,
    /// Apache Parquet.
    Parquet,
    /// An Office Open XML workbook.
    Xlsx,
    /// DATEX II v3.
    Datex2,
    /// GeoJSON (RFC 7946).
    Geojson,
}

/// How long the stretch of time of one file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportEvery {
    /// An hour of the site's clock.
    Hour,
    /// A day of the site's clock.
    Day,
}

/// Where an export goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportTarget {
    /// Files in a directory.
    Directory(PathBuf),
    /// Posted to an address.
    Post {
        /// `http:` or `https:`, without credentials.
        url: String,
        /// Sent as a bearer token.
        bearer: Option<Secret>,
        /// A PEM file of the authorities to trust instead of the machine's; for `https:` only.
        ca_file: Option<PathBuf>,
    },
}

/// A word that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The word itself. For the HTTP client, nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An export that is made again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSettings {
    /// Begins the names of its files.
    pub name: String,
    /// What it is about.
    pub what: ExportWhat,
    /// How it is written.
    pub format: ExportFormat,
    /// Which cameras; empty for all.
    pub cameras: Vec<CameraId>,
    /// How long bins are.
    pub bin: BinLength,
    /// How long the time of one file is.
    pub every: ExportEvery,
    /// How long after that time is over it is made, minutes.
    pub after_minutes: u32,
    /// Where it goes.
    pub target: ExportTarget,
}

/// The cameras that exports name, each with its key and place.
pub(crate) type NamedCameras = Vec<(CameraId, String, Position)>;

/// Reads `[publisher]`.
pub(crate) fn read_publisher(item: &Item<'_>) -> Option<PublisherSettings> {
    let section = item.section(PUBLISHER_KEYS, SITE_KEYS)?;
    let country = section.need("country", "two letters of ISO 3166-1, such as \"de\"").and_then(|item| {
        let text = item.text()?;
        if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_lowercase()) {
            item.fail("must be two small letters of ISO 3166-1, such as \"de\"");
            return None;
        }
        Some(text.to_owned())
    });
    let identifier =
        section.need("identifier", "a name that is unique in the country, such as \"city-of-x\"");
    let identifier = identifier.and_then(|item| item.words(100).map(str::to_owned));
    Some(PublisherSettings { country: country?, identifier: identifier? })
}

/// Reads every `[[export]]`.
pub(crate) fn read_exports(
    item: &Item<'_>,
    directory: &Path,
    env: &Env,
) -> (Vec<ExportSettings>, NamedCameras) {
    let (mut taken, mut named) = (BTreeSet::new(), Vec::new());
    let sections = item.sections(EXPORT_KEYS, SITE_KEYS, MOST_EXPORTS);
    let exports =
        sections.iter().filter_map(|section| read_export(section, directory, env, &mut taken, &mut named));
    (exports.collect(), named)
}

fn read_export(
    section: &Section<'_>,
    directory: &Path,
    env: &Env,
    taken: &mut BTreeSet<String>,
    named: &mut NamedCameras,
) -> Option<ExportSettings> {
    let name = section.need("name", "a short name of a-z, 0-9 and '-'").and_then(|item| {
        let id = read_id(&item, item.text()?, LineId::new)?.to_string();
        if !taken.insert(id.clone()) {
            item.fail("is taken already; give each export its own name");
            return None;
        }
        Some(id)
    });
    let what = section.need("what", "one of: lines, movements, zones, study, measured-data, sites, map");
    let what = what.and_then(|item| item.one_of(&WHAT));
    let format =
        section.need("format", "one of: csv, json, parquet, xlsx, datex2, geojson").and_then(|item| {
            let format = item.one_of(&FORMATS)?;
            let Some(what) = what else { return Some(format) };
            let fitting: Vec<&str> =
                FORMATS.iter().filter(|(_, known)| fits(what, *known)).map(|(name, _)| *name).collect();
            if !fits(what, format) {
                item.fail(format!("does not fit what is exported; must be one of: {}", fitting.join(", ")));
                return None;
            }
            Some(format)
        });
    let cameras = section.get("cameras").map_or(Some(Vec::new()), |item| read_cameras(&item, named));
    let bin = section.get("bin").map_or(Some(BinLength::Minute15), |item| read_bin(&item, what));
    let every = section.need("every", "one of: hour, day");
    let every = every.and_then(|item| item.one_of(&[("hour", ExportEvery::Hour), ("day", ExportEvery::Day)]));
    let after_minutes = section.get("after_minutes").map_or(Some(5), |item| item.whole(2..=720, "minutes"));
    let target = read_target(section, directory, env);
    if let (Some(BinLength::Day), Some(ExportEvery::Hour)) = (bin, every) {
        section.fail("every is \"hour\", in which there is no bin of a day; make it \"day\", or bin shorter");
        return None;
    }
    Some(ExportSettings {
        name: name?,
        what: what?,
        format: format?,
        cameras: cameras?,
        bin: bin?,
        every: every?,
        after_minutes: after_minutes?,
        target: target?,
    })
}

const WHAT: [(&str, ExportWhat); 7] = [
    ("lines", ExportWhat::Lines),
    ("movements", ExportWhat::Movements),
    ("zones", ExportWhat::Zones),
    ("study", ExportWhat::Study),
    ("measured-data", ExportWhat::MeasuredData),
    ("sites", ExportWhat::Sites),
    ("map", ExportWhat::Map),
];

const FORMATS: [(&str, ExportFormat); 6] = [
    ("csv", ExportFormat::Csv),
    ("json", ExportFormat::Json),
    ("parquet", ExportFormat::Parquet),
    ("xlsx", ExportFormat::Xlsx),
    ("datex2", ExportFormat::Datex2),
    ("geojson", ExportFormat::Geojson),
];

/// Whether something can be written in a format.
const fn fits(what: ExportWhat, format: ExportFormat) -> bool {
    match what {
        ExportWhat::Lines | ExportWhat::Movements | ExportWhat::Zones => {
            matches!(format, ExportFormat::Csv | ExportFormat::Json | ExportFormat::Parquet)
        }
        ExportWhat::Study => matches!(format, ExportFormat::Xlsx),
        ExportWhat::MeasuredData | ExportWhat::Sites => matches!(format, ExportFormat::Datex2),
        ExportWhat::Map => matches!(format, ExportFormat::Geojson),
    }
}

fn read_cameras(item: &Item<'_>, named: &mut NamedCameras) -> Option<Vec<CameraId>> {
    let items = item.items(1, MOST_CAMERAS, "camera ids")?;
    let read = |item: &Item<'_>| {
        let id = read_id(item, item.text()?, CameraId::new)?;
        named.push((id.clone(), item.key().to_owned(), position(item.doc(), item)));
        Some(id)
    };
    let ids: Vec<Option<CameraId>> = items.iter().map(read).collect();
    ids.into_iter().collect()
}

fn read_bin(item: &Item<'_>, what: Option<ExportWhat>) -> Option<BinLength> {
    let lengths: Vec<(&str, BinLength)> = BinLength::ALL.iter().map(|bin| (bin.as_str(), *bin)).collect();
    let bin = item.one_of(&lengths)?;
    let coarse = matches!(what, Some(ExportWhat::Movements | ExportWhat::Zones));
    if coarse && bin < BinLength::Minute15 {
        item.fail("must be one of: 15m, 1h, 1d: movements and zones are kept in bins of 15m or longer");
        return None;
    }
    Some(bin)
}

fn read_target(section: &Section<'_>, directory: &Path, env: &Env) -> Option<ExportTarget> {
    match (section.get("directory"), section.get("url")) {
        (Some(item), None) => {
            if let Some(bearer) = section.get("bearer") {
                bearer.secret().fail("goes with url, not with directory");
                return None;
            }
            if let Some(ca_file) = section.get("ca_file") {
                ca_file.fail("goes with url, not with directory");
                return None;
            }
            Some(ExportTarget::Directory(absolute(directory, Path::new(item.words(4_096)?))))
        }
        (None, Some(item)) => {
            let item = item.secret();
            let url = item.words(2_048)?;
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
            if authority.is_empty() || authority.contains('@') || url.contains(char::is_whitespace) {
                item.fail(
                    "must be an address that begins with https:// or http://, names a host and holds no user or \
                     password; a token goes into bearer",
                );
                return None;
            }
            let bearer = match section.get("bearer") {
                Some(item) => Some(read_bearer(&item.secret(), env)?),
                None => None,
            };
            let ca_file = match section.get("ca_file") {
                Some(item) => Some(read_ca_file(&item, directory, url)?),
                None => None,
            };
            Some(ExportTarget::Post { url: url.to_owned(), bearer, ca_file })
        }
        _ => {
            section.fail(
                "must have either directory, where files are written, or url, to which they are posted",
            );
            None
        }
    }
}

/// Whether its certificates are what they seem is found out when they are used.
fn read_ca_file(item: &Item<'_>, directory: &Path, url: &str) -> Option<PathBuf> {
    let path = absolute(directory, Path::new(item.words(4_096)?));
    if !url.starts_with("https://") {
        item.fail("goes with a url that begins with https://; over http:// nobody shows a certificate");
        return None;
    }
    match std::fs::read_to_string(&path) {
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => Some(path),
        Ok(_) => {
            item.fail(format!(
                "must name a PEM file of one or more certificates; {} holds no line -----BEGIN CERTIFICATE-----",
                path.display()
            ));
            None
        }
        Err(error) => {
            item.fail(format!(
                "must name a PEM file of certificates; {} can't be read: {error}",
                path.display()
            ));
            None
        }
    }
}

fn read_bearer(item: &Item<'_>, env: &Env) -> Option<Secret> {
    match env.expand(item.text()?, |_, value| value.to_owned()) {
        Ok(token) if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) => {
            Some(Secret::new(&token))
        }
        Ok(_) => {
            item.fail("must be a token of visible ASCII characters; write it as ${NAME}");
            None
        }
        Err(message) => {
            item.fail(message);
            None
        }
    }
}
