//! DATEX II publications against what the published schema 3.7 says of the types that they are made of: names, namespaces,
//! order, how often an element may and must be there, which attributes there are, and terms of enumerations. The schema itself
//! is not part of this repository; the facts below were read from its files `DATEXII_3_D2Payload`, `_Common`,
//! `_RoadTrafficData` and `_LocationReferencing`. Types and elements that Wayside does not use are left out, so that whatever is
//! written beyond them fails.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use wayside_testkit::TestDb;

use super::measurements::{half_an_hour, site};
use crate::testing::Site;

/// An element with everything in it.
#[derive(Debug, Default, Clone)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &str, found: &mut Vec<&'a Element>) {
        if self.name == name {
            found.push(self);
        }
        self.children.iter().for_each(|child| child.all(name, found));
    }

    fn find(&self, name: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        self.all(name, &mut found);
        found
    }

    fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).first().map(|element| element.text.as_str())
    }
}

fn start(event: &BytesStart<'_>) -> Element {
    let attributes = event.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        (attribute.key.as_ref().to_owned(), attribute.value.to_string())
    });
    let attributes = attributes.collect();
    Element { name: event.name().as_ref().to_owned(), attributes, ..Element::default() }
}

fn parse(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(event) => open.push(start(&event)),
            Event::Empty(event) => open.last_mut().unwrap().children.push(start(&event)),
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
            Event::GeneralRef(reference) => {
                open.last_mut().unwrap().text.push_str(&format!("&{};", &*reference));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open.len(), 1, "an element is not closed");
    open.pop().unwrap().children.pop().unwrap()
}

const MANY: usize = usize::MAX;

/// A child: element, type, least and most.
type Child = (&'static str, &'static str, usize, usize);

/// A type: its children in order (those of its bases first), its attributes with whether they must be there.
struct Type {
    name: &'static str,
    children: &'static [Child],
    attributes: &'static [(&'static str, bool)],
}

const DATA_VALUE: [(&str, bool); 4] = [
    ("computationalMethod", false),
    ("numberOfIncompleteInputs", false),
    ("numberOfInputValuesUsed", false),
    ("supplierCalculatedDataQuality", false),
];

