//! `sandbox`: serves the simulated vendors until stopped.

use std::{net::SocketAddr, path::Path};

use tokio::signal::unix::{SignalKind, signal};

use crate::sandbox::{Options, Sandbox, Scenario};

use super::{
    CommandError,
    arguments::SandboxArguments,
    exit_code::Exit,
    sandbox_configuration::{ANY_LOOPBACK_PORT, SandboxConfiguration},
    terminal::print,
};

pub(super) async fn run(arguments: &SandboxArguments) -> Result<Exit, CommandError> {
    let mut scenario = scenario(&arguments.scenario)?;
    if let Some(users) = arguments.users {
        scenario = scenario.with_users(users);
    }
    // Before anybody is told that the sandbox is there: a signal that comes early must find it.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let listen = SocketAddr::new(ANY_LOOPBACK_PORT.ip(), arguments.port);
    let sandbox = Sandbox::start(Options { listen, scenario }).await?;
    let configuration = SandboxConfiguration::write(&sandbox.connection())?;
    print(&format!(
        "# A sandbox with the scenario {}, until this program is stopped (Ctrl-C).\n\
         # Save this text as a file and use it:  campaign-group-sync --sync-now --config FILE\n\
         # The secret files it names are private, open nothing but this sandbox, and go away with it.\n\
         # Look at the world:   GET  {url}/sandbox/world\n\
         # Change the world:    POST {url}/sandbox/world\n\
         # Disturb the vendors: POST {url}/sandbox/faults\n\
         # What was asked:      GET  {url}/sandbox/requests\n\
         {}\n\
         {}\n\
         # The sandbox is ready.\n",
        arguments.scenario,
        trust(&configuration),
        configuration.text(),
        url = sandbox.url(),
    ))?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    sandbox.stop().await;
    Ok(Exit::Done)
}

/// How commands are told whom to trust where the sandbox encrypts: by the way in which a host trusts an authority.
fn trust(configuration: &SandboxConfiguration) -> String {
    configuration.authority_file().map_or_else(String::new, |file| {
        format!(
            "# Its certificate is known to nobody else. Have every command trust its authority:\n\
             #   SSL_CERT_FILE={} campaign-group-sync --sync-now --config FILE\n",
            file.display()
        )
    })
}

/// A built-in scenario, or a scenario file.
pub(super) fn scenario(name: &str) -> Result<Scenario, CommandError> {
    if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(name)
            .map_err(|error| CommandError::Usage(format!("the scenario file {name} cannot be read: {error}")))?;
        return Ok(Scenario::from_toml(&text)?);
    }
    Ok(Scenario::named(name)?)
}
