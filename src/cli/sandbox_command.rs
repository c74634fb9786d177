//! `sandbox`: serves the simulated vendors until stopped.

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
    // Before anybody is told that the sandbox is there: a signal that comes early must find it.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let sandbox = TemporarySandbox::serve(scenario, arguments.port).await?;
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

/// How other processes are told whom to trust, where the sandbox encrypts: in the way in which a host is told.
fn trust(sandbox: &TemporarySandbox) -> String {
    sandbox.authority_file().map_or_else(String::new, |file| {
        format!(
            "# No host trusts the authority of its certificates. Have each command trust it:\n\
             #   SSL_CERT_FILE={} campaign-group-sync --sync-now --config FILE\n",
            shell_word(&file.display().to_string())
        )
    })
}
