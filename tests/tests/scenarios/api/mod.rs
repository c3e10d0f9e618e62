//! The API's side: access tokens that clients present, on a server that is only an API, and beside sessions.

mod forgeries;
mod introspection;
mod nonces;
mod proofs;
mod session_or_token;
mod tokens;

use latchgate::{Algorithm, ProtectedResource};
use latchgate_tests::app::api::AUDIENCE;
use latchgate_tests::{Browser, Failure, Page, Setup, World};
use serde_json::{Value, json};

use crate::lying::forger::Forger;

/// A world whose access tokens are for the API.
fn for_the_api(setup: Setup) -> Setup {
    setup.registration(|provider| provider.resource(AUDIENCE))
}

/// An access token of Alice's, as a client gets one at a login.
async fn access_token(world: &World) -> Result<String, Failure> {
    let token = world.token(&world.signed_in().await?).await?;
    Ok(token["access_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

/// What comes of presenting a token.
async fn present(client: &Browser, path: &str, authorization: &str) -> Result<Page, Failure> {
    let request = client.request("GET", path);
    Ok(request
        .header("authorization", authorization)
        .send()
        .await?)
}

/// The API of [`AUDIENCE`], whose tokens are signed with ES256.
fn es256() -> ProtectedResource {
    ProtectedResource::new(AUDIENCE).alg(Algorithm::Es256)
}

/// Somebody who signs access tokens as the provider would: the provider publishes their key.
struct Issuer {
    forger: Forger,
    claims: Value,
}

impl Issuer {
    fn new(world: &World) -> Result<Self, Failure> {
        let forger = Forger::new()?;
        let key = forger.jwk("k");
        world
            .mischief()
            .on_jwks(move |jwks| jwks["keys"] = json!([key.clone()]));
        let now = world.clock.now();
        let claims = json!({
            "iss": world.provider.issuer(), "aud": AUDIENCE, "sub": "alice", "client_id": "spa", "jti": "1",
            "iat": now, "exp": now + 300, "auth_time": now, "scope": "openid email",
        });
        Ok(Self { forger, claims })
    }

    /// A token with these members of the claims changed; `null` removes one.
    fn token(&self, claims: &Value) -> String {
        self.token_of(&json!({}), claims)
    }

    /// A token with these members of header and claims changed.
    fn token_of(&self, header: &Value, claims: &Value) -> String {
        let header = with(
            json!({ "alg": "ES256", "kid": "k", "typ": "at+jwt" }),
            header,
        );
        let claims = with(self.claims.clone(), claims);
        self.forger.token(&header.to_string(), &claims.to_string())
    }
}

fn with(mut object: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().into_iter().flatten() {
        if let Some(members) = object.as_object_mut() {
            match value {
                Value::Null => drop(members.remove(name)),
                value => drop(members.insert(name.clone(), value.clone())),
            }
        }
    }
    object
}

/// The challenge of the scheme `Bearer`.
fn bearer_challenge(page: &Page) -> String {
    let fields = page.headers.get_all("www-authenticate").into_iter();
    let fields = fields.filter_map(|field| field.to_str().ok());
    let found = fields.into_iter().find(|field| field.starts_with("Bearer"));
    found.unwrap_or_default().to_owned()
}
