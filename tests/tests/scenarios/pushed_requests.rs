//! Authorization requests that are pushed to the provider, so that the browser carries only a reference (RFC 9126).

use latchgate::{ClientAuth, ResponseMode, Usage};
use latchgate_dev_provider::{Answer, Client, Endpoint};
use latchgate_tests::{Failure, Setup, Transcript, scenarios};
use serde_json::json;

use crate::authorization_request::names;

scenarios!(
    a_provider_that_requires_it_gets_pushed_requests,
    a_provider_that_does_not_is_not_bothered,
    who_wants_it_pushes_always,
    every_way_to_authenticate_pushes,
    who_never_pushes_is_told_what_to_do,
    a_refused_push_is_not_replaced_by_a_plain_request,
    every_start_pushes_once_and_no_reference_works_twice,
);

async fn a_provider_that_requires_it_gets_pushed_requests(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.require_pushed_requests());
    let world = setup.start().await?;
    let url = world.browser()?.get("/switch").await?.leads_to()?;
    assert_eq!(names(&url), ["client_id", "request_uri"], "{url}");
    let pushed = world.provider.last_request(Endpoint::PushedAuthorization);
    let pushed = pushed.ok_or("nothing was pushed")?;
    assert_eq!(pushed.method, "POST");
    assert_eq!(pushed.path_and_query, "/par");
    assert!(
        pushed
            .header("authorization")
            .is_some_and(|field| field.starts_with("Basic "))
    );
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", world.provider.client_id()),
        ("redirect_uri", &format!("{}/callback", world.site)),
        ("scope", "openid profile email offline_access"),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
        ("login_hint", "alice@example.com"),
        ("max_age", "600"),
        ("organization", "org_123 & more"),
    ] {
        assert_eq!(pushed.parameter(name).as_deref(), Some(value), "{name}");
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(pushed.parameter(name).map(|value| value.len()), Some(43));
    }
    let browser = world.signed_in().await?;
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    let carried = world.provider.last_request(Endpoint::Authorize);
    let carried = carried.ok_or("nobody came")?;
    assert!(!carried.path_and_query.contains("state="), "{carried:?}");
    Ok(())
}

async fn a_provider_that_does_not_is_not_bothered(setup: Setup) -> Result<(), Failure> {
    for par in [Usage::WhenRequired, Usage::Never] {
        let setup = setup
            .clone()
            .registration(move |registration| registration.par(par));
        let world = setup.start().await?;
        let url = world.browser()?.get("/login").await?.leads_to()?;
        assert!(names(&url).contains(&"state".to_owned()), "{url}");
        world.signed_in().await?;
        assert_eq!(world.calls(Endpoint::PushedAuthorization), 0);
    }
    Ok(())
}

async fn who_wants_it_pushes_always(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|registration| {
        registration
            .par(Usage::Always)
            .resource("https://one.example/")
            .resource("https://two.example/")
            .response_mode(ResponseMode::FormPost)
    });
    let world = setup.start().await?;
    world.signed_in().await?;
    let pushed = world.provider.last_request(Endpoint::PushedAuthorization);
    let body = pushed.ok_or("nothing was pushed")?.body;
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("resource=https%3A%2F%2Fone"), "{body}");
    assert!(body.contains("resource=https%3A%2F%2Ftwo"), "{body}");

    world.mischief().on_metadata(|metadata| {
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.remove("pushed_authorization_request_endpoint");
        }
    });
    let other = world.neighbour(|setup| setup).await?;
    let page = other.browser()?.get("/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (500, "pushed_request"),
        "{page}"
    );
    Ok(())
}

async fn every_way_to_authenticate_pushes(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.require_pushed_requests());
    let secret = Client::development();
    let secret = secret.client_secret().unwrap_or_default().to_owned();
    let post = setup.clone().registration(move |registration| {
        registration.client_auth(ClientAuth::ClientSecretPost(secret.as_str().into()))
    });
    let world = post.start().await?;
    world.signed_in().await?;
    let pushed = world.provider.last_request(Endpoint::PushedAuthorization);
    let pushed = pushed.ok_or("nothing was pushed")?;
    assert_eq!(pushed.header("authorization"), None);
    assert!(pushed.parameter("client_secret").is_some());

    let public = setup
        .provider(|provider| provider.client(Client::public("dev-client")))
        .registration(|registration| registration.client_auth(ClientAuth::None));
    public.start().await?.signed_in().await.map(drop)
}

async fn who_never_pushes_is_told_what_to_do(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let setup = setup
        .provider(|provider| provider.require_pushed_requests())
        .registration(|registration| registration.par(Usage::Never));
    let world = setup.start().await?;
    let page = world.browser()?.get("/login").await?;
    assert_eq!((page.status, page.code().as_str()), (500, "pushed_request"));
    let said = transcript.text();
    assert!(
        said.contains("the setting `par` is `false`; set it to `auto` or `true`"),
        "{said}"
    );
    assert_eq!(world.calls(Endpoint::PushedAuthorization), 0);
    Ok(())
}

async fn a_refused_push_is_not_replaced_by_a_plain_request(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let setup = setup.registration(|registration| registration.par(Usage::Always));
    let world = setup.start().await?;
    for (status, error, told) in [
        (400, "invalid_request", (500, "pushed_request_refused")),
        (401, "invalid_client", (500, "pushed_request_refused")),
        (
            503,
            "temporarily_unavailable",
            (502, "pushed_request_refused"),
        ),
    ] {
        let status = http::StatusCode::from_u16(status)?;
        let words = json!({ "error": error, "error_description": "words of the provider" });
        let answer = Answer::json(status, &words);
        world
            .mischief()
            .answer(Endpoint::PushedAuthorization, answer);
        let page = world.browser()?.get("/me").await?;
        assert_eq!((page.status, page.code().as_str()), told, "{page}");
        assert!(!page.body.contains("words of the provider"), "{page}");
        assert_eq!(page.set_cookies(), [""; 0]);
        let said = transcript.text();
        assert!(said.contains(&format!("{error} (words of the provider)")));
    }
    assert_eq!(world.calls(Endpoint::Authorize), 0);
    let said = transcript.text();
    assert!(!said.contains("dev-secret"), "{said}");
    Ok(())
}

async fn every_start_pushes_once_and_no_reference_works_twice(setup: Setup) -> Result<(), Failure> {
    let setup = setup.provider(|provider| provider.require_pushed_requests());
    let world = setup.start().await?;
    let browser = world.browser()?;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(browser.get("/login").await?.leads_to()?);
    }
    assert_eq!(world.calls(Endpoint::PushedAuthorization), 3);
    seen.dedup();
    assert_eq!(seen.len(), 3);
    assert_eq!(browser.get(seen[0].as_str()).await?.status, 303);
    let again = browser.get(seen[0].as_str()).await?;
    assert!(again.location.is_none(), "{again}");
    Ok(())
}
