//! Where log lines go and what they look like.

use std::{fs, io, os::unix::fs::MetadataExt as _};

use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use super::{log_line::LineFormat, one_line::OneLine};

/// Libraries that speak only when something is wrong. The certificate verifier logs an error for each certificate it
/// refuses, which the failed call reports anyway.
const QUIET_LIBRARIES: [(&str, LevelFilter); 5] = [
    ("hyper", LevelFilter::WARN),
    ("hyper_util", LevelFilter::WARN),
    ("reqwest", LevelFilter::WARN),
    ("tokio_cron_scheduler", LevelFilter::WARN),
    ("rustls_platform_verifier", LevelFilter::OFF),
];

/// The least important lines that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures only.
    Error,
    /// And doubts.
    Warn,
    /// And what was done.
    Info,
    /// And how.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal under systemd, text elsewhere.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// Native journal fields.
    Journald,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// It goes to a terminal.
    Shown,
    /// It goes to a file or a pipe.
    Plain,
}

/// How much is logged, and how.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The least important lines that are written.
    pub level: LogLevel,
    /// The shape of a line.
    pub format: LogFormat,
    /// `JOURNAL_STREAM`, as `8:4711`: device and inode of the stream that systemd leads to its journal.
    pub journal_stream: Option<String>,
    /// Whether colours are understood where the text goes.
    pub colours: Colours,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The journal cannot be reached.
    #[error("log.format = \"journald\": the journal cannot be reached")]
    Journal(#[source] io::Error),
    /// Logging was started before.
    #[error("logging was started before")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Changes what is logged while the process goes on.
#[derive(Clone, Debug)]
pub struct LogControl(reload::Handle<Targets, Registry>);

impl LogControl {
    /// From now on, `level` is the least important level that is written.
    pub fn set_level(&self, level: LogLevel) {
        // Fails only when the log is gone, and with it everything that could be said.
        let _ = self.0.reload(filter(level));
    }
}

/// Starts logging for the whole process. `writer` is where text and JSON go.
pub fn start_logging<W>(options: &LogOptions, writer: W) -> Result<LogControl, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (subscriber, control) = subscriber(options, writer)?;
    subscriber.try_init().map_err(LoggingError::Twice)?;
    Ok(control)
}

/// What receives the events of a log and writes them. `writer` is where text and JSON go.
pub fn subscriber<W>(
    options: &LogOptions,
    writer: W,
) -> Result<(impl tracing::Subscriber + Send + Sync + 'static, LogControl), LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = |format| {
        let layer = tracing_subscriber::fmt::layer().with_writer(writer).event_format(format);
        layer.with_ansi(options.colours == Colours::Shown).boxed()
    };
    let layer = match options.format {
        LogFormat::Journald => journal()?,
        LogFormat::Auto if is_standard_error(options.journal_stream.as_deref()) => journal()?,
        LogFormat::Json => lines(LineFormat::Json),
        LogFormat::Auto | LogFormat::Text => lines(LineFormat::Text),
    };
    let (filter, handle) = reload::Layer::new(filter(options.level));
    Ok((tracing_subscriber::registry().with(OneLine(layer).with_filter(filter)), LogControl(handle)))
}

fn filter(level: LogLevel) -> Targets {
    Targets::new().with_default(level).with_targets(QUIET_LIBRARIES)
}

/// Whether the stream is our standard error: that may lead elsewhere although the variable is set.
fn is_standard_error(stream: Option<&str>) -> bool {
    let Ok(error) = fs::metadata("/proc/self/fd/2") else { return false };
    stream == Some(format!("{}:{}", error.dev(), error.ino()).as_str())
}

fn journal<S>() -> Result<Box<dyn Layer<S> + Send + Sync>, LoggingError>
where
    S: tracing::Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
{
    // Without a prefix the fields read in `journalctl -o verbose` as they read in JSON.
    Ok(tracing_journald::layer().map_err(LoggingError::Journal)?.with_field_prefix(None).boxed())
}
