//! What visitors read when they may not pass, and how they get on from there.

use std::collections::BTreeSet;

use http::StatusCode;
use latchgate::{LoginRejection, User};
use latchgate_dev_provider::{Answer, Endpoint};
use latchgate_tests::{Failure, Page, Setup, World, colours, scenarios};

scenarios!(
    every_refusal_has_words_of_its_own,
    nobody_elsewhere_decides_how_a_login_goes,
    the_question_before_signing_out_says_only_what_is_known,
    colours_can_be_told_apart_in_light_and_in_the_dark;
    in either keeping:
    a_forbidden_page_has_a_way_on,
    trying_again_leads_to_where_one_was_going,
    a_form_sent_after_the_session_is_told_to_sign_in,
);

/// The text between two marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("", |(found, _)| found)
}

fn heading(page: &Page) -> &str {
    between(&page.body, "<h1>", "</h1>")
}

/// Where the link with this label leads, as it stands in the page.
fn link<'a>(page: &'a Page, label: &str) -> Option<&'a str> {
    let before = page.body.split_once(&format!(">{label}</a>"))?.0;
    let tag = before.rsplit_once("<a ")?.1;
    Some(between(tag, "href=\"", "\""))
}

fn parameter(url: &url::Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

async fn a_forbidden_page_has_a_way_on(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    world.provider.auto_sign_in(Some("bob"));
    let mut bob = world.signed_in().await?;
    let page = bob.open("/admin?x=1&y=%3Cb%3E").await?;
    assert_eq!((page.status, page.code().as_str()), (403, "not_permitted"));
    assert_eq!(link(&page, "Go to the start page"), Some("/"), "{page}");
    assert!(page.body.contains("Sign in as somebody else"), "{page}");
    assert!(!page.body.contains("admin</"), "it tells what is missing");

    // The button works: the provider is told to ask, and the way back is the page that was forbidden.
    world.provider.auto_sign_in(Some("alice"));
    let button = page.form_to("/login")?;
    let landed = bob.submit(&button, &[]).await?;
    assert_eq!((landed.status, landed.body.as_str()), (200, "admitted"));
    assert_eq!(landed.url.path(), "/admin");
    assert_eq!(landed.url.query(), Some("x=1&y=%3Cb%3E"));
    let asked = world.provider.last_request(Endpoint::Authorize);
    let prompt = asked.and_then(|request| request.parameter("prompt"));
    assert_eq!(prompt.as_deref(), Some("select_account"));
    assert_eq!(world.whoami(&bob).await?.as_deref(), Some("alice"));

    // A provider that does not say what it knows is asked for what every provider must know.
    let world = world.neighbour(|setup| setup).await?;
    world.mischief().on_metadata(|metadata| {
        metadata["prompt_values_supported"] = "anything".into();
    });
    world.provider.auto_sign_in(Some("bob"));
    let page = world.signed_in().await?.get("/admin").await?;
    assert!(
        page.form_to("/login")?
            .encoded(&[])
            .ends_with("prompt=login"),
        "{page}"
    );
    Ok(())
}

async fn nobody_elsewhere_decides_how_a_login_goes(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let form = [("return_to", "/me"), ("prompt", "select_account")];
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let request = browser.request("POST", "/login").header(name, value);
        let page = request.form(&form).send().await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (403, "cross_site_request"),
            "{name}: {value}: {page}"
        );
        assert_eq!(page.set_cookies(), [""; 0]);
    }
    // A link has no say, wherever it stands.
    for site in ["none", "same-origin", "cross-site"] {
        let link = browser.request("GET", "/login?return_to=/me&prompt=select_account");
        let page = link.navigation(site).send().await?;
        assert_eq!(parameter(&page.leads_to()?, "prompt"), None, "{page}");
    }
    // A form of ours may make the provider ask, and nothing else.
    for (wanted, expected) in [
        ("select_account", Some("select_account")),
        ("login", Some("login")),
        ("none", Some("none")),
        ("consent", None),
        ("login none", None),
        ("", None),
    ] {
        let request = browser.request("POST", "/login").navigation("same-origin");
        let form = [("return_to", "//evil.example"), ("prompt", wanted)];
        let page = request.form(&form).send().await?;
        let prompt = parameter(&page.leads_to()?, "prompt");
        assert_eq!(prompt.as_deref(), expected, "{wanted:?}");
        let callback = browser.get(page.leads_to()?.as_str()).await?.leads_to()?;
        let landed = browser.get(callback.as_str()).await?;
        assert_eq!(landed.location.as_deref(), Some("/"), "{landed}");
    }
    Ok(())
}

