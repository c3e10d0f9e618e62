//! Which sessions were ended by name: by their provider, by the application, or together with others of their person. One
//! interface over the memory of this process and the store that nodes share, if any.

use std::sync::Arc;

use super::marks::{Marks, Moment};
use super::processed_tokens::ProcessedTokens;
use super::shared_marks::SharedMarks;
use crate::error::Error;
use crate::seal::KeyRing;
use crate::session::{EndedSession, Mark, Seen, Session, SessionEnd, SessionName, Stamp};
use crate::store::{SessionStore, StoreError};

/// The sessions that were ended by name, and the logout tokens that ended them.
#[derive(Debug)]
pub(super) struct Revocations {
    keys: Arc<KeyRing>,
    /// How long a mark counts, in seconds: no session outlives its absolute lifetime.
    lifetime: u64,
    here: Marks,
    /// The marks of all nodes, where they share them.
    shared: Option<SharedMarks>,
    /// The processed logout tokens of all nodes, where they have a store in common.
    processed: Option<ProcessedTokens>,
}

impl Revocations {
    pub(super) fn new(
        keys: Arc<KeyRing>,
        lifetime: u64,
        shared: Option<Arc<dyn SessionStore>>,
        common_store: Option<Arc<dyn SessionStore>>,
    ) -> Self {
        Self {
            keys,
            lifetime,
            here: Marks::default(),
            shared: shared.map(SharedMarks::new),
            processed: common_store.map(ProcessedTokens::new),
        }
    }

    /// Whether other nodes have to be asked for the marks they have made.
    pub(super) fn are_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// The store that nodes share marks in, if they do.
    pub(super) fn store(&self) -> Option<&Arc<dyn SessionStore>> {
        self.shared.as_ref().map(SharedMarks::store)
    }

    /// Whether a session was ended, as far as this process knows.
    pub(super) fn concern(&self, session: &Session, now: u64) -> bool {
        self.here.concern(session, now)
    }

    /// Why a session was ended, as far as all nodes know. One lookup for each of its names, at once.
    pub(super) async fn concern_anywhere(
        &self,
        session: &Session,
        now: u64,
    ) -> Result<Option<SessionEnd>, StoreError> {
        match &self.shared {
            Some(shared) => shared.concern(&self.keys, session, now).await,
            None => Ok(None),
        }
    }

    /// The present moment among the marks of this process.
    pub(super) fn moment(&self) -> Moment {
        self.here.moment()
    }

    /// The marks that a session which is just beginning comes after, as far as this node knows.
    ///
    /// # Errors
    ///
    /// [`Error::SessionEnded`] when one of them was made on this node since `moment`.
    pub(super) fn seen_here(
        &self,
        session: &Session,
        moment: Moment,
        now: u64,
    ) -> Result<Seen, Error> {
        let seen = self.here.seen_by(session, moment, now);
        seen.ok_or(Error::SessionEnded)
    }

    /// The same, as far as all nodes know.
    pub(super) async fn seen(
        &self,
        session: &Session,
        moment: Moment,
        now: u64,
    ) -> Result<Seen, Error> {
        let seen = self.seen_here(session, moment, now)?;
        Ok(match &self.shared {
            Some(shared) => seen.or(shared.seen_by(&self.keys, session, now).await?),
            None => seen,
        })
    }

    /// Ends the sessions of this name that have begun, here first and then on the other nodes.
    pub(super) async fn end(
        &self,
        named: SessionName<'_>,
        stamp: Stamp,
        now: u64,
    ) -> Result<(), StoreError> {
        let until = self.until(now);
        self.here.end(named, stamp, now, until);
        match &self.shared {
            Some(shared) => {
                let mark = Mark::of(stamp);
                shared.end(&self.keys, named, mark, (now, until)).await
            }
            None => Ok(()),
        }
    }

    /// Ends this one session on the other nodes. On this node it has ended already.
    pub(super) async fn end_this(&self, this: &EndedSession, now: u64) -> Result<(), StoreError> {
        match &self.shared {
            Some(shared) => shared.end_this(&self.keys, this, now).await,
            None => Ok(()),
        }
    }

    /// Ends every session that the person of this one has begun, except this one. `false`, without effect on this node,
    /// when this one was itself ended.
    pub(super) async fn end_others(
        &self,
        session: &Session,
        stamp: Stamp,
        now: u64,
    ) -> Result<bool, StoreError> {
        let until = self.until(now);
        if let Some(shared) = &self.shared {
            let ended = shared.concern(&self.keys, session, now).await?;
            if ended.is_some()
                || !shared
                    .end_others(&self.keys, session, stamp, (now, until))
                    .await?
            {
                return Ok(false);
            }
        }
        Ok(self.here.end_others(session, stamp, now, until))
    }

    /// Ends the sessions of a name for an unauthenticated caller. Only this node records it, and it keeps a limited
    /// number of such marks.
    pub(super) fn end_unauthenticated(&self, named: SessionName<'_>, stamp: Stamp, now: u64) {
        self.here
            .end_unauthenticated(named, stamp, now, self.until(now));
    }

    /// Records that the sessions of this name were removed from their store.
    pub(super) fn removed_from_store(&self, named: SessionName<'_>, now: u64) {
        self.here.removed_from_store(named, now);
    }

    /// Whether a logout token was processed before, here or on another node.
    pub(super) async fn has_processed(
        &self,
        issuer: &str,
        jti: &str,
        now: u64,
    ) -> Result<bool, StoreError> {
        if self.here.has_processed(issuer, jti, now) {
            return Ok(true);
        }
        match &self.processed {
            Some(tokens) => tokens.has(&self.keys, issuer, jti, now).await,
            None => Ok(false),
        }
    }

    /// Records that a logout token was processed, until it expires; `false` when it was before.
    pub(super) async fn note_processed(
        &self,
        issuer: &str,
        jti: &str,
        now: u64,
        until: u64,
    ) -> Result<bool, StoreError> {
        let new_in_store = match &self.processed {
            Some(tokens) => tokens.note(&self.keys, issuer, jti, until, now).await?,
            None => true,
        };
        // In memory last: a token recorded there is refused when it is sent again, so the store must have it first.
        let new = self.here.note_processed(issuer, jti, now, until);
        Ok(new && new_in_store)
    }

    fn until(&self, now: u64) -> u64 {
        now.saturating_add(self.lifetime)
    }
}
