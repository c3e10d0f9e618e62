//! Using a refresh token, and revoking one.

use std::sync::Arc;

use http::StatusCode;

use super::RelyingParty;
use super::proofs::ProofFor;
use crate::background::SpareTask;
use crate::error::Error;
use crate::session::Session;
use crate::telemetry::ProviderEndpoint;
use crate::token::{self, IdToken, TokenResponse, TokenType};

impl RelyingParty {
    /// Uses a session's refresh token. Returns the session with new tokens and their claims.
    ///
    /// # Errors
    ///
    /// Those that end the session ([`Error::ends_the_session`]), and those that leave it as it was.
    pub(crate) async fn refresh(&self, session: &Session) -> Result<Session, Error> {
        let metadata = self.metadata().await?;
        // Before the refresh token is used: its response must not be lost for lack of keys.
        if !self.is_plain_oauth2() {
            self.connection.keys(self.now()).await?;
        }
        let refresh_token = session.tokens.refresh_token.as_ref();
        let refresh_token = refresh_token.map(|token| token.text());
        let refresh_token = refresh_token.ok_or(Error::RefreshUnavailable)?;
        let key = session.dpop_key.as_ref();
        let request = |fresh: &_| {
            token::refresh_request(&self.registration, &metadata, fresh, &refresh_token)
        };
        let answer = self.send_proven(key, ProofFor::AuthorizationServer, request);
        let tokens = token::response(TokenType::of(key), &answer.await?)?;
        if let Some(plain) = &self.registration.plain_oauth2 {
            let mut fresh =
                session.refreshed(session.tokens.refreshed(&tokens, None, self.now()), None);
            fresh.set_authorization_details(&tokens);
            self.update_account(plain, &mut fresh).await?;
            return Ok(fresh);
        }
        let id_token = self.refreshed_id_token(session, &tokens).await?;
        let fresh = session
            .tokens
            .refreshed(&tokens, id_token.as_ref(), self.now());
        let mut fresh = session.refreshed(fresh, id_token.as_ref());
        fresh.set_authorization_details(&tokens);
        self.update_claims(&mut fresh, &tokens.access_token).await?;
        Ok(fresh)
    }

    /// The ID token of a refresh, if there is a valid one.
    async fn refreshed_id_token(
        &self,
        session: &Session,
        tokens: &TokenResponse,
    ) -> Result<Option<IdToken>, Error> {
        let Some(raw) = &tokens.id_token else {
            return Ok(None);
        };
        let known = session.id_token_claims();
        let verified = self.verify(|rules| {
            let subject = &session.subject;
            token::verify_refreshed(rules, raw, &tokens.access_token, subject, &known)
        });
        match verified.await {
            Ok(id_token) => Ok(Some(id_token)),
            Err(error) if error.ends_the_session() => Err(error),
            Err(error) => {
                // The response need not carry one, and the rotated refresh token must be kept.
                tracing::warn!(
                    event = "id_token_left_out",
                    issuer = &*session.issuer,
                    subject = &*session.subject,
                    code = error.code(),
                    cause = ?error,
                    "the tokens were refreshed, but the new ID token is not valid; the session keeps the previous one"
                );
                Ok(None)
            }
        }
    }

    /// Revokes a session's refresh token, which nobody will use any more.
    pub(crate) fn revoke_tokens_of(self: &Arc<Self>, session: &Session) {
        if let Some(refresh_token) = &session.tokens.refresh_token {
            self.revoke(refresh_token.text());
        }
    }

    /// Revokes a refresh token (RFC 7009) in the background, on a best-effort basis.
    pub(crate) fn revoke(self: &Arc<Self>, refresh_token: String) {
        let Some(place) = self.place_for_revocation() else {
            tracing::warn!(
                event = "token_not_revoked",
                tenant = self.registration.tenant(),
                "the refresh token was not revoked: the tenant's provider has too many revocations to answer"
            );
            return;
        };
        let this = Arc::clone(self);
        let revocation = async move {
            this.send_revocation(&refresh_token).await;
            drop(place);
        };
        self.background
            .spawn_if_room(SpareTask::Revocation, revocation);
    }

    async fn send_revocation(&self, refresh_token: &str) {
        let revocation = async {
            let metadata = self.metadata().await?;
            let request = token::revocation_request(
                &self.registration,
                &metadata,
                &self.fresh()?,
                refresh_token,
            );
            Ok::<_, Error>(match request {
                Some(request) => {
                    let answer = self.send(ProviderEndpoint::Revocation, request?).await?;
                    Some(answer.status())
                }
                None => None,
            })
        };
        match revocation.await {
            Ok(None | Some(StatusCode::OK)) => {}
            Ok(Some(status)) => {
                tracing::warn!(event = "token_not_revoked", %status, "the refresh token was not revoked")
            }
            Err(error) => {
                tracing::warn!(event = "token_not_revoked", code = error.code(), cause = ?error, "the refresh token was not revoked");
            }
        }
    }
}
