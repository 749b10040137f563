//! A clock that stands still until a test moves it. Wall time and monotonic time move together, except
//! where a test sets the wall clock on its own, as an NTP step would.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wayside_types::{Clock, SharedClock, Timestamp};

/// A simulated clock. All clones are one.
#[derive(Debug, Clone)]
pub struct SimClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    monotonic: Duration,
}

impl SimClock {
    /// A clock that shows this time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { state: Arc::new(Mutex::new(State { now, monotonic: Duration::ZERO })) }
    }

    /// A clock that shows this RFC 3339 time.
    ///
    /// # Panics
    /// When the text is no time: a test's mistake.
    #[must_use]
    pub fn at(text: &str) -> Self {
        match text.parse() {
            Ok(now) => Self::new(now),
            #[expect(clippy::panic, reason = "a test's mistake must fail the test")]
            Err(error) => panic!("{text:?} is no RFC 3339 time: {error}"),
        }
    }

    /// The same clock as everything takes it.
    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.now = state.now.checked_add(by).unwrap_or(Timestamp::MAX);
        state.monotonic += by;
    }

    /// Sets the wall clock, forward or back; monotonic time goes on as if nothing had happened.
    pub fn set(&self, now: Timestamp) {
        self.lock().now = now;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_when_told_and_never_else() {
        let clock = SimClock::at("2026-11-21T10:00:00Z");
        let shared = clock.shared();
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(shared.now().to_string(), "2026-11-21T10:00:01.5Z");
        clock.set("2026-11-21T09:00:00Z".parse().unwrap());
        assert_eq!(shared.now().to_string(), "2026-11-21T09:00:00Z");
        assert_eq!(shared.monotonic(), Duration::from_millis(1_500));
    }
}
