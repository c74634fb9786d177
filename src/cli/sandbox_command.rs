//! `sandbox`: serves the simulated Adobe and Campaign, or a transcript, until it is stopped.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{
    CommandError,
    arguments::{Arguments, SandboxArguments},
    exit_status::ExitStatus,
    sandbox_configuration::SandboxConfiguration,
    temporary_sandbox::{TemporarySandbox, scenario},
    terminal::{ProgressLine, print},
};
use crate::{
    domain::{printable, shell_word},
    observability::{LogFormat, LogLevel, LogOptions, start_logging},
    sandbox::{Replay, ReplayFile},
};

pub(super) async fn run(options: &Arguments, arguments: &SandboxArguments) -> Result<ExitStatus, CommandError> {
    if let Some(file) = &arguments.replay {
        return replay(options, file, arguments.port).await;
    }
    let mut scenario = scenario(&arguments.scenario)?;
    if let Some(users) = arguments.users {
        scenario = scenario.with_users(users);
    }
    // The handlers come before the message that the sandbox is ready, so that an early signal stops it.
    let (mut interrupt, mut terminate) = signals()?;
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
    stopped(&mut interrupt, &mut terminate).await;
    sandbox.stop().await;
    Ok(ExitStatus::Done)
}

/// Serves a transcript. Requests that it does not have are logged.
async fn replay(options: &Arguments, file: &Path, port: u16) -> Result<ExitStatus, CommandError> {
    let level = options.log_level(LogLevel::Warn);
    let logging = LogOptions { level, format: LogFormat::Text, journal_stream: None, colours: ProgressLine::colours() };
    start_logging(&logging, ProgressLine::new())?;
    let (mut interrupt, mut terminate) = signals()?;
    let transcript = ReplayFile::read(file)?;
    let replay = Replay::start(transcript, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).await?;
    let configuration = SandboxConfiguration::write(&replay.connection(), &replay.recorded_settings())?;
    print(&format!(
        "# A replay of {} with {} calls, until this program is stopped (Ctrl-C).\n\
         # Save this text as a file and use it:  campaign-group-sync check --config FILE\n\
         # All names in it are pseudonyms. The findings about Adobe and Campaign are those of the recorded systems; those about\n\
         # this host, the state and certificates are not. A call that was not recorded gets HTTP 501 and a line here.\n\
         \n\
         {}\n\
         # The sandbox is ready.\n",
        printable(&file.display().to_string()),
        replay.calls(),
        configuration.text(),
    ))?;
    stopped(&mut interrupt, &mut terminate).await;
    replay.stop().await;
    Ok(ExitStatus::Done)
}

fn signals() -> Result<(Signal, Signal), CommandError> {
    Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
}

async fn stopped(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
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
