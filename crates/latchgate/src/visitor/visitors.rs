//! The visitors of an application: their cookie, how it is sealed, and how long it lasts.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::contents::{ABSOLUTE, VisitorContents};
use super::{Visitor, VisitorState, Writing};
use crate::authorization::VisitorAtStart;
use crate::cookie::{CookieKind, pairs};
use crate::head::RequestHead;
use crate::io::{Clock, Random};
use crate::navigation::Sender;
use crate::seal::{KeyRing, Purpose};

/// The longest lifetime, in seconds.
pub(crate) const LONGEST_LIFETIME: u64 = ABSOLUTE;

/// How many cookies of the name are tried: of several, somebody planted all but one.
const MAX_TRIED: usize = 4;

/// What the visitors of an application have in common.
pub(crate) struct Visitors(VisitorsConfig);

/// What [`Visitors`] are made of.
pub(crate) struct VisitorsConfig {
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) cookie: CookieKind,
    /// In seconds, after the last change.
    pub(crate) lifetime: u64,
    /// The application's own origin, and others whose pages may change a visitor's data.
    pub(crate) origin: String,
    pub(crate) trusted_origins: Vec<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Visitors {
    pub(crate) fn new(config: VisitorsConfig) -> Self {
        Self(config)
    }

    #[cfg(test)]
    pub(crate) fn lifetime(&self) -> u64 {
        self.0.lifetime
    }

    /// Whoever makes this request.
    pub(crate) fn of_request(self: &Arc<Self>, head: &dyn RequestHead) -> Visitor {
        let mut state = VisitorState::default();
        head.header("cookie", &mut |field| self.read(field, &mut state));
        let writing = match self.may_overwrite(head) {
            true => Writing::Refused,
            false => Writing::Permitted,
        };
        Visitor::new(Arc::clone(self), writing, state)
    }

    /// Somebody who signs in: what the login began with, and whether its request can bring the cookie.
    pub(crate) fn at_login<'f>(
        self: &Arc<Self>,
        at_start: Option<VisitorAtStart>,
        fields: impl Iterator<Item = &'f [u8]>,
        posted: bool,
    ) -> Visitor {
        let mut state = VisitorState::default();
        match at_start {
            Some(VisitorAtStart::Copied(bytes)) => {
                state.contents = self.decode(&bytes).unwrap_or_default();
                state.brought = !bytes.is_empty();
            }
            None if posted => return self.unseen(),
            Some(VisitorAtStart::InCookie) => fields.for_each(|field| self.read(field, &mut state)),
            None => {
                fields.for_each(|field| self.read(field, &mut state));
                state.kept_back = std::mem::take(&mut state.contents);
            }
        }
        Visitor::new(Arc::clone(self), Writing::Permitted, state)
    }

    /// Somebody whose cookie nobody knows, and nobody will change.
    pub(crate) fn unseen(self: &Arc<Self>) -> Visitor {
        Visitor::new(Arc::clone(self), Writing::Unseen, VisitorState::default())
    }

    /// What a login takes along that is answered by a cross-site `POST`, which brings no cookie.
    pub(crate) fn copy(&self, fields: &[&[u8]]) -> Vec<u8> {
        let mut state = VisitorState::default();
        for field in fields {
            self.read(field, &mut state);
        }
        match state.contents.is_empty() {
            true => Vec::new(),
            false => state.contents.encode(),
        }
    }

    /// Removes the cookie, if it is in one of these fields.
    pub(crate) fn clear<'f>(
        &self,
        mut fields: impl Iterator<Item = &'f [u8]>,
    ) -> Option<HeaderValue> {
        fields
            .any(|field| self.is_in(field))
            .then(|| self.removed())
    }

    pub(super) fn removed(&self) -> HeaderValue {
        self.0.cookie.clear("")
    }

    /// Whether a `Cookie` or `Set-Cookie` field has the cookie.
    pub(super) fn is_in(&self, field: &[u8]) -> bool {
        self.0.cookie.is_in(field)
    }

    pub(super) fn now(&self) -> u64 {
        self.0.clock.now()
    }

    /// The `Set-Cookie` field with these values.
    pub(super) fn seal(&self, contents: &VisitorContents) -> Option<HeaderValue> {
        let VisitorsConfig { keys, cookie, .. } = &self.0;
        let Ok(nonce) = self.0.random.array() else {
            tracing::error!(
                event = "visitor_not_written",
                "a visitor's data could not be written: the random generator failed"
            );
            return None;
        };
        let value = keys.seal(Purpose::Visitor, cookie.name(), &contents.encode(), nonce);
        let left = contents
            .deadline(self.0.lifetime)
            .saturating_sub(self.now());
        Some(cookie.set("", &value, Some(left)))
    }

    /// Reads the first cookie of a `Cookie` field that opens. Whatever else is there counts as nothing.
    fn read(&self, field: &[u8], state: &mut VisitorState) {
        let VisitorsConfig { keys, cookie, .. } = &self.0;
        if !self.is_in(field) {
            return;
        }
        let name = cookie.name();
        let values = pairs(field).filter(|(found, _)| *found == name.as_bytes());
        for (_, value) in values.take(MAX_TRIED) {
            state.brought = true;
            let opened = keys.open(Purpose::Visitor, name, value);
            let found = opened.and_then(|opened| {
                let contents = self.decode(&opened.plain)?;
                Some((contents, opened.by_newest))
            });
            if let (Some((contents, by_newest)), true) = (found, state.contents.is_empty()) {
                state.contents = contents;
                // An older key sealed it, and will be removed some day.
                state.write = !by_newest;
            }
        }
    }

    fn decode(&self, bytes: &[u8]) -> Option<VisitorContents> {
        let contents = VisitorContents::decode(bytes)?;
        (self.now() < contents.deadline(self.0.lifetime)).then_some(contents)
    }

    /// Whether a change would overwrite data that the browser has kept back: with another site's form it sends no cookie,
    /// and takes those of the response all the same.
    fn may_overwrite(&self, head: &dyn RequestHead) -> bool {
        let safe = matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE");
        let trusted = |origin| {
            self.0
                .trusted_origins
                .iter()
                .any(|trusted| trusted == origin)
        };
        !safe
            && Sender::of(head, &self.0.origin) == Sender::Foreign
            && !head.first("origin").is_some_and(trusted)
    }
}

