//! The cookies of a usual session against the limits of common proxies and servers.

use http::HeaderValue;

use super::super::{Backend, Sessions};
use crate::client::Registration;
use crate::cookie::PresentPieces;
use crate::report::{Finding, FindingCode, counted};
use crate::session::{Session, SessionStart, SessionTooLarge};

/// A proxy that buffers the header of a response: nginx's `proxy_buffer_size`, a memory page by default.
const RESPONSE_HEADER: usize = 4_096;

/// What the application's own headers may have of it.
const OTHER_HEADERS: usize = 1_024;

/// One field of a request: Apache's `LimitRequestFieldSize`, and nginx's `large_client_header_buffers` of 8 KiB.
const REQUEST_FIELD: usize = 8_190;

/// What the cookies of a session have, in bytes.
#[derive(Clone, Copy, Debug)]
struct Size {
    cookies: usize,
    /// The field `Cookie` of every request.
    request: usize,
    /// The fields `Set-Cookie` of the response that sets them.
    response: usize,
}

pub(super) fn check(sessions: &Sessions, registration: &Registration) -> Option<Finding> {
    let Backend::Sealed(sealed) = &sessions.backend else {
        let what = "Sessions are in a store, and their cookie has fewer than 200 bytes".to_owned();
        return Some(FindingCode::CookieSize.ok(what));
    };
    let start = SessionStart {
        id: sessions.random.as_ref().array().ok()?,
        at: sessions.now(),
        lifetimes: sessions.lifetimes(),
    };
    let max_age = Some(start.lifetimes.absolute);
    let session = Session::sample(registration, start);
    let iv = sessions.random.as_ref().array().ok()?;
    let none = PresentPieces::default();
    let set = sealed.set(&sessions.keys, &session, iv, none, max_age);
    Some(judge(set.map(|cookies| measure(&cookies))))
}

fn measure(cookies: &[HeaderValue]) -> Size {
    let pair = |cookie: &HeaderValue| {
        let bytes = cookie.as_bytes();
        let end = bytes.iter().position(|byte| *byte == b';');
        end.unwrap_or(bytes.len())
    };
    // The names of the fields, colons and ends of lines included; `; ` between the pairs.
    let request = cookies.iter().map(|cookie| pair(cookie) + 2).sum::<usize>();
    let response = cookies.iter().map(HeaderValue::len).sum::<usize>();
    Size {
        cookies: cookies.len(),
        request: request + "cookie: ".len(),
        response: response + cookies.len() * "set-cookie: \r\n".len(),
    }
}

fn judge(size: Result<Size, SessionTooLarge>) -> Finding {
    let code = FindingCode::CookieSize;
    const STORE: &str =
        "keep sessions in a store (LATCHGATE_STORE), or ask for fewer scopes and claims";
    let size = match size {
        Ok(size) => size,
        Err(error) => {
            return code.mistake(
                format!("A session with tokens of the usual size does not fit into cookies: it has {} bytes, and {} fit", error.bytes, error.limit),
                "Keep sessions in a store (LATCHGATE_STORE), or ask for fewer scopes and claims",
            );
        }
    };
    let Size {
        cookies,
        request,
        response,
    } = size;
    let what = format!(
        "A session with tokens of the usual size has {}: about {request} bytes in every request, and {response} in the response to a login",
        counted(cookies, "cookie")
    );
    if request > REQUEST_FIELD {
        code.warning(
            format!("{what}. By default, nginx and Apache refuse a request with more than 8 KiB in one header"),
            format!("nginx: `large_client_header_buffers 4 20k` and `proxy_buffer_size 20k`; Apache: `LimitRequestFieldSize 20480`; Node.js: `--max-http-header-size`; or {STORE}"),
        )
    } else if response + OTHER_HEADERS > RESPONSE_HEADER {
        code.hint(
            format!("{what}. By default, nginx answers 502 when the headers of a response have more than 4 KiB"),
            format!("nginx: `proxy_buffer_size 20k` and `proxy_buffers 8 20k`; or {STORE}. Other proxies and servers accept it (Apache 8 KiB and AWS ALB 16 KiB in one header, Node.js and HTTP/2 in hyper 16 KiB in all)"),
        )
    } else {
        code.ok(format!("{what}: common proxies take that"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{ClaimPaths, ProviderPreset};
    use crate::report::Severity;
    use crate::sessions::example::sessions;
    use crate::store::MemoryStore;
    use std::sync::Arc;

    fn of(preset: ProviderPreset, scopes: &[&str]) -> Registration {
        Registration {
            claim_paths: Arc::new(ClaimPaths::of(preset)),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            ..Registration::example()
        }
    }

    #[test]
    fn long_cookies_are_a_hint_and_a_store_has_none() {
        let sealed = sessions(None, 1_000);
        for (preset, severity) in [
            (ProviderPreset::GitLab, Severity::Ok),
            (ProviderPreset::Plain, Severity::Ok),
            (ProviderPreset::EntraId, Severity::Hint),
        ] {
            let finding = check(&sealed, &of(preset, &["openid", "offline_access"])).unwrap();
            assert_eq!(finding.severity(), severity, "{finding}");
        }
        let short = check(&sealed, &of(ProviderPreset::GitLab, &["openid"])).unwrap();
        assert!(short.what().contains(" has 1 cookie: "), "{short}");
        let stored = sessions(Some(Arc::new(MemoryStore::new(10))), 1_000);
        let finding = check(&stored, &of(ProviderPreset::EntraId, &["openid"])).unwrap();
        assert_eq!(finding.severity(), Severity::Ok, "{finding}");
    }

    #[test]
    fn sizes_are_compared_with_limits() {
        let size = |request, response| {
            Ok(Size {
                cookies: 3,
                request,
                response,
            })
        };
        for (size, severity) in [
            (size(3_000, 3_072), Severity::Ok),
            (size(3_000, 3_073), Severity::Hint),
            (size(8_190, 9_000), Severity::Hint),
            (size(8_191, 9_000), Severity::Warning),
            (
                Err(SessionTooLarge {
                    bytes: 20_000,
                    limit: 16_000,
                }),
                Severity::Mistake,
            ),
        ] {
            let finding = judge(size);
            assert_eq!(finding.severity(), severity, "{finding}");
            assert_eq!(finding.cure().is_some(), severity > Severity::Ok);
        }
    }

    #[test]
    fn cookies_are_measured_as_they_are_sent() {
        let cookies = ["a=12345; Path=/; Secure", "a.1=67; Path=/; Secure"];
        let size = measure(&cookies.map(HeaderValue::from_static));
        assert_eq!(size.request, "cookie: a=12345; a.1=67\r\n".len());
        let lines = "set-cookie: a=12345; Path=/; Secure\r\nset-cookie: a.1=67; Path=/; Secure\r\n";
        assert_eq!((size.cookies, size.response), (2, lines.len()));
    }
}
