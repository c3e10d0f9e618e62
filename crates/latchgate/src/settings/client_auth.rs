//! How the client authenticates: from text to one method, and what contradicts it.

use super::reading::{Given as _, Reading};
use crate::builder::Provider;
use crate::client::{ClientAuth, ClientKey, ClientSecret};
use crate::config::{Mistake, Problem};
use crate::io::ClientCertificate;
use crate::jose::PrivateKey;

/// The methods with a secret.
type WithSecret = fn(ClientSecret) -> ClientAuth;

/// The accepted values of `client_auth`.
const METHODS: &str = "private_key_jwt, client_secret_jwt, tls_client_auth, self_signed_tls_client_auth, client_secret_basic, client_secret_post, apple_client_secret, none";

impl Reading<'_> {
    /// The provider, with how the client authenticates there.
    pub(super) fn authenticated(&mut self, provider: Provider) -> Provider {
        let alg = self.parsed("client_auth_alg", Problem::Algorithm);
        let provider = provider
            .given(
                self.word("assertion_audience"),
                Provider::assertion_audience,
            )
            .given(self.client_certificate(), Provider::client_certificate);
        let auth = self.client_auth();
        match self.mistakes.keep(auth) {
            Some(auth) => provider
                .client_auth(auth)
                .given(alg, Provider::client_auth_alg),
            // A stand-in, so that nothing else is reported as missing.
            None => provider.client_auth(match self.secret() {
                Some(secret) => ClientAuth::ClientSecretBasic(secret),
                None => ClientAuth::None,
            }),
        }
    }

    pub(super) fn client_auth(&self) -> Result<ClientAuth, Mistake> {
        let method = match self.text("client_auth") {
            Some(method) => method,
            // A key alone says what it is for.
            None if self.text("apple_team_id").is_some() => "apple_client_secret",
            None if self.text("client_key_file").is_some() && self.secret().is_none() => {
                "private_key_jwt"
            }
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
                let team_id = self
                    .text(name)
                    .ok_or(Mistake::new(name, Problem::Missing))?;
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
                let accepted = METHODS.to_owned();
                return Err(Mistake::new("client_auth", Problem::Word { accepted }));
            }
        };
        let method = with_secret(ClientSecret::new("")).method();
        self.has_no_key(method)?;
        let missing = Mistake::new("client_secret", Problem::NoClientAuth);
        self.secret().map(with_secret).ok_or(missing)
    }

    fn without_secret(&self, auth: ClientAuth) -> Result<ClientAuth, Mistake> {
        self.has_no_use_for("client_secret", auth.method())?;
        self.has_no_key(auth.method())?;
        Ok(auth)
    }

    /// Refuses a key, unless it is that of a certificate.
    fn has_no_key(&self, method: &'static str) -> Result<(), Mistake> {
        if self.text("client_cert_file").is_none() {
            self.has_no_use_for("client_key_file", method)?;
        }
        self.has_no_use_for("client_key_id", method)
    }

    /// The certificate, with the private key of its own file if there is one, and otherwise the client's.
    fn client_certificate(&mut self) -> Option<ClientCertificate> {
        let certificates = self.file("client_cert_file")?;
        let key = match PrivateKey::from_pem(&certificates) {
            Ok(_) => Vec::new(),
            Err(_) if self.text("client_key_file").is_none() => Vec::new(),
            Err(_) => self.file("client_key_file")?,
        };
        Some(ClientCertificate::from_pem(certificates, key))
    }

    /// Refuses a setting that the method does not use: one of the two is a mistake.
    fn has_no_use_for(&self, name: &'static str, method: &'static str) -> Result<(), Mistake> {
        match self.text(name) {
            None => Ok(()),
            Some(_) => Err(Mistake::new(name, Problem::WithoutUse { method })),
        }
    }

    fn client_key(&self) -> Result<ClientKey, Mistake> {
        let name = "client_key_file";
        let wrong = |problem| Mistake::new(name, problem);
        let path = self.text(name).ok_or(wrong(Problem::NoClientKey))?;
        let text = std::fs::read(path).map_err(|problem| wrong(Problem::File(problem)))?;
        let key = ClientKey::read(&text).map_err(|problem| wrong(Problem::PrivateKey(problem)))?;
        Ok(key.given(self.text("client_key_id"), ClientKey::kid))
    }

    /// The client secret exactly as given, spaces included.
    fn secret(&self) -> Option<ClientSecret> {
        let secret = self.to_the_letter("client_secret");
        secret
            .filter(|secret| !secret.is_empty())
            .map(ClientSecret::new)
    }
}
