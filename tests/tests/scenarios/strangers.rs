//! What visitors get who bring no cookie of ours, and what a cache in between may do with it.

use latchgate_tests::{Failure, Setup, scenarios};

scenarios!(
    ; in either keeping:
    pages_that_ask_who_is_there_vary_by_cookie,
);

async fn pages_that_ask_who_is_there_vary_by_cookie(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let stranger = world.browser()?;
    for path in ["/", "/perhaps", "/ended"] {
        let page = stranger.get(path).await?;
        assert_eq!(
            (page.status, page.header("vary")),
            (200, "cookie"),
            "{path}"
        );
        assert_eq!(page.header("cache-control"), "", "it is nobody's: {path}");
        // Cookies of others change nothing.
        let request = stranger.request("GET", path).header("cookie", "theme=dark");
        assert_eq!(request.send().await?.header("vary"), "cookie", "{path}");
    }
    for path in ["/public", "/nowhere"] {
        assert_eq!(stranger.get(path).await?.header("vary"), "", "{path}");
    }
    let somebody = world.signed_in().await?;
    let page = somebody.get("/").await?;
    assert_eq!(page.header("vary"), "cookie");
    assert_eq!(page.header("cache-control"), "private, no-store");
    assert_eq!(somebody.get("/public").await?.header("vary"), "");
    Ok(())
}
