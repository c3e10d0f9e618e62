//! The settings of an API.

use crate::gate::{Api, Gate};

const SHORTEST: &str = r#"
    issuer = "https://login.example.com/"
    api_audience = "https://api.example.com/v1"
"#;

/// The settings of an API that are wrong, and the sentence about each.
fn wrong(table: &str) -> Vec<(String, String)> {
    let error = Api::from_toml(table).map(drop).unwrap_err();
    let mistakes = error.mistakes();
    mistakes
        .map(|mistake| (mistake.setting().to_owned(), mistake.to_string()))
        .collect()
}

#[test]
fn issuer_and_audience_make_an_api_with_the_safe_defaults() {
    let api = Api::from_toml(SHORTEST).unwrap();
    let shown = format!("{:?}", api.0.server.rules());
    for safe in [
        "alg: Rs256",
        "types: AtJwt",
        "binding: Optional",
        "leeway: 30",
    ] {
        assert!(shown.contains(safe), "{safe} in {shown}");
    }
    let metadata = api.0.server.metadata().unwrap();
    assert_eq!(metadata.path, "/.well-known/oauth-protected-resource/v1");
    let named = SHORTEST.replace("https://api.example.com/v1", "api://invoices");
    assert!(
        Api::from_toml(&named)
            .unwrap()
            .0
            .server
            .metadata()
            .is_none()
    );
}

#[test]
fn every_setting_of_an_api_is_obeyed() {
    let table = r#"
        api_alg = "ES256"
        api_token_types = "jwt"
        api_token_binding = "required"
        api_introspection = true
        api_scopes = ["read", "write"]
        client_id = "api"
        client_secret = "s3cret"
        preset = "keycloak"
        role_claim = "groups"
        base_url = "https://other.example.com"
    "#;
    let api = Api::from_toml(&format!("{SHORTEST}{table}")).unwrap();
    let shown = format!("{:?}", api.0.server.rules());
    for set in ["alg: Es256", "types: AnyJwt", "binding: Required"] {
        assert!(shown.contains(set), "{set} in {shown}");
    }
    let document = &api.0.server.metadata().unwrap().document;
    assert!(
        document.contains(r#""scopes_supported":["read","write"]"#),
        "{document}"
    );
    assert!(
        document.contains(r#""resource":"https://other.example.com""#),
        "{document}"
    );
    let preset = Api::from_toml(&format!("{SHORTEST}preset = \"auth0\"")).unwrap();
    assert!(format!("{:?}", preset.0.server.rules()).contains("types: AnyJwt"));
}

#[test]
fn an_api_makes_nonces_where_they_are_required() {
    let keys = "session_keys = \"W9bkZJ+0Q1oqjJmFUxyG2hBk0zUeDLCkR3QxX5d3eH8=\"";
    let nonce = |more: &str| {
        let api = Api::from_toml(&format!("{SHORTEST}{more}"));
        api.unwrap().0.server.newest_nonce()
    };
    assert!(nonce(&format!("{keys}\napi_dpop_nonces = \"required\"")).is_some());
    assert_eq!(
        nonce(&format!("{keys}\napi_dpop_nonces = \"unused\"")),
        None
    );
    assert_eq!(nonce(keys), None);
    // On loopback, a key of this process does.
    let on_loopback = "base_url = \"http://localhost:3000\"\napi_dpop_nonces = \"required\"";
    assert!(nonce(on_loopback).is_some());
}

#[test]
fn every_mistake_of_an_api_names_its_setting() {
    for (table, setting, cure) in [
        ("", "issuer", "required"),
        (
            "issuer = \"https://login.example.com\"",
            "api_audience",
            "required",
        ),
        (
            "issuer = \"ftp://x\"\napi_audience = \"a\"",
            "issuer",
            "https",
        ),
        (
            &format!("{SHORTEST}api_alg = \"HS256\""),
            "api_alg",
            "RS256",
        ),
        (
            &format!("{SHORTEST}api_alg = \"none\""),
            "api_alg",
            "never accepted",
        ),
        (
            &format!("{SHORTEST}api_token_types = \"id\""),
            "api_token_types",
            "at+jwt, jwt",
        ),
        (
            &format!("{SHORTEST}api_token_binding = \"yes\""),
            "api_token_binding",
            "optional, required",
        ),
        (
            &format!("{SHORTEST}api_dpop_nonces = \"true\""),
            "api_dpop_nonces",
            "unused, required",
        ),
        (
            &format!("{SHORTEST}api_dpop_nonces = \"required\""),
            "session_keys",
            "openssl rand",
        ),
        (
            "issuer = \"https://login.example.com/\"\napi_audience = \"invoices\"\napi_dpop_nonces = \"required\"",
            "base_url",
            "required",
        ),
        (
            &format!("{SHORTEST}api_dpop_proofs = \"memory\""),
            "api_dpop_proofs",
            "redis://",
        ),
        (
            &format!("{SHORTEST}api_introspection = \"auto\""),
            "api_introspection",
            "true, false",
        ),
        (
            &format!("{SHORTEST}api_introspection = true"),
            "client_secret",
            "missing",
        ),
        (
            &format!(
                "{SHORTEST}api_introspection = true\nclient_auth = \"none\"\nclient_id = \"x\""
            ),
            "api_introspection",
            "client_secret",
        ),
        (
            &format!("{SHORTEST}base_url = \"http://api.example.com\""),
            "base_url",
            "https",
        ),
    ] {
        let wrong = wrong(table);
        assert_eq!(wrong[0].0, setting, "{wrong:?}");
        assert!(wrong[0].1.contains(cure), "{wrong:?}");
    }
}

#[test]
fn a_gate_accepts_tokens_only_where_it_has_an_audience() {
    let gate = |more: &str| Gate::from_toml(&format!("{}{more}", super::table(&[])));
    assert!(gate("").unwrap().0.resource_server.is_none());
    let with = gate("api_audience = \"https://api.example.com\"").unwrap();
    let server = with.0.resource_server.as_ref().unwrap();
    assert_eq!(server.rules().audience, "https://api.example.com");
    let error = gate("api_alg = \"ES256\"").map(drop).unwrap_err();
    let mistakes: Vec<_> = error.mistakes().map(|mistake| mistake.setting()).collect();
    assert_eq!(mistakes, ["api_audience"]);
}
