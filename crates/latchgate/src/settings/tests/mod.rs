//! Settings from a table and from the environment.

mod api;
mod client_auth;
mod encryption;
mod environment;
mod logins;
mod mistakes;
mod names;
mod presets;
mod profile;
mod providers;
mod tables;
mod urls;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::authorization::{ClaimRequest, ClaimsRequest};
use crate::client::{
    AssertionAudience, ClientAuth, ClientKey, ResponseMode, SenderConstraint, Usage, UserinfoPolicy,
};
use crate::jose::Algorithm;
use crate::provider::ClaimPath;
use crate::store::{MemoryStore, SessionStore};

const KEY: &str = "Zm9yIHRoZSB0ZXN0cyBvZiBzZXR0aW5ncyBvbmx5ISE=";
const SECRET: &str = "hunter2-hunter2-hunter2-hunter2!";

/// A table that makes a gate, with some settings changed; an empty value removes one.
fn table(changes: &[(&str, &str)]) -> String {
    let mut settings = BTreeMap::from([
        ("base_url", "https://app.example.com"),
        ("issuer", "https://login.example.com/"),
        ("client_id", "my-app"),
        ("client_secret", SECRET),
        ("session_keys", KEY),
    ]);
    settings.extend(changes.iter().copied());
    let line = |(name, value): (&str, &str)| format!("{name} = {value:?}\n");
    let given = settings.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(line).collect()
}

fn build(changes: &[(&str, &str)]) -> Result<Gate, ConfigError> {
    Gate::from_toml(&table(changes))
}

#[test]
fn the_shortest_table_makes_a_gate_with_the_safe_defaults() {
    let gate = build(&[]).unwrap();
    assert_eq!(gate.redirect_uri(), "https://app.example.com/callback");
    assert_eq!(
        (gate.login_path(), gate.logout_path()),
        ("/login", "/logout")
    );
    assert_eq!(gate.initiate_login_uri(), None);
    assert_eq!(gate.session_path(), None);
    let registration = gate.0.context.relying_parties.first().registration();
    assert_eq!(registration.scopes, ["openid", "profile", "email"]);
    assert_eq!(registration.id_token_alg.as_str(), "RS256");
    assert!(matches!(
        registration.auth,
        ClientAuth::ClientSecretBasic(_)
    ));
    assert_eq!(registration.response_mode, ResponseMode::Query);
    assert_eq!(registration.userinfo, UserinfoPolicy::Never);
    assert_eq!(gate.0.context.relying_parties.first().leeway(), 30);
    assert_eq!(gate.0.context.sessions.cookie_name(), "__Host-latchgate");
}

