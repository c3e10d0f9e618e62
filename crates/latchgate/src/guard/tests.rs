//! Whom guards admit, and in which order their conditions are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::session::DataError;

fn person(claims: &Value) -> User {
    User::example(claims)
}

fn admin() -> User {
    person(&json!({
        "sub": "1",
        "roles": ["admin", "editor"],
        "permissions": ["read:invoices"],
        "auth_time": 1_000,
        "acr": "mfa",
        "amr": ["pwd", "otp"],
    }))
}

/// Whether the guard admits a person; a rule may not fail.
async fn checked(guard: &Guard, user: &User, now: u64) -> Result<(), Denial> {
    match guard.check(user, now).await {
        Ok(()) => Ok(()),
        Err(GuardError::Denied(denial)) => Err(denial),
        Err(error) => panic!("{error:?}"),
    }
}

async fn admin_by(guard: Guard) -> Result<(), Denial> {
    checked(&guard, &admin(), 1_000).await
}

fn step_up(acr: &[&str], amr: &[&str], max_age: Option<u64>) -> Denial {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Denial::StepUp(StepUp {
        acr: owned(acr),
        amr: owned(amr),
        max_age,
    })
}

/// A rule that counts how often it is asked.
fn counting(guard: Guard, asked: &Arc<AtomicUsize>, admits: bool) -> Guard {
    let asked = Arc::clone(asked);
    guard.when(move |_: User| {
        asked.fetch_add(1, Ordering::SeqCst);
        async move {
            match admits {
                true => Ok(()),
                false => Err(GuardRejection::forbidden("not today")),
            }
        }
    })
}

fn failing() -> Guard {
    Guard::signed_in().when(async |_: User| Err(GuardRejection::failed("the database is down")))
}

#[tokio::test]
async fn anybody_who_is_signed_in_meets_no_condition() {
    let nobody_special = person(&json!({ "sub": "1" }));
    let guard = Guard::signed_in();
    assert_eq!(checked(&guard, &nobody_special, 0).await, Ok(()));
}

#[tokio::test]
async fn every_role_is_required_to_the_letter() {
    let roles = |roles: &[&str]| {
        let guard = Guard::signed_in();
        let guard = roles.iter().fold(guard, |guard, role| guard.role(*role));
        admin_by(guard)
    };
    assert_eq!(roles(&["admin"]).await, Ok(()));
    assert_eq!(roles(&["editor", "admin"]).await, Ok(()));
    for missing in ["Admin", "admin ", "adm", "", "owner"] {
        let denied = Err(Denial::Role(missing.to_owned()));
        assert_eq!(roles(&["admin", missing]).await, denied, "{missing}");
    }
    let one_text = person(&json!({ "sub": "1", "roles": "admin editor" }));
    let role = async |name: &str| checked(&Guard::signed_in().role(name), &one_text, 0).await;
    assert_eq!(role("admin editor").await, Ok(()), "one text is one role");
    assert!(role("editor").await.is_err());
    let odd = person(&json!({ "sub": "1", "roles": { "admin": true } }));
    let guard = Guard::signed_in().role("admin");
    assert!(checked(&guard, &odd, 0).await.is_err());
}

#[tokio::test]
async fn every_permission_is_required_and_no_role_is_one() {
    let permission = |name: &str| admin_by(Guard::signed_in().permission(name));
    assert_eq!(permission("read:invoices").await, Ok(()));
    for missing in ["write:invoices", "read", "admin", ""] {
        let denied = Err(Denial::Permission(missing.to_owned()));
        assert_eq!(permission(missing).await, denied, "{missing}");
    }
}

#[tokio::test]
async fn every_scope_must_have_been_granted() {
    let scope = |scope: &str| admin_by(Guard::signed_in().scope(scope));
    assert_eq!(scope("openid").await, Ok(()));
    assert_eq!(scope("email").await, Ok(()));
    for missing in ["profile", "open", "openid email", ""] {
        let denied = Err(Denial::Scope(missing.to_owned()));
        assert_eq!(scope(missing).await, denied, "{missing}");
    }
}

#[tokio::test]
async fn authentication_is_recent_enough_and_known() {
    let guard = Guard::signed_in().max_age(Duration::from_secs(300));
    assert_eq!(checked(&guard, &admin(), 1_300).await, Ok(()));
    assert_eq!(checked(&guard, &admin(), 999).await, Ok(()));
    let denied = Err(step_up(&[], &[], Some(300)));
    assert_eq!(checked(&guard, &admin(), 1_301).await, denied);
    let unknown = person(&json!({ "sub": "1" }));
    assert_eq!(checked(&guard, &unknown, 1_000).await, denied);
    let at_once = Guard::signed_in().max_age(Duration::ZERO);
    assert_eq!(checked(&at_once, &admin(), 1_000).await, Ok(()));
    assert!(checked(&at_once, &admin(), 1_001).await.is_err());
}

#[tokio::test]
async fn one_acr_and_every_amr() {
    let guard = Guard::signed_in;
    assert_eq!(admin_by(guard().acr("phr").acr("mfa")).await, Ok(()));
    assert_eq!(admin_by(guard().amr("otp").amr("pwd")).await, Ok(()));
    let denied = Err(step_up(&["phr"], &[], None));
    assert_eq!(admin_by(guard().acr("phr")).await, denied);
    let denied = Err(step_up(&["mfa"], &["otp", "hwk"], Some(9)));
    let weak = guard()
        .acr("mfa")
        .amr("otp")
        .amr("hwk")
        .max_age(Duration::from_secs(9));
    assert_eq!(admin_by(weak).await, denied, "the whole requirement");
    for odd in [
        json!({ "sub": "1" }),
        json!({ "sub": "1", "acr": ["mfa"], "amr": "otp" }),
    ] {
        for guard in [guard().acr("mfa"), guard().amr("otp")] {
            assert!(checked(&guard, &person(&odd), 0).await.is_err(), "{odd}");
        }
    }
}

