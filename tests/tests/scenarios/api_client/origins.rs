//! Where the token of a call goes, and where not.

use std::future::{Future, ready};
use std::pin::Pin;

use http::{Extensions, StatusCode};
use latchgate_tests::{Failure, Setup, Transcript, scenarios};
use latchgate_tower::ApiClient;
use reqwest::{Request, Response};
use reqwest_middleware::Next;

use super::recording::Recording;
use super::{as_user, route, said};

scenarios!(
    a_token_goes_to_its_api_only,
    no_middleware_of_the_applications_sees_it,
    no_redirect_takes_it_elsewhere,
    a_base_url_that_a_token_cannot_go_to_is_named,
    an_api_that_is_down_is_a_502,
);

async fn a_token_goes_to_its_api_only(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let (api, other) = (Recording::start("/").await?, Recording::start("/").await?);
    let base = format!("{}/v1", api.address);
    assert_eq!(as_user(&browser, &base, "/orders").await?.body, "200 here");
    let absolute = format!("{base}/orders?page=2");
    assert_eq!(as_user(&browser, &base, &absolute).await?.body, "200 here");
    // What the developer has written into `Authorization` is replaced, and a proof of theirs is none of the token's key.
    assert_eq!(api.take(), ["GET /v1/orders Bearer"; 2]);
    for elsewhere in [
        other.address.clone(),
        format!("{}/v1/orders", other.address),
        format!("{}/admin", api.address),
        format!("{}/v10", api.address),
        "/../admin".to_owned(),
        "/%2e%2e/admin".to_owned(),
        format!("http://{}@{}/v1", &api.address[7..], &other.address[7..]),
    ] {
        let page = as_user(&browser, &base, &elsewhere).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (502, "api_call"),
            "{elsewhere}"
        );
    }
    assert_eq!((api.take(), other.take()), (Vec::new(), Vec::new()));
    Ok(())
}

/// Middleware that answers by itself: 200 where it sees no token.
fn telling<'a>(
    request: Request,
    _: &'a mut Extensions,
    _: Next<'a>,
) -> Pin<Box<dyn Future<Output = reqwest_middleware::Result<Response>> + Send + 'a>> {
    let mut answer = http::Response::new("");
    if request.headers().contains_key("authorization") {
        *answer.status_mut() = StatusCode::IM_A_TEAPOT;
    }
    Box::pin(ready(Ok(answer.into())))
}

async fn no_middleware_of_the_applications_sees_it(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let api = ApiClient::builder("https://api.example.com").with(telling);
    let api = api.build()?.as_application(&world.gate);
    let answer = api.get("/orders").send().await?;
    assert_eq!(answer.status().as_u16(), 200);
    Ok(())
}

async fn no_redirect_takes_it_elsewhere(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let other = Recording::start("/").await?;
    let api = Recording::start(&format!("{}/v1/orders", other.address)).await?;
    let base = format!("{}/v1", api.address);
    for path in ["/away", "/up"] {
        let page = as_user(&browser, &base, path).await?;
        assert_eq!(page.body, "307 ", "{path}");
    }
    assert_eq!(api.take(), ["GET /v1/away Bearer", "GET /v1/up Bearer"]);
    assert_eq!(other.take(), [""; 0]);
    let post = [("method", "POST"), ("body", "an order")];
    for path in ["/slash", "/other"] {
        let told = said(&browser, &route("as-user", &base, path, &post)).await?;
        assert_eq!(told, "200 here", "{path}");
    }
    let expected = [
        "POST /v1/slash Bearer",
        "POST /v1/slash/ Bearer",
        "POST /v1/other Bearer",
        "GET /v1/created Bearer",
    ];
    assert_eq!(api.take(), expected);
    let page = as_user(&browser, &base, "/round").await?;
    assert_eq!((page.body.as_str(), api.take().len()), ("307 ", 6));
    Ok(())
}

async fn a_base_url_that_a_token_cannot_go_to_is_named(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    for base in [
        "orders",
        "http://orders.example.com",
        "https://me:pw@orders.example.com",
    ] {
        let page = as_user(&browser, base, "/").await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (502, "api_call"),
            "{base}"
        );
    }
    let said = transcript.text();
    assert!(
        said.contains("the base URL `http://orders.example.com` of an API is not https"),
        "{said}"
    );
    Ok(())
}

async fn an_api_that_is_down_is_a_502(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let api = Recording::start("/").await?;
    let address = api.address.clone();
    drop(api);
    let listening = || async { tokio::net::TcpStream::connect(&address[7..]).await.is_ok() };
    while listening().await {
        tokio::task::yield_now().await;
    }
    let page = as_user(&browser, &address, "/orders").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (502, "api_call"),
        "{page}"
    );
    Ok(())
}
