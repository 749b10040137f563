//! Puts answers together: follows an address, filters, orders and cuts what it leads to, adds links and expansions.

use std::cmp::Ordering;
use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value, json};

use super::catalogue::Catalogue;
use super::observations::{Asked, Of, observations};
use super::options::{self, Options};
use super::path::{self, Target, Wanted};
use super::{Entity, Kind, Refusal, StaError};
use crate::state::ApiParts;

/// What the service conforms to (18-088, section 9.1 and annex A), as far as reading goes.
const CONFORMANCE: [&str; 4] = [
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/request-data/pagination",
];

/// An answer: JSON, or the bare value of a property.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Json(Value),
    Text(String),
    /// A property that has no value.
    Nothing,
}

/// The service's own description. `base` is its address as the caller knows it.
pub(crate) fn root(base: &str) -> Value {
    let sets: Vec<Value> = Kind::ALL
        .iter()
        .map(|kind| json!({"name": kind.set(), "url": format!("{base}/{}", kind.set())}))
        .collect();
    json!({"value": sets, "serverSettings": {"conformance": CONFORMANCE}})
}

/// The answer to an address below the root, with the pairs of its query.
///
/// # Errors
/// [`StaError::NotFound`] for an address that leads nowhere, [`StaError::Refused`] for options that can't be used,
/// [`StaError::Store`].
pub(crate) async fn answer(
    parts: &ApiParts,
    base: &str,
    address: &str,
    pairs: &[(String, String)],
) -> Result<Answer, StaError> {
    let nowhere =
        || StaError::NotFound(format!("there is nothing at {address:?}; {base} says where to begin"));
    let Target { steps, wanted } = path::parse(address).ok_or_else(nowhere)?;
    let service = Service { catalogue: Catalogue(parts), asked: Asked::at(parts.clock.now()), base };
    let mut reached: Option<Reached> = None;
    for step in &steps {
        let set = match &reached {
            None => Set { kind: set_named(&step.name).ok_or_else(nowhere)?, of: None },
            Some(Reached::One(entity)) => {
                let (kind, many) = entity.kind.leads_to(&step.name).ok_or_else(nowhere)?;
                let set = Set { kind, of: Some(entity.clone()) };
                if !many {
                    let found = service.members(&set, &Options::default()).await?.into_iter().next();
                    reached = Some(Reached::One(found.ok_or_else(nowhere)?));
                    continue;
                }
                set
            }
            Some(Reached::Many(_)) => return Err(nowhere()),
        };
        reached = Some(match &step.id {
            Some(id) => Reached::One(service.by_id(&set, id).await?.ok_or_else(nowhere)?),
            None => Reached::Many(set),
        });
    }
    let resource = format!("{base}/{}", address.trim_matches('/'));
    match (reached.ok_or_else(nowhere)?, wanted) {
        (Reached::One(entity), Wanted::Property { name, bare }) => {
            options::parse(pairs, entity.kind)?;
            Ok(property(&entity, &name, bare))
        }
        (Reached::One(entity), wanted) => {
            let options = options::parse(pairs, entity.kind)?;
            if wanted == Wanted::References {
                return Ok(Answer::Json(json!({"@iot.selfLink": service.link(&entity)})));
            }
            Ok(Answer::Json(service.shown(&entity, &options).await?))
        }
        (Reached::Many(set), wanted) => {
            let options = options::parse(pairs, set.kind)?;
            let page = service.page(&set, &options).await?;
            let link = || next_link(resource.as_str(), &options);
            let mut body = Map::new();
            if let Some(count) = page.count {
                body.insert("@iot.count".to_owned(), json!(count));
            }
            if page.more {
                body.insert("@iot.nextLink".to_owned(), json!(link()));
            }
            let mut value = Vec::new();
            for entity in &page.entities {
                value.push(match wanted {
                    Wanted::References => json!({"@iot.selfLink": service.link(entity)}),
                    _ => service.shown(entity, &options).await?,
                });
            }
            body.insert("value".to_owned(), Value::Array(value));
            Ok(Answer::Json(Value::Object(body)))
        }
    }
}

fn set_named(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.set() == name)
}

fn property(entity: &Entity, name: &str, bare: bool) -> Answer {
    match entity.property(&[name.to_owned()]).filter(|value| !value.is_null()) {
        None => Answer::Nothing,
        Some(Value::String(text)) if bare => Answer::Text(text),
        Some(value) if bare => Answer::Text(value.to_string()),
        Some(value) => Answer::Json(json!({name: value})),
    }
}

/// The address of the page after this one: the same with more to skip.
fn next_link(resource: &str, options: &Options) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in options.given.iter().filter(|(name, _)| name != "$skip" && name != "$top") {
        query.append_pair(name, value);
    }
    query.append_pair("$top", &options.top.to_string());
    query.append_pair("$skip", &(options.skip + options.top).to_string());
    format!("{resource}?{}", query.finish().replace("%24", "$"))
}

/// How far an address has been followed.
enum Reached {
    One(Entity),
    Many(Set),
}

