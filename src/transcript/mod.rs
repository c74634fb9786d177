//! Transcripts of calls to Adobe and Campaign: everything that was said, with pseudonyms in place of names, and without
//! secrets. `check --record` writes them, `sandbox --replay` serves them.
//!
//! A value stays only if a list names its element, attribute or key and its form; everything else is replaced.
//!
//! | file | contents |
//! |---|---|
//! | `recording` | collects exchanges, and makes the transcript of them |
//! | `configuration` | what of the configuration is needed to replay a transcript |
//! | `exchange_line` | one line: one exchange with allow-listed headers |
//! | `file` | the text of the file with its digests, and how it is stored |
//! | `pseudonyms` | words and ids in place of names and ids |
//! | `values`, `expressions`, `error_text` | what becomes of one value |
//! | `body`, `xml_body`, `xml_rules`, `json_body` | what becomes of the body of a request or response |
//! | `vocabulary`, `error_words` | Adobe's own public words, which stay |

mod body;
mod configuration;
mod error_text;
mod error_words;
mod exchange_line;
mod expressions;
mod file;
mod json_body;
mod pseudonyms;
mod recording;
mod values;
mod vocabulary;
mod xml_body;
mod xml_rules;

pub use configuration::{RecordedConfiguration, RecordedInstance, RecordedSignIn};
pub use file::{FolderError, Transcript, TranscriptFolder};
pub use pseudonyms::NoRandomness;
pub use recording::{RecordedKind, TranscriptRecorder};
