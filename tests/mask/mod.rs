//! What a mask matches, and what another one would change: the reports agree with what runs do.

mod answers;
mod harness;
mod names;
mod trials;
