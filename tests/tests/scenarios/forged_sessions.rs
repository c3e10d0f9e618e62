//! Session cookies that nobody was given: altered, moved, made up.

use latchgate_tests::{Browser, Failure, Page, Setup, World, scenarios};

scenarios!(
    ;
    in either keeping:
    altered_session_cookies_sign_nobody_in_and_are_removed,
    a_login_cookie_is_no_session_and_a_session_no_login,
    hostile_cookie_headers_are_survived,
    a_second_session_beside_the_own_one_never_wins,
    a_login_cookie_planted_beside_the_genuine_one_does_no_harm,
    a_session_of_another_site_signs_nobody_in,
);

/// The next character of the base64url alphabet, so that bits change but the form does not.
fn turned(character: char) -> char {
    match character {
        'A'..='Y' | 'a'..='y' | '0'..='8' => {
            char::from_u32(u32::from(character) + 1).unwrap_or('A')
        }
        _ => 'A',
    }
}

async fn refused(world: &World, value: &str, what: &str) -> Result<(), Failure> {
    let name = world.session_cookie();
    let browser = world.browser()?;
    browser.plant(name, value)?;
    let public = browser.get("/public").await?;
    assert!(public.status == 200 && public.set_cookies().is_empty());
    let page = browser.get("/").await?;
    assert_eq!(page.body, "anonymous", "{what}: {value}");
    assert!(
        gone(world, &page, value),
        "{what}: {:?}",
        page.set_cookies()
    );
    browser.plant(name, value)?;
    let page = browser.fetch("GET", "/me").await?;
    assert_eq!(page.status, 401, "{what}: {page}");
    assert!(
        gone(world, &page, value),
        "{what}: {:?}",
        page.set_cookies()
    );
    Ok(())
}

/// Whether the cookie was removed, or is a ticket, which may stay.
fn gone(world: &World, page: &Page, value: &str) -> bool {
    page.clears(world.session_cookie()) || (value.len() == 43 && world.gives_up(page))
}

async fn altered_session_cookies_sign_nobody_in_and_are_removed(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.signed_in().await?;
    let genuine = browser.cookie(world.session_cookie()).ok_or("no session")?;
    let end = genuine.len();
    for at in (0..end).step_by(end / 16 + 1).chain([end - 2, end - 1]) {
        let mut flipped: Vec<char> = genuine.chars().collect();
        flipped[at] = turned(flipped[at]);
        let flipped: String = flipped.into_iter().collect();
        refused(&world, &flipped, "one character turned").await?;
        refused(&world, &genuine[..at], "truncated").await?;
        let (front, back) = genuine.split_at(at.max(1));
        refused(&world, &format!("{back}{front}"), "rotated").await?;
    }
    for made_up in [
        String::new(),
        "x".to_owned(),
        "true".to_owned(),
        "null".to_owned(),
        "{\"sub\":\"alice\"}".to_owned(),
        "A".repeat(32),
        "A".repeat(43),
        "A".repeat(3_800),
        format!("{genuine}A"),
        format!("{genuine}="),
        format!("{genuine}.{genuine}"),
        format!("2.{genuine}"),
        format!("0.{genuine}"),
        format!("99999999.{genuine}"),
        format!("-1.{genuine}"),
        format!("\"{genuine}\""),
        genuine.to_lowercase(),
        genuine.chars().rev().collect(),
    ] {
        refused(&world, &made_up, "made up").await?;
    }
    assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
    Ok(())
}

async fn a_login_cookie_is_no_session_and_a_session_no_login(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let browser = world.browser()?;
    let callback = world.callback(&browser, "/me").await?;
    let login = browser.names(world.login_cookies()).concat();
    let pending = browser.cookie(&login).ok_or("no login cookie")?;
    refused(&world, &pending, "a login cookie").await?;

    let session = world.signed_in().await?.cookie(world.session_cookie());
    let session = session.ok_or("no session")?;
    browser.plant(&login, &session)?;
    let page = browser.get(callback.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "no_login_under_way")
    );

    // A login cookie under another login's name does not open either.
    let other = world.callback(&browser, "/me").await?;
    let name = browser.names(world.login_cookies()).concat();
    browser.plant(&name, &pending)?;
    let page = browser.get(other.as_str()).await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (400, "no_login_under_way")
    );
    Ok(())
}

