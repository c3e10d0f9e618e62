//! Marks: a mark records that the sessions of one name were ended, and which of them.
//!
//! A mark ends the sessions that had begun when it was made. Clocks cannot tell which these are: they count whole
//! seconds, and differ between nodes. So the marks of one name are numbered, and a session records the last one that
//! existed when it began: that one and earlier ones do not apply to it.

use super::session::Session;
use super::stamp::Stamp;

/// A name by which sessions can be ended. For those of a tenant, the registration takes the issuer's place
/// ([`Session::authority`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionName<'a> {
    /// The session `sid` of the issuer.
    Sid { issuer: &'a str, sid: &'a str },
    /// A person's sessions without a `sid`: one of them is meant, and it is unknown which.
    WithoutSid { issuer: &'a str, sub: &'a str },
    /// All sessions of a person.
    Sub { issuer: &'a str, sub: &'a str },
}

impl<'a> SessionName<'a> {
    /// The name of all sessions of this session's person.
    pub(crate) fn sub_of(session: &'a Session) -> Self {
        Self::Sub {
            issuer: session.authority(),
            sub: &session.subject,
        }
    }

    /// The name of this session alone at its provider.
    pub(crate) fn alone_of(session: &'a Session) -> Self {
        let issuer = session.authority();
        match &session.sid {
            Some(sid) => Self::Sid { issuer, sid },
            None => Self::WithoutSid {
                issuer,
                sub: &session.subject,
            },
        }
    }

    /// The kind of name, the issuer, and the name.
    pub(crate) fn parts(self) -> [&'a str; 3] {
        match self {
            Self::Sid { issuer, sid } => ["sid", issuer, sid],
            Self::WithoutSid { issuer, sub } => ["without sid", issuer, sub],
            Self::Sub { issuer, sub } => ["sub", issuer, sub],
        }
    }
}

/// Ends the sessions of one name that had begun when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) stamp: Stamp,
    /// The session that it does not end.
    spared: Option<[u8; 16]>,
}

impl Mark {
    pub(crate) fn of(stamp: Stamp) -> Self {
        Self {
            stamp,
            spared: None,
        }
    }

    /// This mark, without effect on the session with this id.
    pub(crate) fn sparing(self, id: [u8; 16]) -> Self {
        Self {
            spared: Some(id),
            ..self
        }
    }

    /// This mark, numbered after an existing one.
    pub(crate) fn after(self, before: &Self) -> Self {
        Self {
            stamp: self.stamp.after(before.stamp),
            ..self
        }
    }

    pub(crate) fn spares(&self, session: &Session) -> bool {
        self.spared == Some(session.id)
    }

    /// Whether this mark ends a session that recorded the mark `seen` on this name. For marks that every session records
    /// when it begins, on any node.
    pub(crate) fn ends(&self, session: &Session, seen: Stamp) -> bool {
        self.stamp > seen && !self.spares(session)
    }

    /// The same for marks that only sessions of this process record: for a session that began elsewhere, the times are
    /// compared.
    pub(crate) fn ends_by_time(&self, session: &Session, seen: Stamp) -> bool {
        self.ends(session, seen) && session.times.begun_at <= self.stamp.seconds()
    }

    /// As bytes for a store.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.stamp.0.to_be_bytes().to_vec();
        bytes.extend(self.spared.into_iter().flatten());
        bytes
    }

    /// Reads what [`Mark::to_bytes`] returned. A mark that cannot be read ends every session, which is the safe choice.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let everything = Self::of(Stamp(u64::MAX));
        let Some((stamp, spared)) = bytes.split_first_chunk() else {
            return everything;
        };
        let mark = Self::of(Stamp(u64::from_be_bytes(*stamp)));
        match (spared.len(), spared.try_into()) {
            (0, _) => mark,
            (_, Ok(id)) => mark.sparing(id),
            _ => everything,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_a_store_and_what_does_not_ends_everything() {
        let mark = Mark::of(Stamp::new(1_790_000_000, [1, 2, 3]));
        for mark in [mark, mark.sparing([7; 16])] {
            assert_eq!(Mark::from_bytes(&mark.to_bytes()), mark);
        }
        let session = Session::example();
        for unreadable in [&b""[..], b"seven..", b"eight...and then some"] {
            let mark = Mark::from_bytes(unreadable);
            assert!(mark.ends(&session, Stamp::default()), "{unreadable:?}");
        }
    }

    #[test]
    fn marks_are_numbered_whatever_the_clock_says() {
        let mut session = Session::example();
        session.times.begun_at = 1_000;
        let ahead = Mark::of(Stamp::new(1_005, [0, 0, 9]));
        for (made_at, salt) in [(1_003, 7), (1_005, 3), (1_005, 9), (1_006, 0)] {
            let next = Mark::of(Stamp::new(made_at, [0, 0, salt])).after(&ahead);
            assert!(next.ends(&session, ahead.stamp), "{made_at} {salt}");
            assert!(!ahead.ends(&session, next.stamp));
            assert!(!next.ends(&session, next.stamp));
        }
        // Where only this process has looked, the time tells as well.
        assert!(ahead.ends_by_time(&session, Stamp::default()));
        let before = Mark::of(Stamp::at(999));
        assert!(!before.ends_by_time(&session, Stamp::default()));
        assert!(before.ends(&session, Stamp::default()));
    }
}
