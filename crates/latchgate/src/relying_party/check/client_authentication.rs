//! Whether the client's proof is accepted: a code that nobody has issued must be refused as such (`invalid_grant`), and not
//! because of the client ([RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).

use http::{Response, StatusCode};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::super::RelyingParty;
use super::super::proofs::ProofFor;
use super::page::gist;
use super::unreachable;
use crate::authorization::draw_proof_key;
use crate::client::{ClientAuth, SenderConstraint};
use crate::error::Error;
use crate::jose::strict_object;
use crate::provider::Metadata;
use crate::report::{Finding, FindingCode};
use crate::token::TokenError;

impl RelyingParty {
    /// Whether the token endpoint accepts the client.
    pub(super) async fn check_client_authentication(&self, metadata: &Metadata) -> Vec<Finding> {
        let Some(endpoint) = metadata.token_endpoint() else {
            return Vec::new();
        };
        match self.exchange_nothing(metadata).await {
            Ok(answer) => vec![judge(&self.registration.auth, &TokenRefusal::read(&answer))],
            Err(Error::Http(error)) => vec![unreachable::finding(endpoint.as_str(), &error)],
            Err(error) => {
                let what = format!("No token request could be made: {error:?}");
                let code = FindingCode::ClientAuthentication;
                vec![code.mistake(what, "See the cause")]
            }
        }
    }

    /// A token request with a code that nobody has issued.
    async fn exchange_nothing(&self, metadata: &Metadata) -> Result<Response<Vec<u8>>, Error> {
        let random = self.random.as_ref();
        let key = match self.registration.binding {
            SenderConstraint::Dpop => Some(draw_proof_key(random)?),
            _ => None,
        };
        let encode = |bytes: [u8; 32]| base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes);
        let (code, verifier) = (encode(random.array()?), encode(random.array()?));
        let request = |fresh: &_| {
            let endpoint = metadata.token_endpoint().ok_or(TokenError::Unbuildable)?;
            let mut form = Serializer::new(String::new());
            form.append_pair("grant_type", "authorization_code")
                .append_pair("code", &code)
                .append_pair("redirect_uri", self.registration.redirect_uri.as_str())
                .append_pair("code_verifier", &verifier);
            let request =
                self.registration
                    .authenticated_form(endpoint.url(), metadata, fresh, form);
            request.ok_or(TokenError::Unbuildable)
        };
        self.send_proven(key.as_ref(), ProofFor::AuthorizationServer, request)
            .await
    }
}

/// How the token endpoint refuses.
struct TokenRefusal {
    status: StatusCode,
    /// Its `error`; empty without one.
    error: String,
    /// Both of its texts, or what else the body says.
    said: String,
}

impl TokenRefusal {
    fn read(answer: &Response<Vec<u8>>) -> Self {
        let object = strict_object(answer.body()).unwrap_or_default();
        let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let (error, description) = (text("error"), text("error_description"));
        // A response that grants something is not quoted: it has secrets.
        let said = match (error, answer.status().is_success()) {
            ("", true) => String::new(),
            ("", false) => gist(&String::from_utf8_lossy(answer.body())),
            (error, _) => gist(&format!("{error} {description}")),
        };
        Self {
            status: answer.status(),
            error: gist(error),
            said,
        }
    }
}

fn judge(auth: &ClientAuth, refusal: &TokenRefusal) -> Finding {
    let code = FindingCode::ClientAuthentication;
    let method = auth.method();
    let TokenRefusal { status, said, .. } = refusal;
    match (refusal.error.as_str(), status.as_u16()) {
        // GitHub has its own word for it.
        ("invalid_grant" | "bad_verification_code", _) => code.ok(
            format!("The provider accepts the client (`{method}`): it refuses the made-up code, not the client, unless it checks the code first"),
        ),
        ("invalid_dpop_proof" | "use_dpop_nonce", _) => FindingCode::Dpop.mistake(
            format!("The provider wants another proof of possession at its token endpoint: \"{said}\""),
            "Set `dpop` (LATCHGATE_DPOP) to `true` if the client is registered for it; otherwise check the clocks",
        ),
        ("invalid_client" | "unauthorized_client" | "incorrect_client_credentials", _)
        | (_, 401) => code.mistake(
            format!("The provider does not accept the client, which authenticates by `{method}`: {status}, \"{said}\""),
            credentials(auth),
        ),
        (_, 404 | 405) => FindingCode::Metadata.mistake(
            format!("The URL in the provider's metadata is not a token endpoint: it answers {status}"),
            "Have the provider, or the proxy in front of it, correct its metadata",
        ),
        (_, 200..300) => code.warning(
            format!("The token endpoint answers {status} to a made-up code"),
            "See whether it is the token endpoint of an OpenID Provider",
        ),
        (_, 500..) => code.warning(
            format!("The token endpoint answers {status}, so it is unknown whether the client is accepted"),
            "Repeat the check when the provider is working again, and look at its log",
        ),
        _ => code.warning(
            format!("It is unknown whether the client is accepted: the token endpoint answers {status}, \"{said}\", to a made-up code"),
            "Read what it says, and try a login",
        ),
    }
}

