//! A provider without OpenID Connect, in the manner of GitHub: no ID token, no discovery, errors with status 200.

use http::StatusCode;
use latchgate::{PlainOAuth2, Provider};
use latchgate_dev_provider::{Answer, Client, Endpoint};
use latchgate_tests::{Failure, Setup, World, scenarios};
use serde_json::{Value, json};

scenarios!(
    nothing_of_openid_is_sent_or_asked,
    a_refusal_with_status_200_is_a_refusal,
    an_account_that_says_not_who_it_is_is_refused,
    addresses_are_told_or_left_out,
    a_guard_that_wants_a_recent_login_refuses_for_good,
    state_and_code_count_as_ever,
    it_ends_no_sessions_by_logout_tokens,
    endpoints_of_another_issuer_are_not_used;
    in either keeping:
    somebody_signs_in_refreshes_and_signs_out,
    another_account_at_a_refresh_ends_the_session,
    an_authorization_server_tells_its_endpoints,
);

const SECRET: &str = "the secret of a plain client";

pub(crate) fn github(setup: Setup) -> Setup {
    github_with(setup, &["read:user", "user:email", "offline_access"])
}

fn github_with(setup: Setup, scopes: &'static [&'static str]) -> Setup {
    setup
        .provider(|provider| provider.client(Client::confidential("plain", SECRET).plain_oauth2()))
        .registered_as(move |provider| {
            let issuer = provider.issuer();
            let at = |path: &str| format!("{issuer}{path}");
            let endpoints = PlainOAuth2::new(at("/authorize"), at("/token"), at("/userinfo"))
                .emails_endpoint(at("/user/emails"))
                .claim("preferred_username", "login")
                .claim("picture", "https://avatars.example/{id}");
            Provider::plain_oauth2(issuer, "plain", endpoints)
                .client_secret(SECRET)
                .scopes(scopes.iter().copied())
        })
}

async fn claims(browser: &latchgate_tests::Browser) -> Result<Value, Failure> {
    Ok(browser.fetch("GET", "/me").await?.json(200)?)
}

async fn somebody_signs_in_refreshes_and_signs_out(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    let browser = world.signed_in().await?;
    let found = claims(&browser).await?;
    let sub = found["sub"].as_str().unwrap_or_default().to_owned();
    assert!(
        !sub.is_empty() && sub.bytes().all(|byte| byte.is_ascii_digit()),
        "{found}"
    );
    assert_eq!(found["iss"], world.provider.issuer());
    assert_eq!(found["preferred_username"], "alice");
    assert_eq!(found["email_verified"], true, "{found}");
    assert_eq!(found["picture"], format!("https://avatars.example/{sub}"));
    assert_eq!(
        found.get("login"),
        None,
        "what is not mapped is not kept: {found}"
    );
    let token = world.token(&browser).await?;
    assert_eq!(token["scope"], "offline_access read:user user:email");
    world.provider.reset_calls();
    let fresh = browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_ne!(fresh["access_token"], token["access_token"]);
    assert_eq!(
        (
            world.calls(Endpoint::Token),
            world.calls(Endpoint::Userinfo)
        ),
        (1, 1)
    );
    assert_eq!(claims(&browser).await?, found);
    let request = browser.request("POST", "/logout").navigation("same-origin");
    let page = request.send().await?;
    assert_eq!(
        page.location.as_deref(),
        Some("/"),
        "there is no session to end there: {page}"
    );
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn nothing_of_openid_is_sent_or_asked(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    world.gate.warm_up().await?;
    let browser = world.browser()?;
    let start = browser.get("/login").await?.leads_to()?;
    let sent: std::collections::HashMap<_, _> = start.query_pairs().into_owned().collect();
    for name in ["nonce", "max_age", "claims"] {
        assert_eq!(sent.get(name), None, "{start}");
    }
    assert_eq!(
        (sent["state"].len(), sent["code_challenge"].len()),
        (43, 43)
    );
    assert_eq!(sent["code_challenge_method"], "S256");
    assert_eq!(sent["scope"], "read:user user:email offline_access");
    // Whatever comes as an ID token means nothing.
    world
        .mischief()
        .on_token_response(|answer| answer["id_token"] = json!("not.a.token"));
    let browser = world.signed_in().await?;
    assert!(claims(&browser).await?["sub"].is_string());
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        assert_eq!(world.calls(endpoint), 0, "{endpoint:?}");
    }
    let request = world.provider.last_request(Endpoint::Token);
    let accept = request
        .as_ref()
        .and_then(|request| request.header("accept"));
    assert_eq!(accept, Some("application/json"));
    Ok(())
}

