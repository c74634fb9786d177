//! Instances whose table names no mode, in a state that remembers that they were written to.

use super::{Problem, Settings, SettingsError, layers::variable};
use crate::{
    domain::InstanceName,
    journal::{Journal, JournalError},
    settings::{KeyPath, schema::INSTANCES},
};

/// Why no run is made with these settings on this state.
#[derive(Debug, thiserror::Error)]
pub enum MissingModeError {
    /// An instance that was written to would only be observed from now on, without anybody having said so.
    #[error(transparent)]
    Refused(#[from] SettingsError),
    /// The state could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Settings {
    /// Fails where an instance without a mode was written to by earlier runs. The default is to observe: without this, a
    /// version that has another default, or a line that was lost, would end the changes silently.
    pub async fn require_explicit_modes(&self, journal: &Journal) -> Result<(), MissingModeError> {
        let mut problems = Vec::new();
        for instance in self.instances.iter().filter(|instance| !instance.access.is_mode_explicit) {
            if journal.was_written_to(instance.name()).await? {
                problems.push(unnamed(instance.name()));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(SettingsError { problems }.into()) }
    }
}

fn unnamed(instance: &InstanceName) -> Problem {
    let path = KeyPath::root().with(INSTANCES).with(instance.as_str()).with("mode");
    let remedy = format!(
        "write mode = \"apply\" under [instances.{instance}] to go on as before, or mode = \"observe\" to stop writing; or \
         set {}",
        variable(&path)
    );
    Problem {
        subject: path.to_string(),
        place: None,
        what: "no mode is named, and earlier runs wrote to this instance; without one it would only be observed"
            .to_owned(),
        remedy,
    }
}
