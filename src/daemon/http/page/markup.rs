//! A writer of HTML that lets no name through as markup: what the program says itself is `&'static str`, everything else
//! is escaped.

use std::fmt::{Display, Write as _};

use crate::domain::is_printable;

/// HTML under construction.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Markup. Names are never static, so that none can come in here.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text of any origin, for content and quoted attributes alike.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ if !is_printable(character) => self.0.extend(character.escape_unicode()),
                _ => self.0.push(character),
            }
        }
        self
    }

    /// A name, apart from the reading direction of what is around it.
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        self.raw("<bdi>").text(name).raw("</bdi>")
    }

    /// A number, or text of our own that is made of numbers.
    pub(super) fn number(&mut self, number: impl Display) -> &mut Self {
        // Writing into a string cannot fail.
        let _ = write!(self.0, "{number}");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_wherever_it_stands() {
        let mut html = Html::default();
        html.raw("<a title=\"").text("\"><script>'&").raw("\">").name("a\u{202e}b\n\u{0}zoë 日本").raw("</a>");
        let expected = "<a title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\">\
                        <bdi>a\\u{202e}b\\u{a}\\u{0}zoë 日本</bdi></a>";
        assert_eq!(html.finish(), expected);
    }
}
