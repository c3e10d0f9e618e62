//! Examples advertise: each is short, listed, and says how to run it.

use crate::source::{Example, Finding, Source};

/// No file of an example has more lines of code than this.
const LENGTH: usize = 60;

/// The first one that people see has no more than this.
const QUICKSTART: (&str, usize) = ("quickstart", 30);

/// Finds what is wrong with an example's presentation.
pub(crate) fn shown(example: &Example, index: &str) -> Vec<Finding> {
    let Example {
        name,
        package,
        files,
    } = example;
    let Some(main) = files.iter().find(|file| file.path.ends_with("src/main.rs")) else {
        let folder = Source {
            path: format!("examples/{name}"),
            text: String::new(),
        };
        return vec![folder.finding(1, "an example is a server with a src/main.rs")];
    };
    let mut findings = Vec::new();
    if !index.contains(name.as_str()) {
        findings.push(main.finding(
            1,
            format!("`{name}` is not listed: add a line to examples/README.md"),
        ));
    }
    if !package.starts_with("latchgate-example-") {
        findings.push(main.finding(
            1,
            format!("its package is called `{package}`, which may be somebody else's crate: begin with `latchgate-example-`"),
        ));
    }
    let header = main.header();
    if !["cargo run -p ", "cargo run --package "]
        .iter()
        .any(|command| header.contains(&format!("{command}{package}")))
    {
        findings.push(main.finding(
            1,
            format!("its `//!` header does not say how to run it: add `cargo run -p {package}`"),
        ));
    }
    let code = files
        .iter()
        .filter(|file| !file.path.ends_with("src/tests.rs"));
    let lines = code.map(lines_of_code).max().unwrap_or_default();
    let length = match QUICKSTART {
        (quickstart, length) if quickstart == name => length,
        _ => LENGTH,
    };
    if lines > length {
        findings.push(main.finding(1, format!("{lines} lines of code, more than {length}: what is not the point of the example belongs in a crate")));
    }
    findings
}

fn lines_of_code(source: &Source) -> usize {
    source
        .code_before_tests()
        .iter()
        .map(|(_, line)| line.trim())
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(text: &str) -> Example {
        Example {
            name: "tea-shop".to_owned(),
            package: "latchgate-example-tea".to_owned(),
            files: vec![Source::new("examples/tea-shop/src/main.rs", text)],
        }
    }

    #[test]
    fn a_good_example_is_left_in_peace() {
        let text = format!(
            "//! `cargo run -p latchgate-example-tea`\n\n// why\n{}",
            "x();\n".repeat(60)
        );
        assert!(shown(&example(&text), "* `tea-shop`: sells tea").is_empty());
    }

    #[test]
    fn the_quickstart_is_shorter() {
        let text = format!(
            "//! `cargo run -p latchgate-example-tea`\n{}",
            "x();\n".repeat(31)
        );
        let quickstart = Example {
            name: "quickstart".to_owned(),
            ..example(&text)
        };
        assert_eq!(shown(&quickstart, "quickstart").len(), 1);
    }

    #[test]
    fn a_hidden_or_long_example_is_found() {
        let text = "x();\n".repeat(61);
        assert_eq!(shown(&example(&text), "").len(), 3);
        assert_eq!(
            shown(
                &Example {
                    name: "empty".to_owned(),
                    package: String::new(),
                    files: Vec::new()
                },
                "empty"
            )
            .len(),
            1
        );
    }
}
