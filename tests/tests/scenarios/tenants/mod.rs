//! A service whose customers bring their own providers: `acme` and `beta` are clients of one provider, where Alice signs in,
//! and `other` has another, where Bob does.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use latchgate::{Provider, Tenants};
use latchgate_dev_provider::{Client, DevProvider};
use latchgate_tests::{Browser, Failure, Setup, World, scenarios};

use super::several_providers::guests;

mod logout;
mod lookups;
mod outages;
mod pages;
mod reach;
mod registrations;

scenarios!(
    a_name_that_no_tenant_has_is_not_found,
    a_database_that_is_down_is_not_the_visitors_fault,
    an_address_leads_to_the_tenant_of_its_domain,
    an_answer_counts_where_the_login_began;
    in either keeping:
    each_tenant_signs_people_in_at_its_own_provider,
    providers_of_the_gates_own_stand_beside,
);

const BETA_SECRET: &str = "the secret of beta's client";

/// The application's database of tenants.
#[derive(Clone, Default)]
struct Directory(Arc<Tables>);

#[derive(Default)]
struct Tables {
    tenants: Mutex<HashMap<String, Provider>>,
    asked: Mutex<Vec<String>>,
    down: AtomicBool,
}

impl Directory {
    /// Adds a tenant, or gives one another provider.
    fn set(&self, name: &str, provider: Provider) {
        let tenants = self.0.tenants.lock();
        let mut tenants = tenants.unwrap_or_else(PoisonError::into_inner);
        tenants.insert(name.to_owned(), provider);
    }

    fn remove(&self, name: &str) {
        let tenants = self.0.tenants.lock();
        let mut tenants = tenants.unwrap_or_else(PoisonError::into_inner);
        tenants.remove(name);
    }

    fn is_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// The names that it was asked for since it was last asked this.
    fn asked(&self) -> Vec<String> {
        let asked = self.0.asked.lock();
        std::mem::take(&mut *asked.unwrap_or_else(PoisonError::into_inner))
    }

    async fn find(&self, name: String) -> io::Result<Option<Provider>> {
        if self.0.down.load(Ordering::SeqCst) {
            return Err(io::Error::other("the database is down"));
        }
        let tenants = self.0.tenants.lock();
        let found = tenants
            .unwrap_or_else(PoisonError::into_inner)
            .get(&name)
            .cloned();
        let asked = self.0.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).push(name);
        Ok(found)
    }

    /// These tenants, whose providers may be on this machine.
    fn tenants(&self) -> Tenants {
        self.tenants_anywhere().dangerous_loopback_for_development()
    }

    fn tenants_anywhere(&self) -> Tenants {
        let directory = self.clone();
        Tenants::new(move |name| {
            let directory = directory.clone();
            async move { directory.find(name).await }
        })
    }
}

/// A world without a provider of the gate's own.
struct Service {
    world: World,
    directory: Directory,
    other: DevProvider,
}

async fn service(setup: Setup) -> Result<Service, Failure> {
    service_with(setup, |tenants| tenants).await
}

async fn service_with(
    setup: Setup,
    alter: impl Fn(Tenants) -> Tenants + Send + Sync + 'static,
) -> Result<Service, Failure> {
    let directory = Directory::default();
    let found = directory.clone();
    start(setup.for_tenants(move || alter(found.tenants())), directory).await
}

async fn start(setup: Setup, directory: Directory) -> Result<Service, Failure> {
    let (other, time) = guests(|other| other).await?;
    let world = setup
        .provider(|provider| provider.client(Client::confidential("beta", BETA_SECRET)))
        .start()
        .await?;
    let _ = time.set(world.clock.clone());
    directory.set("acme", registered(&world.provider));
    directory.set("other", registered(&other));
    let beta = Provider::new(world.provider.issuer(), "beta").client_secret(BETA_SECRET);
    directory.set("beta", beta);
    Ok(Service {
        world,
        directory,
        other,
    })
}

/// The registration of the default client.
fn registered(provider: &DevProvider) -> Provider {
    Provider::new(provider.issuer(), provider.client_id())
        .client_secret(provider.client_secret())
        .scopes(["openid", "profile", "email", "offline_access"])
}

