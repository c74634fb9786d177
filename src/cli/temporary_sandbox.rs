//! A sandbox for the time of one command, with its configuration.

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
    /// The certificate authority that clients must trust; `None` without TLS.
    authority: Option<String>,
}

impl TemporarySandbox {
    /// Serves the scenario of this name, or of this file, on a free port.
    pub(super) async fn start(name: &str) -> Result<Self, CommandError> {
        Self::serve(scenario(name)?, 0).await
    }

    /// Serves a scenario on the loopback interface. Port 0 selects a free one.
    pub(super) async fn serve(mut scenario: Scenario, port: u16) -> Result<Self, CommandError> {
        let misconfiguration = std::mem::take(&mut scenario.misconfiguration);
        let listen = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let sandbox = Sandbox::start(SandboxOptions { listen, scenario }).await?;
        let connection = sandbox.connection();
        let configuration = SandboxConfiguration::write(&connection, &misconfiguration)?;
        Ok(Self { sandbox, configuration, authority: connection.authority })
    }

    /// The base URL of the simulated Adobe and Campaign.
    pub(super) fn url(&self) -> String {
        self.sandbox.url()
    }

    /// The configuration to use with it, as the text of a file.
    pub(super) fn configuration(&self) -> String {
        self.configuration.text()
    }

    /// Only that configuration as a source: a sandbox must not be mixed with real systems.
    pub(super) fn sources(&self) -> Sources {
        self.configuration.sources()
    }

    /// The settings of that configuration, with trust in the sandbox's authority, which no key can configure.
    pub(super) fn settings(&self) -> Result<Settings, SettingsError> {
        let mut settings = settings::load(&self.sources())?;
        if let Some(authority) = &self.authority {
            settings.trust_only(authority);
        }
        Ok(settings)
    }

    /// The usable part of that configuration, with the same trust.
    pub(super) fn readable(&self) -> PartialSettings {
        let mut settings = settings::load_partial(&self.sources());
        if let Some(authority) = &self.authority {
            settings.trust_only(authority);
        }
        settings
    }

    /// The file with the authority that other processes must trust; `None` without TLS.
    pub(super) fn authority_file(&self) -> Option<PathBuf> {
        self.authority.as_ref().map(|_| self.configuration.authority_file())
    }

    /// Stops the sandbox.
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
        let wrong = |error| CommandError::Usage(format!("the scenario file {name} is invalid: {error}"));
        return Scenario::from_toml(&text).map_err(wrong);
    }
    Ok(Scenario::named(name)?)
}
