//! The usable part of a configuration that has problems.

use std::{path::PathBuf, time::Duration};

use super::{
    Control, ExperienceCloud, Guard, Http, Instance, InstanceAccess, Log, OrganizationName, Problem, Run, Settings,
    SettingsError, Sources, State, daemon,
    experience_cloud::PartialExperienceCloud,
    layers::{self, Layers},
    notify as notify_section,
    options::unknown_instance,
    schema,
};
use crate::{
    domain::{FoldedName, InstanceName, OrganizationId, Policy},
    notify, scheduler,
    sync::Clients,
    transport::{self, BaseUrl, Credential},
};

/// The usable part of a configuration, for commands that change nothing. A run requires the whole configuration.
///
/// A section is `None` where one of its own keys is not valid. All sections are `None` where a layer could not be read,
/// because it may contain any key.
#[derive(Clone, Debug)]
pub struct PartialSettings {
    /// The organization on this host, where it serves several.
    pub organization: Option<OrganizationName>,
    /// How users and profiles are read.
    pub experience_cloud: Option<ExperienceCloud>,
    /// The id of the organization, also where another key of `[experience_cloud]` is not valid.
    pub organization_id: Option<OrganizationId>,
    /// The address that issues tokens, likewise: instances need it.
    pub ims_url: Option<BaseUrl>,
    /// The credential for a token, likewise.
    pub credential: Option<Credential>,
    /// Minimum time between two reads of the first page, likewise.
    pub first_page_interval: Option<Duration>,
    /// The options of connections, and the limits of a call.
    pub connections: transport::HttpOptions,
    /// Sorted by name without regard to case.
    pub instances: Vec<PartialInstance>,
    /// How much one run may change.
    pub guard: Option<Guard>,
    /// Limits of every run.
    pub run: Option<Run>,
    /// When the daemon runs.
    pub schedule: Option<scheduler::ScheduleOptions>,
    /// What is stored between runs.
    pub state: Option<State>,
    /// Health, metrics and the status page.
    pub http: Option<Http>,
    /// How the command line reaches the daemon.
    pub control: Option<Control>,
    /// The control socket of the daemon, also where a layer could not be read: what the other layers say.
    pub control_socket: Option<PathBuf>,
    /// Notifications to administrators.
    pub notify: Option<notify::NotifyOptions>,
    /// What is logged.
    pub log: Option<Log>,
    /// Whether every layer could be read.
    pub has_all_layers: bool,
    /// Warnings about valid values, one sentence each.
    pub warnings: Vec<String>,
    /// All problems, in the order of [`SettingsError`].
    pub problems: Vec<Problem>,
}

/// The usable part of one instance.
#[derive(Clone, Debug)]
pub struct PartialInstance {
    /// Its name in the configuration.
    pub name: InstanceName,
    /// Its address, also where another key is not valid.
    pub url: Option<BaseUrl>,
    /// How the program reaches it; `None` where a key about that is not valid.
    pub access: Option<InstanceAccess>,
    /// What the program does there; likewise.
    pub policy: Option<Policy>,
}

/// Reads all layers and checks every key. Reads files; touches no network.
pub fn load_partial(sources: &Sources) -> PartialSettings {
    let mut noted = Vec::new();
    let problems = &mut noted;
    let layers = Layers::read(sources, problems);
    // In the order of the sections, which is that of the problems.
    let mut experience_cloud = PartialExperienceCloud::read(&layers, sources.credentials_folder(), problems);
    let instances = read_instances(&layers, sources, problems);
    let guard = Guard::read(&layers, problems);
    let run = Run::read(&layers, problems);
    let connections = connections(run, sources);
    if let Some(whole) = &mut experience_cloud.whole {
        whole.options.http = connections.clone();
    }
    let schedule = daemon::read_schedule(&layers, problems);
    let state = State::read(&layers, problems);
    let http = Http::read(&layers, problems);
    let control = Control::read(&layers, problems);
    let notify = notify_section::read(&layers, sources, (&connections, http.as_ref()), problems);
    let log = Log::read(&layers, sources, problems);
    let database = state.as_ref().and_then(State::warning);
    let no_events = notify.as_ref().and_then(notify_section::warning);
    let warnings = layers::warnings_of_environment(sources)
        .chain(mask_warnings(&instances))
        .chain(database)
        .chain(no_events)
        .collect();
    let has_all_layers = !layers.has_unreadable_layer();
    // A configuration may consist of variables alone. Where keys are missing, the reader looks for the file.
    if let Some(path) = layers.missing_file()
        && noted.iter().any(|problem| problem.place.is_none() && !problem.is_about_a_secret())
    {
        noted.insert(0, Problem::no_file(path));
    }
    let read = PartialSettings {
        organization: sources.organization(),
        experience_cloud: experience_cloud.whole,
        organization_id: experience_cloud.organization_id,
        ims_url: experience_cloud.ims_url,
        credential: experience_cloud.credential,
        first_page_interval: experience_cloud.first_page_interval,
        connections,
        instances,
        guard,
        run,
        schedule,
        state,
        http,
        control_socket: control.as_ref().map(|control| control.socket.clone()),
        control,
        notify,
        log,
        has_all_layers,
        warnings,
        problems: noted,
    };
    if has_all_layers { read } else { read.without_sections() }
}

