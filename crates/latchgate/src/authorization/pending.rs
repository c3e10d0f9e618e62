//! A pending login: what the browser keeps, sealed, until the provider answers.
//! It binds the answer to this user agent, [RFC 6749 §10.12](https://www.rfc-editor.org/rfc/rfc6749#section-10.12),
//! and to one provider, [RFC 9700 §4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4).
//!
//! Every login has its own cookie, so that two tabs can finish two logins. Abandoned logins are limited
//! in number and in bytes: the oldest are dropped first.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::display::Display;
use super::pkce::CodeVerifier;
use super::remember::CookiePersistence;
use super::secrets::{Nonce, State};
use super::step_up::ExpectedStepUp;
use crate::jose::ProofKey;
use crate::seal::{KeyRing, Purpose};

/// How long a visitor may take at the provider: 15 minutes.
const MAX_AGE_SECONDS: u64 = 15 * 60;

/// How long the cookie of a login in a pop-up stays: an hour. Whoever is back too late is turned away like anybody else, but
/// the page that opened the pop-up has to hear of it.
const POPUP_COOKIE_SECONDS: u64 = 60 * 60;

/// How many logins may be pending in one browser.
const MAX_OPEN: usize = 5;

/// How many bytes all login cookies of one browser may have together.
const MAX_BYTES: usize = 4_000;

/// How many login cookies are examined; a browser that respects the limits never has more.
const MAX_SEEN: usize = 80;

/// What is kept of a login until the provider answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingLogin {
    /// The registration with which this login was started; only an answer of its provider is accepted.
    pub(crate) registration: String,
    pub(crate) state: State,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: CodeVerifier,
    pub(crate) return_to: String,
    pub(crate) max_age: Option<u64>,
    pub(crate) begun_at: u64,
    /// Whether the session will outlive the browser.
    pub(crate) remembered: CookiePersistence,
    /// The session that the login replaces when it succeeds. Its cookie is not sent with a cross-site
    /// POST, which is how the answer arrives with `response_mode=form_post`.
    pub(crate) replaces: Option<ReplacedSession>,
    /// The key that the tokens will be bound to.
    pub(crate) dpop_key: Option<ProofKey>,
    /// Set where a person must authenticate again.
    pub(crate) step_up: Option<ExpectedStepUp>,
    /// The application's data for the visitor, if it is offered to the login hook.
    pub(crate) visitor: Option<VisitorAtStart>,
    pub(crate) display: Display,
}

/// Where the callback finds the application's data for a visitor who has begun a login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum VisitorAtStart {
    /// In the cookie that the request brings.
    InCookie,
    /// Here, because a cross-site POST brings no cookie; empty if there was none.
    Copied(Vec<u8>),
}

debug_redacted!(VisitorAtStart);

/// The session of a browser that signs in again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReplacedSession {
    /// A session in the cookie: its id, and its absolute deadline.
    Sealed { id: [u8; 16], until: u64 },
    /// A session in a store: its ticket.
    Stored([u8; 32]),
}

debug_redacted!(ReplacedSession);

/// Distinguishes the login cookies of one browser: a few characters of the state's hash, so that an
/// answer finds its cookie and the cookie's name reveals nothing.
pub(crate) fn suffix_of(state: &str) -> String {
    let hash = digest(&SHA256, state.as_bytes());
    let text = base64_simd::URL_SAFE_NO_PAD.encode_to_string(hash);
    text.chars().take(8).collect()
}

impl PendingLogin {
    /// The layout of the sealed bytes, which is their first; with an unknown one there is no login.
    const LAYOUT: u8 = 1;

    pub(crate) fn suffix(&self) -> String {
        suffix_of(&self.state.text())
    }

    /// Seals this login as the value of the cookie `name`. `None` if it cannot be encoded.
    pub(crate) fn seal(&self, keys: &KeyRing, name: &str, iv: [u8; 12]) -> Option<String> {
        Some(keys.seal(Purpose::Login, name, &self.encode()?, iv))
    }

