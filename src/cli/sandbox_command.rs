//! `sandbox`: serves the simulated Adobe and Campaign until it is stopped.

use tokio::signal::unix::{SignalKind, signal};

use super::{
    CommandError,
    arguments::SandboxArguments,
    exit_status::ExitStatus,
    temporary_sandbox::{TemporarySandbox, scenario},
    terminal::print,
};
use crate::domain::shell_word;

pub(super) async fn run(arguments: &SandboxArguments) -> Result<ExitStatus, CommandError> {
    let mut scenario = scenario(&arguments.scenario)?;
    if let Some(users) = arguments.users {
        scenario = scenario.with_users(users);
    }
    // The handlers come before the message that the sandbox is ready, so that an early signal stops it.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let sandbox = TemporarySandbox::serve(scenario, arguments.port).await?;
    print(&format!(
        "# A sandbox with the scenario {}, until this program is stopped (Ctrl-C).\n\
         # Save this text as a file and use it:  campaign-group-sync --sync-now --config FILE\n\
         # The secret files in it are private, are valid for this sandbox only, and are deleted with it.\n\
         # Show the world:      GET  {url}/sandbox/world\n\
         # Change the world:    POST {url}/sandbox/world\n\
         # Inject a fault:      POST {url}/sandbox/faults\n\
         # Show the requests:   GET  {url}/sandbox/requests\n\
         {}\n\
         {}\n\
         # The sandbox is ready.\n",
        arguments.scenario,
        trust(&sandbox),
        sandbox.configuration(),
        url = sandbox.url(),
    ))?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    sandbox.stop().await;
    Ok(ExitStatus::Done)
}

/// How other processes trust the authority of a sandbox with TLS: with the variable that selects the authorities of a
/// host.
fn trust(sandbox: &TemporarySandbox) -> String {
    sandbox.authority_file().map_or_else(String::new, |file| {
        format!(
            "# No host trusts the authority of its certificates. Make each command trust it:\n\
             #   SSL_CERT_FILE={} campaign-group-sync --sync-now --config FILE\n",
            shell_word(&file.display().to_string())
        )
    })
}
