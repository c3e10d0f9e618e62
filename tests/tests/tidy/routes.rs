//! The paths that the gate answers are named wherever it is said what the layer does.

use crate::source::{Finding, Source};

/// Where they are named.
pub(crate) const DOCUMENTS: &[&str] = &[
    "README.md",
    "crates/latchgate-tower/README.md",
    "crates/latchgate-tower/src/layer.rs",
    "crates/latchgate-actix/README.md",
    "crates/latchgate-actix/src/middleware.rs",
];

/// Finds the paths in the table of settings that a document does not name.
pub(crate) fn unnamed(document: &Source, settings: &str) -> Vec<Finding> {
    let rows = settings.lines().filter(|row| row.contains("_PATH` |"));
    let defaults = rows.filter_map(|row| row.trim_end_matches(['|', ' ']).rsplit('|').next());
    // Where visitors come back to after a logout is a page of the application's.
    let paths = defaults
        .map(str::trim)
        .filter(|path| path.starts_with("`/") && *path != "`/`");
    paths
        .filter(|path| !document.text.contains(*path))
        .map(|path| {
            document.finding(
                1,
                format!("{path} is a route of the gate that this document does not name"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_is_not_named_is_found() {
        let settings = "| `LATCHGATE_LOGIN_PATH` | `login_path` | text | `/login` |\n\
                        | `LATCHGATE_AFTER_LOGOUT_PATH` | `after_logout_path` | text | `/` |\n\
                        | `LATCHGATE_SCOPES` | `scopes` | text | `/scopes` |";
        let document = |text: &str| Source::new("README.md", text);
        assert!(unnamed(&document("It answers `/login`."), settings).is_empty());
        assert_eq!(
            unnamed(&document("It answers `/signin`."), settings).len(),
            1
        );
    }
}
