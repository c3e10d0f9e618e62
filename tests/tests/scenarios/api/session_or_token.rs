//! One application for browsers with a session and for clients with an access token.

use latchgate_tests::app::api::AUDIENCE;
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::json;

use super::{access_token, bearer_challenge, for_the_api, present};

scenarios!(
    without_an_audience_a_token_is_nothing;
    in either keeping:
    a_session_and_a_token_show_the_same_person,
    a_bad_token_never_falls_back_to_the_session,
    what_only_a_session_has_is_refused_to_a_token,
);

fn both(setup: Setup) -> Setup {
    for_the_api(setup).gate(|gate| gate.api(AUDIENCE))
}

async fn a_session_and_a_token_show_the_same_person(setup: Setup) -> Result<(), Failure> {
    let world = both(setup).start().await?;
    let browser = world.signed_in().await?;
    let bearer = format!("Bearer {}", access_token(&world).await?);
    let client = world.browser()?;
    let by_session = browser.fetch("GET", "/me").await?.json(200)?;
    let by_token = present(&client, "/me", &bearer).await?.json(200)?;
    for claim in ["iss", "sub", "roles"] {
        assert_eq!(by_session[claim], by_token[claim], "{claim}");
        assert!(!by_token[claim].is_null(), "{by_token}");
    }
    for path in ["/admin", "/read", "/recent"] {
        assert_eq!(browser.get(path).await?.body, "admitted", "{path}");
        assert_eq!(
            present(&client, path, &bearer).await?.body,
            "admitted",
            "{path}"
        );
    }
    let page = present(&client, "/", &bearer).await?;
    assert_eq!(page.body, "alice");
    assert!(page.set_cookies().is_empty());
    assert_eq!(page.header("vary"), "authorization");
    let vary = browser.get("/").await?;
    let vary: Vec<_> = vary.headers.get_all("vary").into_iter().collect();
    assert_eq!(vary, ["cookie", "authorization"]);
    let vary = client.get("/").await?;
    let vary: Vec<_> = vary.headers.get_all("vary").into_iter().collect();
    assert_eq!(vary, ["cookie", "authorization"]);
    // A token needs no proof that a form came from our own pages: no browser sends one by itself.
    let write = client
        .request("POST", "/write")
        .header("authorization", &bearer);
    assert_eq!(write.send().await?.body, "written");
    // Nobody is told of both ways, and a person is still sent to log in.
    let page = client.fetch("GET", "/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    assert!(page.header("www-authenticate").starts_with("Session"));
    assert!(
        bearer_challenge(&page).contains("/.well-known/oauth-protected-resource"),
        "{page}"
    );
    assert_eq!(client.get("/me").await?.status, 303);
    let metadata = client
        .get("/.well-known/oauth-protected-resource")
        .await?
        .json(200)?;
    assert_eq!(metadata["resource"], world.site.as_str());
    Ok(())
}

async fn a_bad_token_never_falls_back_to_the_session(setup: Setup) -> Result<(), Failure> {
    let world = both(setup).start().await?;
    let browser = world.signed_in().await?;
    world.provider.auto_sign_in(Some("bob"));
    let bob = format!("Bearer {}", access_token(&world).await?);
    assert_eq!(
        present(&browser, "/", &bob).await?.body,
        "bob",
        "the token counts, not the cookie"
    );
    let unsigned = bob.rsplit_once('.').map_or("", |(signed, _)| signed);
    for (bad, status) in [
        (format!("{unsigned}."), 401),
        ("Bearer opaque".to_owned(), 401),
        ("Bearer".to_owned(), 400),
        ("DPoP x".to_owned(), 401),
    ] {
        for path in ["/", "/me", "/admin", "/perhaps"] {
            for navigates in [false, true] {
                let mut request = browser.request("GET", path).header("authorization", &bad);
                if navigates {
                    request = request.navigation("none");
                }
                let page = request.send().await?;
                assert_eq!(page.status, status, "{bad} {path} {page}");
                assert!(
                    page.location.is_none() && page.set_cookies().is_empty(),
                    "{page}"
                );
            }
        }
    }
    // Other schemes are no access tokens.
    assert_eq!(present(&browser, "/", "Basic YTpi").await?.body, "alice");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn what_only_a_session_has_is_refused_to_a_token(setup: Setup) -> Result<(), Failure> {
    let world = both(setup).start().await?;
    let bearer = format!("Bearer {}", access_token(&world).await?);
    let client = world.browser()?;
    for path in ["/token", "/refresh", "/count"] {
        let page = present(&client, path, &bearer).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (403, "session_required"),
            "{path}"
        );
    }
    assert_eq!(present(&client, "/perhaps", &bearer).await?.body, "nothing");
    assert_eq!(present(&client, "/ended", &bearer).await?.body, "-");
    // Ending "other" sessions with a token ends them all: the token has none.
    let browser = world.signed_in().await?;
    let elsewhere = client
        .request("POST", "/elsewhere")
        .header("authorization", &bearer);
    assert_eq!(elsewhere.send().await?.status, 204);
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}

async fn without_an_audience_a_token_is_nothing(setup: Setup) -> Result<(), Failure> {
    let world = for_the_api(setup).start().await?;
    let browser = world.signed_in().await?;
    let bearer = format!("Bearer {}", access_token(&world).await?);
    assert_eq!(
        present(&world.browser()?, "/", &bearer).await?.body,
        "anonymous"
    );
    assert_eq!(
        present(&browser, "/", "Bearer nonsense").await?.body,
        "alice"
    );
    let page = browser.get("/.well-known/oauth-protected-resource").await?;
    assert_eq!(page.status, 404, "{}", json!(page.body));
    Ok(())
}
