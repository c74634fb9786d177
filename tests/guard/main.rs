//! What the guard lets through and what it holds: tables for each reason, and properties over random situations.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

mod digest;
mod earlier;
mod limits;
mod properties;
mod scene;
mod source;
