//! Challenges of a protected resource: [RFC 6750 §3](https://www.rfc-editor.org/rfc/rfc6750#section-3),
//! [RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1) for DPoP, and
//! [RFC 9728 §5.1](https://www.rfc-editor.org/rfc/rfc9728#section-5.1), which names the resource's metadata.

use http::HeaderValue;

use crate::authorization::StepUp;

/// The algorithms that proofs may be signed with.
pub(crate) const PROOF_ALGS: &str = "ES256 ES384 EdDSA PS256 PS384 PS512 RS256 RS384 RS512";

/// The parameters of a challenge.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChallengeParameters<'a> {
    /// The error code; none for a request without a token (RFC 6750 §3.1).
    pub(crate) error: Option<&'a str>,
    /// The scope that the request needs.
    pub(crate) scope: Option<&'a str>,
    /// RFC 9470 §3.
    pub(crate) acr_values: Option<String>,
    /// RFC 9470 §3, in seconds.
    pub(crate) max_age: Option<u64>,
    /// The URL of the metadata.
    pub(crate) resource_metadata: Option<&'a str>,
    /// What is protected, where there is no metadata: a challenge needs a parameter. Empty where it has others.
    pub(crate) realm: &'a str,
}

impl ChallengeParameters<'_> {
    /// What RFC 9470 §3 says of an authentication that is not enough.
    pub(crate) fn step_up(required: &StepUp) -> Self {
        Self {
            error: Some("insufficient_user_authentication"),
            acr_values: (!required.acr.is_empty()).then(|| required.acr.join(" ")),
            max_age: required.max_age,
            ..Self::default()
        }
    }

    /// The challenge of the scheme `Bearer`.
    pub(crate) fn bearer(&self) -> HeaderValue {
        self.written("Bearer", None)
    }

    /// The challenge of the scheme `DPoP`.
    pub(crate) fn dpop(&self) -> HeaderValue {
        self.written("DPoP", Some(("algs", PROOF_ALGS)))
    }

    fn written(&self, scheme: &'static str, more: Option<(&str, &str)>) -> HeaderValue {
        let max_age = self.max_age.map(|age| age.to_string());
        let parameters = [
            ("error", self.error),
            ("scope", self.scope),
            ("acr_values", self.acr_values.as_deref()),
            ("max_age", max_age.as_deref()),
            ("resource_metadata", self.resource_metadata),
        ];
        let given = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let mut given: Vec<_> = given.chain(more).collect();
        if self.resource_metadata.is_none() && !self.realm.is_empty() {
            given.push(("realm", self.realm));
        }
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", quoted(value)))
            .collect();
        let text = format!("{scheme} {}", given.join(", "));
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(scheme))
    }
}

/// The inside of a quoted string (RFC 9110 §5.6.4). What cannot be in one is left out.
fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len());
    for character in value.chars().filter(|c| matches!(c, ' '..='~')) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_a_token_gets_no_error_code() {
        let plain = ChallengeParameters {
            realm: "https://api.example",
            ..ChallengeParameters::default()
        };
        assert_eq!(plain.bearer(), "Bearer realm=\"https://api.example\"");
        let metadata = ChallengeParameters {
            resource_metadata: Some("https://api.example/m"),
            ..plain
        };
        assert_eq!(
            metadata.bearer(),
            "Bearer resource_metadata=\"https://api.example/m\""
        );
        let dpop =
            format!("DPoP resource_metadata=\"https://api.example/m\", algs=\"{PROOF_ALGS}\"");
        assert_eq!(metadata.dpop(), dpop);
    }

    #[test]
    fn a_step_up_names_what_is_required() {
        let challenge = |acr: &[&str], max_age| {
            let required = StepUp {
                acr: acr.iter().map(|acr| (*acr).to_owned()).collect(),
                amr: Vec::new(),
                max_age,
            };
            ChallengeParameters::step_up(&required).bearer()
        };
        let error = "Bearer error=\"insufficient_user_authentication\"";
        assert_eq!(challenge(&[], None), error);
        assert_eq!(
            challenge(&["mfa", "urn:x"], Some(5)),
            format!("{error}, acr_values=\"mfa urn:x\", max_age=\"5\"")
        );
    }

    #[test]
    fn what_is_wrong_comes_first_and_nothing_leaves_its_quotes() {
        let parameters = ChallengeParameters {
            error: Some("insufficient_scope"),
            scope: Some("read \"x\\y\r\nä"),
            acr_values: Some("mfa".to_owned()),
            max_age: Some(300),
            resource_metadata: None,
            realm: "r",
        };
        assert_eq!(
            parameters.bearer(),
            "Bearer error=\"insufficient_scope\", scope=\"read \\\"x\\\\y\", acr_values=\"mfa\", max_age=\"300\", realm=\"r\""
        );
    }
}