async fn trying_again_leads_to_where_one_was_going(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let mut browser = world.browser()?;
    let back = "/login?return_to=%2Fme%3Fx%3D1%26y%3D2";

    let callback = world.callback(&browser, "/me?x=1&y=2").await?;
    world.mischief().answer(Endpoint::Token, Answer::Drop);
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(page.code(), "provider_unreachable");
    assert_eq!(link(&page, "Try again"), Some(back), "{page}");
    world.mischief().clear();
    let again = link(&page, "Try again").unwrap_or_default().to_owned();
    let landed = world.visit(&mut browser, &again).await?;
    assert_eq!((landed.status, landed.url.query()), (200, Some("x=1&y=2")));

    // A provider that cannot even be asked where its login page is.
    let world = world.neighbour(|setup| setup).await?;
    world.provider_down();
    let stranger = world.browser()?;
    let page = stranger.get("/login?return_to=/me?x=1%26y=2").await?;
    assert_eq!(link(&page, "Try again"), Some(back), "{page}");
    let page = stranger.get("/me?x=1&y=2").await?;
    assert_eq!(link(&page, "Try again"), Some("/me?x=1&amp;y=2"), "{page}");
    for elsewhere in ["//evil.example", "https://evil.example/", "/logout", "/\\x"] {
        let page = stranger
            .get(&format!("/login?return_to={elsewhere}"))
            .await?;
        assert_eq!(
            link(&page, "Try again"),
            Some("/login?return_to=%2F"),
            "{page}"
        );
    }
    Ok(())
}

async fn a_form_sent_after_the_session_is_told_to_sign_in(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let stranger = world.browser()?;
    let send = |from: String| {
        let request = stranger.request("POST", "/write");
        let request = request.navigation("same-origin").header("referer", from);
        request.form(&[("text", "hello")]).send()
    };
    // The way back is the page with the form, not the address it went to, which answers no GET.
    let page = send(format!("{}/nested/deep/page?draft=1", world.site)).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (401, "sign_in_required")
    );
    assert_eq!(link(&page, "Try again"), None, "{page}");
    let expected = "/login?return_to=%2Fnested%2Fdeep%2Fpage%3Fdraft%3D1";
    assert_eq!(link(&page, "Sign in"), Some(expected), "{page}");
    for elsewhere in [
        "https://evil.example/nested/deep/page".to_owned(),
        format!("{}.evil.example/x", world.site),
        format!("{}//evil.example/x", world.site),
        format!("{}/callback?code=x&state=y", world.site),
        "nonsense".to_owned(),
    ] {
        let page = send(elsewhere.clone()).await?;
        let expected = Some("/login?return_to=%2F");
        assert_eq!(link(&page, "Sign in"), expected, "{elsewhere}");
    }
    Ok(())
}

async fn the_question_before_signing_out_says_only_what_is_known(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let known = browser.request("GET", "/logout").navigation("cross-site");
    let known = known.send().await?;
    assert!(known.body.contains("another site"), "{known}");
    let silent = browser.request("GET", "/logout").send().await?;
    assert_eq!(silent.status, 403);
    assert!(!silent.body.contains("another site"), "{silent}");
    let prefetched = browser.request("GET", "/logout").navigation("same-origin");
    let prefetched = prefetched.header("sec-purpose", "prefetch").send().await?;
    assert!(!prefetched.body.contains("another site"), "{prefetched}");
    Ok(())
}

