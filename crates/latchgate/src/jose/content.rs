//! The content of an encrypted token: AES-CBC with HMAC
//! ([RFC 7518 §5.2](https://www.rfc-editor.org/rfc/rfc7518#section-5.2)) and AES-GCM
//! ([RFC 7518 §5.3](https://www.rfc-editor.org/rfc/rfc7518#section-5.3)).

use super::{encryption_algorithm::ContentEncryption, undecryptable::Undecryptable};
use aws_lc_rs::{
    aead::{self, AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    cipher::{
        self, AES_128, AES_192, AES_256, DecryptionContext, PaddedBlockDecryptingKey,
        UnboundCipherKey,
    },
    constant_time::verify_slices_are_equal,
    hmac,
    iv::FixedLength,
};

/// What is decrypted, part by part of the token.
pub(super) struct Sealed<'t> {
    /// The header as it was sent, which is authenticated too.
    pub(super) header: &'t str,
    pub(super) iv: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: Vec<u8>,
}

impl ContentEncryption {
    /// The length of the key, in bytes.
    pub(super) fn key_length(self) -> usize {
        match self {
            Self::A128Gcm => 16,
            Self::A192Gcm => 24,
            Self::A256Gcm | Self::A128CbcHs256 => 32,
            Self::A192CbcHs384 => 48,
            Self::A256CbcHs512 => 64,
        }
    }

    /// Decrypts with a key of that length.
    pub(super) fn decrypt(self, key: &[u8], sealed: Sealed<'_>) -> Result<Vec<u8>, Undecryptable> {
        if key.len() != self.key_length() {
            return Err(Undecryptable);
        }
        match self {
            Self::A128Gcm => gcm(&AES_128_GCM, key, sealed),
            Self::A192Gcm => gcm(&AES_192_GCM, key, sealed),
            Self::A256Gcm => gcm(&AES_256_GCM, key, sealed),
            Self::A128CbcHs256 => cbc(&AES_128, hmac::HMAC_SHA256, key, sealed),
            Self::A192CbcHs384 => cbc(&AES_192, hmac::HMAC_SHA384, key, sealed),
            Self::A256CbcHs512 => cbc(&AES_256, hmac::HMAC_SHA512, key, sealed),
        }
    }
}

fn gcm(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    sealed: Sealed<'_>,
) -> Result<Vec<u8>, Undecryptable> {
    // A shorter tag would be easier to guess.
    if sealed.tag.len() != 16 {
        return Err(Undecryptable);
    }
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
    let nonce = Nonce::try_assume_unique_for_key(&sealed.iv)?;
    let mut content = sealed.ciphertext;
    content.extend(sealed.tag);
    let length = key
        .open_in_place(nonce, Aad::from(sealed.header.as_bytes()), &mut content)?
        .len();
    content.truncate(length);
    Ok(content)
}

/// The tag is checked before anything is decrypted, so that no padding is looked at that the sender has not made.
fn cbc(
    algorithm: &'static cipher::Algorithm,
    hash: hmac::Algorithm,
    key: &[u8],
    sealed: Sealed<'_>,
) -> Result<Vec<u8>, Undecryptable> {
    let (mac_key, key) = key.split_at(key.len() / 2);
    let header = sealed.header.as_bytes();
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hash, mac_key));
    mac.update(header);
    mac.update(&sealed.iv);
    mac.update(&sealed.ciphertext);
    mac.update(&(header.len() as u64 * 8).to_be_bytes());
    let mac = mac.sign();
    let (tag, _) = mac.as_ref().split_at(mac_key.len());
    verify_slices_are_equal(tag, &sealed.tag)?;
    let iv = FixedLength::<16>::try_from(sealed.iv.as_slice())?;
    let key = UnboundCipherKey::new(algorithm, key)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key)?;
    let mut content = sealed.ciphertext;
    let length = key
        .decrypt(&mut content, DecryptionContext::Iv128(iv))?
        .len();
    content.truncate(length);
    Ok(content)
}
