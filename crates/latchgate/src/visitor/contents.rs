//! What a visitor's cookie contains, and its layout.

use serde::{Deserialize, Serialize};

use super::VisitorError;

/// The largest size of a visitor's data, in bytes: 2 KiB. Sealed, that is a cookie of 2.8 KB.
const LIMIT: usize = 2_048;

/// How long anything is kept after the first value was set, in seconds: a year.
pub(super) const ABSOLUTE: u64 = 365 * 24 * 3_600;

/// The values of one visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VisitorContents {
    /// When the first value was set, in seconds since the epoch.
    begun_at: u64,
    /// When the last change was made.
    pub(super) written_at: u64,
    values: Vec<VisitorValue>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct VisitorValue {
    name: String,
    json: String,
    /// It was set during this request.
    #[serde(skip)]
    is_new: bool,
}

impl VisitorContents {
    /// The layout of the sealed bytes, which is their first one. With an unknown one there is no data.
    const LAYOUT: u8 = 1;

    pub(super) fn json(&self, name: &str) -> Option<&str> {
        let value = self.values.iter().find(|value| value.name == name);
        value.map(|value| value.json.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The same with another value.
    pub(super) fn with(&self, name: &str, json: String, now: u64) -> Self {
        let mut changed = self.clone();
        if changed.is_empty() {
            changed.begun_at = now;
        }
        changed.written_at = now;
        changed.remove(name);
        changed.values.push(VisitorValue {
            name: name.to_owned(),
            json,
            is_new: true,
        });
        changed
    }

    /// Removes a value. Returns whether there was one.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.values.len();
        self.values.retain(|value| value.name != name);
        self.values.len() != before
    }

    /// Removes what was not set during this request.
    pub(super) fn keep_new(&mut self) {
        self.values.retain(|value| value.is_new);
    }

    /// These values, and others whose name none of these has.
    pub(super) fn and(&self, others: &Self) -> Self {
        if others.is_empty() {
            return self.clone();
        }
        let mut both = others.clone();
        both.written_at = both.written_at.max(self.written_at);
        both.values.retain(|value| self.json(&value.name).is_none());
        both.values.extend(self.values.iter().cloned());
        both
    }

    pub(super) fn check_size(&self) -> Result<(), VisitorError> {
        match self.encode().len() {
            bytes if bytes > LIMIT => Err(VisitorError::TooLarge {
                bytes,
                limit: LIMIT,
            }),
            _ => Ok(()),
        }
    }

    /// When it is dropped, if every change keeps it for so many seconds.
    pub(super) fn deadline(&self, lifetime: u64) -> u64 {
        let unchanged = self.written_at.saturating_add(lifetime);
        unchanged.min(self.begun_at.saturating_add(ABSOLUTE))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // Strings and numbers can always be written.
        postcard::to_extend(self, vec![Self::LAYOUT]).unwrap_or_default()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let body = bytes.strip_prefix(&[Self::LAYOUT])?;
        let (contents, rest) = postcard::take_from_bytes(body).ok()?;
        rest.is_empty().then_some(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> VisitorContents {
        let cart = VisitorContents::default().with("cart", "[7,8]".to_owned(), 1_000);
        let mut both = cart.with("language", "\"de\"".to_owned(), 2_000);
        for value in &mut both.values {
            value.is_new = false;
        }
        both
    }

    /// [`example`] as the first layout has always encoded it. Visitors bring it for a year: this text may never change.
    const LAYOUT_1: &str = "01e807d00f020463617274055b372c385d086c616e67756167650422646522";

    #[test]
    fn data_decodes_for_ever() {
        let encoded = example().encode();
        let text: String = encoded.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, LAYOUT_1);
        assert_eq!(VisitorContents::decode(&encoded), Some(example()));
        for length in 0..encoded.len() {
            assert_eq!(VisitorContents::decode(&encoded[..length]), None);
        }
        let longer = [&encoded[..], b"x"].concat();
        assert_eq!(VisitorContents::decode(&longer), None);
        for layout in [0, 2, 255] {
            let other = [&[layout], &encoded[1..]].concat();
            assert_eq!(VisitorContents::decode(&other), None);
        }
    }

    #[test]
    fn it_ends_after_the_last_change_and_a_year_after_the_first() {
        assert_eq!(example().deadline(60), 2_060);
        assert_eq!(example().deadline(ABSOLUTE), 1_000 + ABSOLUTE);
        let later = example().with("cart", "[]".to_owned(), 1_000 + ABSOLUTE - 1);
        assert_eq!(later.deadline(60), 1_000 + ABSOLUTE);
        // Nothing is left of what began then.
        let mut emptied = example();
        assert!(emptied.remove("cart") && emptied.remove("language") && !emptied.remove("cart"));
        let anew = emptied.with("cart", "[]".to_owned(), 5_000);
        assert_eq!(anew.deadline(ABSOLUTE), 5_000 + ABSOLUTE);
    }

    #[test]
    fn two_kib_are_permitted_and_no_byte_more() {
        let of = |bytes| VisitorContents::default().with("x", "x".repeat(bytes), 1_000);
        let around = of(200).encode().len() - 200;
        assert!(of(LIMIT - around).check_size().is_ok());
        let error = of(LIMIT - around + 1).check_size().unwrap_err();
        let VisitorError::TooLarge { bytes, limit } = error else {
            panic!("{error}")
        };
        assert_eq!((bytes, limit), (2_049, 2_048));
    }

    #[test]
    fn what_is_kept_back_goes_along_unless_it_is_set_anew() {
        let set = VisitorContents::default().with("cart", "[9]".to_owned(), 3_000);
        let both = set.and(&example());
        assert_eq!(both.json("cart"), Some("[9]"));
        assert_eq!(both.json("language"), Some("\"de\""));
        assert_eq!((both.begun_at, both.written_at), (1_000, 3_000));
        assert_eq!(set.and(&VisitorContents::default()), set);
        let mut offered = example().with("flash", "1".to_owned(), 3_000);
        offered.keep_new();
        assert_eq!(offered.json("flash"), Some("1"));
        assert_eq!((offered.json("cart"), offered.values.len()), (None, 1));
    }
}
