//! The real components our tests meet. To add one, add an entry to [`COMPONENTS`] and cases to `tests/real`.

use std::path::PathBuf;
use std::process::Command;

use crate::npm;
use crate::run::Run;

/// Everything `cargo xtask test` makes sure of.
pub(crate) const COMPONENTS: &[Component] = &[
    Component {
        name: "oidc-provider",
        what: "the certified OpenID Provider on Node.js",
        parts: &[
            Part {
                variable: "LATCHGATE_TEST_NODE",
                place: Place::Node,
            },
            Part {
                variable: "LATCHGATE_TEST_OIDC_PROVIDER",
                place: Place::NpmFolder("tests/oidc-provider"),
            },
        ],
        packages: Packages {
            apt: &["nodejs", "npm"],
            dnf: &["nodejs", "npm"],
            brew: &["node"],
        },
    },
    Component {
        name: "chromium",
        what: "a real browser and its WebDriver",
        parts: &[
            Part {
                variable: "LATCHGATE_TEST_CHROMIUM",
                place: Place::Program(&[
                    "chromium",
                    "chromium-browser",
                    "google-chrome",
                    "google-chrome-stable",
                ]),
            },
            Part {
                variable: "LATCHGATE_TEST_CHROMEDRIVER",
                place: Place::Program(&["chromedriver"]),
            },
        ],
        packages: Packages {
            apt: &["chromium", "chromium-driver", "fonts-liberation"],
            dnf: &["chromium", "chromedriver"],
            brew: &["chromium", "chromedriver"],
        },
    },
    Component {
        name: "redis",
        what: "a Redis or Valkey server",
        parts: &[Part {
            variable: "LATCHGATE_TEST_REDIS_SERVER",
            place: Place::Program(&["redis-server", "valkey-server"]),
        }],
        packages: Packages {
            apt: &["redis-server"],
            dnf: &["valkey"],
            brew: &["redis"],
        },
    },
    Component {
        name: "postgresql",
        what: "the programs of a PostgreSQL server",
        parts: &[Part {
            variable: "LATCHGATE_TEST_POSTGRES_BIN",
            place: Place::Folder {
                of: &["initdb", "postgres", "pg_ctl"],
                among: &[
                    // Debian, PostgreSQL's own RPMs, Homebrew.
                    "/usr/lib/postgresql/*/bin",
                    "/usr/pgsql-*/bin",
                    "/opt/homebrew/opt/postgresql@*/bin",
                    "/usr/local/opt/postgresql@*/bin",
                ],
            },
        }],
        packages: Packages {
            apt: &["postgresql"],
            dnf: &["postgresql-server"],
            brew: &["postgresql"],
        },
    },
];

/// Something real that tests talk to.
pub(crate) struct Component {
    /// What `--without` and the tests call it.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// What must be found of it, and the environment variables that tell the tests where.
    pub(crate) parts: &'static [Part],
    /// The packages that bring it.
    pub(crate) packages: Packages,
}

/// One thing that must be found, and the environment variable that tells the tests where it is.
pub(crate) struct Part {
    pub(crate) variable: &'static str,
    pub(crate) place: Place,
}

/// How a part is found.
pub(crate) enum Place {
    /// The first of these programs on the `PATH`.
    Program(&'static [&'static str]),
    /// The folder that all these programs are in: on the `PATH`, or the newest of those that one of the patterns
    /// names. `*` stands for a version.
    Folder {
        of: &'static [&'static str],
        among: &'static [&'static str],
    },
    /// A Node.js that oidc-provider runs on: the system's, or one that npm brought.
    Node,
    /// A folder of ours with a `package-lock.json`, once npm has installed what that names.
    NpmFolder(&'static str),
}

/// Package names, one list for each package manager.
pub(crate) struct Packages {
    pub(crate) apt: &'static [&'static str],
    pub(crate) dnf: &'static [&'static str],
    pub(crate) brew: &'static [&'static str],
}

impl Component {
    /// The variables that tell the tests where it is; an error names what is missing.
    pub(crate) fn locate(&self) -> Result<Vec<(&'static str, PathBuf)>, String> {
        self.parts
            .iter()
            .map(|part| {
                Ok((
                    part.variable,
                    part.place.find().ok_or_else(|| part.place.describe())?,
                ))
            })
            .collect()
    }

