//! A login in a pop-up: its last page tells the page that opened it how it went, and closes. (That browsers do so is
//! tested in one: `real/spa.rs`.)

use http::Response;
use latchgate::{LoginRejection, Provider, ResponseMode, User};
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};
use url::Url;

scenarios!(
    it_is_known_to_the_provider_as_one,
    a_page_that_nobody_opened_as_a_pop_up_tells_nobody,
    another_site_opens_none,
    a_provider_that_posts_its_answer_ends_it_the_same_way,
    a_choice_of_providers_keeps_it,
    a_form_in_it_may_ask_for_more,
    a_page_of_the_applications_does_not_stand_in_the_way,
    a_login_without_openid_connect_ends_the_same_way;
    in either keeping:
    it_signs_in_and_tells_its_opener,
    whatever_fails_in_it_is_told_by_code_and_id,
    who_comes_back_too_late_is_turned_away_and_that_is_told,
);

const START: &str = "/login?return_to=/me?x=1%26y=2&display=popup";

/// What the page's script tells: the attributes of its element, if there is one.
fn told(page: &Page) -> Option<&str> {
    let script = page.body.split_once("<script")?.1;
    Some(script.split_once('>')?.0)
}

fn display(url: &Url) -> Option<String> {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(name, _)| name == "display");
    found.map(|(_, value)| value.into_owned())
}

/// Whether the page may run the one script that it has, and nobody may frame it.
fn is_guarded(page: &Page) -> bool {
    let policy = page.header("content-security-policy");
    policy.contains("default-src 'none'; script-src 'sha256-")
        && policy.contains("frame-ancestors 'none'")
        && page.header("x-frame-options") == "DENY"
        && page.header("cache-control") == "no-store"
        && page.header("cross-origin-opener-policy").is_empty()
}

async fn start(world: &World, path: &str, site: &str) -> Result<Url, Failure> {
    let browser = world.browser()?;
    let page = browser.request("GET", path).navigation(site).send();
    Ok(page.await?.leads_to()?)
}

async fn finish(world: &World, browser: &Browser) -> Result<Page, Failure> {
    let callback = world.callback(browser, START).await?;
    Ok(browser.get(callback.as_str()).await?)
}

async fn it_signs_in_and_tells_its_opener(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("bob"));
    let opener = world.signed_in().await?;
    let before = opener.cookie(world.session_cookie());
    world.provider.auto_sign_in(Some("alice"));
    let popup = opener.tab();
    let callback = world.callback(&popup, START).await?;
    let page = popup.get(callback.as_str()).await?;
    assert_eq!(page.status, 200, "{page}");
    assert_eq!(told(&page), Some(" data-outcome=\"signed_in\""));
    assert!(is_guarded(&page), "{page}");
    // Without a script, a link leads on.
    let link = "href=\"/me?x=1&amp;y=2\"";
    assert!(page.body.contains(link), "{page}");
    for (name, secret) in callback.query_pairs() {
        let is_secret = matches!(&*name, "code" | "state");
        assert!(!is_secret || !page.body.contains(&*secret), "{name}");
    }
    assert!(!page.body.to_lowercase().contains("alice"), "{page}");
    // The session is the browser's, and the one before is over, like after any login.
    assert_eq!(world.whoami(&opener).await?.as_deref(), Some("alice"));
    assert_eq!(popup.names(world.login_cookies()), [""; 0]);
    let stale = world.browser()?;
    let stolen = before.ok_or("no session before")?;
    stale.plant(world.session_cookie(), &stolen)?;
    assert_eq!(world.whoami(&stale).await?, None);
    // A page that is opened again has nothing to tell.
    let again = popup.get(callback.as_str()).await?;
    assert_eq!((again.status, again.location.as_deref()), (303, Some("/")));
    Ok(())
}