/// What to correct, by the method.
fn credentials(auth: &ClientAuth) -> &'static str {
    match auth {
        ClientAuth::ClientSecretBasic(_)
        | ClientAuth::ClientSecretPost(_)
        | ClientAuth::ClientSecretJwt(_) => {
            "Set `client_id` and `client_secret` (LATCHGATE_CLIENT_SECRET) to exactly those of the registration, and `client_auth` to the method for which the client is registered"
        }
        ClientAuth::PrivateKeyJwt(_) => {
            "Register the public key of `client_key_file` at the provider, with the same key id and algorithm (`client_key_id`, `client_auth_alg`); some providers need `assertion_audience` = `token_endpoint`; and check the clocks"
        }
        ClientAuth::TlsClientAuth | ClientAuth::SelfSignedTlsClientAuth => {
            "Register the certificate of `client_cert_file` at the provider, and check whether the proxy that terminates TLS there passes it on"
        }
        ClientAuth::AppleClientSecret { .. } => {
            "Compare the team id, the key id and the Services ID with those at Apple"
        }
        ClientAuth::None => {
            "Register the client as a public one, or set `client_secret` (LATCHGATE_CLIENT_SECRET)"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;
    use serde_json::json;

    fn judged(status: u16, body: &str, auth: &ClientAuth) -> Finding {
        let answer = Response::builder().status(status);
        let answer = answer.body(body.as_bytes().to_vec()).unwrap();
        let finding = judge(auth, &TokenRefusal::read(&answer));
        let is_cured = finding.cure().is_some();
        assert_eq!(is_cured, finding.severity() > Severity::Ok, "{finding}");
        finding
    }

    #[test]
    fn only_a_refusal_of_the_code_is_good() {
        let secret = ClientAuth::ClientSecretBasic("s3cret".into());
        let error =
            |error: &str| json!({ "error": error, "error_description": "so it is" }).to_string();
        use FindingCode::{ClientAuthentication, Dpop, Metadata};
        for (status, body, code, severity) in [
            (
                400,
                error("invalid_grant"),
                ClientAuthentication,
                Severity::Ok,
            ),
            (
                403,
                error("invalid_grant"),
                ClientAuthentication,
                Severity::Ok,
            ),
            (
                200,
                error("bad_verification_code"),
                ClientAuthentication,
                Severity::Ok,
            ),
            (
                401,
                error("invalid_client"),
                ClientAuthentication,
                Severity::Mistake,
            ),
            (
                400,
                error("invalid_client"),
                ClientAuthentication,
                Severity::Mistake,
            ),
            (
                401,
                error("access_denied"),
                ClientAuthentication,
                Severity::Mistake,
            ),
            (401, String::new(), ClientAuthentication, Severity::Mistake),
            (
                400,
                error("unauthorized_client"),
                ClientAuthentication,
                Severity::Mistake,
            ),
            (400, error("invalid_dpop_proof"), Dpop, Severity::Mistake),
            (
                400,
                error("invalid_request"),
                ClientAuthentication,
                Severity::Warning,
            ),
            (404, "not here".to_owned(), Metadata, Severity::Mistake),
            (503, String::new(), ClientAuthentication, Severity::Warning),
            (
                200,
                json!({ "access_token": "t0ken" }).to_string(),
                ClientAuthentication,
                Severity::Warning,
            ),
        ] {
            let finding = judged(status, &body, &secret);
            let found = (finding.code(), finding.severity());
            assert_eq!(found, (code, severity), "{status} {body}");
            assert!(!finding.what().contains("t0ken"), "{finding}");
        }
    }

    #[test]
    fn the_cure_is_that_of_the_method() {
        let refused = json!({ "error": "invalid_client" }).to_string();
        for (auth, word) in [
            (
                ClientAuth::ClientSecretPost("s3cret".into()),
                "LATCHGATE_CLIENT_SECRET",
            ),
            (ClientAuth::None, "public"),
            (ClientAuth::TlsClientAuth, "client_cert_file"),
        ] {
            let finding = judged(401, &refused, &auth);
            assert!(finding.cure().unwrap().contains(word), "{finding}");
        }
    }
}
