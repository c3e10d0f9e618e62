//! The project's own chores, as `cargo xtask <chore>`: plain `std`, so that they build in a second.
#![expect(
    clippy::disallowed_methods,
    reason = "a chore runs in real time: it measures its steps and waits for them"
)]

mod api;
mod bench;
mod ci;
mod component;
mod guide;
mod install;
mod instructions;
mod npm;
mod peers;
mod run;
mod simulate;
mod test;
mod tools;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask test [--without NAME]...
    Every test, the ones against real components included. A component that is missing is installed first (as root on
    Debian and its kin) or named with the command that installs it; --without leaves one out and says so.
cargo xtask ci
    What a change must pass: fmt, clippy, docs, `guide`, `api`, packages, licences and bans, `test`, that the benchmarks build, and
    `instructions --check`.
cargo xtask api [--bless]
    The public API of every published crate, compared with api/<crate>.txt; --bless accepts what has changed.
cargo xtask audit
    Known vulnerabilities among the dependencies. Fetches the RustSec database, so it needs the network.
cargo xtask guide [--screenshots]
    The book in docs/, as HTML in target/guide. Fails on any warning. --screenshots takes over the pictures of pages that the last
    `cargo xtask test` has made.
cargo xtask bench [ARGUMENTS...]
    What the layer costs a request, and what the stores cost over the bare client of theirs. Redis is started for it if it is
    here; PostgreSQL is measured where LATCHGATE_BENCH_POSTGRES names a server, such as postgres://bench@127.0.0.1/bench. A
    store without a server says so and is left out. The arguments go to every benchmark: a part of a title picks cases.
cargo xtask bench peers [--rounds N]
    The same small application on latchgate and on its peers, which are built for it (peers/, some minutes): what each adds to a
    request, and what a login costs.
cargo xtask simulate [--seeds N] [--from N]
    The simulation of several nodes, browsers, a provider and a store, for so many seeds (20,000) from the first one (0) on. A
    seed that breaks an invariant tells its story.
cargo xtask instructions [--check | --bless]
    How many instructions a request takes, counted by callgrind (valgrind). --check fails where that is more than 3 % away from
    crates/latchgate-tower/benches/instructions.txt; --bless accepts what has changed.";

fn main() -> ExitCode {
    if api::is_rustdoc() {
        return api::rustdoc();
    }
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let outcome = match chore.as_deref() {
        None | Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some("test") => test::run(&rest),
        Some("ci") => ci::run(&rest),
        Some("api") => api::run(&rest),
        Some("audit") => ci::audit(&rest),
        Some("guide") => guide::run(&rest),
        Some("bench") if rest.first().is_some_and(|what| what == "peers") => peers::run(&rest[1..]),
        Some("bench") => bench::run(&rest),
        Some("simulate") => simulate::run(&rest),
        Some("instructions") => instructions::run(&rest),
        Some(other) => Err(format!("there is no chore `{other}`\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
