//! Pages of the application behind guards. Each answers `admitted`.

use std::time::Duration;

use latchgate::{Guard, GuardRejection, User};

use super::{Count, admins, readers, recent};

/// The paths, and who may pass.
pub(super) fn guards() -> [(&'static str, Guard); 10] {
    let signed_in = Guard::signed_in;
    [
        ("/admin", admins()),
        ("/read", readers()),
        ("/recent", recent()),
        ("/permitted", signed_in().permission("write:invoices")),
        (
            "/either",
            signed_in().any_of([
                signed_in().role("admin"),
                signed_in().permission("read:special"),
            ]),
        ),
        ("/asked", signed_in().when(database)),
        ("/counted", signed_in().when_data(few)),
        ("/strong", signed_in().acr("mfa").acr("urn:example:phr")),
        (
            "/strong-recent",
            signed_in().acr("mfa").max_age(Duration::from_secs(300)),
        ),
        ("/by-method", signed_in().acr("mfa").amr("mfa")),
    ]
}

/// A database that admits Alice, does not admit Bob, is down for Carol and has a bug for Dave.
#[expect(clippy::panic, reason = "a bug of the application's")]
async fn database(user: User) -> Result<(), GuardRejection> {
    tokio::task::yield_now().await;
    match user.subject() {
        "alice" => Ok(()),
        "carol" => Err(GuardRejection::failed("the database is down")),
        "dave" => panic!("a bug in the rule"),
        _ => Err(GuardRejection::forbidden("the account is suspended")),
    }
}

/// Nobody who has counted further than one.
async fn few(user: User, count: Count) -> Result<(), GuardRejection> {
    match count.number {
        0 | 1 if count.who == user.subject() => Ok(()),
        _ => Err(GuardRejection::forbidden("counted enough")),
    }
}
