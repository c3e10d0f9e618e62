//! ID tokens of a provider of our own, honest and not:
//! [OpenID Connect Core 1.0 §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken).

mod refreshed;
mod steps;

use serde_json::json;

use super::*;
use crate::authorization::{LoginOptions, PendingLogin, StepUp};
use crate::client::{ClientAuth, Registration};
use crate::jose::Signer;
use crate::jose::{Algorithm, KeySet};

const NOW: u64 = 1_700_000_000;
const LEEWAY: u64 = 30;

/// With the `at_hash` that goes with it: OpenID Connect Core 1.0 §A.4.
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
const AT_HASH: &str = "77QmUPtjPfzWtF2AnpK9RQ";

/// A login that waits for its ID token, and the provider that signs one.
struct Login {
    registration: Registration,
    signer: Signer,
    keys: KeySet,
    expected: Expected,
    header: Value,
    claims: Value,
}

fn login(algorithm: Algorithm) -> Login {
    let mut registration = Registration::example();
    registration.id_token_alg = algorithm;
    let signer = match algorithm {
        Algorithm::Hs256 => Signer::Secret(registration.auth.secret().unwrap().expose().to_owned()),
        _ => Signer::new(algorithm),
    };
    let pending = PendingLogin::example(NOW);
    Login {
        keys: KeySet::parse(
            json!({ "keys": [signer.jwk_named("k")] })
                .to_string()
                .as_bytes(),
        )
        .unwrap(),
        header: json!({ "alg": algorithm.as_str(), "kid": "k" }),
        claims: json!({
            "iss": "https://op.example",
            "sub": "248289761001",
            "aud": "my-app",
            "exp": NOW + 300,
            "iat": NOW,
            "nonce": pending.nonce.text(),
        }),
        expected: Expected {
            nonce: pending.nonce,
            max_age: None,
            dpop_key: None,
            step_up: None,
        },
        registration,
        signer,
    }
}

impl Login {
    fn rules(&self) -> Rules<'_> {
        Rules {
            registration: &self.registration,
            keys: &self.keys,
            now: NOW,
            leeway: LEEWAY,
        }
    }

    fn token(&self) -> String {
        let (header, claims) = (self.header.to_string(), self.claims.to_string());
        let algorithm = self.registration.id_token_alg;
        self.signer.token(algorithm, &header, &claims)
    }

    fn verify_text(&self, token: &str) -> Result<IdToken, IdTokenError> {
        verify(&self.rules(), Some(token), ACCESS_TOKEN, &self.expected)
    }

    fn verify(&self) -> Result<IdToken, IdTokenError> {
        self.verify_text(&self.token())
    }

    /// What comes of the ID token when a claim has this value, or with `null` none.
    fn with(&mut self, claim: &str, value: Value) -> Result<IdToken, IdTokenError> {
        let claims = self.claims.as_object_mut().unwrap();
        let before = match value {
            Value::Null => claims.remove(claim),
            value => claims.insert(claim.to_owned(), value),
        };
        let verified = self.verify();
        let claims = self.claims.as_object_mut().unwrap();
        match before {
            Some(before) => claims.insert(claim.to_owned(), before),
            None => claims.remove(claim),
        };
        verified
    }

    /// Every value is refused for the same reason.
    fn refuses(&mut self, claim: &str, values: &[Value], reason: &IdTokenError) {
        for value in values {
            let refused = self.with(claim, value.clone()).map(|_| ()).unwrap_err();
            assert_eq!(refused, *reason, "{claim}: {value}");
        }
    }

    /// Every value is accepted.
    fn accepts(&mut self, claim: &str, values: &[Value]) {
        for value in values {
            let verified = self.with(claim, value.clone());
            assert!(verified.is_ok(), "{claim}: {value}: {verified:?}");
        }
    }

    /// Why the token is refused when a header member has this value.
    fn headed(&mut self, member: &str, value: Value) -> Result<IdToken, IdTokenError> {
        self.header[member] = value;
        self.verify()
    }
}

fn jws(error: JwsError) -> IdTokenError {
    IdTokenError::Jws(error)
}