const TYPES: &[Type] = &[
    Type {
        name: "roa:MeasurementSiteTablePublication",
        children: &[
            ("com:publicationTime", "dateTime", 1, 1),
            ("com:publicationCreator", "com:InternationalIdentifier", 1, 1),
            ("roa:headerInformation", "com:HeaderInformation", 1, 1),
            ("roa:measurementSiteTable", "roa:MeasurementSiteTable", 1, MANY),
        ],
        attributes: &[("lang", true), ("modelBaseVersion", true)],
    },
    Type {
        name: "roa:MeasuredDataPublication",
        children: &[
            ("com:publicationTime", "dateTime", 1, 1),
            ("com:publicationCreator", "com:InternationalIdentifier", 1, 1),
            ("roa:measurementSiteTableReference", "roa:_MeasurementSiteTableVersionedReference", 1, MANY),
            ("roa:headerInformation", "com:HeaderInformation", 1, 1),
            ("roa:siteMeasurements", "roa:SiteMeasurements", 1, MANY),
        ],
        attributes: &[("lang", true), ("modelBaseVersion", true)],
    },
    Type {
        name: "com:InternationalIdentifier",
        children: &[("com:country", "country", 1, 1), ("com:nationalIdentifier", "string", 1, 1)],
        attributes: &[],
    },
    Type {
        name: "com:HeaderInformation",
        children: &[("com:informationStatus", "informationStatus", 1, 1)],
        attributes: &[],
    },
    Type {
        name: "roa:_MeasurementSiteTableVersionedReference",
        children: &[],
        attributes: &[("id", true), ("version", false), ("targetClass", true)],
    },
    Type {
        name: "roa:_MeasurementSiteVersionedReference",
        children: &[],
        attributes: &[("id", true), ("version", false), ("targetClass", true)],
    },
    Type {
        name: "roa:MeasurementSiteTable",
        children: &[
            ("roa:measurementSiteTableIdentification", "string", 0, 1),
            ("roa:measurementSite", "roa:MeasurementSite", 1, MANY),
        ],
        attributes: &[("id", true), ("version", true)],
    },
    Type {
        name: "roa:MeasurementSite",
        children: &[
            ("roa:measurementEquipmentTypeUsed", "com:MultilingualString", 0, 1),
            ("roa:measurementSiteName", "com:MultilingualString", 0, 1),
            ("roa:measurementSiteIdentification", "string", 0, 1),
            ("roa:measurementSpecificCharacteristics", "roa:_SiteIndexCharacteristics", 0, MANY),
            ("roa:measurementSiteLocation", "loc:LocationReference", 1, 1),
        ],
        attributes: &[("id", true), ("version", true)],
    },
    Type { name: "com:MultilingualString", children: &[("com:values", "com:values", 1, 1)], attributes: &[] },
    Type { name: "com:values", children: &[("com:value", "com:value", 1, MANY)], attributes: &[] },
    Type { name: "com:value", children: &[], attributes: &[("lang", false)] },
    Type {
        name: "roa:_SiteIndexCharacteristics",
        children: &[("roa:measurementSpecificCharacteristics", "roa:Characteristics", 1, 1)],
        attributes: &[("index", true)],
    },
    Type {
        name: "roa:Characteristics",
        children: &[
            ("roa:computationMethod", "computationMethod", 0, 1),
            ("roa:period", "float", 0, 1),
            ("roa:specificMeasurementValueType", "valueType", 1, 1),
            ("roa:specificVehicleCharacteristics", "com:VehicleCharacteristics", 0, 1),
        ],
        attributes: &[],
    },
    Type {
        name: "com:VehicleCharacteristics",
        children: &[("com:vehicleType", "vehicleType", 0, MANY)],
        attributes: &[],
    },
    Type {
        name: "loc:PointLocation",
        children: &[("loc:pointByCoordinates", "loc:PointByCoordinates", 0, 1)],
        attributes: &[],
    },
    Type {
        name: "loc:PointByCoordinates",
        children: &[("loc:bearing", "angle", 0, 1), ("loc:pointCoordinates", "loc:PointCoordinates", 1, 1)],
        attributes: &[],
    },
    Type {
        name: "loc:PointCoordinates",
        children: &[("loc:latitude", "float", 1, 1), ("loc:longitude", "float", 1, 1)],
        attributes: &[],
    },
    Type {
        name: "roa:SiteMeasurements",
        children: &[
            ("roa:measurementSiteReference", "roa:_MeasurementSiteVersionedReference", 1, 1),
            ("roa:physicalQuantity", "roa:_IndexPhysicalQuantity", 0, MANY),
            ("roa:measurementTimeDefault", "roa:MeasurementOrCalculationTime", 1, 1),
        ],
        attributes: &[],
    },
    Type {
        name: "roa:_IndexPhysicalQuantity",
        children: &[("roa:physicalQuantity", "roa:PhysicalQuantity", 1, 1)],
        attributes: &[("index", true)],
    },
    Type {
        name: "roa:SinglePhysicalQuantity",
        children: &[
            ("roa:physicalQuantityFault", "roa:PhysicalQuantityFault", 0, MANY),
            ("roa:basicData", "roa:BasicData", 0, 1),
        ],
        attributes: &[],
    },
    Type {
        name: "roa:PhysicalQuantityFault",
        children: &[
            ("com:faultLastUpdateTime", "dateTime", 1, 1),
            ("roa:physicalQuantityFaultType", "faultType", 1, 1),
        ],
        attributes: &[],
    },
    Type {
        name: "roa:MeasurementOrCalculationTime",
        children: &[
            ("roa:timeMeaning", "timeMeaning", 0, 1),
            ("roa:timeValue", "dateTime", 0, 1),
            ("roa:period", "com:Period", 0, 1),
        ],
        attributes: &[],
    },
    Type {
        name: "com:Period",
        children: &[("com:startOfPeriod", "dateTime", 0, 1), ("com:endOfPeriod", "dateTime", 0, 1)],
        attributes: &[],
    },
    Type {
        name: "roa:TrafficFlow",
        children: &[("roa:vehicleFlow", "com:VehicleFlowValue", 0, 1)],
        attributes: &[],
    },
    Type {
        name: "roa:TrafficSpeed",
        children: &[
            ("roa:averageVehicleSpeed", "com:SpeedValue", 0, 1),
            ("roa:speedPercentile", "roa:SpeedPercentile", 0, MANY),
        ],
        attributes: &[],
    },
    Type {
        name: "roa:SpeedPercentile",
        children: &[
            ("roa:vehiclePercentage", "com:PercentageValue", 1, 1),
            ("roa:speedPercentile", "com:SpeedValue", 1, 1),
        ],
        attributes: &[],
    },
    Type {
        name: "roa:TrafficHeadway",
        children: &[("roa:averageTimeHeadway", "roa:DurationValue", 0, 1)],
        attributes: &[],
    },
    Type {
        name: "roa:TrafficConcentration",
        children: &[("roa:occupancy", "com:PercentageValue", 0, 1)],
        attributes: &[],
    },
    Type {
        name: "com:VehicleFlowValue",
        children: &[
            ("com:dataError", "boolean", 0, 1),
            ("com:reasonForDataError", "com:MultilingualString", 0, 1),
            ("com:vehicleFlowRate", "nonNegativeInteger", 1, 1),
        ],
        attributes: &DATA_VALUE,
    },
    Type {
        name: "com:SpeedValue",
        children: &[
            ("com:dataError", "boolean", 0, 1),
            ("com:reasonForDataError", "com:MultilingualString", 0, 1),
            ("com:speed", "float", 1, 1),
        ],
        attributes: &DATA_VALUE,
    },
    Type {
        name: "com:PercentageValue",
        children: &[
            ("com:dataError", "boolean", 0, 1),
            ("com:reasonForDataError", "com:MultilingualString", 0, 1),
            ("com:percentage", "float", 1, 1),
        ],
        attributes: &DATA_VALUE,
    },
    Type {
        name: "roa:DurationValue",
        children: &[
            ("com:dataError", "boolean", 0, 1),
            ("com:reasonForDataError", "com:MultilingualString", 0, 1),
            ("roa:duration", "float", 1, 1),
        ],
        attributes: &DATA_VALUE,
    },
];

