//! What somebody reads in a terminal who has set something wrong: sentences, and nothing that only Rust understands.

use crate::case::{Case, Failure};
use crate::example::{Address, BOTH, Example, QUICKSTART};
use crate::need::Need;
use latchgate_tests::browser::Browser;

/// Settings that would do, as far as one can tell without the provider.
const GOOD: [(&str, &str); 4] = [
    ("LATCHGATE_BASE_URL", "https://app.example.com"),
    ("LATCHGATE_ISSUER", "http://127.0.0.1:9"),
    ("LATCHGATE_CLIENT_ID", "my-app"),
    ("LATCHGATE_CLIENT_SECRET", "hunter2"),
];

/// A key that was drawn, for tests only.
const KEY: &str = "xLUwsCmDwqO4nH1mUu8mfp1s0JrcmqRZ1yB8o3UmYbk=";

/// What is set besides or instead, and what the terminal says of it.
const MISTAKES: [(&[(&str, &str)], &str); 14] = [
    (
        &[("LATCHGATE_ISUER", "x")],
        "`LATCHGATE_ISUER` is not a setting of latchgate; did you mean `LATCHGATE_ISSUER`?",
    ),
    (
        &[("LATCHGATE_ISSUER", "")],
        "`issuer` (LATCHGATE_ISSUER) is required but missing or empty",
    ),
    (
        &[("LATCHGATE_BASE_URL", "app.example.com")],
        "`base_url` (LATCHGATE_BASE_URL) is not an absolute URL; write it like `https://app.example.com`",
    ),
    (
        &[("LATCHGATE_BASE_URL", "http://app.example.com")],
        "`base_url` (LATCHGATE_BASE_URL) is not https; give the https URL that people see",
    ),
    (
        &[("LATCHGATE_CLIENT_SECRET", "")],
        "`client_secret` (LATCHGATE_CLIENT_SECRET) is missing; set the secret, or a key for `client_auth = private_key_jwt`, or declare a public client with `client_auth = none`",
    ),
    (
        &[("LATCHGATE_SESSION_KEYS", "")],
        "`session_keys` (LATCHGATE_SESSION_KEYS) is required unless the application is on loopback; make a key with `openssl rand -base64 32`",
    ),
    (
        &[(
            "LATCHGATE_SESSION_KEYS",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        )],
        "`session_keys` (LATCHGATE_SESSION_KEYS) has an unusable key at position 1: the session key is a placeholder or an example's, which anybody can know; make one with `openssl rand -base64 32`",
    ),
    (
        &[("LATCHGATE_STORE", "postgres://localhost/x?sslmode=perhaps")],
        "`store` (LATCHGATE_STORE) cannot be used: its parameter `sslmode` must be `disable`,",
    ),
    (
        &[("LATCHGATE_REVOCATIONS", "memory")],
        "`revocations` (LATCHGATE_REVOCATIONS) does not name a store that other nodes share; give the URL of one",
    ),
    (
        &[("LATCHGATE_SESSION_IDLE", "30")],
        "`session_idle` (LATCHGATE_SESSION_IDLE) is not a duration; write a whole number followed by s, m, h or d",
    ),
    (
        &[
            ("LATCHGATE_USERINFO", "yes"),
            ("LATCHGATE_PROMPT", "always"),
        ],
        "2 settings are wrong:\n- `prompt` (LATCHGATE_PROMPT) is not one of: none, login, consent, select_account, create\n- `userinfo` (LATCHGATE_USERINFO) is not one of: true, false",
    ),
    (
        &[("LATCHGATE_CA_FILE", "/nowhere/ca.pem")],
        "`ca_file` (LATCHGATE_CA_FILE) names a file that cannot be read: No such file or directory",
    ),
    (
        &[("LATCHGATE_LOGIN_PATH", "/callback")],
        "`callback_path` (LATCHGATE_CALLBACK_PATH) is also the path of another route; every route needs its own",
    ),
    // Nothing is wrong with the settings, but nobody is at home at the provider.
    (&[], "the provider could not be reached"),
];

/// The cases: what both full example servers say of mistakes, and what `cargo demo` does.
pub(crate) fn cases() -> Vec<Case> {
    let case = |example: Example| {
        let name = format!("terminal::{}::mistakes_are_sentences", example.name);
        Case::new(name, &[Need::Examples], move || sentences(example))
    };
    let mut cases: Vec<Case> = BOTH.into_iter().map(case).collect();
    let name = "terminal::quickstart::log_in_and_out";
    cases.push(Case::new(name.to_owned(), &[Need::Examples], quickstart));
    cases
}

/// A first look, without a browser: log in as somebody whom the development provider knows, and out again.
async fn quickstart() -> Result<(), Failure> {
    let app = QUICKSTART.start(&Address::free()?, &[]).await?;
    let mut browser = Browser::new()?;
    let people = browser.open(&app.url("/login?return_to=/me")).await?;
    let picked = people.form_to("/authorize/decide")?;
    let me = browser.submit(&picked, &[("person", "alice")]).await?;
    ensure!(me.url.as_str() == app.url("/me"), "{me}");
    ensure!(me.json(200)?["sub"] == "alice", "{me}");
    let home = browser.open(&app.url("/")).await?;
    let home = browser.submit(&home.form_to("/logout")?, &[]).await?;
    ensure!(home.url.as_str() == app.url("/"), "{home}");
    ensure!(home.body.contains("Log in"), "{home}");
    Ok(())
}

async fn sentences(example: Example) -> Result<(), Failure> {
    for (wrong, sentence) in MISTAKES {
        let mut variables = GOOD.to_vec();
        variables.push(("LATCHGATE_SESSION_KEYS", KEY));
        variables.extend(wrong);
        let said = example.refusal(&variables).await?;
        ensure!(
            said.starts_with(&format!("Error: {sentence}")),
            "{wrong:?}: {said}"
        );
        let shown = said.contains("hunter2") || said.contains(KEY);
        ensure!(!shown, "{wrong:?} tells a secret: {said}");
    }
    Ok(())
}
