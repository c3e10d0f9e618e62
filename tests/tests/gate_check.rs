//! [`Gate::check`] against the development provider: a good set-up is in order, and what is wrong with another is found.

#![expect(
    clippy::unwrap_used,
    reason = "a preparation that fails is a test that fails"
)]

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;

use http::StatusCode;
use latchgate::{
    Api, ClientAuth, Finding, FindingCode, Gate, GateBuilder, MemoryStore, ProtectedResource,
    Provider, Report, SessionKey, Severity, Tenants,
};
use latchgate_dev_provider::{Answer, Client, DevProvider, Endpoint, RegisteredUris};
use serde_json::{Value, json};

const APP: &str = "http://localhost:3000";

const SECRET: &str = "a secret that is in no finding";

/// A session key that nobody has published.
const KEY: [u8; 32] = *b"latchgate tests: checks of gates";

/// The registration at the development provider.
fn registered(provider: &DevProvider) -> Provider {
    Provider::new(provider.issuer(), provider.client_id()).client_secret(provider.client_secret())
}

fn gate(provider: Provider) -> GateBuilder {
    Gate::builder(APP, provider).session_keys([SessionKey::from_bytes(KEY)])
}

/// The findings about this, which are at least one.
#[track_caller]
fn about(report: &Report, code: FindingCode) -> Vec<&Finding> {
    let found: Vec<_> = report
        .findings()
        .filter(|found| found.code() == code)
        .collect();
    assert!(!found.is_empty(), "nothing about {code}:\n{report}");
    found
}

/// Checks that there is this mistake, and that its cure says this.
#[track_caller]
fn mistaken(report: &Report, code: FindingCode, cure: &str) {
    assert!(!report.is_healthy(), "{report}");
    let found = about(report, code).into_iter();
    let mut mistakes = found.filter(|found| found.severity() == Severity::Mistake);
    let mistake = mistakes.next();
    assert!(mistake.is_some(), "{code} is no mistake:\n{report}");
    let mistake = mistake.unwrap();
    assert!(mistake.cure().unwrap().contains(cure), "{mistake}");
}