/// What an abstract type may be.
const CONCRETE: [(&str, &[&str]); 4] = [
    ("com:PayloadPublication", &["roa:MeasurementSiteTablePublication", "roa:MeasuredDataPublication"]),
    ("roa:PhysicalQuantity", &["roa:SinglePhysicalQuantity", "roa:TimeProfiledPhysicalQuantity"]),
    (
        "roa:BasicData",
        &["roa:TrafficFlow", "roa:TrafficSpeed", "roa:TrafficHeadway", "roa:TrafficConcentration"],
    ),
    ("loc:LocationReference", &["loc:PointLocation"]),
];

/// Terms of enumerations.
const TERMS: [(&str, &[&str]); 6] = [
    ("informationStatus", &["real", "securityExercise", "technicalExercise", "test"]),
    (
        "computationMethod",
        &["arithmeticAverageOfSamplesInATimePeriod", "harmonicAverageOfSamplesInATimePeriod"],
    ),
    ("valueType", &["trafficConcentration", "trafficFlow", "trafficGap", "trafficHeadway", "trafficSpeed"]),
    (
        "vehicleType",
        &["bicycle", "bus", "car", "carOrLightVehicle", "lorry", "motorcycle", "motorscooter", "moped"],
    ),
    (
        "faultType",
        &["intermittentDataValues", "noDataValuesAvailable", "spuriousUnreliableDataValues", "other"],
    ),
    ("timeMeaning", &["beginTime", "endTime", "middleTime"]),
];

/// What is wrong with an element that should be of a type.
fn check(element: &Element, of: &str) {
    let name = &element.name;
    let concrete = CONCRETE.iter().find(|(known, _)| *known == of);
    let kind = match concrete {
        Some((_, all)) => {
            let said = element.attribute("xsi:type").unwrap_or_else(|| panic!("{name} says no xsi:type"));
            assert!(all.contains(&said), "{name} is a {said}, not one of {all:?}");
            said
        }
        None => of,
    };
    let Some(kind) = TYPES.iter().find(|known| known.name == kind) else {
        return check_text(element, kind);
    };
    let mut rest = element.children.iter().peekable();
    for (child, child_type, least, most) in kind.children {
        let mut seen = 0;
        while let Some(next) = rest.next_if(|next| next.name == *child) {
            check(next, child_type);
            seen += 1;
        }
        assert!(seen >= *least && seen <= *most, "{name} holds {child} {seen} times");
    }
    assert!(rest.peek().is_none(), "{name}: {} is not where it may be", rest.peek().unwrap().name);
    for (attribute, must) in kind.attributes {
        assert!(!must || element.attribute(attribute).is_some(), "{name} without {attribute}");
    }
    for (attribute, _) in &element.attributes {
        let known = kind.attributes.iter().any(|(known, _)| known == attribute);
        assert!(
            known || attribute.starts_with("xmlns:") || attribute == "xsi:type",
            "{name} has {attribute}"
        );
    }
}

