//! `oidcc-client-front-channel-logout-rp-basic`: OpenID Connect Front-Channel Logout 1.0.

use latchgate_dev_provider::Client;
use latchgate_tests::{Failure, Setup, scenarios};
use url::Url;

use super::suite::{Suite, oidcc};

scenarios!(oidcc_client_test_rp_frontchannel_rpinitlogout);

/// What browsers send along when a page of another site frames ours.
const FRAMED: [(&str, &str); 4] = [
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "iframe"),
    ("sec-fetch-site", "cross-site"),
];

/// Somebody signs out in one browser: the suite's page frames the application, with the session's name.
async fn oidcc_client_test_rp_frontchannel_rpinitlogout(setup: Setup) -> Result<(), Failure> {
    let suite = Suite::start(oidcc(setup)).await?;
    let world = &suite.world;
    let uri = Url::parse(&world.gate.front_channel_logout_uri())?;
    let client = Client::development().frontchannel_logout_uri(uri);
    world.provider.register_client(client);
    let browser = suite.passes().await?;
    let logout = browser.request("POST", "/logout").navigation("same-origin");
    let there = logout.send().await?.leads_to()?;
    let page = browser.get(there.as_str()).await?;
    let frame = page.body.split_once("<iframe hidden src=\"");
    let frame = frame.and_then(|(_, rest)| rest.split_once('"'));
    let (frame, _) = frame.ok_or_else(|| format!("no frame: {page}"))?;
    let frame = frame.replace("&amp;", "&");
    assert!(
        frame.contains("?iss=") && frame.contains("&sid="),
        "{frame}"
    );
    let answer = browser.request("GET", &frame).headers(&FRAMED);
    let answer = answer.send().await?;
    assert_eq!((answer.status, answer.location.as_deref()), (200, None));
    assert!(answer.header("cache-control").contains("no-store"));
    assert_eq!(answer.header("x-frame-options"), "");
    let provider = world.provider.issuer().trim_end_matches('/');
    let policy = answer.header("content-security-policy");
    assert!(
        policy.contains(&format!("frame-ancestors {provider}")),
        "{policy}"
    );
    assert_eq!(world.whoami(&browser).await?, None);
    Ok(())
}
