//! Reads the layers of the configuration into typed options. The only module that reads the environment.
//!
//! The layers in ascending order of precedence: `config/default.toml`, which is compiled in and documents every key;
//! the configuration file; the environment. All problems are reported at once, each with its place and a remedy. For
//! secrets the order is: the environment, a `…_file` key, a systemd credential. Secrets are kept apart from all other
//! values.
//!
//! | file | contents |
//! |---|---|
//! | `sources`, `layers`, `toml_layer`, `environment_layer` | the layers, and a value for each key with its origin |
//! | `organization` | the defaults of one of several organizations of this host |
//! | `regular_file`, `secrets` | reads files, and secrets from the first source that has them |
//! | `schema`, `key_path` | the keys with their defaults and documentation, and their paths |
//! | `section_reader` | reads the values of one section as types |
//! | `experience_cloud`, `instance`, `guard`, `daemon`, `notify`, `state` | the sections of the configuration |
//! | `options` | fills in the options of each module |
//! | `partial_settings` | the usable part of a configuration that has problems |
//! | `problem`, `missing_mode` | the problems of a configuration, and instances without a mode |
//! | `effective_values`, `redacted` | the values that are in effect, as messages show them |
//! | `approver` | the user who runs this program |

mod approver;
mod daemon;
mod effective_values;
mod environment_layer;
mod experience_cloud;
mod guard;
mod instance;
mod key_path;
mod layers;
mod missing_mode;
mod notify;
mod options;
mod organization;
mod partial_settings;
mod problem;
mod redacted;
mod regular_file;
mod schema;
mod secrets;
mod section_reader;
mod sources;
mod state;
mod toml_layer;

pub use approver::{approver, login_user, system_user};
pub use daemon::{Control, Http, Log, PersonLookup};
pub use effective_values::{EffectiveValue, SecretFile, SecretFileOrigin, effective_values, secret_files};
pub use experience_cloud::ExperienceCloud;
pub use guard::{Guard, Run};
pub use instance::{Instance, InstanceAccess, InstanceAuthentication};
pub use missing_mode::MissingModeError;
pub use options::unknown_instance;
pub use organization::{OrganizationName, OrganizationNameError};
pub use partial_settings::{PartialInstance, PartialSettings, load_partial};
pub use problem::{Problem, SettingsError};
pub use schema::{Schema, SchemaKey, SchemaSection, schema};
pub use sources::Sources;
pub use state::{State, StateLocation};

use key_path::KeyPath;

use crate::{notify::NotifyOptions, scheduler, sync::Clients};

/// A whole and valid configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The organization on this host, where it serves several.
    pub organization: Option<OrganizationName>,
    /// How users and profiles are read.
    pub experience_cloud: ExperienceCloud,
    /// At least one, sorted by name without regard to case.
    pub instances: Vec<Instance>,
    /// How much one run may change.
    pub guard: Guard,
    /// Limits of every run.
    pub run: Run,
    /// When the daemon makes runs.
    pub schedule: scheduler::ScheduleOptions,
    /// What is stored between runs.
    pub state: State,
    /// Health, metrics and the status page.
    pub http: Http,
    /// How the command line reaches the daemon.
    pub control: Control,
    /// Notifications to administrators.
    pub notify: NotifyOptions,
    /// What is logged.
    pub log: Log,
    /// The clients of Experience Cloud, shared by all runs; a reload keeps them.
    pub clients: Clients,
    /// Warnings about valid values, one sentence each.
    pub warnings: Vec<String>,
}

/// Reads all layers and checks every key. Reads files; touches no network.
pub fn load(sources: &Sources) -> Result<Settings, SettingsError> {
    load_partial(sources).complete()
}
