//! Text that rustdoc shows as well links to items by their names: `` [`Settings::stores`] ``, `[text](crate::Api)`. Here
//! these are links to the documentation.

use mdbook_driver::book::Book;
use mdbook_driver::errors::Result;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

/// Where the items of the core are documented.
const DOCUMENTATION: &str = "https://docs.rs/latchgate/latest/latchgate";

pub(crate) struct ItemLinks;

impl Preprocessor for ItemLinks {
    fn name(&self) -> &str {
        "item-links"
    }

    fn run(&self, _: &PreprocessorContext, mut book: Book) -> Result<Book> {
        book.for_each_chapter_mut(|chapter| chapter.content = linked(&chapter.content));
        Ok(book)
    }
}

fn linked(text: &str) -> String {
    let mut pieces = text.split("](crate::");
    let mut linked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (path, rest) = piece.split_once(')').unwrap_or((piece, ""));
        linked.push_str(&format!("]({}){rest}", page(path)));
    }
    named(&linked)
}

/// Links of a name alone.
fn named(text: &str) -> String {
    let mut pieces = text.split("[`");
    let mut linked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        linked.push_str("[`");
        match piece.split_once("`]") {
            Some((name, rest)) if is_item(name) && !rest.starts_with(['(', '[', ':']) => {
                linked.push_str(&format!("{name}`]({}){rest}", page(name)));
            }
            _ => linked.push_str(piece),
        }
    }
    linked
}

fn is_item(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(letters)
}

/// The page of a type, or of a method of one.
fn page(path: &str) -> String {
    match path.split_once("::") {
        Some((name, method)) => format!("{DOCUMENTATION}/struct.{name}.html#method.{method}"),
        None => format!("{DOCUMENTATION}/struct.{path}.html"),
    }
}
