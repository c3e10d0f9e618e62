//! What is wrong with the settings about how logins start.

use super::mistakes::refused;

#[test]
fn mistakes_about_how_logins_start_name_the_setting_and_the_cure() {
    refused(
        &[("silent_login", "59s")],
        "silent_login",
        "at least one minute",
    );
    refused(&[("silent_login", "60")], "silent_login", "such as `30m`");
    for lifetime in ["59s", "366d"] {
        let settings = [("visitor_lifetime", lifetime)];
        refused(&settings, "visitor_lifetime", "at most 365 days");
    }
    refused(
        &[("ui_locales_from_browser", "de")],
        "ui_locales_from_browser",
        "true, false",
    );
    refused(
        &[("parameters", "access_type")],
        "parameters",
        "such as `access_type=offline",
    );
    refused(
        &[("parameters", "state=x")],
        "parameters",
        "`state` cannot be set by hand",
    );
    refused(
        &[("initiate_login_path", "/login")],
        "initiate_login_path",
        "every route needs its own",
    );
}
