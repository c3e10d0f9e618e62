//! The application's hooks: what it says of a login and of a refresh, and what it hears of the end of a session.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use latchgate::{LoginRejection, Logout, SessionEnd, User};
use latchgate_dev_provider::{Endpoint, LogoutTarget};
use latchgate_tests::app::Count;
use latchgate_tests::{Browser, Failure, Page, Setup, Transcript, World, scenarios};
use tokio::sync::Semaphore;

scenarios!(
    ;
    in either keeping:
    a_login_that_the_application_refuses_leaves_nothing,
    a_login_hook_that_fails_or_panics_is_a_503_until_it_works,
    a_refused_login_leaves_the_session_before_alone,
    a_refresh_brings_a_new_value,
    a_refresh_hook_that_fails_or_panics_costs_no_tokens,
    a_change_beside_a_refresh_hook_is_not_undone,
    the_application_hears_once_that_somebody_signed_out,
    the_application_hears_what_the_provider_ended,
    the_application_hears_that_a_grant_was_revoked,
);

const NEAR_THE_END: u64 = 3_560;

const REASON: &str = "the contract of Alice's company has run out";

/// Goes to the provider and back, as far as our answer.
async fn come_back(world: &World, browser: &Browser) -> Result<Page, Failure> {
    let callback = world.callback(browser, "/me").await?;
    Ok(browser.get(callback.as_str()).await?)
}

fn session_cookies(world: &World, browser: &Browser) -> Vec<String> {
    let mut names = browser.names(world.session_cookie());
    names.retain(|name| !name.starts_with(world.login_cookies()));
    names
}

async fn a_login_that_the_application_refuses_leaves_nothing(setup: Setup) -> Result<(), Failure> {
    let transcript = Transcript::begin();
    let refuse = async |_: User| Err::<Count, _>(LoginRejection::forbidden(REASON));
    let world = setup
        .gate(move |gate| gate.on_login(refuse))
        .start()
        .await?;
    let browser = world.browser()?;
    let page = come_back(&world, &browser).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (403, "login_refused"),
        "{page}"
    );
    let id = page.body.split("<code>").nth(2).unwrap_or_default();
    let id = id.split_once("</code>").map_or("", |(id, _)| id);
    let log = transcript.text();
    let line = log
        .lines()
        .find(|line| !id.is_empty() && line.contains(id))
        .ok_or("the refusal is not in the log")?;
    assert!(line.contains(REASON), "{line}");
    assert!(!page.body.contains("contract"), "{page}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(browser.names("latchgate"), [""; 0]);
    assert_eq!(world.whoami(&browser).await?, None);

    let revoked = || world.calls(Endpoint::Revocation) == 1;
    world.until("the refresh token is revoked", revoked).await?;
    let request = world.provider.last_request(Endpoint::Revocation);
    let token = request.and_then(|request| request.parameter("token"));
    assert!(token.is_some_and(|token| !token.is_empty()));
    Ok(())
}

#[expect(clippy::panic, reason = "a hook of this scenario's panics")]
async fn a_login_hook_that_fails_or_panics_is_a_503_until_it_works(
    setup: Setup,
) -> Result<(), Failure> {
    let calls = Arc::new(AtomicUsize::new(0));
    let world = setup.gate(move |gate| {
        let calls = Arc::clone(&calls);
        gate.on_login(move |user: User| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            async move {
                match call {
                    0 => Err(std::io::Error::other("no database at 10.1.2.3"))?,
                    1 => panic!("no database"),
                    _ => Ok::<_, LoginRejection>(Count::of(user.subject())),
                }
            }
        })
    });
    let world = world.start().await?;
    let browser = world.browser()?;
    for trouble in ["an error", "a panic"] {
        let page = come_back(&world, &browser).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (503, "hook_failed"),
            "{trouble}: {page}"
        );
        assert!(!page.header("retry-after").is_empty(), "{trouble}");
        assert!(!page.body.contains("database"), "{trouble}: {page}");
        assert_eq!(session_cookies(&world, &browser), [""; 0], "{trouble}");
    }
    let page = come_back(&world, &browser).await?;
    assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
    assert_eq!(
        browser.fetch("GET", "/count").await?.json(200)?["number"],
        0
    );
    Ok(())
}

async fn a_refused_login_leaves_the_session_before_alone(setup: Setup) -> Result<(), Failure> {
    let only_alice = async |user: User| match user.subject() {
        "alice" => Ok(Count::of("alice")),
        _ => Err(LoginRejection::forbidden("not Alice")),
    };
    let world = setup.gate(move |gate| gate.on_login(only_alice));
    let world = world.start().await?;
    let browser = world.signed_in().await?;
    world.provider.auto_sign_in(Some("bob"));
    let callback = world.callback(&browser, "/login").await?;
    assert_eq!(browser.get(callback.as_str()).await?.status, 403);
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    assert_eq!(
        browser.fetch("POST", "/count").await?.json(200)?["number"],
        1
    );
    Ok(())
}

