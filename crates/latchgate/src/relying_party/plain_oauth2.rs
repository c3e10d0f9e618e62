//! Logins at a provider without OpenID Connect: the account of the access token says who somebody is.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;

use super::RelyingParty;
use crate::error::Error;
use crate::io::HttpError;
use crate::provider::CheckedOAuth2;
use crate::session::{Session, SessionStart, Tokens};
use crate::telemetry::ProviderEndpoint;
use crate::token::TokenResponse;
use crate::userinfo::{self, UserinfoError};

/// How long a refresh waits for the account: its tokens are not stored yet, and requests wait for them.
const ACCOUNT_AT_REFRESH: Duration = Duration::from_secs(3);

impl RelyingParty {
    /// Whether the provider supports OAuth 2.0 without OpenID Connect.
    pub(crate) fn is_plain_oauth2(&self) -> bool {
        self.registration.plain_oauth2.is_some()
    }

    /// The session that the tokens of a login start.
    pub(super) async fn begin_plain_session(
        &self,
        plain: &CheckedOAuth2,
        tokens: &TokenResponse,
        start: SessionStart,
    ) -> Result<Session, Error> {
        let claims = self.account(plain, &tokens.access_token).await?;
        let requested = self.registration.scopes.join(" ");
        let own = Tokens::plain(tokens, &requested, self.now());
        let mut session = Session::begin_plain(&self.registration, own, &claims, start);
        session.set_authorization_details(tokens);
        Ok(session)
    }

    /// Updates the claims of a session from its new tokens. Claims that are unavailable stay as they were; only those of
    /// another account are an error.
    pub(super) async fn update_account(
        &self,
        plain: &CheckedOAuth2,
        session: &mut Session,
    ) -> Result<(), Error> {
        let access_token = session.tokens.access_token.text();
        let asked = timeout(ACCOUNT_AT_REFRESH, self.account(plain, &access_token)).await;
        match asked.unwrap_or(Err(HttpError::Timeout.into())) {
            Ok(claims) if claims.get("sub").and_then(Value::as_str) == Some(&session.subject) => {
                session.set_userinfo(&claims);
            }
            Ok(_) => return Err(UserinfoError::Subject.into()),
            Err(error) => tracing::warn!(
                event = "userinfo_failed",
                issuer = &*session.issuer,
                subject = &*session.subject,
                code = error.code(),
                cause = ?error,
                "the tokens were refreshed, but the account is unavailable; the session keeps its previous claims"
            ),
        }
        Ok(())
    }

    /// The claims of the account that an access token is for.
    async fn account(
        &self,
        plain: &CheckedOAuth2,
        access_token: &str,
    ) -> Result<Map<String, Value>, Error> {
        let request = userinfo::account_request(plain, access_token)?;
        let answer = self.send(ProviderEndpoint::Userinfo, request).await?;
        let mut claims = userinfo::account_response(plain, &answer)?;
        if let Some(request) = userinfo::emails_request(plain, access_token) {
            let answer = self.send(ProviderEndpoint::Userinfo, request?).await?;
            match userinfo::emails_response(&answer) {
                Ok(Some((email, verified))) => {
                    claims.insert("email".to_owned(), email.into());
                    claims.insert("email_verified".to_owned(), verified.into());
                }
                Ok(None) => {}
                // Without the scope for it, there is a login without an address.
                Err(error) => tracing::info!(
                    event = "emails_not_told",
                    issuer = self.issuer(),
                    cause = ?error,
                    "the provider does not tell the account's e-mail addresses; is their scope requested?"
                ),
            }
        }
        Ok(claims)
    }
}