async fn a_refusal_with_status_200_is_a_refusal(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    let browser = world.browser()?;
    let mut answer = world.callback(&browser, "/login").await?;
    let altered: Vec<(String, String)> = answer
        .query_pairs()
        .map(|(name, value)| match name.as_ref() {
            "code" => ("code".to_owned(), "of nobody".to_owned()),
            _ => (name.into_owned(), value.into_owned()),
        })
        .collect();
    answer.query_pairs_mut().clear().extend_pairs(altered);
    let page = browser.get(answer.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "token_request_refused"),
        "{page}"
    );
    assert_eq!(world.whoami(&browser).await?, None);
    // A refresh token that is refused in this way ends the session.
    let browser = world.signed_in().await?;
    world.mischief().answer(
        Endpoint::Token,
        Answer::json(
            StatusCode::OK,
            &json!({ "error": "invalid_grant", "error_description": "gone" }),
        ),
    );
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(page.status, 401, "{page}");
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn an_account_that_says_not_who_it_is_is_refused(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    for id in [json!(null), json!(""), json!([7]), json!("x".repeat(256))] {
        world
            .mischief()
            .on_userinfo(move |account| account["id"] = id.clone());
        let page = world.visit(&mut world.browser()?, "/me").await?;
        assert_eq!(page.code(), "userinfo_sub", "{page}");
    }
    world.mischief().clear();
    world
        .mischief()
        .answer(Endpoint::Userinfo, Answer::status(StatusCode::FORBIDDEN));
    let page = world.visit(&mut world.browser()?, "/me").await?;
    assert_eq!(page.code(), "userinfo", "{page}");
    Ok(())
}

async fn addresses_are_told_or_left_out(setup: Setup) -> Result<(), Failure> {
    let world = github_with(setup, &["read:user"]).start().await?;
    let browser = world.signed_in().await?;
    assert_eq!(claims(&browser).await?.get("email"), None);
    Ok(())
}

/// Nobody can tell when somebody authenticated: they would be sent round and round.
async fn a_guard_that_wants_a_recent_login_refuses_for_good(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    let mut browser = world.signed_in().await?;
    let page = browser.open("/recent").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (403, "not_permitted"),
        "{page}"
    );
    Ok(())
}

async fn state_and_code_count_as_ever(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    let browser = world.browser()?;
    let answer = world.callback(&browser, "/login").await?;
    let page = world.browser()?.get(answer.as_str()).await?;
    assert_eq!(page.code(), "no_login_under_way", "another browser: {page}");
    let page = browser.get(answer.as_str()).await?;
    assert_eq!(page.status, 303, "{page}");
    // The code of one login in another one: the verifier does not fit.
    let (one, other) = (world.browser()?, world.browser()?);
    let stolen = world.callback(&one, "/login").await?;
    let own = world.callback(&other, "/login").await?;
    let code = stolen.query_pairs().find(|(name, _)| name == "code");
    let code = code.map(|(_, code)| code.into_owned()).unwrap_or_default();
    let mut injected = own.clone();
    let rest: Vec<(String, String)> = own
        .query_pairs()
        .into_owned()
        .filter(|(name, _)| name != "code")
        .collect();
    injected
        .query_pairs_mut()
        .clear()
        .extend_pairs(rest)
        .append_pair("code", &code);
    let page = other.get(injected.as_str()).await?;
    assert_eq!(page.code(), "token_request_refused", "{page}");
    Ok(())
}

