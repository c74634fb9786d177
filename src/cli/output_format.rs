//! The formats of the output.

use std::ffi::OsStr;

use clap::{
    Arg, Command, ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
    error::ErrorKind,
};

/// The format of the output that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RequestedFormat {
    /// Text for reading
    Text,
    /// JSON for programs
    Json,
    /// Markdown for tickets and wikis
    Markdown,
    /// CSV for spreadsheets
    Csv,
    /// A page to print and sign
    Html,
}

/// Reads the format of any command: help and completions do not show the formats of `review`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CommonFormat;

impl CommonFormat {
    fn values() -> impl Iterator<Item = PossibleValue> {
        RequestedFormat::value_variants().iter().filter_map(|format| {
            let is_common = !matches!(format, RequestedFormat::Csv | RequestedFormat::Html);
            format.to_possible_value().map(|value| value.hide(!is_common))
        })
    }
}

impl TypedValueParser for CommonFormat {
    type Value = RequestedFormat;

    fn parse_ref(
        &self,
        command: &Command,
        option: Option<&Arg>,
        value: &OsStr,
    ) -> Result<RequestedFormat, clap::Error> {
        let name = PossibleValuesParser::new(Self::values()).parse_ref(command, option, value)?;
        RequestedFormat::from_str(&name, false).map_err(|wrong| clap::Error::raw(ErrorKind::InvalidValue, wrong))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Self::values()))
    }
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
