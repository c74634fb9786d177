//! A sandbox of a command's own, and the configuration that goes with it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use crate::{
    domain::Chain,
    sandbox::{Sandbox, SandboxOptions, Scenario},
    settings::{self, PartialSettings, Settings, SettingsError, Sources},
};

use super::{CommandError, sandbox_configuration::SandboxConfiguration};

/// A sandbox that ends with the command that started it.
pub(super) struct TemporarySandbox {
    sandbox: Sandbox,
    configuration: SandboxConfiguration,
    /// Whom clients are told to trust, where it encrypts.
    authority: Option<String>,
}

impl TemporarySandbox {
    /// Serves the scenario of this name, or of this file, on any free port.
    pub(super) async fn start(name: &str) -> Result<Self, CommandError> {
        Self::serve(scenario(name)?, 0).await
    }

    /// Serves a scenario; reachable from this host only. Port 0 takes a free one.
    pub(super) async fn serve(mut scenario: Scenario, port: u16) -> Result<Self, CommandError> {
        let misconfiguration = std::mem::take(&mut scenario.misconfiguration);
        let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let sandbox = Sandbox::start(SandboxOptions { listen, scenario }).await?;
        let connection = sandbox.connection();
        let configuration = SandboxConfiguration::write(&connection, &misconfiguration)?;
        Ok(Self { sandbox, configuration, authority: connection.authority })
    }

    /// The base URL of the simulated vendors.
    pub(super) fn url(&self) -> String {
        self.sandbox.url()
    }

    /// The configuration to use with it, as a file would hold it.
    pub(super) fn configuration(&self) -> String {
        self.configuration.text()
    }

    /// Reads that configuration and nothing else: a sandbox must not be mixed with real systems.
    pub(super) fn sources(&self) -> Sources {
        self.configuration.sources()
    }

    /// What that configuration says, and the trust that no configuration gives.
    pub(super) fn settings(&self) -> Result<Settings, SettingsError> {
        let mut settings = settings::load(&self.sources())?;
        if let Some(authority) = &self.authority {
            settings.trust_only(authority);
        }
        Ok(settings)
    }

    /// As much of it as can be used, with the same trust.
    pub(super) fn readable(&self) -> PartialSettings {
        let mut settings = settings::load_partial(&self.sources());
        if let Some(authority) = &self.authority {
            settings.trust_only(authority);
        }
        settings
    }

    /// The file with the authority that other processes have to trust; `None` where nothing is encrypted.
    pub(super) fn authority_file(&self) -> Option<PathBuf> {
        self.authority.as_ref().map(|_| self.configuration.authority_file())
    }

    /// Ends it.
    pub(super) async fn stop(self) {
        self.sandbox.stop().await;
    }
}

/// A built-in scenario, or a scenario file.
pub(super) fn scenario(name: &str) -> Result<Scenario, CommandError> {
    if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(name).map_err(|error| {
            CommandError::Usage(format!("the scenario file {name} cannot be read: {}", Chain(&error)))
        })?;
        let wrong = |error| CommandError::Usage(format!("the scenario file {name} is wrong: {error}"));
        return Scenario::from_toml(&text).map_err(wrong);
    }
    Ok(Scenario::named(name)?)
}