impl Service {
    async fn signed_in(&self, tenant: &str) -> Result<Browser, Failure> {
        let mut browser = self.world.browser()?;
        let page = browser
            .open(&format!("/login/{tenant}?return_to=/tenant"))
            .await?;
        assert_eq!((page.status, page.url.path()), (200, "/tenant"), "{page}");
        Ok(browser)
    }
}

/// Whose page of which tenant this browser sees; `-` for nobody.
async fn tenant(browser: &Browser) -> Result<String, Failure> {
    let page = browser.get("/tenant").await?;
    assert_eq!(page.status, 200, "{page}");
    Ok(page.body)
}

async fn each_tenant_signs_people_in_at_its_own_provider(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let world = &service.world;
    for (name, issuer, client, who) in [
        (
            "acme",
            world.provider.issuer(),
            world.provider.client_id(),
            "acme alice",
        ),
        ("beta", world.provider.issuer(), "beta", "beta alice"),
        (
            "other",
            service.other.issuer(),
            service.other.client_id(),
            "other bob",
        ),
    ] {
        let browser = world.browser()?;
        let path = format!("/login/{name}?return_to=/me");
        let start = browser.get(&path).await?.leads_to()?;
        assert!(start.as_str().starts_with(issuer), "{start}");
        let sent: HashMap<_, _> = start.query_pairs().into_owned().collect();
        let uris = world.gate.tenant_uris(name);
        assert_eq!(sent["redirect_uri"], uris.redirect_uri);
        assert_eq!(uris.redirect_uri, format!("{}/callback/{name}", world.site));
        assert_eq!(sent["client_id"], client);
        let answer = browser.get(start.as_str()).await?.leads_to()?;
        let page = browser.get(answer.as_str()).await?;
        assert_eq!(page.location.as_deref(), Some("/me"), "{page}");
        assert_eq!(tenant(&browser).await?, who);
    }
    // Nobody's database is asked more often than needed.
    assert_eq!(service.directory.asked(), ["acme", "beta", "other"]);
    // Who has to sign in is not led anywhere, since nobody has said where.
    let page = world.browser()?.open("/me").await?;
    assert_eq!((page.status, page.url.path()), (200, "/login"), "{page}");
    assert!(
        page.body.contains("sign-in link of your organization"),
        "{page}"
    );
    world.gate.warm_up().await?;
    Ok(())
}

async fn a_name_that_no_tenant_has_is_not_found(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let browser = service.world.browser()?;
    for path in ["/login/nobody", "/login/nobody?return_to=/me", "/login/a.b"] {
        let page = browser.get(path).await?;
        assert_eq!(
            (page.status, page.code().as_str()),
            (404, "tenant_unknown"),
            "{page}"
        );
        assert!(page.set_cookies().is_empty(), "{page}");
    }
    assert_eq!(service.directory.asked(), ["nobody", "a.b"]);
    // These are paths of the application, which has none there.
    for path in [
        "/login/ACME",
        "/login/acme/",
        "/login/-a",
        "/login/a%62",
        "/callback/A",
    ] {
        let page = browser.get(path).await?;
        assert_eq!(page.status, 404, "{page}");
        assert!(!page.body.contains("tenant_unknown"), "{page}");
    }
    // An answer without a login is nobody's, and asks about no name.
    let page = browser.get("/callback/nobody?code=x&state=y").await?;
    assert_eq!(page.code(), "no_login_under_way", "{page}");
    assert!(service.directory.asked().is_empty());
    Ok(())
}

async fn a_database_that_is_down_is_not_the_visitors_fault(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    service.directory.is_down(true);
    let browser = service.world.browser()?;
    let page = browser.get("/login/acme?return_to=/me").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "tenant_unavailable"),
        "{page}"
    );
    assert!(
        page.body.contains("href=\"/login/acme?return_to=%2Fme\""),
        "{page}"
    );
    assert!(!page.body.contains("database"), "{page}");
    service.directory.is_down(false);
    service.world.clock.pass(5);
    service.signed_in("acme").await?;
    // A registration that cannot be used is the application's mistake, and not told to visitors either.
    let broken = Provider::new(service.world.provider.issuer(), "");
    service.directory.set("broken", broken);
    let page = browser.get("/login/broken").await?;
    assert_eq!(
        (page.status, page.code().as_str()),
        (503, "tenant_unavailable"),
        "{page}"
    );
    Ok(())
}

