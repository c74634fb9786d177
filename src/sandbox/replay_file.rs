//! Reads a transcript, and refuses one that is not as it was written.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The name of the format.
const FORMAT: &str = "campaign-group-sync-transcript";

/// The version of the format that this program reads.
const VERSION: u64 = 1;

/// Largest file, in bytes. The transcript of an instance with 100,000 operators has some 50 MB.
const LARGEST: u64 = 512 << 20;

/// Hexadecimal digits of the digest of a line.
const LINE_DIGEST: usize = 16;

/// The modes of an instance.
const MODES: [&str; 2] = ["observe", "apply"];

/// The kinds of sign-in to an instance.
const SIGN_INS: [&str; 2] = ["native", "ims"];

/// The choices of an instance that a recording names, with their values.
const CHOICES: [(&str, [&str; 2]); 4] = [
    ("manage", ["ims", "all"]),
    ("missing_group", ["skip", "create"]),
    ("missing_operator", ["skip", "create"]),
    ("without_groups", ["keep", "disable"]),
];

/// What each error says to do.
const RECORD_AGAIN: &str = "nothing is served; get the file again, or record another one with check --record DIR";

/// A transcript that is as it was written.
#[derive(Clone, Debug)]
pub struct ReplayFile {
    pub(super) path: PathBuf,
    pub(super) configuration: ReplayConfiguration,
    pub(super) calls: Vec<RecordedCall>,
}

/// The part of the first line that says how to replay the file.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ReplayConfiguration {
    pub(super) organization_id: Option<String>,
    pub(super) ims_url: Option<String>,
    pub(super) credential: Option<String>,
    pub(super) instances: Vec<ReplayInstance>,
}

/// One instance in the first line.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ReplayInstance {
    pub(super) name: String,
    pub(super) url: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) association_mask: Option<String>,
    pub(super) mode: String,
    pub(super) choices: BTreeMap<String, String>,
    pub(super) authentication: String,
    pub(super) login: Option<String>,
    pub(super) credential: Option<String>,
}

/// One call.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RecordedCall {
    pub(super) system: String,
    pub(super) credential: Option<String>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) soap_action: Option<String>,
    pub(super) request: RecordedBody,
    pub(super) status: Option<u16>,
    pub(super) response_headers: BTreeMap<String, String>,
    pub(super) clock_offset: Option<i64>,
    pub(super) response: RecordedBody,
}

/// A body: its text, or what it was.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RecordedBody {
    Text(String),
    Outline { outline: String },
}

#[derive(Deserialize)]
struct Header {
    lines: usize,
    configuration: ReplayConfiguration,
}

/// Why a transcript is not served.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFileError {
    /// The file cannot be read.
    #[error("the transcript {} cannot be read; check its name and its mode", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than any transcript.
    #[error("{} has {bytes} bytes, and a transcript has at most {LARGEST}; {RECORD_AGAIN}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The file is no transcript.
    #[error("{}, line 1: {what}, so the file is not a transcript; {RECORD_AGAIN}", path.display())]
    NoTranscript {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Another version of the program wrote the file.
    #[error(
        "{}, line 1: the transcript has format version {found}, and this program reads version {VERSION}; replay it with the \
         version of the program that recorded it, or record it again with check --record DIR",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u64,
    },
    /// Lines are missing, or there are too many.
    #[error("{}, line {line}: the transcript has {found} of {expected} calls, so it is cut or extended; {RECORD_AGAIN}", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// The last line.
        line: usize,
        /// The number of calls in it.
        found: usize,
        /// The number of calls in its first line.
        expected: usize,
    },
    /// A line was changed.
    #[error("{}, line {line}: {what}; {RECORD_AGAIN}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The first line that was changed.
        line: usize,
        /// How it shows.
        what: String,
    },
}

