//! What the provider supports, compared with the requests of a login
//! ([OpenID Connect Discovery 1.0 §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)).

use super::document::{Document, Listed};
use crate::client::{ClientAuth, Registration};
use crate::report::{Finding, FindingCode};

/// Everything about a login that metadata can tell.
pub(super) fn judge(document: &Document, registration: &Registration) -> Vec<Finding> {
    let mut findings = vec![
        response_type(document),
        client_auth_method(document, registration),
        pkce(document),
        response_mode(document, registration),
        scopes(document, registration),
        refresh_tokens(document, registration),
        response_iss(document, registration),
    ];
    findings.extend(assertion_alg(document, registration));
    findings
}

fn response_type(document: &Document) -> Finding {
    const MEMBER: &str = "response_types_supported";
    let code = FindingCode::ResponseType;
    let told = document.told(MEMBER);
    match document.lists(MEMBER, "code") {
        Listed::No => code.mistake(
            format!("The provider does not offer the authorization code flow: its response types are {told}"),
            "Turn on the authorization code flow (response type `code`) at the provider",
        ),
        _ => code.ok("The provider offers the authorization code flow"),
    }
}

fn client_auth_method(document: &Document, registration: &Registration) -> Finding {
    const MEMBER: &str = "token_endpoint_auth_methods_supported";
    let method = match &registration.auth {
        ClientAuth::AppleClientSecret { .. } => "client_secret_post",
        auth => auth.method(),
    };
    let code = FindingCode::ClientAuthMethod;
    let told = document.told(MEMBER);
    let cure =
        "Set `client_auth` (LATCHGATE_CLIENT_AUTH) to the method that the client is registered for";
    match document.lists(MEMBER, method) {
        Listed::Yes => code.ok(format!("The provider supports `{method}`")),
        // Few providers list `none`, the absence of a method.
        Listed::No if registration.auth == ClientAuth::None => code.hint(
            "This client does not authenticate, and the provider does not list `none`",
            "Register it as a public client or, better, give it a secret or a key",
        ),
        Listed::No => code.warning(
            format!("This client authenticates by `{method}`, but the provider lists {told}"),
            cure,
        ),
        // The default (OpenID Connect Discovery 1.0 §3).
        Listed::Unknown if method == "client_secret_basic" => {
            code.ok("This client authenticates by `client_secret_basic`, the default")
        }
        Listed::Unknown => code.hint(
            format!("The provider does not say how clients authenticate; this one uses `{method}`"),
            cure,
        ),
    }
}

/// The algorithm of client assertions, where the client sends some.
fn assertion_alg(document: &Document, registration: &Registration) -> Option<Finding> {
    const MEMBER: &str = "token_endpoint_auth_signing_alg_values_supported";
    let told = document.told(MEMBER);
    let alg = match &registration.auth {
        ClientAuth::PrivateKeyJwt(key) => key.signature_algorithm().as_str(),
        ClientAuth::ClientSecretJwt(_) => registration
            .assertion_alg
            .map_or("HS256", |alg| alg.as_str()),
        _ => return None,
    };
    (document.lists(MEMBER, alg) == Listed::No).then(|| {
        let what =
            format!("This client signs its assertions with {alg}, but the provider lists {told}");
        FindingCode::ClientAuthMethod.warning(
            what,
            "Set `client_auth_alg` (LATCHGATE_CLIENT_AUTH_ALG) to one of them",
        )
    })
}

fn pkce(document: &Document) -> Finding {
    const MEMBER: &str = "code_challenge_methods_supported";
    let code = FindingCode::Pkce;
    let told = document.told(MEMBER);
    match document.lists(MEMBER, "S256") {
        Listed::Yes => code.ok("The provider supports PKCE with S256"),
        Listed::No => code.warning(
            format!("Every login uses PKCE with S256, but the provider lists {told}"),
            "Turn on PKCE with S256 at the provider; if its logins fail with `invalid_request`, this is why",
        ),
        Listed::Unknown => code.hint(
            "The provider does not say whether it supports PKCE. It is used anyway: a provider without it ignores it",
            "Nothing, if the provider's documentation says that it supports PKCE; otherwise turn it on there",
        ),
    }
}

