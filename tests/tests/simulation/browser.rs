//! Browsers: their cookies, and what they make of answers that come late, in another order, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode, header};
use tower::ServiceExt;

use crate::answers::{judge, session_cookies, take_cookies};
use crate::application::Page;
use crate::invariants::{self};
use crate::line::Life;
use crate::node::Process;
use crate::story::tell;
use crate::time::wait;
use crate::world::World;

/// The cookies of a browser.
pub(crate) type Jar = BTreeMap<String, String>;

/// Somebody's browser.
#[derive(Debug, Default)]
pub(crate) struct Browser {
    pub(crate) person: String,
    /// Where its requests go when its session travels in cookies.
    pub(crate) home: usize,
    pub(crate) jar: Jar,
    /// The session it believes to be signed in to.
    pub(crate) session: Option<String>,
    /// The session whose cookie it got last.
    pub(crate) holds: Option<String>,
    /// When the answer with that cookie left its node, and which process that was.
    pub(crate) cookie_left: Duration,
    pub(crate) signed_in_by: Option<(Duration, Life)>,
}

impl Browser {
    pub(crate) fn of(person: &str, home: usize) -> Self {
        Self {
            person: person.to_owned(),
            home,
            ..Self::default()
        }
    }

    pub(crate) fn has_session_cookie(&self) -> bool {
        !session_cookies(&self.jar).is_empty()
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Me,
    Token,
    Force,
    Write(u64),
    Everywhere,
    Elsewhere,
    Logout,
    Login,
    Callback,
    FrontChannel,
    BackChannel,
}

impl Ask {
    /// How long an answer may take: when nothing is in the way, and at the worst.
    pub(crate) fn deadline(self, trouble: bool) -> Duration {
        let (calm, worst) = match self {
            Self::Me => (1, 21),
            Self::Token | Self::Force => (4, 36),
            Self::Write(_) => (4, 40),
            Self::Login => (1, 12),
            Self::Callback => (2, 60),
            Self::Everywhere | Self::Elsewhere | Self::Logout => (2, 50),
            Self::FrontChannel | Self::BackChannel => (2, 50),
        };
        Duration::from_secs(if trouble { worst } else { calm })
    }

    fn path(self) -> &'static str {
        match self {
            Self::Me => "/me",
            Self::Token => "/token",
            Self::Force => "/force",
            Self::Write(_) => "/write",
            Self::Everywhere => "/everywhere",
            Self::Elsewhere => "/elsewhere",
            Self::Logout => "/logout",
            Self::Login => "/login",
            Self::Callback => "/callback",
            Self::FrontChannel => "/frontchannel-logout",
            Self::BackChannel => "/backchannel-logout",
        }
    }

    fn is_a_post(self) -> bool {
        let get = [
            Self::Me,
            Self::Token,
            Self::Login,
            Self::Callback,
            Self::FrontChannel,
        ];
        !get.contains(&self)
    }

    /// Nobody's browser has anything to do with it, or at least no cookie of its own.
    fn is_by_the_provider(self) -> bool {
        [Self::FrontChannel, Self::BackChannel].contains(&self)
    }

    fn is_a_page(self) -> bool {
        [Self::Login, Self::Callback, Self::Logout].contains(&self)
    }
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) what: Ask,
    pub(crate) browser: usize,
    pub(crate) life: Life,
    pub(crate) sent: Duration,
    /// The session the browser believed to be signed in to.
    pub(crate) session: Option<String>,
    /// The session whose cookie it sent.
    pub(crate) holds: Option<String>,
    /// The cookies are copies from before, in other hands.
    pub(crate) stolen: bool,
}

/// An answer that came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    /// When it left the node.
    pub(crate) left: Duration,
}

/// How a request is made.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    pub(crate) query: String,
    pub(crate) body: String,
    /// How long the handler thinks.
    pub(crate) thinks: Duration,
    /// Copies of cookies to send instead of the browser's own.
    pub(crate) stolen: Option<Jar>,
}

