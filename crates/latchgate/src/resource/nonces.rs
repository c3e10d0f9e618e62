//! Nonces for DPoP proofs: [RFC 9449 §9](https://www.rfc-editor.org/rfc/rfc9449#section-9), by the rules of its §8.
//!
//! A nonce is the minute in which it is made, and a keyed hash of that. So no node has to remember any: all that have the
//! same keys accept each other's, and nobody else can make one. A client that makes its proofs in advance, or has a clock
//! of its own choosing, gets no further than the nonces it has seen.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64_simd::URL_SAFE_NO_PAD;

use crate::seal::KeyRing;

/// Whether the DPoP proofs of this API's clients must contain a nonce that it has handed out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofNonces {
    /// They need none, and one that they have says nothing. The default.
    #[default]
    Unused,
    /// They must, and the API refuses others with a nonce to try again with (RFC 9449 §9). So a proof cannot be made in
    /// advance, and the client's clock matters less. A nonce is good for four to five minutes; whoever uses one that is more
    /// than a minute old gets a newer one with the response.
    Required,
}

/// How long the same nonce is handed out, in seconds.
const STEP: u64 = 60;

/// How many steps a nonce is good for, the one in which it is made included.
const STEPS: u64 = 5;

const MAC: usize = 16;

/// Makes nonces and recognizes them.
pub(crate) struct NonceIssuer {
    keys: Arc<KeyRing>,
    audience: String,
}

/// How old a nonce is that is still good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NonceAge {
    /// It is the one that is handed out now.
    Newest,
    /// There is a newer one.
    Older,
}

impl NonceIssuer {
    /// Nonces of the API with this audience.
    pub(crate) fn new(keys: Arc<KeyRing>, audience: &str) -> Self {
        Self {
            keys,
            audience: audience.to_owned(),
        }
    }

    /// The nonce to hand out.
    pub(crate) fn newest(&self, now: u64) -> String {
        let step = now / STEP;
        let mut bytes = [0; 8 + MAC];
        bytes[..8].copy_from_slice(&step.to_be_bytes());
        if let Some(mac) = self.macs(step).first() {
            bytes[8..].copy_from_slice(mac);
        }
        URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    /// How old a nonce is. `None` if it is not one of this API, or no longer good.
    pub(crate) fn age(&self, nonce: &str, now: u64) -> Option<NonceAge> {
        let bytes: [u8; 8 + MAC] = URL_SAFE_NO_PAD.decode_to_vec(nonce).ok()?.try_into().ok()?;
        let (step, mac) = bytes.split_first_chunk::<8>()?;
        let (step, this) = (u64::from_be_bytes(*step), now / STEP);
        // The clock of the node that made it may be ahead.
        if step > this.saturating_add(1) || step.saturating_add(STEPS) <= this {
            return None;
        }
        let ours = self
            .macs(step)
            .iter()
            .any(|own| verify_slices_are_equal(own, mac).is_ok());
        ours.then_some(match step >= this {
            true => NonceAge::Newest,
            false => NonceAge::Older,
        })
    }

    /// The keyed hash of a step: one for each key, the newest key's first.
    fn macs(&self, step: u64) -> Vec<[u8; MAC]> {
        let step = step.to_string();
        let parts = ["dpop nonce", &self.audience, &step];
        let macs = self.keys.names(&parts).map(|name| {
            let mut mac = [0; MAC];
            mac.copy_from_slice(&name[..MAC]);
            mac
        });
        macs.collect()
    }
}

impl fmt::Debug for NonceIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceIssuer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SessionKey;

    const NOW: u64 = 600_000;

    fn issuer(seeds: &[u8], origin: &str, audience: &str) -> NonceIssuer {
        let key = |seed: &u8| SessionKey::from_bytes([*seed; 32]);
        let keys: Vec<_> = seeds.iter().map(key).collect();
        let ring = KeyRing::new(&keys, &[origin]).unwrap();
        NonceIssuer::new(Arc::new(ring), audience)
    }

    fn api(seeds: &[u8]) -> NonceIssuer {
        issuer(seeds, "https://api.example", "invoices")
    }

    #[test]
    fn a_nonce_is_good_for_minutes_and_then_for_nobody() {
        let api = api(&[1]);
        let nonce = api.newest(NOW);
        assert_eq!(api.newest(NOW + 59), nonce);
        assert_ne!(api.newest(NOW + 60), nonce);
        for (later, age) in [
            (0, Some(NonceAge::Newest)),
            (59, Some(NonceAge::Newest)),
            (60, Some(NonceAge::Older)),
            (299, Some(NonceAge::Older)),
            (300, None),
            (1_000_000, None),
        ] {
            assert_eq!(api.age(&nonce, NOW + later), age, "{later}");
        }
        // Another node's clock is a minute ahead, at most.
        assert_eq!(api.age(&nonce, NOW - 1), Some(NonceAge::Newest));
        assert_eq!(api.age(&nonce, NOW - 61), None);
    }

    #[test]
    fn nobody_else_makes_one() {
        let api = api(&[1]);
        let nonce = api.newest(NOW);
        for other in [
            issuer(&[2], "https://api.example", "invoices"),
            issuer(&[1], "https://other.example", "invoices"),
            issuer(&[1], "https://api.example", "orders"),
        ] {
            assert_eq!(api.age(&other.newest(NOW), NOW), None);
        }
        let mut bytes = URL_SAFE_NO_PAD.decode_to_vec(&nonce).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            let forged = URL_SAFE_NO_PAD.encode_to_string(&bytes);
            assert_eq!(api.age(&forged, NOW), None, "{place}");
            bytes[place] ^= 1;
        }
        let later = u64::MAX.to_be_bytes();
        bytes[..8].copy_from_slice(&later);
        for nonce in [
            "",
            "nonce",
            &nonce[1..],
            &format!("{nonce}AAAA"),
            &format!("{nonce}="),
            &URL_SAFE_NO_PAD.encode_to_string(&bytes),
        ] {
            assert_eq!(api.age(nonce, NOW), None, "{nonce}");
        }
    }

    #[test]
    fn nodes_agree_while_keys_change() {
        let (old, both, new) = (api(&[1]), api(&[2, 1]), api(&[2]));
        for (made_by, read_by) in [(&old, &both), (&both, &new), (&new, &both)] {
            let nonce = made_by.newest(NOW);
            assert_eq!(read_by.age(&nonce, NOW), Some(NonceAge::Newest));
        }
        assert_eq!(new.age(&old.newest(NOW), NOW), None);
    }
}
