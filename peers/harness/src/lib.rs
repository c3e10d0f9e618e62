//! One contestant: an application, measured in its own process beside the same framework without it.
//!
//! A contestant's binary is called by `cargo xtask bench peers`, once for each round:
//!
//! * `me` signs somebody in, and answers `/me` again and again, in turns with the bare framework, which is sent the same
//!   cookies. It prints the least nanoseconds of a request in either, over all turns.
//! * `login 500` logs in so often, and prints the nanoseconds of CPU time that a login took. The provider is another process.
//!
//! Nothing goes through a socket but the calls to the provider: on a shared machine the kernel's share is larger, and less
//! steady, than what is compared.

mod applications;
mod browser;
mod record;

use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};

use http::{StatusCode, header};

pub use applications::Application;
#[cfg(feature = "actix")]
pub use applications::on_actix;
#[cfg(feature = "axum")]
pub use applications::on_axum;
pub use browser::Browser;
pub use record::Record;

/// How many requests make a turn: half a millisecond, which is rarely interrupted.
const TURN: usize = 32;

/// How long one round of `/me` takes.
const ROUND: Duration = Duration::from_millis(1_200);

/// Where contestants believe to be.
pub const ORIGIN: &str = "http://127.0.0.1:3000";

/// How somebody gets a session.
#[derive(Clone, Copy)]
pub enum Entry {
    /// At the provider, by way of `/me`.
    Login,
    /// By `GET /begin`, which puts [`Record::example`] into a session.
    Begin,
}

/// The provider, as `cargo xtask bench peers` names it to contestants.
pub struct Provider {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: String,
}

impl Provider {
    /// Reads the variables `ISSUER`, `CLIENT_ID` and `CLIENT_SECRET`.
    pub fn from_env() -> Self {
        let variable =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        Self {
            issuer: variable("ISSUER"),
            client_id: variable("CLIENT_ID"),
            client_secret: variable("CLIENT_SECRET"),
        }
    }
}

/// Does what the command line asks for. `bare` answers any path with a JSON text.
pub async fn run<A: Application>(
    bare: impl AsyncFn(String) -> A,
    mut application: A,
    entry: Entry,
) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["me"] => {
            let browser = sign_in(&mut application, entry).await;
            let (status, body) = me(&mut application, &browser).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            assert!(body.contains("alice"), "/me answers {body}");
            let mut bare = bare(body.clone()).await;
            assert_eq!(me(&mut bare, &browser).await, (status, body));
            let [bare, application] = measure(&mut bare, &mut application, &browser).await;
            println!("{bare} {application} {}", browser.cookie_bytes());
        }
        ["login", times] => {
            let times = times.parse().expect("a number of logins");
            // The first ones fetch the provider's metadata and keys.
            for _ in 0..5 {
                sign_in(&mut application, Entry::Login).await;
            }
            println!("{}", login(&mut application, times).await);
        }
        _ => panic!("say `me`, or `login` and how often"),
    }
}

async fn sign_in<A: Application>(application: &mut A, entry: Entry) -> Browser {
    let mut browser = Browser::default();
    match entry {
        Entry::Begin => {
            let answer = application.ask(browser.request("/begin")).await;
            browser.take(&answer);
        }
        Entry::Login => {
            let to_provider = application.ask(browser.request("/me")).await;
            let back = browser.visit_provider(&to_provider).await;
            let answer = application.ask(browser.request(&back)).await;
            browser.take(&answer);
        }
    }
    browser
}

async fn me<A: Application>(application: &mut A, browser: &Browser) -> (StatusCode, String) {
    let answer = application.ask(browser.request("/me")).await;
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    (answer.status(), body)
}

/// The least nanoseconds of a request: of the bare framework, and of the application.
async fn measure<A: Application>(
    bare: &mut A,
    application: &mut A,
    browser: &Browser,
) -> [u128; 2] {
    let mut least = [u128::MAX; 2];
    let began = Instant::now();
    while began.elapsed() < ROUND {
        for (one, least) in [&mut *bare, &mut *application].into_iter().zip(&mut least) {
            let requests: Vec<_> = (0..TURN)
                .map(|_| one.prepare(browser.request("/me")))
                .collect();
            let turn = Instant::now();
            for request in requests {
                black_box(one.answer(request).await);
            }
            *least = (*least).min(turn.elapsed().as_nanos() / TURN as u128);
        }
    }
    least
}

/// The CPU time of this process in nanoseconds for one login of so many: what redirects to the provider, and what answers
/// the callback. The browser's share, between the two, is left out.
async fn login<A: Application>(application: &mut A, times: usize) -> u128 {
    let mut browsers: Vec<Browser> = (0..times).map(|_| Browser::default()).collect();
    let (mut to_provider, mut back) = (Vec::new(), Vec::new());
    let mut requests: Vec<_> = browsers
        .iter()
        .map(|browser| browser.request("/me"))
        .collect();
    let starting = cpu_time();
    for request in requests.drain(..) {
        to_provider.push(application.ask(request).await);
    }
    let starting = cpu_time() - starting;
    for (browser, answer) in browsers.iter_mut().zip(&to_provider) {
        back.push(browser.visit_provider(answer).await);
    }
    for (browser, back) in browsers.iter().zip(&back) {
        requests.push(browser.request(back));
    }
    let finishing = cpu_time();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(application.ask(request).await);
    }
    let finishing = cpu_time() - finishing;
    for answer in &answers {
        let code = answer.status();
        assert!(code.is_redirection(), "the callback answers {code}");
        assert!(answer.headers().contains_key(header::LOCATION));
    }
    (starting + finishing).as_nanos() / times as u128
}

/// The CPU time of this process so far: the sum of its threads', which Linux counts in nanoseconds. Threads that have ended
/// count no more, so nobody may start and end threads for each login.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task")
        .expect("CPU time is read from /proc, so this needs Linux");
    let of_thread = |thread: std::io::Result<std::fs::DirEntry>| {
        let schedstat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        schedstat.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(of_thread).sum())
}

/// Runs the contestant as an application of axum runs, which is what `#[tokio::main]` makes of it: in a task, among the
/// threads of a runtime. What it is made of is made before.
pub fn on_threads<A, F>(application: impl Future<Output = A>, contestant: impl FnOnce(A) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let contestant = async {
        let running = tokio::spawn(contestant(application.await));
        running.await.expect("no panic");
    };
    runtime.expect("a runtime").block_on(contestant);
}
