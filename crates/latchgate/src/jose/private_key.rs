//! Private keys of ours: they sign ([RFC 7515 §5.1](https://www.rfc-editor.org/rfc/rfc7515#section-5.1)) by the
//! algorithms of [RFC 7518 §3](https://www.rfc-editor.org/rfc/rfc7518#section-3) and
//! [RFC 8037 §3.1](https://www.rfc-editor.org/rfc/rfc8037#section-3.1). aws-lc does the work, and draws what a
//! signature needs of randomness itself.

use super::{
    algorithm::Algorithm,
    compact::compact,
    curve::Curve,
    pair::{Pair, rejected},
    private_jwk,
    private_key_error::PrivateKeyError,
};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair, RsaSignatureEncoding,
    },
};
use base64_simd::URL_SAFE_NO_PAD;
use rustls_pki_types::{PrivateKeyDer, pem, pem::PemObject};
use serde_json::{Map, Value, json};

/// A private key. Its `Debug` output is redacted.
pub(crate) struct PrivateKey {
    pub(super) pair: Pair,
    public: Map<String, Value>,
}

impl PrivateKey {
    /// Reads a key in PEM: PKCS#8, PKCS#1 or SEC1. What else the text has, such as certificates, is skipped.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, PrivateKeyError> {
        match PrivateKeyDer::from_pem_slice(pem) {
            Ok(PrivateKeyDer::Pkcs8(der)) => Self::from_pkcs8_der(der.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(der)) => {
                let pair = RsaKeyPair::from_der(der.secret_pkcs1_der());
                pair.map(|pair| Self::new(Pair::Rsa(pair)))
                    .map_err(rejected)
            }
            Ok(PrivateKeyDer::Sec1(der)) => {
                let der = der.secret_sec1_der();
                let pair = Curve::ALL.into_iter().find_map(|curve| {
                    let pair = EcdsaKeyPair::from_private_key_der(curve.signing(), der).ok()?;
                    Some(Self::new(Pair::Ec(curve, pair)))
                });
                pair.ok_or(PrivateKeyError::Unusable)
            }
            Ok(_) => Err(PrivateKeyError::Unusable),
            Err(error) => Err(no_key_in(pem, &error)),
        }
    }

    /// Reads a key in PKCS#8 ([RFC 5958](https://www.rfc-editor.org/rfc/rfc5958)), unencrypted, in DER.
    pub(crate) fn from_pkcs8_der(der: &[u8]) -> Result<Self, PrivateKeyError> {
        let rsa = match RsaKeyPair::from_pkcs8(der).map_err(rejected) {
            Ok(pair) => return Ok(Self::new(Pair::Rsa(pair))),
            Err(error) => error,
        };
        for curve in Curve::ALL {
            if let Ok(pair) = EcdsaKeyPair::from_pkcs8(curve.signing(), der) {
                return Ok(Self::new(Pair::Ec(curve, pair)));
            }
        }
        // The older layout of PKCS#8, which OpenSSL writes, has no public key to compare with.
        match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            Ok(pair) => Ok(Self::new(Pair::Ed25519(pair))),
            Err(_) => Err(rsa),
        }
    }

    /// Reads a private JSON Web Key. Its other members are the caller's to read.
    pub(crate) fn from_jwk(jwk: &Map<String, Value>) -> Result<Self, PrivateKeyError> {
        private_jwk::pair(jwk).map(Self::new)
    }

    pub(super) fn new(pair: Pair) -> Self {
        Self {
            public: pair.public_members(),
            pair,
        }
    }

    /// The algorithm to sign with where none was named: what the curve allows, and RS256 for RSA, which every
    /// provider supports.
    pub(crate) fn usual_algorithm(&self) -> Algorithm {
        match &self.pair {
            Pair::Rsa(_) => Algorithm::Rs256,
            Pair::Ec(curve, _) => curve.algorithm(),
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// Whether the key can sign with this algorithm.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        match &self.pair {
            Pair::Rsa(_) => rsa_encoding(algorithm).is_some(),
            _ => self.usual_algorithm() == algorithm,
        }
    }

    /// The members of the public key as a JSON Web Key: those that its thumbprint is made of
    /// ([RFC 7638 §3.2](https://www.rfc-editor.org/rfc/rfc7638#section-3.2)), and no others.
    pub(crate) fn public_jwk(&self) -> &Map<String, Value> {
        &self.public
    }

    /// Signs a JWT: the header with `alg` added, and the claims, in compact serialisation.
    pub(crate) fn sign_jwt(
        &self,
        algorithm: Algorithm,
        mut header: Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<String, PrivateKeyError> {
        header.insert("alg".to_owned(), json!(algorithm.as_str()));
        let mut jwt = compact(&header, claims);
        let signature = self.sign(algorithm, jwt.as_bytes())?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_append(signature, &mut jwt);
        Ok(jwt)
    }

    /// The signature of a message, in the format of a JWS.
    pub(crate) fn sign(
        &self,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, PrivateKeyError> {
        let unfit = PrivateKeyError::Algorithm(algorithm);
        if !self.fits(algorithm) {
            return Err(unfit);
        }
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let encoding = rsa_encoding(algorithm).ok_or(unfit)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .map_err(|_| PrivateKeyError::Unusable)?;
                Ok(signature)
            }
            Pair::Ec(_, pair) => {
                let signature = pair.sign(&random, message);
                let signature = signature.map_err(|_| PrivateKeyError::Unusable)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => {
                let signature = pair.try_sign(message);
                let signature = signature.map_err(|_| PrivateKeyError::Unusable)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

debug_redacted!(PrivateKey);

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static RsaSignatureEncoding> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_SHA512),
        _ => None,
    }
}

/// What a PEM text without a readable private key has instead.
fn no_key_in(pem: &[u8], error: &pem::Error) -> PrivateKeyError {
    let text = String::from_utf8_lossy(pem);
    let has = |label: &str| text.lines().any(|line| line.trim() == label);
    let is_encrypted = has("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text
            .lines()
            .any(|line| line.trim() == "Proc-Type: 4,ENCRYPTED");
    let is_public = ["CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY"]
        .iter()
        .any(|label| has(&format!("-----BEGIN {label}-----")));
    match error {
        _ if is_encrypted => PrivateKeyError::Encrypted,
        pem::Error::NoItemsFound if is_public => PrivateKeyError::PublicOnly,
        pem::Error::NoItemsFound => PrivateKeyError::NotPem,
        _ => PrivateKeyError::Unusable,
    }
}

#[cfg(test)]
mod tests;
