//! Ending the session at the provider, and the origins of the provider's pages that may end ours.

use url::Url;

use super::RelyingParty;
use crate::logout::{LogoutState, request};

impl RelyingParty {
    /// The URL that ends the session at the provider. `None` if the provider is down or has no such endpoint: signing
    /// out here works regardless.
    pub(crate) async fn end_session_url(
        &self,
        id_token_hint: Option<&str>,
        post_logout_redirect_uri: &str,
        state: &LogoutState,
    ) -> Option<Url> {
        let metadata = match self.metadata().await {
            Ok(metadata) => metadata,
            Err(error) => {
                tracing::warn!(event = "logout_here_only", code = error.code(), cause = ?error, "signed out here only: the provider's metadata is unavailable");
                return None;
            }
        };
        request(
            &self.registration,
            &metadata,
            id_token_hint,
            post_logout_redirect_uri,
            state,
        )
    }

    /// The origins of the provider's pages, as far as they are known.
    pub(crate) fn provider_origins(&self) -> Vec<String> {
        let mut pages: Vec<_> = Url::parse(self.issuer()).into_iter().collect();
        if let Some(metadata) = self.connection.known_metadata() {
            pages.push(metadata.authorization_endpoint().url().clone());
            let end_session = metadata.end_session_endpoint();
            pages.extend(end_session.map(|endpoint| endpoint.url().clone()));
        }
        let mut origins = Vec::new();
        for page in pages {
            let origin = page.origin().ascii_serialization();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        origins
    }
}
