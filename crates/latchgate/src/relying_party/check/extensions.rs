//! Extensions that the provider or the settings require: pushed and signed authorization requests, tokens that are bound to
//! a key, security profiles, userinfo ([RFC 9126 §5](https://www.rfc-editor.org/rfc/rfc9126#section-5),
//! [RFC 9101 §10.5](https://www.rfc-editor.org/rfc/rfc9101#section-10.5),
//! [RFC 9449 §5.1](https://www.rfc-editor.org/rfc/rfc9449#section-5.1)).

use super::document::{Document, Listed};
use crate::client::{
    ClientAuth, Registration, SecurityProfile, SenderConstraint, Usage, UserinfoPolicy,
};
use crate::provider::Metadata;
use crate::report::{Finding, FindingCode};

/// Each extension that matters here.
pub(super) fn judge(
    document: &Document,
    metadata: &Metadata,
    registration: &Registration,
) -> Vec<Finding> {
    [
        Some(pushed_requests(metadata, registration)),
        signed_requests(metadata, registration),
        dpop(document, registration),
        profile(metadata, registration),
        userinfo(metadata, registration),
        userinfo_alg(document, registration),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn pushed_requests(metadata: &Metadata, registration: &Registration) -> Finding {
    let code = FindingCode::PushedRequests;
    let is_offered = metadata.pushed_authorization_request_endpoint().is_some();
    let is_required = metadata.requires_pushed_requests();
    match (registration.par, is_required, is_offered) {
        (Usage::Never, true, _) => code.mistake(
            "The provider accepts pushed authorization requests only, but `par` is `false`",
            "Set `par` (LATCHGATE_PAR) to `auto`",
        ),
        (Usage::Always, _, false) | (Usage::WhenRequired, true, false) => code.mistake(
            "Authorization requests should be pushed, but the provider has no endpoint for that",
            "Set `par` (LATCHGATE_PAR) to `auto`, or turn on pushed authorization requests at the provider",
        ),
        (Usage::Always, _, true) | (Usage::WhenRequired, true, true) => {
            code.ok("Authorization requests are pushed to the provider")
        }
        (_, false, true) => code.ok(
            "Authorization requests go through the browser; the provider would accept pushed ones, too (`par` = `true`)",
        ),
        (_, false, false) => code.ok("Authorization requests go through the browser"),
    }
}

fn signed_requests(metadata: &Metadata, registration: &Registration) -> Option<Finding> {
    let code = FindingCode::SignedRequests;
    let is_required = metadata.requires_signed_requests();
    let has_key = matches!(registration.auth, ClientAuth::PrivateKeyJwt(_));
    match (registration.signed_requests, is_required) {
        (Usage::Never, true) => Some(
            code.mistake(
                "The provider accepts signed authorization requests only, but `signed_requests` is `false`",
                "Set `signed_requests` (LATCHGATE_SIGNED_REQUESTS) to `auto`",
            ),
        ),
        (Usage::Never, false) | (Usage::WhenRequired, false) => None,
        _ if has_key => Some(code.ok("Authorization requests are signed")),
        _ => Some(
            code.mistake(
                "Authorization requests have to be signed, but the client has no key",
                "Set `client_auth` to `private_key_jwt` and `client_key_file` to the client's key",
            ),
        ),
    }
}

fn dpop(document: &Document, registration: &Registration) -> Option<Finding> {
    const MEMBER: &str = "dpop_signing_alg_values_supported";
    let code = FindingCode::Dpop;
    let told = document.told(MEMBER);
    let is_used = registration.binding == SenderConstraint::Dpop;
    let cure = "Turn on DPoP with ES256 at the provider, or set `dpop` (LATCHGATE_DPOP) to `auto`";
    match (is_used, document.lists(MEMBER, "ES256")) {
        (true, Listed::Yes) => Some(code.ok("Tokens are bound to a key of each session")),
        (true, Listed::No) => Some(
            code.mistake(
                format!("Tokens should be bound to a key with ES256, but the provider supports {told}"),
                cure,
            ),
        ),
        (true, Listed::Unknown) => Some(
            code.warning(
                "Tokens should be bound to a key, but the provider does not say that it supports that",
                cure,
            ),
        ),
        (false, Listed::Yes) => Some(code.ok(
            "Tokens are not bound to a key; the provider supports it (`dpop` = `true`), and requires it for clients that are registered for it",
        )),
        (false, _) => None,
    }
}

fn profile(metadata: &Metadata, registration: &Registration) -> Option<Finding> {
    let is_wanted = registration.profile != SecurityProfile::None
        || registration.binding == SenderConstraint::Certificate;
    let code = FindingCode::SecurityProfile;
    match registration.check_profile(metadata) {
        Ok(()) => is_wanted.then(|| code.ok("The provider's metadata meets the security profile")),
        Err(error) => {
            let members: Vec<_> = error
                .members()
                .map(|member| format!("`{member}`"))
                .collect();
            let (what, cure) = (format!("Logins are refused: {error}"), members.join(", "));
            let cure = format!("Change {cure} at the provider, or the setting that requires it");
            Some(code.mistake(what, cure))
        }
    }
}

fn userinfo(metadata: &Metadata, registration: &Registration) -> Option<Finding> {
    if registration.userinfo == UserinfoPolicy::Never || registration.plain_oauth2.is_some() {
        return None;
    }
    let code = FindingCode::Userinfo;
    Some(match metadata.userinfo_endpoint() {
        Some(_) => code.ok("The provider has a userinfo endpoint"),
        None => code.mistake(
            "The userinfo endpoint should be called at every login, but the provider has none",
            "Set `userinfo` (LATCHGATE_USERINFO) to `false`",
        ),
    })
}

fn userinfo_alg(document: &Document, registration: &Registration) -> Option<Finding> {
    const MEMBER: &str = "userinfo_signing_alg_values_supported";
    let told = document.told(MEMBER);
    let alg = registration.userinfo_alg?.as_str();
    (document.lists(MEMBER, alg) == Listed::No).then(|| {
        let what =
            format!("Userinfo should be signed with {alg}, but the provider supports {told}");
        FindingCode::Userinfo.mistake(
            what,
            "Set `userinfo_alg` (LATCHGATE_USERINFO_ALG) to what the client is registered for",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientKey;
    use crate::jose::Algorithm;
    use crate::report::Severity;
    use serde_json::{Value, json};

    fn severities(
        changes: &Value,
        registration: &Registration,
        code: FindingCode,
    ) -> Vec<Severity> {
        let document = Document::example(changes.clone());
        let findings = judge(&document, &Metadata::example(changes.clone()), registration);
        let about = findings.iter().filter(|finding| finding.code() == code);
        about
            .map(|finding| {
                let is_cured = finding.cure().is_some();
                assert_eq!(is_cured, finding.severity() > Severity::Ok, "{finding}");
                finding.severity()
            })
            .collect()
    }

    fn pushing(par: Usage) -> Registration {
        Registration {
            par,
            ..Registration::example()
        }
    }

    fn signing(signed_requests: Usage, with_key: bool) -> Registration {
        let pem = include_str!("../../jose/private_key/tests/p256.pkcs8.pem");
        let mut registration = Registration::example();
        registration.signed_requests = signed_requests;
        if with_key {
            registration.auth = ClientAuth::PrivateKeyJwt(ClientKey::from_pem(pem).unwrap());
        }
        registration
    }

    #[test]
    fn requests_are_pushed_and_signed_where_that_is_required() {
        use FindingCode::{PushedRequests, SignedRequests};
        let endpoint = "https://op.example/par";
        let offered = json!({ "pushed_authorization_request_endpoint": endpoint });
        let required = json!({
            "pushed_authorization_request_endpoint": endpoint,
            "require_pushed_authorization_requests": true,
        });
        let broken = json!({ "require_pushed_authorization_requests": true });
        for (changes, par, expected) in [
            (&json!({}), Usage::WhenRequired, Severity::Ok),
            (&json!({}), Usage::Never, Severity::Ok),
            (&json!({}), Usage::Always, Severity::Mistake),
            (&offered, Usage::Always, Severity::Ok),
            (&offered, Usage::WhenRequired, Severity::Ok),
            (&required, Usage::WhenRequired, Severity::Ok),
            (&required, Usage::Never, Severity::Mistake),
            (&broken, Usage::WhenRequired, Severity::Mistake),
        ] {
            let found = severities(changes, &pushing(par), PushedRequests);
            assert_eq!(found, [expected], "{changes} {par:?}");
        }
        let required = json!({ "require_signed_request_object": true });
        for (changes, registration, expected) in [
            (&json!({}), signing(Usage::WhenRequired, true), &[][..]),
            (
                &json!({}),
                signing(Usage::Always, false),
                &[Severity::Mistake],
            ),
            (&json!({}), signing(Usage::Always, true), &[Severity::Ok]),
            (
                &required,
                signing(Usage::WhenRequired, true),
                &[Severity::Ok],
            ),
            (
                &required,
                signing(Usage::WhenRequired, false),
                &[Severity::Mistake],
            ),
            (&required, signing(Usage::Never, true), &[Severity::Mistake]),
        ] {
            let found = severities(changes, &registration, SignedRequests);
            assert_eq!(found, expected, "{changes}");
        }
    }

    #[test]
    fn bound_tokens_need_a_provider_that_binds_them() {
        let es256 = json!({ "dpop_signing_alg_values_supported": ["ES256"] });
        let rs256 = json!({ "dpop_signing_alg_values_supported": ["RS256"] });
        for (changes, binding, expected) in [
            (&es256, SenderConstraint::Dpop, &[Severity::Ok][..]),
            (&rs256, SenderConstraint::Dpop, &[Severity::Mistake]),
            (&json!({}), SenderConstraint::Dpop, &[Severity::Warning]),
            (&es256, SenderConstraint::None, &[Severity::Ok]),
            (&json!({}), SenderConstraint::None, &[]),
        ] {
            let registration = Registration {
                binding,
                ..Registration::example()
            };
            let found = severities(changes, &registration, FindingCode::Dpop);
            assert_eq!(found, expected, "{changes}");
        }
        let certificate = Registration {
            binding: SenderConstraint::Certificate,
            ..Registration::example()
        };
        let code = FindingCode::SecurityProfile;
        assert_eq!(
            severities(&json!({}), &certificate, code),
            [Severity::Mistake]
        );
        let binds = json!({ "tls_client_certificate_bound_access_tokens": true });
        assert_eq!(severities(&binds, &certificate, code), [Severity::Ok]);
        assert_eq!(severities(&binds, &Registration::example(), code), []);
    }

    #[test]
    fn userinfo_needs_an_endpoint_and_its_algorithm() {
        let always = Registration {
            userinfo: UserinfoPolicy::Always,
            userinfo_alg: Some(Algorithm::Es256),
            ..Registration::example()
        };
        let code = FindingCode::Userinfo;
        assert_eq!(severities(&json!({}), &always, code), [Severity::Ok]);
        assert_eq!(severities(&json!({}), &Registration::example(), code), []);
        let none = json!({ "userinfo_endpoint": null });
        assert_eq!(severities(&none, &always, code), [Severity::Mistake]);
        let other = json!({ "userinfo_signing_alg_values_supported": ["RS256"] });
        let found = severities(&other, &always, code);
        assert_eq!(found, [Severity::Ok, Severity::Mistake]);
    }
}
