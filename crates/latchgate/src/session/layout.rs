//! The encoded form of a session, inside the seal: the number of the layout, the session, and its extras. A session in an
//! unknown layout is ignored, and its user signs in again.

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;

use super::compact::CompactToken;
use super::session::{ParsedClaims, Session};
use super::tokens::Tokens;

const LAYOUT: u8 = 1;

/// Layout 1, and the key that the tokens are bound to.
const LAYOUT_BOUND: u8 = 2;

/// Layout 1, the key if there is one, and what a refreshed ID token leaves out about the authentication.
const LAYOUT_REFRESHED: u8 = 3;

/// Layout 3, whether or not the ID token was refreshed, and what was granted beyond the scope.
const LAYOUT_DETAILED: u8 = 4;

impl Session {
    /// The bytes to seal.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let details = &self.authorization_details;
        let layout = match (&self.dpop_key, self.authentication.is_empty()) {
            _ if !details.is_empty() => LAYOUT_DETAILED,
            (None, true) => LAYOUT,
            (Some(_), true) => LAYOUT_BOUND,
            (_, false) => LAYOUT_REFRESHED,
        };
        let bytes = postcard::to_extend(self, vec![layout]).ok()?;
        let bytes = postcard::to_extend(&self.extras, bytes).ok()?;
        match &self.dpop_key {
            key if layout == LAYOUT_DETAILED => {
                postcard::to_extend(&(key, &self.authentication, details), bytes).ok()
            }
            key if layout == LAYOUT_REFRESHED => {
                postcard::to_extend(&(key, &self.authentication), bytes).ok()
            }
            None => Some(bytes),
            Some(key) => postcard::to_extend(key, bytes).ok(),
        }
    }

    /// Decodes bytes that [`Session::encode`] returned. The session keeps them: its tokens and texts are slices of them.
    pub(crate) fn decode(bytes: impl Into<Bytes>) -> Option<Self> {
        let kept = bytes.into();
        let (layout @ (&LAYOUT | &LAYOUT_BOUND | &LAYOUT_REFRESHED | &LAYOUT_DETAILED), body) =
            kept.split_first()?
        else {
            return None;
        };
        let mut fields = Fields {
            kept: &kept,
            rest: body,
        };
        // In the order in which `encode` writes the fields.
        let session = Self {
            id: fields.next()?,
            generation: fields.next()?,
            registration: fields.text()?,
            issuer: fields.text()?,
            subject: fields.text()?,
            sid: fields.optional(Fields::text)?,
            auth_time: fields.next()?,
            times: fields.next()?,
            tokens: Tokens {
                id_token: fields.token()?,
                access_token: fields.token()?,
                access_validity: fields.next()?,
                refresh_token: fields.optional(Fields::token)?,
                scope: fields.text()?,
            },
            userinfo: fields.text()?,
            extras: fields.next()?,
            dpop_key: match *layout {
                LAYOUT_BOUND => Some(fields.next()?),
                LAYOUT_REFRESHED | LAYOUT_DETAILED => fields.next()?,
                _ => None,
            },
            authentication: match *layout {
                LAYOUT_REFRESHED | LAYOUT_DETAILED => fields.text()?,
                _ => ByteString::new(),
            },
            authorization_details: match *layout {
                LAYOUT_DETAILED => fields.text()?,
                _ => ByteString::new(),
            },
            parsed: ParsedClaims::default(),
        };
        fields.rest.is_empty().then_some(session)
    }
}

