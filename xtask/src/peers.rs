//! `cargo xtask bench peers`: the same small application on latchgate and on its peers, each in a process of its own.
//!
//! `peers/` is a workspace of its own. Each contestant measures itself in its process (`peers/harness`); here they take
//! turns, so that whatever else the machine does meets all of them alike.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::run::{cargo, root, target};

/// How often each contestant is asked for the time of its requests, unless `--rounds` says otherwise.
const ROUNDS: usize = 7;

/// How many logins make a round.
const LOGINS: usize = 400;

/// Who is compared.
struct Contestant {
    title: &'static str,
    package: &'static str,
    /// The crate whose version counts.
    of: &'static str,
    store: Option<&'static str>,
    /// What its session is, and holds.
    session: &'static str,
    logs_in: bool,
}

const CONTESTANTS: &[Contestant] = &[
    Contestant {
        title: "by hand on bare axum: the least possible",
        package: "peer-by-hand",
        of: "axum",
        store: None,
        session: "claims and three tokens in the cookie",
        logs_in: true,
    },
    Contestant {
        title: "latchgate-tower, sealed cookie",
        package: "peer-latchgate-tower",
        of: "latchgate-tower",
        store: None,
        session: "claims and three tokens in the cookie",
        logs_in: true,
    },
    Contestant {
        title: "latchgate-tower, `MemoryStore`",
        package: "peer-latchgate-tower",
        of: "latchgate-tower",
        store: Some("memory"),
        session: "the same in memory, sealed",
        logs_in: true,
    },
    Contestant {
        title: "tower-sessions, `MemoryStore`",
        package: "peer-tower-sessions",
        of: "tower-sessions",
        store: None,
        session: "a record of 2,200 bytes in memory",
        logs_in: false,
    },
    Contestant {
        title: "axum-login, `MemoryStore`",
        package: "peer-axum-login",
        of: "axum-login",
        store: None,
        session: "a user's id in memory; the record comes from the application",
        logs_in: false,
    },
    Contestant {
        title: "axum-extra, `PrivateCookieJar`",
        package: "peer-private-cookie",
        of: "axum-extra",
        store: None,
        session: "a record of 2,200 bytes in the cookie",
        logs_in: false,
    },
    Contestant {
        title: "huskarl-axum, sealed cookie",
        package: "peer-huskarl",
        of: "huskarl-axum",
        store: None,
        session: "claims and three tokens in the cookie",
        logs_in: true,
    },
    Contestant {
        title: "axum-oidc, `MemoryStore`",
        package: "peer-axum-oidc",
        of: "axum-oidc",
        store: None,
        session: "three tokens in memory; the ID token is verified for each request",
        logs_in: true,
    },
    Contestant {
        title: "latchgate-actix, sealed cookie",
        package: "peer-latchgate-actix",
        of: "latchgate-actix",
        store: None,
        session: "claims and three tokens in the cookie",
        logs_in: true,
    },
    Contestant {
        title: "latchgate-actix, `MemoryStore`",
        package: "peer-latchgate-actix",
        of: "latchgate-actix",
        store: Some("memory"),
        session: "the same in memory, sealed",
        logs_in: true,
    },
    Contestant {
        title: "actix-session, encrypted cookie",
        package: "peer-actix-session",
        of: "actix-session",
        store: None,
        session: "a record of 2,200 bytes in the cookie",
        logs_in: false,
    },
];

