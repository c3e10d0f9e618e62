//! The ledger of what was granted. Codes and tokens point to their grant; a grant that is gone takes all of them with it,
//! which is how reuse of a code or of a refresh token is answered ([RFC 9700
//! §4.14.2](https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2)).

mod authorization_code;
mod refresh_token;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use self::authorization_code::AuthorizationCode;
use self::refresh_token::RefreshToken;
use crate::confirmation::Confirmation;
use crate::parameters::Parameters;
use crate::person::Person;
use crate::scope::Scope;
use crate::token_error::TokenError;

/// What a person granted a client in one authorization.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) client_id: String,
    pub(crate) person: Arc<Person>,
    pub(crate) scope: Scope,
    /// The `audience` and `resource` values asked for.
    pub(crate) audience: Vec<String>,
    pub(crate) sid: String,
    pub(crate) auth_time: u64,
    pub(crate) acr: String,
    /// The thumbprint of the key that the code is bound to.
    pub(crate) dpop_jkt: Option<String>,
    /// What was granted beyond the scope: all that was asked for.
    pub(crate) authorization_details: Option<Value>,
}

impl Grant {
    /// Whether every `resource` of a token request was asked for at authorization ([RFC 8707
    /// §2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2)).
    fn covers_resources(&self, parameters: &Parameters) -> Result<(), TokenError> {
        let mut resources = parameters.all("resource");
        if resources.all(|resource| self.audience.iter().any(|granted| granted == resource)) {
            Ok(())
        } else {
            Err(TokenError::InvalidTarget)
        }
    }
}

/// What the provider remembers of an access token.
#[derive(Clone)]
pub(crate) struct AccessToken {
    pub(crate) grant_id: String,
    pub(crate) scope: Scope,
    pub(crate) audience: Value,
    pub(crate) jti: String,
    pub(crate) confirmation: Confirmation,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
}

/// All grants, and the codes and tokens issued for them.
#[derive(Default)]
pub(crate) struct Ledger {
    grants: HashMap<String, Arc<Grant>>,
    codes: HashMap<String, AuthorizationCode>,
    refresh_tokens: HashMap<String, RefreshToken>,
    access_tokens: HashMap<String, AccessToken>,
    /// The size at which the next clearing out is due.
    clear_out_at: usize,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("grants", &self.grants.len())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Revokes whatever was issued for a grant.
    fn revoke(&mut self, grant_id: &str) {
        self.grants.remove(grant_id);
    }

    /// Enters a grant whose tokens are issued without a code.
    pub(crate) fn enter_grant(&mut self, grant: &Arc<Grant>) {
        self.grants.insert(grant.id.clone(), Arc::clone(grant));
    }

    /// Enters an access token that was issued.
    pub(crate) fn enter_access_token(&mut self, token: String, access: AccessToken) {
        self.clear_out(access.issued_at);
        self.access_tokens.insert(token, access);
    }

    /// The token a client may use at other endpoints, if it is one of ours, in time and not revoked.
    pub(crate) fn access_token(&self, token: &str, now: u64) -> Option<(&AccessToken, &Grant)> {
        let access = self.access_tokens.get(token)?;
        let grant = self.grants.get(&access.grant_id)?;
        (now < access.expires_at).then_some((access, grant))
    }

    /// The grant behind a refresh token that would still work.
    pub(crate) fn refresh_token(&self, token: &str) -> Option<&Grant> {
        let refresh = self.refresh_tokens.get(token)?;
        let grant = self.grants.get(&refresh.grant_id)?;
        (!refresh.spent).then_some(grant)
    }

    /// Revokes a token for the client it was issued to ([RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009#section-2.1)).
    /// A refresh token takes its whole grant with it.
    pub(crate) fn revoke_token(&mut self, token: &str, client_id: &str) -> Result<(), TokenError> {
        let (grant_id, is_refresh_token) = match (
            self.refresh_tokens.get(token),
            self.access_tokens.get(token),
        ) {
            (Some(refresh), _) => (refresh.grant_id.clone(), true),
            (None, Some(access)) => (access.grant_id.clone(), false),
            (None, None) => return Ok(()),
        };
        match self.grants.get(&grant_id) {
            Some(grant) if grant.client_id != client_id => Err(TokenError::InvalidGrant(
                "the token was issued to another client",
            )),
            _ if is_refresh_token => {
                self.revoke(&grant_id);
                Ok(())
            }
            _ => {
                self.access_tokens.remove(token);
                Ok(())
            }
        }
    }

    /// Forgets every refresh token.
    pub(crate) fn forget_refresh_tokens(&mut self) {
        self.refresh_tokens.clear();
    }

    /// Forgets every access token.
    pub(crate) fn forget_access_tokens(&mut self) {
        self.access_tokens.clear();
    }

    /// Drops what has expired or was revoked, whenever the ledger has doubled since the last time.
    fn clear_out(&mut self, now: u64) {
        if self.access_tokens.len() + self.codes.len() < self.clear_out_at.max(1024) {
            return;
        }
        let grants = &self.grants;
        self.codes
            .retain(|_, code| now < code.expires_at && grants.contains_key(&code.grant_id));
        self.access_tokens
            .retain(|_, access| now < access.expires_at && grants.contains_key(&access.grant_id));
        self.refresh_tokens
            .retain(|_, refresh| grants.contains_key(&refresh.grant_id));
        self.clear_out_at = 2 * (self.access_tokens.len() + self.codes.len());
    }
}
