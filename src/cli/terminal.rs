//! Standard output for reports, standard error for everything else, and a progress line on a terminal.

use std::{
    io::{self, Write},
    sync::{Arc, Once},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    domain::{Watcher, printable},
    observability::Colours,
};

/// Writes a report to standard output, with colours where they are supported. A reader that stops early, such as
/// `head`, is not an error.
pub(super) fn print(text: &str) -> io::Result<()> {
    // Text without escape codes is the same with colours and without.
    let mut output: Box<dyn Write> =
        if text.contains('\u{1b}') { Box::new(anstream::stdout().lock()) } else { Box::new(io::stdout().lock()) };
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// The number of columns of standard output; `None` when it is not a terminal.
pub(super) fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Prints to standard error why a command failed: one line, or a list.
pub(super) fn print_error(message: &str) {
    print_message("error", message);
}

/// Prints a warning beside the output of a command to standard error.
pub(super) fn print_warning(message: &str) {
    print_message("warning", message);
}

fn print_message(kind: &str, message: &str) {
    let message = message.lines().map(printable).collect::<Vec<_>>().join("\n");
    // A closed terminal cannot be reported.
    let _ = writeln!(anstream::stderr().lock(), "{kind}: {message}");
}

/// The progress line below the log. Hidden when standard error is not a terminal.
#[derive(Clone)]
pub(super) struct ProgressLine {
    line: ProgressBar,
    /// Starts the thread that redraws the line, at the first text.
    redrawing: Arc<Once>,
}

impl ProgressLine {
    /// The interval at which the line is redrawn, so that the spinner moves while the run waits.
    const REDRAW: Duration = Duration::from_millis(120);

    pub(super) fn new() -> Self {
        // The line is redrawn with escape codes, which a dumb terminal cannot interpret.
        let line =
            if anstyle_query::term_supports_ansi_color() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            line.set_style(style);
        }
        Self { line, redrawing: Arc::new(Once::new()) }
    }

    /// A watcher that shows the progress of a run on this line.
    pub(super) fn watcher(&self) -> Watcher {
        let line = self.clone();
        Watcher::of_progress(move |progress| line.show_text(&progress.to_string()))
    }

    /// Shows the progress of a run that another process makes.
    pub(super) fn show_text(&self, text: &str) {
        if self.line.is_hidden() {
            return;
        }
        self.redrawing.call_once(|| self.line.enable_steady_tick(Self::REDRAW));
        self.line.set_message(printable(text).into_owned());
    }

    /// Removes the line.
    pub(super) fn finish(&self) {
        self.line.finish_and_clear();
    }

    /// Whether standard error supports colours and `NO_COLOR` allows them: the same rules as for reports.
    pub(super) fn colours() -> Colours {
        match anstream::AutoStream::choice(&io::stderr()) {
            anstream::ColorChoice::Never => Colours::Plain,
            _ => Colours::Shown,
        }
    }
}

/// Log lines appear above the progress line and do not overwrite it.
impl<'w> MakeWriter<'w> for ProgressLine {
    type Writer = Self;

    fn make_writer(&'w self) -> Self::Writer {
        self.clone()
    }
}

impl Write for ProgressLine {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.line.suspend(|| io::stderr().write_all(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_that_is_seen_is_redrawn() {
        let progress = ProgressLine::new();
        assert!(!progress.redrawing.is_completed());
        progress.show_text("page 1 of 50");
        assert_eq!(progress.redrawing.is_completed(), !progress.line.is_hidden());
        progress.finish();
    }
}