/// Every login counts from 0. What a refresh does is up to the scenario.
async fn begin<F>(
    setup: Setup,
    hook: impl Fn(User) -> F + Copy + Send + Sync + 'static,
) -> Result<World, Failure>
where
    F: Future<Output = Result<Option<Count>, std::io::Error>> + Send + 'static,
{
    let setup = setup.gate(move |gate| {
        gate.on_login(async |user: User| Ok(Count::of(user.subject())))
            .on_refresh(hook)
    });
    setup.start().await
}

/// What was counted becomes ten times as much.
async fn tenfold(user: User) -> Result<Option<Count>, std::io::Error> {
    let count = user.data::<Count>().map_err(std::io::Error::other)?;
    let count = count.filter(|count| count.number > 0);
    Ok(count.map(|count| Count {
        number: count.number * 10,
        ..count
    }))
}

async fn a_refresh_brings_a_new_value(setup: Setup) -> Result<(), Failure> {
    let world = begin(setup, tenfold).await?;
    let browser = world.signed_in().await?;
    let number = async |browser: &Browser| {
        let count = browser.fetch("GET", "/count").await?.json(200)?;
        Ok::<_, Failure>(count["number"].as_u64())
    };
    world.clock.pass(NEAR_THE_END);
    world.token(&browser).await?;
    assert_eq!(number(&browser).await?, Some(0), "no new value, no change");
    browser.fetch("POST", "/count").await?.json(200)?;
    world.clock.pass(NEAR_THE_END);
    let token = world.token(&browser).await?;
    assert_eq!(number(&browser).await?, Some(10));
    // It has left this process with the cookie, or lies in the store.
    let node = world.neighbour(|setup| setup).await?;
    let browser = node.lead(browser);
    assert_eq!(number(&browser).await?, Some(10));
    assert_eq!(
        node.token(&browser).await?["access_token"],
        token["access_token"]
    );
    browser.fetch("POST", "/count").await?.json(200)?;
    assert_eq!(number(&browser).await?, Some(11));
    Ok(())
}

#[expect(clippy::panic, reason = "a hook of this scenario's panics")]
async fn a_refresh_hook_that_fails_or_panics_costs_no_tokens(setup: Setup) -> Result<(), Failure> {
    let trouble = async |user: User| {
        let count = user.data::<Count>().map_err(std::io::Error::other)?;
        match count.map_or(0, |count| count.number) {
            1 => Err(std::io::Error::other("no database")),
            2 => panic!("no database"),
            _ => Ok(Some(Count {
                who: "larger than a session takes".repeat(3_000),
                ..Count::default()
            })),
        }
    };
    let world = begin(setup, trouble).await?;
    let browser = world.signed_in().await?;
    let mut tokens = vec![world.token(&browser).await?["access_token"].clone()];
    for number in 1..=3 {
        let count = browser.fetch("POST", "/count").await?.json(200)?;
        assert_eq!(count["number"], number);
        world.provider.reset_calls();
        // The token has expired, so that the request waits for as long as a panic takes to be told.
        world.clock.pass(3_700);
        let token = world.token(&browser).await?;
        assert_eq!(token["expires_in"], 3_600);
        assert!(!tokens.contains(&token["access_token"]));
        tokens.push(token["access_token"].clone());
        let count = browser.fetch("GET", "/count").await?.json(200)?;
        assert_eq!(
            (&count["who"], &count["number"]),
            (&"alice".into(), &number.into())
        );
        assert_eq!(world.calls(Endpoint::Token), 1);
    }
    Ok(())
}

async fn a_change_beside_a_refresh_hook_is_not_undone(setup: Setup) -> Result<(), Failure> {
    let asked = Arc::new(AtomicUsize::new(0));
    let may_answer = Arc::new(Semaphore::new(0));
    let (asking, answering) = (Arc::clone(&asked), Arc::clone(&may_answer));
    let setup = setup.gate(move |gate| {
        let (asked, may_answer) = (Arc::clone(&asking), Arc::clone(&answering));
        gate.on_login(async |user: User| Ok(Count::of(user.subject())))
            .on_refresh(move |user: User| {
                asked.fetch_add(1, Ordering::SeqCst);
                let may_answer = Arc::clone(&may_answer);
                async move {
                    drop(may_answer.acquire().await);
                    tenfold(user).await
                }
            })
    });
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    browser.fetch("POST", "/count").await?.json(200)?;
    world.clock.pass(3_700);
    let asks = browser.clone();
    let asks = tokio::spawn(async move { asks.fetch("GET", "/token").await?.json(200) });
    let called = || asked.load(Ordering::SeqCst) == 1;
    world.until("the hook is called", called).await?;
    let counts = browser.clone();
    let counts = async move { counts.fetch("POST", "/count").await?.json(200) };
    let expected = if world.store().is_some() {
        // Counted while the hook thinks: it thinks again.
        assert_eq!(counts.await?["number"], 2);
        may_answer.add_permits(9);
        asks.await??;
        20
    } else {
        // Counting waits for the refresh.
        let counts = tokio::spawn(counts);
        may_answer.add_permits(9);
        asks.await??;
        assert_eq!(counts.await??["number"], 11);
        11
    };
    let count = browser.fetch("GET", "/count").await?.json(200)?;
    assert_eq!(count["number"], expected);
    assert_eq!(world.token(&browser).await?["expires_in"], 3_600);
    Ok(())
}

