//! JWTs as scenarios read and forge them.

use base64_simd::URL_SAFE_NO_PAD;
use latchgate_dev_provider::Forgery;
use serde_json::Value;

use crate::failure::Failure;

/// Every wrong way to sign that the development provider knows.
pub const FORGERIES: [Forgery; 7] = [
    Forgery::None,
    Forgery::BrokenSignature,
    Forgery::Hs256WithClientSecret,
    Forgery::Hs256WithPublicKey,
    Forgery::OtherKey,
    Forgery::UnknownKid,
    Forgery::Es256,
];

/// The header (0) or the claims (1) of a signed JWT, unverified.
///
/// # Errors
/// It has no such part, or that is not JSON.
pub fn jwt_part(jwt: &str, index: usize) -> Result<Value, Failure> {
    let part = jwt.split('.').nth(index).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(part.as_bytes());
    Ok(serde_json::from_slice(&bytes.map_err(|_| "not base64")?)?)
}
