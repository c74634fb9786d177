//! `config`: the effective configuration without secrets, with the source of each value.

use std::fmt::Write as _;

use crate::settings::{self, EffectiveValue};

use super::{
    CommandError,
    arguments::{Arguments, OutputFormat},
    exit_status::ExitStatus,
    json::json,
    terminal::print,
};

/// Prints the values even when some are invalid; the error lists the problems.
pub(super) fn run(arguments: &Arguments) -> Result<ExitStatus, CommandError> {
    let sources = arguments.sources();
    let values = settings::effective_values(&sources);
    print(&match arguments.output {
        OutputFormat::Json => json(&values)?,
        OutputFormat::Text => text(&values),
        OutputFormat::Markdown => markdown(&values),
    })?;
    settings::load(&sources)?;
    Ok(ExitStatus::Done)
}

fn text(values: &[EffectiveValue]) -> String {
    let width = values.iter().map(|value| value.key.len() + value.value.len() + 3).max().unwrap_or_default().min(70);
    let mut out = String::new();
    for value in values {
        let pair = format!("{} = {}", value.key, value.value);
        // Writing into a string cannot fail.
        let _ = match value.source.as_str() {
            "" => writeln!(out, "{pair}"),
            source => writeln!(out, "{pair:width$}  # {source}"),
        };
    }
    out
}

fn markdown(values: &[EffectiveValue]) -> String {
    let mut out = String::from("| Key | Value | Source |\n| --- | --- | --- |\n");
    for value in values {
        let _ = writeln!(out, "| `{}` | `{}` | {} |", value.key, value.value.replace('|', "\\|"), value.source);
    }
    out
}
