//! `[log]`: what is logged, and how it is written.

use super::{Problem, Sources, layers::Layers, section_reader::SectionReader};
use crate::observability::{LogFormat, LogLevel};

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The least important lines that are written.
    pub level: LogLevel,
    /// How they are written.
    pub format: LogFormat,
    /// `JOURNAL_STREAM`: device and inode, as `8:4711`, of the stream that systemd leads to its journal. What
    /// [`LogFormat::Auto`] goes by: standard error may have been led elsewhere since.
    pub journal_stream: Option<String>,
}

impl Log {
    pub(super) fn read(layers: &Layers, sources: &Sources, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "log", problems);
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        let level = section.choice("level", &levels);
        let formats = [
            ("auto", LogFormat::Auto),
            ("text", LogFormat::Text),
            ("json", LogFormat::Json),
            ("journald", LogFormat::Journald),
        ];
        let format = section.choice("format", &formats);
        Some(Self { level: level?, format: format?, journal_stream: sources.journal_stream().map(str::to_owned) })
    }
}
