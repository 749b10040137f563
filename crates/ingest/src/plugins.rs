//! Starting GStreamer, and saying what this machine lacks. Which decoders work is `decoder`'s to find out.

use std::sync::OnceLock;

use gstreamer as gst;

use crate::error::IngestError;

/// What the pipelines are made of, with the Debian package that holds it.
const NEEDED: &[(&str, &str)] = &[
    ("filesrc", "libgstreamer1.0-0"),
    ("capsfilter", "libgstreamer1.0-0"),
    ("appsink", "gstreamer1.0-plugins-base"),
    ("decodebin", "gstreamer1.0-plugins-base"),
    ("videoconvert", "gstreamer1.0-plugins-base"),
    ("rtspsrc", "gstreamer1.0-plugins-good"),
    ("rtpbin", "gstreamer1.0-plugins-good"),
    ("rtph264depay", "gstreamer1.0-plugins-good"),
    ("rtph265depay", "gstreamer1.0-plugins-good"),
    ("qtdemux", "gstreamer1.0-plugins-good"),
    ("udpsrc", "gstreamer1.0-plugins-good"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("h265parse", "gstreamer1.0-plugins-bad"),
];

/// Starts GStreamer once for the process and checks that what the pipelines are made of is installed. Cheap
/// when called again.
///
/// # Errors
/// [`IngestError::Init`] if GStreamer does not start, [`IngestError::MissingPlugins`] with the Debian
/// packages to install.
pub fn init() -> Result<(), IngestError> {
    static DONE: OnceLock<Result<(), IngestError>> = OnceLock::new();
    DONE.get_or_init(|| {
        gst::init().map_err(|e| IngestError::Init { reason: e.to_string() })?;
        let missing = missing_of(NEEDED, |element| gst::ElementFactory::find(element).is_some());
        missing.map_or(Ok(()), Err)
    })
    .clone()
}

/// The error for what is not installed, if anything.
fn missing_of(needed: &[(&str, &str)], installed: impl Fn(&str) -> bool) -> Option<IngestError> {
    let missing: Vec<_> = needed.iter().filter(|(element, _)| !installed(element)).collect();
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    let elements: Vec<&str> = missing.iter().map(|(element, _)| *element).collect();
    (!missing.is_empty())
        .then(|| IngestError::MissingPlugins { elements: elements.join(", "), packages: packages.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_all_that_is_needed() {
        assert_eq!(init(), Ok(()));
        assert_eq!(init(), Ok(()));
    }

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let error =
            missing_of(NEEDED, |element| !element.ends_with("parse") && element != "rtspsrc").unwrap();
        assert_eq!(
            error.to_string(),
            "GStreamer lacks rtspsrc, h264parse, h265parse: install the Debian package \
             gstreamer1.0-plugins-bad gstreamer1.0-plugins-good"
        );
    }
}
