//! The access token of a request: [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750#section-2.1) and
//! [RFC 9449 §7.1](https://www.rfc-editor.org/rfc/rfc9449#section-7.1).
//!
//! Only the `Authorization` header counts. A token in the query ends up in logs and histories (RFC 6750 §5.3), and one in
//! a form would be read before the application reads its body, so neither is looked at.

use std::fmt;

use super::error::BearerError;
use crate::head::RequestHead;

/// How an access token was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthScheme {
    Bearer,
    Dpop,
}

/// An access token as a request presents it. Nothing about it has been verified.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) scheme: AuthScheme,
    pub(crate) token: String,
    /// The `DPoP` header, where there is exactly one.
    pub(crate) proof: Option<String>,
}

/// The longest access token that is read, in bytes.
const LONGEST: usize = 16 * 1024;

impl Credentials {
    /// The access token of a request. `None` if it presents none, by a header of another scheme or by no header.
    pub(crate) fn of(head: &dyn RequestHead) -> Option<Result<Self, BearerError>> {
        let (mut fields, mut found) = (0, None);
        head.header("authorization", &mut |field| {
            fields += 1;
            found = found.or_else(|| AuthScheme::of(field));
        });
        let (scheme, token) = found?;
        Some(match fields {
            1 => Self::read(scheme, token, head),
            _ => Err(BearerError::Several),
        })
    }

    fn read(scheme: AuthScheme, token: &[u8], head: &dyn RequestHead) -> Result<Self, BearerError> {
        if token.is_empty() || token.len() > LONGEST {
            return Err(BearerError::Malformed);
        }
        let token = std::str::from_utf8(token).map_err(|_| BearerError::Malformed)?;
        let mut proofs = Vec::new();
        head.header("dpop", &mut |proof| proofs.push(proof));
        let proof = match *proofs {
            [] => None,
            // §4.3 step 1.
            [proof] if proof.len() <= LONGEST => {
                let proof = std::str::from_utf8(proof).map_err(|_| BearerError::Malformed)?;
                Some(proof.to_owned())
            }
            _ => return Err(BearerError::Malformed),
        };
        Ok(Self {
            scheme,
            token: token.to_owned(),
            proof,
        })
    }

    /// Checks that the token consists of what tokens consist of. Not before it is known to be new: a token that was good
    /// before is compared by its hash.
    pub(crate) fn check_token(token: &str) -> Result<(), BearerError> {
        match is_token68(token) {
            true => Ok(()),
            false => Err(BearerError::Malformed),
        }
    }
}

impl AuthScheme {
    /// The scheme of a header field, if it is one of ours in any letter case (RFC 9110 §11.1), and what follows it.
    fn of(field: &[u8]) -> Option<(Self, &[u8])> {
        let end = field.iter().position(|byte| *byte == b' ');
        let (name, rest) = field.split_at(end.unwrap_or(field.len()));
        if name.eq_ignore_ascii_case(b"bearer") {
            return Some((Self::Bearer, rest.trim_ascii()));
        }
        (name.eq_ignore_ascii_case(b"dpop")).then(|| (Self::Dpop, rest.trim_ascii()))
    }
}

/// `b64token` of RFC 6750 §2.1.
fn is_token68(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| TOKEN68[usize::from(byte)])
}

/// The bytes of a token, by a table: it is looked at once for every byte of every new token.
const TOKEN68: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let it = byte as u8;
        table[byte] =
            it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        byte += 1;
    }
    table
};

impl fmt::Debug for Credentials {
    /// Token and proof are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn read(fields: &[(&str, &str)]) -> Option<Result<(AuthScheme, String, bool), BearerError>> {
        let mut request = Request::get("/?access_token=never");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let found = Credentials::of(&request.body(()).unwrap());
        found.map(|found| {
            let found = found?;
            Credentials::check_token(&found.token)?;
            Ok((found.scheme, found.token, found.proof.is_some()))
        })
    }

    #[test]
    fn the_scheme_has_any_letter_case_and_the_token_its_own() {
        for (field, scheme) in [
            ("Bearer a.B-c_~+/==", AuthScheme::Bearer),
            ("bearer   a.B-c_~+/==", AuthScheme::Bearer),
            ("BEARER a.B-c_~+/== ", AuthScheme::Bearer),
            ("DPoP a.B-c_~+/==", AuthScheme::Dpop),
            ("dpop a.B-c_~+/==", AuthScheme::Dpop),
        ] {
            let expected = (scheme, "a.B-c_~+/==".to_owned(), false);
            assert_eq!(
                read(&[("authorization", field)]),
                Some(Ok(expected)),
                "{field}"
            );
        }
        let bound = read(&[("authorization", "DPoP t"), ("dpop", "proof")]);
        assert_eq!(bound, Some(Ok((AuthScheme::Dpop, "t".to_owned(), true))));
    }

    #[test]
    fn other_schemes_and_the_query_present_no_token() {
        assert_eq!(read(&[]), None);
        for field in ["Basic YTpi", "Bearers t", "Bear", "", "Negotiate Bearer t"] {
            assert_eq!(read(&[("authorization", field)]), None, "{field}");
        }
    }

    #[test]
    fn anything_but_one_token_is_malformed() {
        let long = format!("Bearer {}", "a".repeat(LONGEST + 1));
        for field in [
            "Bearer",
            "Bearer ",
            "Bearer =",
            "Bearer a b",
            "Bearer a,Bearer b",
            "Bearer \"a\"",
            "Bearer\ta",
            "Bearer a=b",
            "DPoP",
            &long,
        ] {
            let found = read(&[("authorization", field)]);
            assert!(
                matches!(found, Some(Err(BearerError::Malformed)) | None),
                "{field}"
            );
            assert!(found.is_some() || field.contains('\t'), "{field}");
        }
        for second in ["Bearer b", "Basic YTpi", "DPoP a"] {
            let found = read(&[("authorization", "Bearer a"), ("authorization", second)]);
            assert_eq!(found, Some(Err(BearerError::Several)), "{second}");
        }
        let proofs = [("authorization", "DPoP t"), ("dpop", "a"), ("dpop", "b")];
        assert_eq!(read(&proofs), Some(Err(BearerError::Malformed)));
    }
}
