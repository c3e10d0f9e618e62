//! What a person sees: the examples as `cargo run` starts them, with no account anywhere, in a real browser.

use crate::case::{Case, Failure};
use crate::example::{Address, BOTH, Example};
use crate::need::Need;
use crate::webdriver::{Chromium, Find};

const NEEDS: &[Need] = &[Need::Chromium, Need::Examples];

/// The case, for both example servers.
pub(crate) fn cases() -> Vec<Case> {
    BOTH.into_iter()
        .map(|example| {
            Case::new(
                format!("chromium::{}::log_in_and_out", example.name),
                NEEDS,
                move || log_in_and_out(example),
            )
        })
        .collect()
}

async fn log_in_and_out(example: Example) -> Result<(), Failure> {
    // Without an issuer the example starts its own development provider.
    let app = example.start(&Address::free()?, &[]).await?;
    let window = Chromium::open(example.name).await?;
    let outcome = walk(example, &app.base_url, &window).await;
    let last = window.picture(&format!("{}-last", example.name)).await;
    outcome
        .and(last)
        .map_err(|failure| format!("{failure}\n--- the application:\n{}", app.said()).into())
}

async fn walk(example: Example, site: &str, window: &Chromium) -> Result<(), Failure> {
    let picture = async |what: &str| window.picture(&format!("{}-{what}", example.name)).await;
    window.go(site).await?;
    window.see(Find::Control("Log in")).await?;
    picture("1-home").await?;

    window.click(Find::Control("Log in")).await?;
    let alice = Find::Css("button[name=person][value=alice]");
    window.see(alice).await?;
    picture("2-people").await?;
    window.click(alice).await?;
    window.read(site, "alice").await?;
    picture("3-signed-in").await?;

    window.go(&format!("{site}/me")).await?;
    let url = window.read(site, "alice").await?;
    ensure!(url == format!("{site}/me"), "/me went to {url}");
    picture("4-me").await?;

    window.go(site).await?;
    window.click(Find::Control("Log out")).await?;
    window.read(site, "Log in").await?;
    window.see(Find::Control("Log in")).await?;
    picture("5-signed-out").await?;
    window.go(&format!("{site}/me")).await?;
    window.see(alice).await
}
