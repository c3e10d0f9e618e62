//! Whether the client may present a token: by whatever it is bound to.

use std::sync::atomic::Ordering;

use url::Url;

use super::ResourceServer;
use super::request_token::Presentation;
use crate::error::Error;
use crate::resource::dpop::{ProofRules, verify_proof};
use crate::resource::{
    AccessTokenBinding, AuthScheme, BearerError, Credentials, DpopProofError, NonceAge,
    VerifiedAccessToken,
};

impl ResourceServer {
    /// Checks the proofs that a token requires. A bound token without its proof is refused however it is presented, and
    /// so is a proof for a token that is bound to no key (RFC 9449 §7.2: no downgrade).
    pub(super) async fn check_binding(
        &self,
        token: &VerifiedAccessToken,
        credentials: &Credentials,
        presentation: &Presentation,
    ) -> Result<(), Error> {
        let bound = &token.confirmation;
        if bound.is_empty() && self.rules.binding == AccessTokenBinding::Required {
            return Err(BearerError::BindingRequired.into());
        }
        bound.check_certificate(presentation.certificate)?;
        match (&bound.jkt, credentials.scheme) {
            (None, AuthScheme::Bearer) => Ok(()),
            (None, AuthScheme::Dpop) => Err(BearerError::NotBound.into()),
            (Some(_), AuthScheme::Bearer) => Err(BearerError::ProofMissing.into()),
            (Some(jkt), AuthScheme::Dpop) => self.check_proof(jkt, credentials, presentation).await,
        }
    }

    async fn check_proof(
        &self,
        jkt: &str,
        credentials: &Credentials,
        presentation: &Presentation,
    ) -> Result<(), Error> {
        let refused = |error| Error::Bearer(BearerError::Proof(error));
        let prefix = self.url_prefix.as_deref().ok_or(BearerError::NoBaseUrl)?;
        let url = Url::parse(&format!("{prefix}{}", presentation.path));
        let url = url.map_err(|_| refused(DpopProofError::Url))?;
        let proof = credentials.proof.as_deref();
        let proof = proof.ok_or(refused(DpopProofError::Missing))?;
        let now = self.now();
        let rules = ProofRules {
            method: &presentation.method,
            url: &url,
            access_token: &credentials.token,
            jkt,
            now,
            leeway: self.rules.leeway,
            nonces: self.nonces.as_ref(),
        };
        let proof = verify_proof(&rules, proof);
        let lacks_nonce = match &proof {
            Ok(proof) => proof.nonce == Some(NonceAge::Older),
            Err(error) => error.is_about_the_nonce(),
        };
        if lacks_nonce {
            presentation.lacks_nonce.store(true, Ordering::Relaxed);
        }
        // Only after everything else: a forged proof must not use up a place, or the real one.
        let proof = proof.map_err(refused)?;
        let new = self.proofs.record(&self.rules.audience, &proof, now);
        match new.await? {
            true => Ok(()),
            false => Err(refused(DpopProofError::Replayed)),
        }
    }
}
