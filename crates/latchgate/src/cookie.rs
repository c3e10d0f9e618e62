//! Cookies: names, attributes, reading, and values that are split over several.
//!
//! [RFC 6265bis](https://datatracker.ietf.org/doc/draft-ietf-httpbis-rfc6265bis/): §4.1 (what a
//! server may send), §4.1.3.2 (the `__Host-` prefix), §4.2 (what it receives), §5.6 (what a browser drops silently: more
//! than 4096 bytes of name and value). This module neither knows what the values mean nor trusts them: without the
//! prefix, whoever controls a sibling domain or a plain-http page can set cookies of the same name.

mod pieces;

use http::HeaderValue;
use memchr::{memchr, memchr2, memmem::Finder};
pub(crate) use pieces::{Pieces, PresentPieces, piece_suffix};

/// How browsers reach the application, which decides about the prefix and `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Over https: with the prefix `__Host-`, and `Secure`.
    Https,
    /// Over plain http on the same machine, for development: without either.
    LoopbackHttp,
}

/// Whether the cookie is sent with requests from another site (§4.1.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SameSite {
    /// Only with top-level navigations by a safe method.
    Lax,
    /// With all requests, such as the cross-site POST of `response_mode=form_post`.
    None,
}

/// A kind of cookie: its name and attributes. Always with `Path=/` and `HttpOnly`, never with `Domain`.
#[derive(Clone, Debug)]
pub(crate) struct CookieKind {
    name: String,
    /// Finds the name. Prepared once, because every request is searched.
    finder: Finder<'static>,
    attributes: &'static str,
}

impl CookieKind {
    /// The longest lifetime that browsers accept, 400 days in seconds (§5.5).
    const LONGEST_AGE: u64 = 400 * 24 * 60 * 60;

    /// A kind with this name. Characters that a cookie name may not have are left out.
    ///
    /// Browsers refuse `SameSite=None` without `Secure`, so over plain http on loopback it becomes `Lax`. A cross-site
    /// POST then arrives without the cookie; `response_mode=query` needs none.
    pub(crate) fn new(base_name: &str, transport: Transport, same_site: SameSite) -> Self {
        let (prefix, attributes) = match (transport, same_site) {
            (Transport::Https, SameSite::Lax) => {
                ("__Host-", "; Path=/; HttpOnly; SameSite=Lax; Secure")
            }
            (Transport::Https, SameSite::None) => {
                ("__Host-", "; Path=/; HttpOnly; SameSite=None; Secure")
            }
            (Transport::LoopbackHttp, _) => ("", "; Path=/; HttpOnly; SameSite=Lax"),
        };
        let name: String = prefix
            .chars()
            .chain(base_name.chars().filter(|c| is_name_char(*c)))
            .collect();
        Self {
            finder: Finder::new(&name).into_owned(),
            name,
            attributes,
        }
    }

    /// The name with its prefix.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a `Cookie` field has a cookie of this name, or one whose name continues with a dot.
    pub(crate) fn is_in(&self, field: &[u8]) -> bool {
        mentions(field, &self.finder)
    }

    /// A `Set-Cookie` field that sets the cookie with this suffix, for `max_age` seconds, or until the browser closes.
    ///
    /// Values are base64url, dots and digits. Characters that could end the value are left out, so that no attribute can
    /// be injected; a sealed value does not open then.
    pub(crate) fn set(&self, suffix: &str, value: &str, max_age: Option<u64>) -> HeaderValue {
        match max_age.map(|seconds| seconds.min(Self::LONGEST_AGE)) {
            Some(seconds) => self.field(suffix, value, &format!("; Max-Age={seconds}")),
            None => self.field(suffix, value, ""),
        }
    }

