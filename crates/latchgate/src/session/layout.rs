//! The encoded form of a session, inside the seal: the number of the layout, the session, and its extras. A session in an
//! unknown layout is ignored, and its user signs in again.

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use super::compact::{CompactToken, Part};
use super::extras::Extras;
use super::lifetime::Times;
use super::session::{ParsedClaims, Session};
use super::tokens::Tokens;
use crate::jose::ProofKey;

const LAYOUT: u8 = 1;

/// How many bytes are reserved for what is usually short.
const ROOM_FOR_THE_REST: usize = 512;

/// A session as it is encoded, in this order.
#[derive(Serialize)]
struct Encoded<'a> {
    id: [u8; 16],
    generation: u32,
    registration: Part<'a>,
    issuer: Part<'a>,
    subject: Part<'a>,
    sid: Option<Part<'a>>,
    auth_time: Option<u64>,
    times: Times,
    id_token: Part<'a>,
    access_token: Part<'a>,
    access_validity: Option<(u64, u64)>,
    refresh_token: Option<Part<'a>>,
    scope: Part<'a>,
    userinfo: Part<'a>,
    authentication: Part<'a>,
    authorization_details: Part<'a>,
    dpop_key: Option<&'a ProofKey>,
    extras: &'a Extras,
}

impl Session {
    /// The bytes to seal.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let tokens = &self.tokens;
        let encoded = Encoded {
            id: self.id,
            generation: self.generation,
            registration: text(&self.registration),
            issuer: text(&self.issuer),
            subject: text(&self.subject),
            sid: self.sid.as_ref().map(text),
            auth_time: self.auth_time,
            times: self.times,
            id_token: tokens.id_token.encoded(),
            access_token: tokens.access_token.encoded(),
            access_validity: tokens.access_validity,
            refresh_token: tokens.refresh_token.as_ref().map(CompactToken::encoded),
            scope: text(&tokens.scope),
            userinfo: text(&self.userinfo),
            authentication: text(&self.authentication),
            authorization_details: text(&self.authorization_details),
            dpop_key: self.dpop_key.as_ref(),
            extras: &self.extras,
        };
        let long = tokens.encoded_len() + self.userinfo.len() + self.extras.data.len();
        let mut bytes = Vec::with_capacity(long + ROOM_FOR_THE_REST);
        bytes.push(LAYOUT);
        postcard::to_extend(&encoded, bytes).ok()
    }

    /// Decodes bytes that [`Session::encode`] returned. The session keeps them: its tokens and texts are slices of them.
    pub(crate) fn decode(bytes: impl Into<Bytes>) -> Option<Self> {
        let kept: Bytes = bytes.into();
        let mut read = Reader {
            rest: kept.strip_prefix(&[LAYOUT])?,
            kept: &kept,
        };
        let session = Self {
            id: read.next()?,
            generation: read.next()?,
            registration: read.text()?,
            issuer: read.text()?,
            subject: read.text()?,
            sid: match read.next_if_any()? {
                Some(sid) => Some(ByteString::try_from(sid).ok()?),
                None => None,
            },
            auth_time: read.next()?,
            times: read.next()?,
            tokens: Tokens {
                id_token: CompactToken::encoded_as(read.bytes()?),
                access_token: CompactToken::encoded_as(read.bytes()?),
                access_validity: read.next()?,
                refresh_token: read.next_if_any()?.map(CompactToken::encoded_as),
                scope: read.text()?,
            },
            userinfo: read.text()?,
            authentication: read.text()?,
            authorization_details: read.text()?,
            dpop_key: read.next()?,
            extras: read.next()?,
            parsed: ParsedClaims::default(),
        };
        read.rest.is_empty().then_some(session)
    }
}

/// Reads the fields of [`Encoded`] one by one.
struct Reader<'a> {
    rest: &'a [u8],
    kept: &'a Bytes,
}