async fn whatever_fails_in_it_is_told_by_code_and_id(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let popup = browser.tab();
    let start = popup.get(START).await?.leads_to()?;
    let state = start.query_pairs().find(|(name, _)| name == "state");
    let state = state.map(|(_, state)| state.into_owned());
    let iss = world.provider.issuer();
    let declined = format!(
        "/callback?error=access_denied&iss={iss}&state={}",
        state.unwrap_or_default()
    );
    let mut pages = vec![(
        popup.get(&declined).await?,
        403,
        "login_refused_by_provider",
    )];

    world.mischief().answer(Endpoint::Token, Answer::Drop);
    let page = finish(&world, &popup).await?;
    pages.push((page, 503, "provider_unreachable"));
    world.mischief().clear();

    let strict = world.neighbour(|setup| {
        setup.gate(|gate| {
            gate.on_login(async |_: User| Err::<(), _>(LoginRejection::forbidden("no customer")))
        })
    });
    let strict = strict.await?;
    let page = finish(&strict, &strict.browser()?).await?;
    pages.push((page, 403, "login_refused"));

    let cut_off = world.neighbour(|setup| setup).await?;
    cut_off.provider_down();
    let page = cut_off.browser()?.get(START).await?;
    pages.push((page, 503, "provider_unreachable"));

    for (page, status, code) in pages {
        assert_eq!((page.status, &*page.code()), (status, code), "{page}");
        let id = page.id()?;
        let expected = format!(" data-outcome=\"refused\" data-code=\"{code}\" data-id=\"{id}\"");
        assert_eq!(told(&page), Some(&*expected), "{page}");
        assert!(is_guarded(&page), "{page}");
        assert!(!page.body.contains("no customer"), "{page}");
        // Whoever tries again still does so in a pop-up.
        let kept = ["&amp;display=popup", "name=\"display\" value=\"popup\""];
        assert!(kept.iter().any(|kept| page.body.contains(kept)), "{page}");
    }
    // Whoever was signed in still is.
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn who_comes_back_too_late_is_turned_away_and_that_is_told(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, START).await?;
    world.clock.pass(15 * 60 + 1);
    let page = browser.get(callback.as_str()).await?;
    let code = "no_login_under_way";
    assert_eq!((page.status, &*page.code()), (400, code), "{page}");
    let expected = format!(
        " data-outcome=\"refused\" data-code=\"{code}\" data-id=\"{}\"",
        page.id()?
    );
    assert_eq!(told(&page), Some(&*expected), "{page}");
    assert!(is_guarded(&page), "{page}");
    assert!(page.body.contains("&amp;display=popup"), "{page}");
    assert_eq!(world.whoami(&browser).await?, None);
    // It is told once.
    assert_eq!(browser.names(world.login_cookies()), [""; 0]);
    let again = browser.get(callback.as_str()).await?;
    assert_eq!((told(&again), &*again.code()), (None, code), "{again}");

    // Who has signed in meanwhile, in another window, is.
    let callback = world.callback(&browser, START).await?;
    world.clock.pass(15 * 60 + 1);
    let _ = world.visit(&mut browser.tab(), "/me").await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(told(&page), Some(" data-outcome=\"signed_in\""), "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));

    // A login that is in no pop-up is kept no longer than it lasts.
    let begun = |page: &Page| {
        let set = page.set_cookies();
        let mut set = set
            .iter()
            .filter(|set| set.starts_with(world.login_cookies()));
        set.find(|set| !set.contains("Max-Age=0"))
            .map_or(String::new(), ToString::to_string)
    };
    let start = browser.get("/login").await?;
    let set = begun(&start);
    assert!(set.contains("Max-Age=900"), "{set}");
    let start = browser.get(START).await?;
    let set = begun(&start);
    assert!(set.contains("Max-Age=3600"), "{set}");
    Ok(())
}

async fn it_is_known_to_the_provider_as_one(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|provider| {
        let options = latchgate::LoginOptions::new().parameter("display", "touch");
        provider.login_options(options.unwrap_or_default())
    });
    let world = setup.start().await?;
    for (path, expected) in [
        (START, "popup"),
        ("/login?display=page", "touch"),
        ("/login?display=POPUP", "touch"),
        ("/login?display=popup%20x", "touch"),
        ("/login?display=", "touch"),
        ("/login", "touch"),
        ("/me?display=popup", "touch"),
    ] {
        let url = start(&world, path, "same-origin").await?;
        assert_eq!(display(&url).as_deref(), Some(expected), "{path}");
        let sent = url.query_pairs().filter(|(name, _)| name == "display");
        assert_eq!(sent.count(), 1, "{url}");
    }
    Ok(())
}

async fn a_page_that_nobody_opened_as_a_pop_up_tells_nobody(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me?display=popup").await?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.location.as_deref(), Some("/me?display=popup"));
    // Neither is a login known by an answer that belongs to none.
    for path in [
        "/callback?code=x&state=y&display=popup",
        "/callback?display=popup",
        "/login/nobody?display=popup",
    ] {
        let page = world.browser()?.get(path).await?;
        assert_eq!(told(&page), None, "{page}");
        assert!(!page.header("content-security-policy").contains("script"));
    }
    // A script that asks for one gets an answer that scripts can read.
    let page = browser.fetch("GET", START).await?;
    assert_eq!((page.status, &*page.code()), (403, "not_a_navigation"));
    assert_eq!(page.header("content-type"), "application/problem+json");
    Ok(())
}

