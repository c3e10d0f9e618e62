//! Links lead somewhere: to a chapter and a heading, to a file of the repository, to an item of the documentation, or to a host that
//! is listed. Nothing here asks the network.

use std::collections::{BTreeMap, BTreeSet};

use super::chapter::{self, in_book};
use crate::source::{self, Finding, Source};

/// The hosts that the guide links to: a misspelt one, or somebody's weblog, is noticed there.
pub(crate) const HOSTS: &str = "docs/hosts.txt";

/// Files of ours on the web.
const REPOSITORY: &str = "https://github.com/latchgate/latchgate";
const DOCUMENTATION: &str = "https://docs.rs/latchgate";

/// Where the guide is published.
const PUBLISHED: &str = "https://latchgate.github.io/latchgate/guide/";

/// What links may lead to.
pub(crate) struct Targets {
    /// The chapters by their paths in the book, with their anchors.
    chapters: BTreeMap<String, BTreeSet<String>>,
    hosts: BTreeSet<String>,
    /// Everything that is public, as text: the sources of crates.
    sources: Vec<Source>,
}

impl Targets {
    pub(crate) fn new(chapters: &[Source], hosts: &str, sources: Vec<Source>) -> Self {
        let anchors = |chapter: &Source| (in_book(chapter).to_owned(), anchors(chapter));
        Self {
            chapters: chapters.iter().map(anchors).collect(),
            hosts: hosts.lines().map(str::to_owned).collect(),
            sources,
        }
    }

    /// The hosts that no chapter links to.
    pub(crate) fn unused_hosts(&self, chapters: &[Source]) -> Vec<String> {
        let links = chapters.iter().flat_map(links);
        let used: BTreeSet<String> = links
            .filter_map(|link| host(&link.to).map(str::to_owned))
            .collect();
        self.hosts.difference(&used).cloned().collect()
    }

    /// Finds links of a chapter that lead nowhere.
    pub(crate) fn dangling(&self, chapter: &Source) -> Vec<Finding> {
        let links = links(chapter).into_iter();
        let found = links.filter_map(|link| {
            let problem = self.problem(chapter, &link.to)?;
            Some(chapter.finding(link.line, format!("`{}`: {problem}", link.to)))
        });
        found.collect()
    }

    /// Finds links to the published guide that lead nowhere.
    pub(crate) fn dangling_from_elsewhere(&self, source: &Source) -> Vec<Finding> {
        let lines = (1..).zip(source.text.lines());
        let links = lines.flat_map(|(line, text)| {
            let links = text.split(PUBLISHED).skip(1);
            links.map(move |rest| (line, rest))
        });
        let in_url = |c: char| c.is_ascii_alphanumeric() || "-_./#".contains(c);
        let found = links.filter_map(|(line, rest)| {
            let to = rest.split(|c| !in_url(c)).next().unwrap_or_default();
            let to = to.trim_end_matches('.');
            let book = Source {
                path: "docs/src/index.md".to_owned(),
                text: String::new(),
            };
            let problem = self.in_book(&book, &to.replacen(".html", ".md", 1));
            let problem = problem.filter(|_| !to.is_empty())?;
            Some(source.finding(line, format!("`{PUBLISHED}{to}`: {problem}")))
        });
        found.collect()
    }

    fn problem(&self, chapter: &Source, to: &str) -> Option<String> {
        if let Some(path) = to.strip_prefix(REPOSITORY) {
            return in_repository(path);
        }
        if to.starts_with(DOCUMENTATION) {
            return self.documented(to);
        }
        if let Some(host) = host(to) {
            let known = self.hosts.contains(host);
            return (!known).then(|| {
                format!("the host is not listed: add it to {HOSTS}, in its place in the alphabet")
            });
        }
        if to.contains(':') {
            return Some("only https is linked".to_owned());
        }
        self.in_book(chapter, to)
    }

