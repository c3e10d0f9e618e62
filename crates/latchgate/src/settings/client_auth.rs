//! How the client authenticates: from text to one method, and what contradicts it.

use super::Settings;
use crate::builder::Provider;
use crate::client::{AssertionAudience, ClientAuth, ClientKey, ClientSecret};
use crate::config::{Mistake, Mistakes, Problem};
use crate::io::ClientCertificate;
use crate::jose::{Algorithm, PrivateKey};

/// The methods with a secret.
type WithSecret = fn(ClientSecret) -> ClientAuth;

/// The accepted values of `client_auth`.
const METHODS: &str = "private_key_jwt, client_secret_jwt, tls_client_auth, self_signed_tls_client_auth, client_secret_basic, client_secret_post, apple_client_secret, none";

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
        let mut provider = provider.assertion_audience(audience);
        if let Some(Some(certificate)) = mistakes.keep(self.client_certificate()) {
            provider = provider.client_certificate(certificate);
        }
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
            "none" => return self.without_secret(ClientAuth::None),
            "tls_client_auth" => return self.without_secret(ClientAuth::TlsClientAuth),
            "self_signed_tls_client_auth" => {
                return self.without_secret(ClientAuth::SelfSignedTlsClientAuth);
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
        self.has_no_key(method)?;
        let secret = self.secret();
        let missing = Mistake::new("client_secret", Problem::NoClientAuth);
        secret.map(with_secret).ok_or(missing)
    }

    fn without_secret(&self, auth: ClientAuth) -> Result<ClientAuth, Mistake> {
        self.has_no_use_for("client_secret", auth.method())?;
        self.has_no_key(auth.method())?;
        Ok(auth)
    }

    /// Refuses a key, unless it is that of a certificate.
    fn has_no_key(&self, method: &'static str) -> Result<(), Mistake> {
        if self.get("client_cert_file").is_none() {
            self.has_no_use_for("client_key_file", method)?;
        }
        self.has_no_use_for("client_key_id", method)
    }

    /// The certificate, with the private key of its own file if there is one, and otherwise the client's.
    fn client_certificate(&self) -> Result<Option<ClientCertificate>, Mistake> {
        let read = |name: &'static str| {
            let pem = self.get(name).map(std::fs::read).transpose();
            pem.map_err(|problem| Mistake::new(name, Problem::File(problem)))
        };
        let Some(certificates) = read("client_cert_file")? else {
            return Ok(None);
        };
        let key = match PrivateKey::from_pem(&certificates) {
            Ok(_) => None,
            Err(_) => read("client_key_file")?,
        };
        let key = key.unwrap_or_default();
        Ok(Some(ClientCertificate::from_pem(certificates, key)))
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
