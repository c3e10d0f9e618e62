//! The logout tokens that were processed, recorded in a store so that no node processes one again ([OpenID Connect
//! Back-Channel Logout 1.0 §2.6, step 8](https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation)).

use std::sync::Arc;

use crate::seal::KeyRing;
use crate::store::{ObservedStore, SessionStore, StoreError, StoredRecord};

/// The `jti`s of processed logout tokens, in a store.
#[derive(Debug)]
pub(crate) struct ProcessedTokens {
    store: ObservedStore,
}

impl ProcessedTokens {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store: ObservedStore::new(store),
        }
    }

    /// Whether a logout token was processed before, on any node.
    pub(crate) async fn has(
        &self,
        keys: &KeyRing,
        issuer: &str,
        jti: &str,
        now: u64,
    ) -> Result<bool, StoreError> {
        let names: Vec<_> = keys.names(&["jti", issuer, jti]).collect();
        for name in names {
            if self.store.load(&name, now).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Records that a logout token was processed, under every key: during a key rotation, nodes share at least one.
    /// `false` when it was recorded before.
    pub(crate) async fn note(
        &self,
        keys: &KeyRing,
        issuer: &str,
        jti: &str,
        until: u64,
        now: u64,
    ) -> Result<bool, StoreError> {
        let names: Vec<_> = keys.names(&["jti", issuer, jti]).collect();
        let mut new = true;
        for name in names {
            let note = StoredRecord {
                sealed: Vec::new(),
                generation: 0,
                expires_at: until,
                names: None,
            };
            new &= self.store.insert(&name, note, now).await?;
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SessionKey;
    use crate::store::MemoryStore;

    const ISSUER: &str = "https://op.example";

    fn keys(seeds: &[u8]) -> KeyRing {
        let key = |seed: &u8| {
            SessionKey::from_bytes(std::array::from_fn(|place| seed.wrapping_add(place as u8)))
        };
        let keys: Vec<_> = seeds.iter().map(key).collect();
        KeyRing::new(&keys, &["https://app.example"]).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_known_until_it_is_worthless_also_while_keys_change() {
        let tokens = ProcessedTokens::new(Arc::new(MemoryStore::default()));
        let (old, both, new) = (keys(&[1]), keys(&[2, 1]), keys(&[2]));
        let has = async |keys: &KeyRing, jti: &str, now: u64| {
            tokens.has(keys, ISSUER, jti, now).await.unwrap()
        };
        assert!(!has(&both, "a", 1_000).await);
        assert!(tokens.note(&both, ISSUER, "a", 2_000, 1_000).await.unwrap());
        assert!(!tokens.note(&old, ISSUER, "a", 2_000, 1_000).await.unwrap());
        assert!(!tokens.note(&new, ISSUER, "a", 2_000, 1_000).await.unwrap());
        for keys in [&old, &both, &new] {
            assert!(has(keys, "a", 1_999).await);
            assert!(!has(keys, "a", 2_000).await, "it is worthless by now");
            assert!(!has(keys, "b", 1_000).await);
        }
        tokens.note(&old, ISSUER, "b", 2_000, 1_000).await.unwrap();
        assert!(has(&both, "b", 1_000).await);
    }
}
