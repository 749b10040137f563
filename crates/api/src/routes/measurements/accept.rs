//! Which of the two representations a request asks for (RFC 9110, section 12.5.1).

use axum::http::{HeaderMap, header};

use crate::problem::{Kind, Problem};

/// How measurements are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A page of rows.
    Json,
    /// All rows, streamed.
    Csv,
}

/// The acceptable representation with the highest quality; JSON where both are as good.
///
/// # Errors
/// A 406 problem when neither is acceptable.
pub(crate) fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    if values.is_empty() {
        return Ok(Format::Json);
    }
    let accept = values.join(",");
    let json = quality(&accept, "application", "json");
    let csv = quality(&accept, "text", "csv");
    if json <= 0.0 && csv <= 0.0 {
        return Err(Problem::field(Kind::NotAcceptable, "Accept", &accept, "application/json or text/csv"));
    }
    Ok(if csv > json { Format::Csv } else { Format::Json })
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
            (Some("application/json;q=0, text/csv;q=0"), None),
            (Some("text/html"), None),
            (Some("nonsense"), None),
        ] {
            let headers = accept.iter().map(|a| (header::ACCEPT, a.parse().unwrap())).collect();
            assert_eq!(format(&headers).ok(), want, "{accept:?}");
        }
    }
}
