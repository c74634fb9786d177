//! The formats of the output.

use clap::ValueEnum;

/// The format of the output that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RequestedFormat {
    /// Text for reading
    Text,
    /// JSON for programs
    Json,
    /// Markdown for tickets and wikis
    Markdown,
    /// CSV for spreadsheets (review)
    Csv,
    /// A page to print and sign (review)
    Html,
}

/// The format of the output of a command that has these formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// Text for reading.
    #[default]
    Text,
    /// JSON for programs.
    Json,
    /// Markdown for tickets and wikis.
    Markdown,
}
