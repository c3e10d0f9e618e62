//! The authorization code grant ([RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3)) with PKCE ([RFC 7636
//! §4.6](https://www.rfc-editor.org/rfc/rfc7636#section-4.6)).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64_simd::URL_SAFE_NO_PAD;

use super::{Grant, Ledger};
use crate::parameters::Parameters;
use crate::token_error::TokenError;
use crate::world::random_token;

/// How long a code lives, in seconds.
const LIFETIME: u64 = 60;

/// What the provider remembers of a code, also after it is redeemed, to detect a second use.
#[derive(Clone)]
pub(crate) struct AuthorizationCode {
    pub(crate) grant_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) expires_at: u64,
    pub(crate) spent: bool,
}

/// What a redeemed code stands for.
pub(crate) struct Redeemed {
    pub(crate) grant: Arc<Grant>,
    pub(crate) nonce: Option<String>,
}

impl Ledger {
    /// Records a grant and issues the code for it.
    pub(crate) fn issue_code(
        &mut self,
        grant: Grant,
        redirect_uri: String,
        code_challenge: String,
        nonce: Option<String>,
        now: u64,
    ) -> String {
        self.clear_out(now);
        let code = random_token();
        self.codes.insert(
            code.clone(),
            AuthorizationCode {
                grant_id: grant.id.clone(),
                redirect_uri,
                code_challenge,
                nonce,
                expires_at: now + LIFETIME,
                spent: false,
            },
        );
        self.grants.insert(grant.id.clone(), Arc::new(grant));
        code
    }

    /// Redeems a code once. The second time revokes what the first time issued.
    pub(crate) fn redeem(
        &mut self,
        parameters: &Parameters,
        client_id: &str,
        jkt: Option<&str>,
        now: u64,
    ) -> Result<Redeemed, TokenError> {
        let missing =
            |name| move || TokenError::InvalidRequest(format!("the parameter {name} is missing"));
        let code = parameters.get("code").ok_or_else(missing("code"))?;
        let verifier = parameters
            .get("code_verifier")
            .ok_or_else(missing("code_verifier"))?;
        let redirect_uri = parameters
            .get("redirect_uri")
            .ok_or_else(missing("redirect_uri"))?;

        let unknown = TokenError::InvalidGrant("the code is unknown, expired or revoked");
        let found = self.codes.get_mut(code).ok_or_else(|| unknown.clone())?;
        let Some(grant) = self.grants.get(&found.grant_id).cloned() else {
            return Err(unknown);
        };
        if grant.client_id != client_id {
            return Err(TokenError::InvalidGrant(
                "the code was issued to another client",
            ));
        }
        if found.spent {
            self.revoke(&grant.id);
            return Err(TokenError::InvalidGrant(
                "the code was used before; what was issued for it is revoked",
            ));
        }
        if now >= found.expires_at {
            return Err(unknown);
        }
        if found.redirect_uri != redirect_uri {
            return Err(TokenError::InvalidGrant(
                "redirect_uri is not the one of the authorization request",
            ));
        }
        let challenge = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, verifier.as_bytes()));
        if !is_code_verifier(verifier) || challenge != found.code_challenge {
            return Err(TokenError::InvalidGrant(
                "code_verifier does not match code_challenge",
            ));
        }
        if grant.dpop_jkt.is_some() && grant.dpop_jkt.as_deref() != jkt {
            return Err(TokenError::InvalidGrant("the code is bound to another key"));
        }
        grant.covers_resources(parameters)?;
        found.spent = true;
        let nonce = found.nonce.clone();
        Ok(Redeemed { grant, nonce })
    }
}

/// [RFC 7636 §4.1](https://www.rfc-editor.org/rfc/rfc7636#section-4.1): 43 to 128 unreserved characters.
fn is_code_verifier(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
