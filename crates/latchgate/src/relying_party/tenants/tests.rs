use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::advance;

use super::*;
use crate::client::tenant_registration_id;
use crate::hook::HookError;
use crate::io::scripted::{CountingRandom, PassingClock, ScriptedHttp};
use crate::provider::Issuer;

/// An application with tenants `acme` and `t…`, whose database can be slow, broken, or changed.
struct Application {
    asked: AtomicUsize,
    /// Permits let look-ups go on.
    gate: Semaphore,
    state: Mutex<Database>,
}

#[derive(Clone, Copy, Default)]
struct Database {
    slow: bool,
    broken: bool,
    moved: bool,
    gone: bool,
}

impl Application {
    fn set(&self, change: impl FnOnce(&mut Database)) {
        change(&mut self.state.lock().unwrap());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn find(&self, name: &str) -> Result<Option<TenantProvider>, HookError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let state = *self.state.lock().unwrap();
        if state.slow {
            self.gate.acquire().await.unwrap().forget();
        }
        if state.broken {
            return Err(HookError::Failed("the database is down".into()));
        }
        if state.gone || !name.starts_with(['a', 't']) {
            return Ok(None);
        }
        let host = if state.moved { "new" } else { "op" };
        let issuer = Issuer::parse(&format!("https://{host}.example")).unwrap();
        let registration = Registration {
            id: tenant_registration_id(name, &issuer, "my-app"),
            name: name.to_owned(),
            issuer,
            ..Registration::example()
        };
        let http = Arc::new(ScriptedHttp::default());
        Ok(Some((registration, LoginOptions::new(), http)))
    }
}

fn tenants(capacity: usize) -> (Arc<TenantParties>, Arc<Application>) {
    let application = Arc::new(Application {
        asked: AtomicUsize::new(0),
        gate: Semaphore::new(0),
        state: Mutex::default(),
    });
    let asked = Arc::clone(&application);
    let resolver = Hook::tenant(move |name: String| {
        let application = Arc::clone(&asked);
        async move { application.find(&name).await }
    });
    let tenants = TenantParties::new(TenantConfig {
        resolver,
        capacity,
        max_age: 300,
        by_email_domain: false,
        leeway: 0,
        background: Arc::new(Background::new(Some(tokio::runtime::Handle::current()))),
        clock: Arc::new(PassingClock::from(1_000)),
        random: Arc::new(CountingRandom::default()),
    });
    (Arc::new(tenants), application)
}

impl TenantParties {
    /// The id of the registration that is found; `-` for none, else the code of the error.
    async fn id_of(self: &Arc<Self>, name: &str, asker: Asker) -> String {
        match self.find(name, asker).await {
            Ok(Some(party)) => party.registration().id.clone(),
            Ok(None) => "-".to_owned(),
            Err(error) => error.code().to_owned(),
        }
    }
}

const ACME: &str = "acme/3NP96XrEfC4r2TxmUyV0hg";

