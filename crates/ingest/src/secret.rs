//! Credentials of a camera's address: taken out before GStreamer sees the address, and scrubbed from
//! whatever GStreamer says, in case it learnt them some other way. Only the RTSP client gets them.

use std::fmt;

use wayside_types::camera::RtspUrl;

/// An RTSP address in the parts that GStreamer is given.
#[derive(Clone)]
pub(crate) struct Address {
    /// Without user and password, but with the query, which may be a secret.
    pub location: String,
    pub user: Option<String>,
    pub password: Option<String>,
    scrub: Scrub,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

/// Removes what must not be shown from text.
#[derive(Clone, Default)]
pub(crate) struct Scrub {
    /// Longest first.
    secrets: Vec<String>,
    shown: String,
}

impl Address {
    /// Takes an address apart by the same rule as [`RtspUrl::redacted`]: everything up to the last `@` is
    /// user and password, raw or percent-encoded.
    pub fn new(url: &RtspUrl) -> Self {
        let whole = url.expose();
        let (scheme, rest) = whole.split_once("://").unwrap_or(("rtsp", whole));
        let before_query = rest.split(['?', '#']).next().unwrap_or_default();
        let (userinfo, host_and_path) = match before_query.rfind('@') {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        };
        let (user, password) = match userinfo.map(|info| info.split_once(':').unwrap_or((info, ""))) {
            Some((user, password)) => (Some(user), Some(password)),
            None => (None, None),
        };
        let query = rest[before_query.len()..].trim_start_matches(['?', '#']);
        let mut secrets = Vec::new();
        for secret in user.into_iter().chain(password).chain(query.split(['&', '=', '#'])).chain([query]) {
            let plain = percent_decoded(secret);
            secrets.extend([
                secret.to_owned(),
                percent_encoded(&plain, false),
                percent_encoded(&plain, true),
                plain,
            ]);
        }
        secrets.extend(userinfo.map(str::to_owned));
        secrets.extend(userinfo.map(|info| base64(percent_decoded(info).as_bytes())));
        Self {
            location: format!("{scheme}://{host_and_path}"),
            user: user.map(percent_decoded),
            password: password.map(percent_decoded),
            scrub: Scrub::new(secrets, url.redacted()),
        }
    }

    /// What removes this address's secrets.
    pub fn scrub(&self) -> &Scrub {
        &self.scrub
    }
}

impl Scrub {
    fn new(mut secrets: Vec<String>, shown: String) -> Self {
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        secrets.dedup();
        Self { secrets, shown }
    }

    /// The text with every address replaced by the one that may be shown, and every secret by `***`. Text
    /// is mangled rather than a short password kept.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for secret in &self.secrets {
            if clean.contains(secret.as_str()) {
                clean = clean.replace(secret.as_str(), "***");
            }
        }
        self.with_shown_addresses(&clean)
    }

    fn with_shown_addresses(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) =
            ["rtsp://", "rtsps://", "rtspt://", "rtspu://"].iter().filter_map(|s| rest.find(s)).min()
        {
            let end = rest[start..]
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')'))
                .map_or(rest.len(), |n| start + n);
            clean.push_str(&rest[..start]);
            clean.push_str(&self.shown);
            // A full stop or colon behind the address belongs to the sentence.
            if let Some(stop) =
                rest[start..end].chars().next_back().filter(|c| matches!(c, '.' | ':' | ',' | ';'))
            {
                clean.push(stop);
            }
            rest = &rest[end..];
        }
        clean.push_str(rest);
        clean
    }
}

/// Text with `%XX` decoded; what is no valid escape stays, and invalid UTF-8 is replaced.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| tail.get(..2)).flatten().and_then(|hex| {
            let hex =
                std::str::from_utf8(hex).ok().filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
            u8::from_str_radix(hex, 16).ok()
        });
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text with everything but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(text: &str, lower: bool) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(b));
        } else if lower {
            out.push_str(&format!("%{b:02x}"));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
        out
    })
}

/// RFC 4648 base64 with padding, as HTTP Basic sends it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, &b| word << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(url: &str) -> (String, Option<String>, Option<String>) {
        let address = Address::new(&RtspUrl::new(url).unwrap());
        (address.location, address.user, address.password)
    }

    #[test]
    fn an_address_is_taken_apart() {
        let some = |s: &str| Some(s.to_owned());
        for (url, location, user, password) in [
            ("rtsp://10.0.0.7/sub", "rtsp://10.0.0.7/sub", None, None),
            ("rtsp://u:p@10.0.0.7:554/sub?a=1", "rtsp://10.0.0.7:554/sub?a=1", some("u"), some("p")),
            ("rtsp://u:p%40s%2fs@host/a", "rtsp://host/a", some("u"), some("p@s/s")),
            ("rtsps://u:p@s/s@host/a?m=x@y", "rtsps://host/a?m=x@y", some("u"), some("p@s/s")),
            ("rtsp://only@host/", "rtsp://host/", some("only"), some("")),
            ("rtsp://u:%zz%4@h/", "rtsp://h/", some("u"), some("%zz%4")),
        ] {
            assert_eq!(parts(url), (location.to_owned(), user, password), "{url}");
        }
    }

    #[test]
    fn no_form_of_a_secret_survives() {
        let url = RtspUrl::new("rtsp://admin:S3cr%20t@cam.example/sub?token=abc123").unwrap();
        let scrub = Address::new(&url).scrub().clone();
        for text in [
            "open rtsp://admin:S3cr%20t@cam.example/sub?token=abc123 failed",
            "password S3cr t of admin",
            "password S3cr%20t",
            "Basic YWRtaW46UzNjciB0",
            "uri 'rtsp://admin:S3cr t@cam.example/sub' gone",
            "token=abc123",
            "abc123",
        ] {
            let clean = scrub.clean(text);
            for secret in ["S3cr", "admin", "abc123", "YWRtaW46"] {
                assert!(!clean.contains(secret), "{clean}");
            }
        }
        assert_eq!(
            scrub.clean("could not open rtsp://admin:S3cr%20t@cam.example/sub?token=abc123: refused"),
            "could not open rtsp://cam.example/sub: refused"
        );
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
