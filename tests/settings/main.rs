//! Configurations, good and bad: what comes out of the layers, and what people are told.

#![expect(clippy::expect_used, clippy::panic, reason = "the fixture fails the test it serves")]
#![expect(unreachable_pub, reason = "a test has no readers")]

mod database_protection;
mod effective_values;
mod irregular_files;
mod layering;
mod notify;
mod refusals;
mod same_address;
mod secret_sources;
mod world;
