//! The workspace's files as the checks see them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the workspace.
pub(crate) struct Source {
    /// From the workspace's root, with `/` on every system.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A crate: its manifest and its root file.
pub(crate) struct Crate {
    pub(crate) manifest: Source,
    pub(crate) root: Source,
}

/// An example: its folder's name, its package's, and its Rust files.
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) package: String,
    pub(crate) files: Vec<Source>,
}

/// Something that is against a rule, and the cure.
#[derive(Debug)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

impl Source {
    /// A file that exists only in a test.
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// A finding at a line, counted from one.
    pub(crate) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }

    /// The text with comments, strings and characters blanked out; lines stay where they are.
    pub(crate) fn code(&self) -> String {
        code(&self.text)
    }

    /// How many lines come before its tests: the module of them at the end, or all of a file that is `#![cfg(test)]`.
    pub(crate) fn lines_before_tests(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let is_module = |line: &&str| line.starts_with("mod ") && line.ends_with('{');
        let begins = lines.iter().enumerate().position(|(at, line)| match *line {
            "#![cfg(test)]" => true,
            "#[cfg(test)]" => lines.get(at + 1).is_some_and(is_module),
            _ => false,
        });
        begins.unwrap_or(lines.len())
    }

    /// The code that comes before its tests, with line numbers; items for tests among it are blanked out.
    pub(crate) fn code_before_tests(&self) -> Vec<(usize, String)> {
        let code = self.code();
        let mut for_tests: Option<&str> = None;
        let blanked = code.lines().map(|line| {
            let indent = &line[..line.len() - line.trim_start().len()];
            if line.trim() == "#[cfg(test)]" {
                for_tests = Some(indent);
            }
            let Some(of_item) = for_tests else {
                return line.to_owned();
            };
            let ends = line.ends_with(';') || line.trim_start().starts_with('}');
            if indent == of_item && ends {
                for_tests = None;
            }
            String::new()
        });
        (1..).zip(blanked).take(self.lines_before_tests()).collect()
    }

    /// Its `//!` header.
    pub(crate) fn header(&self) -> String {
        self.text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Every Rust file of ours.
pub(crate) fn workspace() -> Vec<Source> {
    ["crates", "examples", "tests", "xtask"]
        .into_iter()
        .flat_map(rust_files)
        .collect()
}

/// Every document of ours, in Markdown.
pub(crate) fn documents() -> Vec<Source> {
    let folders = ["crates", "examples"].into_iter().flat_map(folders);
    let mut found: Vec<Source> = folders
        .chain([String::new(), "examples".to_owned()])
        .flat_map(|folder| entries(&root().join(folder)))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            let path = from_root(&path);
            let text = read(&path);
            Source { path, text }
        })
        .collect();
    found.extend(markdown("docs"));
    found
}

/// Every document in a folder and below, in Markdown.
pub(crate) fn markdown(folder: &str) -> Vec<Source> {
    files(folder, "md")
}

/// Every crate of ours.
pub(crate) fn crates() -> Vec<Crate> {
    let folders = ["crates", "examples"]
        .into_iter()
        .flat_map(folders)
        .chain(["tests", "xtask", "xtask/api-listing"].map(str::to_owned));
    folders
        .filter(|folder| root().join(folder).join("Cargo.toml").exists())
        .map(|folder| {
            let file = |name: &str| Source {
                path: format!("{folder}/{name}"),
                text: read(&format!("{folder}/{name}")),
            };
            let library = root().join(&folder).join("src/lib.rs").exists();
            Crate {
                manifest: file("Cargo.toml"),
                root: file(if library { "src/lib.rs" } else { "src/main.rs" }),
            }
        })
        .collect()
}

/// Every example of ours.
pub(crate) fn examples() -> Vec<Example> {
    let named = |folder: String| Example {
        name: folder.replace("examples/", ""),
        package: package(&read(&format!("{folder}/Cargo.toml"))),
        files: rust_files(&folder),
    };
    folders("examples").into_iter().map(named).collect()
}

fn package(manifest: &str) -> String {
    let name = manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = "));
    name.unwrap_or_default().trim_matches('"').to_owned()
}

