//! Tests against real components: a certified OpenID Provider on Node.js and a real browser, in front of the example
//! servers, which are started as anybody would start them: a binary and environment variables. And servers of Redis and
//! PostgreSQL under the stores that are on them.
//!
//! `cargo xtask test` installs what they need and runs them. Without a component its cases do not run and say so;
//! `LATCHGATE_TEST_REQUIRE=1` makes that a failure.

#[macro_use(ensure)]
extern crate latchgate_tests;

mod alternating;
mod api;
mod case;
mod child;
mod chromium;
mod cluster;
mod conformance_rp;
mod doctor;
mod example;
mod need;
mod oidc_provider;
mod postgres;
mod provider;
mod redis;
mod road;
mod runner;
mod spa;
mod terminal;
mod webdriver;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            println!("no runtime for the tests: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut cases = oidc_provider::cases();
    cases.extend(api::cases());
    cases.extend(conformance_rp::cases());
    cases.extend(terminal::cases());
    cases.extend(chromium::cases());
    cases.extend(spa::cases());
    cases.extend(redis::cases());
    cases.extend(postgres::cases());
    cases.extend(cluster::cases());
    cases.extend(doctor::cases());
    let outcome = runner::run(cases, runtime.handle());
    postgres::server::clear_away();
    outcome
}
