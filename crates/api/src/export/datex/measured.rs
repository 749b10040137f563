//! The `MeasuredDataPublication`: flow, speeds, headway and occupancy of each site in some bins. What was not watched has a
//! fault and no value, what was watched in part says so at each value, what may not be told is not there.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use wayside_store::query::{GroupKey, MeasurementQuery, Pages};
use wayside_types::BinLength;

use super::super::row::{LineMeasurement, Measurement};
use super::super::rows::ROWS_AT_ONCE;
use super::xml::Xml;
use super::{DatexError, GROUPS, Quantity, Site, TABLE, index, sites, table_version};
use crate::state::ApiParts;

/// The groups of a site in a bin, by their number.
type Groups = BTreeMap<usize, Box<LineMeasurement>>;

/// Everything measured, by when its bin began and ended and by site.
type Measured = BTreeMap<(Timestamp, Timestamp), BTreeMap<String, Groups>>;

/// What was measured in the bins that start in a stretch of time, as a document.
///
/// # Errors
/// [`DatexError::NoSite`] where no line has a place; [`DatexError::Store`] when the database does not answer.
pub(crate) async fn measured_data(
    parts: &ApiParts,
    (from, to): (Timestamp, Timestamp),
    bin: BinLength,
) -> Result<Vec<u8>, DatexError> {
    let sites = sites(parts);
    if sites.is_empty() {
        return Err(DatexError::NoSite);
    }
    let mut measured = Measured::new();
    // Where nothing at all was watched, the first bin says so.
    measured.entry(bin.bounds(from, &parts.time_zone)).or_default();
    for (number, group) in GROUPS.iter().enumerate() {
        let classes: Vec<_> = group.classes.iter().copied().filter(|c| c.shortest_bin() <= bin).collect();
        // A group without one of its classes would be another group.
        if classes.len() < group.classes.len() {
            continue;
        }
        let mut query = MeasurementQuery::new(from, to, bin, parts.time_zone.clone());
        query.classes = classes;
        query.group_by = [GroupKey::Line, GroupKey::Direction].into();
        query.limit = ROWS_AT_ONCE;
        let mut pages = Pages::new(&parts.database, query);
        while let Some(rows) = pages.next().await? {
            for row in rows.into_iter().map(Measurement::from) {
                let Measurement::Line(row) = row else { continue };
                let (line, way) =
                    (row.line.as_deref().unwrap_or_default(), row.direction.unwrap_or_default());
                let site = format!("{}/{line}/{way}", row.camera);
                let of_bin = measured.entry((row.counted.start, row.counted.end)).or_default();
                of_bin.entry(site).or_default().insert(number, row);
            }
        }
    }
    Ok(document(parts, &sites, &measured)?)
}

