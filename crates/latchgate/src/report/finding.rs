//! One finding.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::code::FindingCode;

/// How bad a finding is, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// All is well.
    Ok,
    /// Worth knowing. It may well be what is wanted.
    Hint,
    /// Something does not work as it should, or will not at some time; or it could not be found out whether it does.
    Warning,
    /// Logins fail, sessions are lost, or something is not safe: a deployment should stop here.
    Mistake,
}

impl Severity {
    /// The word for it: `ok`, `hint`, `warning`, `mistake`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hint => "hint",
            Self::Warning => "warning",
            Self::Mistake => "mistake",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that was looked at, and how it is.
///
/// Its texts contain no secret. They are sentences without the full stop, which `Display` adds.
///
/// ```
/// use latchgate::FindingCode;
///
/// let finding = FindingCode::StoreEviction.mistake(
///     "`maxmemory-policy` is `allkeys-lru`",
///     "Set it to `noeviction`",
/// );
/// assert_eq!(finding.code().as_str(), "store-eviction");
/// assert!(finding.link().ends_with("doctor.html#store-eviction"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    code: FindingCode,
    severity: Severity,
    about: Option<String>,
    what: String,
    cure: Option<String>,
}

impl FindingCode {
    /// Something that is in order.
    #[must_use]
    pub fn ok(self, what: impl Into<String>) -> Finding {
        Finding {
            code: self,
            severity: Severity::Ok,
            about: None,
            what: what.into(),
            cure: None,
        }
    }

    /// Something that works, and would be better otherwise: what was seen, and what to do about it.
    #[must_use]
    pub fn hint(self, what: impl Into<String>, cure: impl Into<String>) -> Finding {
        self.finding(Severity::Hint, what, cure)
    }

    /// Something that may not work: what was seen, and what to do about it.
    #[must_use]
    pub fn warning(self, what: impl Into<String>, cure: impl Into<String>) -> Finding {
        self.finding(Severity::Warning, what, cure)
    }

    /// Something that does not work: what was seen, and what to do about it.
    #[must_use]
    pub fn mistake(self, what: impl Into<String>, cure: impl Into<String>) -> Finding {
        self.finding(Severity::Mistake, what, cure)
    }

    /// What was seen, how bad it is, and what to do about it.
    #[must_use]
    pub fn finding(
        self,
        severity: Severity,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            cure: Some(cure.into()),
            ..self.ok(what)
        }
    }
}

impl Finding {
    /// Which provider or store it is about, where there can be several.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.about = Some(subject.into());
        self
    }

    /// What was looked at.
    #[must_use]
    pub fn code(&self) -> FindingCode {
        self.code
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Which provider or store it is about; `None` for the gate itself.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.about.as_deref()
    }

    /// What was seen.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Why it matters.
    #[must_use]
    pub fn why(&self) -> &'static str {
        self.code.why()
    }

    /// What to do about it; `None` if there is nothing to do.
    #[must_use]
    pub fn cure(&self) -> Option<&str> {
        self.cure.as_deref()
    }

    /// Where the guide explains it: a URL.
    #[must_use]
    pub fn link(&self) -> String {
        self.code.link()
    }

    /// The same with every occurrence of these texts replaced.
    pub(crate) fn without(mut self, secrets: &[&str]) -> Self {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            let texts = [
                Some(&mut self.what),
                self.cure.as_mut(),
                self.about.as_mut(),
            ];
            for text in texts.into_iter().flatten() {
                if text.contains(secret) {
                    *text = text.replace(secret, "(redacted)");
                }
            }
        }
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<7}  {}", self.severity, self.code)?;
        if let Some(about) = &self.about {
            write!(f, "  {about}")?;
        }
        write!(f, "\n  {}.", self.what)?;
        if self.severity == Severity::Ok {
            return Ok(());
        }
        write!(f, "\n  Why: {}", self.why())?;
        if let Some(cure) = &self.cure {
            write!(f, "\n  Cure: {cure}.")?;
        }
        write!(f, "\n  {}", self.link())
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 7)?;
        finding.serialize_field("code", self.code.as_str())?;
        finding.serialize_field("severity", &self.severity)?;
        finding.serialize_field("subject", &self.about)?;
        finding.serialize_field("what", &self.what)?;
        finding.serialize_field("why", self.why())?;
        finding.serialize_field("cure", &self.cure)?;
        finding.serialize_field("link", &self.link())?;
        finding.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_has_quoted_is_taken_out() {
        let finding = FindingCode::Issuer
            .hint("it said hunter2!", "not hunter2")
            .about("hunter2");
        let clean = finding.clone().without(&["", "hunter2"]);
        assert!(!format!("{clean:?}").contains("hunter2"), "{clean:?}");
        assert_eq!(clean.what(), "it said (redacted)!");
        assert_eq!(finding.clone().without(&[""]), finding);
    }
}
