//! Which decoder takes a stream: the first of a preference list that is installed and opens here. What
//! comes before and after the decoder is `pipeline::encoded`'s.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::error::IngestError;

/// A codec that cameras may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Codec {
    H264,
    H265,
}

impl Codec {
    /// By the encoding name of RTP (RFC 6184, RFC 7798), any case.
    pub fn from_rtp(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "H264" => Some(Self::H264),
            "H265" => Some(Self::H265),
            _ => None,
        }
    }

    /// By the media type of encoded video.
    pub fn from_media_type(name: &str) -> Option<Self> {
        match name {
            "video/x-h264" => Some(Self::H264),
            "video/x-h265" => Some(Self::H265),
            _ => None,
        }
    }

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::H264 => "video/x-h264",
            Self::H265 => "video/x-h265",
        }
    }

    pub const fn depayloader(self) -> &'static str {
        match self {
            Self::H264 => "rtph264depay",
            Self::H265 => "rtph265depay",
        }
    }

    pub const fn parser(self) -> &'static str {
        match self {
            Self::H264 => "h264parse",
            Self::H265 => "h265parse",
        }
    }

    /// VA-API, NVDEC, software.
    const fn default_decoders(self) -> &'static [&'static str] {
        match self {
            Self::H264 => &["vah264dec", "vaapih264dec", "nvh264dec", "avdec_h264", "openh264dec"],
            Self::H265 => &["vah265dec", "vaapih265dec", "nvh265dec", "avdec_h265", "libde265dec"],
        }
    }
}

/// The first decoder for `codec` of `preference` (empty: the default list) that is installed, takes the
/// codec and opens its device, leaving out those of `failed`. Software decoders are held to one thread:
/// many cameras share the machine's cores.
///
/// # Errors
/// [`IngestError::NoDecoder`] with the names that were tried.
pub(crate) fn choose(
    codec: Codec,
    preference: &[String],
    failed: &[String],
) -> Result<gst::Element, IngestError> {
    let names: Vec<&str> = if preference.is_empty() {
        codec.default_decoders().to_vec()
    } else {
        preference.iter().map(String::as_str).collect()
    };
    let candidates = names.iter().filter(|name| !failed.iter().any(|f| f == *name));
    for name in candidates {
        let Some(factory) = gst::ElementFactory::find(name) else { continue };
        if !takes(&factory, codec) {
            continue;
        }
        let Ok(decoder) = factory.create().build() else { continue };
        // Going to READY opens the device, which fails where driver or hardware is absent.
        let opens = decoder.set_state(gst::State::Ready).is_ok();
        let closed = decoder.set_state(gst::State::Null).is_ok();
        if opens && closed {
            bound_threads(&decoder);
            return Ok(decoder);
        }
        tracing::debug!(decoder = name, "decoder is installed but does not open");
    }
    let advice = if preference.is_empty() {
        "install the Debian package gstreamer1.0-libav"
    } else {
        "correct the setting `decoders`, or leave it empty for the default list"
    };
    Err(IngestError::NoDecoder { codec: codec.name(), tried: names.join(", "), advice })
}

/// Checks that a preference list names at least one decoder for each codec that is installed.
///
/// # Errors
/// [`IngestError::NoDecoder`] when it holds none for either codec.
pub(crate) fn check(preference: &[String]) -> Result<(), IngestError> {
    let h264 = choose(Codec::H264, preference, &[]);
    if h264.is_ok() || preference.is_empty() {
        return h264.map(drop);
    }
    choose(Codec::H265, preference, &[]).map(drop)
}

fn takes(factory: &gst::ElementFactory, codec: Codec) -> bool {
    let caps = gst::Caps::builder(codec.media_type()).build();
    factory.has_type(gst::ElementFactoryType::DECODER) && factory.can_sink_any_caps(&caps)
}

/// One thread for a software decoder, by whatever name it calls the setting.
pub(crate) fn bound_threads(decoder: &gst::Element) {
    let factory = decoder.factory().map(|f| f.name().to_string()).unwrap_or_default();
    let settings: &[(&str, &str)] = &[("max-threads", "1"), ("n-threads", "1"), ("threads", "1")];
    if factory.starts_with("va") || factory.starts_with("nv") {
        return;
    }
    for (name, value) in settings {
        let writable = decoder
            .find_property(name)
            .is_some_and(|p| p.flags().contains(gst::glib::ParamFlags::WRITABLE) && is_number(&p));
        if writable {
            decoder.set_property_from_str(name, value);
        }
    }
}

fn is_number(property: &gst::glib::ParamSpec) -> bool {
    use gst::glib::Type;
    [Type::I32, Type::U32].contains(&property.value_type())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_works_is_taken_and_held_to_one_thread() {
        crate::init().unwrap();
        for (codec, preference, failed, want) in [
            (Codec::H264, vec![], vec![], None),
            (
                Codec::H264,
                vec!["no-such-dec", "h264parse", "avdec_h265", "avdec_h264"],
                vec![],
                Some("avdec_h264"),
            ),
            (Codec::H265, vec!["avdec_h264", "avdec_h265"], vec![], Some("avdec_h265")),
            (Codec::H264, vec!["avdec_h264", "openh264dec"], vec!["avdec_h264"], Some("openh264dec")),
        ] {
            let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
            let decoder = choose(codec, &owned(preference), &owned(failed)).unwrap();
            if let Some(want) = want {
                assert_eq!(decoder.factory().unwrap().name(), want);
            }
            if decoder.factory().unwrap().name().starts_with("avdec") {
                assert_eq!(decoder.property::<i32>("max-threads"), 1);
            }
        }
    }

    #[test]
    fn a_list_that_holds_nothing_usable_is_refused_by_name() {
        crate::init().unwrap();
        let error = check(&["no-such-dec".to_owned(), "x264enc".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("no-such-dec, x264enc") && error.contains("`decoders`"), "{error}");
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["avdec_h265".to_owned()]), Ok(()));
    }
}
