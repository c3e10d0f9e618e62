//! How the provider signs ID tokens, compared with what is accepted.

use super::document::{Document, Listed};
use crate::client::Registration;
use crate::report::{Finding, FindingCode};

/// The algorithm of ID tokens.
pub(super) fn id_token_alg(document: &Document, registration: &Registration) -> Finding {
    const MEMBER: &str = "id_token_signing_alg_values_supported";
    let alg = registration.id_token_alg.as_str();
    let code = FindingCode::IdTokenAlg;
    let told = document.told(MEMBER);
    match document.lists(MEMBER, alg) {
        Listed::Yes => code.ok(
            format!("ID tokens are expected to be signed with {alg}, which the provider supports"),
        ),
        Listed::No => code.mistake(
            format!("ID tokens are expected to be signed with {alg}, but the provider signs with {told}"),
            "Set `id_token_alg` (LATCHGATE_ID_TOKEN_ALG) to the one that this client is registered for",
        ),
        Listed::Unknown => code.hint(
            format!("The provider does not say how it signs ID tokens; {alg} is expected"),
            "If logins fail with `id_token_alg`, set `id_token_alg` to what the client is registered for",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::Algorithm;
    use crate::report::Severity;
    use serde_json::json;

    #[test]
    fn an_algorithm_that_the_provider_does_not_have_is_a_mistake() {
        let registration = Registration {
            id_token_alg: Algorithm::Es256,
            ..Registration::example()
        };
        for (document, severity) in [
            (
                json!({ "id_token_signing_alg_values_supported": ["RS256", "ES256"] }),
                Severity::Ok,
            ),
            (
                json!({ "id_token_signing_alg_values_supported": ["RS256"] }),
                Severity::Mistake,
            ),
            (
                json!({ "id_token_signing_alg_values_supported": [] }),
                Severity::Mistake,
            ),
            (
                json!({ "id_token_signing_alg_values_supported": "ES256" }),
                Severity::Hint,
            ),
            (json!({}), Severity::Hint),
        ] {
            let finding = id_token_alg(&Document::example(document), &registration);
            assert_eq!(finding.severity(), severity, "{finding}");
        }
        let other = json!({ "id_token_signing_alg_values_supported": ["RS256"] });
        let finding = id_token_alg(&Document::example(other), &registration);
        assert!(
            finding
                .what()
                .contains("ES256, but the provider signs with `RS256`"),
            "{finding}"
        );
    }
}
