//! This host: secret files, the state, the control socket, the schedule, the clock, and the service in systemd.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Command,
};

use chrono::{DateTime, Utc};

use super::{
    CheckRequest, daemon_health,
    findings::{CheckOutcome, Findings},
    prerequisites::{CONFIGURATION, DAEMON, SCHEDULE, SECRETS, SOCKET, STATE, TIME, UNIT},
    report::FailureCause,
};
use crate::{
    journal::{DiskSpace, Journal, JournalError},
    observability::Chain,
    settings::{self, OrganizationName, PartialSettings, SecretFile, SecretFileOrigin, StateLocation},
};

/// Mode bits that give access to users outside the file's group, or write access to the group.
const TOO_OPEN: u32 = 0o027;

/// The mode bit that lets every user read.
const READABLE_BY_OTHERS: u32 = 0o004;

/// The mode bit that lets every user enter a folder.
const ENTERED_BY_OTHERS: u32 = 0o001;

/// Mode bits that give access to users other than the owner.
const NOT_PRIVATE: u32 = 0o077;

/// Free space below which the state is reported, in bytes: a year of runs over a large organization, and as much again
/// to compact the database.
const LEAST_FREE_SPACE: u64 = 200 * 1024 * 1024;

/// How many of the next runs are shown, and checked for their distance.
const TICKS: usize = 5;

/// The units of systemd, as the package installs them.
struct Units {
    /// The service of the daemon.
    service: String,
    /// The timer that starts single runs where no daemon runs.
    timer: String,
}

impl Units {
    fn of(organization: Option<&OrganizationName>) -> Self {
        let instance = organization.map(|name| format!("@{name}")).unwrap_or_default();
        Self {
            service: format!("campaign-group-sync{instance}.service"),
            timer: format!("campaign-group-sync-once{instance}.timer"),
        }
    }
}

/// How much of this host is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostScope {
    /// All: the program is, or will be, a service of this host.
    Service,
    /// Only files: the sandbox is not a service.
    FilesOnly,
}

/// Checks all that concerns this host, as far as the configuration can be used.
pub(super) fn check(
    findings: &mut Findings,
    request: &CheckRequest<'_>,
    journal: &Result<Option<Journal>, JournalError>,
) {
    let settings = request.settings;
    findings.record(SECRETS, secrets(request));
    findings
        .record(STATE, settings.state.as_ref().map_or_else(unconfigured, |configured| state(&configured.url, journal)));
    let socket = settings.control.as_ref().map_or_else(unconfigured, |control| socket(&control.socket));
    findings.record(SOCKET, socket);
    findings.record(SCHEDULE, schedule(settings, request.now));
    let units = Units::of(settings.organization.as_ref());
    let (time, unit, daemon) = match request.host {
        HostScope::FilesOnly => {
            let reason = || CheckOutcome::not_checked("the sandbox is not a service of this host");
            (reason(), reason(), reason())
        }
        HostScope::Service => (synchronized(), unit(&units), daemon(request, &units)),
    };
    findings.record(TIME, time);
    findings.record(UNIT, unit);
    findings.record(DAEMON, daemon);
}

fn daemon(request: &CheckRequest<'_>, units: &Units) -> CheckOutcome {
    match (&request.daemon, &request.settings.control) {
        (Some(said), _) => daemon_health::outcome(said, &units.service),
        (None, Some(_)) => CheckOutcome::not_checked("the status of the daemon was not requested"),
        (None, None) => unconfigured(),
    }
}

/// The outcome where the section of the configuration that a prerequisite depends on cannot be used.
fn unconfigured() -> CheckOutcome {
    CheckOutcome::blocked_by(CONFIGURATION)
}

fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|found| found.mode() & 0o7777)
}

fn secrets(request: &CheckRequest<'_>) -> CheckOutcome {
    let files = settings::secret_files(request.sources);
    let open: Vec<&Path> = files.iter().filter(|file| is_open(file)).map(|file| file.path.as_path()).collect();
    if open.is_empty() {
        return CheckOutcome::ok(match files.len() {
            0 if !request.settings.has_all_layers => return unconfigured(),
            0 => "no secret is in a file".to_owned(),
            1 => "one secret file".to_owned(),
            count => format!("{count} secret files"),
        });
    }
    let names = open.iter().map(|path| format!("{} (mode {:04o})", path.display(), mode(path).unwrap_or_default()));
    let evidence = names.collect::<Vec<_>>().join("\n");
    CheckOutcome::warning(
        evidence,
        "give each of these files mode 0600 if it holds a secret and nothing else; its owner must be the user who reads it \
         (root, where systemd hands it to the service)",
    )
}

/// Whether this is a regular file: the mode of a folder or of a link says nothing about a secret.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn is_open(file: &SecretFile) -> bool {
    let of_file = mode(&file.path).unwrap_or_default();
    let is_open = of_file & TOO_OPEN != 0 && is_file(&file.path);
    match file.origin {
        // A secret file that every user can read is an error of the configuration, which is reported there.
        SecretFileOrigin::Key => is_open && of_file & READABLE_BY_OTHERS == 0,
        // The folder of systemd's credentials protects them where other users cannot enter it.
        SecretFileOrigin::Credential => {
            is_open && file.path.parent().and_then(mode).is_some_and(|mode| mode & ENTERED_BY_OTHERS != 0)
        }
    }
}