/// A file's text; empty where there is none.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Whether there is such a file or folder.
pub(crate) fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// The files of a folder, with their sizes in bytes.
pub(crate) fn sizes(folder: &str) -> Vec<(String, u64)> {
    let files = entries(&root().join(folder)).into_iter();
    let size = |path: PathBuf| Some((from_root(&path), fs::metadata(&path).ok()?.len()));
    files.filter_map(size).collect()
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

fn folders(of: &str) -> Vec<String> {
    let mut found: Vec<String> = entries(&root().join(of))
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|path| from_root(&path))
        .collect();
    found.sort();
    found
}

fn rust_files(folder: &str) -> Vec<Source> {
    files(folder, "rs")
}

fn files(folder: &str, kind: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for path in entries(&folder) {
            let hidden = path
                .file_name()
                .is_some_and(|name| name == "node_modules" || name == "target");
            if path.is_dir() && !hidden {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == kind) {
                let path = from_root(&path);
                found.push(Source {
                    text: read(&path),
                    path,
                });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

/// Blanks out comments and literals.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = literal(rest, code.chars().next_back());
        if skipped == 0 {
            code.push(next);
            rest = &rest[next.len_utf8()..];
        } else {
            code.extend(
                rest[..skipped]
                    .chars()
                    .map(|c| if c == '\n' { '\n' } else { ' ' }),
            );
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of the comment or literal that begins here, or nothing.
fn literal(text: &str, before: Option<char>) -> usize {
    let until = |from: usize, end: &str| {
        text[from..]
            .find(end)
            .map_or(text.len(), |at| from + at + end.len())
    };
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until(2, "*/");
    }
    if text.starts_with('"') {
        return string(text);
    }
    let raw = text
        .trim_start_matches('b')
        .trim_start_matches('c')
        .strip_prefix('r')
        .filter(|_| !before.is_some_and(|c| c.is_alphanumeric() || c == '_'));
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return until(
                text.len() - raw.len() + hashes + 1,
                &format!("\"{}", "#".repeat(hashes)),
            );
        }
    }
    character(text)
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `'x'` and `'\n'` are characters, `'a` is a lifetime.
fn character(text: &str) -> usize {
    let Some(inside) = text.strip_prefix('\'') else {
        return 0;
    };
    if let Some(escaped) = inside.strip_prefix('\\') {
        return escaped
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '\'')
            .map_or(0, |(at, _)| at + 3);
    }
    let width = inside.chars().next().map_or(0, char::len_utf8);
    if width > 0 && inside[width..].starts_with('\'') {
        width + 2
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "a // dbg!\n/* todo!\n */ b \"x\\\" dbg!\" c r#\"to\"do\"# d '\"' e '\\'' f<'a> br\"y\" g";
        assert_eq!(
            code(text).split_whitespace().collect::<Vec<_>>(),
            ["a", "b", "c", "d", "e", "f<'a>", "g"]
        );
        assert_eq!(code(text).lines().count(), text.lines().count());
    }

    #[test]
    fn lines_are_counted_to_the_tests() {
        let lines = |text: &str| Source::new("x.rs", text).lines_before_tests();
        assert_eq!(lines("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert_eq!(lines("#[cfg(test)]\nmod a;\nuse b;\n"), 3);
        assert_eq!(lines("//! a\n#![cfg(test)]\nuse a;\n"), 1);
        assert_eq!(
            Source::new("x.rs", "//! one\n//! two\nuse x;\n//! no").header(),
            "//! one\n//! two"
        );
    }

    #[test]
    fn items_for_tests_are_blanked_and_what_follows_is_not() {
        let text = "a;\n#[cfg(test)]\nuse b;\nc;\n    #[cfg(test)]\n    fn d() {\n        e;\n    }\n    f;\n#[cfg(test)]\nmod tests {\ng;\n}";
        let code = Source::new("x.rs", text).code_before_tests();
        let left: Vec<&str> = code.iter().map(|(_, line)| line.trim()).collect();
        assert_eq!(left, ["a;", "", "", "c;", "", "", "", "", "f;"]);
    }
}
