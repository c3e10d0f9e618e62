//! Sealed cookies: base64url of a nonce and what AES-256-GCM makes of the content, bound to the cookie's name.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use axum::http::{HeaderMap, header};
use base64_simd::URL_SAFE_NO_PAD;
use bytes::{Buf, Bytes};

use crate::login::random;

pub struct Sealer(LessSafeKey);

impl Sealer {
    pub fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// The value of the cookie `name`.
    pub fn seal(&self, name: &str, mut content: Vec<u8>) -> String {
        let nonce: [u8; NONCE_LEN] = random();
        let (once, aad) = (Nonce::from(&nonce), Aad::from(name.as_bytes()));
        let tag = self
            .0
            .seal_in_place_separate_tag(once, aad, &mut content)
            .expect("a short text");
        URL_SAFE_NO_PAD.encode_to_string([&nonce[..], &content, tag.as_ref()].concat())
    }

    /// What is sealed in the cookie `name` of a request.
    pub fn open(&self, name: &str, headers: &HeaderMap) -> Option<Bytes> {
        let field = str::from_utf8(headers.get(header::COOKIE)?.as_bytes()).ok()?;
        let cookies = field
            .split(';')
            .filter_map(|pair| pair.trim_ascii().split_once('='));
        let (_, value) = { cookies }.find(|(found, _)| *found == name)?;
        let mut sealed = URL_SAFE_NO_PAD.decode_to_vec(value).ok()?;
        let (nonce, content) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::from(&*nonce);
        let aad = Aad::from(name.as_bytes());
        let length = self.0.open_in_place(nonce, aad, content).ok()?.len();
        let mut opened = Bytes::from(sealed);
        opened.advance(NONCE_LEN);
        opened.truncate(length);
        Some(opened)
    }
}
