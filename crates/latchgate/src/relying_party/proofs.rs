//! Requests to the provider that carry a proof of possession, sent again once if the provider wants a nonce
//! ([RFC 9449 §8](https://www.rfc-editor.org/rfc/rfc9449#section-8)).

use std::sync::Arc;

use http::{HeaderValue, Request, Response};
use url::Url;

use super::RelyingParty;
use crate::client::Freshness;
use crate::error::Error;
use crate::jose::ProofKey;
use crate::telemetry::ProviderEndpoint;
use crate::token::{
    DPOP, DpopError, NonceServer, Prover, TokenError, nonce_of, resource_wants_nonce,
    server_wants_nonce,
};

/// Whom a proof is for.
#[derive(Clone, Copy)]
pub(super) enum ProofFor<'a> {
    /// The token endpoint.
    AuthorizationServer,
    /// An endpoint that is protected by this access token.
    Resource(&'a str),
}

impl ProofFor<'_> {
    fn endpoint(self) -> ProviderEndpoint {
        match self {
            Self::AuthorizationServer => ProviderEndpoint::Token,
            Self::Resource(_) => ProviderEndpoint::Userinfo,
        }
    }

    fn server(self, url: &Url) -> NonceServer {
        match self {
            Self::AuthorizationServer => NonceServer::authorization(url),
            Self::Resource(_) => NonceServer::resource(url),
        }
    }

    fn wants_nonce(self, answer: &Response<Vec<u8>>) -> bool {
        match self {
            Self::AuthorizationServer => server_wants_nonce(answer),
            Self::Resource(_) => resource_wants_nonce(answer.status(), answer.headers()),
        }
    }
}

impl RelyingParty {
    /// What proves that a request comes from the session with this key.
    pub(crate) fn prover(&self, key: &ProofKey) -> Prover {
        Prover {
            key: key.clone(),
            nonces: Arc::clone(&self.nonces),
            clock: Arc::clone(&self.clock),
            random: Arc::clone(&self.random),
        }
    }

    /// Sends a request, with a proof of the key if there is one. `request` is built anew if it has to be sent again.
    pub(super) async fn send_proven<E: Into<Error>>(
        &self,
        key: Option<&ProofKey>,
        whom: ProofFor<'_>,
        request: impl Fn(&Freshness) -> Result<Request<Vec<u8>>, E>,
    ) -> Result<Response<Vec<u8>>, Error> {
        let build = || request(&self.fresh()?).map_err(Into::into);
        let first = build()?;
        let Some(key) = key else {
            return Ok(self.send(whom.endpoint(), first).await?);
        };
        let prover = self.prover(key);
        let url = Url::parse(&first.uri().to_string()).map_err(|_| TokenError::Unbuildable)?;
        let server = whom.server(&url);
        let mut nonce = self.nonces.take(&server);
        let proven = proven(first, &prover, &url, whom, nonce.as_deref())?;
        let mut answer = self.send(whom.endpoint(), proven).await?;
        if let (true, Some(wanted)) = (whom.wants_nonce(&answer), nonce_of(answer.headers())) {
            // With the nonce of this answer, whatever others are given in the meantime.
            let proven = self::proven(build()?, &prover, &url, whom, Some(&wanted))?;
            answer = self.send(whom.endpoint(), proven).await?;
            nonce = Some(wanted);
        }
        // One that is not replaced may be good for longer.
        if let Some(next) = nonce_of(answer.headers()).or(nonce) {
            self.nonces.put(&server, next);
        }
        Ok(answer)
    }
}

/// A request with its proof.
fn proven(
    mut request: Request<Vec<u8>>,
    prover: &Prover,
    url: &Url,
    whom: ProofFor<'_>,
    nonce: Option<&str>,
) -> Result<Request<Vec<u8>>, Error> {
    let access_token = match whom {
        ProofFor::AuthorizationServer => None,
        ProofFor::Resource(access_token) => Some(access_token),
    };
    let proof = prover.prove(request.method().as_str(), url, access_token, nonce);
    let proof = proof.map_err(|error| match error {
        DpopError::Random(error) => Error::Random(error),
        _ => Error::Token(TokenError::Unbuildable),
    })?;
    let proof = HeaderValue::try_from(proof).map_err(|_| TokenError::Unbuildable)?;
    request.headers_mut().insert(DPOP, proof);
    Ok(request)
}
