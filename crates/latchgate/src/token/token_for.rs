//! Access tokens for APIs other than the one that the login's token is for: by the refresh token and a resource
//! ([RFC 8707 §2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2)), by token exchange
//! ([RFC 8693 §2.1](https://www.rfc-editor.org/rfc/rfc8693#section-2.1)), or for the application itself by its own
//! credentials ([RFC 6749 §4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)).

use aws_lc_rs::digest::{Context, SHA256};
use http::Request;
use url::{Url, form_urlencoded};

use super::response::TokenError;
use crate::client::{Freshness, Registration};
use crate::provider::Metadata;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The API that an access token is wanted for, and what it should allow there.
///
/// ```
/// use latchgate::TokenFor;
///
/// let orders = TokenFor::resource("https://orders.example.com").scope("orders:read");
/// let stock = TokenFor::audience("stock-service").by_exchange();
/// # let _ = (orders, stock);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct TokenFor {
    target: Target,
    scopes: Vec<String>,
    grant: Grant,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Target {
    Resource(String),
    Audience(String),
}

/// How a token for a person is got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Grant {
    RefreshToken,
    TokenExchange,
}

impl TokenFor {
    /// The API with this resource identifier: an absolute URI without a fragment (RFC 8707 §2). With the refresh token,
    /// providers grant those that the login named ([`Provider::resource`](crate::Provider::resource)).
    pub fn resource(uri: impl Into<String>) -> Self {
        Self::new(Target::Resource(uri.into()))
    }

    /// The API that the provider knows by this name: the `audience` parameter of Auth0, and of RFC 8693.
    pub fn audience(name: impl Into<String>) -> Self {
        Self::new(Target::Audience(name.into()))
    }

    fn new(target: Target) -> Self {
        Self {
            target,
            scopes: Vec::new(),
            grant: Grant::RefreshToken,
        }
    }

    /// A scope that the token should have; can be called several times. Without any, the provider decides.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Gets the token in exchange for the session's access token (RFC 8693) instead of with its refresh token.
    pub fn by_exchange(mut self) -> Self {
        self.grant = Grant::TokenExchange;
        self
    }

    pub(crate) fn grant(&self) -> Grant {
        self.grant
    }

    /// The scope that is asked for, space-separated.
    pub(crate) fn requested_scope(&self) -> String {
        self.scopes.join(" ")
    }

    /// What tells the tokens of one owner apart, hashed.
    pub(crate) fn key(&self, owner: &[u8]) -> [u8; 32] {
        let mut digest = Context::new(&SHA256);
        let grant: &[u8] = match self.grant {
            Grant::RefreshToken => b"refresh",
            Grant::TokenExchange => b"exchange",
        };
        let (name, target) = self.parameter();
        let scope = self.requested_scope();
        for part in [
            owner,
            grant,
            name.as_bytes(),
            target.as_bytes(),
            scope.as_bytes(),
        ] {
            digest.update(&(part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest.finish().as_ref());
        key
    }

    fn parameter(&self) -> (&'static str, &str) {
        match &self.target {
            Target::Resource(uri) => ("resource", uri),
            Target::Audience(name) => ("audience", name),
        }
    }

    fn check(&self) -> Result<(), TokenError> {
        let Target::Resource(uri) = &self.target else {
            return Ok(());
        };
        match Url::parse(uri) {
            Ok(url) if url.fragment().is_none() => Ok(()),
            _ => Err(TokenError::Resource(uri.clone())),
        }
    }
}

/// Builds the request that uses a refresh token for another API. The scope is never wider than the granted one
/// (RFC 6749 §6).
pub(crate) fn refresh_for(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    refresh_token: &str,
    wanted: &TokenFor,
) -> Result<Request<Vec<u8>>, TokenError> {
    let grant = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
    ];
    request(registration, metadata, fresh, &grant, wanted)
}

/// Builds the request that exchanges an access token for one for another API.
pub(crate) fn exchange_for(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    access_token: &str,
    wanted: &TokenFor,
) -> Result<Request<Vec<u8>>, TokenError> {
    let grant = [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", access_token),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
    ];
    request(registration, metadata, fresh, &grant, wanted)
}

/// Builds the request for a token of the application itself.
pub(crate) fn client_credentials(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    wanted: &TokenFor,
) -> Result<Request<Vec<u8>>, TokenError> {
    let grant = [("grant_type", "client_credentials")];
    request(registration, metadata, fresh, &grant, wanted)
}

fn request(
    registration: &Registration,
    metadata: &Metadata,
    fresh: &Freshness,
    grant: &[(&str, &str)],
    wanted: &TokenFor,
) -> Result<Request<Vec<u8>>, TokenError> {
    wanted.check()?;
    let endpoint = metadata.token_endpoint().ok_or(TokenError::Unbuildable)?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(grant);
    let (name, target) = wanted.parameter();
    form.append_pair(name, target);
    if !wanted.scopes.is_empty() {
        form.append_pair("scope", &wanted.requested_scope());
    }
    let request = registration.authenticated_form(endpoint.url(), metadata, fresh, form);
    request.ok_or(TokenError::Unbuildable)
}

#[cfg(test)]
mod tests {
    use http::header;
    use serde_json::json;

