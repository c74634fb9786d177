//! The text of a transcript with its digests, and the folder that it is stored in.
//!
//! The first line is a header: format, version, the number of further lines, the configuration, and a digest over all
//! of it. Each further line ends with a digest over itself and the line before, so that a reader can name the first line
//! that was changed.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{configuration::ShownConfiguration, exchange_line::ExchangeLine, recording::RecordedKind};

/// The name of the format.
const FORMAT: &str = "campaign-group-sync-transcript";

/// The version of the format.
const VERSION: u32 = 1;

/// Hexadecimal digits of the digest of a line.
const LINE_DIGEST: usize = 16;

/// The first line without its digest.
#[derive(Serialize)]
struct Header<'a> {
    format: &'static str,
    version: u32,
    program: &'static str,
    lines: usize,
    configuration: &'a ShownConfiguration,
}

/// A complete transcript, with pseudonyms.
#[derive(Clone, Debug)]
pub struct Transcript {
    text: String,
    kinds: Vec<RecordedKind>,
    configuration: ShownConfiguration,
}

impl Transcript {
    pub(super) fn new(configuration: ShownConfiguration, lines: &[ExchangeLine], kinds: Vec<RecordedKind>) -> Self {
        let (mut body, mut before) = (String::new(), FORMAT.to_owned());
        for line in lines {
            let json = as_json(line);
            before = line_digest(&before, &json);
            body.push_str(&with_digest(&json, &before));
        }
        let header = Header {
            format: FORMAT,
            version: VERSION,
            program: env!("CARGO_PKG_VERSION"),
            lines: lines.len(),
            configuration: &configuration,
        };
        let header = as_json(&header);
        let digest = hexadecimal(&[&header, "\n", &body]);
        Self { text: with_digest(&header, &digest) + &body, kinds, configuration }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The calls by kind, in the order of their first call.
    pub fn kinds(&self) -> &[RecordedKind] {
        &self.kinds
    }

    /// The pseudonyms of what the configuration names, one sentence each.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(organization) = &self.configuration.organization_id {
            names.push(format!("the organization is called {organization}"));
        }
        for instance in &self.configuration.instances {
            let part = |label: &str, value: &Option<String>| {
                value.as_ref().map(|value| format!(", {label} {value}")).unwrap_or_default()
            };
            names.push(format!(
                "{}{}{}{}",
                instance.name,
                part("address", &instance.url),
                part("tenant", &instance.tenant),
                part("mask", &instance.association_mask)
            ));
        }
        names
    }
}

fn as_json(value: &impl Serialize) -> String {
    // Neither the header nor a line has a map with keys that are no text, which alone could fail.
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

/// An object with the digest as its last key, as one line.
fn with_digest(json: &str, digest: &str) -> String {
    let inner = json.strip_suffix('}').unwrap_or(json);
    format!("{inner},\"digest\":\"{digest}\"}}\n")
}

fn line_digest(before: &str, json: &str) -> String {
    let mut digest = hexadecimal(&[before, "\n", json]);
    digest.truncate(LINE_DIGEST);
    digest
}

fn hexadecimal(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A folder that a transcript can be written to.
#[derive(Clone, Debug)]
pub struct TranscriptFolder(PathBuf);

/// Why no transcript can be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no such folder.
    #[error("{} is no folder; create it, or name another one with --record", path.display())]
    NoFolder {
        /// The path.
        path: PathBuf,
    },
    /// The folder cannot be written to.
    #[error("no file can be written to the folder {}; name another one with --record", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a file of this name already, which is never replaced.
    #[error("the file {} exists already and is not replaced; repeat the command", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

impl TranscriptFolder {
    /// Checks that the folder exists and can be written to. Leaves nothing there.
    pub fn check(path: &Path) -> Result<Self, FolderError> {
        if !path.is_dir() {
            return Err(FolderError::NoFolder { path: path.to_owned() });
        }
        let not_writable = |source| FolderError::NotWritable { path: path.to_owned(), source };
        tempfile::NamedTempFile::new_in(path).and_then(tempfile::NamedTempFile::close).map_err(not_writable)?;
        Ok(Self(path.to_owned()))
    }

    /// The file that a transcript of this time is written to.
    pub fn file(&self, now: DateTime<Utc>) -> PathBuf {
        self.0.join(format!("transcript-{}.jsonl", now.format("%Y%m%dT%H%M%SZ")))
    }

    /// Writes the transcript as a whole or not at all, readable for its owner alone. Never replaces a file.
    pub fn write(&self, transcript: &Transcript, file: &Path) -> Result<(), FolderError> {
        let not_writable = |source| FolderError::NotWritable { path: self.0.clone(), source };
        // Temporary files have the mode 0600.
        let mut temporary = tempfile::NamedTempFile::new_in(&self.0).map_err(not_writable)?;
        temporary.write_all(transcript.text.as_bytes()).map_err(not_writable)?;
        temporary.as_file().sync_all().map_err(not_writable)?;
        match temporary.persist_noclobber(file) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FolderError::Exists { path: file.to_owned() })
            }
            Err(error) => Err(not_writable(error.error)),
        }
    }
}
