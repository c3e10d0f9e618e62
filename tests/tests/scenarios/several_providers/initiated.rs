//! A third party names the provider by its issuer.

use super::*;

scenarios!(
    the_provider_named_is_asked_without_a_choice,
    the_issuer_of_one_provider_never_leads_to_another,
);

fn link(issuer: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("iss", issuer)
        .append_pair("target_link_uri", "/me")
        .finish();
    format!("/login/initiate?{query}")
}

async fn the_provider_named_is_asked_without_a_choice(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| {
        gate.initiate_login_path("/login/initiate")
            .sign_in_page("/public")
    });
    let two = two(setup).await?;
    for (issuer, who) in [
        (two.world.provider.issuer(), "alice"),
        (two.guests.issuer(), "bob"),
    ] {
        let mut browser = two.world.browser()?;
        let page = browser.open(&link(issuer)).await?;
        assert_eq!((page.status, page.url.path()), (200, "/me"), "{page}");
        let claims = claims(&browser).await?;
        let found = (claims["iss"].as_str(), claims["sub"].as_str());
        assert_eq!(found, (Some(issuer), Some(who)));
    }
    Ok(())
}

async fn the_issuer_of_one_provider_never_leads_to_another(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.initiate_login_path("/login/initiate"));
    let two = two(setup).await?;
    let browser = two.world.browser()?;
    let start = browser.get(&link(two.guests.issuer())).await?.leads_to()?;
    let sent: std::collections::HashMap<_, _> = start.query_pairs().into_owned().collect();
    let redirect_uri = format!("{}/callback/guests", two.world.site);
    assert_eq!(sent["redirect_uri"], redirect_uri);
    // Neither a name nor a piece of an issuer is one.
    for iss in ["guests", "", "http://127.0.0.1"] {
        let page = browser.get(&link(iss)).await?;
        assert_eq!(page.code(), "initiate_login_iss", "{iss}: {page}");
    }
    Ok(())
}
