//! Installing packages of the system: done here as root on Debian and its kin, elsewhere the command is named.

use std::process::Command;

use crate::component::{Component, agrees, program};
use crate::run::Run;

/// Installs what the components lack. On a system where that is not ours to do, prints the command that does it.
pub(crate) fn install(run: &mut Run, wanted: &[&Component]) {
    let lacking: Vec<&&Component> = wanted
        .iter()
        .filter(|component| component.lacks_packages())
        .collect();
    if lacking.is_empty() {
        return;
    }
    if program(&["apt-get"]).is_none() || !is_root() {
        run.say(&format!("    {}", advice(&lacking)));
        return;
    }
    let packages: Vec<&str> = lacking
        .iter()
        .flat_map(|component| component.packages.apt)
        .copied()
        .filter(missing)
        .collect();
    if packages.is_empty() {
        return;
    }
    run.step("apt-get update", 5, &mut apt_get("update"));
    let title = format!("apt-get install {}", packages.join(" "));
    run.step(
        &title,
        10,
        apt_get("install")
            .args(["-y", "--no-install-recommends"])
            .args(packages),
    );
}

/// What to run, for whichever package manager is here.
fn advice(lacking: &[&&Component]) -> String {
    let list = |names: fn(&Component) -> &'static [&'static str]| {
        lacking
            .iter()
            .flat_map(|component| names(component))
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
    };
    if program(&["apt-get"]).is_some() {
        format!(
            "run: sudo apt-get update && sudo apt-get install -y {}",
            list(|component| component.packages.apt)
        )
    } else if program(&["dnf"]).is_some() {
        format!(
            "run: sudo dnf install -y {}",
            list(|component| component.packages.dnf)
        )
    } else if program(&["brew"]).is_some() {
        format!(
            "run: brew install {}",
            list(|component| component.packages.brew)
        )
    } else {
        format!(
            "install, by the names your system gives them: {}",
            list(|component| component.packages.apt)
        )
    }
}

fn apt_get(verb: &str) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["-qq", "-o", "DPkg::Lock::Timeout=120", verb])
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Whether a Debian package still has to come. Node.js may be here from elsewhere, with its own npm.
fn missing(package: &&str) -> bool {
    match *package {
        "nodejs" => program(&["node"]).is_none(),
        "npm" => program(&["npm"]).is_none(),
        package => !agrees(Command::new("dpkg-query").args(["--status", package])),
    }
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
