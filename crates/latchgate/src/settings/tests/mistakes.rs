//! Every mistake a configuration can have: the error names the setting and the cure, and tells no
//! secret.

use super::*;

/// Checks that the changed settings are refused by one mistake, of this setting, with this cure.
pub(super) fn refused(changes: &[(&str, &str)], setting: &str, cure: &str) {
    let error = build(changes)
        .map(|_| ())
        .expect_err(&format!("{changes:?}"));
    let said = error.to_string();
    let mistakes: Vec<_> = error.mistakes().collect();
    assert_eq!(mistakes.len(), 1, "one mistake drew others: {said}");
    assert_eq!(mistakes[0].setting(), setting, "{changes:?}: {said}");
    assert!(said.contains(cure), "{changes:?}: {said}");
    let variable = format!("`{setting}` (LATCHGATE_{})", setting.to_uppercase());
    assert!(said.starts_with(&variable), "{said}");
    // What `fn main() -> Result<…>` prints.
    assert_eq!(format!("{error:?}"), said);
    assert!(!said.contains("hunter2") && !said.contains(KEY), "{said}");
}

#[test]
fn every_mistake_names_the_setting_and_the_cure() {
    for (changes, setting, cure) in [
        (&[("base_url", "")][..], "base_url", "is required"),
        (&[("base_url", "  ")], "base_url", "is required"),
        (
            &[("base_url", "app.example.com")],
            "base_url",
            "write it like `https://",
        ),
        (
            &[("base_url", "http://app.example.com")],
            "base_url",
            "loopback only",
        ),
        (
            &[("base_url", "http://127.0.0.1.evil.test")],
            "base_url",
            "loopback only",
        ),
        (
            &[("base_url", "ftp://localhost")],
            "base_url",
            "is not https",
        ),
        (
            &[("base_url", "https://app.example.com/?x=1")],
            "base_url",
            "has a query",
        ),
        (
            &[("base_url", "https://app.example.com/#x")],
            "base_url",
            "a fragment",
        ),
        (
            &[("base_url", "https://me@app.example.com")],
            "base_url",
            "a user name",
        ),
        (&[("issuer", "")], "issuer", "is required"),
        (
            &[("issuer", "login.example.com")],
            "issuer",
            "write it as the provider does",
        ),
        (
            &[("issuer", "http://login.example.com")],
            "issuer",
            "loopback only",
        ),
        (
            &[("issuer", "https://login.example.com?x")],
            "issuer",
            "has a query",
        ),
        (&[("client_id", "")], "client_id", "is required"),
        (
            &[("client_secret", "")],
            "client_secret",
            "`client_auth = none`",
        ),
        (&[("client_secret", " ")], "client_secret", "is required"),
        (
            &[("client_auth", "none")],
            "client_secret",
            "remove one of them",
        ),
        (
            &[("client_auth", "basic")],
            "client_auth",
            "client_secret_basic, client_secret_post, apple_client_secret, none",
        ),
        (
            &[("claims", "email")],
            "claims",
            "write it like `{\"id_token\"",
        ),
        (
            &[("authorization_details", "{}")],
            "authorization_details",
            "write it like `[{\"type\"",
        ),
        (&[("par", "maybe")], "par", "auto, true, false"),
        (&[("dpop", "on")], "dpop", "auto, true, false"),
        (&[("scopes", "profile email")], "scopes", "lacks `openid`"),
        (&[("scopes", "OpenID")], "scopes", "lacks `openid`"),
        (
            &[("resource", "/relative")],
            "resource",
            "absolute URI without a fragment",
        ),
        (
            &[("resource", "https://a.example#x")],
            "resource",
            "absolute URI without a fragment",
        ),
        (
            &[("response_mode", "fragment")],
            "response_mode",
            "query, form_post",
        ),
        (
            &[("response_mode", "FORM_POST")],
            "response_mode",
            "query, form_post",
        ),
        (&[("id_token_alg", "none")], "id_token_alg", "none"),
        (&[("id_token_alg", "rs256")], "id_token_alg", "RS256"),
        (
            &[
                ("id_token_alg", "HS256"),
                ("client_auth", "none"),
                ("client_secret", ""),
            ],
            "id_token_alg",
            "needs a client secret",
        ),
        (
            &[("session_keys", "")],
            "session_keys",
            "openssl rand -base64 32",
        ),
        (
            &[("session_keys", "c2hvcnQ=")],
            "session_keys",
            "32 are needed",
        ),
        (
            &[("session_keys", "not base64!")],
            "session_keys",
            "position 1",
        ),
        (
            &[("session_keys", &format!("{KEY},c2hvcnQ="))],
            "session_keys",
            "position 2",
        ),
        (
            &[("session_keys", &format!("{KEY},"))],
            "session_keys",
            "position 2",
        ),
        (
            &[(
                "session_keys",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            )],
            "session_keys",
            "anybody can know",
        ),
        (
            &[(
                "session_keys",
                "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            )],
            "session_keys",
            "anybody can know",
        ),
        (
            &[("cookie_name", "my app")],
            "cookie_name",
            "1 to 64 letters",
        ),
        (&[("store", "disk")], "store", "cookie, memory"),
        (
            &[("store", "redis://localhost")],
            "store",
            "Settings::from_env().stores",
        ),
        (
            &[("store", "valkeys://localhost")],
            "store",
            "Settings::from_env().stores",
        ),
        (
            &[("store", "postgres://localhost")],
            "store",
            "Settings::from_env().stores",
        ),
        (&[("revocations", "memory")], "revocations", "`redis://…`"),
        (&[("revocations", "cookie")], "revocations", "or remove it"),
        (&[("revocations", "disk")], "revocations", "redis://…"),
        (&[("userinfo", "yes")], "userinfo", "true, false"),
        (
            &[("session_idle", "30")],
            "session_idle",
            "such as `30m` or `12h`",
        ),
        (
            &[("session_idle", "0s")],
            "session_idle",
            "at least one second",
        ),
        (
            &[("session_idle", "2h"), ("session_absolute", "1h")],
            "session_idle",
            "at most `session_absolute`",
        ),
        (
            &[("session_absolute", "-1h")],
            "session_absolute",
            "whole number",
        ),
        (
            &[("session_absolute", "9999999999999999999d")],
            "session_absolute",
            "whole number",
        ),
        (
            &[("session_ceiling", "none")],
            "session_ceiling",
            "session_expiry, id_token",
        ),
        (&[("remember", "yes")], "remember", "always, never, ask"),
        (&[("base_path", "true")], "base_path", "kept, stripped"),
        (
            &[("ca_file", "/there/is/no/such.pem")],
            "ca_file",
            "cannot be read",
        ),
        (
            &[("ca_file", "Cargo.toml")],
            "ca_file",
            "-----BEGIN CERTIFICATE-----",
        ),
        (
            &[("preset", "facebook")],
            "preset",
            "plain, auth0, keycloak, entra_id, okta",
        ),
        (&[("prompt", "always")], "prompt", "select_account"),
        (&[("max_age", "5 minutes")], "max_age", "such as `300`"),
        (&[("max_age", "-1")], "max_age", "such as `300`"),
        (&[("role_claim", "a > ")], "role_claim", "joined by ` > `"),
        (
            &[("permission_claim", " > a")],
            "permission_claim",
            "joined by ` > `",
        ),
        (&[("login_path", "login")], "login_path", "such as `/login`"),
        (
            &[("session_path", "/logout")],
            "session_path",
            "every route needs its own",
        ),
        (
            &[("csrf_protection", "on")],
            "csrf_protection",
            "not one of: true, false",
        ),
        (
            &[("trusted_origins", "https://a.example")],
            "trusted_origins",
            "no effect without `csrf_protection`",
        ),
        (
            &[
                ("csrf_protection", "true"),
                ("trusted_origins", "https://a.example/"),
            ],
            "trusted_origins",
            "such as `https://admin.example.com`",
        ),
        (
            &[("session_claims", "sub")],
            "session_claims",
            "session_path",
        ),
        (
            &[("frontchannel_logout_path", "/backchannel-logout")],
            "frontchannel_logout_path",
            "every route needs its own",
        ),
        (
            &[("clear_site_data", "cache, cookies")],
            "clear_site_data",
            "not one of: cache, storage",
        ),
        (
            &[("callback_path", "/callback?x=1")],
            "callback_path",
            "plain absolute path",
        ),
        (
            &[("callback_path", "/a/../callback")],
            "callback_path",
            "plain absolute path",
        ),
        (
            &[("logout_path", "//evil.example")],
            "logout_path",
            "plain absolute path",
        ),
        (
            &[("after_logout_path", "https://evil.example/")],
            "after_logout_path",
            "plain absolute path",
        ),
        (
            &[("callback_path", "/login")],
            "callback_path",
            "every route needs its own",
        ),
        (
            &[("logout_path", "/callback")],
            "logout_path",
            "every route needs its own",
        ),
        (
            &[("after_logout_path", "/logout")],
            "after_logout_path",
            "every route needs its own",
        ),
        (
            &[("login_path", "/")],
            "after_logout_path",
            "every route needs its own",
        ),
    ] {
        refused(changes, setting, cure);
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let error = build(&[
        ("base_url", "app.example.com"),
        ("issuer", ""),
        ("client_auth", "basic"),
        ("session_keys", "c2hvcnQ="),
        ("userinfo", "yes"),
        ("login_path", "login"),
        ("callback_path", "/logout"),
        ("session_idle", "soon"),
        ("ca_file", "/there/is/no/such.pem"),
    ])
    .map(|_| ())
    .unwrap_err();
    let settings: Vec<_> = error.mistakes().map(|mistake| mistake.setting()).collect();
    assert_eq!(
        settings,
        [
            "base_url",
            "issuer",
            "client_auth",
            "session_keys",
            "userinfo",
            "session_idle",
            "login_path",
            "logout_path",
            "ca_file",
        ]
    );
    let said = format!("{error:?}");
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("9 settings are wrong:"));
    assert_eq!(
        lines.next(),
        Some(
            "- `base_url` (LATCHGATE_BASE_URL) is not an absolute URL; write it like `https://app.example.com`"
        )
    );
    assert!(said.contains("cannot be read: No such file"), "{said}");
    assert_eq!(lines.count(), 8, "{said}");
}
