//! What an access token costs an API: `cargo bench -p latchgate-tower --bench api`.
//!
//! All contestants take turns within one run, a few hundred requests each, in twenty rounds. The figure of each is its
//! fastest round, per request: the whole of it, what it adds to the same request to the same router without the layer, and
//! that in units of one signature verification by aws-lc-rs with a prepared key, in the same rounds. Read the ratios:
//! times move from machine to machine.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::{MethodRouter, get};
use latchgate_dev_provider::{DevProvider, SigningAlg};
use latchgate_tower::{Algorithm, Api, ApiLayer, ProtectedResource, User};
use tower::ServiceExt;

type Failure = Box<dyn std::error::Error>;

const ROUNDS: usize = 20;
const REQUESTS: usize = 200;
const AUDIENCE: &str = "https://api.example.com";

/// Something that takes turns with others.
struct Contestant {
    name: String,
    work: Work,
    best: Duration,
}

enum Work {
    Requests {
        app: Router,
        path: &'static str,
        /// A token for each request; one is presented again and again.
        tokens: Vec<String>,
    },
    Verification(Box<ParsedPublicKey>, Vec<u8>),
}

/// What is signed: as long as header and payload of the tokens.
const MESSAGE: [u8; 480] = [b'x'; 480];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut contestants = Vec::new();
    for (signing, alg) in [
        (SigningAlg::Rs256, Algorithm::Rs256),
        (SigningAlg::Es256, Algorithm::Es256),
    ] {
        let provider = DevProvider::builder().id_token_alg(signing).start().await?;
        let resource = ProtectedResource::new(AUDIENCE).alg(alg);
        let bare = routes(get(async || "alice".to_owned()));
        let api = Api::builder(provider.issuer(), resource).build()?;
        let me = get(async |user: User| user.subject().to_owned());
        let app = routes(me).layer(ApiLayer::new(api));
        let token = || provider.access_token("alice", AUDIENCE, "read");
        let new: Vec<_> = std::iter::repeat_with(token)
            .take(ROUNDS * REQUESTS)
            .collect();
        let mut add = |name: &str, app: &Router, path, tokens| {
            let work = Work::Requests {
                app: app.clone(),
                path,
                tokens,
            };
            contestants.push(Contestant::new(format!("{alg}: {name}"), work));
        };
        add("no layer", &bare, "/me", vec![token()]);
        add("no token", &app, "/public", Vec::new());
        add(
            "a token that nobody asks for",
            &app,
            "/public",
            vec![token()],
        );
        add(
            "a token that was verified before",
            &app,
            "/me",
            vec![token()],
        );
        add("a new token", &app, "/me", new);
        let work = verification(alg)?;
        contestants.push(Contestant::new(format!("{alg}: one verification"), work));
        // Its keys are fetched, and it is no longer needed.
        let first = Request::get("/me").header("authorization", format!("Bearer {}", token()));
        assert_eq!(answer(&app, first.body(Body::empty())?).await, 200);
    }
    for round in 0..ROUNDS {
        for contestant in &mut contestants {
            contestant.run(round).await?;
        }
    }
    println!("\n| request | µs | added | verifications |\n|---|---|---|---|");
    for of_one in contestants.chunks(6) {
        let [bare, .., one] = of_one else {
            return Err("a contestant is missing".into());
        };
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        for Contestant { name, best, work } in of_one {
            let none = match work {
                Work::Requests { .. } => bare.best,
                Work::Verification(..) => Duration::ZERO,
            };
            let added = best.saturating_sub(none);
            let ratio = added.as_secs_f64() / one.best.as_secs_f64();
            let (all, added) = (micros(*best), micros(added));
            println!("| {name} | {all:.2} | {added:.2} | {ratio:.2} |");
        }
    }
    Ok(())
}

fn routes(me: MethodRouter) -> Router {
    let public = get(|| async { "public" });
    Router::new().route("/public", public).route("/me", me)
}

/// A signature, and the key that it is verified with.
fn verification(alg: Algorithm) -> Result<Work, Failure> {
    let random = SystemRandom::new();
    let (key, signature) = if alg == Algorithm::Es256 {
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(signing, &random)?;
        let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref())?;
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())?;
        (key, pair.sign(&random, &MESSAGE)?.as_ref().to_vec())
    } else {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &random, &MESSAGE, &mut signature)?;
        let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())?;
        (key, signature)
    };
    Ok(Work::Verification(Box::new(key), signature))
}

async fn answer(app: &Router, request: Request<Body>) -> u16 {
    match app.clone().oneshot(request).await {
        Ok(response) => response.status().as_u16(),
        Err(never) => match never {},
    }
}

impl Contestant {
    fn new(name: String, work: Work) -> Self {
        Self {
            name,
            work,
            best: Duration::MAX,
        }
    }

    async fn run(&mut self, round: usize) -> Result<(), Failure> {
        let took = match &self.work {
            Work::Requests { app, path, tokens } => {
                let first = round * REQUESTS;
                let requests =
                    (first..first + REQUESTS).map(|number| request(path, tokens, number));
                let requests = requests.collect::<Result<Vec<_>, _>>()?;
                let begun = Instant::now();
                for request in requests {
                    assert_eq!(answer(app, request).await, 200, "{}", self.name);
                }
                begun.elapsed()
            }
            Work::Verification(key, signature) => {
                let begun = Instant::now();
                for _ in 0..REQUESTS {
                    key.verify_sig(&MESSAGE, signature)?;
                }
                begun.elapsed()
            }
        };
        let each = took / u32::try_from(REQUESTS)?;
        self.best = self.best.min(each);
        Ok(())
    }
}

fn request(path: &str, tokens: &[String], number: usize) -> Result<Request<Body>, Failure> {
    let request = Request::get(path);
    let request = match tokens.len() {
        0 => request,
        len => {
            let token = &tokens[number % len];
            request.header("authorization", format!("Bearer {token}"))
        }
    };
    Ok(request.body(Body::empty())?)
}