fn check_text(element: &Element, of: &str) {
    let (name, text) = (&element.name, element.text.as_str());
    assert!(element.children.is_empty() && element.attributes.is_empty(), "{name} is a plain value");
    let good = match of {
        "dateTime" => text.parse::<jiff::Timestamp>().is_ok() && text.ends_with('Z'),
        "float" => text.parse::<f64>().is_ok_and(f64::is_finite),
        "nonNegativeInteger" => text.parse::<u32>().is_ok(),
        "angle" => text.parse::<u32>().is_ok_and(|angle| angle < 360),
        "boolean" => ["true", "false"].contains(&text),
        "country" => text.len() == 2,
        "string" => !text.is_empty() && text.len() <= 1_024,
        other => {
            let terms = TERMS.iter().find(|(known, _)| *known == other);
            terms.unwrap_or_else(|| panic!("no type {other}")).1.contains(&text)
        }
    };
    assert!(good, "{name} is {text:?}, which is no {of}");
}

async fn publication(site: &Site, path: &str, kind: &str) -> Element {
    let answer = site.get(&format!("/api/v1/datex2/{path}")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/xml"), "{}", answer.text());
    let payload = parse(answer.text());
    assert_eq!(payload.name, "d2:payload");
    for (prefix, namespace) in
        [("d2", "d2Payload"), ("com", "common"), ("roa", "roadTrafficData"), ("loc", "locationReferencing")]
    {
        let want = format!("http://datex2.eu/schema/3/{namespace}");
        assert_eq!(payload.attribute(&format!("xmlns:{prefix}")), Some(want.as_str()));
    }
    assert_eq!(payload.attribute("xsi:type"), Some(format!("roa:{kind}").as_str()));
    assert_eq!(payload.attribute("modelBaseVersion"), Some("3"));
    check(&payload, "com:PayloadPublication");
    payload
}

#[tokio::test]
async fn publications_are_as_the_schema_says() {
    let db = TestDb::new().await;
    let mut bins = half_an_hour();
    // The second quarter was watched in part.
    bins.last_mut().unwrap().coverage.observed_s = 450.0;
    let (site, database) = site(&db, bins).await;
    let sites = publication(&site, "measurement-sites", "MeasurementSiteTablePublication").await;
    sites_have_a_place(&sites);
    let span = "from=2026-11-21T11:30:00Z&to=2026-11-21T12:00:00Z";
    let data = publication(&site, &format!("measured-data?{span}"), "MeasuredDataPublication").await;
    values_are_those_of_the_bins(&data);
    references_lead_to_the_table(&sites, &data);
    // Without a time it is the last whole quarter of an hour.
    let last = publication(&site, "measured-data", "MeasuredDataPublication").await;
    let ends: Vec<&Element> = last.find("com:endOfPeriod");
    assert!(ends.len() == 4 && ends.iter().all(|end| end.text == "2026-11-21T12:00:00Z"), "{ends:?}");
    what_was_not_watched_has_a_fault(&site).await;
    for bin in ["1m", "5m", "1h", "1d"] {
        publication(&site, &format!("measured-data?bin={bin}&{span}"), "MeasuredDataPublication").await;
    }
    let refused = site.get("/api/v1/datex2/measured-data?bin=1m&from=2026-11-01T00:00:00Z").await;
    assert!(
        refused.status == 400 && refused.text().contains("less time or longer bins"),
        "{}",
        refused.text()
    );
    database.close().await;
}

fn sites_have_a_place(publication: &Element) {
    let sites = publication.find("roa:measurementSite");
    // Two lines, two directions; the camera without a place has none.
    assert_eq!(sites.len(), 4);
    assert_eq!(sites[0].attribute("id"), Some("hp-07/east-in/forward"));
    assert_eq!(sites[0].text_of("loc:bearing"), Some("90"));
    assert_eq!(sites[1].text_of("loc:bearing"), Some("270"));
    assert_eq!(publication.text_of("com:nationalIdentifier"), Some("Kathmandu &amp; Co"));
    let types: Vec<&str> =
        sites[0].find("com:vehicleType").iter().map(|element| element.text.as_str()).collect();
    assert!(types.contains(&"lorry") && types.contains(&"bicycle"), "{types:?}");
}

fn values_are_those_of_the_bins(publication: &Element) {
    let measurements = publication.find("roa:siteMeasurements");
    assert_eq!(measurements.len(), 2 * 4, "each site in each bin");
    let first = measurements[0];
    assert_eq!(first.text_of("com:startOfPeriod"), Some("2026-11-21T11:30:00Z"));
    let quantity = |index: &str| {
        let found = first.find("roa:physicalQuantity");
        found.into_iter().find(|q| q.attribute("index") == Some(index)).cloned()
    };
    // Cars: flow, time-mean speed, space-mean speed, headway, occupancy.
    let flow = quantity("11").unwrap();
    assert_eq!(flow.text_of("com:vehicleFlowRate"), Some("28"));
    assert_eq!(flow.find("roa:vehicleFlow")[0].attribute("numberOfInputValuesUsed"), Some("7"));
    assert!(flow.find("com:dataError").is_empty());
    let speed = quantity("12").unwrap();
    let average = speed.find("roa:averageVehicleSpeed")[0].clone();
    assert_eq!(
        (average.text_of("com:speed"), average.attribute("numberOfIncompleteInputs")),
        (Some("33"), Some("1"))
    );
    let shares: Vec<&str> = speed.find("com:percentage").iter().map(|share| share.text.as_str()).collect();
    assert_eq!(shares, ["15", "50", "85"]);
    assert_eq!(quantity("13").unwrap().text_of("com:speed"), Some("29.48"));
    assert_eq!(quantity("14").unwrap().text_of("roa:duration"), Some("12"));
    assert_eq!(quantity("15").unwrap().text_of("com:percentage"), Some("0.44"));
    assert_eq!(quantity("1").unwrap().text_of("com:vehicleFlowRate"), Some("28"), "motor vehicles together");
    assert!(quantity("22").is_none(), "no bus came: no speed");
    assert_eq!(quantity("21").unwrap().text_of("com:vehicleFlowRate"), Some("0"), "no bus came: a flow of 0");
    let partial = measurements[4];
    let error =
        partial.find("roa:vehicleFlow").into_iter().find(|flow| !flow.find("com:dataError").is_empty());
    let error = error.unwrap();
    assert_eq!(error.text_of("com:dataError"), Some("true"));
    assert_eq!(error.text_of("com:value"), Some("watched in part: 450 of 900 s; grade poor"));
    assert_eq!(error.attribute("supplierCalculatedDataQuality"), Some("50"));
}

fn references_lead_to_the_table(sites: &Element, data: &Element) {
    let table = sites.find("roa:measurementSiteTable")[0];
    let reference = data.find("roa:measurementSiteTableReference")[0];
    for attribute in ["id", "version"] {
        assert_eq!(reference.attribute(attribute), table.attribute(attribute));
    }
    assert_eq!(reference.attribute("targetClass"), Some("roa:MeasurementSiteTable"));
    let known: Vec<_> = sites
        .find("roa:measurementSite")
        .iter()
        .map(|s| (s.attribute("id"), s.attribute("version")))
        .collect();
    let indexes: Vec<_> =
        table.children[1].children.iter().filter_map(|child| child.attribute("index")).collect();
    for of_site in data.find("roa:siteMeasurements") {
        let reference = of_site.find("roa:measurementSiteReference")[0];
        assert_eq!(reference.attribute("targetClass"), Some("roa:MeasurementSite"));
        assert!(known.contains(&(reference.attribute("id"), reference.attribute("version"))));
        for quantity in of_site.children.iter().filter_map(|child| child.attribute("index")) {
            assert!(indexes.contains(&quantity), "{quantity} is not in the table");
        }
    }
}

async fn what_was_not_watched_has_a_fault(site: &Site) {
    let span = "from=2026-11-21T09:00:00Z&to=2026-11-21T09:15:00Z";
    let data = publication(site, &format!("measured-data?{span}"), "MeasuredDataPublication").await;
    assert_eq!(data.find("roa:siteMeasurements").len(), 4);
    assert!(data.find("com:vehicleFlowRate").is_empty(), "not watched is not zero");
    let faults = data.find("roa:physicalQuantityFaultType");
    assert!(faults.len() == 4 && faults.iter().all(|fault| fault.text == "noDataValuesAvailable"));
}
