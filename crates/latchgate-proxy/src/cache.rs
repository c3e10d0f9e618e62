//! Who may keep a response that was made for one person:
//! [RFC 9111 §5.2.2](https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2).
//!
//! The API has seen `Authorization`, which keeps shared caches away by itself (§3.5). The browser has sent a cookie
//! instead, which does not.

use http::header::{AGE, CACHE_CONTROL, EXPIRES, HeaderMap, HeaderValue, PRAGMA};

/// Makes sure that no shared cache keeps the response.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    if is_private(headers) {
        return;
    }
    for name in [AGE, EXPIRES, PRAGMA] {
        headers.remove(name);
    }
    let private = HeaderValue::from_static("private, no-store");
    headers.insert(CACHE_CONTROL, private);
}

fn is_private(headers: &HeaderMap) -> bool {
    let mut is_private = false;
    for value in headers.get_all(CACHE_CONTROL) {
        let Ok(value) = value.to_str() else {
            return false;
        };
        for directive in value.split(',') {
            let name = directive.trim().to_ascii_lowercase();
            match name.as_str() {
                "private" | "no-store" => is_private = true,
                "public" | "must-understand" => return false,
                name if name.starts_with("s-maxage") => return false,
                _ => {}
            }
        }
    }
    is_private
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_keeps_private_stays_as_it_is_and_the_rest_is_not_stored() {
        let kept = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert(EXPIRES, HeaderValue::from_static("0"));
            for value in values {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
            }
            keep_private(&mut headers);
            let values: Vec<_> = headers.get_all(CACHE_CONTROL).iter().cloned().collect();
            assert_eq!(
                headers.contains_key(EXPIRES),
                values[0] != "private, no-store"
            );
            values
        };
        for values in [
            &["private"] as &[_],
            &["Private, max-age=60"],
            &["no-store"],
            &["max-age=60", "private"],
        ] {
            assert_eq!(kept(values), values);
        }
        for values in [
            &[] as &[_],
            &["max-age=60"],
            &["public, max-age=60"],
            &["private, s-maxage=60"],
            &["no-store, must-understand"],
            &["public", "private"],
            &["no-cache"],
            // Only this field is private then, and the response is not.
            &["private=\"set-cookie\", max-age=60"],
        ] {
            assert_eq!(kept(values), ["private, no-store"], "{values:?}");
        }
    }
}