    /// Whether the browser may still have the cookie.
    fn is_kept(&self, now: u64) -> bool {
        now.saturating_sub(self.begun_at) <= self.cookie_seconds()
    }

    /// How long the browser keeps the cookie, in seconds.
    pub(crate) fn cookie_seconds(&self) -> u64 {
        match self.display {
            Display::Popup => POPUP_COOKIE_SECONDS,
            Display::Page | Display::Nowhere => MAX_AGE_SECONDS,
        }
    }

    /// Opens the value of the cookie `name`, unless it has expired.
    pub(crate) fn open(keys: &KeyRing, name: &str, value: &[u8], now: u64) -> Option<Self> {
        Self::opened(keys, name, value).filter(|pending| !pending.has_expired(now))
    }

    /// Opens the value of the cookie `name` of a login that has expired, as long as the cookie is kept: there is somebody to
    /// tell.
    pub(crate) fn open_late(keys: &KeyRing, name: &str, value: &[u8], now: u64) -> Option<Self> {
        Self::opened(keys, name, value)
            .filter(|pending| pending.has_expired(now) && pending.is_kept(now))
    }

    fn opened(keys: &KeyRing, name: &str, value: &[u8]) -> Option<Self> {
        let opened = keys.open(Purpose::Login, name, value)?;
        Self::decode(&opened.plain)
    }

    fn has_expired(&self, now: u64) -> bool {
        now.saturating_sub(self.begun_at) > MAX_AGE_SECONDS
    }

    fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![Self::LAYOUT]).ok()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let body = bytes.strip_prefix(&[Self::LAYOUT])?;
        let (pending, rest): (Self, _) = postcard::take_from_bytes(body).ok()?;
        rest.is_empty().then_some(pending)
    }
}

/// The pending logins of one browser, by their cookies.
#[derive(Debug)]
pub(crate) struct OpenLogins {
    /// Name, size in bytes, and start time (0 if it does not open, so that it is dropped first).
    seen: Vec<(String, usize, u64)>,
}

impl OpenLogins {
    /// Lists the login cookies among `cookies`, given as (name, value).
    pub(crate) fn survey<'a>(
        cookies: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        prefix: &str,
        keys: &KeyRing,
        now: u64,
    ) -> Self {
        let seen = cookies
            .filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value)))
            .filter(|(name, _)| name.strip_prefix(prefix).is_some_and(is_suffix))
            .take(MAX_SEEN)
            .map(|(name, value)| {
                let found = PendingLogin::opened(keys, name, value);
                let kept = found.filter(|found| found.is_kept(now));
                let begun_at = kept.map_or(0, |kept| kept.begun_at);
                (name.to_owned(), name.len() + value.len(), begun_at)
            })
            .collect();
        Self { seen }
    }

    /// The cookies to drop so that another one of `size` bytes stays within the limits.
    pub(crate) fn make_room_for(mut self, size: usize) -> Vec<String> {
        self.seen
            .sort_by_key(|(_, _, begun_at)| std::cmp::Reverse(*begun_at));
        let mut kept = 1;
        let mut bytes = size;
        let mut dropped = Vec::new();
        for (name, size, begun_at) in self.seen {
            if begun_at == 0 || kept == MAX_OPEN || bytes + size > MAX_BYTES {
                dropped.push(name);
            } else {
                bytes += size;
                kept += 1;
            }
        }
        dropped
    }
}

