//! The escaper of the templates: markup becomes text, and invisible characters, or characters that change how other
//! text is displayed, become visible escapes.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::domain::is_printable;

/// Escapes text of any origin, for content and for quoted attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageText;

impl Escaper for PageText {
    fn write_escaped_str<W: Write>(&self, mut page: W, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| self.write_escaped_char(&mut page, character))
    }

    fn write_escaped_char<W: Write>(&self, mut page: W, character: char) -> fmt::Result {
        match character {
            '&' => page.write_str("&amp;"),
            '<' => page.write_str("&lt;"),
            '>' => page.write_str("&gt;"),
            '"' => page.write_str("&quot;"),
            '\'' => page.write_str("&#39;"),
            _ if is_printable(character) => page.write_char(character),
            _ => write!(page, "{}", character.escape_unicode()),
        }
    }
}

#[cfg(test)]
mod tests {
    use askama::Template;

    #[derive(Template)]
    #[template(
        source = "<a title=\"{{ text }}\">{{ text }}</a>",
        ext = "html",
        config = "src/daemon/http/page/askama.toml"
    )]
    struct Sample<'a> {
        text: &'a str,
    }

    fn check(text: &str, expected: &str) {
        let page = Sample { text }.render().expect("rendered");
        assert_eq!(page, format!("<a title=\"{expected}\">{expected}</a>"));
    }

    #[test]
    fn a_value_is_text_in_content_and_in_attributes() {
        check("\"><script>'&", "&quot;&gt;&lt;script&gt;&#39;&amp;");
        check("a\u{202e}b\n\u{0}zoë 日本", "a\\u{202e}b\\u{a}\\u{0}zoë 日本");
    }

    #[test]
    fn no_template_bypasses_the_escaper() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = ["src/daemon/http/page/templates", "src/cli/templates"].map(|folder| root.join(folder));
        let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut templates = 0;
        for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "html")) {
            let text = std::fs::read_to_string(&path).expect("readable");
            for bypass in ["safe", "|e(", "escape", "style=", " on"] {
                let is_used = text.contains(&format!("|{bypass}")) || text.contains(&format!("{bypass}=\""));
                assert!(!is_used, "{}: {bypass}", path.display());
            }
            templates += 1;
        }
        assert!(templates > 3, "{templates} templates");
    }
}
