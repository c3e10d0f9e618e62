//! What a TOML table can have that the environment cannot, right and wrong.

use super::*;
use crate::gate::UiLocales;

#[test]
fn tables_have_booleans_numbers_and_arrays() {
    let natural = [
        "userinfo = true",
        "par = true",
        "ui_locales_from_browser = true",
        "max_age = 300",
        "scopes = ['openid', 'offline_access']",
        "resource = ['https://a.example', 'urn:b']",
        "trusted_audiences = ['one', 'two']",
        "acr_values = ['mfa', 'pwd']",
        "ui_locales = ['de', 'en']",
        "clear_site_data = ['cache', 'storage']",
    ];
    let keys = format!("session_keys = ['{KEY}', '{KEY}']");
    let table = table(&[("session_keys", "")]) + &natural.join("\n") + "\n" + &keys;
    let gate = Gate::from_toml(&table).unwrap();
    let registration = gate.0.context.relying_parties.first().registration();
    assert_eq!(registration.userinfo, UserinfoPolicy::Always);
    assert_eq!(registration.par, Usage::Always);
    assert_eq!(registration.scopes, ["openid", "offline_access"]);
    assert_eq!(registration.resources, ["https://a.example", "urn:b"]);
    assert_eq!(registration.trusted_audiences, ["one", "two"]);
    let options = gate.0.context.relying_parties.first().every_login();
    assert_eq!(options.max_age, Some(300));
    assert_eq!(options.acr_values.as_deref(), Some("mfa pwd"));
    assert_eq!(options.ui_locales.as_deref(), Some("de en"));
    assert!(gate.0.clear_site_data.is_some());
    assert_eq!(gate.0.ui_locales, UiLocales::OfTheBrowser);
}

#[test]
fn tables_that_cannot_be_read_say_so_and_tell_no_secret() {
    let good = table(&[]);
    for (toml, cure) in [
        (
            format!("{good}base_ulr = \"x\""),
            "`base_ulr` is not a setting of latchgate; did you mean `base_url`?",
        ),
        (format!("{good}issuer = \"x\""), "duplicate key"),
        (
            format!("{good}client_secret = \"{SECRET}"),
            "cannot be read",
        ),
        (
            good.replace(&format!("{SECRET:?}"), SECRET),
            "cannot be read",
        ),
        (
            format!("{good}[nested]\na = \"b\""),
            "`nested` is not a setting",
        ),
    ] {
        let error = Gate::from_toml(&toml).map(|_| ()).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(cure), "{toml}: {said}");
        assert!(!said.contains("LATCHGATE_TOML"), "{said}");
        let shown = format!("{error:?} {said}");
        assert!(
            !shown.contains("hunter2") && !shown.contains(KEY),
            "{shown}"
        );
    }
}

#[test]
fn values_of_another_kind_say_what_is_right() {
    for (setting, value, right) in [
        ("client_secret", "20261121", "a string, in quotes"),
        ("client_id", "true", "a string, in quotes"),
        ("userinfo", "1", "`true`, `false` or a string"),
        ("max_age", "5.5", "a whole number of seconds"),
        ("max_age", "true", "a whole number of seconds"),
        ("session_idle", "1800", "a string, in quotes"),
        ("scopes", "[1]", "an array of strings"),
        ("scopes", "true", "an array of strings"),
        ("session_keys", "[['20261121']]", "an array of strings"),
    ] {
        let toml = format!("{}{setting} = {value}", table(&[(setting, "")]));
        let error = Gate::from_toml(&toml).map(|_| ()).unwrap_err();
        let settings: Vec<_> = error.mistakes().map(|mistake| mistake.setting()).collect();
        assert_eq!(settings, [setting], "{error}");
        assert!(error.to_string().contains(right), "{error}");
        assert!(!format!("{error:?} {error}").contains("20261121"));
    }
}
