//! `cargo xtask simulate`: as many runs of the simulation as a night has room for.

use std::process::Command;

use crate::run::cargo;

/// Runs the simulation, with optimisations, for the seeds that the arguments name.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (mut seeds, mut first) = ("20000".to_owned(), "0".to_owned());
    let mut left = arguments.iter();
    while let Some(argument) = left.next() {
        let place = match argument.as_str() {
            "--seeds" => &mut seeds,
            "--from" => &mut first,
            other => {
                return Err(format!(
                    "`simulate` takes --seeds N and --from N, not `{other}`"
                ));
            }
        };
        let number = left.next().filter(|number| number.parse::<u64>().is_ok());
        *place = number
            .ok_or_else(|| format!("`{argument}` needs a number, such as `{argument} 20000`"))?
            .clone();
    }
    let mut simulation: Command = cargo([
        "test",
        "--package",
        "latchgate-tests",
        "--test",
        "simulation",
        "--locked",
        "--release",
        "whatever_happens",
    ]);
    simulation
        .env("LATCHGATE_TEST_SEEDS", seeds)
        .env("LATCHGATE_TEST_FIRST_SEED", first);
    match simulation.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("a seed broke an invariant: its story is above. Put the seed into the list of those that are remembered, in tests/tests/simulation/main.rs, with what it found".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
