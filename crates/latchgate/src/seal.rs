//! Sealing: text that only this application can read, and only it can have written.
//!
//! AES-256-GCM ([NIST SP 800-38D](https://doi.org/10.6028/NIST.SP.800-38D)) under keys derived with
//! HKDF-SHA256 ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)). A sealed text is unpadded
//! base64url of:
//!
//! ```text
//! format (1) | key id (4) | nonce (12) | ciphertext | tag (16)
//! ```
//!
//! Each purpose has its own key, and the format, key id, purpose, name and context are authenticated with the content. So
//! a login cookie never opens as a session, and a session of one application does not open in another: the context is
//! the application's origin. The session itself says which registration it belongs to (`sessions/registrations`).
//!
//! # Limits
//!
//! With random 96-bit nonces one key may seal 2³² texts (SP 800-38D §8.3). That takes
//! seven weeks at a thousand seals a second, and 136 years at one a second. A busy application must put a new key at the
//! front of the list in time.

mod associated_data;
mod session_key;
mod unopened;

use associated_data::{AssociatedData, with_lengths};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest, hkdf, hmac,
};
use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};
use bytes::{Buf, Bytes};
pub use session_key::{KeyError, SessionKey};
use std::fmt;
pub(crate) use unopened::WhySealed;

const FORMAT: u8 = 1;
const KEY_ID_LEN: usize = 4;
const NONCE_LEN: usize = 12;
const HEADER_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;
const TAG_LEN: usize = 16;

/// What a sealed text is for. Each purpose has its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// A session in a cookie.
    Session,
    /// A ticket for a session in a store.
    Ticket,
    /// A login under way.
    Login,
    /// A logout under way.
    Logout,
    /// The application's data for a visitor.
    Visitor,
}

impl Purpose {
    const ALL: [Self; 5] = [
        Self::Session,
        Self::Ticket,
        Self::Login,
        Self::Logout,
        Self::Visitor,
    ];

    fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"session",
            Self::Ticket => b"ticket",
            Self::Login => b"login",
            Self::Logout => b"logout",
            Self::Visitor => b"visitor",
        }
    }
}

/// The keys of one application, newest first. The newest one seals, and all of them open.
pub(crate) struct KeyRing {
    newest: RingKey,
    older: Vec<RingKey>,
    context: Vec<u8>,
}

/// What [`KeyRing::open`] found.
pub(crate) struct Opened {
    /// The content.
    pub(crate) plain: Bytes,
    /// Whether the newest key sealed it. If not, the content should be sealed again.
    pub(crate) by_newest: bool,
}

impl KeyRing {
    /// Derives the keys for every purpose. `None` when there is no session key.
    ///
    /// The context is the application's origin. It is bound to every sealed text and to every name, so that applications
    /// with the same keys cannot open each other's.
    pub(crate) fn new(keys: &[SessionKey], context: &[&str]) -> Option<Self> {
        let mut ring = keys
            .iter()
            .map(RingKey::derive)
            .collect::<Option<Vec<_>>>()?
            .into_iter();
        Some(Self {
            newest: ring.next()?,
            older: ring.collect(),
            context: with_lengths(context.iter().map(|part| part.as_bytes())),
        })
    }

