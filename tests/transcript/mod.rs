//! Transcripts: what `check --record` writes, that nothing in it tells a name or a secret, and that `sandbox --replay`
//! serves it so that a check has the same findings.

mod harness;
mod hostile;
mod recording;
mod refusals;
mod replaying;
