//! Reading a camera's `source`: an RTSP address with credentials out of the environment, or a file. The
//! address is wrapped at once and no message here shows any part of it. Opening it is `ingest`'s work.

use std::path::{Path, PathBuf};

use wayside_types::SourceUrl;
use wayside_types::camera::RtspUrl;

use crate::env::Env;
use crate::section::Item;

/// What may be given, for messages.
pub(crate) const ACCEPTED: &str = "rtsp://HOST[:PORT]/PATH, rtsps://… or the path of a video file";

/// A source, and whether a password stands in the file in plain text.
pub(crate) struct Source {
    pub(crate) url: SourceUrl,
    pub(crate) plain_password: bool,
}

/// Reads `source`; a relative file is relative to the directory of the file it is named in. The item must
/// be secret already.
pub(crate) fn read_source(item: &Item<'_>, directory: &Path, env: &Env) -> Option<Source> {
    let template = item.text()?.trim();
    let said = expand(template, env).and_then(|whole| parse(&whole, directory));
    match said {
        Ok(url) => {
            let plain_password = matches!(url, SourceUrl::Rtsp(_)) && has_plain_password(template);
            Some(Source { url, plain_password })
        }
        Err(message) => {
            item.fail(message);
            None
        }
    }
}

/// Where user and password stand in an address: between `://` and the last `@` before the first `/`.
fn user_info(template: &str) -> Option<std::ops::Range<usize>> {
    let start = template.find("://")? + 3;
    let authority = template.get(start..)?.split(['/', '?', '#']).next()?;
    // A `/` inside `${…}` can't be, so the authority of the template is whole.
    let end = authority.rfind('@')?;
    Some(start..start + end)
}

fn has_plain_password(template: &str) -> bool {
    let password = user_info(template)
        .and_then(|range| template.get(range))
        .and_then(|info| info.split_once(':'))
        .map(|(_, password)| password);
    password.is_some_and(|p| !p.is_empty() && !p.contains("${"))
}

/// Puts the environment in. What lands in the user or password is percent-encoded, so that a password may
/// hold any character; `${LOGIN}` alone before the `@` may hold `user:password`.
fn expand(template: &str, env: &Env) -> Result<String, String> {
    let info = user_info(template);
    let whole_login = info.clone().and_then(|r| template.get(r)).is_some_and(|t| !t.contains(':'));
    env.expand(template, |at, value| match &info {
        Some(range) if range.contains(&at) => match value.split_once(':') {
            Some((user, password)) if whole_login => {
                format!("{}:{}", percent_encoded(user), percent_encoded(password))
            }
            _ => percent_encoded(value),
        },
        _ => value.to_owned(),
    })
}

/// RFC 3986, section 2.1: everything but the unreserved characters as %XX.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn parse(whole: &str, directory: &Path) -> Result<SourceUrl, String> {
    if whole.is_empty() {
        return Err(format!("is empty; accepted are {ACCEPTED}"));
    }
    if whole.chars().any(char::is_control) {
        return Err("holds a control character (a line break from the environment?)".to_owned());
    }
    let Some((scheme, rest)) = whole.split_once("://") else {
        return Ok(SourceUrl::File(absolute(directory, Path::new(whole))));
    };
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "rtsp" && scheme != "rtsps" {
        // What stands before :// is shown only if it looks like a scheme, never as a piece of a secret.
        let shown = if scheme.len() <= 8 && scheme.bytes().all(|b| b.is_ascii_alphabetic()) {
            format!("scheme {scheme}:// is not supported")
        } else {
            "has no scheme that is supported".to_owned()
        };
        return Err(format!("{shown}; accepted are {ACCEPTED}"));
    }
    if whole.contains(char::is_whitespace) {
        return Err("holds a blank; write %20 in an address".to_owned());
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let port = host_port.rsplit_once(':').filter(|(host, _)| !host.starts_with('[') || host.ends_with(']'));
    if let Some((_, port)) = port
        && port.parse::<u16>().ok().filter(|p| *p > 0).is_none()
    {
        return Err(
            "the port (what follows the last ':' of the host) must be a number from 1 to 65535".to_owned()
        );
    }
    RtspUrl::new(&format!("{scheme}://{rest}"))
        .map(SourceUrl::Rtsp)
        .ok_or_else(|| format!("has no host; accepted are {ACCEPTED}"))
}

