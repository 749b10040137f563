//! Mistakes in `[publisher]` and `[[export]]`.

use wayside_config::ExportTarget;

use super::{SETTINGS, fails, load};

/// Each mistake of a scheduled export is named with what is accepted, and no token is shown.
#[test]
fn exports() {
    let export = |more: &str| format!("{SETTINGS}[[export]]\n{more}");
    let good = "name = \"n\"\nwhat = \"lines\"\nformat = \"csv\"\nevery = \"day\"\ndirectory = \"out\"\n";
    let site = load(&[("wayside.toml", &export(good))]).unwrap();
    let exports = &site.settings.exports;
    assert_eq!((exports.len(), exports[0].after_minutes, exports[0].bin.as_str()), (1, 5, "15m"));
    let post = "name = \"p\"\nwhat = \"map\"\nformat = \"geojson\"\nevery = \"hour\"\nurl = \"https://h/x\"\nbearer = \"${PW}\"\n";
    let site = load(&[("wayside.toml", &export(post))]).unwrap();
    assert!(!format!("{:?}", site.settings).contains("hunter2"));
    let pem = "-----BEGIN CERTIFICATE-----\n";
    let with_ca = export(&format!("{post}ca_file = \"city.pem\"\n"));
    let site = load(&[("city.pem", pem), ("wayside.toml", &with_ca)]).unwrap();
    let ExportTarget::Post { ca_file, .. } = &site.settings.exports[0].target else { panic!("it is posted") };
    // Beside the settings, wherever the program was started.
    assert!(
        ca_file.as_ref().is_some_and(|path| path.is_absolute() && path.ends_with("city.pem")),
        "{ca_file:?}"
    );
    fails(
        &[(
            "wayside.toml",
            &export(
                "name = \"N\"\nwhat = \"sites\"\nformat = \"csv\"\ncameras = [\"a\", \"b\"]\nbin = \"2m\"\n\
                 every = \"week\"\nafter_minutes = 1\nurl = \"https://u:hunter2@h/\"\n",
            ),
        )],
        &[
            "wayside.toml:6:8: export.name = \"N\": must be 1 to 40 characters of a-z, 0-9 and '-'",
            "wayside.toml:8:10: export.format = \"csv\": does not fit what is exported; must be one of: datex2",
            "wayside.toml:9:17: export.cameras = \"b\": there is no such camera; there are: a",
            "wayside.toml:10:7: export.bin = \"2m\": must be one of: 1m, 5m, 15m, 1h, 1d",
            "wayside.toml:11:9: export.every = \"week\": must be one of: hour, day",
            "wayside.toml:12:17: export.after_minutes = 1: must be a whole number from 2 to 720 minutes",
            "wayside.toml:13:7: export.url: must be an address that begins with https:// or http://, names a host and holds no user or password; a token goes into bearer",
        ],
    );
    for (more, want) in [
        (
            good.replace("directory = \"out\"\n", ""),
            "export: must have either directory, where files are written, or url, to which they are posted",
        ),
        (format!("{good}bearer = \"hunter2\"\n"), "export.bearer: goes with url, not with directory"),
        (
            good.replace("lines", "movements") + "bin = \"5m\"\n",
            "export.bin = \"5m\": must be one of: 15m, 1h, 1d: movements and zones are kept in bins of 15m or longer",
        ),
        (
            good.replace("day", "hour") + "bin = \"1d\"\n",
            "export: every is \"hour\", in which there is no bin of a day; make it \"day\", or bin shorter",
        ),
        (
            format!("{good}[[export]]\n{good}"),
            "export.name = \"n\": is taken already; give each export its own name",
        ),
        (
            format!("{good}ca_file = \"city.pem\"\n"),
            "export.ca_file = \"city.pem\": goes with url, not with directory",
        ),
        (
            post.replace("https", "http") + "ca_file = \"city.pem\"\n",
            "export.ca_file = \"city.pem\": goes with a url that begins with https://; over http:// nobody shows a certificate",
        ),
        (
            format!("{post}ca_file = \"city.pem\"\n"),
            "export.ca_file = \"city.pem\": must name a PEM file of certificates; city.pem can't be read: No such file or directory (os error 2)",
        ),
        (
            format!("{post}ca_file = \"models/m.toml\"\n"),
            "export.ca_file = \"models/m.toml\": must name a PEM file of one or more certificates; models/m.toml holds no line -----BEGIN CERTIFICATE-----",
        ),
        (
            post.replace("${PW}", "${NO}"),
            "export.bearer: environment variable NO is not set or empty; set it before starting Wayside",
        ),
    ] {
        let got = load(&[("wayside.toml", &export(&more))]).map(|_| ()).unwrap_err();
        assert!(got.lines().count() == 1 && got.ends_with(want), "{got}\n{want}");
        assert!(!got.contains("hunter2"));
    }
    let publisher = format!("{SETTINGS}[publisher]\ncountry = \"DE\"\n");
    fails(
        &[("wayside.toml", &publisher)],
        &[
            "wayside.toml:5:1: publisher.identifier: missing: a name that is unique in the country, such as \"city-of-x\"",
            "wayside.toml:6:11: publisher.country = \"DE\": must be two small letters of ISO 3166-1, such as \"de\"",
        ],
    );
}
