//! What a signature signs: [RFC 7515 §5.1](https://www.rfc-editor.org/rfc/rfc7515#section-5.1), step 5.

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Header and claims of a JWT, joined by a dot.
pub(super) fn compact(header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let mut message = String::new();
    let text = |part: &Map<String, Value>| Value::Object(part.clone()).to_string();
    URL_SAFE_NO_PAD.encode_append(text(header), &mut message);
    message.push('.');
    URL_SAFE_NO_PAD.encode_append(text(claims), &mut message);
    message
}
