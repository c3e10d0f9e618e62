//! ID tokens and access tokens signed in ways no relying party may accept ([RFC 8725 §2](https://www.rfc-editor.org/rfc/rfc8725#section-2)).

use std::sync::Arc;

use aws_lc_rs::hmac;
use serde_json::json;

use crate::client::Client;
use crate::jws::JsonObject;
use crate::keys::{KeySet, SigningAlg, foreign_key};

/// How ID tokens, or access tokens, are signed instead of honestly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forgery {
    /// `alg: none` and an empty signature.
    None,
    /// The right header, and a signature with one bit turned over.
    BrokenSignature,
    /// `alg: HS256` with the client's secret.
    Hs256WithClientSecret,
    /// `alg: HS256` with the PEM of the published RSA key for a secret: algorithm confusion.
    Hs256WithPublicKey,
    /// The right `kid`, and the signature of a key that is not in the JWK Set.
    OtherKey,
    /// A `kid` that is not in the JWK Set, and the signature of a key that is not either.
    UnknownKid,
    /// No `kid`, but honestly signed.
    NoKid,
    /// Honestly signed with the ES256 key, whatever the provider was told to use.
    Es256,
    /// Honestly signed with the RS256 key, whatever the provider was told to use.
    Rs256,
}

type Sign = Box<dyn FnOnce(&[u8]) -> Vec<u8>>;

/// Writes the header that goes with a forgery and returns what will sign; without a forgery, the honest key does.
pub(crate) fn signature_of(
    forgery: Option<Forgery>,
    keys: &Arc<KeySet>,
    alg: SigningAlg,
    client: &Client,
    header: &mut JsonObject,
) -> Sign {
    let Some(forgery) = forgery else {
        return honestly(keys, alg);
    };
    match forgery {
        Forgery::None => {
            header.insert("alg".to_owned(), json!("none"));
            header.remove("kid");
            Box::new(|_| Vec::new())
        }
        Forgery::BrokenSignature => {
            let sign = honestly(keys, alg);
            Box::new(move |input| {
                let mut signature = sign(input);
                if let Some(byte) = signature.first_mut() {
                    *byte ^= 1;
                }
                signature
            })
        }
        Forgery::Hs256WithClientSecret => {
            header.insert("alg".to_owned(), json!("HS256"));
            header.remove("kid");
            hs256(client.client_secret.clone().unwrap_or_default())
        }
        Forgery::Hs256WithPublicKey => {
            header.insert("alg".to_owned(), json!("HS256"));
            let key = keys.key(SigningAlg::Rs256);
            header.insert("kid".to_owned(), json!(key.kid));
            hs256(key.public_pem())
        }
        Forgery::OtherKey => {
            let key = foreign_key(alg);
            Box::new(move |input| key.sign(input))
        }
        Forgery::UnknownKid => {
            let key = foreign_key(alg);
            header.insert("kid".to_owned(), json!(key.kid));
            Box::new(move |input| key.sign(input))
        }
        Forgery::NoKid => {
            header.remove("kid");
            honestly(keys, alg)
        }
        Forgery::Es256 => signed_by(keys, SigningAlg::Es256, header),
        Forgery::Rs256 => signed_by(keys, SigningAlg::Rs256, header),
    }
}

fn honestly(keys: &Arc<KeySet>, alg: SigningAlg) -> Sign {
    let keys = Arc::clone(keys);
    Box::new(move |input| keys.key(alg).sign(input))
}

fn signed_by(keys: &Arc<KeySet>, alg: SigningAlg, header: &mut JsonObject) -> Sign {
    header.insert("alg".to_owned(), json!(alg.as_str()));
    header.insert("kid".to_owned(), json!(keys.key(alg).kid));
    honestly(keys, alg)
}

fn hs256(secret: String) -> Sign {
    Box::new(move |input| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::sign(&key, input).as_ref().to_vec()
    })
}
