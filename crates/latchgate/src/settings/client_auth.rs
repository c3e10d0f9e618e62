//! How the client authenticates: from text to one method, and what contradicts it.

use super::Settings;
use crate::builder::Provider;
use crate::client::{AssertionAudience, ClientAuth, ClientKey, ClientSecret};
use crate::config::{Mistake, Mistakes, Problem};
use crate::jose::Algorithm;

/// The methods with a secret.
type WithSecret = fn(ClientSecret) -> ClientAuth;

/// The accepted values of `client_auth`.
const METHODS: &str = "private_key_jwt, client_secret_jwt, client_secret_basic, client_secret_post, apple_client_secret, none";

impl Settings {
    /// The provider, with how the client authenticates there.
    pub(super) fn authenticated(&self, provider: Provider, mistakes: &mut Mistakes) -> Provider {
        let alg = mistakes.keep(self.client_auth_alg()).flatten();
        let audiences = [
            ("issuer", AssertionAudience::Issuer),
            ("token_endpoint", AssertionAudience::TokenEndpoint),
        ];
        let audience = self.word("assertion_audience", "issuer, token_endpoint", &audiences);
        let audience = mistakes.keep(audience).flatten().unwrap_or_default();
        let provider = provider.assertion_audience(audience);
        match (mistakes.keep(self.client_auth()), alg) {
            (Some(auth), None) => provider.client_auth(auth),
            (Some(auth), Some(alg)) => provider.client_auth(auth).client_auth_alg(alg),
            // A stand-in, so that nothing else is reported as missing.
            (None, _) => provider.client_auth(match self.secret() {
                Some(secret) => ClientAuth::ClientSecretBasic(secret),
                None => ClientAuth::None,
            }),
        }
    }

    pub(super) fn client_auth(&self) -> Result<ClientAuth, Mistake> {
        let key = self.get("client_key_file");
        let method = match self.get("client_auth") {
            Some(method) => method,
            // A key alone says what it is for.
            None if self.get("apple_team_id").is_some() => "apple_client_secret",
            None if key.is_some() && self.secret().is_none() => "private_key_jwt",
            None => "client_secret_basic",
        };
        let with_secret: WithSecret = match method {
            "private_key_jwt" => {
                self.has_no_use_for("client_secret", "private_key_jwt")?;
                return self.client_key().map(ClientAuth::PrivateKeyJwt);
            }
            "apple_client_secret" => {
                self.has_no_use_for("client_secret", "apple_client_secret")?;
                let name = "apple_team_id";
                let team_id = self.get(name).ok_or(Mistake::new(name, Problem::Missing))?;
                return Ok(ClientAuth::AppleClientSecret {
                    team_id: team_id.to_owned(),
                    key: self.client_key()?,
                });
            }
            "none" => {
                self.has_no_use_for("client_secret", "none")?;
                self.has_no_use_for("client_key_file", "none")?;
                self.has_no_use_for("client_key_id", "none")?;
                return Ok(ClientAuth::None);
            }
            "client_secret_jwt" => ClientAuth::ClientSecretJwt,
            "client_secret_basic" => ClientAuth::ClientSecretBasic,
            "client_secret_post" => ClientAuth::ClientSecretPost,
            _ => {
                let accepted = METHODS;
                return Err(Mistake::new("client_auth", Problem::Word { accepted }));
            }
        };
        let method = with_secret(ClientSecret::new("")).method();
        self.has_no_use_for("client_key_file", method)?;
        self.has_no_use_for("client_key_id", method)?;
        let secret = self.secret();
        let missing = Mistake::new("client_secret", Problem::NoClientAuth);
        secret.map(with_secret).ok_or(missing)
    }

    /// Refuses a setting that the method does not use: one of the two is a mistake.
    fn has_no_use_for(&self, name: &'static str, method: &'static str) -> Result<(), Mistake> {
        match self.get(name) {
            None => Ok(()),
            Some(_) => Err(Mistake::new(name, Problem::WithoutUse { method })),
        }
    }

    fn client_key(&self) -> Result<ClientKey, Mistake> {
        let name = "client_key_file";
        let path = self
            .get(name)
            .ok_or(Mistake::new(name, Problem::NoClientKey))?;
        let text =
            std::fs::read(path).map_err(|problem| Mistake::new(name, Problem::File(problem)))?;
        let key = ClientKey::read(&text);
        let key = key.map_err(|problem| Mistake::new(name, Problem::PrivateKey(problem)))?;
        Ok(match self.get("client_key_id") {
            Some(kid) => key.kid(kid),
            None => key,
        })
    }

    fn client_auth_alg(&self) -> Result<Option<Algorithm>, Mistake> {
        let alg = self.get("client_auth_alg").map(str::parse).transpose();
        alg.map_err(|problem| Mistake::new("client_auth_alg", Problem::Algorithm(problem)))
    }

    /// The client secret exactly as given, spaces included.
    fn secret(&self) -> Option<ClientSecret> {
        let secret = self.values.get("client_secret");
        let secret = secret.filter(|secret| !secret.is_empty());
        secret.cloned().map(ClientSecret::new)
    }
}
