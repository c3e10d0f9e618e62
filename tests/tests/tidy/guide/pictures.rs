//! Pictures are small, are shown somewhere, and say in words what they show.

use super::chapter;
use crate::source::{Finding, Source};

/// No picture has more bytes than this.
const BYTES: u64 = 40 * 1024;

/// Finds pictures that are too large or not shown, and those without words for people who do not see them.
pub(crate) fn wrong(pictures: &[(String, u64)], chapters: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, bytes) in pictures {
        let picture = Source {
            path: path.clone(),
            text: String::new(),
        };
        if *bytes > BYTES {
            findings.push(picture.finding(1, format!("{bytes} bytes, more than {BYTES}")));
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let shown = |chapter: &Source| chapter.text.contains(&format!("pictures/{name}"));
        if !chapters.iter().any(shown) {
            findings.push(picture.finding(1, "no chapter shows it: remove it"));
        }
    }
    for chapter in chapters {
        let silent = chapter::text(chapter)
            .into_iter()
            .filter(|(_, text)| text.contains("![]"));
        findings.extend(
            silent.map(|(line, _)| {
                chapter.finding(line, "say in words what the picture shows: `![…]`")
            }),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_are_wrong_are_found() {
        let found = |bytes: u64, text: &str| {
            let picture = ("docs/src/pictures/a.svg".to_owned(), bytes);
            wrong(&[picture], &[Source::new("docs/src/a.md", text)]).len()
        };
        assert_eq!(found(40_960, "![a](pictures/a.svg)"), 0);
        assert_eq!(found(40_961, "![a](pictures/a.svg)"), 1);
        assert_eq!(found(1, "![](pictures/a.svg)"), 1);
        assert_eq!(found(1, "a.svg"), 1);
    }
}
