//! Access tokens: JWTs ([RFC 9068](https://www.rfc-editor.org/rfc/rfc9068)).

use serde_json::{Value, json};

use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::grants::{AccessToken, Grant};
use crate::jws::{JsonObject, compact};
use crate::mischief::signature_of;
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::scope::Scope;
use crate::settings::AccessTokenFormat;
use crate::world::random_token;

impl Provider {
    /// Issues an access token for a grant and enters it into the ledger.
    pub(crate) fn issue_access_token(
        &self,
        client: &Client,
        grant: &Grant,
        scope: &Scope,
        parameters: &Parameters,
        confirmation: &Confirmation,
    ) -> String {
        let now = self.now();
        let access = AccessToken {
            grant_id: grant.id.clone(),
            scope: scope.clone(),
            audience: self.access_token_audience(grant, parameters),
            jti: random_token(),
            confirmation: confirmation.clone(),
            issued_at: now,
            expires_at: now + self.settings.access_token_lifetime.as_secs(),
        };
        if self.settings.access_token_format == AccessTokenFormat::Opaque {
            let token = random_token();
            self.ledger().enter_access_token(token.clone(), access);
            return token;
        }
        let mut claims = grant.person.authorizations();
        for (claim, value) in [
            ("iss", json!(self.issuer)),
            ("sub", json!(grant.person.sub)),
            ("aud", access.audience.clone()),
            ("client_id", json!(grant.client_id)),
            ("scope", json!(scope.to_string())),
            ("iat", json!(access.issued_at)),
            ("exp", json!(access.expires_at)),
            ("jti", json!(access.jti)),
            ("auth_time", json!(grant.auth_time)),
            ("acr", json!(grant.acr)),
        ] {
            claims.insert(claim.to_owned(), value);
        }
        if let Some(cnf) = confirmation.claim() {
            claims.insert("cnf".to_owned(), cnf);
        }
        let keys = self.keys.current();
        let key = keys.key(self.settings.id_token_alg);
        let mut header = JsonObject::new();
        header.insert("typ".to_owned(), json!("at+jwt"));
        header.insert("alg".to_owned(), json!(key.alg().as_str()));
        header.insert("kid".to_owned(), json!(key.kid));
        let sign = signature_of(
            self.mischief.access_token_forgery(),
            &keys,
            self.settings.id_token_alg,
            client,
            &mut header,
        );
        self.mischief.alter_access_token(&mut header, &mut claims);
        let token = compact(&header, &claims, sign);
        self.ledger().enter_access_token(token.clone(), access);
        token
    }

    /// The `aud` of a new access token: the resources asked for now ([RFC 8707
    /// §2.2](https://www.rfc-editor.org/rfc/rfc8707#section-2.2)), all those of the grant, or the userinfo endpoint.
    fn access_token_audience(&self, grant: &Grant, parameters: &Parameters) -> Value {
        let mut audience: Vec<&str> = parameters.all("resource").collect();
        if audience.is_empty() {
            audience = grant.audience.iter().map(String::as_str).collect();
        }
        match audience.as_slice() {
            [] => json!(format!("{}/userinfo", self.origin)),
            [one] => json!(one),
            several => json!(several),
        }
    }
}
