use ::metrics::{Counter, Histogram, Key, Label, Level, Metadata, with_recorder};
use http::HeaderValue;

pub(crate) use super::table::describe;
use super::table::{
    ACCESS_TOKENS, COOKIES, LEASE_WAITS, LOGINS, LOGINS_STARTED, LOGOUTS, PROVIDER_CALLS,
    REFRESHES, REJECTIONS, SESSIONS_OPENED, STORE_CALLS,
};
use super::{Stopwatch, StoreOperation};

/// A browser was sent to the provider.
pub(crate) fn login_started(provider: &str) {
    count(LOGINS_STARTED, vec![of("provider", provider)]);
}

/// A login has ended: somebody has signed in, or why not.
pub(crate) fn login_ended(provider: &str, outcome: &'static str, code: Option<&'static str>) {
    let code = Label::from_static_parts("code", code.unwrap_or(NO_CODE));
    let outcome = Label::from_static_parts("outcome", outcome);
    count(LOGINS, vec![of("provider", provider), outcome, code]);
}

/// A request's session was looked for, because somebody asked who is there.
pub(crate) fn session_opened(outcome: &'static str) {
    counter(
        &match OPENED.iter().find(|known| known[0].value() == outcome) {
            Some(labels) => Key::from_static_parts(SESSIONS_OPENED, labels),
            None => Key::from_parts(
                SESSIONS_OPENED,
                vec![Label::from_static_parts("outcome", outcome)],
            ),
        },
    )
    .increment(1);
}

/// A refresh has ended.
pub(crate) fn refresh_ended(outcome: &'static str) {
    count(
        REFRESHES,
        vec![Label::from_static_parts("outcome", outcome)],
    );
}

/// Sessions were ended by one of the ways to do so.
pub(crate) fn logged_out(kind: &'static str) {
    count(LOGOUTS, vec![Label::from_static_parts("kind", kind)]);
}

/// An access token that a client presented was accepted, or was not.
pub(crate) fn access_token_judged(refused: Option<&'static str>) {
    match refused {
        None => counter(&Key::from_static_parts(ACCESS_TOKENS, &ACCEPTED)).increment(1),
        Some(code) => {
            let outcome = Label::from_static_parts("outcome", "refused");
            let code = Label::from_static_parts("code", code);
            count(ACCESS_TOKENS, vec![outcome, code]);
        }
    }
}

/// A request was refused, and its cause logged.
pub(crate) fn rejected(code: &'static str, fault: &'static str) {
    let code = Label::from_static_parts("code", code);
    let fault = Label::from_static_parts("fault", fault);
    count(REJECTIONS, vec![code, fault]);
}

pub(super) fn provider_called(
    provider: &str,
    endpoint: &'static str,
    status: &'static str,
    since: Stopwatch,
) {
    let labels = vec![
        of("provider", provider),
        Label::from_static_parts("endpoint", endpoint),
        Label::from_static_parts("status", status),
    ];
    histogram(&Key::from_parts(PROVIDER_CALLS, labels)).record(since.seconds());
}

pub(super) fn store_called(operation: StoreOperation, succeeded: bool, since: Stopwatch) {
    let labels = &STORE[operation as usize][usize::from(succeeded)];
    histogram(&Key::from_static_parts(STORE_CALLS, labels)).record(since.seconds());
}

/// A node has waited for the right to refresh a session, and for other nodes that had it.
pub(crate) fn lease_awaited(since: Stopwatch) {
    histogram(&Key::from_static_name(LEASE_WAITS)).record(since.seconds());
}

/// A response carries these cookies of a session.
pub(crate) fn cookies_written(cookies: &[HeaderValue]) {
    let bytes: usize = cookies.iter().map(HeaderValue::len).sum();
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    histogram(&Key::from_static_name(COOKIES)).record(bytes);
}

/// The `code` of what went well.
const NO_CODE: &str = "none";

// What every request may count has its labels in statics: without a recorder, and with most, nothing is allocated.

static ACCEPTED: [Label; 2] = [
    Label::from_static_parts("outcome", "accepted"),
    Label::from_static_parts("code", NO_CODE),
];

static OPENED: [[Label; 1]; 12] = [
    opened("active"),
    opened("not_found"),
    opened("unreadable"),
    opened("failed"),
    opened("idle"),
    opened("absolute"),
    opened("ceiling"),
    opened("clock_went_back"),
    opened("revoked"),
    opened("too_large"),
    opened("signed_out"),
    opened("ended_by_provider"),
];

const fn opened(outcome: &'static str) -> [Label; 1] {
    [Label::from_static_parts("outcome", outcome)]
}

/// The labels of calls to stores: in the order of the operations, of those that failed and of those that did not.
static STORE: [[[Label; 2]; 2]; 8] = [
    of_store("load"),
    of_store("insert"),
    of_store("replace"),
    of_store("remove"),
    of_store("lease"),
    of_store("extend_lease"),
    of_store("release_lease"),
    of_store("find"),
];

const fn of_store(operation: &'static str) -> [[Label; 2]; 2] {
    [
        [
            Label::from_static_parts("operation", operation),
            Label::from_static_parts("outcome", "failed"),
        ],
        [
            Label::from_static_parts("operation", operation),
            Label::from_static_parts("outcome", "ok"),
        ],
    ]
}

fn of(name: &'static str, value: &str) -> Label {
    Label::new(name, value.to_owned())
}

fn count(name: &'static str, labels: Vec<Label>) {
    counter(&Key::from_parts(name, labels)).increment(1);
}

fn counter(key: &Key) -> Counter {
    with_recorder(|recorder| recorder.register_counter(key, &METADATA))
}

fn histogram(key: &Key) -> Histogram {
    with_recorder(|recorder| recorder.register_histogram(key, &METADATA))
}

static METADATA: Metadata<'static> =
    Metadata::new(env!("CARGO_CRATE_NAME"), Level::INFO, Some(module_path!()));

#[cfg(test)]
mod tests {
    use super::*;
    use StoreOperation as Op;

    #[test]
    fn the_labels_of_stores_are_in_the_order_of_operations() {
        let operations = [
            Op::Load,
            Op::Insert,
            Op::Replace,
            Op::Remove,
            Op::Lease,
            Op::ExtendLease,
            Op::ReleaseLease,
            Op::Find,
        ];
        assert_eq!(operations.len(), STORE.len());
        for operation in operations {
            for (succeeded, outcome) in [(false, "failed"), (true, "ok")] {
                let labels = &STORE[operation as usize][usize::from(succeeded)];
                assert_eq!(labels[0].value(), operation.as_str());
                assert_eq!(labels[1].value(), outcome);
            }
        }
    }
}
