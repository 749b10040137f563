//! Addresses of resources (18-088, section 9.2): a set, an entity of it by its id, and on from there by what leads on, to a
//! property or its bare value, or to references alone.

use super::Kind;

/// A step on the way: a name, and the id in parentheses if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) id: Option<String>,
}

/// Where an address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The set or entity that it begins with, and the names that lead on.
    pub(super) steps: Vec<Step>,
    /// What is wanted of it.
    pub(super) wanted: Wanted,
}

/// What is wanted of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    /// Its addresses alone.
    References,
    /// One property; bare without JSON around it.
    Property {
        name: String,
        bare: bool,
    },
}

/// Reads an address below the service's root; `None` for one that leads nowhere.
pub(super) fn parse(path: &str) -> Option<Target> {
    let mut parts = segments(path)?;
    let mut wanted = Wanted::Whole;
    if parts.last().is_some_and(|part| part == "$ref") {
        parts.pop();
        wanted = Wanted::References;
    }
    let bare = parts.last().is_some_and(|part| part == "$value");
    if bare {
        parts.pop();
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut kind: Option<(Kind, bool)> = None;
    for (index, part) in parts.iter().enumerate() {
        let step = step(part)?;
        let next = match kind {
            None => Kind::ALL.into_iter().find(|kind| kind.set() == step.name).map(|kind| (kind, true)),
            // Only an entity leads on.
            Some((_, true)) => return None,
            Some((kind, false)) => kind.leads_to(&step.name),
        };
        match (next, kind) {
            (Some((next, many)), _) => {
                if step.id.is_some() && !many {
                    return None;
                }
                kind = Some((next, many && step.id.is_none()));
                steps.push(step);
            }
            (None, Some((own, false))) if index + 1 == parts.len() && step.id.is_none() => {
                let known = own.properties().contains(&step.name.as_str()) && step.name != "@iot.id";
                if !known || wanted != Wanted::Whole {
                    return None;
                }
                return Some(Target { steps, wanted: Wanted::Property { name: step.name, bare } });
            }
            _ => return None,
        }
    }
    (!steps.is_empty() && !bare).then_some(Target { steps, wanted })
}

/// The parts between slashes; a slash within quotes is none.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in path.trim_matches('/').chars() {
        match c {
            '/' if !quoted => parts.push(String::new()),
            c => {
                quoted ^= c == '\'';
                parts.last_mut()?.push(c);
            }
        }
    }
    (!quoted && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn step(part: &str) -> Option<Step> {
    match part.split_once('(') {
        None => Some(Step { name: part.to_owned(), id: None }),
        Some((name, rest)) => {
            let id = rest.strip_suffix(')')?.strip_prefix('\'')?.strip_suffix('\'')?;
            Some(Step { name: name.to_owned(), id: Some(id.replace("''", "'")) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_where_they_say() {
        for (path, steps, wanted) in [
            ("Things", 1, Wanted::Whole),
            ("Things('hp-07')", 1, Wanted::Whole),
            ("Things('hp-07')/Datastreams", 2, Wanted::Whole),
            ("Things('hp-07')/Datastreams('a.b')/Observations", 3, Wanted::Whole),
            ("Things('hp-07')/Datastreams/$ref", 2, Wanted::References),
            ("Datastreams('a')/Thing", 2, Wanted::Whole),
            ("Datastreams('a')/Thing/name", 2, Wanted::Property { name: "name".to_owned(), bare: false }),
            ("Things('a/b')/name/$value", 1, Wanted::Property { name: "name".to_owned(), bare: true }),
        ] {
            let target = parse(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((target.steps.len(), target.wanted), (steps, wanted), "{path}");
        }
        for path in [
            "",
            "Thing",
            "Things(1)",
            "Things('a",
            "Things('a'x)",
            "Things/Datastreams",
            "Things('a')/Observations",
            "Things('a')/colour",
            "Things('a')/name/x",
            "Things('a')//name",
            "Datastreams('a')/Thing('b')",
            "Things('a')/$value",
            "$ref",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
