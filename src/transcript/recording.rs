//! Collects exchanges, and makes the transcript of them.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use super::{
    configuration::{RecordedConfiguration, ShownConfiguration},
    exchange_line::ExchangeLine,
    file::Transcript,
    pseudonyms::{NoRandomness, Pseudonyms},
};
use crate::transport::{Exchange, ExchangeRecorder};

/// Collects the exchanges of all clients whose options carry its recorder. They stay in memory, and are never written as
/// they are.
#[derive(Clone, Default)]
pub struct TranscriptRecorder {
    exchanges: Arc<Mutex<Vec<(Exchange, SystemTime)>>>,
}

/// What a transcript has of one kind of call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedKind {
    /// The system, such as `umapi` or `instance1`.
    pub system: String,
    /// The call, such as `ExecuteQuery xtk:operator`.
    pub name: String,
    /// How often it was made.
    pub calls: usize,
    /// The HTTP statuses of its responses, or why there was none.
    pub outcomes: Vec<String>,
}

impl TranscriptRecorder {
    /// A recorder without exchanges.
    pub fn new() -> Self {
        Self::default()
    }

    /// The recorder for the options of clients.
    pub fn recorder(&self) -> ExchangeRecorder {
        ExchangeRecorder::new(self.receiver())
    }

    /// What the recorder does with each exchange.
    pub fn receiver(&self) -> impl Fn(Exchange) + Send + Sync + use<> {
        let exchanges = Arc::clone(&self.exchanges);
        move |exchange| {
            let mut exchanges = exchanges.lock().unwrap_or_else(PoisonError::into_inner);
            exchanges.push((exchange, SystemTime::now()));
        }
    }

    /// Makes the transcript of everything that was recorded so far, and forgets the exchanges. Two passes: the first
    /// learns all words and ids, the second replaces them.
    pub fn transcript(&self, configuration: &RecordedConfiguration) -> Result<Transcript, NoRandomness> {
        let exchanges = mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner));
        let mut pseudonyms = Pseudonyms::new(configuration.masks())?;
        for name in configuration.own_names() {
            pseudonyms.claim(name);
        }
        drop(pass(&mut pseudonyms, configuration, &exchanges));
        pseudonyms.replace();
        let (shown, lines) = pass(&mut pseudonyms, configuration, &exchanges);
        let kinds = kinds(&lines);
        Ok(Transcript::new(shown, &lines, kinds))
    }
}

fn pass(
    pseudonyms: &mut Pseudonyms,
    configuration: &RecordedConfiguration,
    exchanges: &[(Exchange, SystemTime)],
) -> (ShownConfiguration, Vec<ExchangeLine>) {
    let shown = configuration.shown(pseudonyms);
    let mut lines = Vec::with_capacity(exchanges.len());
    for (exchange, ended) in exchanges {
        lines.push(ExchangeLine::of(pseudonyms, configuration, exchange, *ended));
    }
    (shown, lines)
}

/// The kinds of calls, in the order of their first call.
fn kinds(lines: &[ExchangeLine]) -> Vec<RecordedKind> {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut kinds: Vec<RecordedKind> = Vec::new();
    for line in lines {
        let at = *places.entry((&line.system, &line.name)).or_insert_with(|| {
            let (system, name) = (line.system.clone(), line.name.clone());
            kinds.push(RecordedKind { system, name, calls: 0, outcomes: Vec::new() });
            kinds.len() - 1
        });
        let outcome = match (line.status, line.failure) {
            (Some(status), _) => format!("HTTP {status}"),
            (None, failure) => failure.unwrap_or("no response").replace('_', " "),
        };
        if let Some(kind) = kinds.get_mut(at) {
            kind.calls += 1;
            if !kind.outcomes.contains(&outcome) {
                kind.outcomes.push(outcome);
            }
        }
    }
    kinds
}
