//! What a test logs, in memory.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, Once, PoisonError},
};

use tracing::{Subscriber, level_filters::LevelFilter, subscriber::DefaultGuard};
use tracing_subscriber::layer::SubscriberExt as _;

/// A writer of log lines that keeps them.
#[derive(Clone, Default)]
pub(crate) struct LogMemory(Arc<Mutex<Vec<u8>>>);

impl Write for LogMemory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl LogMemory {
    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Makes lines of any thread reach whatever listens there.
pub(crate) fn listen_on_all_threads() {
    static LISTENS_TO_ALL_THREADS: Once = Once::new();
    // While there is only one subscriber, and it is not the default of every thread, a line that another thread comes to
    // first counts as unwanted for good (`tracing_core::callsite`).
    LISTENS_TO_ALL_THREADS.call_once(|| {
        let listener = tracing_subscriber::registry().with(LevelFilter::TRACE);
        tracing::subscriber::set_global_default(listener).expect("the only one");
    });
}

/// The log of the thread that made it, which is the log of its test: each test and its runtime have one thread.
pub(crate) struct CapturedLog {
    memory: LogMemory,
    _guard: DefaultGuard,
}

impl CapturedLog {
    /// Captures what this thread logs until the value goes.
    pub(crate) fn start<S: Subscriber + Send + Sync>(subscriber: impl FnOnce(LogMemory) -> S) -> Self {
        listen_on_all_threads();
        let memory = LogMemory::default();
        Self { _guard: tracing::subscriber::set_default(subscriber(memory.clone())), memory }
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.memory.text()
    }
}
