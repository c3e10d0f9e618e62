//! What the environment can have wrong that a table cannot.

use super::*;

#[test]
fn variables_that_belong_to_nobody_are_refused_with_the_nearest_name() {
    let good = [
        ("LATCHGATE_BASE_URL", "http://localhost:3000"),
        ("LATCHGATE_ISSUER", "https://login.example.com/"),
        ("LATCHGATE_CLIENT_ID", "my-app"),
        ("LATCHGATE_CLIENT_SECRET", SECRET),
    ];
    for (name, nearest) in [
        ("LATCHGATE_ISUER", Some("LATCHGATE_ISSUER")),
        ("LATCHGATE_BASE_ULR", Some("LATCHGATE_BASE_URL")),
        ("LATCHGATE_BASEURL", Some("LATCHGATE_BASE_URL")),
        ("LATCHGATE_SESSION_KEY", Some("LATCHGATE_SESSION_KEYS")),
        ("LATCHGATE_SCOPE", Some("LATCHGATE_SCOPES")),
        ("LATCHGATE_SECRET", Some("LATCHGATE_CLIENT_SECRET")),
        ("LATCHGATE_REDIRECT_URI", Some("LATCHGATE_BASE_URL")),
        ("LATCHGATE_AUTHORITY", Some("LATCHGATE_ISSUER")),
        ("LATCHGATE_COOKIE_SECRET", Some("LATCHGATE_SESSION_KEYS")),
        ("LATCHGATE_REDIS_URL", Some("LATCHGATE_STORE")),
        ("LATCHGATE_LOGOUT_PAHT", Some("LATCHGATE_LOGOUT_PATH")),
        ("latchgate_issuer", Some("LATCHGATE_ISSUER")),
        ("LATCHGATE_", None),
        ("LATCHGATE_TEST_REPORT", None),
        ("LATCHGATE_PARR", Some("LATCHGATE_PAR")),
        ("LATCHGATE_K8S_SERVICE_HOST", None),
    ] {
        let error = environment(&[&good[..], &[(name, "hunter2")]].concat()).build();
        let error = error.map(|_| ()).expect_err(name);
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("`{name}` is not a setting")),
            "{said}"
        );
        match nearest {
            Some(nearest) => {
                assert!(
                    said.ends_with(&format!("did you mean `{nearest}`?")),
                    "{said}"
                );
            }
            None => assert!(said.contains("`latchgate::Settings`"), "{said}"),
        }
        assert!(!said.contains("hunter2"), "{said}");
    }
    let nothing = environment(&[]).build().map(|_| ()).unwrap_err();
    let missing: Vec<_> = nothing
        .mistakes()
        .map(|mistake| mistake.setting())
        .collect();
    assert_eq!(
        missing,
        ["base_url", "issuer", "client_id", "client_secret"]
    );
}

#[cfg(unix)]
#[test]
fn variables_that_are_no_text_say_so() {
    use std::os::unix::ffi::OsStringExt as _;
    let garbled = || std::ffi::OsString::from_vec(vec![0xff]);
    let settings = Settings::from_variables([("LATCHGATE_ISSUER".into(), garbled())]);
    let error = settings.build().map(|_| ()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`issuer` (LATCHGATE_ISSUER) is not valid UTF-8"),
        "{error}"
    );
    let settings = Settings::from_variables([(garbled(), "x".into())]);
    assert!(settings.is_empty());
}
