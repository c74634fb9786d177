//! `probe`: settles open questions about a test instance with scratch records.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::{
    daemon::DaemonError,
    domain::{InstanceMode, SCRATCH_GROUP, SCRATCH_OPERATOR, printable},
    journal::Journal,
    probe::{ProbeOutcome, ProbeReport, probe, refuse_configured},
    scheduler::StopSignals,
    settings::{self, Settings},
    sync::{InstanceOptions, StopSwitch},
};

use super::{
    CommandError,
    arguments::{Arguments, OutputFormat, ProbeArguments},
    bootstrap::start_log,
    exit_status::ExitStatus,
    json::json,
    probe_text::{markdown, text},
    temporary_sandbox::TemporarySandbox,
    terminal::{ProgressLine, print, print_warning},
};

/// Shows each step, what Campaign answered, and what that settles.
pub(super) async fn run(arguments: &Arguments, asked: &ProbeArguments) -> Result<ExitStatus, CommandError> {
    let Some(scenario) = &asked.sandbox else {
        let settings = settings::load(&arguments.sources())?;
        return probed(arguments, asked, settings).await;
    };
    let sandbox = TemporarySandbox::start(scenario).await?;
    let mut settings = sandbox.settings()?;
    // The configuration of a sandbox lets runs write. A probe of it is a trial of the command.
    for instance in &mut settings.instances {
        instance.access.mode = InstanceMode::Observe;
    }
    let exit = probed(arguments, asked, settings).await;
    sandbox.stop().await;
    exit
}

async fn probed(
    arguments: &Arguments,
    asked: &ProbeArguments,
    mut settings: Settings,
) -> Result<ExitStatus, CommandError> {
    settings.keep_instances(std::slice::from_ref(&asked.instance)).map_err(CommandError::Usage)?;
    let progress = start_log(arguments, &settings)?;
    let options = settings.sync_options();
    let [instance] = options.instances.as_slice() else {
        return Err(CommandError::Usage("probe takes the name of one instance".to_owned()));
    };
    let report = if let Some(refusal) = refuse_configured(instance) {
        ProbeReport::not_allowed(instance, &refusal)
    } else {
        confirm(instance)?;
        until_signals(instance, &settings, &progress).await?
    };
    progress.finish();
    print(&match arguments.output {
        OutputFormat::Text => text(&report),
        OutputFormat::Json => json(&report)?,
        OutputFormat::Markdown => markdown(&report),
    })?;
    Ok(exit(report.outcome))
}

/// Has the administrator type the name of the instance, on the terminal or else on standard input.
fn confirm(instance: &InstanceOptions) -> Result<(), CommandError> {
    let name = instance.policy.instance.as_str();
    let prompt = format!(
        "probe writes to the Campaign instance {name} ({}).\n\
         It creates the operator group {SCRATCH_GROUP} without rights and the operator\n\
         {SCRATCH_OPERATOR}, who cannot sign in. It adds and removes\n\
         memberships of that operator in that group. At the end it removes both records.\n\
         It writes nothing else. Use it on a test instance only.\n\
         Type the name of the instance to begin: ",
        printable(&instance.campaign.url.to_string())
    );
    let mut answer = String::new();
    let mut terminal = anstream::stderr().lock();
    // On a terminal the administrator ends the line.
    let end = if io::stdin().is_terminal() { "" } else { "\n" };
    write!(terminal, "{prompt}{end}").and_then(|()| terminal.flush())?;
    drop(terminal);
    // A name has a few characters: the end of standard input is not needed.
    io::stdin().lock().read_line(&mut answer)?;
    let typed = answer.trim();
    if typed == name {
        return Ok(());
    }
    let what =
        if typed.is_empty() { "no name was typed".to_owned() } else { format!("\"{}\" was typed", printable(typed)) };
    Err(CommandError::Usage(format!("{what}, not {name}: nothing was written to Campaign")))
}

/// Probes until the end. The first signal ends the questions, and the scratch records are removed; the second one ends
/// the process.
async fn until_signals(
    instance: &InstanceOptions,
    settings: &Settings,
    progress: &ProgressLine,
) -> Result<ProbeReport, CommandError> {
    let mut signals = StopSignals::listen().map_err(DaemonError::Signals)?;
    let (switch, stop) = StopSwitch::new();
    let journal = Journal::open(&settings.journal_options()).await?;
    settings.require_explicit_modes(&journal).await?;
    let show = |step: &str| progress.show_text(step);
    let mut probing = Box::pin(probe(instance, &journal, &stop, &show));
    let report = tokio::select! {
        biased;
        report = &mut probing => report,
        () = signals.come() => {
            switch.stop();
            print_warning("stopping: the scratch records are removed; a second signal exits at once and leaves them");
            tokio::select! {
                biased;
                report = &mut probing => report,
                () = signals.come() => return Err(CommandError::ProbeAbandoned),
            }
        }
    };
    drop(probing);
    journal.close().await;
    Ok(report)
}

fn exit(outcome: ProbeOutcome) -> ExitStatus {
    match outcome {
        ProbeOutcome::Settled => ExitStatus::Done,
        ProbeOutcome::Partial => ExitStatus::Partial,
        ProbeOutcome::NotAllowed | ProbeOutcome::Misconfigured => ExitStatus::Configuration,
        ProbeOutcome::Locked => ExitStatus::Locked,
        ProbeOutcome::Incomplete => ExitStatus::Incomplete,
        ProbeOutcome::Throttled | ProbeOutcome::Unavailable => ExitStatus::Unavailable,
        ProbeOutcome::Refused => ExitStatus::Refused,
        ProbeOutcome::Interrupted | ProbeOutcome::Failed => ExitStatus::Failure,
    }
}
