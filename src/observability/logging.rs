//! The destination and the format of log lines.

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

/// Libraries whose lines appear only for problems. The certificate verifier logs an error for each certificate that it
/// refuses; the failed call reports it anyway.
const QUIET_LIBRARIES: [(&str, LevelFilter); 5] = [
    ("hyper", LevelFilter::WARN),
    ("hyper_util", LevelFilter::WARN),
    ("reqwest", LevelFilter::WARN),
    ("tokio_cron_scheduler", LevelFilter::WARN),
    ("rustls_platform_verifier", LevelFilter::OFF),
];

/// The log level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors only.
    Error,
    /// Warnings as well.
    Warn,
    /// What the program does as well.
    Info,
    /// Details as well.
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

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// systemd-journald under systemd, text otherwise.
    Auto,
    /// Readable text.
    Text,
    /// One JSON object a line.
    Json,
    /// Fields of systemd-journald.
    Journald,
}

/// Whether text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// The text goes to a terminal.
    Shown,
    /// The text goes to a file or a pipe.
    Plain,
}

/// The options of logging.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The least important level that is written.
    pub level: LogLevel,
    /// The format of a line.
    pub format: LogFormat,
    /// `JOURNAL_STREAM`, such as `8:4711`: device and inode of the stream that systemd connects to its journal.
    pub journal_stream: Option<String>,
    /// Whether the destination supports colours.
    pub colours: Colours,
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// systemd-journald cannot be reached.
    #[error("log.format = \"journald\": systemd-journald cannot be reached")]
    Journal(#[source] io::Error),
    /// Logging was started before.
    #[error("logging was already started")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Changes the log level of a running process.
#[derive(Clone, Debug)]
pub struct LogControl(reload::Handle<Targets, Registry>);

impl LogControl {
    /// From now on, `level` is the least important level that is written.
    pub fn set_level(&self, level: LogLevel) {
        // Fails only after the log was dropped.
        let _ = self.0.reload(filter(level));
    }
}

/// Starts logging for the whole process. Text and JSON go to `writer`.
pub fn start_logging<W>(options: &LogOptions, writer: W) -> Result<LogControl, LoggingError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (subscriber, control) = subscriber(options, writer)?;
    subscriber.try_init().map_err(LoggingError::Twice)?;
    Ok(control)
}

/// Creates the subscriber that writes log events. Text and JSON go to `writer`.
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

/// Whether the stream is the standard error of this process: it may be redirected although the variable is set.
fn is_standard_error(stream: Option<&str>) -> bool {
    let Ok(error) = fs::metadata("/proc/self/fd/2") else { return false };
    stream == Some(format!("{}:{}", error.dev(), error.ino()).as_str())
}

fn journal<S>() -> Result<Box<dyn Layer<S> + Send + Sync>, LoggingError>
where
    S: tracing::Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
{
    // Without a prefix, the fields have the same names in `journalctl -o verbose` as in JSON.
    Ok(tracing_journald::layer().map_err(LoggingError::Journal)?.with_field_prefix(None).boxed())
}