#[tokio::test]
async fn one_alternative_is_enough() {
    let role = |role: &str| Guard::signed_in().role(role);
    let any_of = |guards: Vec<Guard>| admin_by(Guard::signed_in().any_of(guards));
    assert_eq!(any_of(vec![role("x"), role("admin")]).await, Ok(()));
    let lacks = |role: &str| Denial::Role(role.to_owned());
    let denied = any_of(vec![role("x"), role("y")]).await.unwrap_err();
    assert_eq!(denied, Denial::NoneOf(vec![lacks("x"), lacks("y")]));
    assert_eq!(
        denied.to_string(),
        "none of the alternatives is met: the role `x` is required; the role `y` is required"
    );
    assert!(denied.is_about_a_role());
    assert_eq!(any_of(vec![]).await, Err(Denial::NoneOf(vec![])));
    let nested = role("admin").any_of([role("x"), role("editor")]);
    assert_eq!(any_of(vec![role("x"), nested]).await, Ok(()));
    let both = Guard::signed_in()
        .any_of([role("admin")])
        .any_of([role("x")]);
    assert!(admin_by(both).await.is_err(), "each list counts");
}

#[tokio::test]
async fn an_alternative_that_lacks_the_authentication_only_leads_to_a_step_up() {
    let strong = |acr: &str| Guard::signed_in().acr(acr);
    let other = Guard::signed_in().role("x");
    let guard = Guard::signed_in().any_of([other, strong("a"), strong("b")]);
    let denied = Err(step_up(&["a"], &[], None));
    assert_eq!(admin_by(guard.clone()).await, denied);
    // Everything at once, or a second step-up would have to follow.
    let guard = guard.amr("hwk").any_of([strong("a").amr("pin")]);
    let denied = Err(step_up(&["a"], &["hwk", "pin"], None));
    assert_eq!(admin_by(guard).await, denied);
}

#[tokio::test]
async fn a_rule_of_the_application_decides() {
    let asked = Arc::default();
    let admits = counting(Guard::signed_in(), &asked, true);
    assert_eq!(admin_by(admits).await, Ok(()));
    let denies = counting(Guard::signed_in(), &asked, false);
    let denied = Err(Denial::Rule("not today".to_owned()));
    assert_eq!(admin_by(denies).await, denied);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    let person = Guard::signed_in().when(async |user: User| match user.subject() {
        "1" => Ok(()),
        _ => Err(GuardRejection::forbidden("somebody else")),
    });
    assert_eq!(admin_by(person).await, Ok(()));
}

#[tokio::test]
async fn a_rule_that_cannot_decide_is_no_denial() {
    let panics = Guard::signed_in().when(async |_: User| panic!("a bug"));
    for guard in [failing(), panics, Guard::signed_in().any_of([failing()])] {
        let error = guard.check(&admin(), 1_000).await.unwrap_err();
        assert!(matches!(error, GuardError::Failed(_)), "{error:?}");
    }
    let by_query = Guard::signed_in().when(async |_: User| {
        "no number".parse::<u8>()?;
        Ok(())
    });
    let error = by_query.check(&admin(), 1_000).await.unwrap_err();
    let chain = format!("{error:?}");
    assert!(chain.ends_with("invalid digit found in string"), "{chain}");
    let another_way = Guard::signed_in().any_of([failing(), Guard::signed_in().role("admin")]);
    assert_eq!(admin_by(another_way).await, Ok(()));
    let no_other = Guard::signed_in().any_of([failing(), Guard::signed_in().acr("x")]);
    let error = no_other.check(&admin(), 1_000).await.unwrap_err();
    assert!(matches!(error, GuardError::Failed(_)), "{error:?}");
}

#[tokio::test]
async fn a_rule_about_data_needs_data() {
    let guard = Guard::signed_in().when_data(async |_: User, _: u32| Ok(()));
    let error = guard.check(&admin(), 1_000).await.unwrap_err();
    let missing = matches!(
        error,
        GuardError::Failed(HookError::Data(DataError::Missing))
    );
    assert!(missing, "{error:?}");
}

#[tokio::test]
async fn the_order_is_roles_permissions_scopes_alternatives_rules_authentication() {
    let asked = Arc::default();
    let mut guard = Guard::signed_in().acr("x").max_age(Duration::ZERO);
    let denied = async |guard: &Guard| checked(guard, &admin(), 9_999).await.unwrap_err();
    assert!(matches!(denied(&guard).await, Denial::StepUp(_)));
    guard = counting(guard, &asked, false);
    assert!(matches!(denied(&guard).await, Denial::Rule(_)));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    guard = guard.any_of([]);
    assert!(matches!(denied(&guard).await, Denial::NoneOf(_)));
    guard = guard.scope("missing");
    assert!(matches!(denied(&guard).await, Denial::Scope(_)));
    guard = guard.permission("missing");
    assert!(matches!(denied(&guard).await, Denial::Permission(_)));
    guard = guard.role("missing");
    let first = denied(&guard).await;
    assert_eq!(first.to_string(), "the role `missing` is required");
    let asked = asked.load(Ordering::SeqCst);
    assert_eq!(asked, 1, "nothing after a denial is evaluated");
}

#[test]
fn a_guard_is_a_value() {
    fn is_value<T: Clone + std::fmt::Debug + Send + Sync + 'static>(_: &T) {}
    let guard = failing().role("admin");
    is_value(&guard);
    let shown = format!("{guard:?}");
    assert!(shown.contains("admin") && shown.contains("Hook"), "{shown}");
}
