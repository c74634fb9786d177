//! Instances without a mode in the configuration that earlier runs wrote to.

use super::{Problem, Settings, SettingsError, layers::variable};
use crate::{
    domain::InstanceName,
    journal::{Journal, JournalError},
    settings::{KeyPath, schema::INSTANCES},
};

/// Why the program makes no run with these settings on this state.
#[derive(Debug, thiserror::Error)]
pub enum MissingModeError {
    /// Earlier runs wrote to an instance that would only be observed now, although no administrator has decided that.
    #[error(transparent)]
    Refused(#[from] SettingsError),
    /// The state could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Settings {
    /// Fails where the state belongs to another organization, and where earlier runs wrote to an instance that has no mode now. The default is to observe: without this
    /// check, the changes would end silently when a line is lost or a version has another default.
    pub async fn require_explicit_modes(&self, journal: &Journal) -> Result<(), MissingModeError> {
        journal.require_organization(&self.experience_cloud.options.organization_id).await?;
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
        "write mode = \"apply\" under [instances.{instance}] to continue as before, or mode = \"observe\" to stop writing; \
         or set {}",
        variable(&path)
    );
    Problem {
        subject: path.to_string(),
        place: None,
        what: "is not set, and earlier runs wrote to this instance; by default it would only be observed".to_owned(),
        remedy,
    }
}
