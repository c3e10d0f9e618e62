//! Client authentication: exactly one method ([RFC 6749 §2.3](https://www.rfc-editor.org/rfc/rfc6749#section-2.3)).

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::{HeaderMap, header};
use url::form_urlencoded;

use crate::client::{Client, TokenEndpointAuthMethod};
use crate::client_assertion::{JWT_BEARER, method_of, subject_of};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::token_error::TokenError;

/// What a client presented.
struct Credentials {
    client_id: String,
    /// The secret, the assertion, or the thumbprint of the certificate.
    proof: Option<String>,
    method: TokenEndpointAuthMethod,
}

impl Provider {
    /// Identifies and authenticates the client.
    pub(crate) fn authenticate_client(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<Arc<Client>, TokenError> {
        let credentials = Credentials::presented(headers, parameters)?;
        let client = self
            .client(&credentials.client_id)
            .ok_or(TokenError::InvalidClient("the client is not registered"))?;
        let credentials = match &client.certificate {
            Some(_) => credentials.or_certificate(self.certificate_of(headers)),
            None => credentials,
        };
        if !client
            .token_endpoint_auth_methods
            .contains(&credentials.method)
        {
            return Err(TokenError::InvalidClient(
                "the client is not registered for this authentication method",
            ));
        }
        let proof = credentials.proof.as_deref().unwrap_or_default();
        match credentials.method {
            TokenEndpointAuthMethod::None => {}
            TokenEndpointAuthMethod::TlsClientAuth
            | TokenEndpointAuthMethod::SelfSignedTlsClientAuth => {
                if client.certificate != credentials.proof {
                    return Err(TokenError::InvalidClient(
                        "the certificate is not the one of the client",
                    ));
                }
            }
            TokenEndpointAuthMethod::PrivateKeyJwt | TokenEndpointAuthMethod::ClientSecretJwt => {
                self.check_assertion(&client, proof)?;
            }
            TokenEndpointAuthMethod::ClientSecretBasic
            | TokenEndpointAuthMethod::ClientSecretPost => {
                let expected = client.client_secret.as_deref().unwrap_or_default();
                if verify_slices_are_equal(expected.as_bytes(), proof.as_bytes()).is_err() {
                    return Err(TokenError::InvalidClient("the client secret is wrong"));
                }
            }
        }
        Ok(client)
    }

    /// As [`Provider::authenticate_client`], for endpoints that are closed to public clients.
    pub(crate) fn authenticate_confidential_client(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<Arc<Client>, TokenError> {
        let client = self.authenticate_client(headers, parameters)?;
        match client.token_endpoint_auth_methods != [TokenEndpointAuthMethod::None] {
            true => Ok(client),
            false => Err(TokenError::InvalidClient(
                "a public client may not use this endpoint",
            )),
        }
    }
}

impl Credentials {
    fn presented(headers: &HeaderMap, parameters: &Parameters) -> Result<Self, TokenError> {
        let posted_id = parameters.get("client_id");
        let posted_secret = parameters.get("client_secret");
        let assertion = parameters.get("client_assertion");
        if assertion.is_some()
            && (posted_secret.is_some() || headers.contains_key(header::AUTHORIZATION))
        {
            return Err(TokenError::InvalidRequest(
                "the client authenticated with two methods at once".to_owned(),
            ));
        }
        if let Some(assertion) = assertion {
            return Self::asserted(assertion, parameters);
        }
        let Some(authorization) = headers.get(header::AUTHORIZATION) else {
            let client_id = posted_id.ok_or(TokenError::InvalidClient("no client_id was sent"))?;
            return Ok(Self {
                client_id: client_id.to_owned(),
                proof: posted_secret.map(str::to_owned),
                method: match posted_secret {
                    Some(_) => TokenEndpointAuthMethod::ClientSecretPost,
                    None => TokenEndpointAuthMethod::None,
                },
            });
        };
        let malformed =
            || TokenError::InvalidClient("the Authorization header is not well-formed Basic");
        let basic = authorization
            .to_str()
            .ok()
            .and_then(Self::from_basic)
            .ok_or_else(malformed)?;
        if posted_secret.is_some() {
            return Err(TokenError::InvalidRequest(
                "the client authenticated with two methods at once".to_owned(),
            ));
        }
        if posted_id.is_some_and(|id| id != basic.client_id) {
            return Err(TokenError::InvalidRequest(
                "client_id is not the one in the Authorization header".to_owned(),
            ));
        }
        Ok(basic)
    }

    /// The certificate, if there is one, for a client that sent nothing but its id.
    fn or_certificate(self, certificate: Option<String>) -> Self {
        if self.method != TokenEndpointAuthMethod::None || certificate.is_none() {
            return self;
        }
        Self {
            proof: certificate,
            method: TokenEndpointAuthMethod::TlsClientAuth,
            ..self
        }
    }

    /// The client that the assertion is about; a `client_id` beside it must be the same ([RFC 7521
    /// §4.2](https://www.rfc-editor.org/rfc/rfc7521#section-4.2)).
    fn asserted(assertion: &str, parameters: &Parameters) -> Result<Self, TokenError> {
        if parameters.get("client_assertion_type") != Some(JWT_BEARER) {
            return Err(TokenError::InvalidRequest(format!(
                "client_assertion_type must be {JWT_BEARER}"
            )));
        }
        let method = method_of(assertion)?;
        let client_id = subject_of(assertion).ok_or(TokenError::InvalidClient(
            "the assertion lacks iss, sub, aud as one string, jti or exp",
        ))?;
        if parameters
            .get("client_id")
            .is_some_and(|id| id != client_id)
        {
            return Err(TokenError::InvalidRequest(
                "client_id is not the sub of the assertion".to_owned(),
            ));
        }
        Ok(Self {
            client_id,
            proof: Some(assertion.to_owned()),
            method,
        })
    }

    /// Both halves are form-urlencoded before they are joined ([RFC 6749
    /// §2.3.1](https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1)).
    fn from_basic(header: &str) -> Option<Self> {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = base64_simd::STANDARD
            .decode_to_vec(encoded.trim().as_bytes())
            .ok()?;
        let (client_id, client_secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some(Self {
            client_id: form_decoded(client_id)?,
            proof: Some(form_decoded(client_secret)?),
            method: TokenEndpointAuthMethod::ClientSecretBasic,
        })
    }
}

/// Decodes one form-urlencoded value; a character that should have been encoded makes it invalid.
fn form_decoded(encoded: &str) -> Option<String> {
    if encoded.contains(['&', '=', ' ', ':']) {
        return None;
    }
    let mut percents = encoded.split('%').skip(1);
    let well_formed = percents.all(|rest| {
        rest.get(..2)
            .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    if !well_formed {
        return None;
    }
    let pair = format!("v={encoded}");
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::form_decoded;

    #[test]
    fn halves_of_a_basic_header_must_be_form_encoded() {
        assert_eq!(
            form_decoded("dev-secret%3A100%25%2B+loopback").as_deref(),
            Some("dev-secret:100%+ loopback")
        );
        for raw in ["dev-secret:100%+ loopback", "100%", "a b", "%zz"] {
            assert_eq!(form_decoded(raw), None, "{raw}");
        }
    }
}
