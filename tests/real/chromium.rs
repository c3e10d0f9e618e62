//! What a person sees: the examples as `cargo run` starts them, with no account anywhere, in a real browser.

use crate::case::{Case, Failure};
use crate::example::{Address, BOTH, Example, QUICKSTART};
use crate::need::Need;
use crate::webdriver::{Chromium, Find};

const NEEDS: &[Need] = &[Need::Chromium, Need::Examples];

/// The cases: one for each example server, and one for both full ones at once.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = BOTH
        .into_iter()
        .chain([QUICKSTART])
        .map(|example| {
            Case::new(
                format!("chromium::{}::log_in_and_out", example.name),
                NEEDS,
                move || log_in_and_out(example),
            )
        })
        .collect();
    cases.push(Case::new(
        "chromium::two_ports_keep_both_people_signed_in",
        NEEDS,
        two_ports,
    ));
    cases.push(Case::new("chromium::pages_of_the_guide", NEEDS, pages));
    cases
}

async fn log_in_and_out(example: Example) -> Result<(), Failure> {
    // Without any setting the example starts its own development provider.
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

/// The pages that the guide shows: `cargo xtask guide --screenshots` takes their pictures from here.
async fn pages() -> Result<(), Failure> {
    let demo = QUICKSTART.start(&Address::free()?, &[]).await?;
    let providers = [
        ("LATCHGATE_PROVIDERS", "corp,guests"),
        ("LATCHGATE_PROVIDER_CORP_ISSUER", "https://login.example/"),
        ("LATCHGATE_PROVIDER_CORP_CLIENT_ID", "shop"),
        ("LATCHGATE_PROVIDER_CORP_CLIENT_SECRET", "s3cret"),
        ("LATCHGATE_PROVIDER_CORP_LABEL", "Corporate account"),
        ("LATCHGATE_PROVIDER_GUESTS_PRESET", "google"),
        ("LATCHGATE_PROVIDER_GUESTS_CLIENT_ID", "shop"),
        ("LATCHGATE_PROVIDER_GUESTS_CLIENT_SECRET", "s3cret"),
        ("LATCHGATE_PROVIDER_GUESTS_LABEL", "Google"),
    ];
    let several = QUICKSTART.start(&Address::free()?, &providers).await?;
    let window = Chromium::open("guide").await?;
    window.resize(640, 560).await?;

    window.go(&demo.url("/me")).await?;
    let alice = Find::Css("button[name=person][value=alice]");
    window.see(alice).await?;
    window.picture("guide-people").await?;

    window.resize(640, 440).await?;
    window.go(&several.url("/me")).await?;
    window.read(&several.base_url, "Corporate account").await?;
    window.picture("guide-chooser").await?;

    window
        .go(&demo.url("/callback?code=stolen&state=guessed"))
        .await?;
    window.read(&demo.base_url, "no_login_under_way").await?;
    window.picture("guide-refused").await
}

/// Both examples on this machine, in one browser: cookies do not know ports.
async fn two_ports() -> Result<(), Failure> {
    let [axum, actix] = BOTH;
    let axum = axum.start(&Address::free()?, &[]).await?;
    let actix = actix.start(&Address::free()?, &[]).await?;
    let window = Chromium::open("two-ports").await?;
    let outcome = sign_in_at_both(&axum.base_url, &actix.base_url, &window).await;
    let last = window.picture("two-ports-last").await;
    let said = || format!("{}\n{}", axum.said(), actix.said());
    outcome
        .and(last)
        .map_err(|failure| format!("{failure}\n--- the applications:\n{}", said()).into())
}

async fn sign_in_at_both(axum: &str, actix: &str, window: &Chromium) -> Result<(), Failure> {
    for (site, person) in [(axum, "alice"), (actix, "bob")] {
        window.go(&format!("{site}/login?return_to=/me")).await?;
        let button = format!("button[name=person][value={person}]");
        window.click(Find::Css(&button)).await?;
        window.read(&format!("{site}/me"), person).await?;
    }
    // The home page asks nobody to sign in: a login that the provider answers by itself would hide the loss.
    for (site, name) in [(axum, "Hello, Alice"), (actix, "Hello, Bob")] {
        window.go(site).await?;
        window.read(site, name).await?;
        window.see(Find::Control("Log out")).await?;
    }
    Ok(())
}