fn state(location: &StateLocation, journal: &Result<Option<Journal>, JournalError>) -> CheckOutcome {
    if let Err(error @ JournalError::OlderSchema { .. }) = journal {
        return CheckOutcome::warning(Chain(error).to_string(), "nothing; the next run updates it");
    }
    if let Err(error @ (JournalError::NewerSchema { .. } | JournalError::OtherOrganization { .. })) = journal {
        let remedy = "do what the message says; do not delete the state";
        return CheckOutcome::failed(FailureCause::Configuration, Chain(error).to_string(), remedy);
    }
    let StateLocation::Sqlite(path) = location else { return state_on_a_server(journal) };
    if let Err(error) = journal {
        let remedy = "check that the user of the program may read the file; do not delete it: the next run keeps a corrupt \
                      file under another name and holds removals until they are approved";
        return CheckOutcome::failed(FailureCause::Configuration, Chain(error).to_string(), remedy);
    }
    let Some(folder) = path.parent() else { return CheckOutcome::not_checked("state.url names no folder") };
    let Some(folder_mode) = mode(folder) else {
        let remedy = "start the service, which creates the folder, or make the first run as the user who is to own it: the \
                      program creates the folder with mode 0700";
        let evidence = format!("there is no folder {}", folder.display());
        // The first run creates the folder where its user may, and the unit's StateDirectory everywhere else.
        return CheckOutcome::warning(evidence, remedy);
    };
    if !is_writable(folder) || (path.exists() && !is_writable(path)) {
        let evidence = format!("{} cannot be written by this user", path.display());
        let remedy = "run the check as root; if root cannot write it either, the file system is read-only or full";
        return CheckOutcome::failed(FailureCause::Configuration, evidence, remedy);
    }
    let open = [(folder, folder_mode), (path.as_path(), mode(path).unwrap_or_default())];
    if let Some((open, mode)) = open.into_iter().find(|(_, mode)| mode & NOT_PRIVATE != 0) {
        let evidence = format!("users other than the owner have access to {} (mode {mode:04o})", open.display());
        // The folder may belong to the system and be in use by other programs.
        let remedy = if open == path.as_path() {
            "nothing; the next run sets mode 0600"
        } else {
            "if the folder is for this state only, give it mode 0700; otherwise stop the daemon, move the state file and the \
             files beside it that begin with its name to a folder of their own with mode 0700 and the same owner, and name \
             the new path in [state] url"
        };
        return CheckOutcome::warning(evidence, remedy);
    }
    let space = DiskSpace::of(path);
    match space.free {
        Some(free) if free < LEAST_FREE_SPACE => CheckOutcome::warning(
            format!("{space}"),
            "free some space there; do not name another file in [state] url instead: an empty state has no history, no \
                 approvals and no held changes",
        ),
        _ => CheckOutcome::ok(format!("{}, private and writable, with enough space", path.display())),
    }
}

fn state_on_a_server(journal: &Result<Option<Journal>, JournalError>) -> CheckOutcome {
    match journal {
        Ok(Some(_)) => CheckOutcome::ok("the database responds"),
        Ok(None) => CheckOutcome::ok("the database responds, and the first run creates its tables"),
        Err(error) => CheckOutcome::failed(
            FailureCause::Unavailable,
            Chain(error).to_string(),
            "check that the server runs, and that it accepts this host and the user of state.url for that database \
             (pg_hba.conf, a firewall, the password)",
        ),
    }
}

/// Whether this user may write the file, tested without a write: the mode does not show read-only mounts and access
/// lists.
fn is_writable(path: &Path) -> bool {
    match Command::new("test").arg("-w").arg(path).status() {
        Ok(status) => status.success(),
        Err(_) => {
            fs::metadata(path).is_ok_and(|found| !found.permissions().readonly() && found.permissions().mode() != 0)
        }
    }
}

fn socket(socket: &Path) -> CheckOutcome {
    let Some(folder) = socket.parent() else { return CheckOutcome::not_checked("control.socket names no folder") };
    match mode(folder) {
        None => CheckOutcome::ok(format!("{} is created when the service starts", folder.display())),
        Some(mode) if mode & 0o002 != 0 => CheckOutcome::failed(
            FailureCause::Configuration,
            format!("every user may create a socket in {} (mode {mode:04o})", folder.display()),
            "name a folder of its own in [control] socket, such as /run/campaign-group-sync/control.sock",
        ),
        Some(_) => CheckOutcome::ok(socket.display().to_string()),
    }
}

