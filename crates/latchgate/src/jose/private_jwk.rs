//! Reading a private JSON Web Key: [RFC 7518 §6.2.2 and §6.3.2](https://www.rfc-editor.org/rfc/rfc7518#section-6),
//! [RFC 8037 §2](https://www.rfc-editor.org/rfc/rfc8037#section-2).

use super::{
    curve::Curve,
    jwk::{bytes, bytes_of_length, text, without_leading_zeros},
    pair::{Pair, rejected},
    private_key_error::PrivateKeyError,
};
use aws_lc_rs::{
    rsa::KeyPairComponents,
    signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, RsaPublicKeyComponents},
};
use serde_json::{Map, Value};

/// The key pair of a private JSON Web Key. Both halves must belong together.
pub(super) fn pair(jwk: &Map<String, Value>) -> Result<Pair, PrivateKeyError> {
    if jwk.contains_key("keys") {
        return Err(PrivateKeyError::KeySet);
    }
    match text(jwk, "kty")?.ok_or(PrivateKeyError::Missing("kty"))? {
        "RSA" => rsa(jwk),
        "EC" => elliptic_curve(jwk),
        "OKP" => octet_key_pair(jwk),
        "oct" => Err(PrivateKeyError::Symmetric),
        _ => Err(PrivateKeyError::Unusable),
    }
}

fn rsa(jwk: &Map<String, Value>) -> Result<Pair, PrivateKeyError> {
    if jwk.contains_key("oth") {
        return Err(PrivateKeyError::Unusable);
    }
    let (n, e) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
    let public_key = RsaPublicKeyComponents {
        n: without_leading_zeros(&n).to_vec(),
        e: without_leading_zeros(&e).to_vec(),
    };
    let components = KeyPairComponents {
        public_key,
        d: bytes(jwk, "d")?,
        p: bytes(jwk, "p")?,
        q: bytes(jwk, "q")?,
        dP: bytes(jwk, "dp")?,
        dQ: bytes(jwk, "dq")?,
        qInv: bytes(jwk, "qi")?,
    };
    RsaKeyPair::from_components(&components)
        .map(Pair::Rsa)
        .map_err(rejected)
}

fn elliptic_curve(jwk: &Map<String, Value>) -> Result<Pair, PrivateKeyError> {
    let curve = text(jwk, "crv")?.ok_or(PrivateKeyError::Missing("crv"))?;
    let curve = Curve::named(curve).ok_or(PrivateKeyError::Unusable)?;
    let coordinate = |member| bytes_of_length(jwk, member, curve.length());
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &coordinate("d")?, &point)
        .map(|pair| Pair::Ec(curve, pair))
        .map_err(|_| PrivateKeyError::Unusable)
}

fn octet_key_pair(jwk: &Map<String, Value>) -> Result<Pair, PrivateKeyError> {
    if text(jwk, "crv")?.ok_or(PrivateKeyError::Missing("crv"))? != "Ed25519" {
        return Err(PrivateKeyError::Unusable);
    }
    let (seed, public) = (
        bytes_of_length(jwk, "d", 32)?,
        bytes_of_length(jwk, "x", 32)?,
    );
    Ed25519KeyPair::from_seed_and_public_key(&seed, &public)
        .map(Pair::Ed25519)
        .map_err(|_| PrivateKeyError::Unusable)
}
