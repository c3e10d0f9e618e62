//! What each stable code means, and what to do about it: read from the tables that are this project's documentation, so
//! that there is one text of each.

use std::fmt;

/// The codes of errors, of answers that are no errors, and what to do about each.
const ERRORS: &str = include_str!("codes.md");
const ANSWERS: &str = include_str!("answers.md");
const CURES: &str = include_str!("cures.md");

/// A stable code, explained: what it means, and what to do.
///
/// The codes are those of [`Error::code`](crate::Error::code), and the few that pages and problem documents have besides.
/// `latchgate explain CODE` prints this.
///
/// ```
/// use latchgate::ErrorCode;
///
/// let code = ErrorCode::find("id_token_exp").ok_or("there is such a code")?;
/// assert!(code.meaning().contains("expired"));
/// assert!(code.cure().contains("clocks"));
/// assert_eq!(ErrorCode::nearest("id_token_expp").map(|code| code.code()), Some("id_token_exp"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    code: &'static str,
    status: &'static str,
    fault: &'static str,
    meaning: &'static str,
    cure: &'static str,
}

impl ErrorCode {
    /// Every code, in the order in which a login can meet them.
    pub fn all() -> impl Iterator<Item = Self> {
        rows(ANSWERS).chain(rows(ERRORS)).filter_map(|row| {
            let mut cells = row.splitn(4, " | ");
            let code = cells.next()?.trim_matches('`');
            Some(Self {
                code,
                status: cells.next()?,
                fault: cells.next()?,
                meaning: cells.next()?,
                cure: cure(code).unwrap_or_default(),
            })
        })
    }

    /// The code that is spelled like this.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        Self::all().find(|known| known.code == code)
    }

    /// The code that may have been meant, if one is near.
    #[must_use]
    pub fn nearest(code: &str) -> Option<Self> {
        let near = Self::all().filter_map(|known| {
            let distance = strsim::damerau_levenshtein(code, known.code);
            (distance <= known.code.len().div_ceil(3)).then_some((distance, known))
        });
        near.min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }

    /// The code itself, such as `state_missing`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status of such an answer; several, separated by commas, where it depends on the cause.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.status
    }

    /// Whose fault it is: `visitor`, `provider`, `configuration`, `store` or `application`; several, separated by commas, where
    /// it depends on the cause.
    #[must_use]
    pub fn fault(&self) -> &'static str {
        self.fault
    }

    /// What is wrong, as Markdown in one line. About an ID token, `it` is the token.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        self.meaning
    }

    /// What to do, for whoever runs the application, as Markdown in one line.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        self.cure
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ErrorCode").field(&self.code).finish()
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

fn cure(code: &str) -> Option<&'static str> {
    let cures = rows(CURES).filter_map(|row| row.split_once(" | "));
    cures
        .into_iter()
        .find(|(cured, _)| cured.trim_matches('`') == code)
        .map(|(_, cure)| cure)
}

/// The rows about codes of a table, without the bars at their ends.
fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter_map(|line| {
        let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
        row.starts_with('`').then_some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_meaning_and_a_cure() {
        assert!(ErrorCode::all().count() > 80, "the tables were not read");
        for known in ErrorCode::all() {
            assert!(known.meaning.len() > 5, "{known} has no meaning");
            assert!(
                known.cure.len() > 10,
                "`{known}` has no cure: add its row to crates/latchgate/src/error/cures.md"
            );
            assert_eq!(
                ErrorCode::find(known.code),
                Some(known),
                "{known} is there twice"
            );
            let statuses = known.status.split(", ");
            statuses.for_each(|status| assert!(status.parse::<u16>().is_ok(), "{known}: {status}"));
        }
    }

    #[test]
    fn every_cure_is_of_a_code() {
        for row in rows(CURES) {
            let (code, _) = row.split_once(" | ").unwrap();
            let code = code.trim_matches('`');
            assert!(
                ErrorCode::find(code).is_some(),
                "no error has the code {code}"
            );
        }
    }

    #[test]
    fn codes_that_were_misspelled_are_guessed() {
        let guessed = |code| ErrorCode::nearest(code).map(|known| known.code);
        assert_eq!(guessed("sate_mising"), Some("state_missing"));
        assert_eq!(guessed("id_token_issuer"), Some("id_token_iss"));
        assert_eq!(guessed("out_of_tea"), None);
        assert_eq!(ErrorCode::find("sate_mising"), None);
    }
}