fn document(parts: &ApiParts, sites: &[Site<'_>], measured: &Measured) -> io::Result<Vec<u8>> {
    let by = (parts.clock.now(), &parts.publisher);
    Xml::publication("MeasuredDataPublication", by, |xml| {
        let version = table_version(parts);
        let table =
            [("targetClass", "roa:MeasurementSiteTable"), ("id", TABLE), ("version", version.as_str())];
        xml.empty("roa:measurementSiteTableReference", &table)?;
        xml.header()?;
        for (span, of_bin) in measured {
            for site in sites {
                site_measurements(xml, site, of_bin.get(&site.id()), (*span, by.0))?;
            }
        }
        Ok(())
    })
}

fn site_measurements(
    xml: &mut Xml,
    site: &Site<'_>,
    groups: Option<&Groups>,
    (span, now): ((Timestamp, Timestamp), Timestamp),
) -> io::Result<()> {
    xml.element("roa:siteMeasurements", &[], |xml| {
        let id = site.id();
        let reference = [
            ("targetClass", "roa:MeasurementSite"),
            ("id", id.as_str()),
            ("version", site.camera.config_version.as_str()),
        ];
        xml.empty("roa:measurementSiteReference", &reference)?;
        match groups {
            Some(groups) => {
                for (number, row) in groups {
                    for quantity in Quantity::ALL {
                        value(xml, index(*number, quantity), row, quantity)?;
                    }
                }
            }
            None => unwatched(xml, now)?,
        }
        xml.element("roa:measurementTimeDefault", &[], |xml| {
            xml.text("roa:timeMeaning", "endTime")?;
            xml.text("roa:timeValue", span.1)?;
            xml.element("roa:period", &[], |xml| {
                xml.text("com:startOfPeriod", span.0)?;
                xml.text("com:endOfPeriod", span.1)
            })
        })
    })
}

/// A physical quantity with what `inside` writes.
fn quantity(xml: &mut Xml, index: usize, inside: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<()> {
    let index = index.to_string();
    xml.element("roa:physicalQuantity", &[("index", &index)], |xml| {
        xml.element("roa:physicalQuantity", &[("xsi:type", "roa:SinglePhysicalQuantity")], inside)
    })
}

/// Nobody watched: no value, which is not the same as none counted.
fn unwatched(xml: &mut Xml, now: Timestamp) -> io::Result<()> {
    quantity(xml, index(0, Quantity::Flow), |xml| {
        xml.element("roa:physicalQuantityFault", &[], |xml| {
            xml.text("com:faultLastUpdateTime", now)?;
            xml.text("roa:physicalQuantityFaultType", "noDataValuesAvailable")
        })
    })
}

/// A value of a row, if there is one.
fn value(xml: &mut Xml, index: usize, row: &LineMeasurement, of: Quantity) -> io::Result<()> {
    let basic = |xml: &mut Xml, kind: &str, inside: &dyn Fn(&mut Xml) -> io::Result<()>| {
        quantity(xml, index, |xml| xml.element("roa:basicData", &[("xsi:type", kind)], inside))
    };
    match of {
        Quantity::Flow => {
            let (Some(count), Some(flow)) = (row.counted.count, row.counted.flow_per_h) else {
                return Ok(());
            };
            basic(xml, "roa:TrafficFlow", &|xml| {
                data(xml, "roa:vehicleFlow", row, &[("numberOfInputValuesUsed", count.to_string())], |xml| {
                    xml.text("com:vehicleFlowRate", flow.round())
                })
            })
        }
        Quantity::Speed => {
            let Some(speed) = &row.speed else { return Ok(()) };
            let used = ("numberOfInputValuesUsed", speed.n.to_string());
            let untrusted = row.untrusted.map(|n| ("numberOfIncompleteInputs", n.to_string()));
            let method = of.method().map(|method| ("computationalMethod", method.to_owned()));
            let attributes: Vec<_> = method.into_iter().chain(untrusted).chain([used]).collect();
            basic(xml, "roa:TrafficSpeed", &|xml| {
                data(xml, "roa:averageVehicleSpeed", row, &attributes, |xml| {
                    xml.text("com:speed", speed.time_mean_kmh)
                })?;
                for (share, kmh) in [(15, speed.p15_kmh), (50, speed.p50_kmh), (85, speed.p85_kmh)] {
                    if let Some(kmh) = kmh {
                        percentile(xml, row, share, kmh)?;
                    }
                }
                Ok(())
            })
        }
        Quantity::SpaceMeanSpeed => {
            let Some(speed) = &row.speed else { return Ok(()) };
            let method = of.method().unwrap_or_default().to_owned();
            let attributes =
                [("computationalMethod", method), ("numberOfInputValuesUsed", speed.n.to_string())];
            basic(xml, "roa:TrafficSpeed", &|xml| {
                data(xml, "roa:averageVehicleSpeed", row, &attributes, |xml| {
                    xml.text("com:speed", speed.space_mean_kmh)
                })
            })
        }
        Quantity::Headway => {
            let Some(headway) = &row.headway else { return Ok(()) };
            basic(xml, "roa:TrafficHeadway", &|xml| {
                let used = [("numberOfInputValuesUsed", headway.n.to_string())];
                data(xml, "roa:averageTimeHeadway", row, &used, |xml| {
                    xml.text("roa:duration", headway.mean_s)
                })
            })
        }
        Quantity::Occupancy => {
            let Some(share) = row.occupancy else { return Ok(()) };
            basic(xml, "roa:TrafficConcentration", &|xml| {
                data(xml, "roa:occupancy", row, &[], |xml| percent(xml, 100.0 * share))
            })
        }
    }
}

fn percentile(xml: &mut Xml, row: &LineMeasurement, share: u32, kmh: f64) -> io::Result<()> {
    xml.element("roa:speedPercentile", &[], |xml| {
        xml.element("roa:vehiclePercentage", &[], |xml| xml.text("com:percentage", share))?;
        data(xml, "roa:speedPercentile", row, &[], |xml| xml.text("com:speed", kmh))
    })
}

fn percent(xml: &mut Xml, value: f64) -> io::Result<()> {
    xml.text("com:percentage", (value * 100.0).round() / 100.0)
}

/// A `DataValue`: how much of the bin was watched, what is wrong if it was not all of it, and then the value.
fn data(
    xml: &mut Xml,
    name: &str,
    row: &LineMeasurement,
    attributes: &[(&str, String)],
    inside: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let bin_s = row.counted.end.duration_since(row.counted.start).as_secs_f64();
    let watched = &row.watched;
    let quality = (100.0 * watched.observed_s / bin_s * (1.0 - watched.dropped_share)).clamp(0.0, 100.0);
    let quality = ((quality * 10.0).round() / 10.0).to_string();
    let mut all: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("supplierCalculatedDataQuality", &quality));
    xml.element(name, &all, |xml| {
        if !watched.complete {
            xml.text("com:dataError", true)?;
            let reason =
                format!("watched in part: {} of {bin_s} s; grade {}", watched.observed_s, watched.grade);
            xml.words("com:reasonForDataError", &reason)?;
        }
        inside(xml)
    })
}