/// Sends a request from a browser to a node, and lets the browser make of the answer what browsers do. `None` when no
/// answer came.
pub(crate) async fn ask(
    world: &Arc<World>,
    browser: usize,
    node: usize,
    what: Ask,
    wish: Wish,
) -> Option<Answer> {
    let process = world.reached(node)?;
    let dice = &world.dice;
    let (asked, request) = {
        let browsers = world.browser(browser);
        let asked = Asked {
            what,
            browser,
            life: process.life.clone(),
            sent: world.time.now(),
            session: browsers
                .session
                .clone()
                .filter(|_| wish.stolen.is_none() && !what.is_by_the_provider()),
            holds: browsers.holds.clone(),
            stolen: wish.stolen.is_some(),
        };
        let jar = wish.stolen.as_ref().unwrap_or(&browsers.jar);
        (asked, request(what, &wish, jar))
    };
    let hangs_up = (world.is_rough_outside() && dice.percent(20)).then(|| dice.millis(0..8_000));
    let who = if what.is_by_the_provider() {
        "provider".to_owned()
    } else {
        format!("browser {browser}")
    };
    let thief = if asked.stolen {
        " with stolen cookies"
    } else {
        ""
    };
    tell!(world.story, &who, "{what:?} at node {node}{thief}");
    wait(dice.millis(0..15)).await;
    let arrived = world.time.now();
    let answer = serve(&process, request, hangs_up).await;
    let Some((status, headers, page)) = answer else {
        tell!(world.story, &who, "no answer to {what:?}");
        return None;
    };
    let left = world.time.now();
    invariants::answered(world, &asked, (left - arrived).saturating_sub(wish.thinks));
    wait(if dice.percent(10) {
        dice.millis(0..900)
    } else {
        dice.millis(0..15)
    })
    .await;
    tell!(
        world.story,
        &who,
        "{} to {what:?}{thief} {}",
        status.as_u16(),
        page.as_ref()
            .map(|page| format!("{page:?}"))
            .unwrap_or_default()
    );
    if !asked.stolen && !what.is_by_the_provider() {
        take_cookies(world, &asked, &headers, left);
    }
    judge(world, &asked, status, page.as_ref(), left);
    let location = headers.get(header::LOCATION);
    Some(Answer {
        status,
        location: location
            .map(|to| to.to_str().unwrap().to_owned())
            .unwrap_or_default(),
        left,
    })
}

/// The node answers, unless it dies or the browser hangs up meanwhile.
async fn serve(
    process: &Process,
    request: Request<Body>,
    hangs_up: Option<Duration>,
) -> Option<(StatusCode, HeaderMap, Option<Page>)> {
    let answering = process.router.clone().oneshot(request);
    let hanging_up = async {
        match hangs_up {
            Some(pause) => wait(pause).await,
            None => std::future::pending().await,
        }
    };
    let answer = tokio::select! {
        biased;
        () = process.life.over() => return None,
        () = hanging_up => return None,
        answer = answering => answer.unwrap_or_else(|never| match never {}),
    };
    let (head, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let page = head
        .status
        .is_success()
        .then(|| serde_json::from_slice(&body).ok())
        .flatten();
    Some((head.status, head.headers, page))
}

fn request(what: Ask, wish: &Wish, jar: &Jar) -> Request<Body> {
    let (mode, dest) = if what.is_a_page() {
        ("navigate", "document")
    } else {
        ("cors", "empty")
    };
    let mut request = Request::builder()
        .method(if what.is_a_post() { "POST" } else { "GET" })
        .uri(format!("{}?{}", what.path(), wish.query))
        .header("sec-fetch-site", "same-origin")
        .header("sec-fetch-mode", mode)
        .header("sec-fetch-dest", dest)
        .header("content-type", "application/x-www-form-urlencoded");
    // The provider sends no cookies, nor does a frame of its own.
    if !jar.is_empty() && !what.is_by_the_provider() {
        let pairs: Vec<_> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        request = request.header(header::COOKIE, pairs.join("; "));
    }
    request.body(Body::from(wish.body.clone())).unwrap()
}
