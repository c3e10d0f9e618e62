//! `latchgate keys`: session keys, new and rotated, and the key of a client.

mod client;
mod rotation;

use std::io::Read as _;
use std::process::ExitCode;

use base64_simd::URL_SAFE_NO_PAD;
use latchgate::{Random as _, SystemRandom};

use crate::arguments::{Argument, Arguments};
use crate::failure::Failure;
use crate::terminal::print;
use rotation::{Rotation, Step};

pub(crate) const HELP: &str = "\
Makes and rotates the keys that seal sessions; makes the key of a client.

Usage: latchgate keys [--count N] [--bare]
       latchgate keys rotate [--keep N] [--step 1|2] [--bare] [--quiet] [-]
       latchgate keys client --out FILE [--alg ALG] [--kid NAME]

keys         makes a session key and prints it as LATCHGATE_SESSION_KEYS=…, a line that works in a
             shell and in a .env file
keys rotate  reads the current keys from LATCHGATE_SESSION_KEYS, or with `-` from standard input (a
             .env file will do), and prints them with a new one; explains on standard error in which
             order to deploy them
keys client  makes a private key for `private_key_jwt` and signed requests, writes it to a file that
             only its owner can read, and prints the public key as a JWK Set for the provider

Options:
  --count N    how many session keys to make (default 1)
  --keep N     how many session keys a rotation leaves (default 2)
  --step 1     for several nodes, first: the new key comes last, so that all can open what it seals
  --step 2     for several nodes, second: the last key comes first, and seals; no key is made
  --bare       prints the keys only, without `LATCHGATE_SESSION_KEYS=`
  --quiet      explains nothing on standard error
  --out FILE   where to write the client's private key, as PEM (PKCS#8); it must not exist
  --alg ALG    ES256 (default), RS256 or PS256
  --kid NAME   the key's name at the provider (default: a random one)

Examples:
  latchgate keys >> .env
  export \"$(latchgate keys)\"
  kubectl create secret generic login --from-literal=keys=\"$(latchgate keys --bare)\"
  latchgate keys rotate - < .env
  latchgate keys client --out client-key.pem > client-jwks.json
";

/// The variable that holds session keys.
pub(crate) const VARIABLE: &str = "LATCHGATE_SESSION_KEYS";

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let mut arguments = arguments.of("keys");
    let mut options = Options::default();
    while let Some(argument) = arguments.next(HELP)? {
        match argument {
            Argument::Value(word) if options.is_untouched() && word == "rotate" => {
                return rotate(arguments);
            }
            Argument::Value(word) if options.is_untouched() && word == "client" => {
                return client::run(arguments);
            }
            Argument::Value(word) => {
                return Err(Failure::usage(
                    format!("`{word}` is nothing that `keys` can do here"),
                    "keys",
                ));
            }
            Argument::Option(name) => match name.as_str() {
                "count" => options.count = Some(arguments.parsed("a number of keys")?),
                "bare" => options.bare = true,
                _ => return Err(arguments.unknown(&name)),
            },
        }
    }
    let count = options.count.unwrap_or(1);
    if !(1..=100).contains(&count) {
        return Err(Failure::usage("--count is from 1 to 100", "keys"));
    }
    let keys: Result<Vec<String>, Failure> = (0..count).map(|_| new_key()).collect();
    print(&line(&keys?, options.bare))?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Default)]
struct Options {
    count: Option<usize>,
    bare: bool,
}

impl Options {
    fn is_untouched(&self) -> bool {
        self.count.is_none() && !self.bare
    }
}

fn rotate(mut arguments: Arguments) -> Result<ExitCode, Failure> {
    let mut rotation = Rotation::default();
    let (mut bare, mut quiet, mut from_input) = (false, false, false);
    while let Some(argument) = arguments.next(HELP)? {
        match argument {
            Argument::Value(word) if word == "-" => from_input = true,
            // Not quoted: it may be a key.
            Argument::Value(_) => {
                return Err(Failure::usage(
                    "`keys rotate` takes no argument but `-`; keys come from LATCHGATE_SESSION_KEYS or from standard input, for everybody on a machine can read arguments",
                    "keys",
                ));
            }
            Argument::Option(name) => match name.as_str() {
                "keep" => rotation.keep = arguments.parsed("a number of keys")?,
                "step" => {
                    rotation.step = match arguments.value()?.as_str() {
                        "1" => Step::Announce,
                        "2" => Step::Promote,
                        other => {
                            return Err(Failure::usage(
                                format!("there is no step `{other}`, only 1 and 2"),
                                "keys",
                            ));
                        }
                    }
                }
                "bare" => bare = true,
                "quiet" => quiet = true,
                _ => return Err(arguments.unknown(&name)),
            },
        }
    }
    let present = match from_input {
        true => standard_input()?,
        false => std::env::var(VARIABLE).unwrap_or_default(),
    };
    let rotated = rotation.turn(&present, new_key)?;
    print(&line(&rotated.keys, bare))?;
    if !quiet {
        eprintln!("{}", rotated.explanation);
    }
    Ok(ExitCode::SUCCESS)
}

fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| Failure::of("cannot read standard input", &error))?;
    Ok(text)
}

/// Keys as a line: 43 letters, digits, `-` and `_` each, which no shell and no `.env` file minds.
fn line(keys: &[String], bare: bool) -> String {
    let keys = keys.join(",");
    match bare {
        true => format!("{keys}\n"),
        false => format!("{VARIABLE}={keys}\n"),
    }
}

/// A new session key.
fn new_key() -> Result<String, Failure> {
    random_text::<32>()
}

/// As many random bytes, as base64.
fn random_text<const N: usize>() -> Result<String, Failure> {
    let mut bytes = [0; N];
    let filled = SystemRandom::default().fill(&mut bytes);
    filled.map_err(|error| Failure::of("no key was made", &error))?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchgate::{Gate, Provider, SessionKey};

    #[test]
    fn keys_are_what_a_gate_wants() {
        let keys: Vec<String> = (0..3).map(|_| new_key().unwrap()).collect();
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
        let printed = line(&keys, false);
        let value = printed
            .trim_end()
            .strip_prefix("LATCHGATE_SESSION_KEYS=")
            .unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_,".contains(c);
        assert!(value.chars().all(plain), "a shell may mind: {value}");
        let keys = value
            .split(',')
            .map(|key| SessionKey::from_base64(key).unwrap());
        let provider = Provider::new("https://op.example/", "app").client_secret("s3cret");
        let gate = Gate::builder("https://app.example.com", provider).session_keys(keys);
        gate.build().unwrap();
    }
}
