//! Layers of configuration to typed options. The only room that reads the environment.
//!
//! Later wins: `config/default.toml`, which is compiled in and documents every key; the file; the environment. All that is
//! wrong is found in one go, each with the place and the remedy. For secrets the environment wins over a `…_file` key,
//! and that over a systemd credential; they are kept apart from all other values on the way.

mod approver;
mod catalogue;
mod daemon;
mod effective;
mod environment_layer;
mod experience_cloud;
mod guard;
mod instance;
mod key_path;
mod layers;
mod log;
mod options;
mod problem;
mod secrets;
mod section;
mod shown;
mod sources;
mod state;
mod toml_layer;

pub use approver::approver;
pub use daemon::{Control, Http};
pub use effective::{EffectiveValue, effective};
pub use experience_cloud::ExperienceCloud;
pub use guard::Guard;
pub use instance::{Authentication, Instance};
pub use log::Log;
pub use problem::{Problem, SettingsError};
pub use sources::Sources;
pub use state::{State, StateLocation};

use key_path::KeyPath;
use layers::Layers;

use crate::scheduler;

/// A whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people and profiles are read.
    pub experience_cloud: ExperienceCloud,
    /// At least one, sorted by name without regard to case.
    pub instances: Vec<Instance>,
    /// How much one run may change.
    pub guard: Guard,
    /// When the daemon runs.
    pub schedule: scheduler::Options,
    /// What is remembered between runs.
    pub state: State,
    /// Health, metrics and the status page.
    pub http: Http,
    /// How the command line reaches the daemon.
    pub control: Control,
    /// What is logged.
    pub log: Log,
    /// Doubts about what is valid, one sentence each.
    pub warnings: Vec<String>,
}

/// Reads all layers and checks every key. Reads files; touches no network.
pub fn load(sources: &Sources) -> Result<Settings, SettingsError> {
    let mut problems = Vec::new();
    let settings = read(sources, &mut problems);
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(SettingsError { problems }),
    }
}

/// Where the daemon of this configuration listens, as far as that much of it can be read.
pub fn control(sources: &Sources) -> Option<Control> {
    let mut problems = Vec::new();
    Control::read(&Layers::read(sources, &mut problems), &mut problems)
}

/// `None` only with a problem noted.
fn read(sources: &Sources, problems: &mut Vec<Problem>) -> Option<Settings> {
    let layers = Layers::read(sources, problems);
    let credentials = sources.credentials_folder();
    // Each section is read before any is given up: all problems are to be found.
    let experience_cloud = ExperienceCloud::read(&layers, credentials, problems);
    let instances = read_instances(&layers, sources, problems);
    let guard = Guard::read(&layers, problems);
    let schedule = daemon::read_schedule(&layers, problems);
    let state = State::read(&layers, problems);
    let http = Http::read(&layers, problems);
    let control = Control::read(&layers, problems);
    let log = Log::read(&layers, sources, problems);
    let instances = instances?;
    let mask_doubts = instances.iter().filter_map(|instance| {
        let warning = instance.policy.mask.warning()?;
        Some(format!("instances.{}.association_mask: {warning}", instance.name))
    });
    Some(Settings {
        warnings: layers::doubts(sources).chain(mask_doubts).collect(),
        experience_cloud: experience_cloud?,
        instances,
        guard: guard?,
        schedule: schedule?,
        state: state?,
        http: http?,
        control: control?,
        log: log?,
    })
}

fn read_instances(layers: &Layers, sources: &Sources, problems: &mut Vec<Problem>) -> Option<Vec<Instance>> {
    if layers.instances().len() == 0 {
        if !layers.lacks_a_layer() {
            problems.push(Problem {
                subject: catalogue::INSTANCES.to_owned(),
                place: None,
                what: "no Campaign instance is configured".to_owned(),
                mend: "write a table such as [instances.production] with its url and association_mask".to_owned(),
            });
        }
        return None;
    }
    let read: Vec<Option<Instance>> =
        layers.instances().map(|name| Instance::read(layers, name, sources.credentials_folder(), problems)).collect();
    read.into_iter().collect()
}
