//! How an issuer is spelled: what differs, in words.

use url::Url;

use crate::report::{Finding, FindingCode, Severity};

/// The provider calls itself something else.
pub(super) fn otherwise(configured: &str, found: &str) -> Finding {
    let finding = |what| Finding::new(FindingCode::Issuer, Severity::Mistake, what);
    if found.is_empty() {
        return finding(format!(
            "What is at `{configured}` does not say which issuer it is"
        ))
        .cured_by("Set `issuer` to that of an OpenID Provider");
    }
    let difference = difference(configured, found);
    finding(format!(
        "The provider calls itself `{found}`, but `{configured}` is configured: {difference}"
    ))
    .cured_by(format!("Set `issuer` to `{found}`, to the letter"))
}

/// What differs.
fn difference(configured: &str, found: &str) -> &'static str {
    if configured.trim_end_matches('/') == found.trim_end_matches('/') {
        return match found.ends_with('/') {
            true => "the slash at the end is missing",
            false => "there is a slash too many at the end",
        };
    }
    if configured.eq_ignore_ascii_case(found) {
        return "upper and lower case differ";
    }
    let (Ok(ours), Ok(theirs)) = (Url::parse(configured), Url::parse(found)) else {
        return "they are not the same";
    };
    if ours.host() != theirs.host() {
        "the host is another"
    } else if ours.scheme() != theirs.scheme() {
        "one is http and the other https"
    } else if ours.port_or_known_default() != theirs.port_or_known_default() {
        "the port is another"
    } else if ours.path() != theirs.path() {
        "the path is another"
    } else {
        "they are the same place, but not the same text"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_what_differs() {
        for (configured, found, what) in [
            (
                "https://op.example",
                "https://op.example/",
                "slash at the end is missing",
            ),
            (
                "https://op.example/a/",
                "https://op.example/a",
                "slash too many",
            ),
            (
                "https://op.example/Realm",
                "https://op.example/realm",
                "upper and lower case",
            ),
            ("https://op.example", "https://login.op.example", "host"),
            (
                "http://localhost:9000",
                "https://localhost:9000",
                "http and the other https",
            ),
            ("http://localhost:9000", "http://localhost:9001", "port"),
            ("https://op.example/a", "https://op.example/b", "path"),
            (
                "https://op.example:443",
                "https://op.example",
                "not the same text",
            ),
            ("https://op.example", "nonsense", "not the same"),
        ] {
            let finding = otherwise(configured, found);
            assert!(finding.what().contains(what), "{finding}");
            let cure = format!("Set `issuer` to `{found}`, to the letter");
            assert_eq!(finding.cure(), Some(cure.as_str()));
        }
        assert!(
            otherwise("https://op.example", "")
                .what()
                .contains("does not say")
        );
    }
}
