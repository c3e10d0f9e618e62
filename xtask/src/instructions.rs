//! `cargo xtask instructions`: how many instructions a request takes, counted by callgrind. Unlike times, the figures hold
//! on a busy machine, so a change of a few per cent is a change of the code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::component::{Component, Packages, Part, Place, program};
use crate::install::install;
use crate::run::{Run, cargo, root, target};

/// What counts. It is on Linux only.
const VALGRIND: Component = Component {
    name: "valgrind",
    what: "the counter of instructions",
    parts: &[Part {
        variable: "LATCHGATE_VALGRIND",
        place: Place::Program(&["valgrind"]),
    }],
    packages: Packages {
        apt: &["valgrind"],
        dnf: &["valgrind"],
        brew: &[],
    },
};

/// The figures that were accepted last.
const ACCEPTED: &str = "crates/latchgate-tower/benches/instructions.txt";

/// How many requests of each case `benches/instructions.rs` makes.
const REQUESTS: u64 = 100;

/// A request allocates, and how long that takes depends on what is free, as do searches on what is in a sealed text: one
/// run differs from the next by one per cent. The least of a few runs differs by a fraction of that.
const RUNS: usize = 4;

/// What may differ, in per cent.
const TOLERANCE: u64 = 3;

/// A case, what it is to be compared with, and how many instructions a request takes.
struct Case {
    name: String,
    over: String,
    count: u64,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (check, bless) = match arguments {
        [] => (false, false),
        [only] if only == "--check" => (true, false),
        [only] if only == "--bless" => (false, true),
        _ => return Err("`instructions` takes `--check` or `--bless` or nothing".to_owned()),
    };
    if program(&["valgrind"]).is_none() {
        return Err("there is no valgrind on the PATH, which counts".to_owned());
    }
    let cases = count()?;
    print!("{}", table(&cases));
    let compiler = compiler()?;
    if bless {
        let accepted = root().join(ACCEPTED);
        return fs::write(&accepted, listing(&compiler, &cases))
            .map_err(|error| format!("cannot write {}: {error}", accepted.display()));
    }
    if check {
        let accepted = fs::read_to_string(root().join(ACCEPTED)).unwrap_or_default();
        return compare(&accepted, &compiler, &cases);
    }
    Ok(())
}

/// Installs what counts, where that is ours to do.
pub(crate) fn provide(run: &mut Run) {
    install(run, &[&VALGRIND]);
}

/// Compares, in `ci`. Returns what is to be said in its summary where nothing counts.
pub(crate) fn step(run: &mut Run) -> String {
    if let Err(reason) = VALGRIND.locate() {
        return format!(
            "\ninstructions: NOT COUNTED, without {} ({reason})\n",
            VALGRIND.what
        );
    }
    match std::env::current_exe() {
        Ok(ourselves) => {
            let mut check = Command::new(ourselves);
            run.step("instructions", 15, check.args(["instructions", "--check"]));
        }
        Err(error) => run.fail("instructions", error.to_string()),
    }
    String::new()
}

/// The cases in their order, each with the least count of all runs. callgrind runs a program on one processor, so the runs
/// are side by side.
fn count() -> Result<Vec<Case>, String> {
    let folder = target().join("callgrind");
    drop(fs::remove_dir_all(&folder));
    build()?;
    let runs: Vec<Result<Vec<Case>, String>> = thread::scope(|scope| {
        let start = |run: usize| {
            let folder = folder.join(run.to_string());
            scope.spawn(move || count_once(&folder))
        };
        let runs: Vec<_> = (0..RUNS).map(start).collect();
        let ended = runs.into_iter().map(|run| {
            let broke_down = |_| Err("a run broke down".to_owned());
            run.join().unwrap_or_else(broke_down)
        });
        ended.collect()
    });
    let mut least: Vec<Case> = Vec::new();
    for cases in runs {
        let cases = cases?;
        if least.is_empty() {
            least = cases;
        } else {
            for (least, case) in least.iter_mut().zip(cases) {
                least.count = least.count.min(case.count);
            }
        }
    }
    Ok(least)
}

/// What cargo builds and runs.
const BENCHMARK: [&str; 7] = [
    "bench",
    "--package",
    "latchgate-tower",
    "--bench",
    "instructions",
    "--locked",
    "--quiet",
];

/// Builds the program, so that the runs only run it.
fn build() -> Result<(), String> {
    match cargo(BENCHMARK).arg("--no-run").status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the benchmark was not built: {status}")),
        Err(error) => Err(format!("cannot start cargo: {error}")),
    }
}

