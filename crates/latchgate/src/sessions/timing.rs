//! Every duration of a refresh, and how they depend on each other.

use std::time::Duration;

/// How long the steps of a refresh may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// How long a lease lasts. A node that dies during a refresh blocks the others for this long.
    pub(crate) lease: Duration,
    /// How often the holder of a lease extends it.
    pub(crate) heartbeat: Duration,
    /// The pauses between polls of a held lease: the first and the longest.
    pub(crate) lease_poll: (Duration, Duration),
    /// How long a refresh waits while other nodes refresh.
    pub(crate) wait_for_nodes: Duration,
    /// How long a request waits for fresh tokens.
    pub(crate) patience: Duration,
    /// How long it waits while the old ones are still valid and the session is in a store.
    pub(crate) short_patience: Duration,
    /// How long writing a refreshed session to a failing store is retried.
    pub(crate) write_limit: Duration,
    /// The pauses between these attempts: the first and the longest.
    pub(crate) write_pauses: (Duration, Duration),
    /// How long a provider that failed is not asked again for the same session, in seconds.
    pub(crate) pause: u64,
    /// How long the newest generation of a session is remembered for requests that were on their way with an older one,
    /// in seconds.
    pub(crate) remember: u64,
    /// How long the end of a session is retried when a store fails, in seconds.
    pub(crate) end_limit: u64,
    /// The pauses between these attempts: the first and the longest.
    pub(crate) end_pauses: (Duration, Duration),
}

/// The durations in use.
pub(crate) const TIMING: Timing = Timing {
    lease: Duration::from_secs(6),
    heartbeat: Duration::from_secs(2),
    lease_poll: (Duration::from_millis(20), Duration::from_secs(1)),
    wait_for_nodes: Duration::from_secs(20),
    patience: Duration::from_secs(12),
    short_patience: Duration::from_secs(3),
    write_limit: Duration::from_secs(60),
    write_pauses: (Duration::from_millis(100), Duration::from_secs(2)),
    pause: 5,
    remember: 600,
    end_limit: 60,
    end_pauses: (Duration::from_millis(250), Duration::from_secs(4)),
};

impl Timing {
    /// Whether the durations fit together.
    const fn holds(&self) -> bool {
        // Two heartbeats may be lost before a lease is.
        3 * self.heartbeat.as_millis() <= self.lease.as_millis()
            // A waiting node polls more often than a lease expires.
            && self.lease_poll.0.as_millis() < self.lease_poll.1.as_millis()
            && self.lease_poll.1.as_millis() < self.lease.as_millis()
            // A request waits longer than the lease of a node that died, and then for the provider.
            && self.lease.as_millis() < self.patience.as_millis()
            && self.short_patience.as_millis() < self.patience.as_millis()
            // The task outlives the requests that wait for it.
            && self.patience.as_millis() < self.wait_for_nodes.as_millis()
            // A session is remembered for longer than any request waits or any write is retried.
            && self.write_limit.as_millis() < 1_000 * self.remember as u128
            && self.wait_for_nodes.as_millis() < 1_000 * self.remember as u128
            && self.write_pauses.1.as_millis() < self.write_limit.as_millis()
            && self.end_pauses.1.as_millis() < 1_000 * self.end_limit as u128
    }
}

const _: () = assert!(
    TIMING.holds(),
    "the durations of a refresh contradict each other"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::DEADLINE;

    #[test]
    fn durations_that_contradict_each_other_are_found() {
        assert!(TIMING.holds());
        for broken in [
            Timing {
                heartbeat: Duration::from_secs(3),
                ..TIMING
            },
            Timing {
                lease_poll: (Duration::from_secs(1), Duration::from_secs(6)),
                ..TIMING
            },
            Timing {
                patience: TIMING.lease,
                ..TIMING
            },
            Timing {
                short_patience: TIMING.patience,
                ..TIMING
            },
            Timing {
                wait_for_nodes: TIMING.patience,
                ..TIMING
            },
            Timing {
                remember: 60,
                ..TIMING
            },
        ] {
            assert!(!broken.holds(), "{broken:?}");
        }
    }

    /// A hook that hangs must not make every request of its session fail.
    #[test]
    fn a_request_outwaits_a_hook() {
        assert!(DEADLINE < TIMING.patience);
    }
}
