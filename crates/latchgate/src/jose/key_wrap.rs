//! AES Key Wrap: [RFC 3394 §2.2.2](https://www.rfc-editor.org/rfc/rfc3394#section-2.2.2), as
//! [RFC 7518 §4.4](https://www.rfc-editor.org/rfc/rfc7518#section-4.4) uses it.
//!
//! aws-lc-rs has it for keys of 128 and 256 bits only, so that its AES is used for all three sizes here.

use super::undecryptable::Undecryptable;
use aws_lc_rs::{
    cipher::{AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    constant_time::verify_slices_are_equal,
};

/// The initial value of §2.2.3.1, which shows that the key was unwrapped right.
const INITIAL: [u8; 8] = [0xa6; 8];

/// Unwraps a key with a key of 128, 192 or 256 bits.
pub(super) fn unwrap(kek: &[u8], wrapped: &[u8]) -> Result<Vec<u8>, Undecryptable> {
    let algorithm = match kek.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        _ => return Err(Undecryptable),
    };
    let cipher = UnboundCipherKey::new(algorithm, kek).and_then(DecryptingKey::ecb)?;
    let (initial, blocks) = wrapped.split_at_checked(8).ok_or(Undecryptable)?;
    if blocks.len() < 16 || blocks.len() % 8 != 0 {
        return Err(Undecryptable);
    }
    let mut a: [u8; 8] = initial.try_into().map_err(|_| Undecryptable)?;
    let mut blocks: Vec<[u8; 8]> = blocks
        .chunks_exact(8)
        .filter_map(|block| block.try_into().ok())
        .collect();
    let mut t = 6 * blocks.len() as u64;
    for _ in 0..6 {
        for block in blocks.iter_mut().rev() {
            let a_and_t = u64::from_be_bytes(a) ^ t;
            let mut joined = [0; 16];
            let (left, right) = joined.split_at_mut(8);
            left.copy_from_slice(&a_and_t.to_be_bytes());
            right.copy_from_slice(block);
            cipher.decrypt(&mut joined, DecryptionContext::None)?;
            let (left, right) = joined.split_at(8);
            a.copy_from_slice(left);
            block.copy_from_slice(right);
            t -= 1;
        }
    }
    verify_slices_are_equal(&a, &INITIAL)?;
    Ok(blocks.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let hex = hex.replace(' ', "");
        let byte = |place: usize| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    /// RFC 3394 §4.1 to §4.3, and §4.6.
    #[test]
    fn the_vectors_of_the_standard_unwrap() {
        let kek = bytes("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
        let short = "00112233445566778899AABBCCDDEEFF";
        let long = "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F";
        for (length, wrapped, key) in [
            (
                16,
                "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5",
                short,
            ),
            (
                24,
                "96778B25AE6CA435 F92B5B97C050AED2 468AB8A17AD84E5D",
                short,
            ),
            (
                32,
                "64E8C3F9CE0F5BA2 63E9777905818A2A 93C8191E7D6E8AE7",
                short,
            ),
            (
                32,
                "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21",
                long,
            ),
        ] {
            let mut wrapped = bytes(wrapped);
            assert_eq!(unwrap(&kek[..length], &wrapped), Ok(bytes(key)), "{length}");
            for place in [0, 7, 8, wrapped.len() - 1] {
                wrapped[place] ^= 1;
                assert_eq!(unwrap(&kek[..length], &wrapped), Err(Undecryptable));
                wrapped[place] ^= 1;
            }
        }
    }

    #[test]
    fn other_lengths_are_refused() {
        for length in [0, 7, 8, 16, 23, 25] {
            assert_eq!(unwrap(&[0; 16], &vec![0; length]), Err(Undecryptable));
        }
        assert_eq!(unwrap(&[0; 15], &[0; 24]), Err(Undecryptable));
    }
}
