//! Tables that are rendered as text or as Markdown.

use anstyle::Style;

use super::{
    arguments::OutputFormat,
    markdown,
    styles::{DIM, columns},
};

/// A table with one style for each row; Markdown has no styles.
pub(super) struct Table<const COLUMNS: usize> {
    heads: [&'static str; COLUMNS],
    rows: Vec<(Style, [String; COLUMNS])>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(super) fn new(
        heads: [&'static str; COLUMNS],
        rows: impl IntoIterator<Item = (Style, [String; COLUMNS])>,
    ) -> Self {
        Self { heads, rows: rows.into_iter().collect() }
    }

    /// The table with its heads, or the other text where it has no rows. The caller writes JSON from its own types.
    pub(super) fn rendered(self, output: OutputFormat, without_rows: &str) -> String {
        match output {
            _ if self.rows.is_empty() => without_rows.to_owned(),
            OutputFormat::Markdown => self.markdown() + "\n",
            OutputFormat::Text | OutputFormat::Json => {
                let mut out = String::new();
                let heads = (DIM, self.heads.map(str::to_owned).into());
                columns(&mut out, "", std::iter::once(heads).chain(self.cells()));
                out
            }
        }
    }

    /// The rows as text, without the heads.
    pub(super) fn text(self, out: &mut String, indent: &str) {
        columns(out, indent, self.cells());
    }

    pub(super) fn markdown(self) -> String {
        markdown::table(self.heads, self.rows.into_iter().map(|(_, row)| row))
    }

    fn cells(self) -> impl Iterator<Item = (Style, Vec<String>)> {
        self.rows.into_iter().map(|(style, row)| (style, row.into()))
    }
}
