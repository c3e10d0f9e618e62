//! `cargo xtask bench`: what the layer costs a request.

use crate::run::{Run, cargo};

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let mut run = Run::new();
    run.step(
        "benchmarks",
        30,
        cargo([
            "bench",
            "--package",
            "latchgate-tower",
            "--bench",
            "gate",
            "--locked",
            "--",
        ])
        .args(arguments),
    );
    run.finish()
}
