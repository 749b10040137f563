//! The `MeasurementSiteTablePublication`: where is measured, what, of whom, and over how long.

use std::io;

use super::xml::Xml;
use super::{DatexError, GROUPS, Group, Quantity, Site, TABLE, index, sites, table_version};
use crate::state::ApiParts;

/// How long is measured unless a publication says otherwise, seconds.
const PERIOD_S: u32 = 900;

/// The table of all sites as a document.
///
/// # Errors
/// [`DatexError::NoSite`] where no line has a place.
pub(crate) fn site_table(parts: &ApiParts) -> Result<Vec<u8>, DatexError> {
    let sites = sites(parts);
    if sites.is_empty() {
        return Err(DatexError::NoSite);
    }
    let by = (parts.clock.now(), &parts.publisher);
    Ok(Xml::publication("MeasurementSiteTablePublication", by, |xml| {
        xml.header()?;
        let version = table_version(parts);
        let table = [("id", TABLE), ("version", version.as_str())];
        xml.element("roa:measurementSiteTable", &table, |xml| {
            xml.text("roa:measurementSiteTableIdentification", "Wayside's lines by direction")?;
            sites.iter().try_for_each(|of| site(xml, of))
        })
    })?)
}

fn site(xml: &mut Xml, site: &Site<'_>) -> io::Result<()> {
    let id = site.id();
    let attributes = [("id", id.as_str()), ("version", site.camera.config_version.as_str())];
    xml.element("roa:measurementSite", &attributes, |xml| {
        xml.words("roa:measurementEquipmentTypeUsed", "video processing")?;
        let name = format!("{}: {} {}", site.camera.name, site.line.id, site.direction.as_str());
        xml.words("roa:measurementSiteName", &name)?;
        xml.text("roa:measurementSiteIdentification", &id)?;
        for (number, group) in GROUPS.iter().enumerate() {
            for quantity in Quantity::ALL {
                characteristics(xml, index(number, quantity), group, quantity)?;
            }
        }
        xml.element("roa:measurementSiteLocation", &[("xsi:type", "loc:PointLocation")], |xml| {
            xml.element("loc:pointByCoordinates", &[], |xml| {
                if let Some(heading) = site.heading_deg {
                    xml.text("loc:bearing", heading)?;
                }
                xml.element("loc:pointCoordinates", &[], |xml| {
                    xml.text("loc:latitude", site.place[1])?;
                    xml.text("loc:longitude", site.place[0])
                })
            })
        })
    })
}

fn characteristics(xml: &mut Xml, index: usize, group: &Group, quantity: Quantity) -> io::Result<()> {
    let index = index.to_string();
    xml.element("roa:measurementSpecificCharacteristics", &[("index", &index)], |xml| {
        xml.element("roa:measurementSpecificCharacteristics", &[], |xml| {
            if let Some(method) = quantity.method() {
                xml.text("roa:computationMethod", method)?;
            }
            xml.text("roa:period", PERIOD_S)?;
            xml.text("roa:specificMeasurementValueType", quantity.value_type())?;
            xml.element("roa:specificVehicleCharacteristics", &[], |xml| {
                group.vehicle_types.iter().try_for_each(|kind| xml.text("com:vehicleType", kind))
            })
        })
    })
}
