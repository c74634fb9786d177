//! Entrances for the fuzz targets in `fuzz`: compiled with `--cfg fuzzing` alone.

use std::path::Path;

use super::{ReplayFile, ReplayFileError};

/// Reads and verifies a transcript: the number of its calls.
pub fn transcript(bytes: &[u8]) -> Result<usize, ReplayFileError> {
    ReplayFile::of_bytes(Path::new("transcript.jsonl"), bytes).map(|file| file.calls.len())
}