impl fmt::Debug for Visitors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitors")
            .field("cookie", &self.0.cookie.name())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod example {
    use super::*;
    use crate::cookie::{SameSite, Transport};
    use crate::io::SystemRandom;
    use crate::io::scripted::StoppedClock;
    use crate::seal::SessionKey;

    pub(in super::super) const ORIGIN: &str = "https://app.example";

    pub(in super::super) fn config(seeds: &[u8], now: u64) -> VisitorsConfig {
        let key = |seed: &u8| SessionKey::from_bytes([*seed; 32]);
        let keys: Vec<SessionKey> = seeds.iter().map(key).collect();
        VisitorsConfig {
            keys: Arc::new(KeyRing::new(&keys, &[ORIGIN]).unwrap()),
            cookie: CookieKind::new("latchgate-visitor", Transport::Https, SameSite::Lax),
            lifetime: 3_600,
            origin: ORIGIN.to_owned(),
            trusted_origins: vec!["https://pay.example".to_owned()],
            clock: Arc::new(StoppedClock(now)),
            random: Arc::new(SystemRandom::default()),
        }
    }

    pub(in super::super) fn visitors(now: u64) -> Arc<Visitors> {
        Arc::new(Visitors::new(config(&[1], now)))
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::example::{ORIGIN, config, visitors};
    use super::*;
    use crate::io::scripted::BrokenRandom;

    /// A request that brings what a `Set-Cookie` field has set.
    fn bringing(cookie: Option<&HeaderValue>) -> Request<()> {
        let pair = |cookie: &HeaderValue| {
            let text = cookie.to_str().unwrap();
            text.split(';').next().unwrap().to_owned()
        };
        let request = Request::get("/").header("cookie", "theme=dark");
        let request = match cookie {
            Some(cookie) => request.header("cookie", format!("a=b; {}", pair(cookie))),
            None => request,
        };
        request.body(()).unwrap()
    }

    fn with_cart(visitors: &Arc<Visitors>) -> HeaderValue {
        let visitor = visitors.of_request(&bringing(None));
        visitor.set("cart", &[7, 8]).unwrap();
        visitor.cookie().unwrap()
    }

    fn cart(visitor: &Visitor) -> Option<Vec<u64>> {
        visitor.get("cart")
    }

    #[test]
    fn a_value_comes_back_with_the_cookie() {
        let visitors = visitors(1_000);
        let cookie = with_cart(&visitors);
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-latchgate-visitor="), "{text}");
        let attributes = "; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=3600";
        assert!(text.ends_with(attributes), "{text}");

        let visitor = visitors.of_request(&bringing(Some(&cookie)));
        assert_eq!(cart(&visitor), Some(vec![7, 8]));
        assert_eq!(visitor.get::<String>("cart"), None);
        assert_eq!(visitor.cookie(), None);
        assert_eq!(visitor.take("cart"), Some(vec![7, 8]));
        assert!(visitor.is_empty() && cart(&visitor).is_none());
        let removed = visitor.cookie().unwrap();
        assert!(removed.to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(format!("{visitor:?}"), "Visitor");
    }

    #[test]
    fn nothing_is_removed_from_a_browser_that_has_nothing() {
        let visitor = visitors(1_000).of_request(&bringing(None));
        visitor.clear();
        visitor.remove("cart");
        assert_eq!(visitor.cookie(), None);
    }

    #[test]
    fn it_ends_with_its_lifetime_whatever_the_cookie_says() {
        let cookie = with_cart(&visitors(1_000));
        let at = |now| cart(&visitors(now).of_request(&bringing(Some(&cookie))));
        assert!(at(1_000).is_some() && at(4_599).is_some() && at(4_600).is_none());
        // A clock that went back is no reason to drop a cart.
        assert!(at(1).is_some());
    }

    #[test]
    fn what_others_have_sealed_or_for_another_purpose_counts_as_none() {
        let ours = visitors(1_000);
        let sealed = |purpose, name: &str, seed| {
            let contents = VisitorContents::default().with("cart", "[7]".to_owned(), 1_000);
            let keys = &config(&[seed], 1_000).keys;
            keys.seal(purpose, name, &contents.encode(), [7; 12])
        };
        let name = "__Host-latchgate-visitor";
        let opens = |value: &str| {
            let cookie = HeaderValue::try_from(format!("{name}={value}")).unwrap();
            cart(&ours.of_request(&bringing(Some(&cookie)))).is_some()
        };
        assert!(opens(&sealed(Purpose::Visitor, name, 1)));
        assert!(!opens(&sealed(Purpose::Visitor, name, 2)));
        assert!(!opens(&sealed(Purpose::Visitor, "__Host-shop-visitor", 1)));
        assert!(!opens(&sealed(Purpose::Session, name, 1)));
        assert!(!opens(&sealed(Purpose::Login, name, 1)));
        assert!(!opens("garbage") && !opens(""));
        // One that somebody planted does not hide the genuine one.
        let genuine = sealed(Purpose::Visitor, name, 1);
        let two = Request::get("/").header("cookie", format!("{name}=garbage; {name}={genuine}"));
        assert!(cart(&ours.of_request(&two.body(()).unwrap())).is_some());
    }

    #[test]
    fn an_older_key_opens_and_the_newest_seals_again() {
        let old = with_cart(&Arc::new(Visitors::new(config(&[2], 1_000))));
        let both = Arc::new(Visitors::new(config(&[1, 2], 2_000)));
        let visitor = both.of_request(&bringing(Some(&old)));
        assert!(cart(&visitor).is_some());
        let new = visitor.cookie().unwrap();
        // Which is no change: it ends when it would have.
        assert!(new.to_str().unwrap().ends_with("Max-Age=2600"), "{new:?}");
        assert!(cart(&visitors(2_000).of_request(&bringing(Some(&new)))).is_some());
    }

    #[test]
    fn a_page_elsewhere_changes_nothing() {
        let visitors = visitors(1_000);
        let cookie = with_cart(&visitors);
        let from = |method: &str, headers: &[(&str, &str)]| {
            let mut request = bringing(Some(&cookie));
            *request.method_mut() = method.parse().unwrap();
            for (name, value) in headers {
                let name: http::HeaderName = name.parse().unwrap();
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            let visitor = visitors.of_request(&request);
            let set = visitor.set("cart", &[9]).is_ok();
            visitor.clear();
            assert_eq!(set, visitor.cookie().is_some(), "{headers:?}");
            set
        };
        let site = |site| ("sec-fetch-site", site);
        for method in ["POST", "PUT", "DELETE"] {
            assert!(!from(method, &[site("cross-site")]));
            assert!(!from(method, &[site("same-site")]));
            assert!(!from(method, &[("origin", "https://evil.example")]));
            assert!(!from(method, &[("referer", "https://evil.example/")]));
            assert!(from(method, &[site("same-origin")]));
            assert!(from(method, &[("origin", ORIGIN)]));
            assert!(from(
                method,
                &[site("cross-site"), ("origin", "https://pay.example")]
            ));
            assert!(from(method, &[]));
        }
        assert!(from("GET", &[site("cross-site")]));
    }

    #[test]
    fn a_login_takes_what_it_is_offered_and_leaves_the_rest() {
        let visitors = visitors(1_000);
        let cookie = with_cart(&visitors);
        let request = bringing(Some(&cookie));
        let head: &dyn RequestHead = &request;
        let fields = head.cookie_fields();
        let at_login = |at_start, posted| {
            let fields = fields.iter().copied();
            visitors.at_login(at_start, fields, posted)
        };
        let copy = || Some(VisitorAtStart::Copied(visitors.copy(&fields)));
        for (at_start, posted) in [(Some(VisitorAtStart::InCookie), false), (copy(), true)] {
            let visitor = at_login(at_start, posted);
            assert_eq!(cart(&visitor), Some(vec![7, 8]));
            visitor.leave_to_session();
            let removed = visitor.cookie().unwrap();
            assert!(removed.to_str().unwrap().contains("Max-Age=0"));
        }
        let kept = at_login(copy(), true);
        kept.set("language", "de").unwrap();
        kept.leave_to_session();
        let left = visitors.of_request(&bringing(kept.cookie().as_ref()));
        assert_eq!(
            (cart(&left), left.get("language")),
            (None, Some("de".to_owned()))
        );

        // Not offered: what the hook sets is added.
        let visitor = at_login(None, false);
        assert!(visitor.is_empty());
        visitor.leave_to_session();
        visitor.set("language", "de").unwrap();
        let left = visitors.of_request(&bringing(visitor.cookie().as_ref()));
        assert_eq!(cart(&left), Some(vec![7, 8]));
        assert_eq!(left.get("language"), Some("de".to_owned()));
        // And where nobody knows what the browser has, nothing is overwritten.
        let visitor = at_login(None, true);
        visitor.set("language", "de").unwrap();
        visitor.leave_to_session();
        assert_eq!(visitor.cookie(), None);
        assert_eq!(visitors.copy(&[b"theme=dark"]), b"");
    }

    #[test]
    fn values_beyond_the_limit_leave_those_before() {
        let visitors = visitors(1_000);
        let visitor = visitors.of_request(&bringing(None));
        visitor.set("language", "de").unwrap();
        let long = "x".repeat(2_048);
        let error = visitor.set("cart", &long).unwrap_err();
        assert!(error.to_string().contains("at most 2048"), "{error}");
        assert_eq!(visitor.get("language"), Some("de".to_owned()));
        assert!(visitor.get::<String>("cart").is_none());
        let cookie = visitor.cookie().unwrap();
        assert!(cookie.len() < 250, "{cookie:?}");
        // The largest one fits into a cookie, with its longest name.
        visitor.set("language", &"x".repeat(2_000)).unwrap();
        let pair = visitor.cookie().unwrap();
        let pair = pair.to_str().unwrap().split(';').next().unwrap().len();
        assert!((2_700..2_900).contains(&pair), "{pair}");
    }

    #[test]
    fn without_chance_nothing_is_written() {
        let visitors = Arc::new(Visitors::new(VisitorsConfig {
            random: Arc::new(BrokenRandom),
            ..config(&[1], 1_000)
        }));
        let visitor = visitors.of_request(&bringing(None));
        visitor.set("cart", &[7]).unwrap();
        assert_eq!(visitor.cookie(), None);
    }
}
