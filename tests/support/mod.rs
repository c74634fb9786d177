//! What tests of several subjects share.

pub(crate) mod captured_log;
pub(crate) mod operators;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod receivers;
pub(crate) mod recording;
pub(crate) mod reports;
pub(crate) mod sandbox;
pub(crate) mod secrets;
pub(crate) mod two_years;
