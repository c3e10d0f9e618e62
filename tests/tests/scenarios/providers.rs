//! Providers as they are: what none of them does wrong by the standards, or all clients have learnt to live with.

use http::{Request, Response};
use latchgate::{HttpClient, HttpFuture, ReqwestClient};
use latchgate_dev_provider::Endpoint;
use latchgate_tests::{Failure, Setup, Transcript, scenarios};
use serde_json::json;

scenarios!(
    endpoints_are_asked_at_the_url_that_was_checked,
    answers_of_any_client_are_held_to_the_same_rules,
    offline_access_without_a_refresh_token_is_told_in_the_log;
    in either keeping:
    a_refresh_token_with_spaces_is_spent,
    a_token_that_is_due_without_a_refresh_token_has_a_code_of_its_own,
);

async fn a_refresh_token_with_spaces_is_spent(setup: Setup) -> Result<(), Failure> {
    let prefix = "two words & 100%+ ~ ";
    let world = setup
        .provider(move |provider| provider.refresh_token_prefix(prefix))
        .start()
        .await?;
    let browser = world.signed_in().await?;
    for _ in 0..2 {
        browser.fetch("POST", "/refresh").await?.json(200)?;
        let request = world.provider.last_request(Endpoint::Token);
        let spent = request.and_then(|request| request.parameter("refresh_token"));
        assert!(spent.is_some_and(|spent| spent.starts_with(prefix)));
    }
    let request = browser.request("POST", "/logout").navigation("same-origin");
    assert_eq!(request.send().await?.status, 303);
    let asked = || world.calls(Endpoint::Revocation) == 1;
    world.until("the refresh token is revoked", asked).await?;
    let request = world.provider.last_request(Endpoint::Revocation);
    let revoked = request.and_then(|request| request.parameter("token"));
    assert!(revoked.is_some_and(|revoked| revoked.starts_with(prefix)));
    Ok(())
}

/// URLs that browsers read, and stricter readers do not: whoever checks one reading and asks another may ask anybody.
async fn endpoints_are_asked_at_the_url_that_was_checked(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .registration(|registration| registration.userinfo(latchgate::UserinfoPolicy::Always))
        .start()
        .await?;
    for (from, to) in [
        ("http://", "http:"),
        ("http://", "http:\\\\"),
        ("http://", " HTTP:///"),
    ] {
        world.mischief().on_metadata(move |metadata| {
            for name in [
                "authorization_endpoint",
                "token_endpoint",
                "userinfo_endpoint",
                "jwks_uri",
                "revocation_endpoint",
                "end_session_endpoint",
            ] {
                let url = metadata[name].as_str().unwrap_or_default();
                metadata[name] = json!(url.replacen(from, to, 1));
            }
        });
        let node = world.neighbour(|setup| setup).await?;
        world.provider.reset_calls();
        let browser = node.signed_in().await?;
        browser.fetch("POST", "/refresh").await?.json(200)?;
        let request = browser.request("POST", "/logout").navigation("same-origin");
        let page = request.send().await?;
        let location = page.leads_to()?;
        assert!(
            location.as_str().starts_with(world.provider.issuer()),
            "{to}: {location}"
        );
        let asked = || world.calls(Endpoint::Revocation) == 1;
        world.until("the refresh token is revoked", asked).await?;
        assert!(world.calls(Endpoint::Userinfo) > 0);
    }
    Ok(())
}

/// An HTTP client of the application's own that has none of the built-in one's manners.
#[derive(Debug)]
struct CarelessClient {
    inner: ReqwestClient,
    at: &'static str,
    spoil: fn(&mut Response<Vec<u8>>),
}

impl HttpClient for CarelessClient {
    fn send(&self, request: Request<Vec<u8>>) -> HttpFuture<'_> {
        Box::pin(async move {
            let here = request.uri().path() == self.at;
            let mut answer = self.inner.send(request).await?;
            if here {
                (self.spoil)(&mut answer);
            }
            Ok(answer)
        })
    }
}

async fn answers_of_any_client_are_held_to_the_same_rules(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .registration(|registration| registration.userinfo(latchgate::UserinfoPolicy::Always))
        .start()
        .await?;
    let redirects = |answer: &mut Response<Vec<u8>>| {
        *answer.status_mut() = http::StatusCode::TEMPORARY_REDIRECT;
    };
    let compresses = |answer: &mut Response<Vec<u8>>| {
        let zstd = http::HeaderValue::from_static("zstd");
        answer.headers_mut().insert("content-encoding", zstd);
    };
    // Blanks are JSON too: what was read to its end would be taken.
    let goes_on = |answer: &mut Response<Vec<u8>>| answer.body_mut().resize(128 * 1024 + 1, b' ');
    type Spoil = fn(&mut Response<Vec<u8>>);
    let all: [(Spoil, u16, &str); 3] = [
        (redirects, 502, "provider_redirect"),
        (compresses, 503, "provider_unreachable"),
        (goes_on, 503, "provider_unreachable"),
    ];
    for at in [
        Endpoint::Discovery,
        Endpoint::Jwks,
        Endpoint::Token,
        Endpoint::Userinfo,
    ] {
        for (spoil, status, code) in all {
            let node = world.neighbour(|setup| {
                setup.gate(move |gate| match ReqwestClient::new(None) {
                    Ok(inner) => gate.http_client(CarelessClient {
                        inner,
                        at: at.path(),
                        spoil,
                    }),
                    Err(_) => gate,
                })
            });
            let node = node.await?;
            let page = node.visit(&mut node.browser()?, "/me").await?;
            assert_eq!(
                (page.status, page.code().as_str()),
                (status, code),
                "{at:?}: {page}"
            );
        }
    }
    Ok(())
}

async fn offline_access_without_a_refresh_token_is_told_in_the_log(
    setup: Setup,
) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let told = || {
        let log = transcript.text();
        let lines = log.lines().filter(|line| {
            line.contains(world.provider.issuer()) && line.contains("no_refresh_token")
        });
        lines.filter(|line| line.contains("prompt=consent")).count()
    };
    world.signed_in().await?;
    assert_eq!(told(), 0);
    world.mischief().on_token_response(|answer| {
        answer
            .as_object_mut()
            .map(|members| members.remove("refresh_token"));
    });
    world.signed_in().await?;
    assert_eq!(told(), 1);
    Ok(())
}

async fn a_token_that_is_due_without_a_refresh_token_has_a_code_of_its_own(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.mischief().on_token_response(|answer| {
        answer
            .as_object_mut()
            .map(|members| members.remove("refresh_token"));
    });
    let mut browser = world.signed_in().await?;
    assert_eq!(world.token(&browser).await?["expires_in"], 3_600);
    let page = browser.fetch("POST", "/refresh").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "no_refresh_token"),
        "{page}"
    );
    // Another login would bring none either: nobody is sent round and round for one.
    let page = browser.get("/refresh").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "no_refresh_token"),
        "{page}"
    );
    world.clock.pass(3_600);
    let page = browser.fetch("GET", "/token").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "no_refresh_token"),
        "{page}"
    );
    // A visitor who navigates signs in again, which brings a token.
    let page = world.visit(&mut browser, "/token").await?;
    assert_eq!((page.status, page.url.path()), (200, "/token"), "{page}");
    Ok(())
}