impl<'a> Reader<'a> {
    fn next<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let (field, rest) = postcard::take_from_bytes(self.rest).ok()?;
        self.rest = rest;
        Some(field)
    }

    /// A part of the bytes, which is not copied.
    fn bytes(&mut self) -> Option<Bytes> {
        let part: Part<'_> = self.next()?;
        Some(self.kept.slice_ref(part.0))
    }

    /// A part that may be missing.
    fn next_if_any(&mut self) -> Option<Option<Bytes>> {
        let part: Option<Part<'_>> = self.next()?;
        Some(part.map(|part| self.kept.slice_ref(part.0)))
    }

    fn text(&mut self) -> Option<ByteString> {
        ByteString::try_from(self.bytes()?).ok()
    }
}

fn text(text: &ByteString) -> Part<'_> {
    Part(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::CookiePersistence;
    use crate::session::ceiling::Ceiling;
    use crate::session::extras::Extras;
    use crate::session::{Seen, Stamp, UserinfoAge};
    use proptest::prelude::*;
    use serde_json::json;

    /// [`every`], as layout 1 has always encoded it.
    const LAYOUT_1: &str = "0101010101010101010101010101010101ac020764656661756c741268747470733a2f2f6f702e65\
         78616d706c650c323438323839373631303031010d74686569722073657373696f6e01de07e807e8\
         07c00cd8368801000f7b22616c67223a225253323536227d727b22617574685f74696d65223a3939\
         302c22656d61696c223a226a616e65406578616d706c652e636f6d222c22697373223a2268747470\
         733a2f2f6f702e6578616d706c65222c22736964223a2274686569722073657373696f6e222c2273\
         7562223a22323438323839373631303031227d0300000011010f616e206f70617175657e746f6b65\
         6e01e807f8230111010f61207265667265736820746f6b656e0c6f70656e696420656d61696c247b\
         22737562223a22323438323839373631303031222c226e616d65223a224a616e65227d0d7b226163\
         72223a226d6661227d0e5b7b2274797065223a2261227d5d01070707070707070707070707070707\
         07070707070707070707070707070707070101882701f8230c7b2274656e616e74223a377d818080\
         c03e00010f7b22726f6c6573223a5b2261225d7d";

    /// [`sparse`], in layout 1.
    const LAYOUT_1_SPARSE: &str = "0101010101010101010101010101010101000764656661756c741268747470733a2f2f6f702e6578\
         616d706c6501310000e807e807c00cd8360b01096e6f742061204a575411010f616e206f70617175\
         657e746f6b656e000000000000000000000000000000";

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

    /// A session that has everything.
    fn every() -> Session {
        Session {
            generation: 300,
            userinfo: r#"{"sub":"248289761001","name":"Jane"}"#.into(),
            authentication: r#"{"acr":"mfa"}"#.into(),
            authorization_details: r#"[{"type":"a"}]"#.into(),
            dpop_key: crate::jose::ProofKey::of([7; 32]),
            ..with(Extras {
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
    }

    /// A session of which the provider said as little as possible.
    fn sparse() -> Session {
        let mut session = Session::example_of(&json!({ "sub": "1" }));
        session.tokens.access_validity = None;
        session.tokens.refresh_token = None;
        session.tokens.scope = ByteString::new();
        session.tokens.id_token = CompactToken::pack("not a JWT");
        session
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
            let encoded = session.encode().unwrap();
            let hex: String = encoded.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, pinned);
            let decoded = Session::decode(bytes(pinned)).unwrap();
            assert_eq!(format!("{decoded:?}"), format!("{session:?}"));
            assert_eq!(decoded.claims(), session.claims());
            assert_eq!(decoded.extras, session.extras);
            assert_eq!(decoded.tokens, session.tokens);
            assert_eq!(decoded.tokens.access_token.text(), "an opaque~token");
            assert_eq!(decoded.dpop_key, session.dpop_key);
            assert_eq!(decoded.authentication, session.authentication);
            assert_eq!(decoded.authorization_details, session.authorization_details);
            assert_eq!(decoded.encode().unwrap(), encoded);
        }
    }

    #[test]
    fn another_layout_is_no_session() {
        for session in [sparse(), every()] {
            let mut encoded = session.encode().unwrap();
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
