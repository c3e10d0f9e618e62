//! The refresh token grant ([RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749#section-6)) with rotation: every token works
//! once, and one that comes back revokes the whole grant ([RFC 9700
//! §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)).

use std::sync::Arc;

use super::{Grant, Ledger};
use crate::parameters::Parameters;
use crate::scope::Scope;
use crate::token_error::TokenError;
use crate::world::random_token;

/// What the provider remembers of a refresh token, spent ones included.
pub(crate) struct RefreshToken {
    pub(super) grant_id: String,
    /// The thumbprint of the key that it is bound to.
    pub(super) jkt: Option<String>,
    pub(super) spent: bool,
}

/// What a refresh asks for, and may have.
pub(crate) struct Refreshed {
    pub(crate) grant: Arc<Grant>,
    pub(crate) scope: Scope,
}

impl Ledger {
    pub(crate) fn issue_refresh_token(
        &mut self,
        grant: &Grant,
        prefix: &str,
        jkt: Option<&str>,
    ) -> String {
        let token = format!("{prefix}{}", random_token());
        self.refresh_tokens.insert(
            token.clone(),
            RefreshToken {
                grant_id: grant.id.clone(),
                jkt: jkt.map(str::to_owned),
                spent: false,
            },
        );
        token
    }

    /// Uses a refresh token.
    pub(crate) fn refresh(
        &mut self,
        parameters: &Parameters,
        client_id: &str,
        jkt: Option<&str>,
    ) -> Result<Refreshed, TokenError> {
        let token = parameters.get("refresh_token").ok_or_else(|| {
            TokenError::InvalidRequest("the parameter refresh_token is missing".to_owned())
        })?;
        let unknown = TokenError::InvalidGrant("the refresh token is unknown or revoked");
        let found = self
            .refresh_tokens
            .get_mut(token)
            .ok_or_else(|| unknown.clone())?;
        let Some(grant) = self.grants.get(&found.grant_id).cloned() else {
            return Err(unknown);
        };
        if grant.client_id != client_id {
            return Err(TokenError::InvalidGrant(
                "the refresh token was issued to another client",
            ));
        }
        if found.jkt.as_deref() != jkt {
            return Err(TokenError::InvalidGrant(
                "the refresh token is bound to another key",
            ));
        }
        if found.spent {
            self.revoke(&grant.id);
            return Err(TokenError::InvalidGrant(
                "the refresh token was used before; its whole family is revoked",
            ));
        }
        let scope = match parameters.get("scope") {
            Some(narrower) => Scope::parse(narrower),
            None => grant.scope.clone(),
        };
        if !scope.is_within(&grant.scope) {
            return Err(TokenError::InvalidScope);
        }
        grant.covers_resources(parameters)?;
        found.spent = true;
        Ok(Refreshed { grant, scope })
    }
}
