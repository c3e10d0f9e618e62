//! A login under way: what is remembered in the browser, sealed, until the provider answers.
//! It binds the answer to this user agent, [RFC 6749 §10.12](https://www.rfc-editor.org/rfc/rfc6749#section-10.12),
//! and to one provider, [RFC 9700 §4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4).
//!
//! Every login has a cookie of its own, so that two tabs can finish two logins. Abandoned ones are
//! bounded in number and in bytes: the oldest go first.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::pkce::CodeVerifier;
use super::request::{Nonce, State};
use crate::seal::{KeyRing, Purpose};

/// How long a visitor may take at the provider: 15 minutes.
pub(crate) const MAX_AGE_SECONDS: u64 = 15 * 60;

/// How many logins may be under way in one browser.
const MAX_OPEN: usize = 5;

/// How many bytes all login cookies of one browser may have together.
const MAX_BYTES: usize = 4_000;

/// How many login cookies are looked at; a browser that honours the bounds never has more.
const MAX_SEEN: usize = 80;

/// What we remember of a login until the provider answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PendingLogin {
    /// The provider this login was started at; its answer is accepted from no other.
    pub(crate) provider: String,
    pub(crate) state: State,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: CodeVerifier,
    pub(crate) return_to: String,
    pub(crate) max_age: Option<u64>,
    pub(crate) begun_at: u64,
}

/// Distinguishes the login cookies of one browser: a few characters of the state's hash, so that an
/// answer finds its cookie and the cookie's name tells nothing.
pub(crate) fn suffix_of(state: &str) -> String {
    let hash = digest(&SHA256, state.as_bytes());
    let text = base64_simd::URL_SAFE_NO_PAD.encode_to_string(hash);
    text.chars().take(8).collect()
}

impl PendingLogin {
    /// The layout of the sealed bytes; an unknown one is treated as no login.
    const LAYOUT: u8 = 1;

    pub(crate) fn suffix(&self) -> String {
        suffix_of(&self.state.text())
    }

    /// Seals this login as the value of the cookie `name`. `None` if it cannot be encoded.
    pub(crate) fn seal(&self, keys: &KeyRing, name: &str, iv: [u8; 12]) -> Option<String> {
        let plain = postcard::to_extend(self, vec![Self::LAYOUT]).ok()?;
        Some(keys.seal(Purpose::Login, name, &plain, iv))
    }

    /// Opens the value of the cookie `name`, unless it has expired.
    pub(crate) fn open(keys: &KeyRing, name: &str, value: &[u8], now: u64) -> Option<Self> {
        let opened = keys.open(Purpose::Login, name, value)?;
        let (layout, body) = opened.plain.split_first()?;
        let pending: Self =
            (*layout == Self::LAYOUT).then(|| postcard::from_bytes(body).ok())??;
        let expired = now.saturating_sub(pending.begun_at) > MAX_AGE_SECONDS;
        (!expired).then_some(pending)
    }
}

/// The logins under way in one browser, by their cookies.
#[derive(Debug)]
pub(crate) struct OpenLogins {
    /// Name, size in bytes, and when it began (0 for what does not open: it goes first).
    seen: Vec<(String, usize, u64)>,
}

impl OpenLogins {
    /// Takes stock of the login cookies among `cookies`, given as (name, value).
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
                let begun_at =
                    PendingLogin::open(keys, name, value, now).map_or(0, |open| open.begun_at);
                (name.to_owned(), name.len() + value.len(), begun_at)
            })
            .collect();
        Self { seen }
    }

    /// The cookies that must go so that one more of `size` bytes stays within the bounds.
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