/// What the application has heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Logout>>>);

impl Heard {
    async fn listen(setup: Setup) -> Result<(Self, World), Failure> {
        let heard = Self::default();
        let ear = heard.clone();
        let setup = setup.gate(move |gate| {
            let ear = ear.clone();
            gate.on_logout(move |end| {
                ear.0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(end);
                async { Err::<(), _>("whatever the application has to say, nobody minds") }
            })
        });
        Ok((heard, setup.start().await?))
    }

    fn ends(&self) -> Vec<Logout> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn only(&self, world: &World) -> Result<Logout, Failure> {
        world
            .until("the application hears of it", || !self.ends().is_empty())
            .await?;
        let mut ends = self.ends();
        assert_eq!(ends.len(), 1, "{ends:?}");
        Ok(ends.remove(0))
    }
}

async fn sid(browser: &Browser) -> Result<Option<String>, Failure> {
    let claims = browser.fetch("GET", "/me").await?.json(200)?;
    Ok(claims["sid"].as_str().map(str::to_owned))
}

async fn the_application_hears_once_that_somebody_signed_out(setup: Setup) -> Result<(), Failure> {
    let (heard, world) = Heard::listen(setup).await?;
    let browser = world.signed_in().await?;
    let sid = sid(&browser).await?;
    let again = browser.clone();
    for browser in [browser, again] {
        let logout = browser.request("POST", "/logout").navigation("same-origin");
        assert_eq!(logout.send().await?.status, 303);
    }
    // Who comes back from a session that is over is no news.
    let end = heard.only(&world).await?;
    assert_eq!(
        (end.why, end.issuer.as_str()),
        (SessionEnd::SignedOut, world.provider.issuer())
    );
    assert_eq!((end.subject.as_deref(), end.sid), (Some("alice"), sid));
    Ok(())
}

async fn the_application_hears_what_the_provider_ended(setup: Setup) -> Result<(), Failure> {
    let (heard, world) = Heard::listen(setup).await?;
    let browser = world.signed_in().await?;
    let sid = sid(&browser).await?;
    let cookie = browser.cookie(world.session_cookie());
    let cookie = cookie.ok_or("there is no session")?;
    let target = LogoutTarget::Sid(sid.clone().unwrap_or_default());
    let token = world.provider.logout_token(target, |_, _| {});
    for status in [200, 400] {
        let form = [("logout_token", token.as_str())];
        let provider = world.browser()?;
        let post = provider.request("POST", "/backchannel-logout").form(&form);
        assert_eq!(post.send().await?.status, status);
    }
    let end = heard.only(&world).await?;
    assert_eq!(
        (end.why, end.issuer.as_str()),
        (SessionEnd::EndedByProvider, world.provider.issuer())
    );
    assert_eq!(end.sid, sid);
    assert_eq!(world.whoami(&browser).await?, None);
    // Whoever signs out of it afterwards is no news either.
    let late = world.browser()?;
    late.plant(world.session_cookie(), &cookie)?;
    let logout = late.request("POST", "/logout").navigation("same-origin");
    assert_eq!(logout.send().await?.status, 303);
    world.gate.drain().await;
    assert_eq!(heard.ends().len(), 1);
    Ok(())
}

async fn the_application_hears_that_a_grant_was_revoked(setup: Setup) -> Result<(), Failure> {
    let (heard, world) = Heard::listen(setup).await?;
    let browser = world.signed_in().await?;
    world.provider.revoke_all();
    world.clock.pass(NEAR_THE_END);
    for _ in 0..2 {
        let late = browser.clone();
        assert_eq!(late.fetch("GET", "/token").await?.status, 401);
    }
    let end = heard.only(&world).await?;
    assert_eq!(
        (end.why, end.subject.as_deref()),
        (SessionEnd::Revoked, Some("alice"))
    );
    Ok(())
}