/// The entities of a kind, or those of them that belong to one.
struct Set {
    kind: Kind,
    of: Option<Entity>,
}

/// Part of a set.
struct Page {
    entities: Vec<Entity>,
    count: Option<usize>,
    more: bool,
}

type Later<'f, T> = Pin<Box<dyn Future<Output = Result<T, StaError>> + Send + 'f>>;

struct Service<'a> {
    catalogue: Catalogue<'a>,
    asked: Asked,
    base: &'a str,
}

impl Service<'_> {
    fn link(&self, entity: &Entity) -> String {
        format!("{}/{}('{}')", self.base, entity.kind.set(), entity.id)
    }

    /// Everything in a set that may pass the filter.
    async fn members(&self, set: &Set, options: &Options) -> Result<Vec<Entity>, StaError> {
        if set.kind != Kind::Observation {
            let named = || self.catalogue.named(set.kind, options.filter.as_ref()?);
            return Ok(match &set.of {
                None => named().unwrap_or_else(|| self.catalogue.all(set.kind).collect()),
                Some(entity) if entity.kind == Kind::ObservedProperty => match named() {
                    Some(mut named) => {
                        named.retain(|one| self.catalogue.related(one, entity.kind).contains(entity));
                        named
                    }
                    None => self.catalogue.related(entity, set.kind),
                },
                Some(entity) => self.catalogue.related(entity, set.kind),
            });
        }
        let of = match &set.of {
            None => Of::All,
            Some(entity) if entity.kind == Kind::Datastream => Of::Stream(entity.id.clone()),
            Some(entity) => Of::Feature(entity.id.clone()),
        };
        observations(&self.catalogue, &self.asked, &of, options.filter.as_ref()).await
    }

    async fn by_id(&self, set: &Set, id: &str) -> Result<Option<Entity>, StaError> {
        let found = if set.kind == Kind::Observation {
            let one = Of::One(id.to_owned());
            let all = observations(&self.catalogue, &self.asked, &one, None).await?;
            all.into_iter().find(|entity| entity.id == id)
        } else {
            self.catalogue.one(set.kind, id)
        };
        let Some(found) = found else { return Ok(None) };
        // What belongs to something else is not there.
        let belongs = match &set.of {
            None => true,
            Some(of) if set.kind == Kind::Observation => {
                let parents = [Kind::Datastream, Kind::FeatureOfInterest];
                parents.iter().any(|kind| self.catalogue.related(&found, *kind).contains(of))
            }
            Some(of) => self.catalogue.related(of, set.kind).iter().any(|entity| entity.id == id),
        };
        Ok(Some(found).filter(|_| belongs))
    }

    async fn page(&self, set: &Set, options: &Options) -> Result<Page, StaError> {
        let whole = set.kind != Kind::Observation && set.of.is_none();
        if whole && options.filter.is_none() && options.order.is_empty() {
            let count = options.count.then(|| self.catalogue.count(set.kind));
            let mut entities = self.catalogue.some(set.kind, options.skip, options.top.saturating_add(1));
            let more = options.top > 0 && entities.len() > options.top;
            entities.truncate(options.top);
            return Ok(Page { entities, count, more });
        }
        let mut all = self.members(set, options).await?;
        if let Some(filter) = &options.filter {
            all.retain(|entity| filter.holds(&|path: &[String]| self.value(entity, path)));
        }
        if !options.order.is_empty() {
            let mut keyed: Vec<(Vec<Value>, Entity)> = all
                .into_iter()
                .map(|entity| {
                    let key =
                        |(path, _): &(Vec<String>, bool)| self.value(&entity, path).unwrap_or(Value::Null);
                    (options.order.iter().map(key).collect(), entity)
                })
                .collect();
            keyed.sort_by(|(a, _), (b, _)| {
                let mut sides = a.iter().zip(b).zip(&options.order);
                let unequal = sides.find_map(|((a, b), (_, down))| {
                    let order = order(a, b);
                    let order = if *down { order.reverse() } else { order };
                    order.is_ne().then_some(order)
                });
                unequal.unwrap_or(Ordering::Equal)
            });
            all = keyed.into_iter().map(|(_, entity)| entity).collect();
        }
        let count = options.count.then_some(all.len());
        let more = options.top > 0 && all.len() > options.skip + options.top;
        let entities = all.into_iter().skip(options.skip).take(options.top).collect();
        Ok(Page { entities, count, more })
    }

    /// A property of an entity, or of what it leads to.
    fn value(&self, entity: &Entity, path: &[String]) -> Option<Value> {
        match path {
            [first, rest @ ..] if !rest.is_empty() => match entity.kind.leads_to(first) {
                Some((kind, false)) => {
                    let other = self.catalogue.related(entity, kind).into_iter().next()?;
                    self.value(&other, rest)
                }
                _ => entity.property(path),
            },
            _ => entity.property(path),
        }
    }

    /// An entity as it is answered with: what is selected, links to what it leads to, and what is expanded.
    fn shown<'f>(&'f self, entity: &'f Entity, options: &'f Options) -> Later<'f, Value> {
        Box::pin(async move {
            let selected =
                |name: &str| options.select.is_empty() || options.select.iter().any(|wanted| wanted == name);
            let mut shown = Map::new();
            if selected("id") || selected("@iot.id") {
                shown.insert("@iot.id".to_owned(), json!(entity.id));
            }
            let own = self.link(entity);
            if options.select.is_empty() {
                shown.insert("@iot.selfLink".to_owned(), json!(own));
            }
            for (name, value) in &entity.body {
                if selected(name) {
                    shown.insert(name.clone(), value.clone());
                }
            }
            for (name, kind, many) in entity.kind.navigation() {
                let expanded = options.expand.iter().find(|(known, _)| known == name);
                if expanded.is_none() && selected(name) {
                    shown.insert(format!("{name}@iot.navigationLink"), json!(format!("{own}/{name}")));
                }
                let Some((_, inside)) = expanded else { continue };
                let set = Set { kind: *kind, of: Some(entity.clone()) };
                let page = self.page(&set, inside).await?;
                let mut all = Vec::new();
                for entity in &page.entities {
                    all.push(self.shown(entity, inside).await?);
                }
                if *many {
                    if let Some(count) = page.count {
                        shown.insert(format!("{name}@iot.count"), json!(count));
                    }
                    if page.more {
                        let link = next_link(&format!("{own}/{name}"), inside);
                        shown.insert(format!("{name}@iot.nextLink"), json!(link));
                    }
                    shown.insert((*name).to_owned(), Value::Array(all));
                } else {
                    shown.insert((*name).to_owned(), all.into_iter().next().unwrap_or(Value::Null));
                }
            }
            Ok(Value::Object(shown))
        })
    }
}

