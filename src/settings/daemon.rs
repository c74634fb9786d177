//! `[schedule]`, `[http]` and `[control]`: when the daemon runs, and how it is reached.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{Problem, layers::Layers, redacted::redacted, section_reader::SectionReader};
use crate::scheduler::{self, Schedule, ScheduleError};

/// What stands in place of an address, or of "on", when something is not served.
const OFF: &str = "off";

/// Longest path of a Unix socket in bytes: 108 with the zero at its end (`man 7 unix`).
const SOCKET_PATH_BYTES: usize = 107;

/// Where health, metrics and the status page are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// `None` when they are not.
    pub listen: Option<SocketAddr>,
    /// Whether the page answers questions about a person.
    pub person_lookup: PersonLookup,
}

/// Whether the page answers questions about a person, each of which costs calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonLookup {
    /// It does.
    #[default]
    On,
    /// It has no search form and refuses such a question.
    Off,
}

/// How the command line reaches the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Path of the Unix socket; absolute.
    pub socket: PathBuf,
}

/// Reads `[schedule]`.
pub(super) fn read_schedule(layers: &Layers, problems: &mut Vec<Problem>) -> Option<scheduler::ScheduleOptions> {
    let mut section = SectionReader::new(layers, "schedule", problems);
    let schedule = schedule(&mut section);
    let jitter = section.duration("jitter");
    Some(scheduler::ScheduleOptions { schedule: schedule?, jitter: jitter? })
}

impl Http {
    pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "http", problems);
        let remedy = "write an IP address and a port, such as \"127.0.0.1:9464\" or \"[::1]:9464\", or \"off\"";
        let listen = section.parse("listen", remedy, |text| match text {
            OFF => Ok(None),
            _ => text.parse().map(Some).map_err(|_| format!("{} is no address with a port", redacted(text))),
        });
        let choices = [("on", PersonLookup::On), (OFF, PersonLookup::Off)];
        let person_lookup = section.choice("person_lookup", &choices);
        Some(Self { listen: listen?, person_lookup: person_lookup? })
    }
}

impl Control {
    pub(super) fn read(layers: &Layers, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "control", problems);
        let remedy = format!("write an absolute path of at most {SOCKET_PATH_BYTES} bytes");
        let socket = section.parse("socket", &remedy, |text| {
            if !Path::new(text).is_absolute() {
                return Err(format!("{} is no absolute path", redacted(text)));
            }
            if text.len() > SOCKET_PATH_BYTES {
                return Err(format!("{} is {} bytes long", redacted(text), text.len()));
            }
            Ok(PathBuf::from(text))
        });
        Some(Self { socket: socket? })
    }
}

/// Both keys make one value, so each is tried with a good partner to tell which of them is wrong.
fn schedule(section: &mut SectionReader<'_>) -> Option<Schedule> {
    const ANY_ZONE: &str = "UTC";
    let check = |cron: &str, timezone: &str| Schedule::parse(cron, timezone).map_err(|error| with_cause(&error));
    let remedy = "write six fields, seconds first, such as \"0 0 */2 * * *\", or \"off\"";
    let cron = section.parse("cron", remedy, |text| check(text, ANY_ZONE).map(|_| text.to_owned()));
    let remedy = "write a name such as \"Europe/Berlin\" or \"UTC\"";
    let timezone = section.parse("timezone", remedy, |text| check(OFF, text).map(|_| text.to_owned()));
    Schedule::parse(&cron?, &timezone?).ok()
}

fn with_cause(error: &ScheduleError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
