//! Reading `schemes.toml`: how the six classes are put together in the groups of counting standards, and how many
//! passenger-car units each is. The types live in `types::scheme`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use wayside_types::{ClassGroup, LineId, RoadUserClass, Scheme};

use crate::document::Document;
use crate::drawing::read_id;
use crate::error::ConfigErrors;
use crate::section::{Item, Section};

/// Keys of the file.
pub(crate) const SCHEMES_KEYS: &[&str] = &["scheme"];
/// Keys of a `[[scheme]]`.
pub(crate) const SCHEME_KEYS: &[&str] = &["id", "title", "group"];
/// Keys of a `[[scheme.group]]`.
pub(crate) const GROUP_KEYS: &[&str] = &["id", "title", "classes", "pcu"];

/// Schemes of a site, at most.
const MOST_SCHEMES: usize = 50;
/// Passenger-car units of one road user.
const PCU: RangeInclusive<f64> = 0.0..=10.0;

/// Reads the schemes as far as they can be read. A file that nobody named need not be there.
pub(crate) fn read_schemes(file: &Path, named: bool, errors: &mut ConfigErrors) -> Vec<Scheme> {
    if !named && !file.exists() {
        return Vec::new();
    }
    let document = match Document::read(file) {
        Ok(document) => document,
        Err(error) => {
            errors.0.push(error);
            return Vec::new();
        }
    };
    let (table, _) = document.parse();
    let root = Section::root(&document, table.get_ref(), SCHEMES_KEYS);
    let mut taken = BTreeSet::new();
    let sections = root.get("scheme").map(|item| item.sections(SCHEME_KEYS, SCHEMES_KEYS, MOST_SCHEMES));
    let schemes = sections.iter().flatten().filter_map(|section| read_scheme(section, &mut taken)).collect();
    drop(table);
    errors.0.extend(document.finish());
    schemes
}

fn read_scheme(section: &Section<'_>, taken: &mut BTreeSet<String>) -> Option<Scheme> {
    let id = read_new_id(section, taken);
    let title =
        section.need("title", "what it is called").and_then(|item| item.words(200).map(str::to_owned));
    let item = section.need("group", "the groups of the scheme, as [[scheme.group]]")?;
    let mut groups_taken = BTreeSet::new();
    let sections = item.sections(GROUP_KEYS, SCHEMES_KEYS, RoadUserClass::ALL.len());
    let groups: Vec<Option<ClassGroup>> =
        sections.iter().map(|group| read_group(group, &mut groups_taken)).collect();
    let groups: Vec<ClassGroup> = groups.into_iter().collect::<Option<_>>()?;
    for class in RoadUserClass::ALL {
        let holders = groups.iter().filter(|group| group.classes.contains(class)).count();
        if holders != 1 {
            item.fail(format!("{class} is in {holders} groups; every class must be in exactly one"));
            return None;
        }
    }
    Some(Scheme { id: id?, title: title?, groups })
}

fn read_group(section: &Section<'_>, taken: &mut BTreeSet<String>) -> Option<ClassGroup> {
    let id = read_new_id(section, taken);
    let title =
        section.need("title", "what it is called").and_then(|item| item.words(200).map(str::to_owned));
    let classes = section.need("classes", "the classes of the group, as [\"car\"]").and_then(|item| {
        let names: Vec<_> = RoadUserClass::ALL.iter().map(|c| (c.as_str(), *c)).collect();
        let members: Vec<Item<'_>> = item.items(1, RoadUserClass::ALL.len(), "classes")?;
        members.iter().map(|member| member.one_of(&names)).collect::<Option<Vec<RoadUserClass>>>()
    });
    let pcu = section.need("pcu", "the passenger-car units of one of them, as 2.0");
    let pcu = pcu.and_then(|item| item.number(PCU, "passenger-car units"));
    Some(ClassGroup { id: id?, title: title?, classes: classes?, pcu: pcu? })
}

fn read_new_id(section: &Section<'_>, taken: &mut BTreeSet<String>) -> Option<String> {
    let item = section.need("id", "a short name of a-z, 0-9 and '-'")?;
    let text = item.text()?;
    read_id(&item, text, LineId::new)?;
    if !taken.insert(text.to_owned()) {
        item.fail("is taken already; give each its own id");
        return None;
    }
    Some(text.to_owned())
}
