//! Logging in at a certified OpenID Provider that is not ours: npm `oidc-provider`, which requires PKCE of everybody
//! and revokes everything when a refresh token is used twice.

use tokio::task::JoinSet;
use url::Url;

use crate::case::{Case, Failure};
use crate::example::{Address, BOTH, Example};
use crate::need::Need;
use crate::provider::{CLIENT_KEY, Provider, RSA_KEY, Registration};
use crate::world::{PAGES, Setup, World};
use latchgate_tests::browser::Browser;

const NEEDS: &[Need] = &[Need::OidcProvider, Need::Examples];

/// So many tabs ask at once.
const TABS: usize = 8;

/// Every case, for both example servers.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![Case::new(
        "oidc_provider::requires_pkce",
        &[Need::OidcProvider],
        requires_pkce,
    )];
    let plain = Setup::default();
    let userinfo = plain.with(&[("LATCHGATE_USERINFO", "true")]);
    let posted = plain.with(&[("LATCHGATE_RESPONSE_MODE", "form_post")]);
    let es256 = plain.with(&[("LATCHGATE_ID_TOKEN_ALG", "ES256")]);
    let es256 = es256.signed_with("ES256");
    let secret_in_body = plain.authenticated_by("client_secret_post");
    let public = plain.authenticated_by("none");
    let fapi2 = plain.with(&[
        ("LATCHGATE_PROFILE", "fapi2"),
        ("LATCHGATE_USERINFO", "true"),
    ]);
    let fapi2 = fapi2.fapi("security_profile");
    let signed = plain.with(&[
        ("LATCHGATE_PROFILE", "fapi2_message_signing"),
        ("LATCHGATE_USERINFO", "true"),
    ]);
    let signed = signed.fapi("message_signing");
    let private_key = plain.authenticated_by("private_key_jwt");
    let rsa = plain.encrypted("RSA-OAEP-256", "A256GCM", RSA_KEY);
    let agreed = plain.encrypted("ECDH-ES", "A128CBC-HS256", CLIENT_KEY);
    let wrapped = private_key.encrypted("ECDH-ES+A256KW", "A256GCM", CLIENT_KEY);
    let certificate = plain.with(&[
        ("LATCHGATE_USERINFO", "true"),
        ("LATCHGATE_CERTIFICATE_BOUND_TOKENS", "true"),
    ]);
    let certificate = certificate.authenticated_by("tls_client_auth");
    for at in BOTH {
        cases.extend([
            case(
                at,
                "login_lands_where_it_began",
                plain,
                lands_where_it_began,
            ),
            case(at, "userinfo_claims", userinfo, userinfo_claims),
            case(at, "refresh_rotates", plain, refresh_rotates),
            case(at, "refreshes_at_once_are_one", plain, at_once_are_one),
            case(at, "logout_ends_both_sessions", plain, ends_both_sessions),
            case(at, "form_post", posted, form_post),
            case(at, "es256", es256, lands_where_it_began),
            case(at, "client_secret_post", secret_in_body, login_and_refresh),
            case(at, "public_client", public, login_and_refresh),
            case(at, "private_key_jwt", private_key, login_and_refresh),
            case(at, "encrypted_rsa_oaep_256", rsa, encrypted_claims),
            case(at, "encrypted_ecdh_es", agreed, encrypted_claims),
            case(at, "encrypted_ecdh_es_a256kw", wrapped, encrypted_claims),
            case(at, "tls_client_auth", certificate, bound_tokens_work),
            case(at, "fapi2", fapi2, bound_tokens_work),
            case(at, "fapi2_message_signing", signed, bound_tokens_work),
        ]);
    }
    cases
}

pub(crate) fn case<F>(example: Example, name: &str, setup: Setup, body: F) -> Case
where
    F: AsyncFnOnce(&mut World) -> Result<(), Failure> + Send + 'static,
{
    Case::new(
        format!("oidc_provider::{}::{name}", example.name),
        NEEDS,
        move || async move {
            let mut world = World::new(example, setup).await?;
            let outcome = body(&mut world).await;
            outcome.map_err(|failure| {
                let World { provider, app, .. } = &world;
                format!(
                    "{failure}\n--- the provider:\n{}\n--- the application:\n{}",
                    provider.complaints(),
                    app.said()
                )
                .into()
            })
        },
    )
}