    /// A link to a chapter or a picture.
    fn in_book(&self, chapter: &Source, to: &str) -> Option<String> {
        let (path, fragment) = to.split_once('#').unwrap_or((to, ""));
        let here = in_book(chapter);
        let target = if path.is_empty() {
            here.to_owned()
        } else {
            joined(here, path)
        };
        let Some(anchors) = self.chapters.get(&target) else {
            let exists = !path.is_empty()
                && !target.ends_with(".md")
                && source::exists(&format!("docs/src/{target}"));
            return (!exists).then(|| "there is no such chapter or picture".to_owned());
        };
        let known = fragment.is_empty() || anchors.contains(fragment);
        (!known).then(|| {
            let anchors: Vec<&str> = anchors.iter().map(String::as_str).collect();
            format!(
                "the chapter has no such heading, but {}",
                anchors.join(", ")
            )
        })
    }

    /// A link to our documentation: the item has to be somewhere in our crates.
    fn documented(&self, to: &str) -> Option<String> {
        let (page, fragment) = to.split_once('#').unwrap_or((to, ""));
        let file = page.rsplit('/').next().unwrap_or_default();
        let item = file
            .strip_suffix(".html")
            .and_then(|file| file.split_once('.'));
        if let Some((kind, name)) = item {
            let kind = if kind == "constant" { "const" } else { kind };
            let kind = if kind == "derive" || kind == "attr" {
                "fn"
            } else {
                kind
            };
            if !self.has(&format!("pub {kind} {name}")) && !self.has(&format!("    {name}")) {
                return Some(format!("no crate of ours has a public {kind} `{name}`"));
            }
        }
        let member = fragment.split_once('.').map(|(_, name)| name);
        if let Some(name) = member
            .filter(|name| !self.has(&format!("fn {name}")) && !self.has(&format!("    {name}")))
        {
            return Some(format!("no crate of ours has `{name}`"));
        }
        None
    }

    /// Whether a source has this text as whole words.
    fn has(&self, text: &str) -> bool {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        self.sources.iter().any(|source| {
            let mut found = source.text.match_indices(text);
            found.any(|(at, _)| ends(&source.text[at + text.len()..]))
        })
    }
}

/// A file or folder of the repository that a link leads to.
fn in_repository(path: &str) -> Option<String> {
    let path = path.split('#').next().unwrap_or_default();
    let file = path
        .strip_prefix("/blob/main/")
        .or_else(|| path.strip_prefix("/tree/main/"));
    match file {
        _ if ["", "/", "/issues", "/releases", "/security"].contains(&path) => None,
        Some(file) if source::exists(file) => None,
        Some(_) => Some("the repository has no such file".to_owned()),
        None => Some(
            "files of the repository are linked as `/blob/main/…`, folders as `/tree/main/…`"
                .to_owned(),
        ),
    }
}

/// The host of an https link.
fn host(to: &str) -> Option<&str> {
    to.strip_prefix("https://")?.split(['/', '#', '?']).next()
}

/// A relative path, from the folder of this file.
fn joined(file: &str, path: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

struct Link {
    line: usize,
    to: String,
}

/// The links and pictures of a chapter: `[…](…)`, `![…](…)`, `<https://…>`, `[…]: …`.
fn links(chapter: &Source) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, text) in chapter::text(chapter) {
        let text = chapter::without_code(text);
        let mut add = |to: &str| {
            found.push(Link {
                line,
                to: to.to_owned(),
            })
        };
        for rest in text.split("](").skip(1) {
            rest.split([')', ' ']).next().into_iter().for_each(&mut add);
        }
        for rest in text.split("<http").skip(1) {
            let to = rest.split('>').next().unwrap_or_default();
            // A reader opens their own application; nobody else has one there.
            if !to.starts_with("://localhost") {
                add(&format!("http{to}"));
            }
        }
        if text.starts_with('[') {
            let definition = text.split_once("]: ").map(|(_, to)| to.trim());
            definition.into_iter().for_each(&mut add);
        }
    }
    found
}