fn response_mode(document: &Document, registration: &Registration) -> Finding {
    const MEMBER: &str = "response_modes_supported";
    let mode = registration.response_mode.parameter().unwrap_or("query");
    let code = FindingCode::ResponseMode;
    let told = document.told(MEMBER);
    let cure = "Set `response_mode` (LATCHGATE_RESPONSE_MODE) to one that the provider supports";
    match document.lists(MEMBER, mode) {
        Listed::Yes => code.ok(format!("The provider supports the response mode `{mode}`")),
        Listed::No => code.mistake(
            format!("The response mode is `{mode}`, but the provider supports {told}"),
            cure,
        ),
        // The default has `query` and `fragment` (OpenID Connect Discovery 1.0 §3).
        Listed::Unknown if mode == "query" => code.ok("The response mode is `query`, the default"),
        Listed::Unknown => code.warning(
            format!(
                "The response mode is `{mode}`, but the provider does not say that it supports it"
            ),
            cure,
        ),
    }
}

fn scopes(document: &Document, registration: &Registration) -> Finding {
    const MEMBER: &str = "scopes_supported";
    let code = FindingCode::Scopes;
    let asked = registration.scopes.join(" ");
    let Some(listed) = document.list(MEMBER) else {
        let what = format!(
            "The scope is `{asked}`; the provider does not list the scopes that it supports"
        );
        return code.ok(what);
    };
    let scopes = registration.scopes.iter();
    let unlisted: Vec<_> = scopes
        .filter(|scope| !listed.contains(&scope.as_str()) && *scope != "offline_access")
        .map(|scope| format!("`{scope}`"))
        .collect();
    if unlisted.is_empty() {
        return code.ok(format!("The provider supports the scope `{asked}`"));
    }
    // A provider need not list all (OpenID Connect Discovery 1.0 §3).
    let what = format!(
        "The scope has {}, which the provider does not list; it need not list all of them",
        unlisted.join(", ")
    );
    code.hint(
        what,
        "If it is a typo, correct `scopes` (LATCHGATE_SCOPES); if it is a scope of an API, nothing",
    )
}

fn refresh_tokens(document: &Document, registration: &Registration) -> Finding {
    let code = FindingCode::RefreshTokens;
    let asked = registration
        .scopes
        .iter()
        .any(|scope| scope == "offline_access");
    if !asked {
        return code.ok(
            "No refresh token is requested (`offline_access`): fine, unless the application uses access tokens for longer than they last",
        );
    }
    if document.lists("scopes_supported", "offline_access") == Listed::No {
        return code.warning(
            "`offline_access` is requested, but the provider does not list it, so it may not grant a refresh token",
            "See what the provider wants instead (Google: the parameter `access_type=offline`), or remove `offline_access` from `scopes`",
        );
    }
    if document.lists("grant_types_supported", "refresh_token") == Listed::No {
        return code.warning(
            "`offline_access` is requested, but the provider has no grant type `refresh_token`",
            "Turn on refresh tokens at the provider, or remove `offline_access` from `scopes`",
        );
    }
    code.ok(
        "Refresh tokens are requested, and the provider issues them; whether this client gets one, only a login can show",
    )
}