    /// Seals the content with the newest key. The nonce must be random, and be used only once.
    ///
    /// Content that is too long for GCM (64 GiB) gives an empty text, which does not open.
    pub(crate) fn seal(
        &self,
        purpose: Purpose,
        name: &str,
        plain: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> String {
        let key = &self.newest;
        let aad = self.associated_data(key, purpose.label(), name.as_bytes());
        let sealed = seal(key.of(purpose), &key.id, &aad, plain, nonce);
        URL_SAFE_NO_PAD.encode_to_string(sealed.unwrap_or_default())
    }

    /// How long the text is that [`seal`](Self::seal) makes of so many bytes.
    pub(crate) fn sealed_len(plain: usize) -> usize {
        URL_SAFE_NO_PAD.encoded_length(HEADER_LEN + plain + TAG_LEN)
    }

    /// Opens what [`seal`](Self::seal) returned for the same purpose, name and context, if its key is still in use.
    ///
    /// Anything else is `None`, without a reason: whoever sent it learns nothing.
    pub(crate) fn open(&self, purpose: Purpose, name: &str, text: &[u8]) -> Option<Opened> {
        let id = peek_key_id(text)?;
        // Two keys have the same id once in four billion cases: then both are tried, each on a copy.
        self.keys()
            .filter(|(key, _)| key.id == id)
            .find_map(|(key, by_newest)| {
                let sealed = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
                let aad = self.associated_data(key, purpose.label(), name.as_bytes());
                let plain = open(key.of(purpose), &aad, sealed)?;
                Some(Opened { plain, by_newest })
            })
    }

    /// Seals a record for a store, as bytes. Its key is derived from the newest session key and the cookie's `secret`:
    /// neither the store nor the server can open it alone. `name` is bound to it.
    pub(crate) fn seal_record(
        &self,
        secret: &[u8],
        name: &[u8],
        plain: &[u8],
        nonce: [u8; NONCE_LEN],
    ) -> Vec<u8> {
        let key = &self.newest;
        let aad = self.associated_data(key, RECORD, name);
        key.for_record(secret)
            .and_then(|record_key| seal(&record_key, &key.id, &aad, plain, nonce))
            .unwrap_or_default()
    }

    /// Opens what [`seal_record`](Self::seal_record) returned for the same secret and name, in place. Of bytes that do not
    /// open, only the reason is left.
    pub(crate) fn open_record(
        &self,
        secret: &[u8],
        name: &[u8],
        mut sealed: Vec<u8>,
    ) -> Result<Opened, WhySealed> {
        let id = match sealed.first_chunk::<{ 1 + KEY_ID_LEN }>() {
            Some([FORMAT, id @ ..]) => *id,
            _ => return Err(WhySealed::Junk),
        };
        let mut why = WhySealed::UnknownKey;
        let mut keys = self.keys().filter(|(key, _)| key.id == id).peekable();
        while let Some((key, by_newest)) = keys.next() {
            why = WhySealed::OurKey;
            // Two keys have the same id once in four billion cases: then the first one gets a copy.
            let sealed = match keys.peek() {
                Some(_) => sealed.clone(),
                None => std::mem::take(&mut sealed),
            };
            let aad = self.associated_data(key, RECORD, name);
            let opened = key
                .for_record(secret)
                .and_then(|key| open(&key, &aad, sealed));
            if let Some(plain) = opened {
                return Ok(Opened { plain, by_newest });
            }
        }
        Err(why)
    }

    /// Names for `parts`, which reveal nothing without the session keys and differ in every context: one for each key, the
    /// newest key's first.
    pub(crate) fn names(&self, parts: &[&str]) -> impl Iterator<Item = [u8; 32]> {
        let parts = parts.iter().map(|part| part.as_bytes());
        let text = with_lengths(std::iter::once(&self.context[..]).chain(parts));
        self.keys().map(move |(key, _)| {
            let mut name = [0; 32];
            name.copy_from_slice(hmac::sign(&key.names, &text).as_ref());
            name
        })
    }

    /// How many keys there are; one at least.
    pub(crate) fn count(&self) -> usize {
        1 + self.older.len()
    }

    fn keys(&self) -> impl Iterator<Item = (&RingKey, bool)> {
        let older = self.older.iter().map(|key| (key, false));
        std::iter::once((&self.newest, true)).chain(older)
    }

    /// Everything that a sealed text is bound to.
    fn associated_data(&self, key: &RingKey, label: &[u8], name: &[u8]) -> AssociatedData {
        AssociatedData::of([&[FORMAT][..], &key.id, label, name, &self.context])
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("keys", &(1 + self.older.len()))
            .finish_non_exhaustive()
    }
}

debug_fields!(Opened { by_newest });

/// What is derived from one session key: an id that reveals nothing, and a key for each purpose.
struct RingKey {
    id: [u8; KEY_ID_LEN],
    session: LessSafeKey,
    ticket: LessSafeKey,
    login: LessSafeKey,
    logout: LessSafeKey,
    visitor: LessSafeKey,
    /// From which the keys of records in a store are derived.
    records: hmac::Key,
    names: hmac::Key,
}

/// The purpose of the key of a record.
const RECORD: &[u8] = b"record";

impl RingKey {
    fn derive(key: &SessionKey) -> Option<Self> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"latchgate").extract(key.bytes());
        let derive = |label: &[u8]| {
            let mut derived = [0; 32];
            root.expand(&[b"latchgate/1/", label], hkdf::HKDF_SHA256)
                .ok()?
                .fill(&mut derived)
                .ok()?;
            Some(derived)
        };
        let [session, ticket, login, logout, visitor] = Purpose::ALL
            .map(|purpose| UnboundKey::new(&AES_256_GCM, &derive(purpose.label())?).ok());
        let fingerprint = digest::digest(&digest::SHA256, &derive(b"key-id")?);
        Some(Self {
            id: *fingerprint.as_ref().first_chunk()?,
            session: LessSafeKey::new(session?),
            ticket: LessSafeKey::new(ticket?),
            login: LessSafeKey::new(login?),
            logout: LessSafeKey::new(logout?),
            visitor: LessSafeKey::new(visitor?),
            records: hmac::Key::new(hmac::HMAC_SHA256, &derive(RECORD)?),
            names: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"names")?),
        })
    }

    fn of(&self, purpose: Purpose) -> &LessSafeKey {
        match purpose {
            Purpose::Session => &self.session,
            Purpose::Ticket => &self.ticket,
            Purpose::Login => &self.login,
            Purpose::Logout => &self.logout,
            Purpose::Visitor => &self.visitor,
        }
    }

    /// The key of the record that belongs to `secret`: HKDF-Expand for one block (RFC 5869 §2.3), with an HMAC key that is
    /// prepared once, not for every request.
    fn for_record(&self, secret: &[u8]) -> Option<LessSafeKey> {
        let mut block = hmac::Context::with_key(&self.records);
        block.update(secret);
        block.update(&[1]);
        UnboundKey::new(&AES_256_GCM, block.sign().as_ref())
            .ok()
            .map(LessSafeKey::new)
    }
}

