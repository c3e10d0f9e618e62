//! What is in a chapter: text, and blocks of code.

use crate::source::Source;

/// A block of code: ```` ```rust,no_run ````.
pub(crate) struct Block<'a> {
    /// The line of its first fence, counted from one.
    pub(crate) line: usize,
    /// What follows the fence: `rust,no_run`.
    pub(crate) info: &'a str,
    pub(crate) code: String,
}

impl Block<'_> {
    /// Its language, `text` if it has none.
    pub(crate) fn language(&self) -> &str {
        match self.info.split(',').next() {
            None | Some("") => "text",
            Some(language) => language,
        }
    }

    /// Whether its info string has this word.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.info.split(',').any(|found| found.trim() == word)
    }
}

/// The blocks of code of a chapter.
pub(crate) fn blocks(chapter: &Source) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for line in lines(chapter) {
        match line {
            Line::Fence { line, info } => blocks.push(Block {
                line,
                info,
                code: String::new(),
            }),
            Line::Code { text, .. } => {
                if let Some(block) = blocks.last_mut() {
                    block.code.push_str(text);
                    block.code.push('\n');
                }
            }
            Line::Text { .. } => {}
        }
    }
    blocks
}

/// The lines of a chapter that are not in a block of code, with their numbers.
pub(crate) fn text(chapter: &Source) -> Vec<(usize, &str)> {
    let lines = lines(chapter).into_iter();
    lines
        .filter_map(|line| match line {
            Line::Text { line, text } => Some((line, text)),
            _ => None,
        })
        .collect()
}

/// The path of a chapter in the book.
pub(crate) fn in_book(chapter: &Source) -> &str {
    let path = &chapter.path;
    path.strip_prefix("docs/src/").unwrap_or(path)
}

/// A line without its pieces of code.
pub(crate) fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect()
}

/// A line as a reader sees it: of a link, its text.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        shown.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    shown.push_str(rest);
    shown.retain(|c| !"`[]*".contains(c));
    shown
}

/// The pieces of code in a line.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

enum Line<'a> {
    Text { line: usize, text: &'a str },
    Fence { line: usize, info: &'a str },
    Code { text: &'a str },
}

fn lines(chapter: &Source) -> Vec<Line<'_>> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (line, text) in (1..).zip(chapter.text.lines()) {
        let trimmed = text.trim_start();
        let ticks = &trimmed[..trimmed.len() - trimmed.trim_start_matches('`').len()];
        let is_fence = ticks.len() >= 3;
        match fence {
            Some(open) if is_fence && ticks == open => fence = None,
            Some(_) => lines.push(Line::Code { text }),
            None if is_fence => {
                fence = Some(ticks);
                let info = trimmed[ticks.len()..].trim();
                lines.push(Line::Fence { line, info });
            }
            None => lines.push(Line::Text { line, text }),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_is_text_and_blocks() {
        let chapter =
            "a\n```rust,no_run\nb\n\nc\n```\nd\n````\n```\n````\n* e\n  ```toml\n  f\n  ```\n";
        let chapter = Source::new("a.md", chapter);
        let found = blocks(&chapter);
        let found: Vec<_> = found
            .iter()
            .map(|b| (b.line, b.language(), b.code.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (2, "rust", "b\n\nc\n"),
                (8, "text", "```\n"),
                (12, "toml", "  f\n")
            ]
        );
        assert_eq!(text(&chapter), [(1, "a"), (7, "d"), (11, "* e")]);
        assert!(blocks(&chapter)[0].is("no_run"));
    }
}