/// The order of two values: what is missing first, then truth, numbers and texts (times are texts in their own order).
fn order(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        _ => 3,
    };
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or_default(), b.as_f64().unwrap_or_default());
            a.total_cmp(&b)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

impl From<Refusal> for crate::problem::Problem {
    fn from(refusal: Refusal) -> Self {
        Self::field(crate::problem::Kind::InvalidParameter, refusal.field, &refusal.value, refusal.accepted)
    }
}

#[cfg(test)]
mod tests {
    use wayside_store::WriterStats;
    use wayside_types::{CameraId, CameraSpec};

    use super::*;
    use crate::testing::{no_database, parts};

    /// A city has half a million Datastreams: who asks for a camera's or for one is not answered out of all of them.
    #[tokio::test]
    async fn what_a_filter_names_is_not_sought_among_all() {
        let mut parts = parts(no_database().await, "127.0.0.1:8080", WriterStats::default());
        let camera = parts.cameras[0].clone();
        let numbered = |n| CameraSpec { id: CameraId::new(&format!("c-{n}")).unwrap(), ..camera.clone() };
        parts.cameras = (0..100).map(numbered).collect();
        let asked = Asked::at(parts.clock.now());
        let service = Service { catalogue: Catalogue(&parts), asked, base: "" };
        let of_camera = 2 * 2 * 6 * 7;
        let counts = service.catalogue.one(Kind::ObservedProperty, "count").unwrap();
        for (kind, of, filter, sought, found) in [
            (Kind::Datastream, None, "Thing/id eq 'c-7'", of_camera, of_camera),
            (Kind::Datastream, None, "Sensor/@iot.id eq 'c-7' and name ne 'x'", of_camera, of_camera),
            (Kind::Datastream, None, "properties/camera eq 'c-7'", of_camera, of_camera),
            (Kind::Datastream, None, "ObservedProperty/id eq 'count'", 100 * 24, 100 * 24),
            (Kind::Datastream, None, "ObservedProperty/id eq 'count' and Thing/id eq 'c-7'", of_camera, 24),
            (Kind::Datastream, Some(&counts), "Thing/id eq 'c-7'", 24, 24),
            (Kind::Datastream, None, "id eq 'c-7.east-in.forward.car.count'", 1, 1),
            (Kind::Datastream, None, "Thing/id eq 'nobody'", 0, 0),
            (Kind::Thing, None, "@iot.id eq 'c-7'", 1, 1),
            (Kind::FeatureOfInterest, None, "id eq 'c-7.east-in'", 1, 1),
            (
                Kind::Datastream,
                None,
                "Thing/id eq 'c-7' or Thing/id eq 'c-8'",
                100 * of_camera,
                2 * of_camera,
            ),
        ] {
            let set = Set { kind, of: of.cloned() };
            let pairs = [("$filter", filter), ("$top", "1000"), ("$count", "true")]
                .map(|(n, v)| (n.into(), v.into()));
            let options = options::parse(&pairs, kind).unwrap();
            assert_eq!(service.members(&set, &options).await.unwrap().len(), sought, "{filter}");
            assert_eq!(service.page(&set, &options).await.unwrap().count, Some(found), "{filter}");
        }
    }
}
