//! The authorization response: [RFC 6749 §4.1.2](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2),
//! [RFC 9207 §2.4](https://www.rfc-editor.org/rfc/rfc9207#section-2.4),
//! [OpenID Connect Core 1.0 §3.1.2.6](https://openid.net/specs/openid-connect-core-1_0.html#AuthError),
//! [JARM §2.3](https://openid.net/specs/oauth-v2-jarm-final.html#section-2.3).
//!
//! Nothing in it is trusted, shown or acted on before `state` has been compared with the login cookie,
//! and `iss` with the provider at which the login was started.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::pending::PendingLogin;
use super::pkce::CodeVerifier;
use super::secrets::Nonce;
use super::step_up::ExpectedStepUp;
use crate::client::Registration;
use crate::jose::{Jws, ProofKey};
use crate::provider::Metadata;

/// The parameters of an authorization response, each at most once.
#[derive(Default)]
pub(crate) struct Parameters<'a> {
    state: Option<Cow<'a, str>>,
    code: Option<Cow<'a, str>>,
    iss: Option<Cow<'a, str>>,
    error: Option<Cow<'a, str>>,
    error_description: Option<Cow<'a, str>>,
    /// All of the above as a JWT.
    response: Option<Cow<'a, str>>,
}

/// A code that came with the right `state` and `iss` to the browser that started the login, with its
/// code verifier. Only [`response`] makes one, and the token request consumes it.
pub(crate) struct VerifiedCode {
    pub(crate) code: String,
    pub(crate) verifier: CodeVerifier,
    /// The key that it is bound to.
    pub(crate) dpop_key: Option<ProofKey>,
}

/// What the ID token must say to answer this login.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) nonce: Nonce,
    pub(crate) max_age: Option<u64>,
    /// The key that the tokens must be bound to.
    pub(crate) dpop_key: Option<ProofKey>,
    pub(crate) step_up: Option<ExpectedStepUp>,
}

debug_redacted!(VerifiedCode);

/// Why an authorization response was refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// A parameter occurs twice (RFC 6749 §3.1).
    #[error("the parameter `{0}` occurs twice")]
    Duplicate(&'static str),
    /// No `state`.
    #[error("the provider's answer has no `state`")]
    StateMissing,
    /// This browser has no pending login for this `state`: the cookie is missing, expired, used, or in
    /// another browser.
    #[error(
        "this browser has no pending login for that `state`: the cookie is missing, expired or used, or the login began on a host other than the base URL's"
    )]
    NoPendingLogin,
    /// `state` differs from the one in the login cookie.
    #[error("`state` is not the one of this login")]
    StateMismatch,
    /// The login was started at another provider.
    #[error("the login was started at another provider")]
    OtherProvider,
    /// `iss` is not the provider the login was started at (RFC 9207 §2.4).
    #[error("`iss` is not the issuer at which this login was started")]
    IssMismatch,
    /// `iss` is missing although the provider says that it always sends it.
    #[error("`iss` is missing, although the provider's metadata says that it is always sent")]
    IssMissing,
    /// The provider refused the login.
    #[error("the provider refused the login: {error} ({description})")]
    Refused {
        /// The `error` code, at most 64 visible ASCII characters of it.
        error: String,
        /// The description, for logs only, shortened and stripped of control characters.
        description: String,
    },
    /// Neither `code` nor `error`, or an empty `code`.
    #[error("the provider's answer has no `code`")]
    CodeMissing,
    /// No `response`, although the answer was to come as a JWT: whatever else it says does not count.
    #[error(
        "the provider's answer has no `response`, although it was to come as a JWT; let the provider sign its answers to this client, or set `response_mode` to `query`"
    )]
    ResponseMissing,
}

debug_with_causes!(AuthorizationError);

