//! Which format a request asks for: by `format`, else by `Accept` (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

use crate::params::Params;
use crate::problem::{Kind, Problem};

/// How measurements are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A page of rows; in files all of them.
    Json,
    /// All rows.
    Csv,
    /// All rows.
    Parquet,
    /// A workbook.
    Xlsx,
}

impl Format {
    /// The one that is meant where several are as good comes first.
    const ALL: [Self; 4] = [Self::Json, Self::Csv, Self::Parquet, Self::Xlsx];

    /// What it is called in parameters and at the end of file names.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Xlsx => "xlsx",
        }
    }

    /// Its media type, as registered with IANA, with its parameters.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// The format of an answer. A refused parameter is noted in `params`.
///
/// # Errors
/// A 406 problem when there is no `format` and none is acceptable.
pub(crate) fn chosen(params: &mut Params, headers: &HeaderMap) -> Result<Format, Problem> {
    let named = params.parsed("format", "one of: json csv parquet xlsx", Format::named);
    match named {
        Some(format) => Ok(format),
        None if params.refused("format") => Ok(Format::Json),
        None => accepted(headers),
    }
}

/// The acceptable format with the highest quality.
fn accepted(headers: &HeaderMap) -> Result<Format, Problem> {
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    if values.is_empty() {
        return Ok(Format::Json);
    }
    let accept = values.join(",");
    let mut best = (0.0, None);
    for format in Format::ALL {
        let media = format.media_type().split(';').next().unwrap_or_default();
        let (kind, subtype) = media.split_once('/').unwrap_or_default();
        let quality = quality(&accept, kind, subtype);
        if quality > best.0 {
            best = (quality, Some(format));
        }
    }
    best.1.ok_or_else(|| {
        let all = Format::ALL.map(|format| format.media_type().split(';').next().unwrap_or_default());
        Problem::field(Kind::NotAcceptable, "Accept", &accept, format!("one of: {}", all.join(" ")))
    })
}

/// The quality that a header gives to a media type: that of the most specific range that matches.
fn quality(accept: &str, kind: &str, subtype: &str) -> f32 {
    let mut best = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some((k, s)) = parts.next().and_then(|media| media.split_once('/')) else { continue };
        let specific = match (k, s) {
            ("*", "*") => 1,
            (k, "*") if k.eq_ignore_ascii_case(kind) => 2,
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 3,
            _ => continue,
        };
        let q = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        let q = q.map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if specific > best.0 {
            best = (specific, q);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_one_is_chosen() {
        for (accept, want) in [
            (None, Some(Format::Json)),
            (Some("*/*"), Some(Format::Json)),
            (Some("text/csv"), Some(Format::Csv)),
            (Some("Text/CSV; charset=utf-8"), Some(Format::Csv)),
            (Some("text/*"), Some(Format::Csv)),
            (Some("application/json;q=0.5, text/csv"), Some(Format::Csv)),
            (Some("text/csv;q=0.1, */*"), Some(Format::Json)),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Some(Format::Json)),
            (Some("application/vnd.apache.parquet"), Some(Format::Parquet)),
            (
                Some("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, text/csv;q=0.9"),
                Some(Format::Xlsx),
            ),
            (
                Some("application/json;q=0, text/csv;q=0, application/vnd.apache.parquet;q=0.2"),
                Some(Format::Parquet),
            ),
            (Some("application/json;q=0, text/csv;q=0"), None),
            (Some("text/html"), None),
            (Some("nonsense"), None),
        ] {
            let headers = accept.iter().map(|a| (header::ACCEPT, a.parse().unwrap())).collect();
            assert_eq!(accepted(&headers).ok(), want, "{accept:?}");
        }
    }

    #[test]
    fn a_named_format_comes_before_accept() {
        let headers: HeaderMap = [(header::ACCEPT, "text/html".parse().unwrap())].into_iter().collect();
        let mut params = Params::parse(Some("format=parquet"));
        assert_eq!(chosen(&mut params, &headers).ok(), Some(Format::Parquet));
        let mut params = Params::parse(Some("format=pdf"));
        assert!(chosen(&mut params, &headers).is_ok());
        let text = format!("{:?}", params.finish().unwrap_err());
        assert!(text.contains("one of: json csv parquet xlsx"), "{text}");
    }
}
