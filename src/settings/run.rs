//! `[run]`: bounds of every run.

use std::time::Duration;

use super::{Problem, layers::Layers, section_reader::SectionReader};

/// Bounds of every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Longest time from sending a request to the last byte of its answer.
    pub call_timeout: Duration,
}

impl Run {
    pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "run", problems);
        Some(Self { call_timeout: section.duration("call_timeout")? })
    }
}
