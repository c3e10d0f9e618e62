//! Paths that stay below the API's base URL: [RFC 3986 §5.2.4](https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4), and what
//! servers are known to make of paths beyond it.

use url::Url;

/// How often a path may be percent-encoded on top of itself. Decoding a longer tower takes too long to be worth it.
const LAYERS: usize = 4;

/// Whether a path, which begins with `/`, is below the base URL for everybody who reads it: no `.` and `..` segments, no empty
/// ones but the last, no backslashes and no control characters, percent-encoded or not.
pub(crate) fn stays_below(path: &str) -> bool {
    let mut path = path.as_bytes().to_vec();
    for _ in 0..LAYERS {
        if !is_plain(&path) {
            return false;
        }
        match decoded(&path) {
            Some(decoded) => path = decoded,
            None => return true,
        }
    }
    false
}

fn is_plain(path: &[u8]) -> bool {
    // 0xC0 and 0xC1 begin overlong forms of `.` and `/`, which no UTF-8 has.
    let odd = |byte: &u8| byte.is_ascii_control() || matches!(byte, b'\\' | 0xC0 | 0xC1);
    let Some(below) = path.strip_prefix(b"/") else {
        return false;
    };
    if path.iter().any(odd) {
        return false;
    }
    let mut segments = below.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        // Some servers cut parameters off first: `..;x` is `..` to them.
        let name = segment.split(|byte| *byte == b';').next();
        let is_last = segments.peek().is_none();
        match name {
            Some(b"." | b"..") => return false,
            Some(b"") if !is_last => return false,
            _ => {}
        }
    }
    true
}

/// The path with one layer of percent-encoding removed. `None` if it has none.
fn decoded(path: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        let code = match (byte, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match code {
            Some((high, low)) => {
                plain.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
    (plain.len() < path.len()).then_some(plain)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Where a URL of the API is found in the application: the path below the proxy. `None` if it is not below the base URL.
pub(crate) fn below_proxy(target: &Url, base: &Url, proxy_at: &str) -> Option<String> {
    let ours = target.origin() == base.origin()
        && target.username().is_empty()
        && target.password().is_none();
    let below = target
        .path()
        .strip_prefix(base.path().trim_end_matches('/'));
    let below = below.filter(|below| below.is_empty() || stays_below(below))?;
    let mut found = format!("{proxy_at}{below}");
    if found.is_empty() {
        found.push('/');
    }
    for (mark, part) in [('?', target.query()), ('#', target.fragment())] {
        if let Some(part) = part {
            found.push(mark);
            found.push_str(part);
        }
    }
    ours.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/orders",
            "/orders/",
            "/orders/7;v=2",
            "/...",
            "/.well-known/x",
            "/a..b/..c/d..",
            "/caf%C3%A9/%E2%82%AC",
            "/a%20b+c",
            "/groups/a%2Fb",
            "/100%",
            "/100%25",
            "/%zz",
            "/@evil.example/",
            "/https:evil.example",
            "/~jane/!$&'()*,=:@",
        ] {
            assert!(stays_below(path), "{path}");
        }
    }

    #[test]
    fn paths_that_might_lead_out_are_refused() {
        for path in [
            "",
            "orders",
            "/..",
            "/.",
            "/../admin",
            "/orders/../../admin",
            "/orders/..",
            "/orders/./7",
            "/%2e%2e/admin",
            "/.%2E/admin",
            "/%2e./admin",
            "/%2e",
            "/..%2fadmin",
            "/orders%2f..%2f..%2fadmin",
            "/%252e%252e/admin",
            "/%25252e%25252e/admin",
            "/..%252fadmin",
            "/..;/admin",
            "/..;x=1/admin",
            "/..%3b/admin",
            "/%2e%2e%3bx/admin",
            "//evil.example",
            "//evil.example/x",
            "/orders//7",
            "/%2fevil.example",
            "/%2F%2Fevil.example",
            "/;/admin",
            "/\\evil.example",
            "/..\\admin",
            "/..%5cadmin",
            "/%5c%5cevil.example",
            "/%255cevil.example",
            "/orders%00.json",
            "/orders%0d%0aHost:%20x",
            "/orders\t",
            "/%09/orders",
            "/%c0%ae%c0%ae/admin",
            "/%c0%af",
            "/x%7f",
        ] {
            assert!(!stays_below(path), "{path}");
        }
    }

    #[test]
    fn a_tower_of_encodings_costs_little_and_is_refused() {
        assert!(!stays_below(&format!("/%{}", "25".repeat(30_000))));
    }

    #[test]
    fn urls_of_the_api_are_found_below_the_proxy() {
        let base = Url::parse("https://orders.internal/v1/").unwrap();
        let found = |url: &str, at: &str| below_proxy(&Url::parse(url).unwrap(), &base, at);
        for (url, at, path) in [
            (
                "https://orders.internal/v1/a/7?b=c#d",
                "/api",
                "/api/a/7?b=c#d",
            ),
            ("https://orders.internal:443/v1", "/api", "/api"),
            ("https://orders.internal/v1/", "/api", "/api/"),
            ("https://orders.internal/v1", "", "/"),
        ] {
            assert_eq!(found(url, at).as_deref(), Some(path), "{url}");
        }
        for url in [
            "https://orders.internal/v10/a",
            "https://orders.internal/",
            "http://orders.internal/v1/a",
            "https://orders.internal:8443/v1/a",
            "https://jane@orders.internal/v1/a",
            "https://:pw@orders.internal/v1/a",
            "https://evil.example/v1/a",
            "https://orders.internal/v1//evil.example/a",
            "https://orders.internal/v1/%2fevil.example",
        ] {
            assert_eq!(found(url, ""), None, "{url}");
        }
    }
}
