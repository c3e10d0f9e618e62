//! The DPoP proofs that were used, so that none is used twice
//! ([RFC 9449 §11.1](https://www.rfc-editor.org/rfc/rfc9449#section-11.1)).

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};

use crate::expiring_map::ExpiringMap;
use crate::resource::dpop::FittingProof;
use crate::store::{ObservedStore, SessionStore, StoreError, StoredRecord};

/// How many proofs are remembered here, for two minutes at most. Of more, those are forgotten first that expire first.
const PROOFS: usize = 100_000;

/// The proofs that were used and could fit again: here, and in a store if several nodes share one.
pub(super) struct UsedProofs {
    here: ExpiringMap<[u8; 32], ()>,
    /// Part of the keys in `here`. Clients choose what their proofs are called: without it, they could choose names that lie
    /// in one shard, and push another client's proof out of it with few of their own.
    salt: [u8; 32],
    store: Option<ObservedStore>,
}

impl UsedProofs {
    pub(super) fn new(store: Option<Arc<dyn SessionStore>>, salt: [u8; 32]) -> Self {
        Self {
            here: ExpiringMap::bounded(PROOFS),
            salt,
            store: store.map(ObservedStore::new),
        }
    }

    /// Records the use of a proof. `false` if it was used before: here, or on any node that shares the store.
    pub(super) async fn record(
        &self,
        audience: &str,
        proof: &FittingProof,
        now: u64,
    ) -> Result<bool, StoreError> {
        {
            let mut here = self.here.entry(self.place(&proof.id), now);
            if here.get().is_some() {
                return Ok(false);
            }
            here.set((), proof.expires_at);
        }
        let Some(store) = &self.store else {
            return Ok(true);
        };
        let used = StoredRecord {
            sealed: Vec::new(),
            generation: 0,
            expires_at: proof.expires_at,
            names: None,
        };
        let key = key(audience, &proof.id);
        store.insert(&key, used, now).await
    }

    fn place(&self, id: &[u8; 32]) -> [u8; 32] {
        let mut digest = Context::new(&SHA256);
        digest.update(&self.salt);
        digest.update(id);
        let mut place = [0; 32];
        place.copy_from_slice(digest.finish().as_ref());
        place
    }
}

/// Where the store has a proof: apart from sessions, and from the proofs of other APIs.
fn key(audience: &str, id: &[u8; 32]) -> [u8; 32] {
    let mut digest = Context::new(&SHA256);
    digest.update(b"latchgate used dpop proof\0");
    digest.update(id);
    digest.update(audience.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(digest.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn proof(id: u8) -> FittingProof {
        FittingProof {
            id: [id; 32],
            expires_at: 1_090,
            nonce: None,
        }
    }

    #[tokio::test]
    async fn a_proof_is_used_once_on_all_nodes_that_share_a_store() {
        let store: Arc<dyn SessionStore> = Arc::new(MemoryStore::default());
        let node = || UsedProofs::new(Some(Arc::clone(&store)), [0; 32]);
        let (one, two, alone) = (node(), node(), UsedProofs::new(None, [0; 32]));
        let used = async |node: &UsedProofs, audience: &str, id: u8| {
            !node.record(audience, &proof(id), 1_000).await.unwrap()
        };
        assert!(!used(&one, "a", 1).await);
        assert!(used(&one, "a", 1).await && used(&two, "a", 1).await);
        assert!(!used(&two, "a", 2).await && used(&one, "a", 2).await);
        // Another API, and a node that shares nothing.
        assert!(!used(&node(), "b", 1).await);
        assert!(!used(&alone, "a", 1).await && used(&alone, "a", 1).await);
    }

    #[tokio::test]
    async fn a_client_cannot_choose_which_proofs_its_own_push_out() {
        let node = UsedProofs::new(None, [7; 32]);
        let record = async |id: [u8; 32], expires_at: u64| {
            let proof = FittingProof {
                id,
                expires_at,
                nonce: None,
            };
            node.record("a", &proof, 1_000).await.unwrap()
        };
        let captured = [7; 32];
        assert!(record(captured, 1_090).await);
        // As many as a shard holds and more, all of whose names end like that one.
        for number in 0..2_000_u32 {
            let mut id = [7; 32];
            id[..4].copy_from_slice(&number.to_be_bytes());
            assert!(record(id, 1_091).await);
        }
        assert!(!record(captured, 1_090).await);
    }
}