/// What was measured of a contestant.
#[derive(Default)]
struct Measured {
    /// Why it takes no part.
    out: Option<String>,
    /// Nanoseconds of a request, for each round: of the bare framework, and of the contestant.
    requests: Vec<[f64; 2]>,
    /// The bytes of its cookies.
    cookies: u64,
    /// Nanoseconds of a login, for each round.
    logins: Vec<f64>,
    /// Why no login was measured.
    no_login: Option<String>,
    /// How many crates it takes, the framework's included.
    crates: usize,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let rounds = match arguments {
        [] => ROUNDS,
        [rounds, number] if rounds == "--rounds" => number
            .parse()
            .map_err(|_| format!("`{number}` is no number of rounds"))?,
        _ => return Err("say nothing, or `--rounds` and how many".to_owned()),
    };
    let mut measured: Vec<Measured> = CONTESTANTS.iter().map(|_| Measured::default()).collect();
    build("peer-provider")?;
    for (one, measured) in CONTESTANTS.iter().zip(&mut measured) {
        match build(one.package) {
            Ok(()) => measured.crates = crates(one.package),
            Err(reason) => measured.out = Some(reason),
        }
    }
    let provider = Provider::start()?;
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        for (one, measured) in CONTESTANTS.iter().zip(&mut measured) {
            if measured.out.is_some() {
                continue;
            }
            match provider.ask(one, &["me"]).as_deref() {
                Ok([bare, own, cookies]) => {
                    measured.requests.push([*bare, *own]);
                    measured.cookies = *cookies as u64;
                }
                Ok(_) => measured.out = Some("it printed no three numbers".to_owned()),
                Err(reason) => measured.out = Some(reason.clone()),
            }
            if !one.logs_in || measured.out.is_some() || measured.no_login.is_some() {
                continue;
            }
            match provider
                .ask(one, &["login", &LOGINS.to_string()])
                .as_deref()
            {
                Ok([nanoseconds]) => measured.logins.push(*nanoseconds),
                Ok(_) => measured.no_login = Some("it printed no number".to_owned()),
                Err(reason) => measured.no_login = Some(reason.clone()),
            }
        }
    }
    print(&measured, rounds);
    Ok(())
}

fn manifest() -> PathBuf {
    root().join("peers/Cargo.toml")
}

fn built() -> PathBuf {
    target().join("peers")
}

/// Builds one package as it would be deployed, alone, so that it gets the features that it asks for and no other's.
fn build(package: &str) -> Result<(), String> {
    eprintln!("building {package}");
    let mut build = cargo(["build", "--release", "--quiet", "--package", package]);
    build.arg("--manifest-path").arg(manifest());
    build.arg("--target-dir").arg(built());
    let output = build.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let first = errors.lines().find(|line| line.starts_with("error"));
    Err(format!(
        "does not build: {}",
        first.unwrap_or("cargo failed")
    ))
}

/// How many crates a package is built of, without our own around it.
fn crates(package: &str) -> usize {
    let mut tree = cargo(["tree", "--edges", "normal,build", "--prefix", "none"]);
    tree.args(["--package", package, "--manifest-path"])
        .arg(manifest());
    let output = tree
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    let names = text.lines().filter(|line| !line.starts_with("peer-"));
    let names = names.map(|line| line.trim_end_matches(" (*)"));
    names
        .filter(|line| !line.is_empty())
        .collect::<BTreeSet<_>>()
        .len()
}

