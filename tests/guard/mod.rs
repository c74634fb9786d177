//! What the guard releases and holds: tables for each reason, and properties over random situations.

mod digest;
mod earlier;
mod fixture;
mod limits;
mod properties;
mod source;