/// A page that could watch a window open and close would know more than a page elsewhere should.
async fn another_site_opens_none(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    for (site, expected) in [
        ("cross-site", None),
        ("same-site", None),
        ("same-origin", Some("popup")),
        ("none", Some("popup")),
    ] {
        let browser = world.browser()?;
        let request = browser.request("GET", START).navigation(site);
        let start = request.send().await?.leads_to()?;
        assert_eq!(display(&start).as_deref(), expected, "{site}");
        let callback = browser.get(start.as_str()).await?.leads_to()?;
        let page = browser.get(callback.as_str()).await?;
        assert_eq!(told(&page).is_some(), expected.is_some(), "{site}: {page}");
        let location = expected.map_or(Some("/me?x=1&y=2"), |_| None);
        assert_eq!(page.location.as_deref(), location);
    }
    Ok(())
}

async fn a_provider_that_posts_its_answer_ends_it_the_same_way(
    setup: Setup,
) -> Result<(), Failure> {
    let setup = setup.registration(|provider| provider.response_mode(ResponseMode::FormPost));
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let page = world.visit(&mut browser, START).await?;
    assert_eq!(told(&page), Some(" data-outcome=\"signed_in\""), "{page}");
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_choice_of_providers_keeps_it(setup: Setup) -> Result<(), Failure> {
    let setup = setup.registration(|one| one.name("one")).gate(|gate| {
        let two = Provider::new("https://two.example", "my-app").client_secret("x");
        gate.provider(two.name("two"))
    });
    let own_page = setup.clone().gate(|gate| gate.sign_in_page("/public"));
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let page = browser.get(START).await?;
    assert_eq!((page.status, told(&page)), (200, None), "{page}");
    let link = "/login/one?return_to=%2Fme%3Fx%3D1%26y%3D2&display=popup";
    assert!(page.body.contains(&link.replace('&', "&amp;")), "{page}");
    let page = browser.open(link).await?;
    assert_eq!(told(&page), Some(" data-outcome=\"signed_in\""), "{page}");
    // The application's own page is told, too.
    let world = own_page.start().await?;
    let page = world.browser()?.get(START).await?;
    let expected = "/public?return_to=%2Fme%3Fx%3D1%26y%3D2&display=popup";
    assert_eq!(page.location.as_deref(), Some(expected));
    Ok(())
}

/// What a guard's challenge asks of a script, a form can ask of the provider without leaving the page.
async fn a_form_in_it_may_ask_for_more(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let challenge = browser.fetch("GET", "/strong").await?;
    assert_eq!(challenge.status, 401);
    let popup = browser.tab();
    let fields = [
        ("acr_values", "mfa"),
        ("prompt", "login"),
        ("display", "popup"),
    ];
    let send = async |site: &str| {
        let request = popup.request("POST", "/login").navigation(site);
        Ok::<_, Failure>(request.form(&fields).send().await?)
    };
    assert_eq!(send("cross-site").await?.status, 403);
    let start = send("same-origin").await?.leads_to()?;
    assert_eq!(display(&start).as_deref(), Some("popup"));
    assert!(start.as_str().contains("acr_values=mfa"), "{start}");
    let callback = popup.get(start.as_str()).await?.leads_to()?;
    let page = popup.get(callback.as_str()).await?;
    assert_eq!(told(&page), Some(" data-outcome=\"signed_in\""), "{page}");
    assert_eq!(browser.fetch("GET", "/strong").await?.body, "admitted");
    // Nor does a login without any page lead anywhere else.
    let silent = [("prompt", "none"), ("display", "popup")];
    let stranger = world.browser()?;
    let request = stranger.request("POST", "/login").navigation("same-origin");
    let start = request.form(&silent).send().await?.leads_to()?;
    let callback = stranger.get(start.as_str()).await?.leads_to()?;
    let page = stranger.get(callback.as_str()).await?;
    assert_eq!(page.code(), "login_refused_by_provider", "{page}");
    assert!(told(&page).is_some(), "{page}");
    Ok(())
}

async fn a_page_of_the_applications_does_not_stand_in_the_way(setup: Setup) -> Result<(), Failure> {
    let setup = setup.gate(|gate| gate.pages(|_| Some(Response::new("our own".into()))));
    let world = setup.start().await?;
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    let browser = world.browser()?;
    let page = finish(&world, &browser).await?;
    assert!(told(&page).is_some(), "{page}");
    let callback = world.callback(&browser, "/me").await?;
    assert_eq!(browser.get(callback.as_str()).await?.body, "our own");
    Ok(())
}

async fn a_login_without_openid_connect_ends_the_same_way(setup: Setup) -> Result<(), Failure> {
    let world = super::plain_oauth2::github(setup).start().await?;
    let browser = world.browser()?;
    let start = browser.get(START).await?.leads_to()?;
    assert_eq!(display(&start), None, "it is a parameter of OpenID Connect");
    let callback = browser.get(start.as_str()).await?.leads_to()?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(told(&page), Some(" data-outcome=\"signed_in\""), "{page}");
    Ok(())
}
