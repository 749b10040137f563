//! From query parameters to a question for the store. Everything that a caller can get wrong is found here
//! and said at once, with what would be accepted.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use wayside_store::query::{Cursor, GroupBy, GroupKey, MeasurementKind, MeasurementQuery, SmallCells};
use wayside_types::{BinLength, CameraId, CameraSpec, LineId, RoadUserClass, Scheme, ZoneId};

use crate::export::Format;
use crate::page;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::{ApiState, list_of};

const LIMIT_DEFAULT: u32 = 1_000;
const LIMIT_MAX: u32 = 10_000;

/// Most bins of a question: a year of minutes, seventeen years of quarters of an hour.
pub(crate) const BINS_MAX: i64 = 600_000;

pub(crate) const BINS: &str = "one of: 1m 5m 15m 1h 1d";
pub(crate) const TIME: &str = "an RFC 3339 time such as 2026-11-21T08:00:00Z, before 9999-12-31";

/// The question that the parameters of a request ask.
///
/// # Errors
/// A 400 problem that names every parameter at fault.
pub(super) fn question(
    state: &ApiState,
    mut params: Params,
    format: Format,
) -> Result<MeasurementQuery, Problem> {
    let kind = kind(&mut params);
    let bin = params.parsed("bin", BINS, |v| v.parse().ok());
    let bin = bin_for(&mut params, kind, bin);
    let cameras = cameras(&mut params, state);
    let lines = lines(&mut params, state, kind, &cameras);
    let zones = zones(&mut params, state, kind, &cameras);
    let classes = classes(&mut params, kind, bin);
    let group_by = group_by(&mut params, kind);
    let scheme = scheme(&mut params, state, kind);
    let counts_only = params.parsed("detail", "one of: all counts", |v| match v {
        "all" => Some(false),
        "counts" => Some(true),
        _ => None,
    });
    let counts_only = counts_only.unwrap_or(false);
    let (from, to) = range(&mut params, state.clock.now(), bin);
    let (limit, cursor) = page(&mut params, format);
    params.finish()?;
    Ok(MeasurementQuery {
        cameras,
        lines,
        zones,
        classes,
        kind,
        from,
        to,
        bin,
        group_by,
        scheme,
        flows: !counts_only,
        zone: state.time_zone.clone(),
        small_cells: SmallCells::Suppress,
        with_quality: !counts_only,
        cursor,
        limit,
    })
}

fn kind(params: &mut Params) -> MeasurementKind {
    let kind = params.parsed("kind", "one of: lines movements zones", |v| match v {
        "zones" => Some(MeasurementKind::Zones),
        "lines" => Some(MeasurementKind::Lines),
        "movements" => Some(MeasurementKind::Movements),
        _ => None,
    });
    kind.unwrap_or(MeasurementKind::Lines)
}

/// The bin's length, by default a quarter of an hour, in which every class may be shown.
fn bin_for(params: &mut Params, kind: MeasurementKind, bin: Option<BinLength>) -> BinLength {
    let bin = bin.unwrap_or(BinLength::Minute15);
    let what = match kind {
        MeasurementKind::Lines => return bin,
        MeasurementKind::Movements => "movements",
        MeasurementKind::Zones => "zones",
    };
    if bin < BinLength::Minute15 {
        let accepted = format!("one of: 15m 1h 1d ({what} are kept in bins of 15m or longer)");
        params.refuse("bin", bin.as_str(), accepted);
    }
    bin
}

/// The cameras that a question is about; each that is not there is refused.
pub(crate) fn cameras(params: &mut Params, state: &ApiState) -> Vec<CameraId> {
    let mut cameras = Vec::new();
    for name in params.many("camera") {
        match CameraId::new(&name).ok().filter(|id| state.camera(id).is_some()) {
            Some(id) => cameras.push(id),
            None => params.refuse("camera", &name, state.camera_ids()),
        }
    }
    cameras
}

