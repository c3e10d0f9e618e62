//! HTML under construction. Markup must be a literal; everything else is escaped on its way in.

/// A piece of HTML.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds markup, which only the source code can bring.
    pub(super) fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, safe in element content and in quoted attribute values.
    pub(super) fn text(mut self, text: &str) -> Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Adds a hidden form field.
    pub(super) fn hidden(self, name: &str, value: &str) -> Self {
        self.raw("<input type=\"hidden\" name=\"")
            .text(name)
            .raw("\" value=\"")
            .text(value)
            .raw("\">\n")
    }

    pub(super) fn append(mut self, other: Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Html;

    #[test]
    fn text_cannot_become_markup() {
        let html = Html::new().hidden("state", "\"><script>alert('&')</script>");
        assert_eq!(
            html.into_string(),
            "<input type=\"hidden\" name=\"state\" value=\"&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;\">\n"
        );
    }
}
