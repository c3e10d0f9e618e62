//! Mix-up attacks: one of the providers is the attacker's ([RFC 9700 §4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)).

use latchgate_dev_provider::{Endpoint, ResponseIssuer};
use latchgate_tests::{Failure, Setup, scenarios};
use url::Url;

use super::{corp, guests, two, with_guests};

scenarios!(
    a_provider_that_lures_people_to_the_other_gets_no_code,
    a_provider_cannot_slip_its_code_or_state_into_a_login_at_the_other,
);

/// A callback URL on another callback path.
fn moved_to(answer: &Url, path: &str) -> Url {
    let mut moved = answer.clone();
    moved.set_path(path);
    moved
}

/// The classical attack (RFC 9700 §4.4.1): somebody starts a login at the attacker's provider, which sends them on to
/// the honest one with the honest client id and its own `state`; the code that comes back would be the attacker's to have.
async fn a_provider_that_lures_people_to_the_other_gets_no_code(
    setup: Setup,
) -> Result<(), Failure> {
    for response_issuer in [ResponseIssuer::Advertised, ResponseIssuer::Absent] {
        let (evil, time) = guests(|evil| evil).await?;
        let honest = setup
            .clone()
            .provider(move |honest| honest.response_issuer(response_issuer));
        let world = with_guests(corp(honest), &evil).start().await?;
        let _ = time.set(world.clock.clone());
        let browser = world.browser()?;
        let start = browser.get("/login/guests").await?.leads_to()?;
        assert!(start.as_str().starts_with(evil.issuer()), "{start}");
        let evils: Vec<(String, String)> = start.query_pairs().into_owned().collect();
        // What an honest login sends, with the attacker's `state`, `nonce` and challenge.
        let honest_start = world.browser()?.get("/login/corp").await?.leads_to()?;
        let lure = |callback: &str| {
            let mut lure = honest_start.clone();
            lure.query_pairs_mut()
                .clear()
                .extend_pairs(evils.iter().map(|(name, value)| match name.as_str() {
                    "client_id" => (name.as_str(), world.provider.client_id().to_owned()),
                    "redirect_uri" => (name.as_str(), format!("{}{callback}", world.site)),
                    _ => (name.as_str(), value.clone()),
                }));
            lure
        };
        evil.reset_calls();
        // The honest provider knows its own redirect URI only: the answer comes where the login did not begin.
        let answer = browser
            .get(lure("/callback/corp").as_str())
            .await?
            .leads_to()?;
        assert_eq!(answer.path(), "/callback/corp");
        let page = browser.get(answer.as_str()).await?;
        assert_eq!(page.code(), "other_provider", "{page}");
        assert_eq!(
            evil.calls(Endpoint::Token),
            0,
            "the code has gone to the attacker"
        );
        assert_eq!(world.whoami(&browser).await?, None);
        // Were the attacker's redirect URI registered there too, `iss` would tell.
        let answer = browser.get("/login/guests").await?.leads_to()?;
        let state = answer.query_pairs().find(|(name, _)| name == "state");
        let state = state
            .map(|(_, state)| state.into_owned())
            .unwrap_or_default();
        if matches!(response_issuer, ResponseIssuer::Advertised) {
            let mut forged = Url::parse(&format!("{}/callback/guests", world.site))?;
            forged.query_pairs_mut().extend_pairs([
                ("code", "of the honest provider"),
                ("state", &state),
                ("iss", world.provider.issuer()),
            ]);
            let page = browser.get(forged.as_str()).await?;
            assert_eq!(page.code(), "iss_mismatch", "{page}");
            assert_eq!(evil.calls(Endpoint::Token), 0);
        }
    }
    Ok(())
}

/// The attacker's provider answers a login at the honest one: with its own code, or at its own route.
async fn a_provider_cannot_slip_its_code_or_state_into_a_login_at_the_other(
    setup: Setup,
) -> Result<(), Failure> {
    let two = two(setup).await?;
    let browser = two.world.browser()?;
    let honest = two
        .world
        .callback(&browser, "/login/corp?return_to=/me")
        .await?;
    let evil = two
        .world
        .callback(&browser, "/login/guests?return_to=/me")
        .await?;
    let parameter = |url: &Url, wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    // Each answer at the other's route. A login that was answered wrongly is over.
    let tab = browser.clone();
    let page = tab
        .get(moved_to(&honest, "/callback/guests").as_str())
        .await?;
    assert_eq!(page.code(), "other_provider", "{page}");
    let page = tab.get(honest.as_str()).await?;
    assert_eq!(page.code(), "no_login_under_way", "{page}");
    // The attacker's code with the honest login's state, and the other way round.
    let honest = two
        .world
        .callback(&browser, "/login/corp?return_to=/me")
        .await?;
    let mut injected = Url::parse(&format!("{}/callback/corp", two.world.site))?;
    injected.query_pairs_mut().extend_pairs([
        ("code", parameter(&evil, "code")),
        ("state", parameter(&honest, "state")),
        ("iss", two.world.provider.issuer().to_owned()),
    ]);
    let page = browser.get(injected.as_str()).await?;
    assert_eq!(page.code(), "token_request_refused", "{page}");
    let mut injected = Url::parse(&format!("{}/callback/guests", two.world.site))?;
    injected.query_pairs_mut().extend_pairs([
        ("code", parameter(&honest, "code")),
        ("state", parameter(&evil, "state")),
        ("iss", two.world.provider.issuer().to_owned()),
    ]);
    two.guests.reset_calls();
    let page = browser.get(injected.as_str()).await?;
    assert_eq!(page.code(), "iss_mismatch", "{page}");
    assert_eq!(two.guests.calls(Endpoint::Token), 0);
    assert_eq!(two.world.whoami(&browser).await?, None);
    // Without any of this both logins end well.
    two.signed_in("corp").await?;
    two.signed_in("guests").await?;
    Ok(())
}
