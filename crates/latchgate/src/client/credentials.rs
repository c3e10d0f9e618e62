//! How a request says which client sends it, and proves it
//! ([RFC 6749 §2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3)).

use http::{Request, header};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::assertion::Freshness;
use super::authentication::ClientAuth;
use super::registration::Registration;
use crate::jose::PrivateKeyError;
use crate::provider::Metadata;

impl Registration {
    /// A form request of the client that `oauth2` does not build, authenticated. `None` if it cannot be built, which the
    /// builder has ruled out.
    pub(crate) fn authenticated_form(
        &self,
        endpoint: &Url,
        metadata: &Metadata,
        fresh: &Freshness,
        mut form: Serializer<'_, String>,
    ) -> Option<Request<Vec<u8>>> {
        let credentials = self.authenticate(endpoint, metadata, fresh, &mut form);
        let credentials = credentials.ok()?;
        let mut request = Request::post(endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        if let Some(credentials) = credentials {
            request = request.header(header::AUTHORIZATION, credentials);
        }
        request.body(form.finish().into_bytes()).ok()
    }

    /// Adds to the form, or returns the value of an `Authorization` header.
    fn authenticate(
        &self,
        endpoint: &Url,
        metadata: &Metadata,
        fresh: &Freshness,
        form: &mut Serializer<'_, String>,
    ) -> Result<Option<String>, PrivateKeyError> {
        if let ClientAuth::ClientSecretBasic(secret) = &self.auth {
            let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let credentials = format!("{}:{}", encode(&self.client_id), encode(secret.expose()));
            let credentials = base64_simd::STANDARD.encode_to_string(credentials);
            return Ok(Some(format!("Basic {credentials}")));
        }
        form.append_pair("client_id", &self.client_id);
        if let ClientAuth::ClientSecretPost(secret) = &self.auth {
            form.append_pair("client_secret", secret.expose());
        }
        form.extend_pairs(self.assertion_at(Some(endpoint), metadata, fresh)?);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientKey;
    use serde_json::json;

    /// The `Authorization` header and the names in the form.
    fn proof(auth: ClientAuth) -> (Option<String>, Vec<String>) {
        let registration = Registration {
            auth,
            ..Registration::example()
        };
        let metadata = Metadata::example(json!({}));
        let mut form = Serializer::new(String::new());
        let endpoint = Url::parse("https://op.example/par").unwrap();
        let fresh = Freshness::example(1, 1);
        let header = registration.authenticate(&endpoint, &metadata, &fresh, &mut form);
        let form = form.finish();
        let names = url::form_urlencoded::parse(form.as_bytes());
        (
            header.unwrap(),
            names.map(|(name, _)| name.into_owned()).collect(),
        )
    }

    #[test]
    fn every_method_sends_one_proof() {
        let pem = include_str!("../jose/private_key/tests/rsa.pkcs8.pem");
        let secret = "a secret of 32 bytes, at the least";
        let assertion = ["client_id", "client_assertion_type", "client_assertion"];
        for (auth, names) in [
            (
                ClientAuth::ClientSecretPost(secret.into()),
                &["client_id", "client_secret"][..],
            ),
            (ClientAuth::ClientSecretJwt(secret.into()), &assertion),
            (
                ClientAuth::PrivateKeyJwt(ClientKey::from_pem(pem).unwrap()),
                &assertion,
            ),
            (ClientAuth::TlsClientAuth, &["client_id"]),
            (ClientAuth::SelfSignedTlsClientAuth, &["client_id"]),
            (ClientAuth::None, &["client_id"]),
        ] {
            let (header, sent) = proof(auth.clone());
            assert_eq!(
                (header, sent.as_slice()),
                (
                    None,
                    &names
                        .iter()
                        .map(|name| (*name).to_owned())
                        .collect::<Vec<_>>()[..]
                ),
                "{auth:?}"
            );
        }
        let (header, sent) = proof(ClientAuth::ClientSecretBasic("s3cret".into()));
        assert_eq!(
            (header.as_deref(), sent.len()),
            (Some("Basic bXktYXBwOnMzY3JldA=="), 0)
        );
    }
}
