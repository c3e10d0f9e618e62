//! The keys that the provider publishes ([RFC 7517 §5](https://www.rfc-editor.org/rfc/rfc7517#section-5)).

use http::Response;
use serde_json::Value;

use crate::jose::{Algorithm, strict_object};
use crate::provider::keys_response;
use crate::report::{Finding, FindingCode, counted};

/// Judges the answer of the `jwks_uri`.
pub(super) fn judge(answer: &Response<Vec<u8>>, alg: Algorithm) -> Vec<Finding> {
    let code = FindingCode::Keys;
    let mut findings = Vec::new();
    match keys_response(answer) {
        _ if alg.is_symmetric() => findings.push(code.ok(format!(
            "ID tokens are verified with the client secret ({alg}), not with the provider's keys"
        ))),
        Err(error) => findings.push(code.mistake(
            format!("No token can be verified: {error:?}"),
            "Have the provider publish its public keys at its `jwks_uri`",
        )),
        Ok(keys) => {
            let fitting: Vec<_> = keys.candidates(None, alg).collect();
            let unnamed = fitting.iter().filter(|key| key.kid().is_none()).count();
            findings.push(match (fitting.len(), unnamed) {
                (0, _) => code.mistake(
                    format!("None of the provider's keys is for {alg}, so no token can be verified"),
                    "Set `id_token_alg` (LATCHGATE_ID_TOKEN_ALG; for an API `api_alg`) to the algorithm of its keys, or have the provider add a key for this one",
                ),
                (1, _) | (_, 0) => code.ok(
                    format!("The provider publishes keys for {alg}: {}", fitting.len()),
                ),
                (all, unnamed) => code.warning(
                    format!("The provider publishes {all} keys for {alg}, {unnamed} of them without a `kid`, so a new key cannot be distinguished from the old one"),
                    "Have the provider give each of its keys a `kid`",
                ),
            });
        }
    }
    findings.extend(private_keys(answer.body()));
    findings
}

/// The members that only private keys of a type have
/// ([RFC 7518 §6](https://www.rfc-editor.org/rfc/rfc7518#section-6), [RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2)).
const PRIVATE: [(&str, &[&str]); 4] = [
    ("RSA", &["d", "p", "q", "dp", "dq", "qi"]),
    ("EC", &["d"]),
    ("OKP", &["d"]),
    ("oct", &["k"]),
];

fn is_private(key: &Value) -> bool {
    let kind = key.get("kty").and_then(Value::as_str);
    let mut kinds = PRIVATE.iter();
    let members = kinds.find(|(name, _)| kind == Some(*name));
    members.is_some_and(|(_, members)| members.iter().any(|member| key.get(member).is_some()))
}

/// A private key among those that are published.
fn private_keys(body: &[u8]) -> Option<Finding> {
    let set = strict_object(body).ok()?;
    let keys = set.get("keys").and_then(Value::as_array)?;
    let leaked = keys.iter().filter(|key| is_private(key)).count();
    (leaked > 0).then(|| {
        let what = format!("The provider publishes {} at its `jwks_uri`: anybody can sign tokens", counted(leaked, "private key"));
        FindingCode::PrivateKeys.mistake(
            what,
            "Replace these keys at the provider now, and publish only the public keys of the new ones",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Signer;
    use crate::report::Severity;
    use serde_json::json;

    fn judged(status: u16, body: &str, alg: Algorithm) -> Vec<(FindingCode, Severity)> {
        let answer = Response::builder().status(status);
        let answer = answer.body(body.as_bytes().to_vec()).unwrap();
        let findings = judge(&answer, alg);
        findings
            .iter()
            .map(|finding| (finding.code(), finding.severity()))
            .collect()
    }

    #[test]
    fn there_is_a_key_for_the_expected_algorithm() {
        use FindingCode::{Keys, PrivateKeys};
        let set = |keys: &[Value]| json!({ "keys": keys }).to_string();
        let rsa = Signer::new(Algorithm::Rs256).jwk_named("a");
        let unnamed = Signer::new(Algorithm::Rs256).jwk();
        let mut private = rsa.clone();
        private["d"] = json!("AQAB");
        // A type that is not known yet may have public members of any name.
        let of_another_type = json!({ "kty": "LATTICE", "q": "AQAB", "d": "AQAB" });
        let named = set(&[rsa.clone(), of_another_type]);
        for (status, body, alg, expected) in [
            (
                200,
                named.clone(),
                Algorithm::Rs256,
                &[(Keys, Severity::Ok)][..],
            ),
            (
                200,
                named.clone(),
                Algorithm::Es256,
                &[(Keys, Severity::Mistake)],
            ),
            (200, named, Algorithm::Hs256, &[(Keys, Severity::Ok)]),
            (
                404,
                String::new(),
                Algorithm::Rs256,
                &[(Keys, Severity::Mistake)],
            ),
            (
                200,
                set(&[]),
                Algorithm::Rs256,
                &[(Keys, Severity::Mistake)],
            ),
            (
                200,
                "<html>".to_owned(),
                Algorithm::Rs256,
                &[(Keys, Severity::Mistake)],
            ),
            (
                200,
                set(std::slice::from_ref(&unnamed)),
                Algorithm::Rs256,
                &[(Keys, Severity::Ok)],
            ),
            (
                200,
                set(&[rsa, unnamed]),
                Algorithm::Rs256,
                &[(Keys, Severity::Warning)],
            ),
            (
                200,
                set(&[private]),
                Algorithm::Rs256,
                &[(Keys, Severity::Mistake), (PrivateKeys, Severity::Mistake)],
            ),
        ] {
            assert_eq!(judged(status, &body, alg), expected, "{body} {alg}");
        }
    }
}
