//! Whether the client may present a token: by whatever it is bound to.

use url::Url;

use super::ResourceServer;
use super::request_token::Presentation;
use crate::resource::dpop::{ProofRules, verify_proof};
use crate::resource::{
    AccessTokenBinding, AuthScheme, BearerError, Credentials, DpopProofError, VerifiedAccessToken,
};

impl ResourceServer {
    /// Checks the proofs that a token requires. A bound token without its proof is refused however it is presented, and
    /// so is a proof for a token that is bound to no key (RFC 9449 §7.2: no downgrade).
    pub(super) fn check_binding(
        &self,
        token: &VerifiedAccessToken,
        credentials: &Credentials,
        presentation: &Presentation,
    ) -> Result<(), BearerError> {
        let bound = &token.confirmation;
        if bound.is_empty() && self.rules.binding == AccessTokenBinding::Required {
            return Err(BearerError::BindingRequired);
        }
        bound.check_certificate(presentation.certificate)?;
        match (&bound.jkt, credentials.scheme) {
            (None, AuthScheme::Bearer) => Ok(()),
            (None, AuthScheme::Dpop) => Err(BearerError::NotBound),
            (Some(_), AuthScheme::Bearer) => Err(BearerError::ProofMissing),
            (Some(jkt), AuthScheme::Dpop) => self.check_proof(jkt, credentials, presentation),
        }
    }

    fn check_proof(
        &self,
        jkt: &str,
        credentials: &Credentials,
        presentation: &Presentation,
    ) -> Result<(), BearerError> {
        let prefix = self.url_prefix.as_deref().ok_or(BearerError::NoBaseUrl)?;
        let url = Url::parse(&format!("{prefix}{}", presentation.path));
        let url = url.map_err(|_| BearerError::Proof(DpopProofError::Url))?;
        let proof = credentials.proof.as_deref();
        let proof = proof.ok_or(BearerError::Proof(DpopProofError::Missing))?;
        let now = self.now();
        let rules = ProofRules {
            method: &presentation.method,
            url: &url,
            access_token: &credentials.token,
            jkt,
            now,
            leeway: self.rules.leeway,
        };
        let proof = verify_proof(&rules, proof).map_err(BearerError::Proof)?;
        // Only after everything else: a forged proof must not use up a place, or the real one.
        let mut used = self.proofs.entry(proof.id, now);
        match used.get() {
            Some(()) => Err(BearerError::Proof(DpopProofError::Replayed)),
            None => {
                used.set((), proof.expires_at);
                Ok(())
            }
        }
    }
}