    /// A `Set-Cookie` field that removes the cookie, with the same attributes: with others, the browser would keep it.
    pub(crate) fn clear(&self, suffix: &str) -> HeaderValue {
        self.field(
            suffix,
            "",
            "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        )
    }

    fn field(&self, suffix: &str, value: &str, lifetime: &str) -> HeaderValue {
        let room = self.name.len()
            + suffix.len()
            + 1
            + value.len()
            + self.attributes.len()
            + lifetime.len();
        let mut field = String::with_capacity(room);
        field.push_str(&self.name);
        field.extend(suffix.chars().filter(|c| is_name_char(*c)));
        field.push('=');
        // No early return: without one, the compiler can vectorise the loop.
        if value
            .bytes()
            .fold(true, |fit, byte| fit & is_value_byte(byte))
        {
            field.push_str(value);
        } else {
            let fit = value.bytes().filter(|byte| is_value_byte(*byte));
            field.extend(fit.map(char::from));
        }
        field.push_str(self.attributes);
        field.push_str(lifetime);
        HeaderValue::try_from(field).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// A `token` character of RFC 9110 §5.6.2.
fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(
            c,
            '!' | '#'..='\'' | '*' | '+' | '-' | '.' | '^' | '_' | '`' | '|' | '~'
        )
}

/// A `cookie-octet` of RFC 6265bis §4.1.1.
fn is_value_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

/// The names and values in a `Cookie` field, without surrounding white space. Entries without a name are skipped.
///
/// Quotes stay: in RFC 6265bis they are part of the value, and our values have none. Nothing is percent-decoded.
pub(crate) fn pairs(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = Some(field);
    let pairs = std::iter::from_fn(move || {
        let here = rest?;
        let end = memchr(b';', here);
        rest = end.map(|end| &here[end + 1..]);
        Some(&here[..end.unwrap_or(here.len())])
    });
    pairs.filter_map(|pair| {
        // Names are short.
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let name = pair[..equals].trim_ascii();
        (!name.is_empty()).then(|| (name, pair[equals + 1..].trim_ascii()))
    })
}

/// Whether a `Cookie` field has a cookie of this name, or one whose name continues with a dot.
///
/// The same as looking through [`pairs`], but costs only one search for the name. Every request pays it.
fn mentions(field: &[u8], name: &Finder<'_>) -> bool {
    name.find_iter(field).any(|start| {
        let begins_a_pair = matches!(field[..start].trim_ascii_end().last(), None | Some(b';'));
        let rest = &field[start + name.needle().len()..];
        let has_value = |from: &[u8]| memchr2(b'=', b';', from).filter(|end| from[*end] == b'=');
        begins_a_pair
            && !name.needle().is_empty()
            && has_value(rest)
                .is_some_and(|end| rest[0] == b'.' || rest[..end].trim_ascii().is_empty())
    })
}

/// The length of the value in one cookie, in bytes: with our longest name and its suffix, that is below the browsers'
/// 4096.
pub(crate) const PIECE_BYTES: usize = 3_800;

/// The most pieces of a value: `name`, then `name.1` to `name.63`.
const MAX_PIECES: usize = 64;

/// A value needs more cookies than permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes do not fit into cookies, which hold {limit}; use a session store")]
pub(crate) struct TooLarge {
    /// Its length, in bytes.
    pub(crate) bytes: usize,
    /// The longest permitted, in bytes.
    pub(crate) limit: usize,
}

/// Splits a value over the cookies `name`, `name.1`, `name.2` and so on, of which there may be `max_pieces` (at most 64).
///
/// A short value is unchanged. If there are several pieces, the first begins with their number and a dot, so that a
/// missing piece, or one that is left over, is noticed. A short value that happens to begin like this is prefixed with
/// `1.`.
pub(crate) fn split(value: &str, max_pieces: usize) -> Result<Vec<String>, TooLarge> {
    let max_pieces = max_pieces.min(MAX_PIECES);
    let one_is_enough = value.len() <= PIECE_BYTES && count_prefix(value.as_bytes()).is_none();
    if one_is_enough && max_pieces > 0 {
        return Ok(vec![value.to_owned()]);
    }
    for count in 1..=max_pieces {
        let pieces = cut(format!("{count}.{value}"));
        if pieces.len() == count {
            return Ok(pieces);
        }
    }
    Err(TooLarge {
        bytes: value.len(),
        limit: limit(max_pieces),
    })
}

/// Whether [`split`] can split so many bytes of base64url over at most `max_pieces` cookies.
pub(crate) fn fits(bytes: usize, max_pieces: usize) -> Result<(), TooLarge> {
    let limit = limit(max_pieces);
    match bytes <= limit {
        true => Ok(()),
        false => Err(TooLarge { bytes, limit }),
    }
}

/// The longest value that so many cookies hold, in bytes.
fn limit(max_pieces: usize) -> usize {
    match max_pieces.min(MAX_PIECES) {
        0 => 0,
        1 => PIECE_BYTES,
        many => many * PIECE_BYTES - format!("{many}.").len(),
    }
}

/// Cuts a text into pieces of at most [`PIECE_BYTES`] bytes, between characters.
fn cut(text: String) -> Vec<String> {
    let mut pieces = Vec::with_capacity(text.len() / PIECE_BYTES + 1);
    let mut rest = text.as_str();
    while rest.len() > PIECE_BYTES {
        let end = (0..=PIECE_BYTES)
            .rev()
            .find(|end| rest.is_char_boundary(*end))
            .unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces.push(rest.to_owned());
    pieces
}

/// The number of pieces according to the first piece, and the rest of that piece.
fn count_prefix(piece: &[u8]) -> Option<(usize, &[u8])> {
    let dot = piece.iter().take(3).position(|byte| *byte == b'.')?;
    let count = canonical_number(&piece[..dot])?;
    Some((count, &piece[dot + 1..]))
}

/// A decimal number from 1 to 64 without leading zeros or signs.
fn canonical_number(digits: &[u8]) -> Option<usize> {
    let number = match digits {
        [ones @ b'1'..=b'9'] => usize::from(ones - b'0'),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => {
            usize::from(tens - b'0') * 10 + usize::from(ones - b'0')
        }
        _ => return None,
    };
    (number <= MAX_PIECES).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::borrow::Cow;

    fn kind(same_site: SameSite) -> CookieKind {
        CookieKind::new("latchgate", Transport::Https, same_site)
    }

    fn pieces(field: &[u8]) -> Pieces<'_> {
        Pieces::collect(std::iter::once(field), "n")
    }

    fn present(field: &[u8]) -> Vec<String> {
        pieces(field).present().suffixes(0).collect()
    }

    fn whole(field: &str) -> Vec<String> {
        let text = |value: Cow<'_, [u8]>| String::from_utf8(value.into_owned()).unwrap();
        pieces(field.as_bytes()).candidates().map(text).collect()
    }

    /// The `Cookie` field a browser would send for these pieces, in this order.
    fn field(pieces: &[(usize, &str)]) -> String {
        let pair = |(index, value): &(usize, &str)| match index {
            0 => format!("n={value}"),
            _ => format!("n.{index}={value}"),
        };
        pieces.iter().map(pair).collect::<Vec<_>>().join("; ")
    }

    fn numbered(pieces: &[String]) -> Vec<(usize, &str)> {
        pieces.iter().map(String::as_str).enumerate().collect()
    }

    #[test]
    fn attributes_follow_the_transport() {
        assert_eq!(
            kind(SameSite::Lax).set("", "v", Some(60)),
            "__Host-latchgate=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60"
        );
        assert_eq!(
            kind(SameSite::None).set(".1", "v", None),
            "__Host-latchgate.1=v; Path=/; HttpOnly; SameSite=None; Secure"
        );
        for same_site in [SameSite::Lax, SameSite::None] {
            let kind = CookieKind::new("latchgate", Transport::LoopbackHttp, same_site);
            assert_eq!(kind.name(), "latchgate");
            assert_eq!(
                kind.set("", "v", None),
                "latchgate=v; Path=/; HttpOnly; SameSite=Lax"
            );
        }
    }

    #[test]
    fn clearing_uses_the_same_attributes() {
        assert_eq!(
            kind(SameSite::None).clear(".12"),
            "__Host-latchgate.12=; Path=/; HttpOnly; SameSite=None; Secure; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        );
    }

    #[test]
    fn lifetimes_end_at_four_hundred_days() {
        let set = kind(SameSite::Lax).set("", "v", Some(u64::MAX));
        assert!(set.to_str().unwrap().ends_with("; Max-Age=34560000"));
    }

    #[test]
    fn nothing_smuggles_an_attribute_in() {
        let kind = CookieKind::new("a; Domain=x\r\n\u{fc}(b)", Transport::Https, SameSite::Lax);
        assert_eq!(kind.name(), "__Host-aDomainxb");
        let set = kind.set(".1;x=", "v; Domain=evil\r\nX: y\u{0},\"\\\u{fc}", None);
        assert_eq!(
            set,
            "__Host-aDomainxb.1x=vDomain=evilX:y; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn a_full_piece_stays_below_what_browsers_accept() {
        let set = CookieKind::new(&"n".repeat(64), Transport::Https, SameSite::Lax).set(
            ".63",
            &"v".repeat(PIECE_BYTES),
            None,
        );
        assert!(set.to_str().unwrap().split(';').next().unwrap().len() <= 4096);
    }

    #[test]
    fn junk_between_pairs_is_skipped() {
        let all = |field: &'static [u8]| pairs(field).collect::<Vec<_>>();
        assert_eq!(all(b"a=1; b=2"), [(&b"a"[..], &b"1"[..]), (b"b", b"2")]);
        assert_eq!(
            all(b"  a =\t1 ;b=;; =x; =;novalue; c==d="),
            [(&b"a"[..], &b"1"[..]), (b"b", b""), (b"c", b"=d=")]
        );
        assert_eq!(all(b"a=\"1\""), [(&b"a"[..], &b"\"1\""[..])]);
        assert_eq!(all(b"\x00=\xff"), [(&b"\x00"[..], &b"\xff"[..])]);
        for field in [&b""[..], b";;=", b";", b"=", b"==;=", b"a", b" ; "] {
            assert_eq!(pairs(field).count(), 0, "{field:?}");
        }
    }

    #[test]
    fn mentions_looks_at_names_only() {
        for field in [
            "n=1",
            "a=b; n=1",
            "a=b;n=",
            "n.1=x",
            "n.abc=x",
            "n.=x",
            "n =1",
            "a; n\t=1",
            "n; n=1",
            "nn=n; n=1",
            "n.a b=1",
        ] {
            assert!(mentions(field.as_bytes(), &Finder::new("n")), "{field}");
        }
        for field in [
            "",
            "n",
            "n.1",
            "n;",
            "n.1; a=b",
            "a=n",
            "a=n=1",
            "xn=1",
            "nx=1",
            "n-login=1",
            "a=b n=1",
            "N=1",
            "n x=1",
            "n .1=x",
        ] {
            assert!(!mentions(field.as_bytes(), &Finder::new("n")), "{field}");
        }
    }

    #[test]
    fn the_unsplit_value_is_borrowed() {
        let pieces = pieces(b"n=abc");
        let mut candidates = pieces.candidates();
        assert!(matches!(candidates.next(), Some(Cow::Borrowed(b"abc"))));
        assert!(candidates.next().is_none());
    }

    #[test]
    fn pieces_join_only_when_all_are_there_once() {
        assert_eq!(whole("n=2.a; n.1=b"), ["ab"]);
        assert_eq!(whole("n.1=b; x=y; n=2.a"), ["ab"]);
        assert_eq!(whole("n=2.a; n.1=b; n=2.a; n.1=b"), ["ab"]);
        for stale in ["n.2=c", "n.2=c; n.3=d", "n.2=c; n.2=d", "n.63=z"] {
            assert_eq!(whole(&format!("n=2.a; n.1=b; {stale}")), ["ab"], "{stale}");
        }
        for field in [
            "n=2.a",
            "n.1=b",
            "n=3.a; n.1=b",
            "n=3.a; n.2=c",
            "n=3.a; n.1=b; n.3=d",
            "n=2.a; n.1=b; n.1=c",
            "n=2.a; n=2.x; n.1=b",
            "n=2.a; n.01=b",
            "n=2.a; n.+1=b",
        ] {
            assert_eq!(whole(field), [""; 0], "{field}");
        }
    }

    #[test]
    fn tossed_cookies_are_tried_but_not_many() {
        assert_eq!(whole("n=evil; n=ours"), ["evil", "ours"]);
        assert_eq!(
            whole("n=ours; n=ours; n=ours; n=ours; n=ours; n=other"),
            ["ours", "other"]
        );
        assert_eq!(whole("n=a; n=b; n=c; n=d; n=e; n=f"), ["a", "b", "c", "d"]);
        assert_eq!(whole("n=evil; n=2.a; n.1=b"), ["evil"]);
        assert_eq!(whole("n=unsplit; n.1=stale"), ["unsplit"]);
    }

    #[test]
    fn absurd_counts_and_indices_are_not_believed() {
        for count in [
            "99999999",
            "65",
            "100",
            "007",
            "0",
            "00",
            "-1",
            "+2",
            "",
            "2e1",
            "18446744073709551617",
        ] {
            let value = format!("{count}.a");
            assert_eq!(
                whole(&format!("n={value}; n.1=b")),
                [value],
                "read as a plain value"
            );
        }
        let field = "n=x; n.0=a; n.64=a; n.007=a; n.-1=a; n.=a; n.99999999=a; n.1.1=a; n.63=last; n.7=seven";
        assert_eq!(present(field.as_bytes()), ["", ".7", ".63"]);
    }

    #[test]
    fn stale_pieces_are_present_too() {
        assert_eq!(present(b"n.12=a; n.3=b; n.12=c"), [".3", ".12"]);
        assert!(pieces(b"other=1; nn=2; n-login=3").present().is_empty());
        assert_eq!(
            format!("{:?}", pieces(b"n=secret; n.1=secret")),
            r#"Pieces(["", ".1"])"#
        );
    }

    #[test]
    fn all_fields_of_a_request_are_read() {
        let fields = ["n=2.a", "x=y", "n.1=b"];
        let found = Pieces::collect(fields.iter().map(|field| field.as_bytes()), "n");
        assert!(found.candidates().eq([Cow::Borrowed(b"ab")]));
    }

    #[test]
    fn a_huge_header_is_bounded_work() {
        let many: String = (0..8_000)
            .map(|number| format!("n.{}={number};", number % 100))
            .collect();
        assert_eq!(pieces(many.as_bytes()).found().count(), 63 * 4);
        let nothing = "n.1=".repeat(16_000);
        assert_eq!(pieces(nothing.as_bytes()).found().count(), 1);
        assert!(!mentions(" n".repeat(32_000).as_bytes(), &Finder::new("n")));
    }

    #[test]
    fn every_length_makes_the_round_trip() {
        let text: String = (0..20_000_u32)
            .map(|place| char::from(b'a' + (place % 23) as u8))
            .collect();
        let near_a_cut =
            (1..6).flat_map(|pieces| pieces * PIECE_BYTES - 20..pieces * PIECE_BYTES + 5);
        for length in (0..20).chain(near_a_cut).chain((0..20_000).step_by(97)) {
            let pieces = split(&text[..length], 8).unwrap();
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE_BYTES));
            assert!(pieces.len() == 1 || pieces.iter().all(|piece| !piece.is_empty()));
            assert_eq!(
                whole(&field(&numbered(&pieces))),
                [&text[..length]],
                "{length}"
            );
        }
    }

    #[test]
    fn the_limit_is_exact() {
        for max_pieces in 2..=64 {
            let Err(error) = split(&"a".repeat(1_000_000), max_pieces) else {
                panic!("it fitted")
            };
            let longest = "a".repeat(error.limit);
            let pieces = split(&longest, max_pieces).unwrap();
            assert_eq!(pieces.len(), max_pieces);
            assert_eq!(whole(&field(&numbered(&pieces))), [longest]);
            assert!(split(&"a".repeat(error.limit + 1), max_pieces).is_err());
        }
        assert!(split("", 0).is_err());
        assert_eq!(split(&"a".repeat(PIECE_BYTES), 1).unwrap().len(), 1);
        assert!(split(&"a".repeat(PIECE_BYTES + 1), 1).is_err());
        assert_eq!(split("a", 1_000), Ok(vec!["a".to_owned()]));
    }

    #[test]
    fn values_that_look_counted_survive() {
        for value in ["1.a", "2.a", "64.", "12.id", "65.a", "x.y", "1..", "."] {
            assert_eq!(whole(&field(&numbered(&split(value, 4).unwrap()))), [value]);
        }
        assert_eq!(split("12.id", 4).unwrap(), ["1.12.id"]);
    }

    proptest! {
        #[test]
        fn splitting_any_text_never_panics(text in any::<String>(), repeat in 0..3_000_usize, max_pieces in 0..70_usize) {
            if let Ok(pieces) = split(&text.repeat(repeat), max_pieces) {
                prop_assert!(pieces.len() <= max_pieces);
            }
        }

        #[test]
        fn what_fits_can_be_split_and_nothing_else(pieces in 1..6_usize, around in 0..8_usize, max_pieces in 1..6_usize) {
            let value = "a".repeat(pieces * PIECE_BYTES + around - 4);
            prop_assert_eq!(fits(value.len(), max_pieces), split(&value, max_pieces).map(drop));
        }

        #[test]
        fn a_lost_or_swapped_piece_never_gives_the_value(
            seed in any::<u32>(),
            length in PIECE_BYTES + 1..30_000_usize,
            one in any::<prop::sample::Index>(),
            other in any::<prop::sample::Index>(),
        ) {
            let value: String = (0..length as u32).map(|place| {
                char::from(b'a' + (place.wrapping_mul(seed | 1).wrapping_add(place >> 7) % 26) as u8)
            }).collect();
            let pieces = split(&value, 64).unwrap();
            let all = numbered(&pieces);
            let (one, other) = (one.index(all.len()), other.index(all.len()));

            let mut lost = all.clone();
            lost.remove(one);
            prop_assert!(!whole(&field(&lost)).contains(&value));

            let mut swapped = all.clone();
            (swapped[one].1, swapped[other].1) = (all[other].1, all[one].1);
            prop_assert_eq!(whole(&field(&swapped)).contains(&value), all[one].1 == all[other].1);

            let mut turned = all.clone();
            turned.reverse();
            prop_assert_eq!(whole(&field(&turned)), [value]);
        }

        #[test]
        fn mentions_agrees_with_pairs(
            parts in prop::collection::vec(prop::sample::select(vec!["n", ".", "=", ";", " ", "\t", "x", "1", "\u{0}"]), 0..14)
        ) {
            let field = parts.concat();
            let found = pairs(field.as_bytes()).any(|(name, _)| name == b"n" || name.starts_with(b"n."));
            prop_assert_eq!(mentions(field.as_bytes(), &Finder::new("n")), found, "{:?}", field);
        }

        #[test]
        fn any_header_is_read_without_panic(field in prop::collection::vec(any::<u8>(), 0..400), name in ".{0,4}") {
            mentions(&field, &Finder::new(&name));
            let found = Pieces::collect(std::iter::once(&field[..]), &name);
            prop_assert!(found.candidates().count() <= 4);
            prop_assert_eq!(found.found().count() == 0, found.present().is_empty());
        }

        #[test]
        fn any_value_makes_a_header(base in any::<String>(), suffix in any::<String>(), value in any::<String>()) {
            let kind = CookieKind::new(&base, Transport::Https, SameSite::Lax);
            let set = kind.set(&suffix, &value, None);
            prop_assert_eq!(set.to_str().unwrap().matches(';').count(), 4);
        }
    }
}