impl ReplayFile {
    /// Reads and verifies a transcript.
    pub fn read(path: &Path) -> Result<Self, ReplayFileError> {
        let unreadable = |source| ReplayFileError::Unreadable { path: path.to_owned(), source };
        let metadata = fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(unreadable(io::Error::other("it is not a file")));
        }
        if metadata.len() > LARGEST {
            return Err(ReplayFileError::TooLarge { path: path.to_owned(), bytes: metadata.len() });
        }
        Self::of_bytes(path, &fs::read(path).map_err(unreadable)?)
    }

    pub(super) fn of_bytes(path: &Path, bytes: &[u8]) -> Result<Self, ReplayFileError> {
        let none = |what: &str| ReplayFileError::NoTranscript { path: path.to_owned(), what: what.to_owned() };
        if bytes.is_empty() {
            return Err(none("the file is empty"));
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let lines = bytes.get(..error.valid_up_to()).unwrap_or_default().iter().filter(|byte| **byte == b'\n');
                return Err(match lines.count() {
                    0 => none("it is not text"),
                    before => changed(path, before + 1, "the line is not text"),
                });
            }
        };
        let (first, rest) = text.split_once('\n').ok_or_else(|| none("there is no second line"))?;
        let document: serde_json::Value = serde_json::from_str(first).map_err(|_| none("it is not JSON"))?;
        if document["format"] != FORMAT {
            return Err(none("it does not name the format"));
        }
        match document["version"].as_u64() {
            Some(VERSION) => {}
            found => return Err(ReplayFileError::Version { path: path.to_owned(), found: found.unwrap_or_default() }),
        }
        let header: Header = serde_json::from_value(document)
            .map_err(|error| changed(path, 1, &format!("the line is incomplete: {error}")))?;
        header.configuration.check().map_err(|what| changed(path, 1, &what))?;
        let calls = calls(path, rest)?;
        if calls.len() != header.lines || !rest.ends_with('\n') && !rest.is_empty() {
            let (line, found, expected) = (calls.len() + 1, calls.len(), header.lines);
            return Err(ReplayFileError::Cut { path: path.to_owned(), line, found, expected });
        }
        let (json, digest) = divided(first).ok_or_else(|| changed(path, 1, "the line has no digest"))?;
        if hexadecimal(&[&json, "\n", rest]) != digest {
            return Err(changed(path, 1, "the line was changed after it was written: its digest is another one"));
        }
        Ok(Self { path: path.to_owned(), configuration: header.configuration, calls })
    }
}

impl ReplayConfiguration {
    /// Accepts only what a recording writes. Digests do not show who wrote a file, and the words here become parts of
    /// file names and of a configuration.
    fn check(&self) -> Result<(), String> {
        let wrong = |what: &str, text: &str| Err(format!("{text:?} is not {what} that a recording writes"));
        let is_credential =
            |name: &str| name == "experience_cloud" || self.instances.iter().any(|one| one.name == name);
        for (at, instance) in self.instances.iter().enumerate() {
            if instance.name != format!("instance{}", at + 1) {
                return wrong("the name of an instance", &instance.name);
            }
            if !MODES.contains(&instance.mode.as_str()) {
                return wrong("a mode", &instance.mode);
            }
            if !SIGN_INS.contains(&instance.authentication.as_str()) {
                return wrong("a kind of sign-in", &instance.authentication);
            }
            for (key, value) in &instance.choices {
                let is_known = CHOICES.iter().any(|(known, values)| known == key && values.contains(&value.as_str()));
                if !is_known {
                    return wrong("a choice", &format!("{key} = {value}"));
                }
            }
        }
        let credentials = self.instances.iter().map(|instance| &instance.credential).chain([&self.credential]);
        match credentials.flatten().find(|name| !is_credential(name)) {
            Some(name) => wrong("the name of a credential", name),
            None => Ok(()),
        }
    }
}

fn calls(path: &Path, rest: &str) -> Result<Vec<RecordedCall>, ReplayFileError> {
    let (mut calls, mut before) = (Vec::new(), FORMAT.to_owned());
    for (at, line) in rest.lines().enumerate() {
        let number = at + 2;
        let Some((json, digest)) = divided(line) else {
            return Err(changed(path, number, "the line has no digest: it is cut or was changed"));
        };
        before = hexadecimal(&[&before, "\n", &json]);
        before.truncate(LINE_DIGEST);
        if before != digest {
            return Err(changed(
                path,
                number,
                "the line was changed after it was written, or a line before it is missing: its digest is another one",
            ));
        }
        calls.push(
            serde_json::from_str(&json)
                .map_err(|error| changed(path, number, &format!("the line cannot be read: {error}")))?,
        );
    }
    Ok(calls)
}

/// A line without its digest, and the digest.
fn divided(line: &str) -> Option<(String, &str)> {
    let (json, digest) = line.strip_suffix("\"}")?.rsplit_once(",\"digest\":\"")?;
    Some((format!("{json}}}"), digest))
}

fn changed(path: &Path, line: usize, what: &str) -> ReplayFileError {
    ReplayFileError::Changed { path: path.to_owned(), line, what: what.to_owned() }
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