/// The fields of an encoded session, one after the other.
struct Fields<'a> {
    kept: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let (field, rest) = postcard::take_from_bytes(self.rest).ok()?;
        self.rest = rest;
        Some(field)
    }

    /// A string, which stays in the bytes that the session keeps.
    fn text(&mut self) -> Option<ByteString> {
        // Strings and bytes are encoded alike.
        let bytes = self.next()?;
        ByteString::try_from(self.kept.slice_ref(bytes)).ok()
    }

    /// As postcard encodes an `Option`.
    fn optional<T>(&mut self, some: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.next()? {
            true => some(self).map(Some),
            false => Some(None),
        }
    }

    fn token(&mut self) -> Option<CompactToken> {
        let (token, rest) = CompactToken::split_off(self.kept, self.rest)?;
        self.rest = rest;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::CookiePersistence;
    use crate::session::ceiling::Ceiling;
    use crate::session::extras::Extras;
    use crate::session::{Seen, Stamp, UserinfoAge};
    use proptest::prelude::*;

    /// [`every`], as layout 1 has always encoded it.
    const LAYOUT_1: &str = "0101010101010101010101010101010101000764656661756c741268747470733a2f2f6f702e657861\
         6d706c650c323438323839373631303031010d74686569722073657373696f6e01de07e807e807c00c\
         d836000f7b22616c67223a225253323536227d727b22617574685f74696d65223a3939302c22656d61\
         696c223a226a616e65406578616d706c652e636f6d222c22697373223a2268747470733a2f2f6f702e\
         6578616d706c65222c22736964223a2274686569722073657373696f6e222c22737562223a22323438\
         323839373631303031227d03000000010f616e206f70617175657e746f6b656e01e807f82301010f61\
         207265667265736820746f6b656e0c6f70656e696420656d61696c000101882701f8230c7b2274656e\
         616e74223a377d818080c03e00010f7b22726f6c6573223a5b2261225d7d";

    /// [`Session::example`] that ends with the browser and has nothing else, in layout 1.
    const LAYOUT_1_SPARSE: &str = "0101010101010101010101010101010101000764656661756c741268747470733a2f2f6f702e657861\
         6d706c650c323438323839373631303031010d74686569722073657373696f6e01de07e807e807c00c\
         d836000f7b22616c67223a225253323536227d727b22617574685f74696d65223a3939302c22656d61\
         696c223a226a616e65406578616d706c652e636f6d222c22697373223a2268747470733a2f2f6f702e\
         6578616d706c65222c22736964223a2274686569722073657373696f6e222c22737562223a22323438\
         323839373631303031227d03000000010f616e206f70617175657e746f6b656e01e807f82301010f61\
         207265667265736820746f6b656e0c6f70656e696420656d61696c000100000000000000";

    fn bytes(hex: &str) -> Vec<u8> {
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    fn with(extras: Extras) -> Session {
        Session {
            extras,
            ..Session::example()
        }
    }

    fn every() -> Session {
        with(Extras {
            remembered: CookiePersistence::UntilClosed,
            ceiling: Ceiling {
                session_expiry: Some(5_000),
                id_token: Some(4_600),
            },
            data: r#"{"tenant":7}"#.to_owned(),
            seen: Seen {
                sub: Stamp::new(1_000, [0, 0, 1]),
                alone: Stamp::default(),
            },
            userinfo_age: UserinfoAge::OlderThanIdToken,
            access_token_claims: r#"{"roles":["a"]}"#.to_owned(),
        })
    }

    fn sparse() -> Session {
        with(Extras {
            remembered: CookiePersistence::UntilClosed,
            ..Extras::default()
        })
    }

    fn extras() -> impl Strategy<Value = Extras> {
        let remembered = prop_oneof![
            Just(CookiePersistence::AcrossRestarts),
            Just(CookiePersistence::UntilClosed)
        ];
        let userinfo_age = prop_oneof![
            Just(UserinfoAge::NewerThanIdToken),
            Just(UserinfoAge::OlderThanIdToken)
        ];
        let deadline = || any::<Option<u64>>();
        let seen = any::<[u8; 3]>().prop_map(|salt| Seen {
            sub: Stamp::default(),
            alone: Stamp::new(1_000, salt),
        });
        let ceiling = (deadline(), deadline()).prop_map(|(session_expiry, id_token)| Ceiling {
            session_expiry,
            id_token,
        });
        (
            remembered,
            ceiling,
            ".{0,40}",
            seen,
            userinfo_age,
            ".{0,40}",
        )
            .prop_map(
                |(remembered, ceiling, data, seen, userinfo_age, access_token_claims)| Extras {
                    remembered,
                    ceiling,
                    data,
                    seen,
                    userinfo_age,
                    access_token_claims,
                },
            )
    }

    /// Cookies of visitors outlive a deployment: these texts may never change. A new layout gets a
    /// number, and texts, of its own.
    #[test]
    fn sessions_of_layout_1_decode_for_ever() {
        for (pinned, session) in [(LAYOUT_1, every()), (LAYOUT_1_SPARSE, sparse())] {
            let decoded = Session::decode(bytes(pinned)).unwrap();
            assert_eq!(decoded.extras, session.extras);
            assert_eq!(decoded.claims(), session.claims());
            assert_eq!(session.encode().unwrap(), bytes(pinned));
        }
    }

    /// What layout 2 has behind [`every`]: a key.
    const LAYOUT_2_GOES_ON: &str =
        "0707070707070707070707070707070707070707070707070707070707070707";

    #[test]
    fn sessions_of_layout_2_decode_for_ever() {
        let pinned = format!("02{}{LAYOUT_2_GOES_ON}", &LAYOUT_1[2..]);
        let decoded = Session::decode(bytes(&pinned)).unwrap();
        assert_eq!(decoded.dpop_key, crate::jose::ProofKey::of([7; 32]));
        assert_eq!(decoded.claims(), every().claims());
        assert_eq!(decoded.encode().unwrap(), bytes(&pinned));
        for length in 0..pinned.len() / 2 {
            assert!(Session::decode(bytes(&pinned)[..length].to_vec()).is_none());
        }
        assert!(Session::decode(bytes(&format!("{pinned}00"))).is_none());
    }

    /// What layout 3 has behind [`every`]: no key, and the `acr` of the login.
    const LAYOUT_3_GOES_ON: &str = "000d7b22616372223a226d6661227d";

    #[test]
    fn sessions_of_layout_3_decode_for_ever() {
        let key = format!("01{LAYOUT_2_GOES_ON}{}", &LAYOUT_3_GOES_ON[2..]);
        for (goes_on, bound) in [(LAYOUT_3_GOES_ON, false), (&*key, true)] {
            let pinned = format!("03{}{goes_on}", &LAYOUT_1[2..]);
            let decoded = Session::decode(bytes(&pinned)).unwrap();
            assert_eq!(decoded.dpop_key.is_some(), bound);
            assert_eq!(decoded.claims()["acr"], "mfa");
            assert_eq!(decoded.claims_text(), None);
            assert_eq!(decoded.encode().unwrap(), bytes(&pinned));
            for length in 0..pinned.len() / 2 {
                assert!(Session::decode(bytes(&pinned)[..length].to_vec()).is_none());
            }
            assert!(Session::decode(bytes(&format!("{pinned}00"))).is_none());
        }
    }

    /// What layout 4 has behind layout 3, or behind [`every`] without an `acr` of the login.
    const LAYOUT_4_GOES_ON: &str = "0e5b7b2274797065223a2261227d5d";

    #[test]
    fn sessions_of_layout_4_decode_for_ever() {
        for before in ["0000", LAYOUT_3_GOES_ON, &format!("01{LAYOUT_2_GOES_ON}00")] {
            let pinned = format!("04{}{before}{LAYOUT_4_GOES_ON}", &LAYOUT_1[2..]);
            let decoded = Session::decode(bytes(&pinned)).unwrap();
            assert_eq!(decoded.dpop_key.is_some(), before.starts_with("01"));
            assert_eq!(
                decoded.authentication.is_empty(),
                before != LAYOUT_3_GOES_ON
            );
            assert_eq!(decoded.authorization_details, r#"[{"type":"a"}]"#);
            assert_eq!(decoded.encode().unwrap(), bytes(&pinned));
            for length in 0..pinned.len() / 2 {
                assert!(Session::decode(bytes(&pinned)[..length].to_vec()).is_none());
            }
            assert!(Session::decode(bytes(&format!("{pinned}00"))).is_none());
        }
    }

    #[test]
    fn another_layout_is_no_session() {
        for session in [Session::example(), every()] {
            let mut encoded = session.encode().unwrap();
            // The second and the third layout go on after the first.
            for layout in (0..=255).filter(|layout| *layout != LAYOUT) {
                encoded[0] = layout;
                assert!(Session::decode(encoded.clone()).is_none(), "{layout}");
            }
        }
        assert!(Session::decode(Vec::new()).is_none());
    }

    #[test]
    fn too_few_and_too_many_bytes_are_no_session() {
        for session in [every(), sparse()] {
            let mut encoded = session.encode().unwrap();
            for length in 0..encoded.len() {
                assert!(
                    Session::decode(encoded[..length].to_vec()).is_none(),
                    "{length}"
                );
            }
            encoded.push(0);
            assert!(Session::decode(encoded.clone()).is_none());
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_application() {
        let shown = format!("{:?} {:?}", every(), every().extras);
        assert!(!shown.contains("tenant"), "{shown}");
    }

    proptest! {
        #[test]
        fn all_extras_make_the_round_trip(extras in extras()) {
            let encoded = with(extras.clone()).encode().unwrap();
            let decoded = Session::decode(encoded.clone()).unwrap();
            prop_assert_eq!(&decoded.extras, &extras);
            prop_assert_eq!(decoded.encode().unwrap(), encoded);
        }

        #[test]
        fn a_truncated_session_is_none(extras in extras(), cut in any::<prop::sample::Index>()) {
            let encoded = with(extras).encode().unwrap();
            prop_assert!(Session::decode(encoded[..cut.index(encoded.len())].to_vec()).is_none());
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Session::decode(bytes.clone());
            bytes.insert(0, LAYOUT);
            let _ = Session::decode(bytes.clone());
        }

        #[test]
        fn a_changed_session_never_panics(place in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut encoded = every().encode().unwrap();
            let place = place.index(encoded.len());
            encoded[place] = with;
            if let Some(session) = Session::decode(encoded.clone()) {
                let _ = (session.claims(), session.tokens.access_token.text());
            }
        }
    }
}