#[tokio::test]
async fn a_good_set_up_is_in_order_and_nothing_is_left_of_the_check() {
    let provider = DevProvider::start().await.unwrap();
    let store = Arc::new(MemoryStore::new(10));
    let registration = registered(&provider).scopes(["openid", "email", "offline_access"]);
    let gate = gate(registration).store(store).build().unwrap();
    let report = gate.check().await;
    assert!(report.worst() <= Severity::Hint, "{report}");
    for code in [
        FindingCode::SessionKeys,
        FindingCode::ProviderReachable,
        FindingCode::Issuer,
        FindingCode::Clock,
        FindingCode::Keys,
        FindingCode::IdTokenAlg,
        FindingCode::ClientAuthMethod,
        FindingCode::Pkce,
        FindingCode::ResponseMode,
        FindingCode::Scopes,
        FindingCode::RefreshTokens,
        FindingCode::RedirectUri,
        FindingCode::ClientAuthentication,
        FindingCode::EndSession,
        FindingCode::PostLogout,
        FindingCode::BackChannelLogout,
        FindingCode::StoreReachable,
        FindingCode::StoreWrites,
        FindingCode::CookieSize,
    ] {
        for finding in about(&report, code) {
            assert_eq!(finding.severity(), Severity::Ok, "{finding}");
        }
    }
    let redirect_uri = about(&report, FindingCode::RedirectUri)[0];
    assert!(
        redirect_uri
            .what()
            .contains("refuses one that is not registered"),
        "{redirect_uri}"
    );
    assert_eq!(redirect_uri.subject(), Some(provider.issuer()));
    assert_eq!(provider.sessions(), []);
    assert_eq!(provider.calls(Endpoint::Authorize), 2);
    assert_eq!(provider.calls(Endpoint::Token), 1);
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_found_and_never_shown() {
    let provider = DevProvider::start().await.unwrap();
    let registration =
        || Provider::new(provider.issuer(), provider.client_id()).client_secret(SECRET);
    let gate = gate(registration()).build().unwrap();
    let report = gate.check().await;
    mistaken(
        &report,
        FindingCode::ClientAuthentication,
        "LATCHGATE_CLIENT_SECRET",
    );
    // A provider that quotes what it was sent.
    let quoting = json!({
        "error": "invalid_client",
        "error_description": format!("{SECRET} is wrong"),
    });
    let answer = Answer::json(StatusCode::UNAUTHORIZED, &quoting);
    provider.mischief().answer(Endpoint::Token, answer);
    let quoted = gate.check().await;
    let finding = about(&quoted, FindingCode::ClientAuthentication)[0];
    assert!(finding.what().contains("(redacted) is wrong"), "{finding}");
    for report in [report, quoted] {
        let shown = format!("{report} {report:?} {}", json!(report));
        assert!(!shown.contains(SECRET), "{shown}");
        let key = String::from_utf8_lossy(&KEY).into_owned();
        assert!(!shown.contains(&key), "{shown}");
    }
}

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_is_found() {
    let elsewhere = RegisteredUris::Exactly(vec!["https://app.example/callback".to_owned()]);
    let client = Client::confidential("my-app", SECRET)
        .redirect_uris(elsewhere.clone())
        .post_logout_redirect_uris(elsewhere);
    let provider = DevProvider::builder().client(client).start().await.unwrap();
    let registration = Provider::new(provider.issuer(), "my-app").client_secret(SECRET);
    let report = gate(registration).build().unwrap().check().await;
    mistaken(
        &report,
        FindingCode::RedirectUri,
        "Register exactly `http://localhost:3000/callback`",
    );
    mistaken(
        &report,
        FindingCode::PostLogout,
        "Register exactly `http://localhost:3000/`",
    );
}

#[tokio::test]
async fn an_issuer_that_is_spelled_otherwise_is_found_with_the_right_spelling() {
    let provider = DevProvider::builder().issuer_with_slash();
    let provider = provider.start().await.unwrap();
    let right = provider.issuer().to_owned();
    let origin = right.trim_end_matches('/');
    for wrong in [origin.to_owned(), format!("{origin}/realms/main")] {
        let registration = Provider::new(&*wrong, "dev-client").client_secret(SECRET);
        let report = gate(registration).build().unwrap().check().await;
        mistaken(
            &report,
            FindingCode::Issuer,
            &format!("Set `issuer` to `{right}`"),
        );
    }
}

#[tokio::test]
async fn a_provider_that_is_down_does_not_hide_the_others() {
    let provider = DevProvider::start().await.unwrap();
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let down = Provider::new(format!("http://127.0.0.1:{port}"), "my-app")
        .client_secret(SECRET)
        .name("down");
    let gate = gate(registered(&provider).name("up")).provider(down);
    let report = gate.build().unwrap().check().await;
    mistaken(
        &report,
        FindingCode::ProviderReachable,
        "Start the provider",
    );
    for finding in report.at_least(Severity::Mistake) {
        assert_eq!(finding.subject(), Some("down"), "{finding}");
    }
    let registered = about(&report, FindingCode::RedirectUri)[0];
    assert_eq!(
        (registered.subject(), registered.severity()),
        (Some("up"), Severity::Ok)
    );
}

#[tokio::test]
async fn what_the_provider_does_not_have_is_found() {
    let provider = DevProvider::start().await.unwrap();
    let gate = gate(registered(&provider)).build().unwrap();
    let set = |member: &'static str, value: Value| {
        let alter = move |metadata: &mut Value| metadata[member] = value.clone();
        provider.mischief().on_metadata(alter);
    };
    for (member, value, code, cure) in [
        (
            "id_token_signing_alg_values_supported",
            json!(["ES256"]),
            FindingCode::IdTokenAlg,
            "LATCHGATE_ID_TOKEN_ALG",
        ),
        (
            "response_modes_supported",
            json!(["fragment"]),
            FindingCode::ResponseMode,
            "LATCHGATE_RESPONSE_MODE",
        ),
        (
            "response_types_supported",
            json!(["id_token"]),
            FindingCode::ResponseType,
            "code",
        ),
        (
            "token_endpoint",
            json!(null),
            FindingCode::Metadata,
            "OpenID Provider",
        ),
        (
            "jwks_uri",
            json!("http://op.example/jwks"),
            FindingCode::Metadata,
            "https",
        ),
    ] {
        set(member, value);
        mistaken(&gate.check().await, code, cure);
    }
    provider.mischief().clear();
    provider
        .mischief()
        .on_jwks(|jwks| jwks["keys"][0]["d"] = json!("AQAB"));
    mistaken(
        &gate.check().await,
        FindingCode::PrivateKeys,
        "Replace these keys",
    );
    provider.mischief().on_jwks(|jwks| jwks["keys"] = json!([]));
    mistaken(&gate.check().await, FindingCode::Keys, "public keys");
    provider.mischief().clear();
    assert!(gate.check().await.is_healthy());
}

