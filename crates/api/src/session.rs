//! Browser sessions: what tells the page in a browser from a program that calls the API. The page's
//! document sets a random cookie that is kept in memory only and expires; icons and backgrounds go to
//! requests that bring it from the page itself (design rule 1.5). It says nothing about *who* is
//! looking: access control does not exist yet and will live elsewhere.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use wayside_types::SharedClock;

use crate::host;

/// A session that is not used for this long is forgotten.
const IDLE_MAX: Duration = Duration::from_secs(12 * 3_600);

/// More sessions than this are not kept; the one unused longest goes first.
const SESSIONS_MAX: usize = 1_024;

/// Fills a buffer with random bytes; the operating system's in production, anything in tests.
pub type RandomSource = Arc<dyn Fn(&mut [u8]) -> io::Result<()> + Send + Sync>;

/// The operating system's random bytes.
#[must_use]
pub fn os_random() -> RandomSource {
    Arc::new(|buffer| getrandom::fill(buffer).map_err(io::Error::other))
}

type Key = [u8; 32];

/// The sessions that are open. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Sessions {
    used_at: Arc<Mutex<HashMap<Key, Duration>>>,
    clock: SharedClock,
    random: RandomSource,
    cookie: Arc<str>,
}

/// A session that a request proved to have.
#[derive(Clone)]
pub(crate) struct Session {
    key: Key,
    all: Sessions,
}

impl Sessions {
    /// No sessions yet. `port` becomes part of the cookie's name, because cookies of one host are shared
    /// by all its ports and two Waysides on one machine must not overwrite each other's.
    pub(crate) fn new(port: u16, clock: SharedClock, random: RandomSource) -> Self {
        Self { used_at: Arc::default(), clock, random, cookie: format!("wayside_session_{port}").into() }
    }

    /// The `Set-Cookie` of a new session, or `None` when the request's session is still good.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub(crate) fn open(&self, headers: &HeaderMap) -> io::Result<Option<HeaderValue>> {
        if self.key_of(headers).is_some_and(|key| self.touch(&key)) {
            return Ok(None);
        }
        let mut key: Key = [0; 32];
        (self.random)(&mut key)?;
        let now = self.clock.monotonic();
        let mut used_at = self.used_at.lock().unwrap_or_else(PoisonError::into_inner);
        used_at.retain(|_, used| now.saturating_sub(*used) < IDLE_MAX);
        if used_at.len() >= SESSIONS_MAX {
            let oldest = used_at.iter().min_by_key(|(_, used)| **used).map(|(key, _)| *key);
            oldest.and_then(|key| used_at.remove(&key));
        }
        used_at.insert(key, now);
        drop(used_at);
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie, hex(&key));
        HeaderValue::from_str(&cookie).map(Some).map_err(io::Error::other)
    }

    /// The session of a request that comes from the page itself in a browser; anything else has none.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Option<Session> {
        if !from_our_page(headers) {
            return None;
        }
        let key = self.key_of(headers)?;
        self.touch(&key).then(|| Session { key, all: self.clone() })
    }

    fn touch(&self, key: &Key) -> bool {
        let now = self.clock.monotonic();
        let mut used_at = self.used_at.lock().unwrap_or_else(PoisonError::into_inner);
        match used_at.get_mut(key) {
            Some(used) if now.saturating_sub(*used) < IDLE_MAX => {
                *used = now;
                true
            }
            Some(_) => {
                used_at.remove(key);
                false
            }
            None => false,
        }
    }

    fn key_of(&self, headers: &HeaderMap) -> Option<Key> {
        let pairs = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let mut pairs = pairs.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == &*self.cookie).and_then(|(_, value)| unhex(value))
    }
}

impl Session {
    /// Whether the session is still good; asking keeps it so.
    pub(crate) fn is_open(&self) -> bool {
        self.all.touch(&self.key)
    }
}

