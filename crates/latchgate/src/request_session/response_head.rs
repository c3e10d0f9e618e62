//! The head of a response, whatever its type.

use http::HeaderValue;

/// The headers of a response, as far as a request's session changes them.
pub trait ResponseHead {
    /// Whether a header is there.
    fn contains(&self, name: &str) -> bool;

    /// Adds a header, keeping others of the same name.
    fn append(&mut self, name: &'static str, value: &[u8]);

    /// Sets a header, replacing others of the same name.
    fn replace(&mut self, name: &'static str, value: &[u8]);

    /// Calls `each` with every name (lower case) and value.
    fn each(&self, each: &mut dyn FnMut(&str, &[u8]));
}

impl ResponseHead for http::HeaderMap {
    fn contains(&self, name: &str) -> bool {
        self.contains_key(name)
    }

    fn append(&mut self, name: &'static str, value: &[u8]) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            self.append(name, value);
        }
    }

    fn replace(&mut self, name: &'static str, value: &[u8]) {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            self.insert(name, value);
        }
    }

    fn each(&self, each: &mut dyn FnMut(&str, &[u8])) {
        for (name, value) in self {
            each(name.as_str(), value.as_bytes());
        }
    }
}