async fn it_ends_no_sessions_by_logout_tokens(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    let browser = world.signed_in().await?;
    let sub = claims(&browser).await?["sub"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let target = latchgate_dev_provider::LogoutTarget::Sub(sub);
    let token = world.provider.logout_token(target, |_, claims| {
        claims.insert("aud".to_owned(), "plain".into());
    });
    let form = [("logout_token", token.as_str())];
    let tab = world.browser()?;
    let page = tab
        .request("POST", "/backchannel-logout")
        .form(&form)
        .send()
        .await?;
    assert_eq!(page.status, 400, "{page}");
    assert_eq!(world.calls(Endpoint::Jwks), 0);
    assert!(world.whoami(&browser).await?.is_some());
    Ok(())
}

async fn another_account_at_a_refresh_ends_the_session(setup: Setup) -> Result<(), Failure> {
    let world = github(setup).start().await?;
    let browser = world.signed_in().await?;
    let before = claims(&browser).await?;
    // What cannot be read now changes nothing.
    world.mischief().answer(
        Endpoint::Userinfo,
        Answer::status(StatusCode::INTERNAL_SERVER_ERROR),
    );
    browser.fetch("POST", "/refresh").await?.json(200)?;
    assert_eq!(claims(&browser).await?, before);
    world.mischief().clear();
    world
        .mischief()
        .on_userinfo(|account| account["id"] = json!(7));
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(page.status, 401, "{page}");
    assert!(gone(&world, &browser).await?);
    Ok(())
}

async fn gone(world: &World, browser: &latchgate_tests::Browser) -> Result<bool, Failure> {
    Ok(world.whoami(browser).await?.is_none())
}

/// The same with the endpoints that it publishes itself (RFC 8414).
fn discovered(setup: Setup) -> Setup {
    setup
        .provider(|provider| provider.client(Client::confidential("plain", SECRET).plain_oauth2()))
        .registered_as(|provider| {
            let account = format!("{}/userinfo", provider.issuer());
            let endpoints = PlainOAuth2::discovered(account);
            Provider::plain_oauth2(provider.issuer(), "plain", endpoints)
                .client_secret(SECRET)
                .scopes(["read:user", "offline_access"])
        })
}

async fn an_authorization_server_tells_its_endpoints(setup: Setup) -> Result<(), Failure> {
    let world = discovered(setup).start().await?;
    // It need not have keys.
    world.mischief().on_metadata(|metadata| {
        metadata["jwks_uri"] = Value::Null;
    });
    world.gate.warm_up().await?;
    let browser = world.signed_in().await?;
    assert_eq!(claims(&browser).await?["iss"], world.provider.issuer());
    browser.fetch("POST", "/refresh").await?.json(200)?;
    let request = browser.request("POST", "/logout").navigation("same-origin");
    request.send().await?;
    let revoked = || world.calls(Endpoint::Revocation) == 1;
    world.until("the refresh token is revoked", revoked).await?;
    assert_eq!(world.calls(Endpoint::AuthorizationServerMetadata), 1);
    for endpoint in [Endpoint::Discovery, Endpoint::Jwks] {
        assert_eq!(world.calls(endpoint), 0, "{endpoint:?}");
    }
    Ok(())
}

async fn endpoints_of_another_issuer_are_not_used(setup: Setup) -> Result<(), Failure> {
    let world = discovered(setup).start().await?;
    let issuer = world.provider.issuer().to_owned();
    for (member, value) in [
        ("issuer", json!(format!("{issuer}/"))),
        ("issuer", json!("https://op.example")),
        ("issuer", json!(null)),
        ("authorization_endpoint", json!(null)),
        ("token_endpoint", json!(null)),
        ("token_endpoint", json!("http://op.example/token")),
    ] {
        let lie = value.clone();
        world.mischief().on_metadata(move |metadata| {
            metadata[member] = lie.clone();
        });
        let page = world.browser()?.get("/login").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (502, "provider_metadata"),
            "{member} {value}: {page}"
        );
    }
    world.mischief().clear();
    world.signed_in().await?;
    Ok(())
}
