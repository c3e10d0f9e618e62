//! Responses that no cache may keep, and caches that obey a header of their own.

use http::{HeaderName, HeaderValue, header};

use super::ResponseHead;

/// The `Cache-Control` of a response to one person.
pub(crate) const NOT_FOR_CACHES: HeaderValue = HeaderValue::from_static("private, no-store");

/// Keeps a response with a cookie out of all caches, whatever the application says.
pub(crate) fn keep_out_of_caches(response: &mut dyn ResponseHead) {
    response.replace(header::CACHE_CONTROL, NOT_FOR_CACHES);
    let mut targeted = Vec::new();
    response.each(&mut |name, _| {
        if is_targeted_cache_control(name) {
            targeted.extend(HeaderName::from_bytes(name.as_bytes()));
        }
    });
    for name in targeted {
        let never = match name.as_str() {
            "x-accel-expires" => "0",
            _ => "no-store",
        };
        response.replace(name, HeaderValue::from_static(never));
    }
}

/// Whether a header is `Cache-Control` for certain caches, which then disregard the one for all
/// ([RFC 9213 §2.2](https://www.rfc-editor.org/rfc/rfc9213#section-2.2)), or one of those that do the same and are older.
/// `name` is in lower case.
pub(crate) fn is_targeted_cache_control(name: &str) -> bool {
    name.ends_with("cdn-cache-control")
        || matches!(
            name,
            "edge-control" | "surrogate-control" | "x-accel-expires"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_with_a_cookie_is_for_no_cache_whatever_it_obeys() {
        let mut response = http::HeaderMap::new();
        for (name, value) in [
            ("cache-control", "public"),
            ("cache-control", "s-maxage=600"),
            ("cdn-cache-control", "max-age=600"),
            ("cloudflare-cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
            ("edge-control", "cache-maxage=10m"),
            ("x-accel-expires", "600"),
            ("x-request-id", "7"),
        ] {
            response.append(name, HeaderValue::from_static(value));
        }
        keep_out_of_caches(&mut response);
        let found: Vec<_> = response
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let expected = [
            ("cache-control", "private, no-store"),
            ("cdn-cache-control", "no-store"),
            ("cloudflare-cdn-cache-control", "no-store"),
            ("surrogate-control", "no-store"),
            ("edge-control", "no-store"),
            ("x-accel-expires", "0"),
            ("x-request-id", "7"),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(
            expected.iter().all(|field| found.contains(field)),
            "{found:?}"
        );
    }
}
