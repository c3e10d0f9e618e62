//! Where providers differ from the standard, and from each other, in what a login brings and a logout needs.

use latchgate::ProviderPreset;
use latchgate_tests::{Failure, Setup, scenarios};
use serde_json::{Value, json};

scenarios!(
    groups_and_roles_are_found_where_the_provider_puts_them;
    in either keeping:
    cognitos_logout_page_gets_its_own_parameters,
);

async fn cognitos_logout_page_gets_its_own_parameters(setup: Setup) -> Result<(), Failure> {
    let world = setup
        .registration(|registration| registration.preset(ProviderPreset::Cognito))
        .start()
        .await?;
    for has_endpoint in [true, false] {
        world.mischief().on_metadata(move |metadata| {
            if let Some(metadata) = metadata.as_object_mut().filter(|_| !has_endpoint) {
                metadata.remove("end_session_endpoint");
            }
        });
        let browser = world.signed_in().await?;
        let logout = browser.request("POST", "/logout").navigation("same-origin");
        let page = logout.send().await?;
        assert_eq!(page.status, 303, "{page}");
        let url = page.leads_to()?;
        let mut without_query = url.clone();
        without_query.set_query(None);
        assert_eq!(
            without_query.as_str(),
            format!("{}/logout", world.provider.issuer())
        );
        let sent: Vec<_> = url.query_pairs().into_owned().collect();
        let expected = [
            ("client_id", world.provider.client_id().to_owned()),
            ("logout_uri", format!("{}/", world.site)),
        ];
        assert_eq!(
            sent,
            expected.map(|(name, value)| (name.to_owned(), value)),
            "neither a hint nor a state"
        );
        assert_eq!(world.whoami(&browser).await?, None);
        // Cognito sends people back without a `state`.
        assert_eq!(browser.get("/").await?.status, 200);
    }
    Ok(())
}

async fn groups_and_roles_are_found_where_the_provider_puts_them(
    setup: Setup,
) -> Result<(), Failure> {
    let zitadel = |roles: Value| json!({ "urn:zitadel:iam:org:project:roles": roles });
    let elsewhere = json!({ "roles": ["admin"] });
    for (preset, claims, status) in [
        (
            ProviderPreset::Cognito,
            json!({ "cognito:groups": ["admin"] }),
            200,
        ),
        (ProviderPreset::Cognito, elsewhere.clone(), 403),
        (
            ProviderPreset::Zitadel,
            zitadel(json!({ "admin": { "2618": "acme.example" } })),
            200,
        ),
        (
            ProviderPreset::Zitadel,
            zitadel(json!({ "user": { "admin": "admin" } })),
            403,
        ),
        (
            ProviderPreset::Authentik,
            json!({ "groups": ["admin"] }),
            200,
        ),
        (
            ProviderPreset::Authelia,
            json!({ "groups": ["admin"] }),
            200,
        ),
        (ProviderPreset::Dex, json!({ "groups": ["admin"] }), 200),
        (ProviderPreset::Dex, elsewhere, 403),
    ] {
        let world = setup
            .clone()
            .registration(move |registration| registration.preset(preset))
            .start()
            .await?;
        let added = claims.clone();
        world.mischief().on_id_token(move |_, claims| {
            claims.remove("roles");
            claims.extend(added.as_object().cloned().unwrap_or_default());
        });
        let browser = world.signed_in().await?;
        let page = browser.fetch("GET", "/admin").await?;
        assert_eq!(page.status, status, "{preset:?} {claims}");
    }
    Ok(())
}
