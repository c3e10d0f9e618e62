//! How a file looks: short, and headed by the standard it implements.

use crate::source::{Finding, Source};

/// A file has no more lines than this before its tests.
const LENGTH: usize = 400;

/// The rooms whose files each implement a message or a standard.
const PROTOCOL: &[&str] = &[
    "authorization",
    "token",
    "client",
    "provider",
    "logout",
    "jose",
];

const STANDARDS: &[&str] = &["RFC", "OpenID", "OIDC"];

/// Finds files that are too long.
pub(crate) fn length(source: &Source) -> Vec<Finding> {
    let lines = source.lines_before_tests();
    if lines <= LENGTH {
        return Vec::new();
    }
    vec![source.finding(LENGTH + 1, format!("{lines} lines before its tests, more than {LENGTH}: give one of its subjects a file of its own"))]
}

/// Finds protocol files whose header cites no section of a standard.
pub(crate) fn citation(source: &Source) -> Vec<Finding> {
    let Some(path) = source.path.strip_prefix("crates/latchgate/src/") else {
        return Vec::new();
    };
    let room = path.split(['/', '.']).next().unwrap_or_default();
    let header = source.header();
    let cites = header.contains('§') && STANDARDS.iter().any(|standard| header.contains(standard));
    if cites || !PROTOCOL.contains(&room) || path.ends_with("tests.rs") {
        return Vec::new();
    }
    vec![source.finding(1, "its `//!` header cites no section of a standard: begin with what it implements, such as `[RFC 6749 §4.1.2](…)`")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found() {
        let lines = |count: usize| "x\n".repeat(count);
        assert_eq!(length(&Source::new("a.rs", &lines(401))).len(), 1);
        assert!(length(&Source::new("a.rs", &lines(400))).is_empty());
        assert!(
            length(&Source::new(
                "a.rs",
                &format!("{}#[cfg(test)]\nmod tests {{\n{}", lines(300), lines(300))
            ))
            .is_empty()
        );
    }

    #[test]
    fn uncited_protocol_files_are_found() {
        let found = |path: &str, text: &str| {
            citation(&Source::new(&format!("crates/latchgate/src/{path}"), text)).len()
        };
        assert_eq!(
            found(
                "token/request.rs",
                "//! The token request.\n// RFC 6749 §4.1.3"
            ),
            1
        );
        assert_eq!(found("provider.rs", "//! OpenID metadata."), 1);
        assert_eq!(
            found(
                "token/request.rs",
                "//! The token request, RFC 6749 §4.1.3."
            ),
            0
        );
        assert_eq!(found("session/mod.rs", "//! Who is signed in."), 0);
    }
}
