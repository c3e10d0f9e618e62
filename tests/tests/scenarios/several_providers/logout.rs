//! Logouts by one of several providers.

use latchgate_dev_provider::{JsonObject, LogoutTarget};
use latchgate_tests::{Failure, Page, Setup, World, scenarios};

use super::{claims, two};

scenarios!(
    ;
    in either keeping:
    a_logout_by_one_provider_ends_its_own_sessions_only,
);

async fn post_logout_token(world: &World, token: &str) -> Result<Page, Failure> {
    let form = [("logout_token", token)];
    let browser = world.browser()?;
    Ok(browser
        .request("POST", "/backchannel-logout")
        .form(&form)
        .send()
        .await?)
}

fn honest(_: &mut JsonObject, _: &mut JsonObject) {}

async fn a_logout_by_one_provider_ends_its_own_sessions_only(setup: Setup) -> Result<(), Failure> {
    let two = two(setup).await?;
    // Two people who have the same `sub`, one at each.
    two.guests.auto_sign_in(Some("alice"));
    let (here, there) = (two.signed_in("corp").await?, two.signed_in("guests").await?);
    let alice = || LogoutTarget::Sub("alice".to_owned());
    let world = &two.world;
    // `guests` signs that the other one's session has ended, by its own keys or in its own name.
    let corp = world.provider.issuer().to_owned();
    let lie = two.guests.logout_token(alice(), move |_, claims| {
        claims.insert("iss".to_owned(), corp.clone().into());
    });
    assert_eq!(post_logout_token(world, &lie).await?.status, 400);
    let stranger = two.guests.logout_token(alice(), |_, claims| {
        claims.insert("iss".to_owned(), "https://stranger.example".into());
    });
    assert_eq!(post_logout_token(world, &stranger).await?.status, 400);
    let token = two.guests.logout_token(alice(), honest);
    assert_eq!(post_logout_token(world, &token).await?.status, 200);
    assert_eq!(world.whoami(&here).await?.as_deref(), Some("alice"));
    assert_eq!(world.whoami(&there).await?, None);

    let there = two.signed_in("guests").await?;
    let sid = claims(&here).await?["sid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let frame = |issuer: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("iss", issuer), ("sid", &sid)])
            .finish();
        format!("/frontchannel-logout?{query}")
    };
    let page = world.browser()?.get(&frame(two.guests.issuer())).await?;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(
        world.whoami(&here).await?.as_deref(),
        Some("alice"),
        "the other's sid"
    );
    let page = world
        .browser()?
        .get(&frame("https://stranger.example"))
        .await?;
    assert_eq!(page.status, 400, "{page}");
    let page = world
        .browser()?
        .get(&frame(world.provider.issuer()))
        .await?;
    let policy = page.header("content-security-policy").to_owned();
    assert!(
        policy.contains(world.provider.issuer()) && !policy.contains(two.guests.issuer()),
        "{policy}"
    );
    assert_eq!(world.whoami(&here).await?, None);
    assert_eq!(world.whoami(&there).await?.as_deref(), Some("alice"));
    Ok(())
}