async fn lands_where_it_began(world: &mut World) -> Result<(), Failure> {
    let page = world.visit("/me?tab=2&q=a%20b", "alice").await?;
    ensure!(
        page.url.as_str() == world.app.url("/me?tab=2&q=a%20b") && page.status == 200,
        "{page}"
    );
    ensure!(
        page.body.contains("alice"),
        "the page does not say who is signed in: {page}"
    );
    let me = world.me().await?;
    ensure!(me["sub"] == "alice", "{me}");
    // This provider keeps to OpenID Core §5.4: with an access token there, profile claims are the userinfo's.
    ensure!(me["email"].is_null(), "whence the e-mail address? {me}");
    Ok(())
}

async fn userinfo_claims(world: &mut World) -> Result<(), Failure> {
    world.log_in().await?;
    let me = world.me().await?;
    let expected = [
        ("sub", "alice"),
        ("email", "alice@example.com"),
        ("name", "alice Example"),
    ];
    for (claim, value) in expected {
        ensure!(me[claim] == value, "{claim} in {me}");
    }
    Ok(())
}

/// Nothing but a JWE around a JWS is accepted in either place, at login and after a refresh.
async fn encrypted_claims(world: &mut World) -> Result<(), Failure> {
    userinfo_claims(world).await?;
    let metadata = world.provider.metadata().await?;
    let token = world.app.url("/token");
    let token = world.browser.fetch("GET", &token).await?.json(200)?;
    let userinfo = metadata["userinfo_endpoint"].as_str().unwrap_or_default();
    let answer = reqwest::Client::builder().no_proxy().build()?;
    let answer = answer
        .get(userinfo)
        .bearer_auth(token["access_token"].as_str().unwrap_or_default())
        .send()
        .await?
        .text()
        .await?;
    ensure!(
        answer.split('.').count() == 5,
        "userinfo is no JWE: {answer}"
    );
    world.refresh().await?;
    let me = world.me().await?;
    ensure!(me["email"] == "alice@example.com", "{me}");
    Ok(())
}

async fn refresh_rotates(world: &mut World) -> Result<(), Failure> {
    world.log_in().await?;
    let first = world.token().await?;
    ensure!(world.token().await? == first, "a fresh token was replaced");
    world.refresh().await?;
    let second = world.token().await?;
    world.refresh().await?;
    let third = world.token().await?;
    ensure!(
        first != second && second != third && first != third,
        "a refresh left the token as it was"
    );
    let me = world.me().await?;
    ensure!(me["sub"] == "alice", "{me}");
    Ok(())
}

/// Tabs that refresh at the same moment all carry the same refresh token. Were it sent twice, this provider would
/// revoke everything, and the tab that comes last would find its session dead.
async fn at_once_are_one(world: &mut World) -> Result<(), Failure> {
    world.log_in().await?;
    let first = world.token().await?;
    let mut tabs = JoinSet::new();
    for _ in 0..TABS {
        let (tab, url) = (world.browser.clone(), world.app.url("/refresh"));
        tabs.spawn(async move {
            let page = tab.fetch("POST", &url).await?;
            ensure!((200..400).contains(&page.status), "a tab: {page}");
            Ok::<Browser, Failure>(tab)
        });
    }
    while let Some(tab) = tabs.join_next().await {
        world.browser = tab??;
    }
    ensure!(
        world.token().await? != first,
        "a refresh left the token as it was"
    );
    world.refresh().await?;
    world.token().await.map(drop)
}

async fn login_and_refresh(world: &mut World) -> Result<(), Failure> {
    world.log_in().await?;
    let first = world.token().await?;
    world.refresh().await?;
    ensure!(
        world.token().await? != first,
        "a refresh left the token as it was"
    );
    Ok(())
}

