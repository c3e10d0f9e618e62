//! When an access token that an API has rejected is worth replacing: a client may do so after `invalid_token`
//! ([RFC 6750 §3.1](https://www.rfc-editor.org/rfc/rfc6750#section-3.1)), and need not.
//!
//! One that the provider has just issued is as good as any that it would issue now: the API does not take this client's
//! tokens, or not this person's. Without this rule each call to such an API would cost a request to the token endpoint, and
//! whoever has a session could make as many as they like.

/// How old a token has to be, in seconds.
const REPLACEABLE_AFTER: u64 = 30;

/// Whether another token may be any better than one that was issued at `issued_at`. After a clock went back, too.
pub(crate) fn is_replaceable(issued_at: u64, now: u64) -> bool {
    now.abs_diff(issued_at) >= REPLACEABLE_AFTER
}

#[cfg(test)]
mod tests {
    use super::is_replaceable;

    #[test]
    fn a_token_is_replaceable_after_half_a_minute() {
        for (now, expected) in [
            (1_000, false),
            (1_029, false),
            (1_030, true),
            (999, false),
            (970, true),
        ] {
            assert_eq!(is_replaceable(1_000, now), expected, "{now}");
        }
    }
}