impl PartialSettings {
    /// The whole configuration, or all its problems.
    pub fn complete(&self) -> Result<Settings, SettingsError> {
        let whole = if self.problems.is_empty() { self.whole() } else { None };
        whole.ok_or_else(|| SettingsError { problems: self.problems.clone() })
    }

    /// The whole configuration; `None` where a part is missing.
    fn whole(&self) -> Option<Settings> {
        let whole = |one: &PartialInstance| Some(Instance { access: one.access.clone()?, policy: one.policy.clone()? });
        Some(Settings {
            organization: self.organization.clone(),
            experience_cloud: self.experience_cloud.clone()?,
            instances: self.instances.iter().map(whole).collect::<Option<_>>()?,
            guard: self.guard.clone()?,
            run: self.run?,
            schedule: self.schedule.clone()?,
            state: self.state.clone()?,
            http: self.http.clone()?,
            control: self.control.clone()?,
            notify: self.notify.clone()?,
            log: self.log.clone()?,
            clients: Clients::default(),
            warnings: self.warnings.clone(),
        })
    }

    /// Keeps the named instances, as [`Settings::keep_instances`] does. Accepts every name where a layer could not be
    /// read, because that layer may contain the instance.
    pub fn keep_instances(&mut self, names: &[String]) -> Result<(), String> {
        if names.is_empty() || !self.has_all_layers || self.instances.is_empty() {
            return Ok(());
        }
        if let Some(unknown) = unknown_instance(self.instances.iter().map(|one| &one.name), names) {
            return Err(unknown);
        }
        self.instances.retain(|one| names.iter().any(|name| FoldedName::new(name) == one.name.folded()));
        Ok(())
    }

    fn without_sections(mut self) -> Self {
        self.instances.iter_mut().for_each(|one| (one.access, one.policy) = (None, None));
        Self {
            experience_cloud: None,
            ims_url: None,
            credential: None,
            first_page_interval: None,
            guard: None,
            run: None,
            schedule: None,
            state: None,
            http: None,
            control: None,
            notify: None,
            log: None,
            ..self
        }
    }
}

/// The options of connections, with the default time limit where `run.call_timeout` is not valid.
fn connections(run: Option<Run>, sources: &Sources) -> transport::HttpOptions {
    let default = transport::HttpOptions::default();
    let call_timeout = run.map_or(default.call_timeout, |run| run.call_timeout);
    transport::HttpOptions { call_timeout, proxies: sources.proxies(), ..default }
}

fn mask_warnings(instances: &[PartialInstance]) -> impl Iterator<Item = String> {
    instances.iter().filter_map(|one| {
        let warning = one.policy.as_ref()?.mask.warning()?;
        Some(format!("instances.{}.association_mask: {warning}", one.name))
    })
}

fn read_instances(layers: &Layers, sources: &Sources, problems: &mut Vec<Problem>) -> Vec<PartialInstance> {
    if layers.instances().len() == 0 && !layers.has_unreadable_layer() {
        problems.push(Problem {
            subject: schema::INSTANCES.to_owned(),
            place: None,
            what: "no Campaign instance is configured".to_owned(),
            remedy: "write a table such as [instances.production] with its url and association_mask".to_owned(),
        });
    }
    let credentials = sources.credentials_folder();
    let instances: Vec<_> =
        layers.instances().map(|name| PartialInstance::read(layers, name, credentials, problems)).collect();
    problems.extend(shared_addresses(layers, &instances));
    instances
}

/// Reports tables with the same address: in every run they would undo each other's changes.
fn shared_addresses(layers: &Layers, instances: &[PartialInstance]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (position, second) in instances.iter().enumerate() {
        let Some(url) = &second.url else { continue };
        let is_same = |first: &&PartialInstance| first.url.as_ref().is_some_and(|other| other.is_same_address(url));
        let Some(first) = instances.iter().take(position).find(is_same) else { continue };
        let what = format!("[instances.{}] and [instances.{}] have the same address, {url}", first.name, second.name);
        let remedy = "correct the url of one of them, or keep one table: an instance has one association mask, which \
                    may name alternatives, such as \"Campaign - (?:acme|emea) - (.*)\"";
        problems.push(Problem::of_instance_key(layers, &second.name, "url", what, remedy));
    }
    problems
}
