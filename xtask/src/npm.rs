//! What npm brings: the packages of a folder of ours, and a newer Node.js where the system's is too old.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::component::{agrees, program};
use crate::run::{root, target};

/// The Node.js that npm brings. oidc-provider asks for this release line.
const NODE: &str = "node@22";

/// What oidc-provider calls and old releases lack; Debian 12's own Node.js 18 is one of them.
const NEW_ENOUGH: &str = "process.exit(typeof require('crypto').hash === 'function' ? 0 : 1)";

/// A Node.js that is new enough.
pub(crate) fn node() -> Option<PathBuf> {
    let ours = node_folder().join("node_modules/.bin/node");
    [program(&["node"]), Some(ours)]
        .into_iter()
        .flatten()
        .find(|node| agrees(Command::new(node).args(["-e", NEW_ENOUGH])))
}

/// What installs a Node.js under `target/tools`.
pub(crate) fn install_node() -> Command {
    npm(&node_folder(), &["install", "--no-save", NODE])
}

/// The folder, if npm has installed what its lock file names.
pub(crate) fn installed(folder: &str) -> Option<PathBuf> {
    let folder = root().join(folder);
    let modified = |file: PathBuf| {
        file.metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    };
    let installed = modified(folder.join("node_modules/.package-lock.json"))?;
    (installed >= modified(folder.join("package-lock.json"))?).then_some(folder)
}

/// What installs exactly the packages that the folder's lock file names.
pub(crate) fn install(folder: &str) -> Command {
    npm(&root().join(folder), &["ci", "--omit=dev"])
}

fn node_folder() -> PathBuf {
    target().join("tools/node")
}

fn npm(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program(&["npm", "npm.cmd"]).unwrap_or_else(|| "npm".into()));
    // Without the prefix, a folder that has no package.json would let npm climb to one above it.
    command
        .args(arguments)
        .args(["--no-audit", "--no-fund"])
        .arg("--prefix")
        .arg(folder);
    command.current_dir(root());
    command
}
