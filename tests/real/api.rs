//! The API of the example servers, with access tokens of npm `oidc-provider`: JWTs, and opaque ones by introspection.

use latchgate_tests::browser::{Browser, Page};

use crate::case::{Case, Failure};
use crate::example::BOTH;
use crate::oidc_provider::case;
use crate::world::{Setup, World};

/// Every case, for both example servers.
pub(crate) fn cases() -> Vec<Case> {
    let jwt = Setup::default().with(&[
        ("LATCHGATE_RESOURCE", "{base_url}/api"),
        ("LATCHGATE_API_AUDIENCE", "{base_url}/api"),
    ]);
    let opaque = Setup::default().with(&[
        ("LATCHGATE_RESOURCE", "{base_url}/api"),
        ("LATCHGATE_API_AUDIENCE", "{base_url}/api"),
        ("LATCHGATE_API_INTROSPECTION", "true"),
    ]);
    let opaque = opaque.opaque_access_tokens();
    let mut cases = Vec::new();
    for at in BOTH {
        cases.extend([
            case(at, "api_takes_a_jwt", jwt, takes_a_jwt),
            case(
                at,
                "api_takes_an_opaque_token",
                opaque,
                takes_an_opaque_token,
            ),
        ]);
    }
    cases
}

async fn takes_a_jwt(world: &mut World) -> Result<(), Failure> {
    let token = access_token(world).await?;
    ensure!(token.split('.').count() == 3, "not a JWT");
    the_same_person(world, &token).await?;
    // With another signature it is nobody's.
    let (signed, _) = token.rsplit_once('.').unwrap_or_default();
    let page = call(world, &format!("{signed}.AAAA")).await?;
    ensure!(page.status == 401, "a forged token: {page}");
    Ok(())
}

async fn takes_an_opaque_token(world: &mut World) -> Result<(), Failure> {
    let token = access_token(world).await?;
    ensure!(!token.contains('.'), "not opaque");
    the_same_person(world, &token).await?;
    let page = call(world, "invented").await?;
    ensure!(page.status == 401, "an invented token: {page}");
    Ok(())
}

/// Alice's access token for the API, which the userinfo endpoint would not accept.
async fn access_token(world: &mut World) -> Result<String, Failure> {
    world.log_in().await?;
    let url = world.app.url("/token");
    let answer = world.browser.fetch("GET", &url).await?.json(200)?;
    Ok(answer["access_token"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

/// The API shows the same person to a browser with a session and to a client with a token.
async fn the_same_person(world: &World, token: &str) -> Result<(), Failure> {
    let url = world.app.url("/api");
    let by_session = world.browser.fetch("GET", &url).await?.json(200)?;
    let by_token = call(world, token).await?.json(200)?;
    for claim in ["iss", "sub"] {
        ensure!(
            by_session[claim] == by_token[claim],
            "{by_session} and {by_token}"
        );
    }
    ensure!(by_token["sub"] == "alice", "{by_token}");
    ensure!(by_token["aud"] == url.as_str(), "{by_token}");
    Ok(())
}

/// What a client without cookies gets with a token.
async fn call(world: &World, token: &str) -> Result<Page, Failure> {
    let client = Browser::new()?;
    let url = world.app.url("/api");
    let request = client.request("GET", &url);
    Ok(request
        .header("authorization", format!("Bearer {token}"))
        .send()
        .await?)
}
