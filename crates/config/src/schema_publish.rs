//! The shape of `[publisher]` and `[[export]]` as JSON Schema. Never read into: see `schema`.
#![expect(dead_code, reason = "the fields exist for their names, types and descriptions")]

use schemars::JsonSchema;

/// Who answers for what is published.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Publisher {
    /// Country of ISO 3166-1, two small letters.
    #[schemars(regex(pattern = "^[a-z]{2}$"))]
    country: String,
    /// A name that is unique there.
    identifier: String,
}

/// A file that is written or posted on a schedule.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Export {
    /// Begins the names of its files: a-z, 0-9 and '-'.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,40}$"))]
    name: String,
    /// What it is about.
    what: What,
    /// How it is written: csv, json or parquet for lines, movements and zones, xlsx for a study, datex2 for measured data and
    /// sites, geojson for a map.
    format: Format,
    /// Which cameras; all unless given.
    cameras: Option<Vec<String>>,
    /// How long bins are. Default 15m.
    bin: Option<Bin>,
    /// How long the time of one file is, on the site's clock.
    every: Every,
    /// How long after that time is over it is made, minutes. Default 5.
    #[schemars(range(min = 2, max = 720))]
    after_minutes: Option<u32>,
    /// Where files are written. Either this or url.
    directory: Option<String>,
    /// Where files are posted to: http or https, without credentials.
    url: Option<String>,
    /// A bearer token for url, through ${ENV}.
    bearer: Option<String>,
    /// A PEM file of the certificate authorities to trust instead of the machine's; for an https url.
    ca_file: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum What {
    Lines,
    Movements,
    Zones,
    Study,
    MeasuredData,
    Sites,
    Map,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Format {
    Csv,
    Json,
    Parquet,
    Xlsx,
    Datex2,
    Geojson,
}

#[derive(JsonSchema)]
enum Bin {
    #[schemars(rename = "1m")]
    Minute1,
    #[schemars(rename = "5m")]
    Minute5,
    #[schemars(rename = "15m")]
    Minute15,
    #[schemars(rename = "1h")]
    Hour,
    #[schemars(rename = "1d")]
    Day,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum Every {
    Hour,
    Day,
}
