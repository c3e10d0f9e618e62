//! What is learnt of a person besides the ID token, whenever tokens are issued: the claims of the
//! userinfo endpoint, and the roles and permissions of the access token.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::timeout;

use super::RelyingParty;
use crate::client::UserinfoPolicy;
use crate::error::Error;
use crate::io::HttpError;
use crate::session::Session;
use crate::token::{self, AccessTokenError};
use crate::userinfo::{self, UserinfoError};

/// How long a refresh waits for the userinfo endpoint: the tokens that it has got already are kept
/// nowhere yet, and requests wait for them.
const USERINFO_AT_REFRESH: Duration = Duration::from_secs(3);

impl RelyingParty {
    /// What the userinfo endpoint says of the person with this `sub`; `None` if it is not to be asked.
    pub(super) async fn userinfo(
        &self,
        access_token: &str,
        subject: &str,
    ) -> Result<Option<Map<String, Value>>, Error> {
        if self.registration.userinfo == UserinfoPolicy::Never {
            return Ok(None);
        }
        let metadata = self.metadata().await?;
        let request = userinfo::request(&metadata, access_token)?;
        let answer = self.send(request).await?;
        let claims = self.verify_with_newer_keys(
            |rules| userinfo::response(rules, &answer, subject),
            UserinfoError::lacks_a_key,
        );
        claims.await.map(Some)
    }

    /// Brings the claims of a session up to date with the tokens that it has just got. What cannot be
    /// had now stays as it was; only claims of somebody else are an error, for these tokens are theirs.
    pub(super) async fn update_claims(&self, session: &mut Session) -> Result<(), Error> {
        let access_token = session.tokens.access_token.text();
        self.read_access_token(session, &access_token).await;
        let asked = self.userinfo(&access_token, &session.subject);
        let asked = timeout(USERINFO_AT_REFRESH, asked).await;
        match asked.unwrap_or(Err(HttpError::Timeout.into())) {
            Ok(Some(claims)) => session.set_userinfo(&claims),
            Ok(None) => {}
            Err(error @ Error::Userinfo(UserinfoError::Subject)) => return Err(error),
            Err(error) => tracing::warn!(
                event = "userinfo_failed",
                issuer = session.issuer,
                subject = session.subject,
                code = error.code(),
                cause = %error.chain(),
                "the tokens were refreshed, and userinfo could not be: its claims are those from before"
            ),
        }
        Ok(())
    }

    /// Takes roles and permissions from the access token, where the provider's preset says that they are
    /// there, and the token can be verified.
    pub(super) async fn read_access_token(&self, session: &mut Session, access_token: &str) {
        let paths = &self.claim_paths;
        let Some(shape) = paths.preset.access_tokens() else {
            return;
        };
        // The keys of the ID token that came with it: nobody asks for newer ones on its account.
        let now = self.now();
        let keys = match self.connection.keys(now).await {
            Ok(keys) => keys,
            Err(error) => return log_unused_access_token(session, &error, error.code()),
        };
        let rules = self.rules(&keys, now);
        match token::read_access_token(&rules, access_token, shape, &session.subject) {
            Ok(claims) => session.set_access_token_claims(&paths.only_these(&claims)),
            // Nobody can tell now: the roles from before hold until somebody can.
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

/// Tells the log why no roles come from an access token. Some providers' cannot be read by design, so
/// it is no warning yet; a denial for the lack of any role is.
fn log_unused_access_token(session: &Session, error: &dyn std::error::Error, code: &'static str) {
    let mut cause = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        cause.push_str(": ");
        cause.push_str(&error.to_string());
        source = error.source();
    }
    tracing::info!(
        event = "access_token_not_used",
        issuer = session.issuer,
        subject = session.subject,
        code,
        cause,
        "the access token is not read for roles and permissions"
    );
}
