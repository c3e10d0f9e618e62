//! Access tokens for APIs other than the one that the login's token is for.

use std::sync::Arc;

use super::RelyingParty;
use super::proofs::ProofFor;
use super::token_cache::{CachedToken, GettingToken, Search};
use crate::authorization::draw_proof_key;
use crate::client::SenderConstraint;
use crate::error::Error;
use crate::jose::ProofKey;
use crate::session::{AccessToken, Session};
use crate::token::{self, TokenFor, TokenResponse, TokenType};

/// The owner of the application's own tokens: no session has an id of this length.
const APPLICATION: &[u8] = b"";

/// A token for another API, or the right to get it with the session's refresh token.
pub(crate) enum TokenOfApi {
    Known(AccessToken),
    Missing(GettingToken),
}

impl RelyingParty {
    /// The token of a session for another API, if there is one.
    ///
    /// # Errors
    ///
    /// [`HttpError::FailedForOthers`](crate::HttpError::FailedForOthers) for a few seconds after an attempt that failed.
    pub(crate) async fn token_for(
        &self,
        session: &Session,
        wanted: &TokenFor,
    ) -> Result<TokenOfApi, Error> {
        let found = self.tokens.find(wanted.key(&session.id), || self.now());
        Ok(match found.await? {
            Search::Token(token) => {
                TokenOfApi::Known(self.issued(&token, session.dpop_key.as_ref()))
            }
            Search::Missing(getting) => TokenOfApi::Missing(getting),
        })
    }

    /// Uses a session's refresh token to get a token for another API. Returns the session with its next refresh token,
    /// if it has a new one.
    ///
    /// # Errors
    ///
    /// Those that end the session ([`Error::ends_the_session`]), and those that leave it as it was.
    pub(crate) async fn refresh_for(
        &self,
        session: &Session,
        wanted: &TokenFor,
        getting: &GettingToken,
    ) -> Result<Option<Session>, Error> {
        let refresh_token = session.tokens.refresh_token.as_ref();
        let refresh_token = refresh_token.ok_or(Error::NoRefreshToken)?.text();
        let metadata = self.metadata().await?;
        let key = session.dpop_key.as_ref();
        let request = |fresh: &_| {
            token::refresh_for(&self.registration, &metadata, fresh, &refresh_token, wanted)
        };
        let answer = self.send_proven(key, ProofFor::AuthorizationServer, request);
        let tokens = token::response(TokenType::of(key), &answer.await?)?;
        self.keep(getting, wanted, &tokens);
        let rotated = session.tokens.rotated(&tokens);
        Ok(rotated.map(|tokens| session.refreshed(tokens, None)))
    }

    /// Exchanges a session's access token for one for another API.
    pub(crate) async fn exchange_for(
        &self,
        session: &Session,
        access_token: &str,
        wanted: &TokenFor,
        getting: &GettingToken,
    ) -> Result<AccessToken, Error> {
        let key = session.dpop_key.as_ref();
        let exchanged = async {
            let metadata = self.metadata().await?;
            let request = |fresh: &_| {
                token::exchange_for(&self.registration, &metadata, fresh, access_token, wanted)
            };
            let answer = self.send_proven(key, ProofFor::AuthorizationServer, request);
            Ok(token::response(TokenType::of(key), &answer.await?)?)
        };
        self.kept(getting, wanted, exchanged.await, key)
    }

    /// A token of the application itself.
    ///
    /// # Errors
    ///
    /// [`Error::Token`] when the provider refuses; [`Error::Http`] when it is unavailable.
    pub(crate) async fn client_credentials(
        self: &Arc<Self>,
        wanted: &TokenFor,
    ) -> Result<AccessToken, Error> {
        let key = self.own_key()?;
        let found = self.tokens.find(wanted.key(APPLICATION), || self.now());
        let getting = match found.await? {
            Search::Token(token) => return Ok(self.issued(&token, key)),
            Search::Missing(getting) => getting,
        };
        // Everybody's requests wait for it, so it does not end with the one that began it.
        let (this, wanted) = (Arc::clone(self), wanted.clone());
        let granted = async move { this.get_own_token(&wanted, &getting).await };
        let granted = self.background.run_apart(granted).await;
        granted.unwrap_or(Err(Error::Interrupted))
    }