impl<'a> Parameters<'a> {
    /// Parses a query string or a form body. Unknown parameters are ignored.
    pub(crate) fn parse(encoded: &'a [u8]) -> Result<Self, AuthorizationError> {
        let mut parameters = Self::default();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            let (slot, name) = match name.as_ref() {
                "state" => (&mut parameters.state, "state"),
                "code" => (&mut parameters.code, "code"),
                "iss" => (&mut parameters.iss, "iss"),
                "error" => (&mut parameters.error, "error"),
                "error_description" => (&mut parameters.error_description, "error_description"),
                "response" => (&mut parameters.response, "response"),
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(AuthorizationError::Duplicate(name));
            }
        }
        Ok(parameters)
    }

    /// The `state` that names the login cookie, wherever it is. Of a JWT it is read unverified: it only finds the login,
    /// and is compared with it once the JWT is verified.
    pub(crate) fn names_login(&self) -> Result<Cow<'_, str>, AuthorizationError> {
        match &self.response {
            None => self.state().map(Cow::Borrowed),
            Some(jwt) => match Jws::parse(jwt).and_then(|jws| jws.claims()) {
                Ok(claims) => Self::of_claims(&claims)
                    .state()
                    .map(|state| Cow::Owned(state.to_owned())),
                Err(_) => Err(AuthorizationError::StateMissing),
            },
        }
    }

    /// The JWT that has the parameters.
    pub(crate) fn jwt(&self) -> Result<&str, AuthorizationError> {
        let jwt = self.response.as_deref().filter(|jwt| !jwt.is_empty());
        jwt.ok_or(AuthorizationError::ResponseMissing)
    }

    /// The parameters of a JWT's claims. One that is not a text is left out.
    pub(crate) fn of_claims(claims: &Map<String, Value>) -> Parameters<'static> {
        let text = |name| {
            let value = claims.get(name).and_then(Value::as_str);
            value.map(|value| Cow::Owned(value.to_owned()))
        };
        Parameters {
            state: text("state"),
            code: text("code"),
            iss: text("iss"),
            error: text("error"),
            error_description: text("error_description"),
            response: None,
        }
    }

    fn state(&self) -> Result<&str, AuthorizationError> {
        match self.state.as_deref() {
            Some(state) if !state.is_empty() => Ok(state),
            _ => Err(AuthorizationError::StateMissing),
        }
    }
}

/// Checks a response against the pending login it belongs to, and consumes that login.
pub(crate) fn response(
    parameters: Parameters<'_>,
    pending: PendingLogin,
    registration: &Registration,
    metadata: &Metadata,
) -> Result<(VerifiedCode, Expected), AuthorizationError> {
    if !pending.state.equals(parameters.state()?) {
        return Err(AuthorizationError::StateMismatch);
    }
    if pending.registration != registration.id {
        return Err(AuthorizationError::OtherProvider);
    }
    match parameters.iss.as_deref() {
        Some(iss) if !registration.issuer.covers(iss) => {
            return Err(AuthorizationError::IssMismatch);
        }
        None if metadata.iss_parameter_supported() => return Err(AuthorizationError::IssMissing),
        _ => {}
    }
    if let Some(error) = parameters.error {
        return Err(AuthorizationError::Refused {
            error: printable(&error, 64),
            description: printable(parameters.error_description.as_deref().unwrap_or(""), 256),
        });
    }
    let code = parameters
        .code
        .filter(|code| !code.is_empty())
        .ok_or(AuthorizationError::CodeMissing)?;
    let verified = VerifiedCode {
        code: code.into_owned(),
        verifier: pending.verifier,
        dpop_key: pending.dpop_key.clone(),
    };
    let expected = Expected {
        nonce: pending.nonce,
        max_age: pending.max_age,
        dpop_key: pending.dpop_key,
        step_up: pending.step_up,
    };
    Ok((verified, expected))
}

/// What an error response says, made safe for a log (RFC 6749 §5.2): the code, and its description. `None` if it has no
/// code.
pub(crate) fn error_response(body: &Map<String, Value>) -> Option<(String, String)> {
    let text = |name| body.get(name).and_then(Value::as_str);
    let error = printable(text("error")?, 64);
    let description = text("error_description").unwrap_or_default();
    Some((error, printable(description, 256)))
}

