//! Encrypted tokens for a client, in compact serialization ([RFC 7516
//! §5.1](https://www.rfc-editor.org/rfc/rfc7516#section-5.1)), by the algorithms of [RFC
//! 7518](https://www.rfc-editor.org/rfc/rfc7518#section-4).

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, EphemeralPrivateKey, UnparsedPublicKey,
    agree_ephemeral,
};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::key_wrap::{AES_128 as KEK_128, AES_256 as KEK_256, AesKek, KeyWrap};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::RsaPublicKeyComponents;
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What the discovery document says of keys.
pub(crate) const ENCRYPTION_ALGORITHMS: [&str; 5] = [
    "RSA-OAEP",
    "RSA-OAEP-256",
    "ECDH-ES",
    "ECDH-ES+A128KW",
    "ECDH-ES+A256KW",
];
/// What the discovery document says of contents.
pub(crate) const CONTENT_ALGORITHMS: [&str; 6] = [
    "A128GCM",
    "A192GCM",
    "A256GCM",
    "A128CBC-HS256",
    "A192CBC-HS384",
    "A256CBC-HS512",
];

/// How the key of an encrypted token reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncryptionAlg {
    /// `RSA-OAEP`
    RsaOaep,
    /// `RSA-OAEP-256`
    RsaOaep256,
    /// `ECDH-ES`
    EcdhEs,
    /// `ECDH-ES+A128KW`
    EcdhEsA128Kw,
    /// `ECDH-ES+A256KW`
    EcdhEsA256Kw,
}

/// How the content of an encrypted token is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentAlg {
    /// `A128GCM`
    A128Gcm,
    /// `A192GCM`
    A192Gcm,
    /// `A256GCM`
    A256Gcm,
    /// `A128CBC-HS256`
    A128CbcHs256,
    /// `A192CBC-HS384`
    A192CbcHs384,
    /// `A256CBC-HS512`
    A256CbcHs512,
}

impl EncryptionAlg {
    /// The `alg` value of [RFC 7518 §4.1](https://www.rfc-editor.org/rfc/rfc7518#section-4.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep => "RSA-OAEP",
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }
}

impl ContentAlg {
    /// The `enc` value of [RFC 7518 §5.1](https://www.rfc-editor.org/rfc/rfc7518#section-5.1).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A192Gcm => "A192GCM",
            Self::A256Gcm => "A256GCM",
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A192CbcHs384 => "A192CBC-HS384",
            Self::A256CbcHs512 => "A256CBC-HS512",
        }
    }

    fn key_length(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A192Gcm => 24,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
            Self::A192CbcHs384 => 48,
            Self::A256CbcHs512 => 64,
        }
    }
}

/// Encrypts a token for the first key of a JWK Set that is for encryption. `None` if there is none, or it does not fit.
pub(crate) fn encrypt(
    jwks: &str,
    alg: EncryptionAlg,
    enc: ContentAlg,
    token: &str,
) -> Option<String> {
    let jwks: Value = serde_json::from_str(jwks).ok()?;
    let keys = jwks.get("keys")?.as_array()?;
    let key = keys.iter().find(|key| key["use"] == "enc")?;
    seal(key, alg, enc, token).ok()
}

fn seal(
    jwk: &Value,
    alg: EncryptionAlg,
    enc: ContentAlg,
    token: &str,
) -> Result<String, Unspecified> {
    let mut header = json!({"alg": alg.as_str(), "enc": enc.as_str(), "cty": "JWT"});
    if let Some(kid) = jwk.get("kid") {
        header["kid"] = kid.clone();
    }
    let mut content_key = vec![0; enc.key_length()];
    fill(&mut content_key)?;
    let encrypted_key = match alg {
        EncryptionAlg::RsaOaep | EncryptionAlg::RsaOaep256 => by_rsa(jwk, alg, &content_key)?,
        EncryptionAlg::EcdhEs => {
            content_key = agreed(jwk, &mut header, enc.as_str(), enc.key_length())?;
            Vec::new()
        }
        EncryptionAlg::EcdhEsA128Kw => {
            let key = agreed(jwk, &mut header, alg.as_str(), 16)?;
            wrapped(AesKek::new(&KEK_128, &key)?, &content_key)?
        }
        EncryptionAlg::EcdhEsA256Kw => {
            let key = agreed(jwk, &mut header, alg.as_str(), 32)?;
            wrapped(AesKek::new(&KEK_256, &key)?, &content_key)?
        }
    };
    let header = text(header.to_string());
    let content = token.as_bytes().to_vec();
    let Sealed {
        iv,
        ciphertext,
        tag,
    } = sealed(enc, &content_key, &header, content)?;
    let rest = [encrypted_key, iv, ciphertext, tag].map(text).join(".");
    Ok(format!("{header}.{rest}"))
}

