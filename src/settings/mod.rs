//! Layers of configuration to typed options. The only room that reads the environment.
//!
//! Later wins: `config/default.toml`, which is compiled in and documents every key; the file; the environment. All that is
//! wrong is found in one go, each with the place and the remedy. For secrets the environment wins over a `…_file` key,
//! and that over a systemd credential; they are kept apart from all other values on the way.

mod approver;
mod daemon;
mod effective_values;
mod environment_layer;
mod experience_cloud;
mod guard;
mod instance;
mod key_path;
mod layers;
mod log;
mod missing_mode;
mod notify;
mod options;
mod partial_settings;
mod problem;
mod redacted;
mod regular_file;
mod run;
mod schema;
mod secrets;
mod section_reader;
mod sources;
mod state;
mod toml_layer;

pub use approver::{approver, login_user, system_user};
pub use daemon::{Control, Http, PersonLookup};
pub use effective_values::{EffectiveValue, SecretFile, SecretFileOrigin, effective_values, secret_files};
pub use experience_cloud::ExperienceCloud;
pub use guard::Guard;
pub use instance::{Instance, InstanceAccess, InstanceAuthentication};
pub use log::Log;
pub use missing_mode::MissingModeError;
pub use partial_settings::{PartialInstance, PartialSettings, load_partial};
pub use problem::{Problem, SettingsError};
pub use run::Run;
pub use schema::{Schema, SchemaKey, SchemaSection, schema};
pub use sources::Sources;
pub use state::{State, StateLocation};

use key_path::KeyPath;
use layers::Layers;

use crate::{notify::NotifyOptions, scheduler, sync::Clients};

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people and profiles are read.
    pub experience_cloud: ExperienceCloud,
    /// At least one, sorted by name without regard to case.
    pub instances: Vec<Instance>,
    /// How much one run may change.
    pub guard: Guard,
    /// Bounds of every run.
    pub run: Run,
    /// When the daemon runs.
    pub schedule: scheduler::ScheduleOptions,
    /// What is remembered between runs.
    pub state: State,
    /// Health, metrics and the status page.
    pub http: Http,
    /// How the command line reaches the daemon.
    pub control: Control,
    /// What administrators are told, and how.
    pub notify: NotifyOptions,
    /// What is logged.
    pub log: Log,
    /// The access to Experience Cloud that everything made from these settings shares; a reload hands it on.
    pub clients: Clients,
    /// Doubts about what is valid, one sentence each.
    pub warnings: Vec<String>,
}

/// Reads all layers and checks every key. Reads files; touches no network.
pub fn load(sources: &Sources) -> Result<Settings, SettingsError> {
    load_partial(sources).complete()
}

/// Where the daemon of this configuration listens, as far as that much of it can be read.
pub fn control(sources: &Sources) -> Option<Control> {
    let mut problems = Vec::new();
    Control::read(&Layers::read(sources, &mut problems), &mut problems)
}