/// Whether a browser says that our own page made the request. Browsers send `Sec-Fetch-Site` to `https:`
/// and to loopback addresses, not to plain `http:` elsewhere: there the absence of both headers is
/// normal for the page too, and `SameSite=Strict` alone keeps other sites' requests without a cookie.
fn from_our_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    if headers.contains_key("sec-fetch-site") {
        return text(header::HeaderName::from_static("sec-fetch-site")) == Some("same-origin");
    }
    if headers.contains_key(header::ORIGIN) {
        let origin = text(header::ORIGIN).unwrap_or_default();
        let name = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        return !host.is_empty() && name == Some(host);
    }
    !host::is_loopback_name(host)
}

fn hex(key: &Key) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Key> {
    let mut key: Key = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use wayside_testkit::SimClock;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| ((*n).parse().unwrap(), v.parse().unwrap())).collect()
    }

    fn sessions(clock: &SimClock) -> Sessions {
        Sessions::new(8080, clock.shared(), os_random())
    }

    fn cookie_of(set_cookie: &HeaderValue) -> String {
        set_cookie.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    #[test]
    fn only_the_page_itself_has_a_session() {
        let clock = testing::clock();
        let sessions = sessions(&clock);
        let set = sessions.open(&HeaderMap::new()).unwrap().unwrap();
        assert!(set.to_str().unwrap().ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set:?}");
        let cookie = cookie_of(&set);
        let other = format!("{}0", &cookie[..cookie.len() - 1]);
        let other = if other == cookie { format!("{}1", &cookie[..cookie.len() - 1]) } else { other };
        let local = ("host", "127.0.0.1:8080");
        let lan = ("host", "10.0.0.5:8080");
        for (pairs, want) in [
            (vec![local, ("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")], true),
            (vec![local, ("cookie", &cookie), ("origin", "http://127.0.0.1:8080")], true),
            (vec![lan, ("cookie", &cookie)], true),
            (vec![lan], false),
            (vec![local, ("cookie", &cookie)], false),
            (vec![local, ("cookie", &cookie), ("sec-fetch-site", "same-site")], false),
            (vec![local, ("cookie", &cookie), ("sec-fetch-site", "cross-site")], false),
            (vec![local, ("cookie", &cookie), ("sec-fetch-site", "none")], false),
            (vec![local, ("cookie", &cookie), ("origin", "http://127.0.0.1:3000")], false),
            (vec![lan, ("cookie", &cookie), ("origin", "http://evil.example")], false),
            (vec![local, ("cookie", &other), ("sec-fetch-site", "same-origin")], false),
            (vec![local, ("sec-fetch-site", "same-origin")], false),
            (vec![local, ("cookie", "wayside_session_8080=x"), ("sec-fetch-site", "same-origin")], false),
        ] {
            assert_eq!(sessions.of(&headers(&pairs)).is_some(), want, "{pairs:?}");
        }
    }

    #[test]
    fn a_session_expires_unless_it_is_used() {
        let clock = testing::clock();
        let sessions = sessions(&clock);
        let cookie = cookie_of(&sessions.open(&HeaderMap::new()).unwrap().unwrap());
        let page = headers(&[("host", "localhost"), ("cookie", &cookie), ("sec-fetch-site", "same-origin")]);
        clock.advance(IDLE_MAX - Duration::from_secs(1));
        let session = sessions.of(&page).unwrap();
        assert!(sessions.open(&page).unwrap().is_none(), "a good session is kept");
        clock.advance(IDLE_MAX - Duration::from_secs(1));
        assert!(session.is_open());
        clock.advance(IDLE_MAX);
        assert!(!session.is_open());
        assert!(sessions.of(&page).is_none());
        assert!(sessions.open(&page).unwrap().is_some(), "an expired one is replaced");
    }

    #[test]
    fn sessions_are_bounded_and_differ() {
        let clock = testing::clock();
        let sessions = sessions(&clock);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..SESSIONS_MAX + 10 {
            clock.advance(Duration::from_millis(1));
            assert!(seen.insert(sessions.open(&HeaderMap::new()).unwrap().unwrap()));
        }
        assert_eq!(sessions.used_at.lock().unwrap().len(), SESSIONS_MAX);
    }

    #[test]
    fn without_randomness_there_is_no_session() {
        let none: RandomSource = Arc::new(|_| Err(io::Error::other("none left")));
        assert!(Sessions::new(1, testing::clock().shared(), none).open(&HeaderMap::new()).is_err());
    }
}
