//! What a mask matches, and what another one would change: the reports agree with what runs do.

mod answers;
mod names;
mod stage;
mod trials;