/// The development provider, while contestants log in. Dropping it stops it.
struct Provider {
    process: Child,
    variables: [(&'static str, String); 3],
}

impl Provider {
    fn start() -> Result<Self, String> {
        let mut process = Command::new(built().join("release/peer-provider"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the provider does not start: {error}"))?;
        let output = process.stdout.take().ok_or("the provider is silent")?;
        let mut lines = BufReader::new(output).lines();
        let variables = ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"].map(|name| {
            let line = lines.next().and_then(Result::ok);
            (name, line.unwrap_or_default())
        });
        Ok(Self { process, variables })
    }

    /// The numbers that a contestant prints.
    fn ask(&self, one: &Contestant, arguments: &[&str]) -> Result<Vec<f64>, String> {
        let mut command = Command::new(built().join("release").join(one.package));
        command.args(arguments).envs(self.variables.clone());
        if let Some(store) = one.store {
            command.env("STORE", store);
        }
        let output = command.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            let said = errors
                .lines()
                .find(|line| !line.trim().is_empty() && !line.starts_with("thread"));
            return Err(format!("fails: {}", said.unwrap_or("it said nothing")));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers = text.split_whitespace().map(str::parse);
        numbers
            .collect::<Result<_, _>>()
            .map_err(|_| format!("printed {text:?}"))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The version of a crate in the workspace of the peers.
fn version(of: &str) -> String {
    let lock = std::fs::read_to_string(root().join("peers/Cargo.lock")).unwrap_or_default();
    let versions = lock
        .split("[[package]]")
        .filter(|package| package.contains(&format!("name = \"{of}\"\n")));
    let versions =
        versions.filter_map(|package| package.split("version = \"").nth(1)?.split('"').next());
    // The newest, where another contestant needs an older one.
    versions.last().unwrap_or("?").to_owned()
}

fn print(measured: &[Measured], rounds: usize) {
    let ours = |title: &str| {
        let mut pairs = CONTESTANTS.iter().zip(measured);
        let pair = pairs.find(|(one, _)| one.title == title);
        pair.and_then(|(_, measured)| added(measured))
            .map(|[least, _]| least)
    };
    let on_axum = ours("latchgate-tower, sealed cookie");
    let on_actix = ours("latchgate-actix, sealed cookie");
    println!(
        "| | version | what its session is | cookie bytes | `/me` adds, µs | × latchgate | login, CPU ms | crates |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (one, measured) in CONTESTANTS.iter().zip(measured) {
        let (title, version, session) = (one.title, version(one.of), one.session);
        if let Some(reason) = &measured.out {
            println!("| {title} | {version} | {session} | | {reason} | | | |");
            continue;
        }
        let (mut adds, mut times) = (String::new(), String::new());
        if let Some([least, median]) = added(measured) {
            adds = format!("{:.2} ({:.2})", least / 1e3, median / 1e3);
            let against = if one.package.contains("actix") {
                on_actix
            } else {
                on_axum
            };
            times = against
                .map(|ours| format!("{:.1}", least / ours))
                .unwrap_or_default();
        }
        let login = match (&measured.no_login, one.logs_in) {
            (Some(reason), _) => reason.clone(),
            (None, false) => "has none".to_owned(),
            (None, true) => {
                let [least, median] = least_and_median(measured.logins.clone());
                format!("{:.2} ({:.2})", least / 1e6, median / 1e6)
            }
        };
        println!(
            "| {title} | {version} | {session} | {} | {adds} | {times} | {login} | {} |",
            measured.cookies, measured.crates
        );
    }
    println!();
    println!(
        "Least of {rounds} rounds, and their median in brackets; CPU of {LOGINS} logins a round."
    );
    let spreads = measured
        .iter()
        .filter(|one| !one.requests.is_empty())
        .map(spread);
    let [least, median] = least_and_median(spreads.clone().collect());
    let most = spreads.fold(0.0, f64::max);
    println!(
        "Noise: between rounds, the bare framework's own time moved by {:.0} % (median over contestants; {:.0} to {:.0} %).",
        median * 100.0,
        least * 100.0,
        most * 100.0
    );
}

/// What a contestant adds to a request: the difference of the least times, and the median of the differences.
fn added(measured: &Measured) -> Option<[f64; 2]> {
    let column = |which: usize| measured.requests.iter().map(move |round| round[which]);
    let least = column(1).reduce(f64::min)? - column(0).reduce(f64::min)?;
    let differences = measured.requests.iter().map(|[bare, own]| own - bare);
    Some([least, least_and_median(differences.collect())[1]])
}

/// By how much the bare framework's time moved between rounds, as a part of the least.
fn spread(measured: &Measured) -> f64 {
    let bare = measured.requests.iter().map(|[bare, _]| *bare);
    let least = bare.clone().fold(f64::MAX, f64::min);
    (bare.fold(0.0, f64::max) - least) / least
}

fn least_and_median(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    match values[..] {
        [] => [f64::NAN; 2],
        [least, ..] => [least, values[values.len() / 2]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_the_least_and_the_median() {
        let measured = Measured {
            requests: vec![[900.0, 3_000.0], [1_000.0, 2_500.0], [1_100.0, 9_000.0]],
            ..Measured::default()
        };
        assert_eq!(added(&measured), Some([1_600.0, 2_100.0]));
        let spread = spread(&measured);
        assert!((spread - 2.0 / 9.0).abs() < 1e-9, "{spread}");
        assert_eq!(added(&Measured::default()), None);
    }

    #[test]
    fn every_peers_version_is_pinned() {
        for one in CONTESTANTS {
            assert_ne!(version(one.of), "?", "{}", one.title);
        }
    }
}
