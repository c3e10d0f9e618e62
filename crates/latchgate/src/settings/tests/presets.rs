//! Presets that know a whole provider, and providers without OpenID Connect.

use super::*;

const FORGE: [(&str, &str); 5] = [
    ("issuer", "https://forge.example"),
    ("authorization_endpoint", "https://forge.example/authorize"),
    ("token_endpoint", "https://forge.example/token"),
    ("userinfo_endpoint", "https://forge.example/user"),
    (
        "claim_mapping",
        "sub=account > key, picture = https://cdn.example/{id}.png",
    ),
];

fn with(first: &[(&'static str, &'static str)], more: &[(&'static str, &'static str)]) -> String {
    let all: Vec<_> = first.iter().chain(more).copied().collect();
    table(&all)
}

/// With this change, the setting is named and the cure is said.
fn is_named(
    first: &[(&'static str, &'static str)],
    change: (&'static str, &'static str),
    setting: &str,
    said: &str,
) {
    let refused = Gate::from_toml(&with(first, &[change]));
    let error = refused.map(|_| ()).unwrap_err();
    let found = error
        .mistakes()
        .find(|mistake| mistake.setting() == setting);
    assert!(
        found.is_some_and(|found| found.to_string().contains(said)),
        "{change:?}: {error}"
    );
}

#[test]
fn a_preset_brings_its_issuer() {
    for (preset, issuer, scopes, is_plain) in [
        (
            "google",
            "https://accounts.google.com",
            "openid profile email",
            false,
        ),
        (
            "gitlab",
            "https://gitlab.com",
            "openid profile email",
            false,
        ),
        (
            "apple",
            "https://appleid.apple.com",
            "openid email name",
            false,
        ),
        ("github", "https://github.com", "read:user user:email", true),
        ("discord", "https://discord.com", "identify email", true),
    ] {
        let gate = build(&[("issuer", ""), ("preset", preset)]).unwrap();
        let party = gate.0.context.relying_parties.first();
        let registration = party.registration();
        assert_eq!(party.issuer(), issuer);
        assert_eq!(registration.scopes.join(" "), scopes, "{preset}");
        assert_eq!(party.is_plain_oauth2(), is_plain, "{preset}");
        let by_form = registration.response_mode == ResponseMode::FormPost;
        assert_eq!(by_form, preset == "apple", "{preset}");
    }
    for preset in ["cognito", "zitadel", "authentik", "authelia", "dex"] {
        let gate = build(&[("preset", preset)]).unwrap();
        let found = &gate
            .0
            .context
            .relying_parties
            .first()
            .registration()
            .claim_paths;
        let name = format!("{:?}", found.preset).to_lowercase();
        assert_eq!(name, preset);
    }
    let own = build(&[("preset", "gitlab"), ("issuer", "https://git.example.com")]).unwrap();
    assert_eq!(
        own.0.context.relying_parties.first().issuer(),
        "https://git.example.com"
    );
}

#[test]
fn endpoints_make_a_provider_without_openid_connect() {
    let gate = Gate::from_toml(&with(&FORGE, &[])).unwrap();
    let party = gate.0.context.relying_parties.first();
    let plain = party.registration().plain_oauth2.as_ref().unwrap();
    let account = serde_json::json!({ "account": { "key": "k" }, "id": 7, "name": "N" });
    let claims = plain.claims(account.as_object().unwrap());
    let expected =
        serde_json::json!({ "sub": "k", "name": "N", "picture": "https://cdn.example/7.png" });
    assert_eq!(serde_json::Value::Object(claims), expected);
    assert!(party.registration().scopes.is_empty());
}

#[test]
fn an_authorization_server_that_publishes_its_endpoints_needs_none_of_them() {
    const DISCOVERED: [(&str, &str); 3] = [
        ("issuer", "https://forge.example"),
        ("discovery", "oauth2"),
        ("userinfo_endpoint", "https://forge.example/user"),
    ];
    let gate = Gate::from_toml(&with(&DISCOVERED, &[])).unwrap();
    let party = gate.0.context.relying_parties.first();
    let plain = party.registration().plain_oauth2.as_ref().unwrap();
    assert!(plain.metadata.is_none());
    assert_eq!(
        plain.userinfo_endpoint.as_str(),
        "https://forge.example/user"
    );
    for (change, setting, said) in [
        (
            ("userinfo_endpoint", ""),
            "userinfo_endpoint",
            "is required",
        ),
        (
            ("token_endpoint", "https://forge.example/token"),
            "token_endpoint",
            "remove one of them",
        ),
        (("discovery", "rfc8414"), "discovery", "openid, oauth2"),
    ] {
        is_named(&DISCOVERED, change, setting, said);
    }
    // OpenID Connect's is the default, and can be said.
    let usual = build(&[("discovery", "openid")]).unwrap();
    assert!(!usual.0.context.relying_parties.first().is_plain_oauth2());
}

#[test]
fn mistakes_in_endpoints_are_named() {
    for (change, setting, said) in [
        (("token_endpoint", ""), "token_endpoint", "is required"),
        (
            ("userinfo_endpoint", ""),
            "userinfo_endpoint",
            "is required",
        ),
        (
            ("token_endpoint", "http://forge.example/token"),
            "token_endpoint",
            "is not an https URL",
        ),
        (
            ("emails_endpoint", "forge"),
            "emails_endpoint",
            "is not an https URL",
        ),
        (("claim_mapping", "sub"), "claim_mapping", "such as `sub=id"),
    ] {
        is_named(&FORGE, change, setting, said);
    }
}

#[test]
fn apples_secret_needs_a_team_and_a_key() {
    let key = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/jose/private_key/tests/p256.pkcs8.pem"
    );
    let apple: [(&str, &str); 6] = [
        ("issuer", ""),
        ("client_secret", ""),
        ("preset", "apple"),
        ("apple_team_id", "DEF123GHIJ"),
        ("client_key_file", key),
        ("client_key_id", "ABC123DEFG"),
    ];
    let gate = Gate::from_toml(&with(&apple, &[])).unwrap();
    let auth = &gate.0.context.relying_parties.first().registration().auth;
    assert!(
        matches!(auth, ClientAuth::AppleClientSecret { team_id, .. } if team_id == "DEF123GHIJ")
    );
    let wrong = [
        (
            [
                ("apple_team_id", ""),
                ("client_auth", "apple_client_secret"),
            ],
            "apple_team_id",
        ),
        (
            [("client_key_file", ""), ("client_key_id", "")],
            "client_key_file",
        ),
        (
            [("client_secret", SECRET), ("client_key_id", "k")],
            "client_secret",
        ),
    ];
    for (changes, setting) in wrong {
        let error = Gate::from_toml(&with(&apple, &changes))
            .map(|_| ())
            .unwrap_err();
        let settings: Vec<_> = error.mistakes().map(Mistake::setting).collect();
        assert!(settings.contains(&setting), "{changes:?}: {error}");
    }
}
