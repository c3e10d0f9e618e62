//! URLs that are almost right, and lists that are separated otherwise.

use super::mistakes::refused;

#[test]
fn mistakes_that_people_make_first_name_the_cure() {
    for (changes, setting, cure) in [
        (
            &[("base_url", "localhost:3000")][..],
            "base_url",
            "write it like `https://",
        ),
        (
            &[("base_url", "https://app.example.com/callback")],
            "base_url",
            "give only the URL of the application",
        ),
        (
            &[("issuer", "localhost:9400")],
            "issuer",
            "write it as the provider does",
        ),
        (
            &[(
                "issuer",
                "https://op.example.com/.well-known/openid-configuration",
            )],
            "issuer",
            "before `/.well-known/`",
        ),
        (
            &[
                ("base_url", "http://localhost:3000"),
                ("callback_path", "callback"),
            ],
            "callback_path",
            "plain absolute path",
        ),
        (
            &[("scopes", "openid,email")],
            "scopes",
            "separate the values by spaces",
        ),
    ] {
        refused(changes, setting, cure);
    }
}