async fn an_address_leads_to_the_tenant_of_its_domain(setup: Setup) -> Result<(), Failure> {
    let service = service_with(setup, Tenants::by_email_domain).await?;
    let world = &service.world;
    service
        .directory
        .set("corp.example", registered(&world.provider));
    let mut browser = world.browser()?;
    let page = browser.open("/me").await?;
    assert!(page.body.contains("Enter your e-mail address"), "{page}");
    let start = browser.get("/login?return_to=/tenant&login_hint=alice@CORP.example");
    let start = start.await?.leads_to()?;
    let sent: HashMap<_, _> = start.query_pairs().into_owned().collect();
    assert_eq!(sent["login_hint"], "alice@CORP.example");
    assert!(
        sent["redirect_uri"].ends_with("/callback/corp.example"),
        "{start}"
    );
    for address in [
        "bob@nobody.example",
        "bob@sub.corp.example",
        "corp.example",
        "@",
        "",
    ] {
        let page = browser.get(&format!("/login?login_hint={address}")).await?;
        assert_eq!(page.status, 200, "{address}: {page}");
        assert!(
            page.body
                .contains("No login service is set up for that address."),
            "{page}"
        );
    }
    // The address of one tenant is told to no other.
    let start = browser.get("/login/acme?login_hint=alice@corp.example");
    let start = start.await?.leads_to()?;
    assert!(
        start
            .query()
            .is_some_and(|query| !query.contains("login_hint")),
        "{start}"
    );
    Ok(())
}

async fn an_answer_counts_where_the_login_began(setup: Setup) -> Result<(), Failure> {
    let service = service(setup).await?;
    let world = &service.world;
    for (began, arrives) in [("acme", "beta"), ("other", "acme"), ("acme", "nobody")] {
        let browser = world.browser()?;
        let mut answer = world.callback(&browser, &format!("/login/{began}")).await?;
        answer.set_path(&format!("/callback/{arrives}"));
        let page = browser.get(answer.as_str()).await?;
        assert_eq!(page.code(), "other_provider", "{page}");
        assert_eq!(tenant(&browser).await?, "-");
    }
    // An answer to one login does not fit another, of whichever tenant.
    let browser = world.browser()?;
    let of_acme = world.callback(&browser, "/login/acme").await?;
    let of_beta = world.callback(&browser, "/login/beta").await?;
    let value = |url: &url::Url, wanted: &str| {
        let pair = url.query_pairs().find(|(name, _)| name == wanted);
        pair.map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let mut mixed = of_acme.clone();
    let pairs = [
        ("code", value(&of_beta, "code")),
        ("state", value(&of_acme, "state")),
        ("iss", value(&of_acme, "iss")),
    ];
    mixed.query_pairs_mut().clear().extend_pairs(pairs);
    let page = browser.get(mixed.as_str()).await?;
    assert_eq!(page.code(), "token_request_refused", "{page}");
    assert_eq!(tenant(&browser).await?, "-");
    Ok(())
}

async fn providers_of_the_gates_own_stand_beside(setup: Setup) -> Result<(), Failure> {
    let directory = Directory::default();
    let found = directory.clone();
    let setup = setup
        .registration(|staff| staff.name("staff").label("Our own people"))
        .gate(move |gate| gate.tenants(found.tenants()));
    let service = start(setup, directory).await?;
    let world = &service.world;
    let page = world.browser()?.open("/me").await?;
    assert!(page.body.contains("Continue with Our own people"), "{page}");
    let staff = service.signed_in("staff").await?;
    assert_eq!(tenant(&staff).await?, "- alice");
    // Its name is no tenant's.
    service.directory.set("staff", registered(&service.other));
    service.signed_in("staff").await?;
    let acme = service.signed_in("acme").await?;
    assert_eq!(tenant(&acme).await?, "acme alice");
    assert_eq!(service.directory.asked(), ["acme"]);
    Ok(())
}
