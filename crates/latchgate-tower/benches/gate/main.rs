//! What the login layer costs a request, beside the same axum router without it, and what a login
//! costs. `cargo xtask bench` runs it; the README next door says how to read the table.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot go on should stop where it is"
)]

mod applications;
mod in_process;
mod peers;
mod rounds;
mod storm;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use criterion::Criterion;
use http::Request;
use latchgate_dev_provider::SigningAlg;
use latchgate_tower::LoginLayer;
use latchgate_tower::{Gate, MemoryStore};
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt};

use applications::{bare, idle, latchgate, signed_in};
use in_process::{InProcess, Tokens, browser, cookies};
use peers::Record;
use rounds::{Contestant, Table, answer, now};
use storm::Keeping;

const SMALL_COOKIES: &str = "theme=dark; lang=en; _ga=GA1.1.1234567890.1700000000";

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut bench = Bench {
        runtime: Rc::new(runtime),
        criterion: Criterion::default().configure_from_args(),
        table: Table::default(),
    };
    let worlds = [
        ("1 KB of tokens", Tokens::SMALL),
        ("2.2 KB of tokens", Tokens::USUAL),
        ("3 KB of tokens", Tokens::LARGE),
    ]
    .map(|(size, tokens)| World::open(&bench.runtime, size, tokens));

    let others = format!("{SMALL_COOKIES}; analytics={}", "a".repeat(3_000));
    bench.public_page("no cookie", &worlds[1].gate, None);
    bench.public_page("cookies of others", &worlds[1].gate, Some(&others));
    for world in &worlds {
        let title = format!("session unused, {}", world.size);
        bench.public_page(&title, &world.gate, Some(&world.with_others()));
    }
    for world in &worlds {
        bench.me(world);
    }
    for path in ["/subject", "/typed", "/token"] {
        for world in &worlds {
            bench.page(path, world);
        }
    }
    bench.login(SigningAlg::Rs256, Tokens::USUAL);
    bench.login(
        SigningAlg::Es256,
        Tokens {
            alg: SigningAlg::Es256,
            ..Tokens::USUAL
        },
    );
    bench.storm("sealed cookie", Keeping::Sealed, 1);
    bench.storm("MemoryStore", Keeping::Stored, 1);
    bench.storm("two nodes and their MemoryStore", Keeping::Stored, 2);

    bench.criterion.final_summary();
    bench.table.print();
    println!();
    for world in &worlds {
        println!(
            "{} bytes of tokens travel in {} bytes of session cookie, name included",
            world.tokens.token_bytes(),
            world.cookies.len()
        );
    }
}

struct Bench {
    runtime: Rc<Runtime>,
    criterion: Criterion,
    table: Table,
}

/// A provider with tokens of one size, a gate before it, and a person signed in.
struct World {
    size: &'static str,
    tokens: InProcess,
    gate: Gate,
    cookies: String,
}

impl World {
    fn open(runtime: &Runtime, size: &'static str, tokens: Tokens) -> Self {
        runtime.block_on(async {
            let tokens = InProcess::start(tokens).await;
            let gate = tokens.gate(None::<MemoryStore>);
            let cookies = tokens.log_in(&mut latchgate(&gate)).await.cookies;
            Self {
                size,
                tokens,
                gate,
                cookies,
            }
        })
    }

    fn with_others(&self) -> String {
        format!("{SMALL_COOKIES}; {}", self.cookies)
    }

    /// The answer of a page that needs the session.
    fn answer(&self, runtime: &Runtime, path: &str) -> Bytes {
        let head = browser(path, Some(&self.cookies));
        let application = &mut latchgate(&self.gate);
        runtime.block_on(answer(application, &head)).1
    }
}

impl Bench {
    /// A page that asks for nobody.
    fn public_page(&mut self, title: &str, gate: &Gate, cookies: Option<&str>) {
        let runtime = self.runtime.handle();
        let head = browser("/", cookies);
        let expected = Bytes::from_static(b"Hello");
        let around = LoginLayer::new(gate.clone()).layer(signed_in());
        let service =
            |name, router: Router| Contestant::service(name, runtime, router, &head, &expected);
        let contestants = vec![
            service("bare router", bare(Bytes::new())),
            service("latchgate, by Router::layer", latchgate(gate)),
            service("a layer that does nothing", idle(Bytes::new())),
            Contestant::service(
                "latchgate, around the router",
                runtime,
                around,
                &head,
                &expected,
            ),
        ];
        self.table.case(&mut self.criterion, title, contestants);
    }