    /// Whether a part is missing that a package of the system would bring.
    pub(crate) fn lacks_packages(&self) -> bool {
        self.parts.iter().any(|part| match part.place {
            Place::Program(names) => program(names).is_none(),
            Place::Folder { of, among } => folder(of, among).is_none(),
            Place::Node | Place::NpmFolder(_) => {
                program(&["node"]).is_none() || program(&["npm"]).is_none()
            }
        })
    }

    /// Lets npm bring what no package of the system does.
    pub(crate) fn complete(&self, run: &mut Run) {
        for part in self.parts.iter().filter(|part| part.place.find().is_none()) {
            match part.place {
                Place::Program(_) | Place::Folder { .. } => {}
                Place::Node => {
                    run.step("npm: a newer Node.js", 5, &mut npm::install_node());
                }
                Place::NpmFolder(folder) => {
                    run.step(&format!("npm: {folder}"), 5, &mut npm::install(folder));
                }
            }
        }
    }
}

impl Place {
    fn find(&self) -> Option<PathBuf> {
        match self {
            Self::Program(names) => program(names),
            Self::Folder { of, among } => folder(of, among),
            Self::Node => npm::node(),
            Self::NpmFolder(folder) => npm::installed(folder),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Program(names) => format!("no {} on the PATH", names.join(" or ")),
            Self::Folder { of, among } => {
                format!(
                    "no {} on the PATH or in {}",
                    of.join(", "),
                    among.join(", ")
                )
            }
            Self::Node => "no Node.js that is new enough".to_owned(),
            Self::NpmFolder(folder) => format!("{folder}/node_modules is not installed"),
        }
    }
}

/// The first of these programs on the `PATH`.
pub(crate) fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        std::env::split_paths(&path)
            .map(|folder| folder.join(&file))
            .find(|candidate| candidate.is_file())
    })
}

/// The folder that has all these programs: one of the `PATH`, or the newest that a pattern names.
fn folder(of: &[&str], among: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<(Vec<u32>, PathBuf)> =
        among.iter().flat_map(|pattern| versions(pattern)).collect();
    versions.sort();
    let newest_first = versions.into_iter().rev().map(|(_, folder)| folder);
    std::env::split_paths(&path)
        .chain(newest_first)
        .find(|folder| {
            of.iter().all(|name| {
                let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
                folder.join(file).is_file()
            })
        })
}

/// The folders that a pattern such as `/usr/lib/postgresql/*/bin` names, with their versions.
fn versions(pattern: &str) -> Vec<(Vec<u32>, PathBuf)> {
    let Some((before, after)) = pattern.split_once('*') else {
        return Vec::new();
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let entries = std::fs::read_dir(format!("{parent}/"));
    let names = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| {
            let version = name.strip_prefix(prefix)?.split('.').map(str::parse);
            let version = version.collect::<Result<Vec<u32>, _>>().ok()?;
            Some((version, PathBuf::from(format!("{parent}/{name}{after}"))))
        })
        .collect()
}

/// Whether a command says yes.
pub(crate) fn agrees(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_folder_that_has_all_programs_is_found() {
        let root = std::env::temp_dir().join(format!("latchgate-xtask-{}", std::process::id()));
        let suffix = std::env::consts::EXE_SUFFIX;
        for (version, programs) in [
            ("x9", &["latchgate-one", "latchgate-two"][..]),
            ("x13", &["latchgate-one", "latchgate-two"]),
            ("x14.2", &["latchgate-one"]),
            ("xnew", &["latchgate-one", "latchgate-two"]),
        ] {
            let bin = root.join(version).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            for program in programs {
                std::fs::write(bin.join(format!("{program}{suffix}")), "").unwrap();
            }
        }
        let pattern = format!("{}/x*/bin", root.display());
        let found = |of: &[&str]| folder(of, &["/nowhere/*/bin", &pattern]);
        let newest = found(&["latchgate-one", "latchgate-two"]);
        let other = found(&["latchgate-one"]);
        let none = found(&["latchgate-three"]);
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(newest, Some(root.join("x13/bin")));
        assert_eq!(other, Some(root.join("x14.2/bin")));
        assert_eq!(none, None);
    }
}
