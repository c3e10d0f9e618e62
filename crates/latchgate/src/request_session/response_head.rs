//! The head of a response, whatever its type.

use http::{HeaderName, HeaderValue};

use super::RequestSession;

/// The headers of a response, as far as a request's session changes them.
pub trait ResponseHead {
    /// Whether a header is there.
    fn contains(&self, name: &HeaderName) -> bool;

    /// Adds a header, keeping others of the same name.
    fn append(&mut self, name: HeaderName, value: HeaderValue);

    /// Sets a header, replacing others of the same name.
    fn replace(&mut self, name: HeaderName, value: HeaderValue);

    /// Calls `each` with every name (lower case) and value.
    fn each(&self, each: &mut dyn FnMut(&str, &[u8]));
}

impl ResponseHead for http::HeaderMap {
    fn contains(&self, name: &HeaderName) -> bool {
        self.contains_key(name)
    }

    fn append(&mut self, name: HeaderName, value: HeaderValue) {
        self.append(name, value);
    }

    fn replace(&mut self, name: HeaderName, value: HeaderValue) {
        self.insert(name, value);
    }

    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self {
            each(name.as_str(), value.as_bytes());
        }
    }
}

impl RequestSession {
    /// Whether a response sets the session's cookie already.
    pub(super) fn is_replaced_in(&self, response: &dyn ResponseHead) -> bool {
        let mut replaced = false;
        response.each(&mut |name, value| {
            replaced = replaced || (name == "set-cookie" && self.sessions().has_cookie(value));
        });
        replaced
    }
}