fn count_once(folder: &Path) -> Result<Vec<Case>, String> {
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let dumps = folder.join("out");
    // cargo lets callgrind run the program. The functions are those of `benches/instructions.rs`.
    let runner = format!(
        "target.'cfg(all())'.runner = ['valgrind', '--tool=callgrind', '--toggle-collect=instructions::counted_*', \
         '--dump-before=instructions::case_is_over', '--callgrind-out-file={}']",
        dumps.display()
    );
    let output = cargo(BENCHMARK)
        .args(["--config", &runner])
        .output()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let names = String::from_utf8_lossy(&output.stdout);
    let cases = names.lines().filter_map(|line| line.split_once('\t'));
    let counted = cases.enumerate().map(|(index, (name, over))| {
        let dump = PathBuf::from(format!("{}.{}", dumps.display(), index + 1));
        let text = fs::read_to_string(&dump)
            .map_err(|error| format!("cannot read {}: {error}", dump.display()))?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
        let total: u64 = total
            .and_then(|total| total.trim().parse().ok())
            .ok_or_else(|| format!("there is no total in {}", dump.display()))?;
        Ok(Case {
            name: name.to_owned(),
            over: over.to_owned(),
            count: total / REQUESTS,
        })
    });
    let counted: Vec<Case> = counted.collect::<Result<_, String>>()?;
    match counted.iter().all(|case| case.count > 0) && !counted.is_empty() {
        true => Ok(counted),
        false => Err("callgrind has counted nothing: was the program stripped?".to_owned()),
    }
}

/// For people: every case with what it adds to the bare router.
fn table(cases: &[Case]) -> String {
    let mut table = format!(
        "{:<36}{:>14}{:>10}\n",
        "one request", "instructions", "added"
    );
    for case in cases {
        let over = cases.iter().find(|other| other.name == case.over);
        let added = over.map_or(0, |over| case.count.saturating_sub(over.count));
        let _ = writeln!(table, "{:<36}{:>14}{added:>10}", case.name, case.count);
    }
    table
}

/// For the repository.
fn listing(compiler: &str, cases: &[Case]) -> String {
    let lines = cases
        .iter()
        .map(|case| format!("{}\t{}\n", case.name, case.count));
    format!("{compiler}\n{}", lines.collect::<String>())
}

fn compare(accepted: &str, compiler: &str, cases: &[Case]) -> Result<(), String> {
    let mut lines = accepted.lines();
    let by = lines.next().unwrap_or_default();
    if by != compiler {
        println!(
            "not compared: the accepted figures are of `{by}`, and another compiler makes other instructions (`{compiler}`)"
        );
        return Ok(());
    }
    let accepted: BTreeMap<&str, u64> = lines
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let mut differing = Vec::new();
    for case in cases {
        match accepted.get(case.name.as_str()) {
            Some(before) if case.count.abs_diff(*before) * 100 <= before * TOLERANCE => {}
            Some(before) => {
                differing.push(format!("{}: {} instead of {before}", case.name, case.count));
            }
            None => differing.push(format!("{}: {}, which is new", case.name, case.count)),
        }
    }
    if accepted.len() > cases.len() {
        differing.push("cases have gone".to_owned());
    }
    if differing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "requests take other numbers of instructions than before, by more than {TOLERANCE} %:\n  {}\n\
         If that is meant, `cargo xtask instructions --bless` accepts the new figures in {ACCEPTED}.",
        differing.join("\n  ")
    ))
}

/// The compiler, as it names itself.
fn compiler() -> Result<String, String> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let output = rustc
        .arg("--version")
        .current_dir(root())
        .output()
        .map_err(|error| format!("cannot start rustc: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout);
    Ok(format!("{} {}", version.trim(), std::env::consts::ARCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(me: u64) -> Vec<Case> {
        let case = |name: &str, count| Case {
            name: name.to_owned(),
            over: "bare".to_owned(),
            count,
        };
        vec![case("bare", 1_000), case("/me", me)]
    }

    #[test]
    fn a_change_of_more_than_three_per_cent_is_told() {
        let accepted = listing("rustc 1", &cases(2_000));
        for (me, fits) in [
            (2_000, true),
            (2_060, true),
            (1_940, true),
            (2_061, false),
            (1_939, false),
        ] {
            let compared = compare(&accepted, "rustc 1", &cases(me));
            assert_eq!(compared.is_ok(), fits, "{me}");
            if let Err(told) = compared {
                assert!(told.contains("/me") && told.contains("--bless"), "{told}");
            }
        }
        assert!(compare("rustc 1\n", "rustc 1", &cases(2_000)).is_err());
        assert!(compare(&accepted, "rustc 1", &cases(2_000)[..1]).is_err());
    }

    #[test]
    fn the_table_has_what_is_added() {
        let shown = table(&cases(2_500));
        assert!(
            shown.lines().nth(2).unwrap().ends_with("2500      1500"),
            "{shown}"
        );
    }
}
