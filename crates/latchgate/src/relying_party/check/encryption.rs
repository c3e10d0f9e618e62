//! How the provider encrypts for this client, compared with the settings
//! ([OpenID Connect Discovery 1.0 §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)).

use super::document::{Document, Listed};
use crate::client::Registration;
use crate::jose::Encryption;
use crate::report::{Finding, FindingCode};

/// What is encrypted, and the names that the metadata and the settings have for it.
struct Encrypted {
    told: &'static str,
    alg_member: &'static str,
    enc_member: &'static str,
    /// The settings of both algorithms.
    settings: &'static str,
}

const ID_TOKENS: Encrypted = Encrypted {
    told: "ID tokens",
    alg_member: "id_token_encryption_alg_values_supported",
    enc_member: "id_token_encryption_enc_values_supported",
    settings: "`id_token_encryption_alg` and `id_token_encryption_enc` (LATCHGATE_ID_TOKEN_ENCRYPTION_ALG, LATCHGATE_ID_TOKEN_ENCRYPTION_ENC)",
};

const USERINFO: Encrypted = Encrypted {
    told: "userinfo",
    alg_member: "userinfo_encryption_alg_values_supported",
    enc_member: "userinfo_encryption_enc_values_supported",
    settings: "`userinfo_encryption_alg` and `userinfo_encryption_enc` (LATCHGATE_USERINFO_ENCRYPTION_ALG, LATCHGATE_USERINFO_ENCRYPTION_ENC)",
};

/// What is to be encrypted.
pub(super) fn judge(document: &Document, registration: &Registration) -> Vec<Finding> {
    let id_token = registration.id_token_encryption.as_ref();
    let userinfo = registration.userinfo_encryption.as_ref();
    let kinds = [(ID_TOKENS, id_token), (USERINFO, userinfo)];
    let agreed = kinds
        .into_iter()
        .filter_map(|(kind, agreed)| Some((kind, agreed?)));
    agreed
        .map(|(kind, agreed)| of_kind(document, &kind, agreed))
        .collect()
}

fn of_kind(document: &Document, kind: &Encrypted, agreed: &Encryption) -> Finding {
    let code = FindingCode::Encryption;
    let Encrypted { told, settings, .. } = kind;
    let (alg, enc) = (agreed.alg.as_str(), agreed.enc.as_str());
    let cure = format!("Set {settings} to what this client is registered for");
    let listed = [(kind.alg_member, alg), (kind.enc_member, enc)]
        .map(|(member, name)| (member, name, document.lists(member, name)));
    let is = |expected| move |found: &&(_, _, Listed)| found.2 == expected;
    if let Some((member, name, _)) = listed.iter().find(is(Listed::No)) {
        let others = document.told(member);
        let what = format!(
            "The provider is to encrypt {told} with {alg} and {enc}, but in place of {name} it has {others}"
        );
        code.mistake(what, cure)
    } else if listed.iter().any(|found| found.2 == Listed::Unknown) {
        let what = format!(
            "The provider is to encrypt {told} with {alg} and {enc}, and does not say that it can"
        );
        code.warning(what, cure)
    } else {
        let what = format!("The provider is to encrypt {told} with {alg} and {enc}, which it has");
        code.ok(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{ContentEncryption, KeyManagement};
    use crate::report::Severity;
    use serde_json::{Value, json};

    fn agreed(alg: KeyManagement, enc: ContentEncryption) -> Option<Encryption> {
        Some(Encryption {
            alg,
            enc,
            keys: Vec::new(),
        })
    }

    fn judged(document: Value, registration: &Registration) -> Vec<Finding> {
        judge(&Document::example(document), registration)
    }

    #[test]
    fn nothing_is_said_of_what_nobody_encrypts() {
        let document = json!({ "id_token_encryption_alg_values_supported": [] });
        assert_eq!(judged(document, &Registration::example()), []);
    }

    #[test]
    fn both_algorithms_have_to_be_on_their_lists() {
        let id_token = Registration {
            id_token_encryption: agreed(KeyManagement::EcdhEs, ContentEncryption::A128Gcm),
            ..Registration::example()
        };
        let lists = |alg: &[&str], enc: &[&str]| {
            json!({
                "id_token_encryption_alg_values_supported": alg,
                "id_token_encryption_enc_values_supported": enc,
                "userinfo_encryption_alg_values_supported": [],
            })
        };
        for (document, severity, words) in [
            (
                lists(&["RSA-OAEP", "ECDH-ES"], &["A128GCM"]),
                Severity::Ok,
                "ID tokens with ECDH-ES and A128GCM, which it has",
            ),
            (
                lists(&["RSA-OAEP"], &["A128GCM"]),
                Severity::Mistake,
                "in place of ECDH-ES it has `RSA-OAEP`",
            ),
            (
                lists(&["ECDH-ES"], &["A256GCM"]),
                Severity::Mistake,
                "in place of A128GCM it has `A256GCM`",
            ),
            (
                json!({ "id_token_encryption_alg_values_supported": ["ECDH-ES"] }),
                Severity::Warning,
                "does not say that it can",
            ),
            (
                json!({ "id_token_encryption_enc_values_supported": ["A256GCM"] }),
                Severity::Mistake,
                "A256GCM",
            ),
        ] {
            let findings = judged(document, &id_token);
            let [finding] = &findings[..] else {
                panic!("{findings:?}");
            };
            assert_eq!(finding.severity(), severity, "{finding}");
            assert!(finding.what().contains(words), "{finding}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }

    #[test]
    fn userinfo_has_lists_and_settings_of_its_own() {
        let both = Registration {
            id_token_encryption: agreed(KeyManagement::RsaOaep, ContentEncryption::A128Gcm),
            userinfo_encryption: agreed(KeyManagement::EcdhEs, ContentEncryption::A256Gcm),
            ..Registration::example()
        };
        let document = json!({
            "id_token_encryption_alg_values_supported": ["RSA-OAEP"],
            "id_token_encryption_enc_values_supported": ["A128GCM"],
            "userinfo_encryption_alg_values_supported": ["RSA-OAEP"],
            "userinfo_encryption_enc_values_supported": ["A256GCM"],
        });
        let findings = judged(document, &both);
        let severities: Vec<_> = findings.iter().map(Finding::severity).collect();
        assert_eq!(severities, [Severity::Ok, Severity::Mistake]);
        let cure = findings[1].cure().unwrap();
        assert!(cure.contains("LATCHGATE_USERINFO_ENCRYPTION_ALG"), "{cure}");
    }
}