fn is_suffix(text: &str) -> bool {
    text.strip_prefix('.').is_some_and(|id| {
        !id.is_empty()
            && id.len() <= 16
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::{LoginOptions, StepUp};
    use crate::seal::SessionKey;

    const NAME: &str = "__Host-latchgate-login.abcdefgh";
    const IV: [u8; 12] = [7; 12];

    fn keys(seed: u8) -> KeyRing {
        let bytes = std::array::from_fn(|place| seed.wrapping_add(place as u8));
        KeyRing::new(&[SessionKey::from_bytes(bytes)], &["https://app.example"]).unwrap()
    }

    #[test]
    fn a_login_makes_the_round_trip() {
        let mut pending = PendingLogin::example(1_000);
        pending.max_age = Some(0);
        pending.return_to = "/a?b=c#d".to_owned();
        let value = pending.seal(&keys(1), NAME, IV).unwrap();
        let opened = PendingLogin::open(&keys(1), NAME, value.as_bytes(), 1_000).unwrap();
        assert!(opened.state.equals(&pending.state.text()));
        assert!(opened.nonce.equals(&pending.nonce.text()));
        assert!(opened.verifier == pending.verifier);
        assert_eq!(
            (
                opened.registration,
                opened.return_to,
                opened.max_age,
                opened.begun_at
            ),
            ("default".to_owned(), "/a?b=c#d".to_owned(), Some(0), 1_000)
        );
        assert_eq!(pending.suffix(), suffix_of(&pending.state.text()));
        assert_eq!(pending.suffix().len(), 8);
    }

    #[test]
    fn a_login_expires_after_15_minutes() {
        let value = PendingLogin::example(1_000)
            .seal(&keys(1), NAME, IV)
            .unwrap();
        let opens_at = |now| PendingLogin::open(&keys(1), NAME, value.as_bytes(), now).is_some();
        assert!(opens_at(1_000 + 900));
        assert!(!opens_at(1_000 + 901));
        assert!(!opens_at(u64::MAX));
        let late_at =
            |now| PendingLogin::open_late(&keys(1), NAME, value.as_bytes(), now).is_some();
        assert!(!late_at(1_000 + 900) && !late_at(1_000 + 901));
    }

    #[test]
    fn one_in_a_pop_up_can_be_told_of_for_an_hour() {
        let mut pending = PendingLogin::example(1_000);
        pending.display = Display::Popup;
        let value = pending.seal(&keys(1), NAME, IV).unwrap();
        for (now, opens, is_late) in [
            (1_900, true, false),
            (1_901, false, true),
            (4_600, false, true),
            (4_601, false, false),
            (u64::MAX, false, false),
        ] {
            let value = value.as_bytes();
            let opened = PendingLogin::open(&keys(1), NAME, value, now).is_some();
            let late = PendingLogin::open_late(&keys(1), NAME, value, now).is_some();
            assert_eq!((opened, late), (opens, is_late), "{now}");
        }
    }

    #[test]
    fn a_login_opens_under_its_name_with_its_key_and_for_its_purpose_only() {
        let value = PendingLogin::example(1_000)
            .seal(&keys(1), NAME, IV)
            .unwrap();
        let open = |keys: &KeyRing, name, value: &str| {
            PendingLogin::open(keys, name, value.as_bytes(), 1_000).is_some()
        };
        assert!(open(&keys(1), NAME, &value));
        assert!(!open(&keys(1), "__Host-latchgate-login.abcdefgi", &value));
        assert!(!open(&keys(1), "__Host-latchgate", &value));
        assert!(!open(&keys(2), NAME, &value));
        for length in 0..value.len() {
            assert!(!open(&keys(1), NAME, &value[..length]), "{length}");
        }
        let plain = postcard::to_extend(&PendingLogin::example(1_000), vec![1]).unwrap();
        for purpose in [Purpose::Session, Purpose::Logout] {
            assert!(!open(
                &keys(1),
                NAME,
                &keys(1).seal(purpose, NAME, &plain, IV)
            ));
        }
    }

    #[test]
    fn another_layout_is_no_login() {
        let of_layout = |layout| {
            let plain = postcard::to_extend(&PendingLogin::example(1_000), vec![layout]).unwrap();
            let value = keys(1).seal(Purpose::Login, NAME, &plain, IV);
            PendingLogin::open(&keys(1), NAME, value.as_bytes(), 1_000)
        };
        assert!(of_layout(1).is_some());
        for layout in [0, 2, 255] {
            assert!(of_layout(layout).is_none());
        }
        let empty = keys(1).seal(Purpose::Login, NAME, b"", IV);
        assert!(PendingLogin::open(&keys(1), NAME, empty.as_bytes(), 1_000).is_none());
    }

    /// [`PendingLogin::example`] begun at 1000 with another registration, as its layout has always encoded it. A login may be
    /// under way while its application is replaced: this text may never change.
    const LAYOUT_1: &str = "011268747470733a2f2f6f702e6578616d706c65010101010101010101010101010101010101010101\
         0101010101010101010101020202020202020202020202020202020202020202020202020202020202\
         02020303030303030303030303030303030303030303030303030303030303030303012f00e80700\
         01000505050505050505050505050505050589d20900000000";

    #[test]
    fn a_login_decodes_for_ever() {
        let pinned: Vec<u8> = (0..LAYOUT_1.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&LAYOUT_1[at..at + 2], 16).unwrap())
            .collect();
        let mut pending = PendingLogin::example(1_000);
        pending.registration = "https://op.example".to_owned();
        pending.replaces = Some(ReplacedSession::Sealed {
            id: [5; 16],
            until: 157_961,
        });
        assert_eq!(pending.encode().unwrap(), pinned);
        let decoded = PendingLogin::decode(&pinned).unwrap();
        assert_eq!(decoded.replaces, pending.replaces);
        assert!(decoded.state.equals(&pending.state.text()));
        assert_eq!(decoded.encode().unwrap(), pinned);
        for length in 0..pinned.len() {
            assert!(
                PendingLogin::decode(&pinned[..length]).is_none(),
                "{length}"
            );
        }
    }

    /// The end of a silent login at which the person must authenticate again, and whose tokens are bound to a key.
    const LAYOUT_1_GOES_ON: &str = "010707070707070707070707070707070707070707070707070707070707070707\
        010049c5dc98e466a77b424558afdc47f901036d666102036f7470037077640001";

    #[test]
    fn a_login_with_requirements_decodes_for_ever() {
        let required = StepUp {
            acr: vec!["mfa".to_owned()],
            amr: vec!["otp".to_owned(), "pwd".to_owned()],
            max_age: None,
        };
        let mut pending = PendingLogin::example(1_000);
        let plain = pending.encode().unwrap();
        pending.dpop_key = ProofKey::of([7; 32]);
        pending.step_up = LoginOptions::step_up(&required, "https://op.example", "1").step_up;
        pending.display = Display::Nowhere;
        let encoded = pending.encode().unwrap();
        let (same, rest) = encoded.split_at(plain.len() - 4);
        assert_eq!(same, &plain[..same.len()]);
        let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(rest, LAYOUT_1_GOES_ON);
        let decoded = PendingLogin::decode(&encoded).unwrap();
        assert_eq!(decoded.dpop_key, pending.dpop_key);
        assert_eq!(decoded.display, Display::Nowhere);
        let step_up = decoded.step_up.as_ref().unwrap();
        assert!(step_up.is_of("https://op.example", "1"));
        assert!(step_up.is_met_by(Some("mfa"), &["pwd", "otp"]));
        assert!(!step_up.is_met_by(Some("mfa"), &["otp"]));
        assert_eq!(decoded.encode().unwrap(), encoded);
        for length in 0..encoded.len() {
            assert!(PendingLogin::decode(&encoded[..length]).is_none());
        }
    }

    #[test]
    fn where_a_login_is_shown_is_its_last_byte() {
        let mut pending = PendingLogin::example(1_000);
        for (display, last) in [
            (Display::Page, 0),
            (Display::Nowhere, 1),
            (Display::Popup, 2),
        ] {
            pending.display = display;
            let encoded = pending.encode().unwrap();
            assert_eq!(encoded.last(), Some(&last));
            assert_eq!(PendingLogin::decode(&encoded).unwrap().display, display);
        }
    }

    #[test]
    fn a_login_that_takes_the_visitor_along_decodes_for_ever() {
        let plain = PendingLogin::example(1_000).encode().unwrap();
        for (visitor, end) in [
            (VisitorAtStart::InCookie, &[1, 0, 0][..]),
            (
                VisitorAtStart::Copied(vec![7, 8, 9]),
                &[1, 1, 3, 7, 8, 9, 0],
            ),
        ] {
            let mut pending = PendingLogin::example(1_000);
            pending.visitor = Some(visitor);
            let encoded = pending.encode().unwrap();
            assert_eq!(encoded, [&plain[..plain.len() - 2], end].concat());
            let decoded = PendingLogin::decode(&encoded).unwrap();
            assert_eq!(decoded.visitor, pending.visitor);
        }
    }

    #[test]
    fn a_survey_sees_login_cookies_only_and_not_too_many() {
        let prefix = "__Host-latchgate-login";
        let value = PendingLogin::example(1_000)
            .seal(&keys(1), NAME, IV)
            .unwrap();
        let junk: [(&[u8], &[u8]); 9] = [
            (b"__Host-latchgate", b"a session"),
            (b"__Host-latchgate-login", b"no suffix"),
            (b"__Host-latchgate-login.", b"an empty one"),
            (b"__Host-latchgate-login.a.b", b"a dot"),
            (b"__Host-latchgate-login.12345678901234567", b"a long one"),
            (b"__Host-latchgate-logout.abc", b"another kind"),
            (b"\xff\xfe", b"no text"),
            (b"__Host-latchgate-login.planted", b"does not open"),
            (NAME.as_bytes(), value.as_bytes()),
        ];
        let survey = OpenLogins::survey(junk.into_iter(), prefix, &keys(1), 1_001);
        let planted = "__Host-latchgate-login.planted";
        assert_eq!(
            survey.seen,
            [
                (planted.to_owned(), planted.len() + "does not open".len(), 0),
                (NAME.to_owned(), NAME.len() + value.len(), 1_000),
            ]
        );
        let expired = OpenLogins::survey(junk.into_iter(), prefix, &keys(1), 9_999);
        assert_eq!(expired.make_room_for(1), [planted, NAME]);

        let names: Vec<String> = (0..500)
            .map(|number| format!("{prefix}.{number}"))
            .collect();
        let many = names.iter().map(|name| (name.as_bytes(), &b"x"[..]));
        assert_eq!(
            OpenLogins::survey(many, prefix, &keys(1), 1_001).seen.len(),
            MAX_SEEN
        );
    }

    fn open(sizes: &[(usize, u64)]) -> OpenLogins {
        let seen = sizes
            .iter()
            .enumerate()
            .map(|(index, (size, begun_at))| (index.to_string(), *size, *begun_at))
            .collect();
        OpenLogins { seen }
    }

    #[test]
    fn the_oldest_logins_make_room() {
        let dropped =
            open(&[(300, 10), (300, 50), (300, 20), (300, 40), (300, 30)]).make_room_for(300);
        assert_eq!(dropped, ["0"]);
        let sixty: Vec<(usize, u64)> = (0..60).map(|begun_at| (300, begun_at + 1)).collect();
        assert_eq!(open(&sixty).make_room_for(300).len(), 56);
    }

    #[test]
    fn bytes_are_bounded_as_well_as_numbers() {
        let dropped = open(&[(2_900, 1), (300, 2)]).make_room_for(1_500);
        assert_eq!(dropped, ["0"]);
    }

    #[test]
    fn what_does_not_open_goes() {
        assert_eq!(open(&[(300, 0), (300, 5)]).make_room_for(300), ["0"]);
    }
}