/// What people can read where they are turned away, each with its status.
async fn refusals(world: &World, setup: Setup) -> Result<Vec<(&'static str, Page)>, Failure> {
    let browser = world.browser()?;
    let mut pages = Vec::new();

    let start = browser.get("/me").await?.leads_to()?;
    let state = parameter(&start, "state").unwrap_or_default();
    let iss = world.provider.issuer();
    let declined = format!("/callback?error=access_denied&iss={iss}&state={state}");
    pages.push(("declined", browser.get(&declined).await?));
    pages.push(("expired", browser.get(&declined).await?));

    world.mischief().answer(Endpoint::Token, Answer::Drop);
    let callback = world.callback(&browser, "/me").await?;
    pages.push(("provider down", browser.get(callback.as_str()).await?));
    world.mischief().clear();

    world
        .mischief()
        .answer(Endpoint::Token, Answer::status(StatusCode::OK));
    let callback = world.callback(&browser, "/me").await?;
    pages.push(("provider wrong", browser.get(callback.as_str()).await?));
    world.mischief().clear();

    world.provider.auto_sign_in(Some("bob"));
    pages.push(("forbidden", world.signed_in().await?.get("/admin").await?));
    world.provider.auto_sign_in(Some("alice"));

    let form = browser.request("POST", "/write").navigation("same-origin");
    pages.push(("nobody", form.send().await?));

    let stored = world.neighbour(|_| setup.clone().stored()).await?;
    let alice = stored.signed_in().await?;
    stored.store().ok_or("no store")?.set_down(true);
    pages.push(("store down", alice.get("/me").await?));

    let strict = world.neighbour(|setup| {
        setup.gate(|gate| {
            gate.on_login(async |_: User| {
                Err::<(), _>(LoginRejection::forbidden("owes us 3 fines"))
            })
        })
    });
    let strict = strict.await?;
    let stranger = strict.browser()?;
    let callback = strict.callback(&stranger, "/me").await?;
    pages.push(("refused here", stranger.get(callback.as_str()).await?));
    Ok(pages)
}

async fn every_refusal_has_words_of_its_own(setup: Setup) -> Result<(), Failure> {
    let world = setup.clone().start().await?;
    let pages = refusals(&world, setup).await?;
    let mut headings = BTreeSet::new();
    for (what, page) in &pages {
        assert!((400..600).contains(&page.status), "{what}: {page}");
        assert!(
            headings.insert(heading(page)),
            "{what} says what another says: {page}"
        );
        assert!(
            page.body.contains("<a ") || page.body.contains("<form"),
            "{what} leads nowhere: {page}"
        );
        for cause in [
            "fines",
            "took it down",
            "token_type",
            "access_denied",
            "127.0.0.1:",
        ] {
            let text = page.body.replace(&world.site, "");
            assert!(!text.contains(cause), "{what} tells the cause: {page}");
        }
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store", "{what}");
    }
    let text = |wanted: &str| {
        let page = pages.iter().find(|(what, _)| *what == wanted);
        page.map_or("", |(_, page)| between(&page.body, "<main>", "</main>"))
    };
    assert!(
        text("declined").contains("cancelled"),
        "{}",
        text("declined")
    );
    assert!(
        !text("forbidden").contains("cancelled"),
        "{}",
        text("forbidden")
    );
    assert!(
        text("forbidden").contains("permission"),
        "{}",
        text("forbidden")
    );
    assert!(text("expired").contains("too long"), "{}", text("expired"));
    Ok(())
}

async fn colours_can_be_told_apart_in_light_and_in_the_dark(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let ours = browser.get("/callback").await?;
    world.provider.auto_sign_in(None);
    let start = browser.get("/me").await?.leads_to()?;
    let picker = browser.get(start.as_str()).await?;
    assert!(picker.body.contains("Who is signing in?"), "{picker}");
    for (page, ground) in [(&ours, "ground"), (&picker, "card")] {
        let style = between(&page.body, "<style>", "</style>");
        for scheme in colours::schemes(style)? {
            // WCAG 2.2 §1.4.3 and §1.4.11.
            for (upon, what, ratio) in [
                (ground, "text", 4.5),
                (ground, "soft", 4.5),
                (ground, "accent", 4.5),
                ("accent", "on-accent", 4.5),
                (ground, "ring", 3.0),
            ] {
                let found = scheme.contrast(what, upon)?;
                assert!(
                    found >= ratio,
                    "{what} on {upon} is {found}:1 in {scheme:?}"
                );
            }
        }
        assert!(style.contains(":focus-visible"), "{style}");
        assert!(style.contains("outline: 3px solid var(--ring)"), "{style}");
    }
    Ok(())
}
