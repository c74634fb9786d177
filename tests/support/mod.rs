//! What tests of several folders share.

pub(crate) mod default_limits;
pub(crate) mod default_policy;
pub(crate) mod organization;
pub(crate) mod process;
pub(crate) mod receivers;
pub(crate) mod recording;
pub(crate) mod reports;
pub(crate) mod whole_run;