#[tokio::test(start_paused = true)]
async fn an_answer_is_asked_for_once_and_kept_for_a_while() {
    let (tenants, application) = tenants(100);
    let mut visitors = JoinSet::new();
    for _ in 0..20 {
        let tenants = Arc::clone(&tenants);
        visitors.spawn(async move { tenants.id_of("acme", Asker::Stranger).await });
    }
    assert_eq!(visitors.join_all().await, [ACME; 20]);
    assert_eq!(application.asked(), 1);
    assert!(tenants.good("acme").is_some());
    advance(Duration::from_secs(299)).await;
    assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
    assert_eq!(application.asked(), 1);
    advance(Duration::from_secs(1)).await;
    assert!(tenants.good("acme").is_none() && tenants.last("acme").is_some());
    assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
    assert_eq!(application.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn whoever_hangs_up_interrupts_nothing() {
    let (tenants, application) = tenants(100);
    application.set(|state| state.slow = true);
    for _ in 0..50 {
        let hangs_up = tenants.find("acme", Asker::Stranger);
        assert!(timeout(Duration::from_millis(1), hangs_up).await.is_err());
    }
    application.gate.add_permits(1);
    assert_eq!(tenants.id_of("acme", Asker::Stranger).await, ACME);
    assert_eq!(application.asked(), 1);
    // Nor is a name that does not exist asked about once more.
    let hangs_up = tenants.find("nobody", Asker::Stranger);
    assert!(timeout(Duration::from_millis(1), hangs_up).await.is_err());
    application.gate.add_permits(1);
    assert_eq!(tenants.id_of("nobody", Asker::Stranger).await, "-");
    assert_eq!(application.asked(), 2);
    // A function that hangs is given up.
    assert_eq!(
        tenants.id_of("t1", Asker::Stranger).await,
        "tenant_unavailable"
    );
}

#[tokio::test(start_paused = true)]
async fn that_there_is_no_such_tenant_is_remembered_briefly() {
    let (tenants, application) = tenants(100);
    for _ in 0..3 {
        assert_eq!(tenants.id_of("nobody", Asker::Stranger).await, "-");
    }
    assert_eq!(application.asked(), 1);
    advance(Duration::from_secs(UNKNOWN)).await;
    assert_eq!(tenants.id_of("nobody", Asker::Session).await, "-");
    assert_eq!(application.asked(), 2);
    // What cannot be a name is not even asked about.
    for name in ["", "ACME", "acme/../x", "a b"] {
        assert_eq!(tenants.id_of(name, Asker::Stranger).await, "-", "{name}");
    }
    assert_eq!(application.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn strangers_with_invented_names_neither_fill_memory_nor_keep_the_application_busy() {
    let (tenants, application) = tenants(100);
    assert_eq!(tenants.id_of("acme", Asker::Stranger).await, ACME);
    let burst = usize::try_from(Budget::BURST).unwrap();
    for number in 0..20_000 {
        let found = tenants.id_of(&format!("x{number}"), Asker::Stranger).await;
        let expected = if number < burst {
            "-"
        } else {
            "tenant_unavailable"
        };
        assert_eq!(found, expected, "{number}");
    }
    assert_eq!(application.asked(), 1 + burst);
    assert!(tenants.unanswered.len() <= burst && tenants.known.len() == 1);
    // Who is known stays so, whoever asks; a session's tenant is found; that of a stranger has to wait.
    advance(Duration::from_secs(0)).await;
    assert_eq!(tenants.id_of("acme", Asker::Stranger).await, ACME);
    assert!(tenants.id_of("t1", Asker::Session).await.starts_with("t1/"));
    assert_eq!(
        tenants.id_of("t2", Asker::Stranger).await,
        "tenant_unavailable"
    );
    advance(Duration::from_secs(1)).await;
    assert!(
        tenants
            .id_of("t2", Asker::Stranger)
            .await
            .starts_with("t2/")
    );
    // Names that exist use nothing up.
    for number in 3..500 {
        let name = format!("t{number}");
        let found = tenants.id_of(&name, Asker::Stranger).await;
        assert!(found.starts_with(&name), "{name}: {found}");
    }
    assert_eq!(tenants.known.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn tenants_for_whom_there_is_room_are_asked_about_once() {
    let (tenants, application) = tenants(100);
    for _ in 0..3 {
        for number in 0..100 {
            let name = format!("t{number}");
            let found = tenants.id_of(&name, Asker::Session).await;
            assert!(found.starts_with(&name), "{name}: {found}");
        }
    }
    assert_eq!(application.asked(), 100);
}

#[tokio::test(start_paused = true)]
async fn invented_names_are_remembered_up_to_a_number() {
    let (tenants, _) = tenants(100);
    for number in 0..UNKNOWN_NAMES + 2_000 {
        tenants.budget().give_back();
        let found = tenants.id_of(&format!("x{number}"), Asker::Stranger).await;
        assert_eq!(found, "-", "{number}");
    }
    assert!(tenants.unanswered.len() <= UNKNOWN_NAMES);
    assert!(tenants.under_way().answers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_broken_database_is_asked_again_after_a_pause_and_what_was_known_is_used_on() {
    let (tenants, application) = tenants(100);
    assert_eq!(tenants.id_of("acme", Asker::Stranger).await, ACME);
    application.set(|state| state.broken = true);
    for _ in 0..3 {
        assert_eq!(
            tenants.id_of("t1", Asker::Session).await,
            "tenant_unavailable"
        );
    }
    assert_eq!(application.asked(), 2);
    advance(Duration::from_secs(300)).await;
    for _ in 0..3 {
        assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
    }
    assert_eq!(application.asked(), 3);
    advance(Duration::from_secs(PAUSE)).await;
    assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
    assert_eq!(application.asked(), 4);
    advance(Duration::from_secs(STALE)).await;
    assert_eq!(
        tenants.id_of("acme", Asker::Session).await,
        "tenant_unavailable"
    );
    advance(Duration::from_secs(PAUSE)).await;
    application.set(|state| state.broken = false);
    assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_gone_is_not_used_on() {
    let (tenants, application) = tenants(100);
    assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
    application.set(|state| state.gone = true);
    advance(Duration::from_secs(300)).await;
    assert_eq!(tenants.id_of("acme", Asker::Session).await, "-");
    assert!(tenants.last("acme").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_tenant_is_asked_about_again() {
    let (tenants, application) = tenants(100);
    assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
    application.set(|state| state.moved = true);
    assert_eq!(tenants.id_of("acme", Asker::Session).await, ACME);
    tenants.forget("acme");
    assert!(tenants.last("acme").is_none());
    let moved = tenants.id_of("acme", Asker::Session).await;
    assert_ne!(moved, ACME);
    // So is one that did not exist.
    assert_eq!(tenants.id_of("nobody", Asker::Stranger).await, "-");
    tenants.forget("nobody");
    let asked = application.asked();
    assert_eq!(tenants.id_of("nobody", Asker::Stranger).await, "-");
    assert_eq!(application.asked(), asked + 1);

    // An answer that was on its way when the tenant was forgotten is that of the old settings.
    tenants.forget("acme");
    application.set(|state| {
        *state = Database {
            slow: true,
            ..Database::default()
        }
    });
    let early = {
        let tenants = Arc::clone(&tenants);
        tokio::spawn(async move { tenants.id_of("acme", Asker::Session).await })
    };
    while application.asked() == asked + 1 {
        tokio::task::yield_now().await;
    }
    application.set(|state| {
        *state = Database {
            moved: true,
            ..Database::default()
        }
    });
    tenants.forget("acme");
    assert_eq!(tenants.id_of("acme", Asker::Session).await, moved);
    application.gate.add_permits(1);
    assert_eq!(early.await.unwrap(), ACME);
    assert_eq!(tenants.id_of("acme", Asker::Session).await, moved);
}

#[tokio::test(start_paused = true)]
async fn the_connection_to_a_provider_outlasts_an_answer() {
    let (tenants, application) = tenants(100);
    let first = tenants.find("acme", Asker::Session).await.unwrap().unwrap();
    advance(Duration::from_secs(300)).await;
    let second = tenants.find("acme", Asker::Session).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(first.connection(), second.connection()));
    application.set(|state| state.moved = true);
    advance(Duration::from_secs(300)).await;
    let moved = tenants.find("acme", Asker::Session).await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(first.connection(), moved.connection()));
}

/// Its provider may be slow, on purpose.
#[tokio::test(start_paused = true)]
async fn a_tenant_has_a_part_of_the_places_for_logins() {
    let (tenants, _) = tenants(100);
    let find = async |name: &str| tenants.find(name, Asker::Session).await.unwrap().unwrap();
    let acme = find("acme").await;
    let mut places = Vec::new();
    for _ in 0..64 {
        places.push(acme.place_for_login().now_or_never().unwrap());
    }
    assert!(acme.place_for_login().now_or_never().is_none());
    assert!(find("t1").await.place_for_login().now_or_never().is_some());
    // Nor does the next answer of the application bring further ones, even of another provider.
    advance(Duration::from_secs(300)).await;
    let again = find("acme").await;
    assert!(!Arc::ptr_eq(&acme, &again));
    assert!(again.place_for_login().now_or_never().is_none());
    places.pop();
    assert!(again.place_for_login().now_or_never().is_some());
}