/// Text from outside, made safe for a log: visible ASCII, shortened.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    text.chars()
        .map(|c| {
            if c == ' ' || c.is_ascii_graphic() {
                c
            } else {
                '.'
            }
        })
        .take(limit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The `state` of [`PendingLogin::example`].
    const STATE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

    type Answer = Result<(String, Option<u64>), AuthorizationError>;

    fn answered_by(query: &str, promised: bool, pending: PendingLogin) -> Answer {
        let promise = json!({ "authorization_response_iss_parameter_supported": promised });
        let metadata = Metadata::example(promise);
        let parameters = Parameters::parse(query.as_bytes())?;
        let (code, expected) = response(parameters, pending, &Registration::example(), &metadata)?;
        Ok((code.code, expected.max_age))
    }

    fn answer(query: &str) -> Answer {
        answered_by(query, false, PendingLogin::example(0))
    }

    #[test]
    fn a_code_with_the_right_state_is_verified_with_what_the_id_token_must_say() {
        let mut pending = PendingLogin::example(0);
        pending.max_age = Some(60);
        let (nonce, challenge) = (pending.nonce.text(), pending.verifier.challenge());
        let query = format!("code=a%2Bb%20c&session_state=x&state={STATE}&unknown=1&unknown=2");
        let (verified, expected) = response(
            Parameters::parse(query.as_bytes()).unwrap(),
            pending,
            &Registration::example(),
            &Metadata::example(json!({})),
        )
        .unwrap();
        assert_eq!(verified.code, "a+b c");
        assert_eq!(verified.verifier.challenge().as_str(), challenge.as_str());
        assert!(expected.nonce.equals(&nonce));
        assert_eq!(expected.max_age, Some(60));
        assert_eq!(format!("{verified:?}"), "VerifiedCode(redacted)");
    }

    #[test]
    fn a_parameter_that_is_there_twice_is_refused() {
        for name in ["state", "code", "iss", "error", "error_description"] {
            for query in [
                format!("{name}=a&{name}=a&code=c&state={STATE}"),
                format!("code=c&state={STATE}&{name}=&{name}="),
                format!(
                    "code=c&{name}=1&state={STATE}&%{:02x}{}=2",
                    name.as_bytes()[0],
                    &name[1..]
                ),
            ] {
                let refused = answer(&query);
                assert!(
                    matches!(refused, Err(AuthorizationError::Duplicate(_))),
                    "{query}"
                );
            }
        }
    }

    #[test]
    fn the_state_must_be_this_logins() {
        for query in ["code=c", "code=c&state=", "", "error=access_denied"] {
            assert_eq!(
                answer(query),
                Err(AuthorizationError::StateMissing),
                "{query}"
            );
        }
        for other in [
            "x",
            &STATE[1..],
            &format!("{STATE}x"),
            &format!("{STATE}%00"),
            &STATE.to_lowercase(),
        ] {
            for rest in [
                "code=c",
                "error=access_denied",
                "iss=https://evil.example&code=c",
            ] {
                let refused = answer(&format!("state={other}&{rest}"));
                assert_eq!(
                    refused,
                    Err(AuthorizationError::StateMismatch),
                    "{other} {rest}"
                );
            }
        }
    }

    #[test]
    fn an_answer_of_another_provider_is_refused() {
        let mut pending = PendingLogin::example(0);
        pending.registration = "other".to_owned();
        let refused = answered_by(&format!("code=c&state={STATE}"), false, pending);
        assert_eq!(refused, Err(AuthorizationError::OtherProvider));
    }

    #[test]
    fn iss_is_compared_whether_or_not_it_was_promised() {
        let query = |rest: &str| format!("code=c&state={STATE}{rest}");
        let check = |rest: &str, promised| {
            answered_by(&query(rest), promised, PendingLogin::example(0)).map(|_| ())
        };
        for promised in [true, false] {
            assert_eq!(check("&iss=https%3A%2F%2Fop.example", promised), Ok(()));
            for wrong in [
                "",
                "https://op.example/",
                "https://OP.example",
                "https://evil.example",
            ] {
                let refused = check(&format!("&iss={wrong}"), promised);
                assert_eq!(refused, Err(AuthorizationError::IssMismatch), "{wrong}");
            }
        }
        assert_eq!(check("", false), Ok(()));
        assert_eq!(check("", true), Err(AuthorizationError::IssMissing));
    }

    #[test]
    fn an_error_counts_only_with_the_right_state_and_iss() {
        let error = "error=access_denied&error_description=no%0d%0aX:%201%3Cb%3E";
        let refused = AuthorizationError::Refused {
            error: "access_denied".to_owned(),
            description: "no..X: 1<b>".to_owned(),
        };
        assert_eq!(
            answer(&format!("{error}&state={STATE}")),
            Err(refused.clone())
        );
        assert_eq!(
            answer(&format!("{error}&state={STATE}&code=c")),
            Err(refused)
        );
        assert_eq!(
            answer(&format!("{error}&state={STATE}&iss=https://evil.example")),
            Err(AuthorizationError::IssMismatch)
        );
        assert_eq!(
            answered_by(
                &format!("{error}&state={STATE}"),
                true,
                PendingLogin::example(0)
            ),
            Err(AuthorizationError::IssMissing)
        );
        assert_eq!(
            answer(&format!("{error}&state=x")),
            Err(AuthorizationError::StateMismatch)
        );
        let long = answer(&format!(
            "error={}&error_description={}&state={STATE}",
            "e".repeat(5_000),
            "d".repeat(5_000)
        ));
        assert!(matches!(
            long,
            Err(AuthorizationError::Refused { error, description }) if error.len() == 64 && description.len() == 256
        ));
    }

    #[test]
    fn a_code_must_be_there_and_not_empty() {
        for rest in ["", "&code=", "&code"] {
            let refused = answer(&format!("state={STATE}{rest}"));
            assert_eq!(refused, Err(AuthorizationError::CodeMissing), "{rest}");
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic() {
        for bytes in [
            &b"%"[..],
            b"%zz=%",
            b"\xff=\xfe",
            b"state=%ff&code=%c3%28",
            b"&&==&",
            b"state",
        ] {
            assert!(Parameters::parse(bytes).is_ok());
        }
    }
}
