//! `latchgate keys client`: a private key for `private_key_jwt`
//! ([RFC 7523](https://www.rfc-editor.org/rfc/rfc7523)) and signed requests, and its public half for the provider.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64_simd::STANDARD;
use latchgate::{Algorithm, ClientKey};

use super::{HELP, random_text};
use crate::arguments::{Argument, Arguments};
use crate::failure::Failure;
use crate::terminal::print;

pub(super) fn run(mut arguments: Arguments) -> Result<ExitCode, Failure> {
    let (mut file, mut kid, mut algorithm) = (None, None, Algorithm::Es256);
    while let Some(argument) = arguments.next(HELP)? {
        let Argument::Option(name) = argument else {
            return Err(Failure::usage("`keys client` takes options only", "keys"));
        };
        match name.as_str() {
            "out" => file = Some(arguments.value()?),
            "kid" => kid = Some(arguments.value()?),
            "alg" => {
                algorithm = match arguments.value()?.as_str() {
                    "ES256" => Algorithm::Es256,
                    "RS256" => Algorithm::Rs256,
                    "PS256" => Algorithm::Ps256,
                    other => {
                        let sentence = format!("`{other}` is not ES256, RS256 or PS256");
                        return Err(Failure::usage(sentence, "keys"));
                    }
                }
            }
            _ => return Err(arguments.unknown(&name)),
        }
    }
    let file = file.ok_or_else(|| {
        Failure::usage(
            "`--out FILE` is missing: the private key goes there",
            "keys",
        )
    })?;
    let kid = kid.map_or_else(random_text::<9>, Ok)?;
    let (pem, jwks) = pair(algorithm, &kid)?;
    write(&file, &pem)?;
    print(&jwks)?;
    eprintln!(
        "The private key is in {file}; standard output has its public half: register it at the provider.\n\
         LATCHGATE_CLIENT_AUTH=private_key_jwt\nLATCHGATE_CLIENT_KEY_FILE={file}\nLATCHGATE_CLIENT_KEY_ID={kid}\n\
         LATCHGATE_CLIENT_AUTH_ALG={}",
        algorithm.as_str()
    );
    Ok(ExitCode::SUCCESS)
}

/// A new private key as PEM, and its public half as a JWK Set.
fn pair(algorithm: Algorithm, kid: &str) -> Result<(String, String), Failure> {
    let unmade = || Failure::new("the key could not be made: aws-lc has failed");
    let der: Vec<u8> = match algorithm {
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
            let der = pair.and_then(|pair| pair.to_pkcs8v1());
            der.map_err(|_| unmade())?.as_ref().to_vec()
        }
        _ => {
            let pair = KeyPair::generate(KeySize::Rsa3072);
            let der = pair.and_then(|pair| pair.as_der());
            der.map_err(|_| unmade())?.as_ref().to_vec()
        }
    };
    let key = ClientKey::from_pkcs8_der(&der).and_then(|key| key.algorithm(algorithm));
    let key = key.map_err(|error| Failure::of("the key could not be made", &error))?;
    let jwks = ClientKey::public_jwks([&key.kid(kid)]);
    Ok((pem(&der), format!("{jwks}\n")))
}

/// PKCS#8 as PEM ([RFC 7468 §10](https://www.rfc-editor.org/rfc/rfc7468#section-10)).
fn pem(der: &[u8]) -> String {
    let base64 = STANDARD.encode_to_string(der);
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text + "-----END PRIVATE KEY-----\n"
}

/// Writes a new file that only its owner can read.
fn write(file: &str, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::of(format_args!("cannot write {file}"), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_reads_the_key_and_its_public_half_is_public() {
        for (algorithm, kind) in [(Algorithm::Es256, "EC"), (Algorithm::Ps256, "RSA")] {
            let (pem, jwks) = pair(algorithm, "2026-11")
                .map_err(|f| f.to_string())
                .unwrap();
            assert!(pem.lines().all(|line| line.len() <= 64), "{pem}");
            let read = ClientKey::from_pem(&pem).unwrap();
            let read = read.algorithm(algorithm).unwrap().kid("2026-11");
            assert_eq!(ClientKey::public_jwks([&read]), jwks.trim());
            let jwks: serde_json::Value = serde_json::from_str(&jwks).unwrap();
            let key = &jwks["keys"][0];
            assert_eq!(
                (&key["kty"], &key["kid"]),
                (&kind.into(), &"2026-11".into())
            );
            assert!(key.get("d").is_none() && key.get("p").is_none(), "{key}");
        }
    }
}