fn schedule(settings: &PartialSettings, now: DateTime<Utc>) -> CheckOutcome {
    let (Some(configured), Some(interval)) = (&settings.schedule, settings.first_page_interval) else {
        return unconfigured();
    };
    let schedule = &configured.schedule;
    let ticks: Vec<DateTime<Utc>> =
        std::iter::successors(schedule.next_after(now), |tick| schedule.next_after(*tick)).take(TICKS).collect();
    if ticks.is_empty() {
        return CheckOutcome::ok("off: runs are started manually, or by a timer");
    }
    let local =
        |tick: &DateTime<Utc>| tick.with_timezone(&schedule.timezone()).format("%a %Y-%m-%d %H:%M:%S %Z").to_string();
    let next = format!("next runs: {}", ticks.iter().map(local).collect::<Vec<_>>().join(", "));
    let shortest = ticks.windows(2).filter_map(|pair| match pair {
        [first, second] => (*second - *first).to_std().ok(),
        _ => None,
    });
    match shortest.min() {
        Some(shortest) if shortest < interval => CheckOutcome::warning(
            format!(
                "runs are {} apart, and page 0 may be requested every {} only\n{next}",
                humantime::format_duration(shortest),
                humantime::format_duration(interval)
            ),
            "leave at least experience_cloud.first_page_interval between two runs in [schedule] cron: runs in between only see \
             profiles that are known",
        ),
        _ => CheckOutcome::ok(next),
    }
}

/// The output of a command of systemd, or the reason why there is none.
fn command_output(command: &str, arguments: &[&str]) -> Result<String, String> {
    if !Path::new("/run/systemd/system").exists() {
        return Err("systemd does not run on this host".to_owned());
    }
    match Command::new(command).args(arguments).output() {
        Ok(answer) if answer.status.success() => Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned()),
        Ok(answer) => {
            let said = String::from_utf8_lossy(&answer.stderr);
            Err(format!("{command} fails: {}", said.lines().next().unwrap_or("without a message").trim()))
        }
        Err(error) => Err(format!("{command} cannot be started: {error}")),
    }
}

fn synchronized() -> CheckOutcome {
    match command_output("timedatectl", &["show", "-p", "NTPSynchronized", "--value"]).as_deref() {
        Ok("yes") => CheckOutcome::ok("timedatectl reports that it is synchronized"),
        Ok(_) => CheckOutcome::warning(
            "timedatectl reports that it is not synchronized",
            "configure or repair the time service of this host (chrony, ntpd or systemd-timesyncd)",
        ),
        Err(reason) => CheckOutcome::not_checked(reason),
    }
}

fn unit(units: &Units) -> CheckOutcome {
    let Units { service, timer } = units;
    let properties = ["show", service, "-p", "LoadState", "-p", "UnitFileState", "-p", "ActiveState"];
    let answer = match command_output("systemctl", &properties) {
        Ok(answer) => answer,
        Err(reason) => return CheckOutcome::not_checked(reason),
    };
    let value =
        |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or("unknown");
    let (load, file, active) = (value("LoadState"), value("UnitFileState"), value("ActiveState"));
    let evidence = format!("{service}: {load}, {file}, {active}");
    match (load, file, active) {
        ("loaded", "enabled", "active") => CheckOutcome::ok(evidence),
        ("loaded", _, "inactive") if is_active(timer) => {
            CheckOutcome::ok(format!("{evidence}; {timer} starts single runs"))
        }
        (_, _, "failed") => CheckOutcome::failed(
            FailureCause::Unavailable,
            evidence,
            format!(
                "as root, read the reason with journalctl -u {service} -n 50, fix it, then systemctl restart {service}"
            ),
        ),
        ("masked", ..) => CheckOutcome::warning(
            evidence,
            format!("find out who masked the unit, and why; then, as root, systemctl unmask {service}"),
        ),
        // With mode = "apply" the daemon changes groups as soon as it starts.
        ("loaded", ..) => CheckOutcome::warning(
            evidence,
            format!(
                "when nothing else has failed and campaign-group-sync --sync-now --dry-run shows a plan that is right, as root: \
                 systemctl enable --now {service}"
            ),
        ),
        _ => CheckOutcome::warning(
            evidence,
            "install the package, which contains the unit; for an installation without a package see \"Install it\" in the README",
        ),
    }
}

fn is_active(timer: &str) -> bool {
    command_output("systemctl", &["show", timer, "-p", "ActiveState", "--value"]).is_ok_and(|state| state == "active")
}

#[cfg(test)]
mod tests {
    use super::{super::report::Verdict, *};
    use crate::check::Network;

    #[test]
    fn a_state_of_an_earlier_version_is_a_warning() {
        let place = "/var/lib/campaign-group-sync/state.db";
        let older = Err(JournalError::OlderSchema { place: place.to_owned(), found: 1, known: 2 });
        let mut findings = Findings::new(Network::Offline, Vec::new());
        findings.record(STATE, state(&StateLocation::Sqlite(place.into()), &older));
        let finding = findings.report().findings.into_iter().find(|finding| finding.id == STATE).expect("a finding");
        assert_eq!(finding.verdict, Verdict::Warning, "{finding:?}");
        assert!(finding.evidence.contains("the next run"), "{finding:?}");
    }
}
