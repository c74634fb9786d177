//! Standard output for reports, standard error for the rest, and a line of progress where somebody watches.

use std::{
    io::{self, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    domain::{Watcher, printable},
    observability::Colours,
};

/// Writes a whole report to standard output; colours go only where they are understood. Whoever stops reading, like `head`, has
/// read enough.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut output = anstream::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// How many columns standard output has; `None` when it is no terminal.
pub(super) fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Tells on standard error why a command did not do its work: in one line, or in a list.
pub(super) fn print_error(message: &str) {
    print_message("error", message);
}

/// Says on standard error what an administrator should know beside the answer of a command.
pub(super) fn print_warning(message: &str) {
    print_message("warning", message);
}

fn print_message(kind: &str, message: &str) {
    let message = message.lines().map(printable).collect::<Vec<_>>().join("\n");
    // Nothing can be done about a closed terminal.
    let _ = writeln!(anstream::stderr().lock(), "{kind}: {message}");
}

/// The line of progress below the log. Silent when standard error is no terminal.
#[derive(Clone)]
pub(super) struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// How often the line is redrawn while nothing happens, so that people see that the program lives.
    const REDRAW: Duration = Duration::from_millis(120);

    pub(super) fn new() -> Self {
        // The line is redrawn with escape codes, which a dumb terminal shows as they are.
        let line =
            if anstyle_query::term_supports_ansi_color() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            line.set_style(style);
        }
        Self(line)
    }

    /// A watcher that shows a run on this line.
    pub(super) fn watcher(&self) -> Watcher {
        let line = self.clone();
        Watcher::of_progress(move |progress| line.show_text(&progress.to_string()))
    }

    /// Shows how far a run is that is made elsewhere.
    pub(super) fn show_text(&self, text: &str) {
        self.0.enable_steady_tick(Self::REDRAW);
        self.0.set_message(printable(text).into_owned());
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }

    /// Whether colours are understood, and wanted (`NO_COLOR`), on standard error: by the same rules as in reports.
    pub(super) fn colours() -> Colours {
        match anstream::AutoStream::choice(&io::stderr()) {
            anstream::ColorChoice::Never => Colours::Plain,
            _ => Colours::Shown,
        }
    }
}

/// Log lines go above the line of progress and never through it.
impl<'w> MakeWriter<'w> for ProgressLine {
    type Writer = Self;

    fn make_writer(&'w self) -> Self::Writer {
        self.clone()
    }
}

impl Write for ProgressLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
