//! The system query options (18-088, section 9.3): `$filter $expand $select $orderby $top $skip $count`, at the top and
//! within `$expand`.

use super::filter::{self, Filter};
use super::{Kind, Refusal};

/// Entities of a page unless asked otherwise, and at most.
const TOP_DEFAULT: usize = 100;
const TOP_MAX: usize = 1_000;
/// Most that may be skipped.
const SKIP_MAX: usize = 1_000_000;
/// Deepest `$expand` within `$expand`.
const DEPTH_MAX: usize = 4;

const ACCEPTED: &str = "only the options: $filter $expand $select $orderby $top $skip $count";

/// What is asked of a set or an entity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    pub(super) filter: Option<Filter>,
    pub(super) expand: Vec<(String, Options)>,
    pub(super) select: Vec<String>,
    /// Properties, and whether from the greatest down.
    pub(super) order: Vec<(Vec<String>, bool)>,
    pub(super) top: usize,
    pub(super) skip: usize,
    pub(super) count: bool,
    /// All of them as they were given, for the address of the next page.
    pub(super) given: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            filter: None,
            expand: Vec::new(),
            select: Vec::new(),
            order: Vec::new(),
            top: TOP_DEFAULT,
            skip: 0,
            count: false,
            given: Vec::new(),
        }
    }
}

/// Reads the options of an address about entities of a kind.
///
/// # Errors
/// The first that is wrong.
pub(super) fn parse(pairs: &[(String, String)], kind: Kind) -> Result<Options, Refusal> {
    let mut options = Options::default();
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in pairs {
        if seen.contains(&name.as_str()) {
            return Err(Refusal::new("query", name, "each option once"));
        }
        seen.push(name);
        read(&mut options, (name, value), kind, 0)?;
    }
    Ok(options)
}

fn read(options: &mut Options, (name, value): (&str, &str), kind: Kind, depth: usize) -> Result<(), Refusal> {
    options.given.push((name.to_owned(), value.to_owned()));
    match name {
        "$filter" => {
            let filter = filter::parse(value)?;
            let mut paths = Vec::new();
            filter.paths(&mut paths);
            for path in paths {
                known(kind, path, "$filter")?;
            }
            options.filter = Some(filter);
        }
        "$expand" => {
            for (path, inside) in expansions(value)? {
                expand(options, (&path, &inside), kind, depth)?;
            }
        }
        "$select" => {
            for name in value.split(',').map(str::trim) {
                known(kind, &[name.to_owned()], "$select")?;
                options.select.push(name.to_owned());
            }
        }
        "$orderby" => {
            for part in value.split(',').map(str::trim) {
                let (path, way) = part.split_once(char::is_whitespace).unwrap_or((part, "asc"));
                let down = match way.trim() {
                    "asc" => false,
                    "desc" => true,
                    other => return Err(Refusal::new("$orderby", other, "asc or desc")),
                };
                let path: Vec<String> = path.split('/').map(str::to_owned).collect();
                known(kind, &path, "$orderby")?;
                options.order.push((path, down));
            }
        }
        "$top" => options.top = number("$top", value, TOP_MAX)?,
        "$skip" => options.skip = number("$skip", value, SKIP_MAX)?,
        "$count" => {
            options.count = match value {
                "true" => true,
                "false" => false,
                other => return Err(Refusal::new("$count", other, "true or false")),
            }
        }
        other => return Err(Refusal::new("query", other, ACCEPTED)),
    }
    Ok(())
}

fn number(field: &'static str, value: &str, most: usize) -> Result<usize, Refusal> {
    let number = value.parse().ok().filter(|n| *n <= most);
    number.ok_or_else(|| Refusal::new(field, value, format!("a whole number from 0 to {most}")))
}

/// An expansion such as `Datastreams/ObservedProperty` or `Datastreams($top=1;$select=name)`.
fn expand(
    options: &mut Options,
    (path, inside): (&str, &str),
    kind: Kind,
    depth: usize,
) -> Result<(), Refusal> {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some((leads_to, _)) = kind.leads_to(name) else {
        let known: Vec<&str> = kind.navigation().iter().map(|(name, ..)| *name).collect();
        return Err(Refusal::new("$expand", path, format!("of {}: {}", kind.set(), known.join(" "))));
    };
    if depth >= DEPTH_MAX {
        return Err(Refusal::new("$expand", path, format!("at most {DEPTH_MAX} within one another")));
    }
    let at = options.expand.iter().position(|(known, _)| known == name);
    let at = at.unwrap_or_else(|| {
        options.expand.push((name.to_owned(), Options::default()));
        options.expand.len() - 1
    });
    let Some((_, own)) = options.expand.get_mut(at) else { return Ok(()) };
    match rest {
        Some(rest) => expand(own, (rest, inside), leads_to, depth + 1),
        None => {
            for option in split(inside, ';').into_iter().filter(|option| !option.is_empty()) {
                let Some((name, value)) = option.split_once('=') else {
                    return Err(Refusal::new("$expand", option, ACCEPTED));
                };
                read(own, (name.trim(), value), leads_to, depth + 1)?;
            }
            Ok(())
        }
    }
}