fn response_iss(document: &Document, registration: &Registration) -> Finding {
    let code = FindingCode::ResponseIss;
    let is_sent = document.says("authorization_response_iss_parameter_supported");
    match (is_sent, registration.name.is_empty()) {
        (true, _) => code.ok(
            "The provider identifies itself in every answer, and an answer without `iss` is refused",
        ),
        (false, true) => code.ok(
            "The provider sends no `iss` in its answers, which matters only with several providers",
        ),
        (false, false) => code.hint(
            "The provider sends no `iss` in its answers; its own redirect URI still keeps them apart from those of other providers",
            "Turn on RFC 9207 at the provider, if it supports it, and register no other provider's redirect URI there",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ClientKey, ResponseMode as Mode};
    use crate::report::Severity;
    use serde_json::{Value, json};

    fn judged(document: Value, registration: &Registration) -> Vec<Finding> {
        judge(&Document::example(document), registration)
    }

    /// The severity of the finding about this.
    #[track_caller]
    fn severity(document: &Value, registration: &Registration, code: FindingCode) -> Severity {
        let findings = judged(document.clone(), registration);
        let finding = findings.iter().find(|finding| finding.code() == code);
        let finding = finding.expect("a finding");
        let has_cure = finding.cure().is_some();
        assert_eq!(has_cure, finding.severity() > Severity::Ok, "{finding}");
        finding.severity()
    }

    #[test]
    fn a_provider_that_has_everything_is_in_order() {
        let document = json!({
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
            "response_modes_supported": ["query"],
            "scopes_supported": ["openid", "email", "offline_access"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "authorization_response_iss_parameter_supported": true,
        });
        for finding in judged(document, &Registration::example()) {
            assert_eq!(finding.severity(), Severity::Ok, "{finding}");
        }
    }

    #[test]
    fn what_a_list_does_not_have_is_found() {
        let plain = Registration::example();
        let posting = Registration {
            response_mode: Mode::FormPost,
            ..Registration::example()
        };
        let public = Registration {
            auth: ClientAuth::None,
            ..Registration::example()
        };
        let by_post = Registration {
            auth: ClientAuth::ClientSecretPost("s3cret".into()),
            ..Registration::example()
        };
        let offline = Registration {
            scopes: vec!["openid".to_owned(), "offline_access".to_owned()],
            ..Registration::example()
        };
        let named = Registration {
            name: "corp".to_owned(),
            ..Registration::example()
        };
        use FindingCode::*;
        for (document, registration, code, expected) in [
            (
                json!({ "response_types_supported": ["id_token"] }),
                &plain,
                ResponseType,
                Severity::Mistake,
            ),
            (json!({}), &plain, ResponseType, Severity::Ok),
            (
                json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] }),
                &plain,
                ClientAuthMethod,
                Severity::Warning,
            ),
            (json!({}), &plain, ClientAuthMethod, Severity::Ok),
            (json!({}), &by_post, ClientAuthMethod, Severity::Hint),
            (
                json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] }),
                &by_post,
                ClientAuthMethod,
                Severity::Ok,
            ),
            (
                json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] }),
                &public,
                ClientAuthMethod,
                Severity::Hint,
            ),
            (
                json!({ "token_endpoint_auth_methods_supported": ["none"] }),
                &public,
                ClientAuthMethod,
                Severity::Ok,
            ),
            (
                json!({ "code_challenge_methods_supported": ["plain"] }),
                &plain,
                Pkce,
                Severity::Warning,
            ),
            (json!({}), &plain, Pkce, Severity::Hint),
            (
                json!({ "response_modes_supported": ["query"] }),
                &posting,
                ResponseMode,
                Severity::Mistake,
            ),
            (json!({}), &posting, ResponseMode, Severity::Warning),
            (json!({}), &plain, ResponseMode, Severity::Ok),
            (
                json!({ "response_modes_supported": ["fragment"] }),
                &plain,
                ResponseMode,
                Severity::Mistake,
            ),
            (
                json!({ "scopes_supported": ["openid"] }),
                &plain,
                Scopes,
                Severity::Hint,
            ),
            (
                json!({ "scopes_supported": ["openid"] }),
                &offline,
                Scopes,
                Severity::Ok,
            ),
            (json!({}), &plain, Scopes, Severity::Ok),
            (
                json!({ "scopes_supported": ["openid"] }),
                &offline,
                RefreshTokens,
                Severity::Warning,
            ),
            (
                json!({ "grant_types_supported": ["authorization_code"] }),
                &offline,
                RefreshTokens,
                Severity::Warning,
            ),
            (json!({}), &offline, RefreshTokens, Severity::Ok),
            (json!({}), &plain, ResponseIss, Severity::Ok),
            (json!({}), &named, ResponseIss, Severity::Hint),
        ] {
            let found = severity(&document, registration, code);
            assert_eq!(found, expected, "{code} {document}");
        }
    }

    #[test]
    fn assertions_are_signed_with_what_the_provider_has() {
        let pem = include_str!("../../jose/private_key/tests/p256.pkcs8.pem");
        let registration = Registration {
            auth: ClientAuth::PrivateKeyJwt(ClientKey::from_pem(pem).unwrap()),
            ..Registration::example()
        };
        let found = |algorithms: Value| {
            let document =
                json!({ "token_endpoint_auth_signing_alg_values_supported": algorithms });
            assertion_alg(&Document::example(document), &registration)
        };
        assert_eq!(found(json!(["ES256"])), None);
        assert_eq!(found(json!(null)), None);
        let finding = found(json!(["RS256"])).unwrap();
        assert_eq!(finding.severity(), Severity::Warning);
        assert!(
            finding
                .what()
                .contains("ES256, but the provider lists `RS256`"),
            "{finding}"
        );
    }
}
