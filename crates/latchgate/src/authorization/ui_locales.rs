//! Languages for the provider's pages: `ui_locales` ([OpenID Connect Core 1.0
//! §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)), from a page of the application's or
//! from the browser's `Accept-Language` ([RFC 9110 §12.5.4](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4)).
//!
//! Whatever comes in a request is bounded, and only language tags pass
//! ([RFC 5646 §2.1](https://www.rfc-editor.org/rfc/rfc5646#section-2.1)).

use std::cmp::Reverse;

/// How many languages are passed on.
const MOST_TAGS: usize = 8;

/// The longest tag that is passed on, in bytes ([RFC 5646 §4.4.1](https://www.rfc-editor.org/rfc/rfc5646#section-4.4.1)).
const LONGEST_TAG: usize = 35;

/// The longest text that is looked at, in bytes.
const LONGEST_TEXT: usize = 1_024;

/// The languages of an `Accept-Language` header as `ui_locales`, the preferred one first. `None` if it names none.
pub(crate) fn of_browser(accept_language: &str) -> Option<String> {
    if accept_language.len() > LONGEST_TEXT {
        return None;
    }
    let mut ranges: Vec<_> = accept_language.split(',').filter_map(range).collect();
    // Stable: of two that are equally good, the first one is meant.
    ranges.sort_by_key(|(_, weight)| Reverse(*weight));
    list(ranges.into_iter().map(|(tag, _)| tag))
}

/// The language tags of a text in which spaces are between them. `None` if one of them is none, or there are too many.
pub(crate) fn of_text(text: &str) -> Option<String> {
    let tags = || text.split(' ').filter(|tag| !tag.is_empty());
    let fit = text.len() <= LONGEST_TEXT && tags().all(is_tag) && tags().count() <= MOST_TAGS;
    if fit { list(tags()) } else { None }
}

/// The first few tags, each once.
fn list<'t>(tags: impl Iterator<Item = &'t str>) -> Option<String> {
    let mut listed: Vec<&str> = Vec::new();
    for tag in tags {
        if listed.len() < MOST_TAGS && !listed.iter().any(|own| own.eq_ignore_ascii_case(tag)) {
            listed.push(tag);
        }
    }
    (!listed.is_empty()).then(|| listed.join(" "))
}

/// A tag and its weight in thousandths. `None` for `*`, which names no language, and for one that is not acceptable.
fn range(text: &str) -> Option<(&str, u16)> {
    let (tag, weight) = match text.split_once(';') {
        Some((tag, weight)) => (tag, self::weight(weight.trim())?),
        None => (text, 1_000),
    };
    let tag = tag.trim();
    (weight > 0 && is_tag(tag)).then_some((tag, weight))
}

/// A weight in thousandths ([RFC 9110 §12.4.2](https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2)).
fn weight(text: &str) -> Option<u16> {
    let number = text.strip_prefix("q=").or(text.strip_prefix("Q="))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1_000),
        _ => None,
    }
}

/// Whether a text has the form of a language tag: letters first, then groups of letters and digits.
fn is_tag(text: &str) -> bool {
    let is_group = |group: &str| {
        (1..=8).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let language = text.split('-').next().unwrap_or_default();
    text.len() <= LONGEST_TAG
        && text.split('-').all(is_group)
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn languages_come_in_the_order_of_their_weights() {
        for (header, expected) in [
            ("de", Some("de")),
            ("de-CH, fr;q=0.9, en;q=0.8", Some("de-CH fr en")),
            ("en;q=0.1,de;q=0.9,fr", Some("fr de en")),
            ("en;q=0.5, de;q=0.5", Some("en de")),
            ("en ; q=0.001 , zh-Hant-TW ;q=1.000", Some("zh-Hant-TW en")),
            ("de, DE;q=0.9, de;q=0.8", Some("de")),
            ("de;q=0, en;q=0.0", None),
            ("*", None),
            ("*;q=0.5, de;q=0.1", Some("de")),
            ("", None),
            (",,, ,", None),
        ] {
            assert_eq!(of_browser(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_language_is_dropped() {
        for odd in [
            "de_DE",
            "d\u{e9}",
            "de-",
            "-de",
            "de--x",
            "123",
            "abcdefghi",
            "de\"onload",
            "<b>",
            "de fr",
            "de;q=2",
            "de;q=1.001",
            "de;q=0.1234",
            "de;q=-1",
            "de;q=+0.5",
            "de;q=.5",
            "de;q=",
            "de;v=1",
            "de;q=0.5;q=0.6",
            "a-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa",
        ] {
            let header = format!("{odd}, en;q=0.1");
            assert_eq!(of_browser(&header).as_deref(), Some("en"), "{odd}");
        }
    }

    #[test]
    fn a_request_brings_a_few_languages_at_most() {
        let letters = ('a'..='z').map(|letter| format!("{letter}{letter}"));
        let many: Vec<String> = letters.collect();
        let few = of_browser(&many.join(",")).unwrap();
        assert_eq!(few, "aa bb cc dd ee ff gg hh");
        assert_eq!(of_browser(&format!("de,{}", "x".repeat(1_024))), None);
        assert_eq!(of_text(&many.join(" ")), None);
    }

    #[test]
    fn a_text_has_tags_and_nothing_else() {
        assert_eq!(of_text("de  en-GB ").as_deref(), Some("de en-GB"));
        for odd in ["", " ", "de,en", "de\nen", "de;q=1", "*", "de <b>"] {
            assert_eq!(of_text(odd), None, "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_short_list_of_tags(header in "[a-zA-Z0-9*;q=., \u{e9}-]{0,200}|\\PC{0,60}") {
            if let Some(locales) = of_browser(&header) {
                prop_assert!(locales.split(' ').all(is_tag), "{}", locales);
                prop_assert!(locales.len() <= MOST_TAGS * (LONGEST_TAG + 1));
                prop_assert_eq!(of_text(&locales), Some(locales.clone()));
            }
        }
    }
}
