//! The names, units and help texts of all metrics: as in `metrics.md`, against which they are tested.

use ::metrics::{SharedString, Unit, with_recorder};

pub(super) const LOGINS_STARTED: &str = "latchgate_logins_started_total";
pub(super) const LOGINS: &str = "latchgate_logins_total";
pub(super) const SESSIONS_OPENED: &str = "latchgate_sessions_opened_total";
pub(super) const REFRESHES: &str = "latchgate_refreshes_total";
pub(super) const LOGOUTS: &str = "latchgate_logouts_total";
pub(super) const ACCESS_TOKENS: &str = "latchgate_access_tokens_total";
pub(super) const REJECTIONS: &str = "latchgate_rejections_total";
pub(super) const PROVIDER_CALLS: &str = "latchgate_provider_call_duration_seconds";
pub(super) const STORE_CALLS: &str = "latchgate_store_call_duration_seconds";
pub(super) const LEASE_WAITS: &str = "latchgate_lease_wait_duration_seconds";
pub(super) const COOKIES: &str = "latchgate_session_cookies_bytes";

const COUNTERS: [(&str, &str); 7] = [
    (LOGINS_STARTED, "Browsers sent to the provider"),
    (LOGINS, "Logins that ended, successfully or not"),
    (
        SESSIONS_OPENED,
        "Requests that asked for the session, by what was found",
    ),
    (REFRESHES, "Refreshes of tokens"),
    (LOGOUTS, "Logouts"),
    (ACCESS_TOKENS, "Access tokens presented by clients"),
    (
        REJECTIONS,
        "Refused requests, one for each `rejection` in the log",
    ),
];

const HISTOGRAMS: [(&str, Unit, &str); 4] = [
    (
        PROVIDER_CALLS,
        Unit::Seconds,
        "Calls to the OpenID Provider",
    ),
    (STORE_CALLS, Unit::Seconds, "Calls to session stores"),
    (
        LEASE_WAITS,
        Unit::Seconds,
        "Waits for the lease to refresh a session in a store",
    ),
    (
        COOKIES,
        Unit::Bytes,
        "Size of the session cookies that a response sets",
    ),
];

/// Tells the recorder what there is. Counters have no unit beyond their number.
pub(crate) fn describe() {
    with_recorder(|recorder| {
        for (name, help) in COUNTERS {
            recorder.describe_counter(
                name.into(),
                Some(Unit::Count),
                SharedString::const_str(help),
            );
        }
        for (name, unit, help) in HISTOGRAMS {
            recorder.describe_histogram(name.into(), Some(unit), SharedString::const_str(help));
        }
    });
}
