//! `POST action/{org}`: the write side, as far as it changes who is in what.

use super::super::received::{Answer, Received, empty};
use super::super::world::World;
use axum::http::StatusCode;

/// Answers a batch of actions.
pub(super) fn act(_world: &mut World, _received: &Received) -> Answer {
    empty(StatusCode::NOT_IMPLEMENTED)
}
