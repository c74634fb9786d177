//! Everything that can go wrong with a sandbox.

use std::net::SocketAddr;

/// Why a sandbox could not be started, or its world not be changed.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The address could be reached from other machines, and the sandbox knows no secrets worth the name.
    #[error("the sandbox listens on loopback only: {address} is not a loopback address, use 127.0.0.1 or [::1]")]
    NotLoopback {
        /// The refused address.
        address: SocketAddr,
    },
    /// The address could not be bound.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why the system refused.
        #[source]
        source: std::io::Error,
    },
    /// No certificate can be made for the name.
    #[error("there can be no certificate for {name:?}")]
    Certificate {
        /// The host name or address.
        name: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No built-in scenario has this name.
    #[error("there is no scenario named {name:?}; the known ones are {known}")]
    UnknownScenario {
        /// The name asked for.
        name: String,
        /// The built-in names, separated by commas.
        known: String,
    },
    /// The text is not a scenario.
    #[error("the scenario cannot be read")]
    Scenario(#[from] toml::de::Error),
    /// The scenario can be read and contradicts itself.
    #[error("the world of the sandbox is wrong: {0}")]
    World(String),
    /// A change does not fit the world; nothing was changed.
    #[error("the world was not changed: {0}")]
    Change(String),
}
