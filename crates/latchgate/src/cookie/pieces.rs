//! The pieces of a value that a request brought, and what they may mean together.

use std::borrow::Cow;
use std::fmt;

use super::{MAX_PIECES, canonical_number, count_prefix, pairs};

/// The cookies of one kind that came with a request, piece by piece.
///
/// Equal values of one piece count once. Of different ones, which only somebody else can have
/// planted, the first four are kept.
pub(crate) struct Pieces<'a> {
    name: &'a str,
    /// The one piece that most requests bring takes no allocation.
    first: Option<Piece<'a>>,
    /// By their number, which is none below the first one's.
    others: Vec<Piece<'a>>,
}

/// The number of a piece, and its value.
type Piece<'a> = (usize, &'a [u8]);

impl<'a> Pieces<'a> {
    /// How many values of one piece are looked at.
    const MAX_VALUES: usize = 4;

    /// None yet of `name`, `name.1` … `name.63`.
    pub(crate) fn of(name: &'a str) -> Self {
        Self {
            name,
            first: None,
            others: Vec::new(),
        }
    }

    /// Collects the pieces in all `Cookie` fields of a request.
    pub(crate) fn collect(fields: impl Iterator<Item = &'a [u8]>, name: &'a str) -> Self {
        let mut pieces = Self::of(name);
        for field in fields {
            pieces.add(field);
        }
        pieces
    }

    /// Adds the pieces in one `Cookie` field.
    pub(crate) fn add(&mut self, field: &'a [u8]) {
        for (cookie, value) in pairs(field) {
            let index = match cookie.strip_prefix(self.name.as_bytes()) {
                Some([]) => 0,
                Some([b'.', digits @ ..]) => match canonical_number(digits) {
                    Some(index) if index < MAX_PIECES => index,
                    _ => continue,
                },
                _ => continue,
            };
            if self.wants((index, value)) {
                self.insert((index, value));
            }
        }
    }

    fn wants(&self, (index, value): Piece<'_>) -> bool {
        let mut versions = self.found().filter(|(there, _)| *there == index);
        versions.clone().count() < Self::MAX_VALUES && !versions.any(|(_, there)| there == value)
    }

    /// Behind those of the same number.
    fn insert(&mut self, piece: Piece<'a>) {
        let piece = match self.first {
            None => {
                self.first = Some(piece);
                return;
            }
            Some(first) if piece.0 < first.0 => {
                self.first = Some(piece);
                first
            }
            Some(_) => piece,
        };
        let place = self.others.partition_point(|(index, _)| *index <= piece.0);
        self.others.insert(place, piece);
    }

    /// All of them, by their numbers.
    pub(super) fn found(&self) -> impl Iterator<Item = Piece<'a>> + Clone {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    /// The suffixes of all pieces that are there, for clearing them; those left over from a longer
    /// value too.
    pub(crate) fn present(&self) -> PresentPieces {
        let bits = self.found().map(|(index, _)| 1 << index);
        PresentPieces(bits.fold(0, std::ops::BitOr::bitor))
    }

    /// The whole values that may be meant, at most four: each unsplit one, and the one join if no
    /// piece of it is missing or there in two versions. A piece beyond the number that the first one
    /// speaks of is left over from a longer value and ignored. Which of them is ours, only opening it
    /// can tell.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.found()
            .take_while(|(index, _)| *index == 0)
            .filter_map(|(_, value)| match count_prefix(value) {
                None => Some(Cow::Borrowed(value)),
                Some((1, rest)) => Some(Cow::Borrowed(rest)),
                Some((count, first)) => self.join(count, first).map(Cow::Owned),
            })
    }

    fn join(&self, count: usize, first: &[u8]) -> Option<Vec<u8>> {
        let needed = self.found().take_while(|(index, _)| *index < count);
        let exactly_once = needed.clone().map(|(index, _)| index).eq(0..count);
        exactly_once.then(|| {
            let rest = needed.skip(1).map(|(_, value)| value);
            std::iter::once(first)
                .chain(rest)
                .collect::<Vec<_>>()
                .concat()
        })
    }
}

/// Which pieces of a value a request brought: a bit for each.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PresentPieces(u64);

impl PresentPieces {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The suffixes of the pieces from the number `first` on, for clearing them.
    pub(crate) fn suffixes(self, first: usize) -> impl Iterator<Item = String> {
        (first..MAX_PIECES)
            .filter(move |index| self.0 >> index & 1 == 1)
            .map(piece_suffix)
    }
}

/// What the cookie's name has behind it for this piece: nothing for the first.
pub(crate) fn piece_suffix(index: usize) -> String {
    match index {
        0 => String::new(),
        index => format!(".{index}"),
    }
}

impl fmt::Debug for PresentPieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffixes: Vec<_> = self.suffixes(0).collect();
        f.debug_tuple("Pieces").field(&suffixes).finish()
    }
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.present(), f)
    }
}