/// The parts of `$expand`, each with what stands in its parentheses.
fn expansions(value: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut found = Vec::new();
    for part in split(value, ',') {
        let part = part.trim();
        match part.split_once('(') {
            None => found.push((part.to_owned(), String::new())),
            Some((path, inside)) => match inside.strip_suffix(')') {
                Some(inside) => found.push((path.to_owned(), inside.to_owned())),
                None => return Err(Refusal::new("$expand", part, "a closing parenthesis")),
            },
        }
    }
    Ok(found)
}

/// Splits at what stands outside of parentheses and quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0_usize, false, 0);
    let mut parts = Vec::new();
    for (index, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            c if c == at && !quoted && depth == 0 => {
                parts.push(&text[start..index]);
                start = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Refuses a property that entities of this kind do not have.
fn known(kind: Kind, path: &[String], field: &'static str) -> Result<(), Refusal> {
    let own = kind.properties();
    let fits = match path {
        [first, rest @ ..] => match kind.leads_to(first) {
            Some((other, false)) if !rest.is_empty() => return known(other, rest, field),
            Some(_) => field == "$select" && rest.is_empty(),
            None => own.contains(&first.as_str()),
        },
        [] => false,
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::new(field, path.join("/"), format!("properties of {}: {}", kind.set(), own.join(" "))))
}

impl Kind {
    /// Its properties (18-088, tables 2 to 21).
    pub(super) const fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Thing => &["id", "@iot.id", "name", "description", "properties"],
            Self::Location => {
                &["id", "@iot.id", "name", "description", "encodingType", "location", "properties"]
            }
            Self::HistoricalLocation => &["id", "@iot.id", "time"],
            Self::Datastream => &[
                "id",
                "@iot.id",
                "name",
                "description",
                "unitOfMeasurement",
                "observationType",
                "observedArea",
                "phenomenonTime",
                "resultTime",
                "properties",
            ],
            Self::Sensor => {
                &["id", "@iot.id", "name", "description", "encodingType", "metadata", "properties"]
            }
            Self::ObservedProperty => &["id", "@iot.id", "name", "definition", "description", "properties"],
            Self::Observation => &[
                "id",
                "@iot.id",
                "phenomenonTime",
                "result",
                "resultTime",
                "resultQuality",
                "validTime",
                "parameters",
            ],
            Self::FeatureOfInterest => {
                &["id", "@iot.id", "name", "description", "encodingType", "feature", "properties"]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kind: Kind, pairs: &[(&str, &str)]) -> Result<Options, Refusal> {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        parse(&pairs, kind)
    }

    #[test]
    fn expansions_nest() {
        let both = "Datastreams($select=name;$expand=ObservedProperty,Observations($top=1;$orderby=resultTime desc)),Locations";
        let read = options(Kind::Thing, &[("$expand", both), ("$top", "5")]).unwrap();
        assert_eq!((read.top, read.expand.len()), (5, 2));
        let (name, streams) = &read.expand[0];
        assert_eq!(
            (name.as_str(), streams.select.as_slice()),
            ("Datastreams", ["name".to_owned()].as_slice())
        );
        let (name, observations) = &streams.expand[1];
        assert_eq!((name.as_str(), observations.top), ("Observations", 1));
        assert_eq!(observations.order, [(vec!["resultTime".to_owned()], true)]);
        let path = options(Kind::Thing, &[("$expand", "Datastreams/Sensor")]).unwrap();
        assert_eq!(path.expand[0].1.expand[0].0, "Sensor");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (kind, name, value, part) in [
            (Kind::Thing, "$top", "x", "a whole number from 0 to 1000"),
            (Kind::Thing, "$top", "1001", "from 0 to 1000"),
            (Kind::Thing, "$skip", "-1", "a whole number"),
            (Kind::Thing, "$count", "yes", "true or false"),
            (Kind::Thing, "$expand", "Things", "of Things: Locations HistoricalLocations Datastreams"),
            (Kind::Thing, "$expand", "Datastreams(", "a closing parenthesis"),
            (Kind::Thing, "$expand", "Datastreams($colour=red)", "only the options"),
            (Kind::Thing, "$select", "colour", "properties of Things: id"),
            (Kind::Thing, "$orderby", "name up", "asc or desc"),
            (Kind::Observation, "$filter", "name eq 'x'", "properties of Observations"),
            (Kind::Observation, "$filter", "Datastream/colour eq 'x'", "properties of Datastreams"),
            (Kind::Thing, "$apply", "x", "only the options"),
        ] {
            let refusal = options(kind, &[(name, value)]).unwrap_err();
            assert!(refusal.accepted.contains(part), "{name}={value}: {refusal:?}");
        }
        assert!(options(Kind::Observation, &[("$filter", "Datastream/id eq 'x'")]).is_ok());
        let deep = "Datastreams/Thing/Datastreams/Thing/Datastreams";
        assert!(options(Kind::Thing, &[("$expand", deep)]).unwrap_err().accepted.contains("at most 4"));
    }
}
