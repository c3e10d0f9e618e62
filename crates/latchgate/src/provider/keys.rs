//! The provider's signing keys: [OpenID Connect Core 1.0 §10.1.1](https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys),
//! [RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5).

use http::{Request, Response, header};

use super::metadata::Metadata;
use crate::jose::{KeySet, KeySetError};

/// Why a provider's keys could not be used.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The JWK Set endpoint answered with a status other than 200.
    #[error("the provider's `jwks_uri` answered {0} instead of 200")]
    Status(http::StatusCode),
    /// The answer is not a JWK Set.
    #[error("the provider's `jwks_uri` does not return a JWK Set")]
    Set(#[source] KeySetError),
    /// The set contains no key that this crate can verify with.
    #[error("the provider's JWK Set contains no usable signature key")]
    Empty,
}

debug_with_causes!(KeysError);

/// The request for the JWK Set.
pub(crate) fn request(metadata: &Metadata) -> Result<Request<Vec<u8>>, http::Error> {
    Request::get(metadata.jwks_uri().as_str())
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .body(Vec::new())
}

/// Reads the JWK Set, skipping members that are not signature keys this crate supports.
pub(crate) fn response(response: &Response<Vec<u8>>) -> Result<KeySet, KeysError> {
    if response.status() != http::StatusCode::OK {
        return Err(KeysError::Status(response.status()));
    }
    let keys = KeySet::parse(response.body()).map_err(KeysError::Set)?;
    if keys.is_empty() {
        return Err(KeysError::Empty);
    }
    if keys.skipped() > 0 {
        tracing::debug!(
            event = "keys_skipped",
            skipped = keys.skipped(),
            "ignoring members of the provider's JWK Set that are not supported signature keys"
        );
    }
    Ok(keys)
}

/// How often an unknown `kid` may cause the JWK Set to be fetched again: a token bucket of
/// [`RefetchBudget::BURST`] look-ups, refilled by one every [`RefetchBudget::REFILL_SECONDS`].
///
/// A fixed cool-down would break two rotations in a row; without a limit, anybody who invents key ids
/// could make us flood the provider with requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefetchBudget {
    left: u32,
    refilled_at: u64,
}

impl RefetchBudget {
    const BURST: u32 = 5;
    const REFILL_SECONDS: u64 = 30;

    pub(crate) fn full(now: u64) -> Self {
        Self {
            left: Self::BURST,
            refilled_at: now,
        }
    }

    /// Takes one look-up out of the bucket, if there is one.
    pub(crate) fn take(&mut self, now: u64) -> bool {
        let refills = now.saturating_sub(self.refilled_at) / Self::REFILL_SECONDS;
        if refills > 0 {
            let refills = u32::try_from(refills).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(refills).min(Self::BURST);
            self.refilled_at = now;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_allows_a_burst_and_then_one_look_up_every_thirty_seconds() {
        let mut budget = RefetchBudget::full(1_000);
        assert_eq!((0..100).filter(|_| budget.take(1_000)).count(), 5);
        assert!(!budget.take(1_029));
        assert!(budget.take(1_030));
        assert!(!budget.take(1_031));
        assert_eq!((0..100).filter(|_| budget.take(10_000)).count(), 5);
    }

    #[test]
    fn a_clock_that_goes_backwards_neither_panics_nor_refills() {
        let mut budget = RefetchBudget::full(1_000);
        while budget.take(1_000) {}
        assert!(!budget.take(0));
    }
}
