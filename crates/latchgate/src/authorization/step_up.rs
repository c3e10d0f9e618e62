//! Step-up authentication: what a protected page requires of how and when a person authenticated, and the login at
//! which they authenticate again.
//! [RFC 9470](https://www.rfc-editor.org/rfc/rfc9470),
//! [OpenID Connect Core 1.0 §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest) (`acr_values`,
//! `max_age`) and [§2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken) (`acr`, `amr`, `auth_time`).

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// What is required of a person's authentication, and not met by the present one. They may authenticate again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepUp {
    /// Acceptable Authentication Context Class References, best first; any if empty. The ID token's `acr` must be one of
    /// them.
    pub acr: Vec<String>,
    /// Authentication Method References (RFC 8176), all of which the ID token's `amr` must contain.
    pub amr: Vec<String>,
    /// The longest acceptable time since the authentication, in seconds.
    pub max_age: Option<u64>,
}

impl StepUp {
    /// Whether this `acr` is acceptable.
    pub(crate) fn accepts_acr(&self, acr: Option<&str>) -> bool {
        self.acr.is_empty() || acr.is_some_and(|acr| self.acr.iter().any(|known| known == acr))
    }

    /// Whether this `amr` has all that is required.
    pub(crate) fn accepts_amr(&self, amr: &[&str]) -> bool {
        self.amr.iter().all(|method| amr.contains(&method.as_str()))
    }

    /// Whether a person who authenticated at this time did so recently enough at the time `now`.
    pub(crate) fn accepts_age(&self, auth_time: Option<u64>, now: u64) -> bool {
        self.max_age
            .is_none_or(|max_age| auth_time.is_some_and(|time| now.saturating_sub(time) <= max_age))
    }

    /// Both requirements in one: somebody who has to authenticate again should have to do so once.
    ///
    /// Where no `acr` is acceptable to both, those of `self` count, and the other requirement stays unmet.
    pub(crate) fn and(mut self, other: Self) -> Self {
        if self.acr.is_empty() {
            self.acr = other.acr;
        } else if self.acr.iter().any(|acr| other.acr.contains(acr)) {
            self.acr.retain(|acr| other.acr.contains(acr));
        }
        for method in other.amr {
            if !self.amr.contains(&method) {
                self.amr.push(method);
            }
        }
        self.max_age = match (self.max_age, other.max_age) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        self
    }
}

impl fmt::Display for StepUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("authentication")?;
        let mut word = " with";
        if !self.acr.is_empty() {
            write!(f, "{word} the acr `{}`", self.acr.join("` or `"))?;
            word = " and";
        }
        if !self.amr.is_empty() {
            write!(f, "{word} the amr `{}`", self.amr.join("` and `"))?;
        }
        if let Some(max_age) = self.max_age {
            write!(f, " within the last {max_age} seconds")?;
        }
        f.write_str(" is required")
    }
}

/// What the ID token of a step-up login must say, besides `auth_time` for `max_age`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ExpectedStepUp {
    person: PersonDigest,
    acr: Vec<String>,
    amr: Vec<String>,
}

/// Names a person in a login cookie, by a digest of fixed size.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PersonDigest([u8; 16]);

impl PersonDigest {
    fn of(issuer: &str, subject: &str) -> Self {
        let mut context = Context::new(&SHA256);
        // The length keeps the two apart.
        context.update(&(issuer.len() as u64).to_be_bytes());
        context.update(issuer.as_bytes());
        context.update(subject.as_bytes());
        let digest = context.finish();
        Self(std::array::from_fn(|place| digest.as_ref()[place]))
    }
}

debug_redacted!(PersonDigest);

impl ExpectedStepUp {
    /// The step-up of this person.
    pub(crate) fn of(required: &StepUp, issuer: &str, subject: &str) -> Self {
        Self {
            person: PersonDigest::of(issuer, subject),
            acr: required.acr.clone(),
            amr: required.amr.clone(),
        }
    }

