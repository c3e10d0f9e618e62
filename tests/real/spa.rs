//! The single-page application in a real browser: its scripts, its pop-ups and its tabs.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use latchgate_dev_provider::{DevProvider, Endpoint, LogoutTarget};
use tokio::net::TcpListener;

use crate::case::{Case, Failure};
use crate::example::{Address, Running, SPA};
use crate::need::Need;
use crate::webdriver::{Chromium, Find};

const NEEDS: &[Need] = &[Need::Chromium, Need::Examples];

/// The buttons of the page.
const IN_POP_UP: Find<'_> = Find::Control("Log in");
const IN_THIS_WINDOW: Find<'_> = Find::Control("Log in in this window");
const LOG_OUT: Find<'_> = Find::Control("Log out");
const SAVE: Find<'_> = Find::Control("Save");

/// The field for a new note.
const TEXT: Find<'_> = Find::Css("#text");

/// The provider's button for Alice.
const ALICE: Find<'_> = Find::Css("button[name=person][value=alice]");

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// One case for each thing that its users do, or have done to them.
        pub(crate) fn cases() -> Vec<Case> {
            vec![$(Case::new(
                concat!("chromium::spa::", stringify!($name)),
                NEEDS,
                || walk(stringify!($name), $name),
            )),*]
        }
    };
}

cases!(
    log_in_in_a_pop_up,
    log_in_in_the_window_and_come_back,
    tokens_and_sessions_that_are_over,
    log_out_in_one_tab_and_see_it_in_the_other,
    other_sites_do_nothing,
    pages_that_stay,
);

struct World {
    provider: DevProvider,
    app: Running,
    window: Chromium,
}

impl World {
    fn site(&self) -> &str {
        &self.app.base_url
    }

    async fn picture(&self, name: &str) -> Result<(), Failure> {
        self.window.picture(&format!("axum-spa-{name}")).await
    }

    /// Opens the page, and signs Alice in beside it.
    async fn sign_in(&self) -> Result<(), Failure> {
        self.window.go(self.site()).await?;
        self.in_pop_up(ALICE).await?;
        self.window.read(self.site(), "Alice").await.map(drop)
    }

    /// Starts a login beside the page, presses a button of the provider's there, and waits until the pop-up has closed.
    async fn in_pop_up(&self, button: Find<'_>) -> Result<(), Failure> {
        let windows = self.window.windows().await?;
        let [page, ..] = &windows[..] else {
            return Err("there is no window".into());
        };
        self.window.click(IN_POP_UP).await?;
        let popup = self.window.enter_another_than(&windows).await?;
        self.window.see(button).await?;
        // A window that closes meanwhile gives no answer.
        drop(self.window.click(button).await);
        self.window.leave(&popup, page).await
    }

    /// Waits until the page offers a login.
    async fn offers_login(&self) -> Result<(), Failure> {
        let offer = self.window.read(self.site(), "Log in in this window");
        offer.await.map(drop)
    }

    async fn save(&self, note: &str) -> Result<(), Failure> {
        self.window.write(TEXT, note).await?;
        self.window.click(SAVE).await
    }

    /// Waits until the page lists these notes, and no others.
    async fn lists(&self, notes: &[&str]) -> Result<(), Failure> {
        let listed = async || {
            let script =
                "return [...document.querySelectorAll('#list li')].map((note) => note.textContent)";
            let found = self.window.run(script).await.ok()?;
            (found == serde_json::json!(notes)).then_some(())
        };
        self.window
            .until(&format!("list of {notes:?}"), listed)
            .await
    }
}