#[tokio::test]
async fn pushed_requests_are_checked_as_they_are_pushed() {
    let provider = DevProvider::builder().require_pushed_requests();
    let provider = provider.start().await.unwrap();
    let report = gate(registered(&provider)).build().unwrap().check().await;
    assert!(report.is_healthy(), "{report}");
    let redirect_uri = about(&report, FindingCode::RedirectUri)[0];
    assert_eq!(redirect_uri.severity(), Severity::Ok, "{redirect_uri}");
    let public = Provider::new(provider.issuer(), provider.client_id());
    let public = public.client_auth(ClientAuth::ClientSecretPost(SECRET.into()));
    let report = gate(public).build().unwrap().check().await;
    mistaken(&report, FindingCode::ClientAuthentication, "client_id");
}

#[tokio::test]
async fn a_request_is_compared_with_the_base_url() {
    let provider = DevProvider::start().await.unwrap();
    let gate = gate(registered(&provider)).build().unwrap();
    let request = http::Request::get("/")
        .header("host", "localhost:3000")
        .header("x-forwarded-host", "app.example.com");
    let request = request.body(()).unwrap();
    let report = gate.check().sample_request(&request).await;
    mistaken(&report, FindingCode::ProxyHeaders, "LATCHGATE_BASE_URL");
    assert!(about(&report, FindingCode::BasePath)[0].severity() == Severity::Ok);
}

#[tokio::test]
async fn an_api_is_checked_as_well() {
    let provider = DevProvider::start().await.unwrap();
    let api = |issuer: &str| Api::builder(issuer, ProtectedResource::new("https://api.example"));
    let good = api(provider.issuer()).build().unwrap().check().await;
    assert!(good.is_healthy(), "{good}");
    about(&good, FindingCode::Keys);
    let wrong = format!("{}/", provider.issuer());
    let report = api(&wrong).build().unwrap().check().await;
    mistaken(&report, FindingCode::Issuer, provider.issuer());
}

/// The guide has a section for each code, to which findings link, and none for another.
#[test]
fn every_code_has_its_section_in_the_guide() {
    let page = include_str!("../../docs/src/doctor.md");
    let mut sections = page.split("\n## `").skip(1);
    let found: BTreeSet<&str> = sections
        .by_ref()
        .map(|section| {
            let (code, text) = section.split_once("`\n").unwrap();
            assert!(
                text.contains("*Why:*") && text.contains("*Cure:*"),
                "{code}"
            );
            code
        })
        .collect();
    let codes: BTreeSet<&str> = FindingCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(found, codes);
    for code in FindingCode::ALL {
        assert_eq!(code.path(), format!("doctor.html#{code}"));
    }
}

#[tokio::test]
async fn the_provider_of_a_tenant_is_checked_if_the_tenant_is_named() {
    let provider = DevProvider::start().await.unwrap();
    // Several tenants may have providers of the same label.
    let acme = Arc::new(registered(&provider).label("Keycloak"));
    let tenants = Tenants::new(move |name: String| {
        let found = (name == "acme").then(|| Provider::clone(&acme));
        async move { Ok::<_, std::io::Error>(found) }
    });
    let tenants = tenants.dangerous_loopback_for_development();
    let gate = Gate::for_tenants(APP, tenants)
        .session_keys([SessionKey::from_bytes(KEY)])
        .build()
        .unwrap();
    let report = gate.check().await;
    assert!(report.worst() <= Severity::Hint, "{report}");
    let asked = |report: &Report| {
        let mut found = report.findings();
        found.any(|found| found.code() == FindingCode::ClientAuthentication)
    };
    assert!(!asked(&report), "{report}");

    let report = gate.check().tenant("acme").await;
    assert!(report.worst() <= Severity::Hint, "{report}");
    for code in [FindingCode::ClientAuthentication, FindingCode::RedirectUri] {
        for finding in about(&report, code) {
            let seen = (finding.severity(), finding.subject());
            assert_eq!(seen, (Severity::Ok, Some("acme")), "{finding}");
        }
    }
    for (code, route) in [
        (FindingCode::BackChannelLogout, "backchannel-logout"),
        (FindingCode::FrontChannelLogout, "frontchannel-logout"),
    ] {
        let own = format!("`{APP}/{route}/acme`");
        let found = about(&report, code);
        let names_it = |finding: &&Finding| finding.to_string().contains(&own);
        assert!(found.iter().all(names_it), "{own}: {found:?}");
    }

    let report = gate.check().tenant("acme").tenant("nobody").await;
    let about_tenants = about(&report, FindingCode::Tenants).into_iter();
    let subjects: Vec<_> = about_tenants.filter_map(Finding::subject).collect();
    assert_eq!(subjects, ["nobody"], "{report}");
    mistaken(&report, FindingCode::Tenants, "table of tenants");
    assert!(asked(&report), "{report}");
}
