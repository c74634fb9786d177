//! Errors of a sandbox.

use std::net::SocketAddr;

/// Why a sandbox cannot start, or its world cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Other machines could connect to the address, and the secrets of the sandbox are public.
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
    #[error("no certificate can be made for \"{name}\"; write a host name or an address in [tls]")]
    Certificate {
        /// The host name or address.
        name: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No built-in scenario has this name.
    #[error("there is no scenario named \"{name}\"; write one of {known}, or the path of a file that ends with .toml")]
    UnknownScenario {
        /// The name asked for.
        name: String,
        /// The built-in names, separated by commas.
        known: String,
    },
    /// The text is not a scenario.
    #[error("{}{what}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Scenario {
        /// Counted from 1; `None` for a file that is based on another scenario.
        line: Option<usize>,
        /// What is wrong, and with which key.
        what: String,
    },
    /// The scenario can be read and is inconsistent.
    #[error("the world of the sandbox is inconsistent: {0}")]
    World(String),
    /// A change cannot be applied; nothing was changed.
    #[error("the world was not changed: {0}")]
    Change(String),
}

impl SandboxError {
    /// Whether the scenario that was asked for is what is wrong.
    pub fn is_of_scenario(&self) -> bool {
        match self {
            Self::UnknownScenario { .. } | Self::Scenario { .. } | Self::World(_) | Self::Certificate { .. } => true,
            Self::NotLoopback { .. } | Self::Listen { .. } | Self::Change(_) => false,
        }
    }

    /// What the parser says of this text, on one line.
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        // Drawn over several lines where the place is known; otherwise the message, and the path of the key below it.
        let what = match line {
            Some(_) => error.message().to_owned(),
            None => error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" "),
        };
        Self::Scenario { line, what: what.trim().to_owned() }
    }
}