/// Tokens that are bound: within FAPI to a key, each use of which needs a nonce, with pushed requests and
/// private_key_jwt; or to the client's certificate. At login, in refreshes, and at the userinfo endpoint, whose claims
/// these are.
async fn bound_tokens_work(world: &mut World) -> Result<(), Failure> {
    world.log_in().await?;
    let me = world.me().await?;
    ensure!(me["email"] == "alice@example.com", "userinfo: {me}");
    let url = world.app.url("/token");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = world.browser.fetch("GET", &url).await?.json(200)?;
        let token = answer["access_token"].as_str().unwrap_or_default();
        ensure!(
            !seen.contains(&token.to_owned()),
            "a refresh left the token"
        );
        // As a bearer token it is of no use to anybody.
        let stolen = world.provider.subject_of(token).await;
        ensure!(stolen.is_err(), "the token is not bound: {stolen:?}");
        seen.push(token.to_owned());
        world.refresh().await?;
    }
    Ok(())
}

async fn ends_both_sessions(world: &mut World) -> Result<(), Failure> {
    world.log_in().await?;
    // A person leaves from the home page, so the POST comes from there.
    let home = world.browser.open(&world.app.url("/")).await?;
    let form = home.form_to("/logout")?;
    let asked = world.browser.submit(&form, &[]).await?;
    ensure!(
        world.provider.owns(&asked.url),
        "the provider was not asked to end its session: {asked}"
    );
    let back = world.answer(asked, "alice").await?;
    ensure!(
        back.url.path() == "/" && back.status == 200,
        "logout did not come back to /: {back}"
    );

    let refused = world.browser.fetch("GET", &world.app.url("/me")).await?;
    ensure!(
        refused.status == 401 && refused.location.is_none(),
        "a fetch without a session: {refused}"
    );
    let page = world.browser.open(&world.app.url("/me")).await?;
    ensure!(
        world.provider.owns(&page.url) && page.form()?.asks_for("login"),
        "no login page: {page}"
    );
    Ok(())
}

async fn form_post(world: &mut World) -> Result<(), Failure> {
    let mut page = world.browser.open(&world.app.url("/me")).await?;
    let mut posted = false;
    for _ in 0..PAGES {
        if !world.provider.owns(&page.url) {
            break;
        }
        let form = page.form()?;
        posted |= form.action.path() == "/callback" && form.asks_for("code");
        let answers: &[_] = if form.asks_for("login") {
            &[("login", "alice"), ("password", "anything")]
        } else {
            &[]
        };
        page = world.browser.submit(&form, answers).await?;
    }
    ensure!(posted, "the answer was not posted");
    ensure!(
        page.url.as_str() == world.app.url("/me") && page.status == 200,
        "{page}"
    );
    ensure!(world.me().await?["sub"] == "alice", "/me is not alice's");
    Ok(())
}

/// What makes every login above one with PKCE: without it this provider gives no code.
async fn requires_pkce() -> Result<(), Failure> {
    let Address { base_url, .. } = Address::free()?;
    let provider = Provider::start(&base_url, Registration::default()).await?;
    let metadata = provider.metadata().await?;
    let mut url = Url::parse(
        metadata["authorization_endpoint"]
            .as_str()
            .unwrap_or_default(),
    )?;
    url.query_pairs_mut().extend_pairs([
        ("client_id", "latchgate"),
        ("response_type", "code"),
        ("scope", "openid"),
        ("redirect_uri", &format!("{base_url}/callback")),
        ("state", "any"),
    ]);
    let answer = Browser::new()?.fetch("GET", url.as_str()).await?;
    let location = Url::parse(answer.location.as_deref().unwrap_or_default())?;
    let error = location
        .query_pairs()
        .find(|(name, _)| name == "error")
        .map(|(_, error)| error.into_owned());
    ensure!(error.as_deref() == Some("invalid_request"), "{answer}");
    ensure!(
        metadata["code_challenge_methods_supported"] == serde_json::json!(["S256"]),
        "{metadata}"
    );
    Ok(())
}
