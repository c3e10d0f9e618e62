//! One person with an identity at each of two providers: the application's hook says that both are the same account.

use latchgate::{LoginRejection, User};
use latchgate_tests::{Browser, Failure, Setup, scenarios};

use super::two;

scenarios!(
    ;
    in either keeping:
    one_account_is_linked_to_two_identities,
);

/// What the application keeps of its accounts: the one that an identity is linked to.
async fn account(user: User) -> Result<latchgate_tests::app::Count, LoginRejection> {
    let linked = match user.subject() {
        "alice" | "bob" => Some("account-7"),
        _ => None,
    };
    let account = linked.ok_or(LoginRejection::forbidden(
        "no account is linked to this identity",
    ))?;
    Ok(latchgate_tests::app::Count::of(account))
}

async fn account_of(browser: &Browser) -> Result<Option<String>, Failure> {
    let page = browser.fetch("GET", "/count").await?;
    if page.status == 401 {
        return Ok(None);
    }
    let count = page.json(200)?;
    Ok(count["who"].as_str().map(str::to_owned))
}

async fn one_account_is_linked_to_two_identities(setup: Setup) -> Result<(), Failure> {
    let two = two(setup.gate(|gate| gate.on_login(account))).await?;
    let gate = &two.world.gate;
    let (alice, bob) = (two.signed_in("corp").await?, two.signed_in("guests").await?);
    let account = Some("account-7".to_owned());
    assert_eq!(account_of(&alice).await?, account);
    assert_eq!(account_of(&bob).await?, account);

    // An identity is one provider's: a logout concerns its own sessions, and so does their end by the application.
    let request = alice.request("POST", "/logout").navigation("same-origin");
    assert_eq!(request.send().await?.status, 303);
    assert_eq!(account_of(&alice).await?, None);
    assert_eq!(account_of(&bob).await?, account);
    let alice = two.signed_in("corp").await?;
    gate.end_sessions_of(two.world.provider.issuer(), "alice")
        .await?;
    assert_eq!(account_of(&alice).await?, None);
    assert_eq!(account_of(&bob).await?, account);

    // "Log out everywhere" is for every identity of the account.
    let alice = two.signed_in("corp").await?;
    let identities = [
        (two.world.provider.issuer(), "alice"),
        (two.guests.issuer(), "bob"),
    ];
    for (issuer, subject) in identities {
        gate.end_sessions_of(issuer, subject).await?;
    }
    assert_eq!(account_of(&alice).await?, None);
    assert_eq!(account_of(&bob).await?, None);

    // An identity that is linked to nothing gets no session.
    two.guests.auto_sign_in(Some("carol"));
    let mut carol = two.world.browser()?;
    let page = carol.open("/login/guests?return_to=/me").await?;
    assert_eq!(page.code(), "login_refused", "{page}");
    Ok(())
}
