//! Sessions that do not open: logged, so that nobody is signed out silently, but rate-limited, so that no stranger can
//! fill the log.

use std::sync::{Mutex, PoisonError};

use crate::seal::WhySealed;

/// How long a warning is not repeated, in seconds.
const PAUSE: u64 = 60;

/// The warnings about sessions that did not open.
#[derive(Debug, Default)]
pub(crate) struct Unopened {
    unknown_key: Mutex<Warnings>,
    our_key: Mutex<Warnings>,
}

#[derive(Debug, Default)]
struct Warnings {
    quiet_until: u64,
    unreported: u64,
}

impl Warnings {
    /// How many there were since the last warning, if another one is due.
    fn due(&mut self, now: u64) -> Option<u64> {
        self.unreported = self.unreported.saturating_add(1);
        // A clock that goes backwards must not silence it for longer than the pause.
        let quiet = now < self.quiet_until && self.quiet_until <= now.saturating_add(PAUSE);
        if quiet {
            return None;
        }
        self.quiet_until = now.saturating_add(PAUSE);
        Some(std::mem::take(&mut self.unreported))
    }
}

impl Unopened {
    /// Logs that a request's session did not open: each at `debug`, and those that we may have sealed as a rate-limited
    /// warning with their number.
    pub(crate) fn report(&self, cookie: &str, why: WhySealed, now: u64) {
        tracing::debug!(
            event = "session_not_opened",
            cookie,
            ?why,
            "a session did not open"
        );
        let (warnings, cause) = match why {
            WhySealed::Junk => return,
            WhySealed::UnknownKey => (
                &self.unknown_key,
                "sessions are sealed with a key that is not in LATCHGATE_SESSION_KEYS, so their users are signed out: keep an old key after the new one until its sessions have expired",
            ),
            WhySealed::OurKey => (
                &self.our_key,
                "sessions are sealed with a current key but do not open: they were altered, were sent twice, or belong to another base URL, cookie name, client, store or release",
            ),
        };
        let mut warnings = warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = warnings.due(now) {
            tracing::warn!(event = "session_not_opened", cookie, ?why, count, "{cause}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_comes_at_once_and_then_once_a_minute_with_what_was_left_out() {
        let mut warnings = Warnings::default();
        assert_eq!(warnings.due(1_000), Some(1));
        for now in [1_000, 1_001, 1_059] {
            assert_eq!(warnings.due(now), None);
        }
        assert_eq!(warnings.due(1_060), Some(4));
        assert_eq!(warnings.due(1_061), None);
        assert_eq!(warnings.due(500), Some(2), "the clock was put back");
        assert_eq!(warnings.due(559), None);
    }
}
