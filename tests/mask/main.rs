//! What a mask matches, and what another one would change: the answers agree with what runs do.

#![expect(clippy::expect_used, reason = "a test stops where its set-up is wrong")]

mod answers;
mod names;
mod stage;
mod trials;