/// Format, key id, nonce, ciphertext and tag. `None` for content that is too long for GCM.
fn seal(
    key: &LessSafeKey,
    id: &[u8; KEY_ID_LEN],
    aad: &AssociatedData,
    plain: &[u8],
    nonce: [u8; NONCE_LEN],
) -> Option<Vec<u8>> {
    let mut sealed = Vec::with_capacity(HEADER_LEN + plain.len() + TAG_LEN);
    sealed.push(FORMAT);
    sealed.extend_from_slice(id);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let content = &mut sealed[HEADER_LEN..];
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), content)
        .ok()?;
    sealed.extend_from_slice(tag.as_ref());
    Some(sealed)
}

fn open(key: &LessSafeKey, aad: &AssociatedData, mut sealed: Vec<u8>) -> Option<Bytes> {
    let (header, content) = sealed.split_at_mut_checked(HEADER_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(&header[1 + KEY_ID_LEN..]).ok()?;
    let length = key
        .open_in_place(nonce, Aad::from(aad), content)
        .ok()?
        .len();
    sealed.truncate(HEADER_LEN + length);
    // Where it was opened, so that nothing is copied.
    let mut plain = Bytes::from(sealed);
    plain.advance(HEADER_LEN);
    Some(plain)
}

/// Reads format and key id from the first eight digits, so that a text that is not ours costs no allocation.
fn peek_key_id(text: &[u8]) -> Option<[u8; KEY_ID_LEN]> {
    let mut head = [0; 6];
    URL_SAFE_NO_PAD
        .decode(text.first_chunk::<8>()?, head[..].as_out())
        .ok()?;
    let [FORMAT, id @ .., _] = head else {
        return None;
    };
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTEXT: [&str; 3] = ["https://app.example", "https://op.example", "my-app"];

    fn key(seed: u8) -> SessionKey {
        SessionKey::from_bytes(std::array::from_fn(|place| {
            seed.wrapping_mul(7).wrapping_add(place as u8)
        }))
    }

    fn ring(seeds: &[u8]) -> KeyRing {
        let keys: Vec<_> = seeds.iter().copied().map(key).collect();
        KeyRing::new(&keys, &CONTEXT).unwrap()
    }

    fn opened(ring: &KeyRing, text: &str) -> Option<(Vec<u8>, bool)> {
        ring.open(Purpose::Session, "__Host-latchgate", text.as_bytes())
            .map(|opened| (opened.plain.to_vec(), opened.by_newest))
    }

    #[test]
    fn the_length_of_a_sealed_text_is_known_before() {
        for length in 0..10 {
            let text = sealed(&ring(&[1]), &vec![7; length]);
            assert_eq!(KeyRing::sealed_len(length), text.len());
        }
    }

    fn sealed(ring: &KeyRing, plain: &[u8]) -> String {
        ring.seal(Purpose::Session, "__Host-latchgate", plain, [9; 12])
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!(
            "{:?} {:?} {:?}",
            key(1),
            ring(&[1, 2]),
            ring(&[1]).keys().count()
        );
        assert_eq!(shown, "SessionKey(redacted) KeyRing { keys: 2, .. } 1");
    }

    #[test]
    fn a_ring_needs_a_key() {
        assert!(KeyRing::new(&[], &CONTEXT).is_none());
    }

    #[test]
    fn the_format_is_what_the_page_says() {
        let text = sealed(&ring(&[1]), b"plain");
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(&text).unwrap();
        assert_eq!(bytes.len(), 1 + 4 + 12 + 5 + 16);
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[5..17], [9; 12]);
        let raw_digest = digest::digest(&digest::SHA256, key(1).bytes());
        assert_ne!(bytes[1..5], raw_digest.as_ref()[..4]);
    }

    /// Computed with other libraries, too. A change here logs everybody out, so it needs a new
    /// format.
    #[test]
    fn yesterdays_text_still_opens() {
        let text = "Aa5JddkJCQkJCQkJCQkJCQnt-uLY516E8rQ9Lmv9r-OuKgzRZzFbeHO5";
        assert_eq!(sealed(&ring(&[1]), b"yesterday"), text);
        assert_eq!(
            opened(&ring(&[1]), text),
            Some((b"yesterday".to_vec(), true))
        );
    }

    #[test]
    fn each_purpose_name_context_and_key_stands_alone() {
        let ours = ring(&[1]);
        let text = sealed(&ours, b"plain");
        assert_eq!(opened(&ours, &text), Some((b"plain".to_vec(), true)));
        for purpose in Purpose::ALL {
            let found = ours.open(purpose, "__Host-latchgate", text.as_bytes());
            assert_eq!(found.is_some(), purpose == Purpose::Session, "{purpose:?}");
        }
        for name in [
            "",
            "__Host-latchgate-login",
            "latchgate",
            "__Host-latchgatehttps://app.example",
        ] {
            assert!(
                ours.open(Purpose::Session, name, text.as_bytes()).is_none(),
                "{name}"
            );
        }
        let [origin, issuer, client] = CONTEXT;
        for context in [
            &[][..],
            &[origin],
            &["https://app.example:8443", issuer, client],
            &[origin, "https://op.example/", client],
            &[origin, issuer, "my-app2"],
            &[origin, "https://op.examplemy-", "app"],
        ] {
            let other = KeyRing::new(&[key(1)], context).unwrap();
            assert_eq!(opened(&other, &text), None, "{context:?}");
        }
        assert_eq!(opened(&ring(&[2]), &text), None);
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let ours = ring(&[1]);
        let texts = Purpose::ALL.map(|purpose| ours.seal(purpose, "n", &[0; 32], [0; 12]));
        let cookies = texts.map(|text| URL_SAFE_NO_PAD.decode_to_vec(text).unwrap());
        let records = [b"one", b"two"]
            .map(|secret: &[u8; 3]| ours.seal_record(secret, b"n", &[0; 32], [0; 12]));
        let keystreams: std::collections::HashSet<_> = cookies
            .iter()
            .chain(&records)
            .map(|sealed| sealed[17..49].to_vec())
            .collect();
        assert_eq!(keystreams.len(), Purpose::ALL.len() + records.len());
    }

    #[test]
    fn a_record_needs_our_key_the_visitors_secret_and_its_own_name() {
        let ours = ring(&[2, 1]);
        let sealed = ring(&[1]).seal_record(b"secret", b"name", b"plain", [9; 12]);
        let open = |ring: &KeyRing, secret: &[u8], name: &[u8], sealed: &[u8]| {
            ring.open_record(secret, name, sealed.to_vec())
                .map(|opened| (opened.plain.to_vec(), opened.by_newest))
        };
        let found = Ok((b"plain".to_vec(), false));
        let altered = Err(WhySealed::OurKey);
        assert_eq!(open(&ours, b"secret", b"name", &sealed), found);
        assert_eq!(open(&ours, b"Secret", b"name", &sealed), altered);
        assert_eq!(open(&ours, b"secret", b"Name", &sealed), altered);
        assert_eq!(open(&ours, b"secret", b"name", &sealed[..20]), altered);
        let unknown = Err(WhySealed::UnknownKey);
        assert_eq!(open(&ring(&[2]), b"secret", b"name", &sealed), unknown);
        let junk = Err(WhySealed::Junk);
        assert_eq!(open(&ours, b"secret", b"name", &[]), junk);
    }

    /// The key of a record is what RFC 5869 says, although no HKDF is asked for it.
    #[test]
    fn a_record_s_key_is_hkdf_s() {
        let ours = ring(&[1]);
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"latchgate").extract(key(1).bytes());
        let mut records = [0; 32];
        let expanded = root.expand(&[b"latchgate/1/", RECORD], hkdf::HKDF_SHA256);
        expanded.unwrap().fill(&mut records).unwrap();
        let mut derived = [0; 32];
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &records)
            .expand(&[b"secret"], hkdf::HKDF_SHA256)
            .unwrap()
            .fill(&mut derived)
            .unwrap();
        let sealed = ours.seal_record(b"secret", b"name", b"plain", [9; 12]);
        let by_hkdf = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived).unwrap());
        let aad = ours.associated_data(&ours.newest, RECORD, b"name");
        assert_eq!(open(&by_hkdf, &aad, sealed).unwrap(), b"plain"[..]);
    }

    #[test]
    fn what_is_too_long_for_the_stack_is_authenticated_alike() {
        let long = "x".repeat(400);
        for origin in ["https://app.example", &long] {
            let other = KeyRing::new(&[key(1)], &[origin]).unwrap();
            let aad = other.associated_data(&other.newest, b"session", b"n");
            let id = &other.newest.id;
            let fields: [&[u8]; 5] = [&[FORMAT], id, b"session", b"n", &other.context];
            assert_eq!(aad.as_ref(), with_lengths(fields));
            assert_eq!(matches!(aad, AssociatedData::Long(_)), origin.len() > 256);
        }
    }

    #[test]
    fn names_are_of_the_key_and_of_every_part() {
        let names = |seeds: &[u8], parts: &[&str]| ring(seeds).names(parts).collect::<Vec<_>>();
        let first = names(&[1], &["sub", "a", "b"]);
        assert_eq!(names(&[2, 1], &["sub", "a", "b"])[1..], first);
        assert_ne!(names(&[2], &["sub", "a", "b"]), first);
        assert_ne!(names(&[1], &["sub", "ab", ""]), first);
        assert_ne!(names(&[1], &["sid", "a", "b"]), first);
        let [origin, issuer, _] = CONTEXT;
        let other = KeyRing::new(&[key(1)], &[origin, issuer, "other"]).unwrap();
        assert_ne!(
            other.names(&["sub", "a", "b"]).collect::<Vec<_>>(),
            first,
            "another client's"
        );
    }

    #[test]
    fn the_key_id_is_authenticated() {
        let ours = ring(&[1]);
        let text = sealed(&ours, b"plain");
        let mut renamed = ring(&[1]);
        renamed.newest.id = [1, 2, 3, 4];
        let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(text).unwrap();
        bytes[1..5].copy_from_slice(&[1, 2, 3, 4]);
        assert_eq!(
            opened(&renamed, &URL_SAFE_NO_PAD.encode_to_string(bytes)),
            None
        );
    }

    #[test]
    fn keys_with_one_id_are_all_tried() {
        let mut twins = ring(&[1, 2]);
        twins.older[0].id = twins.newest.id;
        let mut ours = ring(&[2]);
        ours.newest.id = twins.newest.id;
        let text = sealed(&ours, b"plain");
        assert_eq!(opened(&twins, &text), Some((b"plain".to_vec(), false)));
    }

    #[test]
    fn rotation_opens_old_texts_and_says_so() {
        let text = sealed(&ring(&[1]), b"plain");
        assert_eq!(
            opened(&ring(&[2, 1]), &text),
            Some((b"plain".to_vec(), false))
        );
        assert_eq!(
            opened(&ring(&[3, 2, 1]), &text),
            Some((b"plain".to_vec(), false))
        );
        assert_eq!(
            opened(&ring(&[1, 2]), &text),
            Some((b"plain".to_vec(), true))
        );
        assert_eq!(
            opened(&ring(&[1, 1]), &text),
            Some((b"plain".to_vec(), true))
        );
        assert_eq!(opened(&ring(&[3, 2]), &text), None);
    }

    #[test]
    fn only_canonical_base64url_opens() {
        let ours = ring(&[1]);
        for length in 0..3 {
            let text = sealed(&ours, &vec![0xff; length]);
            let last = text.bytes().last().unwrap();
            for other in 0..=u8::MAX {
                let mut changed = text.clone().into_bytes();
                *changed.last_mut().unwrap() = other;
                let found = ours.open(Purpose::Session, "__Host-latchgate", &changed);
                assert_eq!(found.is_some(), other == last, "{other}");
            }
            for changed in [
                format!("{text}="),
                format!("{text}=="),
                format!(" {text}"),
                format!("{text}\n"),
                format!("\"{text}\""),
            ] {
                assert_eq!(opened(&ours, &changed), None);
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(
            plain in prop::collection::vec(any::<u8>(), 0..2_000),
            nonce in any::<[u8; 12]>(),
            name in ".{0,20}",
            purpose in prop::sample::select(Purpose::ALL.to_vec()),
        ) {
            let ours = ring(&[1]);
            let text = ours.seal(purpose, &name, &plain, nonce);
            let found = ours.open(purpose, &name, text.as_bytes()).unwrap();
            prop_assert_eq!(found.plain.to_vec(), plain);
            prop_assert!(found.by_newest);
        }

        #[test]
        fn a_changed_bit_never_opens(plain in prop::collection::vec(any::<u8>(), 0..60), place in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let ours = ring(&[1, 2]);
            let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(sealed(&ours, &plain)).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(opened(&ours, &URL_SAFE_NO_PAD.encode_to_string(bytes)), None);
        }

        #[test]
        fn a_changed_digit_never_opens(place in any::<prop::sample::Index>(), digit in any::<u8>()) {
            let ours = ring(&[1]);
            let mut text = sealed(&ours, b"some content").into_bytes();
            let place = place.index(text.len());
            prop_assume!(text[place] != digit);
            text[place] = digit;
            prop_assert!(ours.open(Purpose::Session, "__Host-latchgate", &text).is_none());
        }

        #[test]
        fn a_cut_text_never_opens(plain in prop::collection::vec(any::<u8>(), 0..60), place in any::<prop::sample::Index>()) {
            let ours = ring(&[1]);
            let text = sealed(&ours, &plain);
            let place = place.index(text.len());
            prop_assert_eq!(opened(&ours, &text[..place]), None);
            prop_assert_eq!(opened(&ours, &text[text.len() - place..]), None);
        }

        #[test]
        fn arbitrary_bytes_never_open(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let ours = ring(&[1]);
            prop_assert!(ours.open(Purpose::Login, "n", &text).is_none());
            let mut headed = sealed(&ours, b"").as_bytes()[..8].to_vec();
            headed.extend(text);
            prop_assert!(ours.open(Purpose::Session, "__Host-latchgate", &headed).is_none());
        }
    }
}
