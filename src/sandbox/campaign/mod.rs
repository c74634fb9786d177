//! A simulated Adobe Campaign instance: the SOAP router, its sessions, its tables.

mod change;
mod world;

use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;

pub use change::{Dial, InstanceChange};
pub use world::{AbsentDelete, Authentication, Dials, Group, InstanceWorld, Operator, SchemaPart, WriteCollectionMode};

/// What the simulated IMS says of a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenVerdict {
    /// Issued, and still good.
    Valid {
        /// The client it was issued to.
        client_id: String,
    },
    /// Issued once, and over.
    Expired,
    /// Never issued.
    Unknown,
}

/// One simulated Campaign instance: a request in, an answer out, no input or output of its own.
#[derive(Debug)]
pub struct Instance {
    world: InstanceWorld,
}

impl Instance {
    /// Builds the instance; the error names what in the world does not fit together.
    pub fn new(world: InstanceWorld) -> Result<Self, String> {
        Ok(Self { world })
    }

    /// The instance as it stands, fit to build it again: with the ids it assigned and the operators it added.
    pub fn world(&self) -> InstanceWorld {
        self.world.clone()
    }

    /// Answers one request; `tokens` says what a bearer token is worth.
    pub fn answer(&mut self, request: &Request<Bytes>, tokens: &dyn Fn(&str) -> TokenVerdict) -> Response<Bytes> {
        let _ = (request, tokens);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    /// Lets a change happen; the error names what it does not find.
    pub fn apply(&mut self, change: InstanceChange) -> Result<(), String> {
        let _ = change;
        Ok(())
    }
}