fn by_rsa(jwk: &Value, alg: EncryptionAlg, content_key: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let key = RsaPublicKeyComponents {
        n: member(jwk, "n")?,
        e: member(jwk, "e")?,
    };
    let key = PublicEncryptingKey::from_der(key.as_der()?.as_ref()).map_err(|_| Unspecified)?;
    let key = OaepPublicEncryptingKey::new(key)?;
    let hash = match alg {
        EncryptionAlg::RsaOaep => &OAEP_SHA1_MGF1SHA1,
        _ => &OAEP_SHA256_MGF1SHA256,
    };
    let mut output = vec![0; key.ciphertext_size()];
    Ok(key.encrypt(hash, content_key, &mut output, None)?.to_vec())
}

/// ECDH-ES with a key of the client; the provider's own, made for this token, goes into the header.
fn agreed(
    jwk: &Value,
    header: &mut Value,
    algorithm: &str,
    length: usize,
) -> Result<Vec<u8>, Unspecified> {
    let curve: &'static Algorithm = match jwk["crv"].as_str() {
        Some("P-256") => &ECDH_P256,
        Some("P-384") => &ECDH_P384,
        Some("P-521") => &ECDH_P521,
        _ => return Err(Unspecified),
    };
    let own = EphemeralPrivateKey::generate(curve, &SystemRandom::new())?;
    let public = own.compute_public_key()?;
    let coordinates = public.as_ref().get(1..).ok_or(Unspecified)?;
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    header["epk"] = json!({"kty": "EC", "crv": jwk["crv"], "x": text(x), "y": text(y)});
    let mut info = Vec::new();
    for part in [algorithm, "", ""] {
        info.extend(u32::try_from(part.len()).unwrap_or_default().to_be_bytes());
        info.extend(part.as_bytes());
    }
    info.extend(u32::try_from(length * 8).unwrap_or_default().to_be_bytes());
    let point = [vec![4], member(jwk, "x")?, member(jwk, "y")?].concat();
    let theirs = UnparsedPublicKey::new(curve, point);
    agree_ephemeral(own, theirs, Unspecified, |secret| {
        let hash = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(Unspecified)?;
        let mut key = vec![0; length];
        sskdf_digest(hash, secret, &info, &mut key)?;
        Ok(key)
    })
}

fn wrapped(kek: AesKek, content_key: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut output = vec![0; content_key.len() + 8];
    Ok(kek.wrap(content_key, &mut output)?.to_vec())
}

/// The last three parts of an encrypted JWT.
struct Sealed {
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

fn sealed(
    enc: ContentAlg,
    key: &[u8],
    header: &str,
    mut content: Vec<u8>,
) -> Result<Sealed, Unspecified> {
    let gcm = match enc {
        ContentAlg::A128Gcm => Some(&AES_128_GCM),
        ContentAlg::A192Gcm => Some(&AES_192_GCM),
        ContentAlg::A256Gcm => Some(&AES_256_GCM),
        _ => None,
    };
    if let Some(algorithm) = gcm {
        let mut iv = [0; 12];
        fill(&mut iv)?;
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
        let nonce = Nonce::assume_unique_for_key(iv);
        let aad = Aad::from(header.as_bytes());
        let tag = key.seal_in_place_separate_tag(nonce, aad, &mut content)?;
        return Ok(Sealed {
            iv: iv.to_vec(),
            ciphertext: content,
            tag: tag.as_ref().to_vec(),
        });
    }
    let (cipher, hash) = match enc {
        ContentAlg::A192CbcHs384 => (&AES_192, hmac::HMAC_SHA384),
        ContentAlg::A256CbcHs512 => (&AES_256, hmac::HMAC_SHA512),
        _ => (&AES_128, hmac::HMAC_SHA256),
    };
    let mut iv = [0; 16];
    fill(&mut iv)?;
    let (mac_key, key) = key.split_at(key.len() / 2);
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(cipher, key)?)?;
    key.less_safe_encrypt(
        &mut content,
        EncryptionContext::Iv128(FixedLength::from(iv)),
    )?;
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hash, mac_key));
    for part in [header.as_bytes(), &iv, &content] {
        mac.update(part);
    }
    mac.update(&(header.len() as u64 * 8).to_be_bytes());
    let mac = mac.sign();
    let (tag, _) = mac.as_ref().split_at(mac_key.len());
    Ok(Sealed {
        iv: iv.to_vec(),
        ciphertext: content,
        tag: tag.to_vec(),
    })
}

fn member(jwk: &Value, name: &str) -> Result<Vec<u8>, Unspecified> {
    let member = jwk[name].as_str().ok_or(Unspecified)?;
    URL_SAFE_NO_PAD
        .decode_to_vec(member)
        .map_err(|_| Unspecified)
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}