/// A path made absolute from a directory, without `.` in it.
pub(crate) fn absolute(directory: &Path, path: &Path) -> PathBuf {
    directory.join(path).components().filter(|c| !matches!(c, std::path::Component::CurDir)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(template: &str, env: &Env) -> Result<SourceUrl, String> {
        expand(template, env).and_then(|whole| parse(&whole, Path::new("/site/cameras")))
    }

    #[test]
    fn addresses_and_files_are_read() {
        let env =
            Env::given([("USER", "ops"), ("PW", "p@s/s:w%?"), ("LOGIN", "ops:a@b"), ("HOST", "10.0.0.9")]);
        for (template, whole) in [
            ("rtsp://10.0.0.7/sub", "rtsp://10.0.0.7/sub"),
            ("RTSPS://cam:8554/x?y=1", "rtsps://cam:8554/x?y=1"),
            ("rtsp://${USER}:${PW}@${HOST}/s", "rtsp://ops:p%40s%2Fs%3Aw%25%3F@10.0.0.9/s"),
            ("rtsp://${LOGIN}@10.0.0.7:554/s", "rtsp://ops:a%40b@10.0.0.7:554/s"),
            ("rtsp://[fe80::1]:554/s", "rtsp://[fe80::1]:554/s"),
            ("rtsp://[fe80::1]/s", "rtsp://[fe80::1]/s"),
        ] {
            let SourceUrl::Rtsp(url) = read(template, &env).unwrap() else {
                panic!("{template} became a file")
            };
            assert_eq!(url.expose(), whole);
            assert!(!url.redacted().contains("ops"), "{} shows the user", url.redacted());
        }
        for (template, path) in [
            ("clip.mp4", "/site/cameras/clip.mp4"),
            ("./clip.mp4", "/site/cameras/clip.mp4"),
            ("/video/${USER}.mp4", "/video/ops.mp4"),
        ] {
            assert_eq!(read(template, &env).unwrap(), SourceUrl::File(path.into()));
        }
    }

    #[test]
    fn refusals_show_nothing_secret() {
        let env = Env::given([("PW", "hunter2")]);
        for (template, want) in [
            ("", "is empty"),
            ("http://u:${PW}@host/", "scheme http:// is not supported"),
            ("hunter2hunter2://host/", "no scheme that is supported"),
            ("rtsp://", "has no host"),
            ("rtsp://u:${PW}@/x", "has no host"),
            ("rtsp://u:${PW}@host:port/x", "from 1 to 65535"),
            ("rtsp://u:${PW}@host:0/x", "from 1 to 65535"),
            ("rtsp://u:${PW}@ho st/x", "holds a blank"),
            ("rtsp://u:${PW}@host/\n", "control character"),
            ("rtsp://u:${CAM_PW}@host/", "environment variable CAM_PW is not set"),
        ] {
            let got = read(template, &env).unwrap_err();
            assert!(got.contains(want), "{template}: {got}");
            assert!(!got.contains("hunter2"), "{template}: {got}");
        }
    }

    #[test]
    fn a_password_in_the_file_is_seen() {
        for (template, plain) in [
            ("rtsp://u:secret@host/", true),
            ("rtsp://u:${PW}@host/", false),
            ("rtsp://${LOGIN}@host/", false),
            ("rtsp://host/a:b@c", false),
            ("rtsp://u@host/", false),
        ] {
            assert_eq!(has_plain_password(template), plain, "{template}");
        }
    }
}