async fn walk(
    name: &str,
    steps: impl AsyncFnOnce(&World) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // Every access token is due for another after a second.
    let provider = DevProvider::builder().access_token_lifetime(Duration::from_secs(1));
    let provider = provider.start().await?;
    let address = Address::free()?;
    let api = format!("{}/api", address.base_url);
    let variables = [
        ("LATCHGATE_ISSUER", provider.issuer()),
        ("LATCHGATE_CLIENT_ID", provider.client_id()),
        ("LATCHGATE_CLIENT_SECRET", provider.client_secret()),
        ("LATCHGATE_SCOPES", "openid profile email offline_access"),
        ("LATCHGATE_RESOURCE", &api),
        ("LATCHGATE_API_AUDIENCE", &api),
    ];
    let app = SPA.start(&address, &variables).await?;
    let window = Chromium::open(&format!("spa-{name}")).await?;
    let world = World {
        provider,
        app,
        window,
    };
    let outcome = steps(&world).await;
    let last = world.picture(&format!("{name}-last")).await;
    outcome.and(last).map_err(|failure| {
        let said = world.app.said();
        format!("{failure}\n--- the application:\n{said}").into()
    })
}

/// The provider's pages cut a pop-up off from its opener: nothing but a broadcast reaches it.
async fn log_in_in_a_pop_up(world: &World) -> Result<(), Failure> {
    let window = &world.window;
    window.go(world.site()).await?;
    world.offers_login().await?;
    world.picture("1-home").await?;

    // Somebody changes their mind.
    world.in_pop_up(Find::Control("Deny")).await?;
    window
        .read(world.site(), "login_refused_by_provider")
        .await?;
    world.picture("2-refused").await?;

    // The page stays as it is meanwhile.
    window.run("window.mark = 'the same page'").await?;
    world.in_pop_up(ALICE).await?;
    window.read(world.site(), "Alice").await?;
    let mark = window.run("return window.mark").await?;
    ensure!(mark == "the same page", "the page was loaded anew: {mark}");

    world.save("Buy milk.").await?;
    world.lists(&["Buy milk."]).await?;
    world.save("Call <b>Bob</b>.").await?;
    world.lists(&["Buy milk.", "Call <b>Bob</b>."]).await?;
    // For the guide: `cargo xtask guide --screenshots` takes it from here.
    window.picture("guide-spa").await
}

async fn log_in_in_the_window_and_come_back(world: &World) -> Result<(), Failure> {
    let window = &world.window;
    let page = format!("{}/?from=a%20link#/me", world.site());
    window.go(&page).await?;
    window.click(IN_THIS_WINDOW).await?;
    window.click(ALICE).await?;
    let url = window.read(world.site(), "alice@example.com").await?;
    ensure!(url == page, "the login came back to {url}");
    world.picture("4-me").await?;

    // No script of the page sees the session, or a token.
    let seen = window.run("return document.cookie").await?;
    ensure!(seen == "", "scripts see cookies: {seen}");
    Ok(())
}

async fn tokens_and_sessions_that_are_over(world: &World) -> Result<(), Failure> {
    let window = &world.window;
    world.sign_in().await?;
    world.save("one").await?;
    world.lists(&["one"]).await?;

    // A token that has expired is no matter for the page.
    let fetched = "return fetch('/api/notes').then((response) => response.status)";
    let refreshed = async || {
        let status = window.run(fetched).await.ok()?;
        (status != 200 || world.provider.calls(Endpoint::Token) > 2).then_some(status)
    };
    let status = window.until("second refresh", refreshed).await?;
    ensure!(status == 200, "the API answered {status}");

    // The provider takes the session back while somebody writes.
    world.provider.revoke_all();
    let over = async || (window.run(fetched).await.ok()? == 401).then_some(());
    window.until("end of the session", over).await?;
    world.save("two").await?;
    world.offers_login().await?;
    world.picture("5-session-over").await?;
    // The provider knows Alice: its pop-up comes and goes without a word.
    window.click(IN_POP_UP).await?;
    world.lists(&["one", "two"]).await?;

    // What somebody has begun to write is there after a login in this window, too.
    window.write(TEXT, "three").await?;
    world.provider.revoke_all();
    window.until("end of the session", over).await?;
    window
        .run("document.dispatchEvent(new Event('visibilitychange'))")
        .await?;
    window.click(IN_THIS_WINDOW).await?;
    world.lists(&["one", "two"]).await?;
    window.click(SAVE).await?;
    world.lists(&["one", "two", "three"]).await
}

