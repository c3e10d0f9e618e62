//! `cargo xtask bench`: what the layer costs a request, and what a store costs over its bare server.

use crate::run::{Run, cargo};

/// What is measured: the package, and its benchmark.
const BENCHMARKS: &[(&str, &str)] = &[
    ("latchgate-tower", "gate"),
    ("latchgate-redis", "load"),
    ("latchgate-postgres", "load"),
];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let mut run = Run::new();
    for &(package, benchmark) in BENCHMARKS {
        let named = ["--package", package, "--bench", benchmark, "--locked", "--"];
        let mut bench = cargo(["bench"]);
        run.step(package, 12, bench.args(named).args(arguments));
    }
    run.finish()
}
