//! The pieces of a value in a request, and the values that they may form together.

use std::borrow::Cow;
use std::fmt;

use super::{MAX_PIECES, canonical_number, count_prefix, pairs};

/// The cookies of one kind in a request, by piece.
///
/// Equal values of a piece count once. Of different ones, which somebody else must have set, the first four are kept.
pub(crate) struct Pieces<'a> {
    name: &'a str,
    /// Most requests have one piece, which takes no allocation.
    first: Option<Piece<'a>>,
    /// Ordered by number, none of which is below that of the first.
    others: Vec<Piece<'a>>,
}

/// The number of a piece, and its value.
type Piece<'a> = (usize, &'a [u8]);

impl<'a> Pieces<'a> {
    /// How many values of a piece are considered.
    const MAX_VALUES: usize = 4;

    /// No pieces yet of `name`, `name.1` … `name.63`.
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

    /// After those with the same number.
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

    /// All of them, ordered by number.
    pub(super) fn found(&self) -> impl Iterator<Item = Piece<'a>> + Clone {
        self.first.into_iter().chain(self.others.iter().copied())
    }

    /// The suffixes of all pieces in the request, for removing them. Those left over from a longer value are included.
    pub(crate) fn present(&self) -> PresentPieces {
        let bits = self.found().map(|(index, _)| 1 << index);
        PresentPieces(bits.fold(0, std::ops::BitOr::bitor))
    }

    /// The possible values, at most four: each unsplit one, and the joined pieces if none of them is missing or ambiguous.
    /// Pieces beyond the number in the first one are left over from a longer value, and are ignored. Only opening a
    /// value shows whether it is genuine.
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

/// Which pieces of a value a request has: one bit for each.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PresentPieces(u64);

impl PresentPieces {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The suffixes of the pieces from number `first` on, for removing them.
    pub(crate) fn suffixes(self, first: usize) -> impl Iterator<Item = String> {
        (first..MAX_PIECES)
            .filter(move |index| self.0 >> index & 1 == 1)
            .map(piece_suffix)
    }
}

/// The suffix of the cookie's name for this piece. Empty for the first.
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
