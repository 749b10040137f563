//! What the published schema 3.7 says of the types that publications are made of: names, order, how often an element may
//! and must be there, which attributes there are, and terms of enumerations. The schema itself is not part of this
//! repository; the facts were read from its files `DATEXII_3_D2Payload`, `_Common`, `_RoadTrafficData` and
//! `_LocationReferencing`. Types and elements that Wayside does not use are left out, so that whatever is written
//! beyond them fails.

use super::element::Element;

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
pub(super) fn check(element: &Element, of: &str) {
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
