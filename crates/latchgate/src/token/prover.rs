//! Whoever has a session's key proves it, request by request ([RFC 9449 §4.2](https://www.rfc-editor.org/rfc/rfc9449#section-4.2)).

use std::sync::Arc;

use url::Url;

use super::dpop::{ProofTarget, proof};
use super::nonces::Nonces;
use crate::client::Freshness;
use crate::io::{Clock, Random, RandomError};
use crate::jose::ProofKey;

/// The key of a session, and what a proof needs besides: the time, chance, and the nonces that servers have sent.
#[derive(Clone)]
pub(crate) struct Prover {
    pub(crate) key: ProofKey,
    pub(crate) nonces: Arc<Nonces>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// Why there is no proof of possession for a request.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DpopError {
    /// The request's URL is not an absolute http or https URL.
    #[error(
        "the URL of the request is not absolute; a proof of possession needs it, such as `https://api.example.com/orders`"
    )]
    Url,
    /// The access token or the proof does not fit into a header.
    #[error("the access token does not fit into a header")]
    Header,
    /// The random generator failed.
    #[error("{0}")]
    Random(RandomError),
    /// The key cannot sign.
    #[error("the key of the session cannot sign")]
    Key,
}

debug_with_causes!(DpopError);

impl Prover {
    /// The proof for one request, as the value of its `DPoP` header.
    pub(crate) fn prove(
        &self,
        method: &str,
        url: &Url,
        access_token: Option<&str>,
        nonce: Option<&str>,
    ) -> Result<String, DpopError> {
        let fresh = Freshness::draw(self.clock.now(), self.random.as_ref());
        let target = ProofTarget {
            method,
            url,
            access_token,
            nonce,
        };
        let fresh = fresh.map_err(DpopError::Random)?;
        proof(&self.key, &fresh, target).map_err(|_| DpopError::Key)
    }
}

debug_fields!(Prover {});
