//! Claims from beyond the ID token, read whenever tokens are issued: those of the userinfo endpoint, and the roles and
//! permissions of the access token.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;

use super::RelyingParty;
use super::proofs::ProofFor;
use crate::client::UserinfoPolicy;
use crate::error::Error;
use crate::io::HttpError;
use crate::jose::ProofKey;
use crate::session::Session;
use crate::token::{self, AccessTokenError, TokenType};
use crate::userinfo::{self, UserinfoError};

/// How long a refresh waits for the userinfo endpoint: its tokens are not stored yet, and requests wait for them.
const USERINFO_AT_REFRESH: Duration = Duration::from_secs(3);

impl RelyingParty {
    /// The userinfo claims of the person with this `sub`; `None` if they are not configured.
    pub(super) async fn userinfo(
        &self,
        access_token: &str,
        key: Option<&ProofKey>,
        subject: &str,
    ) -> Result<Option<Map<String, Value>>, Error> {
        if self.registration.userinfo == UserinfoPolicy::Never {
            return Ok(None);
        }
        let metadata = self.metadata().await?;
        let token_type = TokenType::of(key);
        let request = |_: &_| userinfo::request(&metadata, token_type, access_token);
        let answer = self.send_proven(key, ProofFor::Resource(access_token), request);
        let answer = answer.await?;
        let claims = self.verify_with_newer_keys(
            |rules| userinfo::response(rules, &answer, subject),
            UserinfoError::lacks_a_key,
        );
        claims.await.map(Some)
    }

    /// Updates the claims of a session from its new tokens. Claims that are unavailable stay as they were; only claims
    /// of another person are an error, because the tokens are then that person's.
    pub(super) async fn update_claims(
        &self,
        session: &mut Session,
        access_token: &str,
    ) -> Result<(), Error> {
        self.read_access_token(session, access_token).await;
        let asked = self.userinfo(access_token, session.dpop_key.as_ref(), &session.subject);
        let asked = timeout(USERINFO_AT_REFRESH, asked).await;
        match asked.unwrap_or(Err(HttpError::Timeout.into())) {
            Ok(Some(claims)) => session.set_userinfo(&claims),
            Ok(None) => {}
            Err(error @ Error::Userinfo(UserinfoError::Subject)) => return Err(error),
            Err(error) => tracing::warn!(
                event = "userinfo_failed",
                issuer = &*session.issuer,
                subject = &*session.subject,
                code = error.code(),
                cause = ?error,
                "the tokens were refreshed, but userinfo is unavailable; the session keeps its previous userinfo claims"
            ),
        }
        Ok(())
    }

    /// Takes roles and permissions from the access token, if the provider's preset says that they are there and the
    /// token can be verified.
    pub(super) async fn read_access_token(&self, session: &mut Session, access_token: &str) {
        let paths = self.claim_paths();
        let Some(shape) = paths.preset.access_tokens() else {
            return;
        };
        // The keys of the ID token that came with it: newer ones are not fetched for an access token.
        let now = self.now();
        let keys = match self.connection.keys(now).await {
            Ok(keys) => keys,
            Err(error) => return log_unused_access_token(session, &error, error.code()),
        };
        let rules = self.rules(&keys, now);
        match token::read_access_token(&rules, access_token, shape, &session.subject) {
            Ok(claims) => session.set_access_token_claims(&paths.only_these(&claims)),
            // It cannot be verified now: the previous roles stay until it can.
            Err(error) if error.lacks_a_key() => log_unused_access_token(session, &error, KEY),
            Err(error) => {
                session.set_access_token_claims(&Map::new());
                log_unused_access_token(session, &error, code(&error));
            }
        }
    }
}

const KEY: &str = "provider_keys";

fn code(error: &AccessTokenError) -> &'static str {
    match error {
        AccessTokenError::Jwt(_) => "access_token_unverified",
        AccessTokenError::Kind => "access_token_typ",
        AccessTokenError::Client => "access_token_azp",
        AccessTokenError::Subject => "access_token_sub",
        AccessTokenError::Audience => "access_token_aud",
    }
}

/// Logs why no roles were read from an access token. The tokens of some providers are opaque by design, so this is not a
/// warning; if somebody is refused for lack of any role, that is.
fn log_unused_access_token(session: &Session, error: &dyn std::error::Error, code: &'static str) {
    tracing::info!(
        event = "access_token_not_used",
        issuer = &*session.issuer,
        subject = &*session.subject,
        code,
        cause = ?error,
        "roles and permissions are not taken from the access token"
    );
}
