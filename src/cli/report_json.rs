//! Documents for programs.

use serde::Serialize;

/// The document with indentation, and a line end.
pub(super) fn json(document: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(document)?;
    text.push('\n');
    Ok(text)
}
