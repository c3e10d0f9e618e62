//! Exchanging the code, and the session that its tokens start.

use super::RelyingParty;
use super::proofs::ProofFor;
use crate::authorization::{Expected, VerifiedCode};
use crate::error::Error;
use crate::session::{Session, SessionStart, Tokens};
use crate::token::{self, TokenResponse, TokenType};

impl RelyingParty {
    /// Exchanges the code for tokens.
    pub(crate) async fn exchange(&self, code: VerifiedCode) -> Result<TokenResponse, Error> {
        let metadata = self.metadata().await?;
        let key = code.dpop_key.as_ref();
        let request = |fresh: &_| token::request(&self.registration, &metadata, fresh, &code);
        let answer = self.send_proven(key, ProofFor::AuthorizationServer, request);
        Ok(token::response(TokenType::of(key), &answer.await?)?)
    }

    /// The session that the tokens of a login start, with all claims of its person.
    pub(crate) async fn begin_session(
        &self,
        tokens: &TokenResponse,
        expected: &Expected,
        start: SessionStart,
    ) -> Result<Session, Error> {
        if let Some(plain) = &self.registration.plain_oauth2 {
            return self.begin_plain_session(plain, tokens, start).await;
        }
        let id_token = self
            .verify(|rules| {
                token::verify(
                    rules,
                    tokens.id_token.as_deref(),
                    &tokens.access_token,
                    expected,
                )
            })
            .await?;
        let key = expected.dpop_key.as_ref();
        let claims = self
            .userinfo(&tokens.access_token, key, &id_token.subject)
            .await?;
        let requested = self.registration.scopes.join(" ");
        let mut session = Session::begin(
            &self.registration,
            &id_token,
            Tokens::new(tokens, &id_token, &requested, self.now()),
            claims.as_ref(),
            start,
        );
        session.dpop_key = key.cloned();
        session.set_authorization_details(tokens);
        self.read_access_token(&mut session, &tokens.access_token)
            .await;
        self.warn_without_refresh_token(&session);
        Ok(session)
    }

    /// Logs that a refresh token was requested and not granted: without it, nobody would see why the access token
    /// cannot be refreshed.
    fn warn_without_refresh_token(&self, session: &Session) {
        let mut scopes = self.registration.scopes.iter();
        let asked = scopes.any(|scope| scope == "offline_access");
        if asked && session.tokens.refresh_token.is_none() {
            tracing::warn!(
                event = "no_refresh_token",
                issuer = &*session.issuer,
                subject = &*session.subject,
                cure = "allow the client the grant type refresh_token and the scope offline_access at the provider, and its API offline access if it has one; some providers want `prompt=consent` as well (setting `prompt`)",
                "`offline_access` was requested, but the provider granted no refresh token"
            );
        }
    }
}
