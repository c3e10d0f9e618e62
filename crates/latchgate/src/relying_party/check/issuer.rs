//! How an issuer is spelled: what differs, in words, and how else it might be meant.

use http::StatusCode;
use url::Url;

use crate::provider::is_loopback;
use crate::report::{Finding, FindingCode};

/// The provider calls itself something else.
pub(super) fn otherwise(configured: &str, found: &str) -> Finding {
    if found.is_empty() {
        return FindingCode::Issuer.mistake(
            format!("The metadata at `{configured}` does not name its issuer"),
            "Set `issuer` to that of an OpenID Provider",
        );
    }
    let difference = difference(configured, found);
    FindingCode::Issuer.mistake(
        format!(
            "The provider calls itself `{found}`, but `{configured}` is configured: {difference}"
        ),
        format!("Set `issuer` to `{found}`, exactly like that"),
    )
}

/// What differs.
fn difference(configured: &str, found: &str) -> &'static str {
    if configured.trim_end_matches('/') == found.trim_end_matches('/') {
        return match found.ends_with('/') {
            true => "the trailing slash is missing",
            false => "there is a superfluous trailing slash",
        };
    }
    if configured.eq_ignore_ascii_case(found) {
        return "upper and lower case differ";
    }
    let (Ok(ours), Ok(theirs)) = (Url::parse(configured), Url::parse(found)) else {
        return "they differ";
    };
    if ours.host() != theirs.host() {
        "the hosts differ"
    } else if ours.scheme() != theirs.scheme() {
        "one is http and the other https"
    } else if ours.port_or_known_default() != theirs.port_or_known_default() {
        "the ports differ"
    } else if ours.path() != theirs.path() {
        "the paths differ"
    } else {
        "they mean the same URL, but are spelled differently"
    }
}

/// There is no metadata, here or nearby.
pub(super) fn nowhere(url: &str, status: StatusCode, led_to: Option<&str>) -> Finding {
    match led_to {
        Some(location) => FindingCode::Issuer.mistake(
            format!(
                "`{url}` redirects to `{location}` ({status}), which is not followed"
            ),
            "Set `issuer` to the part before `/.well-known/` there",
        ),
        None => FindingCode::Issuer.mistake(
            format!(
                "There is no metadata at `{url}`: the answer is {status}"
            ),
            "Set `issuer` (LATCHGATE_ISSUER) as the provider spells it, with its path, such as `/realms/name` or `/v2.0`: the provider's documentation has the URL of its `/.well-known/openid-configuration`, and the issuer is the part before that",
        ),
    }
}

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// What the issuers of well-known products end with.
const ENDINGS: [&str; 2] = ["/v2.0", "/oauth2/default"];

/// How many URLs are tried.
const TRIES: usize = 8;

/// URLs of metadata that may have been meant, the likelier ones first. All are on the configured host.
pub(super) fn nearby(configured: &str, led_to: &[String]) -> Vec<String> {
    let Ok(issuer) = Url::parse(configured) else {
        return Vec::new();
    };
    let mut urls = Vec::new();
    let mut add = |origin: &str, path: &str| {
        let url = format!("{origin}{}{WELL_KNOWN}", path.trim_end_matches('/'));
        if !urls.contains(&url) {
            urls.push(url);
        }
    };
    let origin = issuer.origin().ascii_serialization();
    let path = issuer.path().trim_end_matches('/');
    add(&origin, path);
    for location in led_to {
        let target = issuer.join(location).ok();
        let target = target.filter(|target| target.origin() == issuer.origin());
        if let Some((path, _)) = target
            .as_ref()
            .and_then(|url| url.path().split_once("/.well-known"))
        {
            add(&origin, path);
        }
    }
    add(&origin, &path.to_ascii_lowercase());
    // Keycloak had all of its paths below `/auth` once.
    match path.strip_prefix("/auth/realms/") {
        Some(realm) => add(&origin, &format!("/realms/{realm}")),
        None if path.starts_with("/realms/") => add(&origin, &format!("/auth{path}")),
        None => {}
    }
    for ending in ENDINGS {
        add(&origin, &format!("{path}{ending}"));
    }
    let mut above = path;
    while let Some((parent, _)) = above.rsplit_once('/') {
        add(&origin, parent);
        above = parent;
    }
    urls.truncate(TRIES);
    urls
}

/// The URL of the metadata with https in place of http, or the other way round, on loopback.
pub(super) fn other_scheme(configured: &str) -> Option<String> {
    let url = Url::parse(configured).ok().filter(is_loopback)?;
    let (_, rest) = configured.split_once("://")?;
    let rest = rest.trim_end_matches('/');
    let scheme = match url.scheme() {
        "http" => "https",
        _ => "http",
    };
    Some(format!("{scheme}://{rest}{WELL_KNOWN}"))
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
                "trailing slash is missing",
            ),
            (
                "https://op.example/a/",
                "https://op.example/a",
                "superfluous trailing slash",
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
                "spelled differently",
            ),
            ("https://op.example", "nonsense", "they differ"),
        ] {
            let finding = otherwise(configured, found);
            assert!(finding.what().contains(what), "{finding}");
            let cure = format!("Set `issuer` to `{found}`, exactly like that");
            assert_eq!(finding.cure(), Some(cure.as_str()));
        }
        assert!(
            otherwise("https://op.example", "")
                .what()
                .contains("does not name its issuer")
        );
    }

    #[test]
    fn similar_issuers_on_the_same_host_are_tried() {
        let paths = |configured: &str, led_to: &[&str]| {
            let led_to: Vec<_> = led_to.iter().map(|url| (*url).to_owned()).collect();
            let urls = nearby(configured, &led_to).into_iter();
            urls.map(|url| url.strip_suffix(WELL_KNOWN).unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let op = |paths: &[&str]| {
            let urls = paths.iter().map(|path| format!("https://op.example{path}"));
            urls.collect::<Vec<_>>()
        };
        assert_eq!(
            paths("https://op.example/", &[]),
            op(&["", "/v2.0", "/oauth2/default"])
        );
        assert_eq!(
            paths("https://op.example/Realms/a/", &[]),
            op(&[
                "/Realms/a",
                "/realms/a",
                "/Realms/a/v2.0",
                "/Realms/a/oauth2/default",
                "/Realms",
                ""
            ])
        );
        assert!(paths("https://op.example/realms/a", &[]).contains(&op(&["/auth/realms/a"])[0]));
        assert!(paths("https://op.example/auth/realms/a", &[]).contains(&op(&["/realms/a"])[0]));
        let led_to = [
            "/x/.well-known/openid-configuration",
            "https://evil.example/y/.well-known/openid-configuration",
            "/login",
        ];
        let found = paths("https://op.example", &led_to);
        assert!(found.contains(&op(&["/x"])[0]), "{found:?}");
        assert!(!found.contains(&op(&["/y"])[0]), "{found:?}");
        assert!(
            found
                .iter()
                .all(|url| url.starts_with("https://op.example")),
            "{found:?}"
        );
        let deep = paths("https://op.example/a/b/c/d/e/f/g/h/i", &[]);
        assert_eq!(deep.len(), TRIES);
    }

    #[test]
    fn on_loopback_the_other_scheme_is_tried() {
        for (configured, other) in [
            ("http://localhost:9000/", Some("https://localhost:9000")),
            ("https://127.0.0.1:9000/a", Some("http://127.0.0.1:9000/a")),
            ("https://op.example", None),
        ] {
            let other = other.map(|other| format!("{other}{WELL_KNOWN}"));
            assert_eq!(other_scheme(configured), other);
        }
    }
}
