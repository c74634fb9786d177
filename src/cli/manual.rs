//! The manual pages: `campaign-group-sync(8)`, a page for each command, and `campaign-group-sync.toml(5)`.

use std::io;

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::reference::{EXITS, EXITS_OF_COMMANDS, exit_meaning};
use crate::settings::{SchemaKey, schema};

/// The name of the page about the configuration, and of its file without the section.
pub(super) const CONFIGURATION_PAGE: &str = "campaign-group-sync.toml";

/// Files that the program reads or writes, and what each holds.
const FILES: [(&str, &str); 9] = [
    ("/etc/campaign-group-sync/config.toml", "The configuration; see campaign-group-sync.toml(5)."),
    (
        "/etc/campaign-group-sync/NAME.toml",
        "The configuration of one of several organizations, for --organization NAME and campaign-group-sync@NAME.service.",
    ),
    (
        "/etc/campaign-group-sync/credentials/",
        "One file for each secret, named as the secret, mode 0600. Only root may enter.",
    ),
    ("/etc/campaign-group-sync/environment", "Environment variables of the service, such as HTTPS_PROXY; mode 0600."),
    (
        "/var/lib/campaign-group-sync/state.db",
        "The state: runs, changes, approvals, times of calls to Adobe. No secrets.",
    ),
    (
        "/run/campaign-group-sync/control.sock",
        "The control socket, for members of the group campaign-group-sync-admin.",
    ),
    ("/usr/share/campaign-group-sync/prometheus-alerts.yml", "Alerts for Prometheus."),
    ("/usr/share/campaign-group-sync/grafana-dashboard.json", "A dashboard for Grafana."),
    ("/usr/share/doc/campaign-group-sync/", "README, documentation, and default.toml with every configuration key."),
];

/// Environment variables that the program reads.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("CAMPAIGN_GROUP_SYNC_CONFIG", "Path of the configuration file, unless --config names one."),
    (
        "CAMPAIGN_GROUP_SYNC_ORGANIZATION",
        "Name of the organization, on a host that serves several, unless --organization or --config names one.",
    ),
    (
        "CAMPAIGN_GROUP_SYNC__SECTION__KEY",
        "Value of one configuration key, for example CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS=10. Overrides the file.",
    ),
    ("CREDENTIALS_DIRECTORY", "Folder of the systemd credentials; systemd sets it."),
    ("HTTPS_PROXY, ALL_PROXY, NO_PROXY", "Proxies, and hosts that are reached without one; lower-case forms as well."),
    ("NO_COLOR, TERM", "No colours when NO_COLOR is set or TERM is dumb."),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "The notification protocol of systemd; systemd sets them."),
];

/// Commands, and what each does.
const EXAMPLES: [(&str, &str); 9] = [
    ("campaign-group-sync --sync-now --sandbox", "Makes a run against the built-in sandbox; needs no configuration."),
    ("campaign-group-sync check", "Tests every prerequisite and names a remedy for each failure."),
    ("campaign-group-sync --sync-now --dry-run", "Shows what a run would change."),
    ("campaign-group-sync status", "Shows the state of the daemon and what is held."),
    ("campaign-group-sync explain ann@acme.com delivery", "Shows why an operator is in a group or not."),
    ("campaign-group-sync access --csv > access.csv", "Writes who is in which managed group."),
    ("campaign-group-sync review --output html > review.html", "Writes an access review to print and to sign."),
    ("campaign-group-sync review --done", "Records that the access was reviewed."),
    ("campaign-group-sync approve 0aa44110a5da7e5f", "Releases exactly the changes that are held under this digest."),
];

/// The page of the program: that of clap with the sections that a manual page of a daemon has.
pub(super) fn program_page(man: &Man, to: &mut dyn io::Write) -> io::Result<()> {
    man.render_title(to)?;
    man.render_name_section(to)?;
    man.render_synopsis_section(to)?;
    man.render_description_section(to)?;
    man.render_options_section(to)?;
    man.render_subcommands_section(to)?;
    let mut page = Roff::new();
    page.control("SH", ["EXIT STATUS"]);
    for exit in EXITS {
        entry(&mut page, &(exit as u8).to_string(), &format!("{}.", capitalized(exit_meaning(exit))));
    }
    for text in EXITS_OF_COMMANDS {
        page.control("PP", []).text([roman(text)]);
    }
    for (heading, entries) in [("FILES", &FILES[..]), ("ENVIRONMENT", &ENVIRONMENT), ("EXAMPLES", &EXAMPLES)] {
        page.control("SH", [heading]);
        for (name, text) in entries {
            entry(&mut page, name, text);
        }
    }
    see_also(&mut page, &["campaign-group-sync.toml(5)", "systemd(1)"]);
    page.to_writer(to)
}

/// The page of one command.
pub(super) fn command_page(man: &Man, to: &mut dyn io::Write) -> io::Result<()> {
    man.render(to)?;
    let mut page = Roff::new();
    page.control("SH", ["EXIT STATUS"]).text([roman("See campaign-group-sync(8).")]);
    see_also(&mut page, &["campaign-group-sync(8)", "campaign-group-sync.toml(5)"]);
    page.to_writer(to)
}

/// The page about the configuration, from the comments of `config/default.toml`.
pub(super) fn configuration_page(to: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Roff::new();
    let source = concat!("campaign-group-sync ", env!("CARGO_PKG_VERSION"));
    page.control("TH", [CONFIGURATION_PAGE, "5", "", source, "File formats"]);
    page.control("SH", ["NAME"]).text([roman("campaign-group-sync.toml - configuration of campaign-group-sync")]);
    page.control("SH", ["SYNOPSIS"]).text([bold("/etc/campaign-group-sync/config.toml")]);
    page.control("SH", ["DESCRIPTION"]).text([roman(&schema().introduction)]);
    for section in &schema().sections {
        page.control("SH", [section.heading]).text([roman(&section.text)]);
        for SchemaKey { name, default, text } in &section.keys {
            let name = default.map_or_else(|| (*name).to_owned(), |value| format!("{name} = {value}"));
            entry(&mut page, &name, text);
        }
    }
    page.control("SH", ["FILES"]);
    entry(&mut page, "/usr/share/doc/campaign-group-sync/default.toml", "Every key with its default.");
    entry(&mut page, "/usr/share/doc/campaign-group-sync/example.toml", "An example with one Campaign instance.");
    see_also(&mut page, &["campaign-group-sync(8)", "campaign-group-sync-config(8)", "campaign-group-sync-check(8)"]);
    page.to_writer(to)
}

/// The page of a command of clap, in section 8 of the manual: daemons and their administration.
pub(super) fn man(command: Command) -> Man {
    Man::new(command)
        .section("8")
        .source(concat!("campaign-group-sync ", env!("CARGO_PKG_VERSION")))
        .manual("System administration")
}

/// A name in bold, and its explanation indented below it.
fn entry(page: &mut Roff, name: &str, text: &str) {
    page.control("TP", []).text([bold(name)]).text([roman(text)]);
}

fn see_also(page: &mut Roff, pages: &[&str]) {
    page.control("SH", ["SEE ALSO"]);
    page.text([roman(pages.join(", "))]);
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