    /// Whether it is this person who had to authenticate again.
    pub(crate) fn is_of(&self, issuer: &str, subject: &str) -> bool {
        self.person == PersonDigest::of(issuer, subject)
    }

    /// Whether an ID token with this `acr` and `amr` is what was required.
    pub(crate) fn is_met_by(&self, acr: Option<&str>, amr: &[&str]) -> bool {
        let required = StepUp {
            acr: self.acr.clone(),
            amr: self.amr.clone(),
            max_age: None,
        };
        required.accepts_acr(acr) && required.accepts_amr(amr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(acr: &[&str], amr: &[&str], max_age: Option<u64>) -> StepUp {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        StepUp {
            acr: owned(acr),
            amr: owned(amr),
            max_age,
        }
    }

    #[test]
    fn one_acr_is_enough_and_every_amr_is_needed() {
        let strong = required(&["mfa", "phr"], &["otp", "pwd"], Some(60));
        for (acr, accepted) in [
            (Some("mfa"), true),
            (Some("phr"), true),
            (Some("MFA"), false),
            (Some("mfa phr"), false),
            (Some(""), false),
            (None, false),
        ] {
            assert_eq!(strong.accepts_acr(acr), accepted, "{acr:?}");
        }
        assert!(strong.accepts_amr(&["pwd", "sms", "otp"]));
        assert!(!strong.accepts_amr(&["pwd"]) && !strong.accepts_amr(&[]));
        assert!(strong.accepts_age(Some(40), 100) && !strong.accepts_age(Some(39), 100));
        assert!(strong.accepts_age(Some(200), 100) && !strong.accepts_age(None, 100));
        let nothing = required(&[], &[], None);
        assert!(nothing.accepts_acr(None) && nothing.accepts_amr(&[]));
        assert!(nothing.accepts_age(None, 100));
    }

    #[test]
    fn two_requirements_become_one_that_meets_both() {
        let both = required(&["a", "b", "c"], &["otp"], Some(300)).and(required(
            &["c", "b"],
            &["otp", "pwd"],
            Some(60),
        ));
        assert_eq!(both, required(&["b", "c"], &["otp", "pwd"], Some(60)));
        let apart = required(&["a"], &[], None).and(required(&["b"], &[], Some(5)));
        assert_eq!(apart, required(&["a"], &[], Some(5)));
        let alone = required(&[], &[], None).and(required(&["b"], &[], None));
        assert_eq!(alone, required(&["b"], &[], None));
    }

    #[test]
    fn what_is_required_is_a_sentence() {
        for (required, sentence) in [
            (
                required(&[], &[], Some(300)),
                "authentication within the last 300 seconds is required",
            ),
            (
                required(&["a", "b"], &["otp", "pwd"], Some(5)),
                "authentication with the acr `a` or `b` and the amr `otp` and `pwd` within the last 5 seconds is required",
            ),
            (
                required(&[], &["otp"], None),
                "authentication with the amr `otp` is required",
            ),
        ] {
            assert_eq!(required.to_string(), sentence);
        }
    }

    #[test]
    fn a_step_up_belongs_to_one_person() {
        let expected = ExpectedStepUp::of(&required(&["mfa"], &["otp"], None), "https://a", "bc");
        assert!(expected.is_of("https://a", "bc"));
        for (issuer, subject) in [
            ("https://a", "b"),
            ("https://ab", "c"),
            ("https://b", "bc"),
            ("", "https://abc"),
        ] {
            assert!(!expected.is_of(issuer, subject), "{issuer} {subject}");
        }
        assert!(expected.is_met_by(Some("mfa"), &["otp"]));
        assert!(!expected.is_met_by(Some("pwd"), &["otp"]));
        assert!(!expected.is_met_by(Some("mfa"), &["pwd"]));
        assert!(!expected.is_met_by(None, &["otp"]));
        assert!(!format!("{expected:?}").contains("https"));
    }
}