    use super::*;

    type Built = Result<Request<Vec<u8>>, TokenError>;

    fn build(
        with: impl Fn(&Registration, &Metadata, &Freshness) -> Built,
    ) -> Result<Vec<(String, String)>, String> {
        let metadata = Metadata::example(json!({}));
        let request = with(
            &Registration::example(),
            &metadata,
            &Freshness::example(1, 1),
        );
        let request = request.map_err(|error| error.to_string())?;
        assert_eq!(request.uri(), "https://op.example/token");
        assert!(request.headers().contains_key(header::AUTHORIZATION));
        Ok(form_urlencoded::parse(request.body())
            .into_owned()
            .collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ok(pairs.iter().map(owned).collect())
    }

    #[test]
    fn each_grant_names_the_api_and_what_is_wanted_there() {
        let orders = TokenFor::resource("https://orders.example")
            .scope("read")
            .scope("list");
        let refreshed =
            build(|client, metadata, fresh| refresh_for(client, metadata, fresh, "r&t", &orders));
        let wanted = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "r&t"),
            ("resource", "https://orders.example"),
            ("scope", "read list"),
        ];
        assert_eq!(refreshed, pairs(&wanted));

        let stock = TokenFor::audience("stock").by_exchange();
        let exchanged =
            build(|client, metadata, fresh| exchange_for(client, metadata, fresh, "at", &stock));
        let wanted = [
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            ("subject_token", "at"),
            ("subject_token_type", ACCESS_TOKEN),
            ("requested_token_type", ACCESS_TOKEN),
            ("audience", "stock"),
        ];
        assert_eq!(exchanged, pairs(&wanted));

        let own = build(|client, metadata, fresh| {
            client_credentials(client, metadata, fresh, &TokenFor::audience("stock"))
        });
        let wanted = [("grant_type", "client_credentials"), ("audience", "stock")];
        assert_eq!(own, pairs(&wanted));
    }

    #[test]
    fn a_resource_is_an_absolute_uri_without_a_fragment() {
        for uri in ["orders", "/orders", "https://orders.example#a", ""] {
            let refused = build(|client, metadata, fresh| {
                client_credentials(client, metadata, fresh, &TokenFor::resource(uri))
            });
            let said = refused.unwrap_err();
            assert!(said.contains("absolute URI without a fragment"), "{said}");
        }
        let urn = build(|client, metadata, fresh| {
            client_credentials(client, metadata, fresh, &TokenFor::resource("urn:api:7"))
        });
        assert!(urn.is_ok(), "{urn:?}");
    }

    #[test]
    fn tokens_for_different_things_have_different_keys() {
        let keys = [
            TokenFor::resource("a:b").key(b"1"),
            TokenFor::resource("a:b").key(b"2"),
            TokenFor::audience("a:b").key(b"1"),
            TokenFor::resource("a:b").by_exchange().key(b"1"),
            TokenFor::resource("a:b").scope("c").key(b"1"),
            TokenFor::resource("a:bc").key(b"1"),
        ];
        for (place, key) in keys.iter().enumerate() {
            assert!(!keys[..place].contains(key), "{place}");
        }
        assert_eq!(keys[0], TokenFor::resource("a:b").key(b"1"));
    }
}
