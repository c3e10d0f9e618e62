//! How long a session lasts: an idle deadline that use moves, and an absolute one that nothing moves
//! ([OWASP ASVS 5.0 §7.3](https://owasp.org/www-project-application-security-verification-standard/)).

use std::fmt;
use std::time::Duration;

/// The lifetimes of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    pub(crate) idle: u64,
    pub(crate) absolute: u64,
}

impl Default for Lifetimes {
    /// One day without use, seven days in all.
    fn default() -> Self {
        Self {
            idle: 24 * 3600,
            absolute: 7 * 24 * 3600,
        }
    }
}

/// Why a session is over although its cookie is genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Not used for longer than the idle lifetime.
    Idle,
    /// Older than the absolute lifetime.
    Absolute,
    /// It begins in the future: this machine's clock went backwards.
    FromTheFuture,
    /// Its provider is no longer configured.
    UnknownProvider,
    /// The provider refused to renew it.
    Revoked,
    /// The person signed out.
    SignedOut,
    /// It was ended from behind: by the provider, or by
    /// [`Gate::end_sessions_of`](crate::Gate::end_sessions_of).
    EndedByProvider,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "it was not used for too long",
            Self::Absolute => "its absolute lifetime is over",
            Self::FromTheFuture => "it begins in the future; a clock went backwards",
            Self::UnknownProvider => "its provider is no longer configured",
            Self::Revoked => "the provider refused to renew it",
            Self::SignedOut => "the person signed out",
            Self::EndedByProvider => "it was ended from behind",
        })
    }
}

/// The clock of one session, inside its seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Times {
    pub(crate) begun_at: u64,
    pub(crate) used_at: u64,
    pub(crate) idle_deadline: u64,
    pub(crate) absolute_deadline: u64,
}

impl Times {
    /// How far clocks of several nodes may differ, in seconds.
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

    /// Whether the session is over.
    pub(crate) fn ended(&self, now: u64) -> Option<Ended> {
        if now >= self.absolute_deadline {
            Some(Ended::Absolute)
        } else if now >= self.idle_deadline {
            Some(Ended::Idle)
        } else if self.used_at > now.saturating_add(Self::SKEW) {
            Some(Ended::FromTheFuture)
        } else {
            None
        }
    }

    /// Whether enough of the idle lifetime has passed (a tenth) to be worth a new cookie.
    pub(crate) fn renewal_due(&self, now: u64) -> bool {
        let idle = self.idle_deadline.saturating_sub(self.used_at);
        now.saturating_sub(self.used_at) > idle / 10 && self.idle_deadline < self.absolute_deadline
    }

    /// Moves the idle deadline.
    pub(crate) fn renew(&mut self, now: u64, lifetimes: Lifetimes) {
        self.used_at = now;
        self.idle_deadline = now
            .saturating_add(lifetimes.idle)
            .min(self.absolute_deadline);
    }
}

impl Lifetimes {
    /// Lifetimes of at least one second each, in whole seconds.
    pub(crate) fn new(idle: Duration, absolute: Duration) -> Option<Self> {
        let (idle, absolute) = (idle.as_secs(), absolute.as_secs());
        (idle > 0 && absolute >= idle).then_some(Self { idle, absolute })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        idle: 100,
        absolute: 250,
    };

    #[test]
    fn idle_moves_with_use_and_absolute_does_not() {
        let mut times = Times::begin(1_000, LIFETIMES);
        assert_eq!(times.ended(1_099), None);
        assert_eq!(times.ended(1_100), Some(Ended::Idle));
        times.renew(1_090, LIFETIMES);
        assert_eq!(times.ended(1_189), None);
        times.renew(1_180, LIFETIMES);
        assert_eq!(
            (times.idle_deadline, times.ended(1_250)),
            (1_250, Some(Ended::Absolute))
        );
    }

    #[test]
    fn renewal_is_due_after_a_tenth_and_never_beyond_the_absolute_deadline() {
        let mut times = Times::begin(1_000, LIFETIMES);
        assert!(!times.renewal_due(1_010));
        assert!(times.renewal_due(1_011));
        times.renew(1_200, LIFETIMES);
        assert!(!times.renewal_due(1_240));
    }

    #[test]
    fn a_clock_that_went_backwards_ends_the_session() {
        let times = Times::begin(1_000, LIFETIMES);
        assert_eq!(times.ended(940), None);
        assert_eq!(times.ended(939), Some(Ended::FromTheFuture));
    }
}
