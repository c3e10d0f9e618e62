//! Signature algorithms: [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518#section-3.1) and
//! [RFC 8037 §3.1](https://www.rfc-editor.org/rfc/rfc8037#section-3.1); and the half hashes of
//! [Core §3.1.3.6](https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken).

use aws_lc_rs::digest;
use base64_simd::URL_SAFE_NO_PAD;
use std::{fmt, str::FromStr};

/// An algorithm of a signature: one that latchgate verifies, or signs with.
///
/// There is deliberately no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, which every OpenID Provider supports.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256 under the client secret.
    Hs256,
    /// HMAC with SHA-384 under the client secret.
    Hs384,
    /// HMAC with SHA-512 under the client secret.
    Hs512,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The name in the `alg` header, as registered by RFC 7518 and RFC 8037.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Whether the key is the client secret, which both sides know, instead of a key pair.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    /// The hash function of the algorithm; Ed25519 has SHA-512 built in.
    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 | Self::Hs256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 | Self::Hs384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::Hs512 | Self::EdDsa => &digest::SHA512,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = AlgorithmError;

    /// Reads a registered name; letter case counts.
    fn from_str(name: &str) -> Result<Self, AlgorithmError> {
        let known = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name);
        known.ok_or_else(|| match name.eq_ignore_ascii_case("none") {
            true => AlgorithmError::Unsigned,
            false => AlgorithmError::Unknown(name.to_owned()),
        })
    }
}

/// Why a name is not an [`Algorithm`].
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlgorithmError {
    /// The name is `none`, which would mean no signature at all.
    #[error("`none` means unsigned, which is never accepted; use one of {}", listed(&Algorithm::ALL))]
    Unsigned,
    /// The name is not one of those accepted.
    #[error("{0:?} is not a supported signature algorithm; use one of {accepted}", accepted = listed(&Algorithm::ALL))]
    Unknown(String),
}

debug_with_causes!(AlgorithmError);

/// The accepted names, with a blank between them.
pub(super) fn listed(accepted: &[impl ToString]) -> String {
    let names: Vec<_> = accepted.iter().map(ToString::to_string).collect();
    names.join(" ")
}

/// The left half of the hash of a text in base64url: what `at_hash`, `c_hash` and `s_hash` must be
/// in an ID token signed with this algorithm.
pub(crate) fn left_half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash = digest::digest(algorithm.digest(), text.as_bytes());
    let hash = hash.as_ref();
    URL_SAFE_NO_PAD.encode_to_string(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_the_round_trip() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
            assert_eq!(
                algorithm.is_symmetric(),
                algorithm.as_str().starts_with("HS")
            );
            let bits = digest::digest(algorithm.digest(), b"").as_ref().len() * 8;
            assert!(
                algorithm == Algorithm::EdDsa || algorithm.as_str().ends_with(&bits.to_string())
            );
        }
    }

    #[test]
    fn other_names_are_refused_with_a_list() {
        for name in [
            "", "rs256", "RS256 ", "ES521", "ES256K", "RSA1_5", "HS256\n",
        ] {
            let error = name.parse::<Algorithm>().unwrap_err();
            assert_eq!(error, AlgorithmError::Unknown(name.to_owned()));
            assert!(error.to_string().ends_with(
                "use one of RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA HS256 HS384 HS512"
            ));
        }
        for name in ["none", "None", "NONE", "nOnE"] {
            let error = name.parse::<Algorithm>().unwrap_err();
            assert_eq!(error, AlgorithmError::Unsigned);
            assert!(error.to_string().contains("never accepted"));
        }
    }

    /// The first is the example of OpenID Connect Core §A.3; the others were computed with OpenSSL.
    #[test]
    fn half_hashes_follow_the_algorithm() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        for (algorithm, expected) in [
            (Algorithm::Rs256, "77QmUPtjPfzWtF2AnpK9RQ"),
            (Algorithm::Es256, "77QmUPtjPfzWtF2AnpK9RQ"),
            (Algorithm::Es384, "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"),
            (
                Algorithm::EdDsa,
                "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM",
            ),
            (
                Algorithm::Hs512,
                "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM",
            ),
        ] {
            assert_eq!(left_half_hash(algorithm, token), expected, "{algorithm}");
        }
    }
}
