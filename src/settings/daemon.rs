//! `[schedule]`, `[http]`, `[control]` and `[log]`: when the daemon makes runs, how it is reached, and what it logs.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{Problem, Sources, layers::Layers, redacted::redacted, section_reader::SectionReader};
use crate::{
    observability::{LogFormat, LogLevel},
    scheduler::{self, Schedule, ScheduleError},
};

/// The value in place of an address, or of "on", that turns something off.
const OFF: &str = "off";

/// Longest path of a Unix socket in bytes: 108 with the zero at its end (`man 7 unix`).
const SOCKET_PATH_BYTES: usize = 107;

/// Where health, metrics and the status page are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// `None` where they are not served.
    pub listen: Option<SocketAddr>,
    /// Whether the page answers why a user is in a group.
    pub person_lookup: PersonLookup,
}

/// Whether the page answers why a user is in a group. Each answer costs calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonLookup {
    /// It does.
    #[default]
    On,
    /// It has no search form and refuses the question.
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
            _ => text.parse().map(Some).map_err(|_| format!("{} is not an IP address with a port", redacted(text))),
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
                return Err(format!("{} is not an absolute path", redacted(text)));
            }
            if text.len() > SOCKET_PATH_BYTES {
                return Err(format!("{} is {} bytes long", redacted(text), text.len()));
            }
            Ok(PathBuf::from(text))
        });
        Some(Self { socket: socket? })
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The lowest level that is written.
    pub level: LogLevel,
    /// The format of a line.
    pub format: LogFormat,
    /// `JOURNAL_STREAM`: device and inode, as `8:4711`, of the stream that systemd connects to its journal.
    /// [`LogFormat::Auto`] compares it with standard error, which may be redirected.
    pub journal_stream: Option<String>,
}

impl Log {
    pub(super) fn read(layers: &Layers, sources: &Sources, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut section = SectionReader::new(layers, "log", problems);
        let levels = [
            ("error", LogLevel::Error),
            ("warn", LogLevel::Warn),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("trace", LogLevel::Trace),
        ];
        let level = section.choice("level", &levels);
        let formats = [
            ("auto", LogFormat::Auto),
            ("text", LogFormat::Text),
            ("json", LogFormat::Json),
            ("journald", LogFormat::Journald),
        ];
        let format = section.choice("format", &formats);
        Some(Self { level: level?, format: format?, journal_stream: sources.journal_stream().map(str::to_owned) })
    }
}

/// Two keys make one value: each is checked with a valid other, so that the problem names the key that is wrong.
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