    async fn get_own_token(
        &self,
        wanted: &TokenFor,
        getting: &GettingToken,
    ) -> Result<AccessToken, Error> {
        let key = self.own_key()?;
        let granted = async {
            let metadata = self.metadata().await?;
            let request =
                |fresh: &_| token::client_credentials(&self.registration, &metadata, fresh, wanted);
            let answer = self.send_proven(key, ProofFor::AuthorizationServer, request);
            Ok(token::response(TokenType::of(key), &answer.await?)?)
        };
        self.kept(getting, wanted, granted.await, key)
    }

    /// Records that an attempt to get a token has failed.
    pub(crate) fn token_failed(&self, getting: &GettingToken) {
        self.tokens.settle(getting, None, self.now());
    }

    /// Forgets a session's token that an API has rejected. `false` if another one is not worth requesting.
    pub(crate) fn reject_token(
        &self,
        session: &Session,
        wanted: &TokenFor,
        rejected: &AccessToken,
    ) -> bool {
        let key = wanted.key(&session.id);
        self.tokens.reject(key, rejected.secret(), self.now())
    }

    /// The same for a token of the application itself.
    pub(crate) fn reject_own_token(&self, wanted: &TokenFor, rejected: &AccessToken) -> bool {
        let key = wanted.key(APPLICATION);
        self.tokens.reject(key, rejected.secret(), self.now())
    }

    /// The key that the application's own tokens are bound to: one for each process.
    fn own_key(&self) -> Result<Option<&ProofKey>, Error> {
        if self.registration.binding != SenderConstraint::Dpop {
            return Ok(None);
        }
        if let Some(key) = self.own_key.get() {
            return Ok(Some(key));
        }
        let key = draw_proof_key(self.random.as_ref())?;
        Ok(Some(self.own_key.get_or_init(|| key)))
    }

    fn kept(
        &self,
        getting: &GettingToken,
        wanted: &TokenFor,
        response: Result<TokenResponse, Error>,
        key: Option<&ProofKey>,
    ) -> Result<AccessToken, Error> {
        match response {
            Ok(tokens) => Ok(self.issued(&self.keep(getting, wanted, &tokens), key)),
            Err(error) => {
                self.token_failed(getting);
                Err(error)
            }
        }
    }

    fn keep(
        &self,
        getting: &GettingToken,
        wanted: &TokenFor,
        tokens: &TokenResponse,
    ) -> CachedToken {
        let now = self.now();
        let token = CachedToken::new(tokens, &wanted.requested_scope(), now);
        self.tokens.settle(getting, Some(&token), now);
        token
    }

    fn issued(&self, token: &CachedToken, key: Option<&ProofKey>) -> AccessToken {
        let expires_in = token.expires_in(self.now());
        AccessToken::new(token.text.clone(), expires_in, token.scope.clone())
            .proven_by(key.map(|key| self.prover(key)))
            .presented_with(self.registration.certificate.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::RelyingPartyConfig;
    use super::*;
    use crate::authorization::LoginOptions;
    use crate::background::Background;
    use crate::client::Registration;
    use crate::io::scripted::{Answer, CountingRandom, ScriptedHttp, StoppedClock};

    /// A handler for strangers may call an API as the application, and any of them may hang up.
    #[tokio::test(start_paused = true)]
    async fn a_token_of_the_application_arrives_whoever_hangs_up() {
        let metadata = serde_json::json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://op.example/jwks",
        });
        let issued = r#"{"access_token":"one","token_type":"Bearer","expires_in":300}"#;
        let thinks = Duration::from_secs(5);
        let http = ScriptedHttp::new([
            Answer::Says(200, "", metadata.to_string()),
            Answer::After(thinks, issued.to_owned()),
        ]);
        let here = tokio::runtime::Handle::current();
        let party = Arc::new(RelyingParty::new(RelyingPartyConfig {
            registration: Registration::example(),
            login_options: LoginOptions::new(),
            http: Arc::new(http.clone()),
            leeway: 0,
            background: Arc::new(Background::new(Some(here))),
            clock: Arc::new(StoppedClock(1_000)),
            random: Arc::new(CountingRandom::default()),
        }));
        let stock = TokenFor::audience("stock");
        for _ in 0..3 {
            let hangs_up = tokio::time::timeout(thinks / 4, party.client_credentials(&stock));
            assert!(hangs_up.await.is_err());
        }
        let token = party.client_credentials(&stock).await.unwrap();
        assert_eq!((token.secret(), http.asked().len()), ("one", 2));
    }
}
