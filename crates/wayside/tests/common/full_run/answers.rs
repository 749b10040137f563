//! Everything that the site answers: each route with every choice that changes what is sent, what is packed inside of files,
//! and the pictures, which are for the page only.

use std::io::Read;

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use wayside_camsim::scene::stage::Stage;

use super::drawn::{plant, scene};
use super::{Site, plain_searcher};
use crate::canary::Canary;

impl Site {
    /// Every route with every choice that changes what is sent: heads and bodies, as they came and unpacked.
    pub(super) fn fetch_everything(&self, planted: &Canary) -> Vec<(String, Vec<u8>)> {
        let id = self.camera.id.as_str();
        let session = self.session();
        let page = [("Cookie", session.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let mut paths: Vec<String> =
            ["/", "/api/v1/cameras", "/healthz", "/readyz", "/metrics", "/api/openapi.json"]
                .map(str::to_owned)
                .to_vec();
        paths.extend(["", "/background", "/audits"].map(|what| format!("/api/v1/cameras/{id}{what}")));
        for (kind, bins) in [
            ("lines", ["1m", "5m", "15m", "1h", "1d"].as_slice()),
            ("movements", &["15m", "1h", "1d"]),
            ("zones", &["15m", "1h", "1d"]),
        ] {
            paths.extend(bins.iter().map(|bin| format!("/api/v1/measurements?kind={kind}&bin={bin}")));
        }
        paths.extend(
            ["15m", "1h", "1d"].map(|bin| format!("/api/v1/measurements/matrix?bin={bin}&camera={id}")),
        );
        paths.extend(
            ["typical", "movers", "peaks", "gaps"].map(|what| format!("/api/v1/measurements/{what}")),
        );
        paths.extend(export_paths());
        let incident = self.incidents().first().unwrap()["id"].as_str().unwrap().to_owned();
        let one = format!("/api/v1/incidents/{incident}");
        paths.extend(["start", "confirmed"].map(|still| format!("{one}/stills/{still}")));
        paths.extend(["/api/v1/incidents".to_owned(), one]);
        self.all_routes_are_in(&paths, &incident);
        let mut sent = Vec::new();
        for path in &paths {
            for accept in ["*/*", "text/csv"] {
                for from in [page.as_slice(), &[]] {
                    let more = [("Accept", accept), ("Accept-Encoding", "gzip")];
                    let answer = self.get(path, &[from, &more].concat());
                    sent.push((format!("{path} ({accept}), head"), answer.head.into_bytes()));
                    sent.push((format!("{path} ({accept}), body"), answer.body));
                }
            }
        }
        let csv = self.get("/api/v1/measurements?bin=15m", &[("Accept", "text/csv")]).text();
        assert!(csv.lines().count() > 1, "no CSV: {csv}");
        let packed = sent.iter().filter(|(_, bytes)| bytes.starts_with(&[0x1f, 0x8b])).count();
        assert!(packed > 5, "only {packed} answers were packed");
        sent.extend(self.files_unpacked());
        self.background_is_searched(planted, &page);
        self.stills_are_searched(&incident, &page);
        sent
    }

    /// What is inside of files that compress their own parts.
    fn files_unpacked(&self) -> Vec<(String, Vec<u8>)> {
        let plain = [("Accept-Encoding", "identity")];
        let book = self.get("/api/v1/measurements?format=xlsx", &plain).body;
        let parts = unzipped(&book);
        assert!(parts.len() > 8, "a workbook of {} parts", parts.len());
        let rows = ["lines", "movements", "zones"].map(|kind| {
            let path = format!("/api/v1/measurements?format=parquet&kind={kind}&bin=15m");
            let file = SerializedFileReader::new(bytes::Bytes::from(self.get(&path, &plain).body)).unwrap();
            let rows: Vec<String> =
                file.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
            assert!(kind != "lines" || !rows.is_empty(), "no rows of {kind}");
            (format!("{path}, unpacked"), rows.join("\n").into_bytes())
        });
        let parts = parts.into_iter().map(|part| ("a part of the workbook".to_owned(), part));
        parts.chain(rows).collect()
    }

    /// There is a background, and the search would find the canary in such a picture.
    fn background_is_searched(&self, planted: &Canary, page: &[(&str, &str)]) {
        let path = format!("/api/v1/cameras/{}/background", self.camera.id);
        let jpeg = self.get(&path, page);
        assert!(jpeg.head.contains("image/jpeg"), "no background: {}", jpeg.head);
        let picture = image::load_from_memory(&jpeg.body).unwrap();
        assert!(picture.width() <= 480, "the background is {} px wide", picture.width());
        assert!(!self.get(&path, &[]).head.contains("image/jpeg"), "a program was given the background");

        let drawn = plant(&Stage::new(&scene()).unwrap().next_frame().data, planted);
        let luma = wayside_types::PixelBuffer::plane(&drawn, 0).data.to_vec();
        let whole = image::GrayImage::from_raw(640, 360, luma).unwrap();
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 85).encode_image(&whole).unwrap();
        let found = plain_searcher().find(bytes.get_ref());
        assert!(!found.is_empty(), "a whole frame as JPEG would not be noticed");
    }

    /// There are stills, no larger than they may be, and for the page only.
    fn stills_are_searched(&self, incident: &str, page: &[(&str, &str)]) {
        for still in ["start", "confirmed"] {
            let path = format!("/api/v1/incidents/{incident}/stills/{still}");
            let jpeg = self.get(&path, page);
            assert!(jpeg.head.contains("image/jpeg"), "no still: {}", jpeg.head);
            let picture = image::load_from_memory(&jpeg.body).unwrap();
            assert!(picture.width() <= 480, "the still is {} px wide", picture.width());
            assert!(!self.get(&path, &[]).head.contains("image/jpeg"), "a program was given a still");
        }
    }

    /// A route that this test does not know would go unsearched.
    fn all_routes_are_in(&self, paths: &[String], incident: &str) {
        let api: Value = serde_json::from_str(&self.get("/api/openapi.json", &[]).text()).unwrap();
        for (route, item) in api["paths"].as_object().unwrap() {
            // A tally that is handed in is answered with rows like those that are listed.
            let is_known =
                |method: &String| method == "get" || method == "post" && route.ends_with("/audits");
            assert!(item.as_object().unwrap().keys().all(is_known), "{route} does more than GET: search it");
            let id = if route.starts_with("/api/v1/incidents") { incident } else { self.camera.id.as_str() };
            let path =
                route.replace("{id}", id).replace("{still}", "confirmed").replace("{resource}", "Things");
            // Streams are listened to from the first frame to the last.
            let is_stream = route == "/api/v1/live" || route.ends_with("/silhouette");
            let known = paths.iter().any(|p| p.split('?').next() == Some(&path)) || is_stream;
            assert!(known, "{route} is not searched");
        }
    }
}

/// The exports, each as a whole.
fn export_paths() -> Vec<String> {
    let sta = "/api/v1/sta/v1.1";
    let sets = ["Things", "Locations", "Sensors", "ObservedProperties", "FeaturesOfInterest"];
    let plain = ["/api/v1/geojson", "/api/v1/datex2/measurement-sites", "/api/v1/datex2/measured-data", sta];
    let formats = ["xlsx", "parquet", "csv"].map(|format| format!("/api/v1/measurements?format={format}"));
    let all = ["Datastreams", "Observations"].map(|set| format!("{sta}/{set}?$top=1000"));
    let data = "/api/v1/datex2/measured-data?bin=1m&from=2026-11-21T10:13:00Z&to=2026-11-21T10:15:00Z";
    let plain = plain.into_iter().chain([data]).map(str::to_owned);
    plain.chain(sets.map(|set| format!("{sta}/{set}"))).chain(formats).chain(all).collect()
}

/// The parts of a ZIP archive (APPNOTE 4.3.7), inflated.
fn unzipped(archive: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    for at in 0..archive.len().saturating_sub(30) {
        let head = &archive[at..];
        if !head.starts_with(b"PK\x03\x04") {
            continue;
        }
        let length = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
        let start = 30 + length(26) + length(28);
        let mut part = Vec::new();
        if length(8) == 8 {
            flate2::read::DeflateDecoder::new(&head[start..]).read_to_end(&mut part).unwrap();
        }
        parts.push(part);
    }
    parts
}