pub(super) fn lines(
    params: &mut Params,
    state: &ApiState,
    kind: MeasurementKind,
    cameras: &[CameraId],
) -> Vec<LineId> {
    let asked = params.many("line");
    if kind == MeasurementKind::Zones {
        refuse_all(params, "line", &asked, "left out: zones are chosen with zone");
        return Vec::new();
    }
    let meant = |spec: &&CameraSpec| cameras.is_empty() || cameras.contains(&spec.id);
    let specs = state.cameras.iter().filter(meant);
    let known: BTreeSet<&LineId> = specs.flat_map(|spec| spec.lines.iter().map(|line| &line.id)).collect();
    let mut lines = Vec::new();
    for name in asked {
        match LineId::new(&name).ok().filter(|id| known.contains(id)) {
            Some(id) => lines.push(id),
            None => params.refuse(
                "line",
                &name,
                list_of("one of the lines of these cameras", known.iter().map(|id| id.as_str())),
            ),
        }
    }
    lines
}

fn zones(params: &mut Params, state: &ApiState, kind: MeasurementKind, cameras: &[CameraId]) -> Vec<ZoneId> {
    let asked = params.many("zone");
    if kind != MeasurementKind::Zones {
        refuse_all(params, "zone", &asked, "left out, unless kind=zones");
        return Vec::new();
    }
    let specs = state.cameras.iter().filter(|spec| cameras.is_empty() || cameras.contains(&spec.id));
    let measured = specs.flat_map(|spec| spec.zones.iter().filter(|zone| zone.kind.is_measured()));
    let known: BTreeSet<&ZoneId> = measured.map(|zone| &zone.id).collect();
    let mut zones = Vec::new();
    for name in asked {
        match ZoneId::new(&name).ok().filter(|id| known.contains(id)) {
            Some(id) => zones.push(id),
            None => params.refuse(
                "zone",
                &name,
                list_of("one of the measured zones of these cameras", known.iter().map(|id| id.as_str())),
            ),
        }
    }
    zones
}

fn refuse_all(params: &mut Params, name: &str, values: &[String], accepted: &str) {
    values.iter().for_each(|value| params.refuse(name, value, accepted));
}

pub(super) fn classes(params: &mut Params, kind: MeasurementKind, bin: BinLength) -> Vec<RoadUserClass> {
    let asked = params.many("class");
    if kind == MeasurementKind::Zones {
        refuse_all(
            params,
            "class",
            &asked,
            "left out: zones are measured for cars, buses and trucks together",
        );
        return Vec::new();
    }
    let allowed = RoadUserClass::ALL.iter().filter(|class| class.shortest_bin() <= bin);
    let allowed: Vec<&str> = allowed.map(|class| class.as_str()).collect();
    let mut classes = Vec::new();
    for name in asked {
        match name.parse::<RoadUserClass>() {
            Ok(class) if class.shortest_bin() <= bin => classes.push(class),
            Ok(class) => params.refuse(
                "class",
                &name,
                format!(
                    "in bins of {bin}: {}; {name} needs bins of {} or longer",
                    allowed.join(" "),
                    class.shortest_bin()
                ),
            ),
            Err(_) => params.refuse("class", &name, format!("in bins of {bin}: {}", allowed.join(" "))),
        }
    }
    classes
}

pub(super) fn group_by(params: &mut Params, kind: MeasurementKind) -> GroupBy {
    let known: &[(&str, GroupKey)] = match kind {
        MeasurementKind::Lines => {
            &[("line", GroupKey::Line), ("direction", GroupKey::Direction), ("class", GroupKey::Class)]
        }
        MeasurementKind::Movements => {
            &[("from", GroupKey::From), ("to", GroupKey::To), ("class", GroupKey::Class)]
        }
        MeasurementKind::Zones => &[],
    };
    let asked = params.many("group");
    if kind == MeasurementKind::Zones {
        refuse_all(params, "group", &asked, "left out: zones are told apart by zone");
        return GroupBy::new();
    }
    if asked.is_empty() {
        return known.iter().map(|(_, key)| *key).collect();
    }
    if asked == ["none"] {
        return GroupBy::new();
    }
    let mut keys = GroupBy::new();
    for name in asked {
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, key)) => {
                keys.insert(*key);
            }
            None => {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                params.refuse("group", &name, format!("some of: {}; or none", names.join(" ")));
            }
        }
    }
    keys
}

