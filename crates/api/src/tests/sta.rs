//! SensorThings, read only: what the standard (18-088) wants of entity sets, entities, links and query options.

use serde_json::{Value, json};
use wayside_testkit::TestDb;

use super::measurements::{half_an_hour, site};
use crate::testing::Site;

const ROOT: &str = "/api/v1/sta/v1.1";
const STREAM: &str = "Datastreams('hp-07.east-in.forward.car.count')";

async fn get(site: &Site, address: &str) -> Value {
    let answer = site.get(&format!("{ROOT}/{}", address.replace(' ', "%20"))).await;
    assert_eq!(answer.status, 200, "{address}: {}", answer.text());
    answer.json()
}

/// Follows an absolute link as a client would.
async fn follow(site: &Site, link: &Value) -> Value {
    let link = link.as_str().unwrap();
    let path = link.strip_prefix("http://localhost:8080").unwrap_or_else(|| panic!("{link} is not absolute"));
    let answer = site.get(path).await;
    assert_eq!(answer.status, 200, "{link}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn entities_are_as_the_standard_says() {
    let db = TestDb::new().await;
    let (site, database) = site(&db, half_an_hour()).await;
    every_set_is_named_at_the_root(&site).await;
    links_lead_on(&site).await;
    observations_are_the_bins(&site).await;
    pages_follow_one_another(&site).await;
    options_do_what_they_say(&site).await;
    expansions_hold_what_links_lead_to(&site).await;
    mistakes_are_named(&site).await;
    database.close().await;
}

async fn every_set_is_named_at_the_root(site: &Site) {
    let root = site.get(ROOT).await.json();
    assert_eq!(site.get(&format!("{ROOT}/")).await.json(), root, "many clients end the address with a slash");
    let sets = root["value"].as_array().unwrap();
    let names: Vec<&str> = sets.iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "Things",
            "Locations",
            "HistoricalLocations",
            "Datastreams",
            "Sensors",
            "ObservedProperties",
            "Observations",
            "FeaturesOfInterest"
        ]
    );
    for set in sets {
        assert!(follow(site, &set["url"]).await["value"].is_array(), "{set}");
    }
    let conformance = root["serverSettings"]["conformance"].as_array().unwrap();
    assert!(conformance.iter().all(|class| class.as_str().unwrap().contains("/iot_sensing/1.1/")));
}

/// The properties that the standard makes mandatory, by set.
const MANDATORY: [(&str, &[&str]); 6] = [
    ("Things", &["name", "description"]),
    ("Locations", &["name", "description", "encodingType", "location"]),
    ("Datastreams", &["name", "description", "unitOfMeasurement", "observationType"]),
    ("Sensors", &["name", "description", "encodingType", "metadata"]),
    ("ObservedProperties", &["name", "definition", "description"]),
    ("FeaturesOfInterest", &["name", "description", "encodingType", "feature"]),
];

