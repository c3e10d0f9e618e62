//! How long a session lasts: an idle deadline, which use extends, and an absolute one, which is fixed
//! ([OWASP ASVS 5.0 §7.3](https://owasp.org/www-project-application-security-verification-standard/)).

use std::fmt;
use std::time::Duration;

use super::ceiling::SessionCeiling;

/// The lifetimes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    pub(crate) idle: u64,
    pub(crate) absolute: u64,
    pub(crate) ceiling: SessionCeiling,
}

impl Default for Lifetimes {
    /// One day without use, seven days in all.
    fn default() -> Self {
        Self {
            idle: 24 * 3600,
            absolute: 7 * 24 * 3600,
            ceiling: SessionCeiling::default(),
        }
    }
}

/// Why a session has ended although its cookie is genuine.
///
/// Logs and the problem document of a `401` have it as [`SessionEnd::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEnd {
    /// It was not used for the idle lifetime.
    Idle,
    /// It reached its absolute lifetime.
    Absolute,
    /// It reached the provider's limit: `session_expiry`, or the ID token's `exp`.
    Ceiling,
    /// It was last used more than a minute in the future: the clock of this machine was set back, or differs from that
    /// of another node.
    ClockWentBack,
    /// The provider refused to refresh its tokens.
    Revoked,
    /// It no longer fits into cookies since a refresh.
    TooLarge,
    /// The person signed out.
    SignedOut,
    /// It was ended without its cookie: by the provider, or by
    /// [`Gate::end_sessions_of`](crate::Gate::end_sessions_of).
    EndedByProvider,
}

impl SessionEnd {
    /// A code that is the same in every release.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Absolute => "absolute",
            Self::Ceiling => "ceiling",
            Self::ClockWentBack => "clock_went_back",
            Self::Revoked => "revoked",
            Self::TooLarge => "too_large",
            Self::SignedOut => "signed_out",
            Self::EndedByProvider => "ended_by_provider",
        }
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "it was not used for too long",
            Self::Absolute => "it reached its absolute lifetime",
            Self::Ceiling => "it reached the provider's limit",
            Self::ClockWentBack => "it was last used in the future; a clock was set back",
            Self::Revoked => "the provider refused to refresh its tokens",
            Self::TooLarge => "it no longer fits into cookies since a refresh",
            Self::SignedOut => "the person signed out",
            Self::EndedByProvider => "the provider or the application ended it",
        })
    }
}

/// The times of a session, inside the seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Times {
    pub(crate) begun_at: u64,
    pub(crate) used_at: u64,
    pub(crate) idle_deadline: u64,
    pub(crate) absolute_deadline: u64,
}

impl Times {
    /// How far the clocks of nodes may differ, in seconds.
    const SKEW: u64 = 60;

    pub(crate) fn begin(now: u64, lifetimes: Lifetimes) -> Self {
        let absolute_deadline = now.saturating_add(lifetimes.absolute);
        Self {
            begun_at: now,
            used_at: now,
            idle_deadline: now.saturating_add(lifetimes.idle).min(absolute_deadline),
            absolute_deadline,
        }
    }

    /// Why the session has ended at `now`, if it has. `ceiling` is the provider's limit.
    pub(crate) fn ended(&self, ceiling: Option<u64>, now: u64) -> Option<SessionEnd> {
        if now >= self.absolute_deadline {
            Some(SessionEnd::Absolute)
        } else if ceiling.is_some_and(|ceiling| now >= ceiling) {
            Some(SessionEnd::Ceiling)
        } else if now >= self.idle_deadline {
            Some(SessionEnd::Idle)
        } else if self.used_at > now.saturating_add(Self::SKEW) {
            Some(SessionEnd::ClockWentBack)
        } else {
            None
        }
    }

    /// Whether enough of the idle lifetime, a tenth, has passed to make a new cookie worthwhile.
    pub(crate) fn idle_extension_due(&self, now: u64) -> bool {
        let idle = self.idle_deadline.saturating_sub(self.used_at);
        now.saturating_sub(self.used_at) > idle / 10 && self.idle_deadline < self.absolute_deadline
    }

    /// Extends the idle deadline.
    pub(crate) fn extend_idle(&mut self, now: u64, lifetimes: Lifetimes) {
        self.used_at = now;
        self.idle_deadline = now
            .saturating_add(lifetimes.idle)
            .min(self.absolute_deadline);
    }
}

impl Lifetimes {
    /// In whole seconds. `None` if one is less than a second, or the idle lifetime longer than the absolute one.
    pub(crate) fn new(idle: Duration, absolute: Duration, ceiling: SessionCeiling) -> Option<Self> {
        let (idle, absolute) = (idle.as_secs(), absolute.as_secs());
        (idle > 0 && absolute >= idle).then_some(Self {
            idle,
            absolute,
            ceiling,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        idle: 100,
        absolute: 250,
        ceiling: SessionCeiling::SessionExpiry,
    };

    #[test]
    fn idle_moves_with_use_and_absolute_does_not() {
        let mut times = Times::begin(1_000, LIFETIMES);
        assert_eq!(times.ended(None, 1_099), None);
        assert_eq!(times.ended(None, 1_100), Some(SessionEnd::Idle));
        times.extend_idle(1_090, LIFETIMES);
        assert_eq!(times.ended(None, 1_189), None);
        times.extend_idle(1_180, LIFETIMES);
        assert_eq!(
            (times.idle_deadline, times.ended(None, 1_250)),
            (1_250, Some(SessionEnd::Absolute))
        );
    }

    /// Applications tell their visitors by these.
    #[test]
    fn codes_stay_what_they_are() {
        for (ended, code) in [
            (SessionEnd::Idle, "idle"),
            (SessionEnd::Absolute, "absolute"),
            (SessionEnd::Ceiling, "ceiling"),
            (SessionEnd::ClockWentBack, "clock_went_back"),
            (SessionEnd::Revoked, "revoked"),
            (SessionEnd::SignedOut, "signed_out"),
            (SessionEnd::EndedByProvider, "ended_by_provider"),
        ] {
            assert_eq!(ended.code(), code);
            assert!(ended.to_string().len() > code.len());
        }
    }

    #[test]
    fn a_ceiling_ends_what_the_deadlines_would_let_go_on() {
        let times = Times::begin(1_000, LIFETIMES);
        assert_eq!(times.ended(Some(1_050), 1_049), None);
        assert_eq!(times.ended(Some(1_050), 1_050), Some(SessionEnd::Ceiling));
        assert_eq!(times.ended(Some(1_110), 1_100), Some(SessionEnd::Idle));
        assert_eq!(times.ended(Some(9_999), 1_250), Some(SessionEnd::Absolute));
        assert_eq!(times.ended(Some(0), 0), Some(SessionEnd::Ceiling));
    }

    #[test]
    fn renewal_is_due_after_a_tenth_and_never_beyond_the_absolute_deadline() {
        let mut times = Times::begin(1_000, LIFETIMES);
        assert!(!times.idle_extension_due(1_010));
        assert!(times.idle_extension_due(1_011));
        times.extend_idle(1_200, LIFETIMES);
        assert!(!times.idle_extension_due(1_240));
    }

    #[test]
    fn a_clock_that_went_backwards_ends_the_session() {
        let times = Times::begin(1_000, LIFETIMES);
        assert_eq!(times.ended(None, 940), None);
        assert_eq!(times.ended(None, 939), Some(SessionEnd::ClockWentBack));
    }
}