fn scheme(params: &mut Params, state: &ApiState, kind: MeasurementKind) -> Option<Scheme> {
    let name = params.one("scheme")?;
    let found = state.schemes.iter().find(|scheme| scheme.id == name).cloned();
    if kind == MeasurementKind::Zones {
        params.refuse("scheme", &name, "left out: zones are measured for cars, buses and trucks together");
    } else if found.is_none() {
        let known = state.schemes.iter().map(|scheme| scheme.id.as_str());
        params.refuse("scheme", &name, list_of("one of the class schemes", known));
    }
    found
}

/// The stretch of time: by default the day up to now.
pub(crate) fn range(params: &mut Params, now: Timestamp, bin: BinLength) -> (Timestamp, Timestamp) {
    let to = params.parsed("to", TIME, time);
    let from = params.parsed("from", TIME, time);
    let to_or_now = to.unwrap_or(now);
    let day = SignedDuration::from_hours(24);
    let from_or_day = from.unwrap_or_else(|| to_or_now.checked_sub(day).unwrap_or(Timestamp::MIN));
    if params.refused("from") || params.refused("to") {
        return (from_or_day, to_or_now);
    }
    if from_or_day >= to_or_now {
        let end = if to.is_some() { "to" } else { "now, because to is missing" };
        params.refuse("from", &from_or_day.to_string(), format!("a time before {to_or_now} ({end})"));
    } else {
        let asked_s = to_or_now.duration_since(from_or_day).as_secs();
        let most_s = BINS_MAX * i64::from(bin.nominal_s());
        if asked_s > most_s {
            let earliest = to_or_now.checked_sub(SignedDuration::from_secs(most_s)).unwrap_or(Timestamp::MIN);
            params.refuse(
                "from",
                &from_or_day.to_string(),
                format!(
                    "{earliest} or later: at most {BINS_MAX} bins of {bin} at once; longer bins reach further"
                ),
            );
        }
    }
    (from_or_day, to_or_now)
}

pub(crate) fn time(text: &str) -> Option<Timestamp> {
    // A plus sign that was not escaped arrives as a blank: 08:00:00+01:00 as 08:00:00 01:00.
    text.parse().ok().or_else(|| match text.rsplit_once(' ') {
        Some((time, offset)) if time.contains('T') => format!("{time}+{offset}").parse().ok(),
        _ => None,
    })
}

/// How many rows at once, and from where on. A file holds all rows, so that a page has no meaning there.
fn page(params: &mut Params, format: Format) -> (u32, Option<Cursor>) {
    match format {
        Format::Json => {
            let limit = page::limit(params, LIMIT_DEFAULT, LIMIT_MAX);
            let cursor = params.parsed("cursor", "the next_cursor of an earlier page", |v| v.parse().ok());
            (limit, cursor)
        }
        Format::Csv | Format::Parquet | Format::Xlsx => {
            for name in ["limit", "cursor"] {
                if let Some(value) = params.one(name) {
                    params.refuse(name, &value, format!("left out: {} holds all rows", format.name()));
                }
            }
            (LIMIT_DEFAULT, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_sign_need_not_be_escaped() {
        let want: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        for text in ["2026-11-21T08:00:00Z", "2026-11-21T09:00:00+01:00", "2026-11-21T09:00:00 01:00"] {
            assert_eq!(time(text), Some(want), "{text}");
        }
        for text in ["", "yesterday", "2026-11-21", "2026-11-21T08:00", "1763712000", "2026-13-01T00:00:00Z"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