async fn hostile_cookie_headers_are_survived(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let name = world.session_cookie();
    let many = |make: &dyn Fn(usize) -> String| (0..200).map(make).collect::<Vec<_>>().join("; ");
    let headers: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b";;=;= ;=x;;".to_vec(),
        name.as_bytes().to_vec(),
        format!("{name}=").into_bytes(),
        format!("{name};{name}=;{name}==; {name}.=x; {name}.1; {name}.0=x").into_bytes(),
        format!(
            "{name}.-1=x; {name}.007=x; {name}.99999999=x; {name}.1e3=x; {name}.63=x; {name}.64=x"
        )
        .into_bytes(),
        format!("{name}=4.x; {name}.2=y; {name}.1=z").into_bytes(),
        format!("{name}=64.x").into_bytes(),
        format!("{name}=99999999.x").into_bytes(),
        [
            format!("{name}=").as_bytes(),
            &[0x80, 0xff, 0xfe, b'%', b'0', b'0'],
        ]
        .concat(),
        [b"\xff\xfe=\xff; ".as_slice(), name.as_bytes(), b"\xff=x"].concat(),
        many(&|index| format!("{name}.{index}=x")).into_bytes(),
        many(&|_| format!("{name}=AAAA")).into_bytes(),
        many(&|index| format!("{name}-login.{index}=x")).into_bytes(),
        format!("{name}={}", "A".repeat(20_000)).into_bytes(),
        format!("{}={name}", "A".repeat(9_000)).into_bytes(),
    ];
    let browser = world.browser()?;
    for header in headers {
        for path in [
            "/",
            "/me",
            "/token",
            "/login",
            "/callback?state=x",
            "/logout",
            "/?state=x",
        ] {
            let request = browser.request("GET", path).header("cookie", &header);
            let page = request.send().await?;
            let shown = String::from_utf8_lossy(&header);
            assert!(page.status < 500, "{path} {shown}: {page}");
            assert!(path != "/" || page.body == "anonymous", "{shown}: {page}");
        }
    }
    Ok(())
}

async fn a_second_session_beside_the_own_one_never_wins(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let name = world.session_cookie();
    let value = |browser: &Browser| browser.cookie(name).ok_or("no session");
    let alice = value(&world.signed_in().await?)?;
    world.provider.auto_sign_in(Some("bob"));
    let bob = value(&world.signed_in().await?)?;
    let browser = world.browser()?;
    for header in [
        format!("{name}={bob}; {name}={alice}"),
        format!("{name}={alice}; {name}={bob}"),
    ] {
        let page = browser
            .request("GET", "/")
            .header("cookie", header)
            .send()
            .await?;
        assert_eq!(page.body, "anonymous", "one of two was believed");
        assert!(page.clears(name));
    }
    Ok(())
}

async fn a_session_of_another_site_signs_nobody_in(setup: Setup) -> Result<(), Failure> {
    let world = setup.start().await?;
    let other = world
        .neighbour(|setup| setup.site("http://localhost:9"))
        .await?;
    let session = world.signed_in().await?.cookie(world.session_cookie());
    // Same keys, same store, other site.
    refused(&other, &session.ok_or("no session")?, "of another site").await
}

async fn a_login_cookie_planted_beside_the_genuine_one_does_no_harm(
    setup: Setup,
) -> Result<(), Failure> {
    let world = setup.start().await?;
    let attacker = world.browser()?;
    world.callback(&attacker, "/me").await?;
    let foreign = attacker.cookie(&attacker.names(world.login_cookies()).concat());
    let foreign = foreign.ok_or("no login cookie")?;
    for planted in ["garbage", "", &foreign] {
        for first in [true, false] {
            let browser = world.browser()?;
            let callback = world.callback(&browser, "/me").await?;
            let name = browser.names(world.login_cookies()).concat();
            let genuine = browser.cookie(&name).ok_or("no login cookie")?;
            let (one, two) = if first {
                (planted, genuine.as_str())
            } else {
                (genuine.as_str(), planted)
            };
            let header = format!("{name}={one}; {name}={two}");
            let request = browser
                .request("GET", callback.as_str())
                .header("cookie", header);
            let page = request.send().await?;
            assert_eq!(
                page.location.as_deref(),
                Some("/me"),
                "{planted} first: {first}: {page}"
            );
            assert_eq!(world.whoami(&browser).await?.as_deref(), Some("alice"));
        }
    }
    Ok(())
}
