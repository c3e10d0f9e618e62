//! Text for a terminal: printed, wrapped, coloured.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// Prints to standard output. It is no error if the reader stops early (`latchgate explain | head`).
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let written = output.write_all(text.as_bytes());
    match written.and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::of("cannot write to standard output", &error))
        }
        _ => Ok(()),
    }
}

/// How wide lines of prose may be.
pub(crate) const WIDTH: usize = 96;

/// The words in lines of at most [`WIDTH`] columns, indented like the first one. A longer word has a line of its own.
pub(crate) fn wrapped(words: &str, indent: usize) -> String {
    let mut text = String::new();
    let mut column = indent;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        }
        if column > indent {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text
}

/// Whether standard output may be coloured: it is a terminal that can, and `NO_COLOR` is not set (<https://no-color.org>).
pub(crate) fn is_coloured() -> bool {
    let objects = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    io::stdout().is_terminal() && !objects && !is_dumb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_below_its_beginning() {
        let words = "word ".repeat(40);
        let text = wrapped(&words, 10);
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with(&" ".repeat(10)))
        );
        let longest = text.lines().skip(1).map(str::len).max();
        assert!(longest.is_some_and(|longest| (WIDTH - 5..=WIDTH).contains(&longest)));
        assert_eq!(text.split_whitespace().count(), 40);
        assert_eq!(wrapped(&"x".repeat(200), 4), "x".repeat(200));
    }
}
