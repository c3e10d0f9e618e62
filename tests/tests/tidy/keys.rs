//! Keys that anybody can read in our documentation: people copy them, so no gate is built with one.

use latchgate::{Gate, Provider, SessionKey};

use crate::source::{Finding, Source};

/// Finds keys in a document that a gate would take.
pub(crate) fn in_document(document: &Source) -> Vec<Finding> {
    usable(document, |_| true)
}

/// Finds keys in comments that a gate would take.
pub(crate) fn in_comments(source: &Source) -> Vec<Finding> {
    usable(source, |line| line.trim_start().starts_with("//"))
}

fn usable(source: &Source, counts: impl Fn(&str) -> bool) -> Vec<Finding> {
    let lines = (1..).zip(source.text.lines());
    let lines = lines.filter(|(_, line)| counts(line));
    let words = lines.flat_map(|(number, line)| {
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
        let words = line.split(move |c| !is_base64(c));
        words.map(move |word| (number, word))
    });
    words
        .filter(|(_, word)| (43..=44).contains(&word.len()) && is_taken(word))
        .map(|(number, word)| source.finding(number, format!("`{word}` is a session key that a gate takes: leave it out, or add it to PRINTED in crates/latchgate/src/seal.rs")))
        .collect()
}

fn is_taken(word: &str) -> bool {
    SessionKey::from_base64(word).is_ok_and(|key| {
        let gate = Gate::builder(
            "https://app.example.com",
            Provider::new("https://login.example.com/", "my-app").client_secret("s"),
        );
        gate.session_keys([key]).build().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_where_a_gate_takes_them() {
        let drawn = "Vj1sRhmBrN0o5m9oXnVY1s0oXlZL5XkO0oZ4b0pQ2xI=";
        let printed = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        let found = |text: &str| in_document(&Source::new("README.md", text)).len();
        assert_eq!(found(&format!("session_keys = \"{drawn}\"")), 1);
        assert_eq!(found(&format!("session_keys = \"{printed}\"")), 0);
        assert_eq!(found("openssl rand -base64 32"), 0);
        let in_comments = |text: &str| in_comments(&Source::new("a.rs", text)).len();
        assert_eq!(in_comments(&format!("    /// `{drawn}`")), 1);
        assert_eq!(in_comments(&format!("const KEY: &str = \"{drawn}\";")), 0);
    }
}