async fn log_out_in_one_tab_and_see_it_in_the_other(world: &World) -> Result<(), Failure> {
    let window = &world.window;
    world.sign_in().await?;
    world.save("mine").await?;
    let first = window.windows().await?.remove(0);
    let second = window.open_tab().await?;
    window.go(world.site()).await?;
    window.read(world.site(), "mine").await?;
    window.click(LOG_OUT).await?;
    world.offers_login().await?;
    world.picture("6-logged-out").await?;
    window.enter(&first).await?;
    world.offers_login().await?;
    world.lists(&[]).await?;
    ensure!(
        world.provider.sessions().is_empty(),
        "the provider's session goes on"
    );

    // A login in one tab is seen in the other, as well.
    world.sign_in().await?;
    window.enter(&second).await?;
    window.read(world.site(), "mine").await?;

    // The provider tells the server, which has no way to tell the page. It asks when somebody looks.
    let to = world.app.url("/backchannel-logout");
    let target = LogoutTarget::Sub("alice".to_owned());
    let status = world.provider.send_backchannel_logout(&to, target).await?;
    ensure!(status == 200, "the logout token was refused: {status}");
    window.enter(&first).await?;
    window
        .run("document.dispatchEvent(new Event('visibilitychange'))")
        .await?;
    world.offers_login().await
}

/// Pages of another origin on the same host, to which the browser sends the session, and of another site.
async fn other_sites_do_nothing(world: &World) -> Result<(), Failure> {
    let window = &world.window;
    world.sign_in().await?;
    world.save("mine").await?;
    world.lists(&["mine"]).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let attack = ATTACK.replace("{{app}}", world.site());
    let elsewhere = Router::new().route("/", get(move || async move { Html(attack) }));
    let server = tokio::spawn(axum::serve(listener, elsewhere).into_future());
    for (host, refusal) in [
        ("127.0.0.1", "cross_site_request"),
        // The browser sends no session along.
        ("localhost", "sign_in_required"),
    ] {
        let evil = format!("http://{host}:{port}/");
        window.go(&evil).await?;
        let sent = window.run("return send()").await?;
        ensure!(sent == "sent", "{evil} could not even send: {sent}");
        let read = window.run("return read()").await?;
        ensure!(read == "blocked", "{evil} has read {read}");
        for (form, refusal) in [("note", refusal), ("log-out", "cross_site_request")] {
            window.go(&evil).await?;
            window.click(Find::Control(form)).await?;
            window.read(world.site(), refusal).await?;
        }
        window.go(world.site()).await?;
        world.lists(&["mine"]).await?;
    }
    server.abort();
    Ok(())
}

const ATTACK: &str = r#"<!doctype html>
<form method="post" enctype="text/plain" action="{{app}}/api/notes"><input type="hidden" name="stolen" value="yes"><button>note</button></form>
<form method="post" action="{{app}}/logout"><button>log-out</button></form>
<script>
const send = () => fetch("{{app}}/api/notes", { method: "POST", mode: "no-cors", credentials: "include", body: "stolen" })
  .then(() => fetch("{{app}}/logout", { method: "POST", mode: "no-cors", credentials: "include" }))
  .then(() => "sent", String);
const read = () => fetch("{{app}}/session", { credentials: "include" }).then((response) => response.text(), () => "blocked");
</script>"#;

/// A login that was in no pop-up of a script's, or that nobody has begun.
async fn pages_that_stay(world: &World) -> Result<(), Failure> {
    let window = &world.window;
    window
        .go(&world.app.url("/callback?code=x&state=y"))
        .await?;
    window.read(world.site(), "no_login_under_way").await?;

    // A window that no script has opened is closed by none: the page says what to do.
    window
        .go(&world.app.url("/login?display=popup&return_to=/%23/me"))
        .await?;
    window.click(ALICE).await?;
    window
        .read(world.site(), "You can close this window.")
        .await?;
    world.picture("7-pop-up-that-stays").await?;
    window.click(Find::Control("Continue here")).await?;
    let url = window.read(world.site(), "alice@example.com").await?;
    ensure!(url.ends_with("/#/me"), "the link leads to {url}");
    Ok(())
}
