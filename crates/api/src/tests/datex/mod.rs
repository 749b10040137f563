//! DATEX II publications: as the schema says, with the values of the bins.

mod element;
mod schema;

use wayside_testkit::TestDb;

use super::measurements::{half_an_hour, site};
use crate::testing::Site;
use element::{Element, parse};
use schema::check;

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