#[test]
fn every_setting_arrives() {
    let gate = build(&[
        ("base_url", "https://example.com/app/"),
        ("client_auth", "client_secret_post"),
        ("scopes", "openid  offline_access"),
        ("audience", "https://api.example"),
        ("resource", "https://a.example urn:b"),
        ("response_mode", "form_post"),
        ("par", "true"),
        ("dpop", "true"),
        ("signed_requests", "false"),
        ("claims", r#"{"userinfo": {"email": null}}"#),
        ("authorization_details", r#"[{"type": "a"}]"#),
        ("parameters", "access_type=offline, hd = a=b"),
        ("id_token_alg", "ES256"),
        ("trusted_audiences", "one two"),
        ("userinfo", "true"),
        ("session_idle", "30m"),
        ("session_absolute", "12h"),
        ("session_ceiling", "id_token"),
        ("remember", "ask"),
        ("silent_login", "1h"),
        ("visitor_lifetime", "12h"),
        ("ui_locales_from_browser", "true"),
        ("store", "memory"),
        ("cookie_name", "door"),
        ("preset", "keycloak"),
        ("permission_claim", "a > b"),
        ("prompt", "consent"),
        ("max_age", "5m"),
        ("acr_values", "mfa pwd"),
        ("ui_locales", "de en"),
        ("backchannel_logout_path", "/behind"),
        ("frontchannel_logout_path", "/framed"),
        ("clear_site_data", "storage, cache"),
        ("base_path", "stripped"),
        ("login_path", "/in"),
        ("initiate_login_path", "/in/initiate"),
        ("callback_path", "/back"),
        ("csrf_protection", "true"),
        ("trusted_origins", "https://a.example http://localhost:5173"),
        ("session_path", "/who"),
        ("session_claims", "sub  groups"),
        ("logout_path", "/out"),
        ("after_logout_path", "/bye"),
    ])
    .unwrap();
    assert_eq!(gate.redirect_uri(), "https://example.com/app/back");
    assert_eq!(gate.0.context.sessions.cookie_name(), "__Host-door");
    assert_eq!(
        (gate.login_path(), gate.logout_path()),
        ("/app/in", "/app/out")
    );
    assert_eq!(gate.session_path(), Some("/app/who"));
    let crate::request_session::Csrf::Checked(trusted) = &gate.0.context.csrf else {
        panic!("not checked")
    };
    assert_eq!(trusted, &["https://a.example", "http://localhost:5173"]);
    assert_eq!(gate.0.session_claims, ["sub", "groups"]);
    let initiate = gate.initiate_login_uri();
    assert_eq!(
        initiate.as_deref(),
        Some("https://example.com/app/in/initiate")
    );
    assert_eq!(
        gate.post_logout_redirect_uri(),
        "https://example.com/app/bye"
    );
    assert_eq!(
        gate.back_channel_logout_uri(),
        "https://example.com/app/behind"
    );
    assert_eq!(gate.0.base.arrives, crate::gate::BasePath::Stripped);
    let ceiling = crate::session::SessionCeiling::IdToken;
    assert_eq!(gate.0.context.sessions.lifetimes().ceiling, ceiling);
    let remember_me = crate::authorization::RememberMe::Ask;
    assert_eq!(gate.0.remember_me, remember_me);
    assert_eq!(
        gate.0.silent_logins,
        crate::gate::SilentLogins::Every(3_600)
    );
    assert_eq!(gate.0.visitors.lifetime(), 43_200);
    assert_eq!(gate.0.ui_locales, crate::gate::UiLocales::OfTheBrowser);
    let every_login = gate.0.context.relying_parties.first().every_login();
    assert_eq!(
        every_login.prompt.map(crate::authorization::Prompt::as_str),
        Some("consent")
    );
    assert_eq!(every_login.max_age, Some(300));
    assert_eq!(every_login.acr_values.as_deref(), Some("mfa pwd"));
    assert_eq!(every_login.ui_locales.as_deref(), Some("de en"));
    let email = ClaimsRequest::new().userinfo("email", ClaimRequest::voluntary());
    assert_eq!(every_login.claims, Some(email));
    let further: Vec<_> = every_login
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(further, [("access_type", "offline"), ("hd", "a=b")]);
    assert_eq!(
        every_login.authorization_details,
        r#"[{"type":"a"}]"#.parse().ok()
    );
    let registration = gate.0.context.relying_parties.first().registration();
    assert!(matches!(registration.auth, ClientAuth::ClientSecretPost(_)));
    assert_eq!(registration.scopes, ["openid", "offline_access"]);
    assert_eq!(
        registration.audience.as_deref(),
        Some("https://api.example")
    );
    assert_eq!(registration.resources, ["https://a.example", "urn:b"]);
    assert_eq!(registration.response_mode, ResponseMode::FormPost);
    assert_eq!(registration.par, Usage::Always);
    assert_eq!(registration.binding, SenderConstraint::Dpop);
    assert_eq!(registration.signed_requests, Usage::Never);
    assert_eq!(registration.id_token_alg.as_str(), "ES256");
    assert_eq!(registration.trusted_audiences, ["one", "two"]);
    assert_eq!(registration.userinfo, UserinfoPolicy::Always);
    let paths = &registration.claim_paths;
    assert_eq!(paths.roles[0], ClaimPath::new(["realm_access", "roles"]));
    assert_eq!(paths.permissions, [ClaimPath::new(["a", "b"])]);
    assert_eq!(
        (
            gate.0.context.sessions.lifetimes().idle,
            gate.0.context.sessions.lifetimes().absolute
        ),
        (1_800, 43_200)
    );
}

#[test]
fn loopback_needs_neither_https_nor_keys() {
    for base in [
        "http://127.0.0.1:3000",
        "http://localhost:3000",
        "http://[::1]:3000",
    ] {
        let gate = build(&[("base_url", base), ("session_keys", "")]).unwrap();
        assert_eq!(gate.0.context.sessions.cookie_name(), "latchgate-3000");
        assert_eq!(gate.redirect_uri(), format!("{base}/callback"));
    }
}

fn environment(variables: &[(&str, &str)]) -> Settings {
    let variables = variables.iter();
    Settings::from_variables(variables.map(|(name, value)| (name.into(), value.into())))
}

#[test]
fn the_environment_has_the_same_settings_in_capitals() {
    let settings = environment(&[
        ("LATCHGATE_BASE_URL", "http://127.0.0.1:3000"),
        ("LATCHGATE_ISSUER", "http://127.0.0.1:9000"),
        ("LATCHGATE_CLIENT_ID", " my-app "),
        ("LATCHGATE_CLIENT_AUTH", "none"),
        ("LATCHGATE_CLIENT_SECRET", ""),
        ("ISSUER", "somebody else's"),
        ("LATCHGAT_ISSUER", "somebody else's"),
    ]);
    let gate = settings.build().unwrap();
    assert_eq!(
        gate.0
            .context
            .relying_parties
            .first()
            .registration()
            .client_id,
        "my-app"
    );
    assert!(!settings.is_empty());
    assert!(environment(&[("PATH", "/bin")]).is_empty());
    assert!(!environment(&[("LATCHGATE_ISUER", "x")]).is_empty());
}

#[test]
fn the_client_authenticates_as_it_is_told() {
    let pem = "src/jose/private_key/tests/rsa.pkcs8.pem";
    let registration = |changes: &[(&str, &str)]| {
        let gate = build(changes).unwrap();
        gate.0
            .context
            .relying_parties
            .first()
            .registration()
            .clone()
    };
    let key = [("client_secret", ""), ("client_key_file", pem)];
    let by_key = registration(&key);
    let named = registration(&[
        key[0],
        key[1],
        ("client_auth", "private_key_jwt"),
        ("client_key_id", "k1"),
        ("client_auth_alg", "PS256"),
        ("assertion_audience", "token_endpoint"),
    ]);
    let read = ClientKey::from_pem(std::fs::read(pem).unwrap()).unwrap();
    assert_eq!(by_key.auth, ClientAuth::PrivateKeyJwt(read.clone()));
    assert_eq!(by_key.assertion_audience, AssertionAudience::Issuer);
    let read = read.algorithm(Algorithm::Ps256).unwrap().kid("k1");
    assert_eq!(named.auth, ClientAuth::PrivateKeyJwt(read));
    assert_eq!(named.assertion_audience, AssertionAudience::TokenEndpoint);

    let by_secret = registration(&[("client_auth", "client_secret_jwt")]);
    assert_eq!(by_secret.auth, ClientAuth::ClientSecretJwt(SECRET.into()));
    assert_eq!(by_secret.assertion_alg, None);
    let long = SECRET.repeat(2);
    let by_secret = registration(&[
        ("client_auth", "client_secret_jwt"),
        ("client_secret", &long),
        ("client_auth_alg", "HS512"),
    ]);
    assert_eq!(by_secret.assertion_alg, Some(Algorithm::Hs512));
}

#[test]
fn max_age_is_a_number_of_seconds_too() {
    for (text, seconds) in [("300", 300), ("5m", 300), ("0", 0), (" 1 ", 1)] {
        let gate = build(&[("max_age", text)]).unwrap();
        assert_eq!(
            gate.0.context.relying_parties.first().every_login().max_age,
            Some(seconds),
            "{text}"
        );
    }
}

#[test]
fn durations_have_a_unit() {
    let duration = |text: &str| {
        let settings = environment(&[("LATCHGATE_SESSION_IDLE", text)]);
        let mut read = settings.reading();
        let found = read.duration("session_idle");
        (
            found.map(|found| found.as_secs()),
            read.mistakes.are_about("session_idle"),
        )
    };
    for (text, seconds) in [
        ("1s", 1),
        ("30m", 1_800),
        ("12 h", 43_200),
        ("7d", 604_800),
        (" 5s ", 5),
    ] {
        assert_eq!(duration(text), (Some(seconds), false), "{text}");
    }
    assert_eq!(duration(""), (None, false));
    for wrong in [
        "30",
        "m",
        "1.5h",
        "1h30m",
        "-1s",
        "+1s",
        "1 w",
        "1S",
        "1ms",
        "٣s",
        "18446744073709551615d",
    ] {
        assert_eq!(duration(wrong), (None, true), "{wrong}");
    }
}

#[test]
fn a_store_of_another_crate_is_opened_by_its_scheme() {
    fn ours(url: &str) -> Option<Result<Arc<dyn SessionStore>, crate::store::StoreError>> {
        let rest = url.strip_prefix("ours://")?;
        Some(match rest {
            "good" => Ok(Arc::new(MemoryStore::default())),
            _ => Err(crate::store::StoreError::Url(
                "there is no such place".into(),
            )),
        })
    }
    let stored = |url: &str| {
        let table = table(&[("store", url)]);
        let settings = Settings::from_toml(&table).stores(&[ours]);
        settings
            .build()
            .map(|gate| gate.0.context.sessions.are_stored())
            .map_err(|error| error.to_string())
    };
    assert_eq!(stored("ours://good"), Ok(true));
    assert_eq!(stored("memory"), Ok(true));
    assert_eq!(stored("cookie"), Ok(false));
    let wrong = stored("ours://bad").unwrap_err();
    assert!(
        wrong.ends_with("cannot be used: there is no such place"),
        "{wrong}"
    );
    assert!(stored("theirs://x").unwrap_err().contains("is not one of"));
}

#[test]
fn settings_show_no_values() {
    let settings = Settings::from_toml(&table(&[]));
    let shown = format!("{settings:?}");
    assert!(
        shown.contains("client_secret") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn one_table_of_a_document_is_enough() {
    let document = format!(
        "port = 3000\n[web.login]\n{}\n[other]\nissuer = 7",
        table(&[])
    );
    let build = |document: &str, name: &str| Settings::from_toml_table(document, name).build();
    build(&document, "web.login").unwrap();
    for (document, name, expected) in [
        (&*document, "login", "the document has no table `[login]`"),
        (
            &document,
            "web.tea",
            "the document has no table `[web.tea]`",
        ),
        (&document, "port", "the document has no table `[port]`"),
        ("[web", "web", "cannot be read"),
    ] {
        let said = build(document, name).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}
