//! Finds the forms of a page. A tolerant reader of tags, not an HTML parser: it skips scripts, styles and comments, and
//! knows only `form`, `input` and `button`.

use http::Method;
use url::Url;

/// A form, and what it would send.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    id: Option<String>,
    /// `GET` or `POST`.
    pub method: Method,
    /// Where it goes.
    pub action: Url,
    fields: Vec<(String, String)>,
}

impl Form {
    /// Whether it has an input of this name.
    #[must_use]
    pub fn asks_for(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// What it sends with `answers` typed into it.
    #[must_use]
    pub fn encoded(&self, answers: &[(&str, &str)]) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.filled(answers))
            .finish()
    }

    /// Its fields with some of them filled in. A name that no field has is added: it is the button that was pressed.
    pub(super) fn filled(&self, answers: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        for (name, value) in answers {
            match fields.iter_mut().find(|(field, _)| field == name) {
                Some((_, held)) => (*value).clone_into(held),
                None => fields.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        fields
    }
}

/// The forms of a page, in its order.
pub(super) fn forms(page: &Url, html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut open = None;
    for tag in tags(html) {
        match tag.name.as_str() {
            "form" => {
                let action = tag
                    .attribute("action")
                    .and_then(|action| page.join(action).ok());
                let post = tag
                    .attribute("method")
                    .is_some_and(|method| method.eq_ignore_ascii_case("post"));
                open = Some(forms.len());
                forms.push(Form {
                    id: tag.attribute("id").map(str::to_owned),
                    method: if post { Method::POST } else { Method::GET },
                    action: action.unwrap_or_else(|| page.clone()),
                    fields: Vec::new(),
                });
            }
            "/form" => open = None,
            "input" => {
                let owner = match tag.attribute("form") {
                    Some(id) => forms.iter().position(|form| form.id.as_deref() == Some(id)),
                    None => open,
                };
                let pressed = matches!(
                    tag.attribute("type"),
                    Some("submit" | "button" | "image" | "reset")
                );
                if let (Some(owner), Some(name), false) = (owner, tag.attribute("name"), pressed) {
                    let value = tag.attribute("value").unwrap_or_default();
                    forms[owner]
                        .fields
                        .push((name.to_owned(), value.to_owned()));
                }
            }
            _ => {}
        }
    }
    forms
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(attribute, _)| attribute == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The tags of a page, without its text.
fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = tag(&rest[1..]);
        // Up to the end tag, a script's or style's `<` opens nothing.
        rest = match tag.name.as_str() {
            "script" => after.split_once("</script").map_or("", |(_, after)| after),
            "style" => after.split_once("</style").map_or("", |(_, after)| after),
            _ => after,
        };
        tags.push(tag);
    }
    tags
}

/// One tag, from behind its `<`, and what follows it.
fn tag(text: &str) -> (Tag, &str) {
    let end = text
        .find(|c: char| c.is_ascii_whitespace() || c == '>')
        .unwrap_or(text.len());
    let name = text[..end].trim_end_matches('/').to_ascii_lowercase();
    let mut attributes = Vec::new();
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (
                Tag { name, attributes },
                rest.strip_prefix('>').unwrap_or(rest),
            );
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        // A stray `=` would otherwise be read for ever.
        let end = end.max(rest.chars().next().map_or(0, char::len_utf8));
        let attribute = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            (value, rest) = quoted(after.trim_start());
        }
        attributes.push((attribute, unescape(value)));
    }
}

/// An attribute's value, in quotes or without, and what follows it.
fn quoted(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            return inside.split_once(quote).unwrap_or((inside, ""));
        }
    }
    text.split_at(
        text.find(|c: char| c.is_ascii_whitespace() || c == '>')
            .unwrap_or(text.len()),
    )
}

/// The character references that pages write in attributes.
fn unescape(text: &str) -> String {
    let known = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2F;", "/"),
    ];
    let text = known
        .iter()
        .fold(text.to_owned(), |text, (reference, character)| {
            text.replace(reference, character)
        });
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_a_browser_reads_them() {
        let page = Url::parse("http://127.0.0.1:4000/auth?x=1").unwrap();
        let found = forms(
            &page,
            r#"<!-- <form action="/comment"> --><script>if (a<b) { "<form action='/script'>" }</script>
           <FORM id="op.out" method=POST action='/end?a=1&amp;b=2'><input type="hidden" name="xsrf" value="&quot;s&quot;"/>
           <input required name=login><input type=submit name=go value=Go></form>
           <input name="late" form="op.out" value="yes"><form><input name="q" /></form>"#,
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].method, Method::POST);
        assert_eq!(
            found[0].action.as_str(),
            "http://127.0.0.1:4000/end?a=1&b=2"
        );
        assert_eq!(found[1].method, Method::GET);
        assert!(found[1].action == page && found[1].asks_for("q"));
        let sent = found[0].filled(&[("login", "alice"), ("logout", "yes")]);
        let sent: Vec<(&str, &str)> = sent
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let expected = [
            ("xsrf", "\"s\""),
            ("login", "alice"),
            ("late", "yes"),
            ("logout", "yes"),
        ];
        assert_eq!(sent, expected);
        assert_eq!(forms(&page, "<form a==b <input name=' =").len(), 1);
    }
}
