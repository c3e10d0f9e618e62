//! ID Tokens ([OpenID Connect Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)), and reading one back
//! when a client sends it as a hint.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::grants::Grant;
use crate::jws::{JsonObject, at_hash, compact, parts};
use crate::mischief::signature_of;
use crate::provider::Provider;
use crate::scope::Scope;

/// How long an ID token is valid, in seconds.
const LIFETIME: u64 = 3600;

/// Which grant an ID token answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The redemption of a code, with the nonce of the authorization request.
    Login(Option<String>),
    /// A refresh. The token carries no nonce ([OpenID Connect Core
    /// §12.2](https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse)).
    Refresh,
}

impl Provider {
    pub(super) fn issue_id_token(
        &self,
        client: &Client,
        grant: &Grant,
        scope: &Scope,
        access_token: &str,
        occasion: &Occasion,
    ) -> String {
        let now = self.now();
        let mut claims = grant.person.claims(scope);
        let amr = if grant.acr == "mfa" {
            json!(["user", "mfa"])
        } else {
            json!(["user"])
        };
        for (claim, value) in [
            ("iss", json!(self.issuer)),
            ("sub", json!(grant.person.sub)),
            ("aud", json!(grant.client_id)),
            ("azp", json!(grant.client_id)),
            ("iat", json!(now)),
            ("exp", json!(now + LIFETIME)),
            ("auth_time", json!(grant.auth_time)),
            (
                "at_hash",
                json!(at_hash(self.settings.id_token_alg.digest(), access_token)),
            ),
            ("sid", json!(grant.sid)),
            ("acr", json!(grant.acr)),
            ("amr", amr),
        ] {
            claims.insert(claim.to_owned(), value);
        }
        claims.remove("nonce");
        if let Occasion::Login(Some(nonce)) = occasion {
            claims.insert("nonce".to_owned(), json!(nonce));
        }

        let keys = self.keys.current();
        let key = keys.key(self.settings.id_token_alg);
        let mut header = JsonObject::new();
        header.insert("typ".to_owned(), json!("JWT"));
        header.insert("alg".to_owned(), json!(key.alg().as_str()));
        header.insert("kid".to_owned(), json!(key.kid));
        let sign = signature_of(
            self.mischief.id_token_forgery(),
            &keys,
            self.settings.id_token_alg,
            client,
            &mut header,
        );
        self.mischief.alter_id_token(&mut header, &mut claims);
        if *occasion == Occasion::Refresh {
            self.mischief
                .alter_refreshed_id_token(&mut header, &mut claims);
        }
        client.sealed(compact(&header, &claims, sign), client.id_token_encryption)
    }
}

/// What an `id_token_hint` says, once its signature is checked. It may have expired.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IdTokenHint {
    pub(crate) sub: String,
    pub(crate) aud: Value,
    pub(crate) sid: Option<String>,
}

impl IdTokenHint {
    /// Whether the ID token was issued to this client.
    pub(crate) fn is_for(&self, client_id: &str) -> bool {
        match &self.aud {
            Value::String(audience) => audience == client_id,
            Value::Array(audiences) => audiences.iter().any(|audience| audience == client_id),
            _ => false,
        }
    }
}

/// Checks that an ID token was issued and signed by this provider, with a key of now or of the past.
pub(crate) fn id_token_hint(provider: &Provider, token: &str) -> Option<IdTokenHint> {
    let (header, message, signature, claims) = parts(token)?;
    let kid = header.get("kid")?.as_str()?;
    if !provider
        .keys
        .have_signed(kid, message.as_bytes(), &signature)
    {
        return None;
    }
    if claims.get("iss")?.as_str() != Some(provider.issuer.as_str()) {
        return None;
    }
    serde_json::from_value(Value::Object(claims)).ok()
}