/// The anchors of a chapter: its headings as mdBook names them, and those written by hand, `## A heading {#name}`.
pub(crate) fn anchors(chapter: &Source) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, text) in chapter::text(chapter) {
        let Some(heading) = text.strip_prefix('#') else {
            continue;
        };
        let heading = heading.trim_start_matches('#').trim();
        let by_hand = heading
            .split_once("{#")
            .and_then(|(_, name)| name.strip_suffix('}'));
        let name = by_hand.map_or_else(|| slug(heading), str::to_owned);
        let mut numbered = (1..).map(|number| format!("{name}-{number}"));
        if !anchors.insert(name.clone()) {
            numbered.find(|name| anchors.insert(name.clone()));
        }
    }
    anchors
}

/// The anchor that mdBook gives a heading.
fn slug(heading: &str) -> String {
    let shown = chapter::shown(heading).to_lowercase();
    let kept = shown.chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(chapter: &str) -> usize {
        let chapters = [
            Source::new("docs/src/a.md", chapter),
            Source::new(
                "docs/src/b/c.md",
                "# One & two\n## `Gate::x`\n## At hand {#named}\n## At hand\n## At hand\n",
            ),
        ];
        let sources = vec![Source::new(
            "x.rs",
            "pub struct Gate;\nimpl Gate { pub fn build(self) {} }\n",
        )];
        Targets::new(&chapters, "example.com\n", sources)
            .dangling(&chapters[0])
            .len()
    }

    #[test]
    fn links_in_the_book_lead_somewhere() {
        assert_eq!(
            found("# A\n[x](#a), [x](b/c.md), [x](./b/../b/c.md#one--two) [x](b/c.md#gatex)"),
            0
        );
        assert_eq!(
            found("[x](b/c.md#named) [x](b/c.md#at-hand) [x](b/c.md#at-hand-1)"),
            0
        );
        assert_eq!(found("[x](b/c.md#at-hand-2)"), 1);
        assert_eq!(found("[x](#b)"), 1);
        assert_eq!(found("[x](c.md)"), 1);
        assert_eq!(found("![x](pictures/none.svg)"), 1);
        assert_eq!(found("`[x](none.md)`\n```\n[x](none.md)\n```"), 0);
    }

    #[test]
    fn links_out_of_the_book_are_known() {
        assert_eq!(
            found("<https://example.com/a> [x](https://example.com) <http://localhost:3000>"),
            0
        );
        assert_eq!(
            found("[x](https://example.org)\n\n[x]: http://example.com"),
            2
        );
        let repository = "https://github.com/latchgate/latchgate";
        assert_eq!(
            found(&format!(
                "[x]({repository}) [x]({repository}/blob/main/README.md#x)"
            )),
            0
        );
        assert_eq!(found(&format!("[x]({repository}/blob/main/README.txt)")), 1);
        assert_eq!(found(&format!("[x]({repository}/README.md)")), 1);
    }

    #[test]
    fn linked_items_exist() {
        let item = |rest: &str| {
            found(&format!(
                "[x](https://docs.rs/latchgate/latest/latchgate/{rest})"
            ))
        };
        assert_eq!(item("struct.Gate.html"), 0);
        assert_eq!(item("struct.Gate.html#method.build"), 0);
        assert_eq!(item("struct.Gat.html"), 1);
        assert_eq!(item("struct.Gate.html#method.buil"), 1);
    }

    #[test]
    fn links_to_the_guide_lead_into_it() {
        let chapters = [Source::new("docs/src/b/c.md", "# One")];
        let targets = Targets::new(&chapters, "", Vec::new());
        let found = |to: &str| {
            let source = Source::new("x.rs", &format!("/// See <{PUBLISHED}{to}>."));
            targets.dangling_from_elsewhere(&source).len()
        };
        assert_eq!(found(""), 0);
        assert_eq!(found("b/c.html"), 0);
        assert_eq!(found("b/c.html#one"), 0);
        assert_eq!(found("b/c.html#two"), 1);
        assert_eq!(found("c.html"), 1);
    }

    #[test]
    fn hosts_that_nothing_links_to_are_found() {
        let chapters = [Source::new("docs/src/a.md", "<https://example.com/>")];
        let targets = Targets::new(&chapters, "example.com\nexample.net\n", Vec::new());
        assert_eq!(targets.unused_hosts(&chapters), ["example.net"]);
    }
}