async fn links_lead_on(site: &Site) {
    for (set, mandatory) in MANDATORY {
        let all = get(site, &format!("{set}?$top=1000")).await;
        let all = all["value"].as_array().unwrap();
        assert!(!all.is_empty(), "{set}");
        let entity = &all[0];
        for name in mandatory {
            assert!(entity.get(*name).is_some(), "{set} without {name}: {entity}");
        }
        assert_eq!(follow(site, &entity["@iot.selfLink"]).await, *entity, "its own link leads to itself");
        let links =
            entity.as_object().unwrap().iter().filter(|(name, _)| name.ends_with("@iot.navigationLink"));
        let mut count = 0;
        for (name, link) in links {
            let link = json!(link.as_str().unwrap());
            assert!(follow(site, &link).await.is_object(), "{set}: {name}");
            count += 1;
        }
        assert!(count > 0, "{set} leads nowhere");
        let mut ids: Vec<&str> = all.iter().map(|entity| entity["@iot.id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        let before = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), before, "{set}: ids are unique");
    }
    let thing = get(site, &format!("{STREAM}/Thing")).await;
    assert_eq!(thing["@iot.id"], "hp-07");
    assert_eq!(
        get(site, &format!("{STREAM}/Thing/name")).await,
        json!({"name": "Youxie Street, \"east\" arm"})
    );
    let bare = site.get(&format!("{ROOT}/{STREAM}/ObservedProperty/name/$value")).await;
    assert_eq!(bare.text(), "Traffic count");
    let references = get(site, "Things('hp-07')/Locations/$ref").await;
    assert_eq!(
        references["value"][0],
        json!({"@iot.selfLink": "http://localhost:8080/api/v1/sta/v1.1/Locations('hp-07')"})
    );
}

async fn observations_are_the_bins(site: &Site) {
    let all = get(site, &format!("{STREAM}/Observations")).await;
    let all = all["value"].as_array().unwrap();
    assert_eq!(all.len(), 2, "two quarters of an hour were watched");
    assert_eq!(
        (&all[0]["phenomenonTime"], &all[0]["resultTime"], &all[0]["result"]),
        (&json!("2026-11-21T11:30:00Z/2026-11-21T11:45:00Z"), &json!("2026-11-21T11:45:00Z"), &json!(7))
    );
    assert_eq!(all[1]["result"], 0);
    assert_eq!(
        all[0]["resultQuality"],
        json!({"observed_s": 900.0, "dropped_share": 0.0, "grade": "good", "complete": true})
    );
    assert_eq!(follow(site, &all[0]["@iot.selfLink"]).await, all[0]);
    let feature = follow(site, &all[0]["FeatureOfInterest@iot.navigationLink"]).await;
    assert_eq!(feature["feature"]["geometry"]["type"], "LineString");
    // Two went north at the other line, too few for a speed: there is no observation rather than a zero.
    let speeds = "Datastreams('hp-07.north-out.backward.car.speed')/Observations";
    assert_eq!(get(site, speeds).await["value"], json!([]));
    assert_eq!(get(site, "Things('hp-01')/Datastreams?$count=true&$top=0").await["@iot.count"], 2 * 6 * 7);
    let unwatched = "Datastreams('hp-01.only.forward.car.count')/Observations";
    assert_eq!(get(site, unwatched).await["value"], json!([]), "not watched is not zero");
}

async fn pages_follow_one_another(site: &Site) {
    let whole = get(site, "Observations?$top=1000&$count=true").await;
    let all = whole["value"].as_array().unwrap();
    assert_eq!(whole["@iot.count"], all.len());
    assert!(all.len() > 100 && whole.get("@iot.nextLink").is_none());
    let mut page = get(site, "Observations?$top=37&$filter=result ge 0").await;
    let mut paged = page["value"].as_array().unwrap().clone();
    while let Some(next) = page.get("@iot.nextLink").cloned() {
        page = follow(site, &next).await;
        paged.extend(page["value"].as_array().unwrap().iter().cloned());
    }
    assert_eq!(&paged, all);
}

async fn options_do_what_they_say(site: &Site) {
    for (address, want) in [
        ("Observations?$filter=result eq 7 and Datastream/ObservedProperty/id eq 'count'", 1),
        ("Observations?$filter=Datastream/id eq 'hp-07.east-in.forward.car.count'", 2),
        ("Observations?$filter=resultQuality/grade ne 'good'", 0),
        (
            "Observations?$filter=phenomenonTime ge 2026-11-21T11:45:00Z and Datastream/properties/class eq 'bus' and result eq 0 and Datastream/ObservedProperty/id eq 'count'",
            4,
        ),
        (
            "Datastreams?$filter=not (properties/class eq 'car') and Thing/id eq 'hp-07'&$top=1000",
            2 * 2 * 5 * 7,
        ),
        ("Things?$filter=name eq 'Bare' or name eq 'none'", 1),
        ("Things?$skip=1", 1),
        ("Things?$top=0", 0),
    ] {
        let found = get(site, address).await;
        assert_eq!(found["value"].as_array().unwrap().len(), want, "{address}: {found}");
    }
    let latest = get(site, &format!("{STREAM}/Observations?$orderby=phenomenonTime desc&$top=1")).await;
    assert_eq!(latest["value"][0]["resultTime"], "2026-11-21T12:00:00Z");
    assert!(latest["@iot.nextLink"].is_string());
    let names = get(site, "Things?$select=name&$orderby=name").await;
    assert_eq!(names["value"][0], json!({"name": "Bare"}));
    let until =
        get(site, &format!("{STREAM}/Observations?$filter=phenomenonTime le 2026-11-21T11:45:00Z")).await;
    assert_eq!(until["value"].as_array().unwrap().len(), 1);
}

async fn expansions_hold_what_links_lead_to(site: &Site) {
    let thing = get(
        site,
        "Things('hp-07')?$expand=Locations,Datastreams($filter=properties/class eq 'car' and ObservedProperty/id eq 'count';$expand=Observations($orderby=resultTime desc;$top=1),ObservedProperty;$count=true)",
    )
    .await;
    assert_eq!(thing["Locations"][0]["location"]["type"], "Point");
    assert_eq!(thing["Datastreams@iot.count"], 4);
    let stream = &thing["Datastreams"][0];
    assert_eq!(stream["ObservedProperty"]["@iot.id"], "count");
    assert_eq!(stream["Observations"].as_array().unwrap().len(), 1);
    let next = follow(site, &stream["Observations@iot.nextLink"]).await;
    assert_eq!(next["value"][0]["result"], 7, "the one before the latest, in the order that was asked for");
    assert!(stream.get("ObservedProperty@iot.navigationLink").is_none(), "what is expanded needs no link");
    let link = &stream["Thing@iot.navigationLink"];
    assert_eq!(follow(site, link).await["@iot.id"], "hp-07");
}

async fn mistakes_are_named(site: &Site) {
    for (address, status, part) in [
        ("Thing", 404, "there is nothing at"),
        ("Things('none')", 404, "there is nothing at"),
        ("Things(1)", 404, "there is nothing at"),
        ("Things('hp-01')/Locations('hp-07')", 404, "there is nothing at"),
        ("Things('hp-01')/Datastreams('hp-07.east-in.forward.car.count')", 404, "there is nothing at"),
        ("Things?$filter=colour eq 'red'", 400, "properties of Things"),
        ("Things?$filter=substringof('a', name)", 400, "the function substringof is not known"),
        ("Things?$top=many", 400, "a whole number from 0 to 1000"),
        ("Things?colour=red", 400, "only the options"),
        ("Observations?$filter=phenomenonTime ge 2020-01-01T00:00:00Z", 400, "at most 366 days at once"),
    ] {
        let answer = site.get(&format!("{ROOT}/{}", address.replace(' ', "%20"))).await;
        assert_eq!(answer.status, status, "{address}: {}", answer.text());
        assert!(answer.text().contains(part), "{address}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let nothing =
        site.get(&format!("{ROOT}/Datastreams('hp-07.east-in.forward.car.count')/observedArea")).await;
    assert_eq!(nothing.status, 204, "a property without a value");
}