    /// A page that shows the person's claims.
    fn me(&mut self, world: &World) {
        let runtime = self.runtime.handle();
        let claims = world.answer(&self.runtime, "/me");
        let head = browser("/me", Some(&world.with_others()));
        let service = |name: &str, router: Router, cookies: &str| {
            let head = browser("/me", Some(&format!("{SMALL_COOKIES}; {cookies}")));
            Contestant::service(name, runtime, router, &head, &claims)
        };

        let stored = world.tokens.gate(Some(MemoryStore::default()));
        let mut stored = latchgate(&stored);
        let ticket = runtime.block_on(world.tokens.log_in(&mut stored)).cookies;
        // The stored session is another login, with another nonce in its claims.
        let stored_head = browser("/me", Some(&ticket));
        let (_, stored_claims) = runtime.block_on(answer(&mut stored, &stored_head));
        let record = self.record(world, &claims);
        let private_cookie = peers::private_cookie(record.clone());
        let memory_store = peers::memory_store(record);
        let (sealed, id) = runtime.block_on(async {
            (
                begin(private_cookie.clone()).await,
                begin(memory_store.clone()).await,
            )
        });

        let contestants = vec![
            Contestant::service("bare router", runtime, bare(claims.clone()), &head, &claims),
            service(
                "latchgate, sealed cookie",
                latchgate(&world.gate),
                &world.cookies,
            ),
            service(
                "a layer that does nothing",
                idle(claims.clone()),
                &world.cookies,
            ),
            Contestant::service(
                "latchgate, MemoryStore",
                runtime,
                stored,
                &stored_head,
                &stored_claims,
            ),
            service(
                "axum-extra PrivateCookieJar, serde_json",
                private_cookie,
                &sealed,
            ),
            service("tower-sessions MemoryStore", memory_store, &id),
        ];
        let title = format!("/me, {}", world.size);
        self.table.case(&mut self.criterion, &title, contestants);
    }

    /// What the peers keep of the same person.
    fn record(&self, world: &World, claims: &Bytes) -> Record {
        let token: Value = serde_json::from_slice(&world.answer(&self.runtime, "/token")).unwrap();
        let access_token = token["access_token"].as_str().unwrap().to_owned();
        Record {
            claims: serde_json::from_slice(claims).unwrap(),
            access_token,
            refresh_token: "r".repeat(world.tokens.refresh_token_bytes()),
            expires_at: 1 << 33,
        }
    }

    /// A page that needs the session: somebody's identifier, claims or token.
    fn page(&mut self, path: &str, world: &World) {
        let runtime = self.runtime.handle();
        let head = browser(path, Some(&world.with_others()));
        let expected = world.answer(&self.runtime, path);
        let service = |name, router| Contestant::service(name, runtime, router, &head, &expected);
        let contestants = vec![
            service("bare router", bare(expected.clone())),
            service("latchgate, sealed cookie", latchgate(&world.gate)),
            service("a layer that does nothing", idle(expected.clone())),
        ];
        let title = format!("{path}, {}", world.size);
        self.table.case(&mut self.criterion, &title, contestants);
    }

    /// A whole login: two requests to the application, two to the provider.
    fn login(&mut self, alg: SigningAlg, tokens: Tokens) {
        let runtime = self.runtime.handle().clone();
        let world = World::open(&self.runtime, "", tokens);
        let mut application = latchgate(&world.gate);
        let provider = world.tokens.clone();
        // The provider's share of the logins is told by their own contestant, who does not log in.
        let share = Rc::new(RefCell::new(Duration::ZERO));
        let noted = Rc::clone(&share);
        let redirects = {
            let (runtime, application) = (runtime.clone(), bare(Bytes::new()));
            move |times| {
                runtime.block_on(async {
                    let heads = ["/login", "/callback"].map(|path| browser(path, None));
                    let requests: Vec<_> = (0..times)
                        .flat_map(|_| heads.clone().map(in_process::request))
                        .collect();
                    let began = now();
                    for request in requests {
                        let Ok(answer) = application.clone().oneshot(request).await;
                        drop(answer);
                    }
                    began.elapsed()
                })
            }
        };
        let logins = move |times| {
            runtime.block_on(async {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let login = provider.log_in(&mut application).await;
                    took += login.application;
                    *noted.borrow_mut() += login.provider;
                }
                took
            })
        };
        let contestants = vec![
            Contestant::new("bare router, two redirects", redirects),
            Contestant::new("latchgate, /login and /callback", logins),
            Contestant::new("one signature verified by aws-lc-rs", verification(alg)),
            Contestant::new("the provider's share", move |_| share.take()),
        ];
        let title = format!("login, {}", alg.as_str());
        self.table.case(&mut self.criterion, &title, contestants);
    }

    /// Many requests at once of one session whose access token is due.
    fn storm(&mut self, title: &str, keeping: Keeping, nodes: usize) {
        let title = format!("refresh storm, {title}");
        let contestants = storm::contestants(keeping, nodes);
        self.table.case(&mut self.criterion, &title, contestants);
    }
}

/// Begins a session at a peer.
async fn begin(application: Router) -> String {
    let request = Request::post("/begin").body(Body::empty()).unwrap();
    let Ok(answer) = application.oneshot(request).await;
    cookies(answer.headers())
}

/// One signature check with a prepared key: what no login can do without.
fn verification(alg: SigningAlg) -> impl FnMut(u64) -> Duration {
    let message = [b'm'; 800];
    let random = SystemRandom::new();
    let (key, signature) = match alg {
        SigningAlg::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let signature = pair.sign(&random, &message).unwrap();
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
            (key.unwrap(), signature.as_ref().to_vec())
        }
        _ => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature)
                .unwrap();
            let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
            (key.unwrap(), signature)
        }
    };
    move |times| {
        let began = now();
        for _ in 0..times {
            key.verify_sig(&message, &signature).unwrap();
        }
        began.elapsed()
    }
}
