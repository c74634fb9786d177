//! A harness: a sandbox, its configuration, and a check of both.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use campaign_group_sync::{
    check::{self, CheckReport, CheckRequest, DaemonStatus, HostScope, Network, NotificationCheck},
    domain::OrganizationId,
    domain::Watcher,
    journal::{self, Journal, ListingKind, RememberedListing},
    sandbox::{
        Change, ConnectionParameters, Fault, InstanceCredential, LoggedRequest, Scenario, Times,
        campaign::InstanceWorld,
    },
    settings::{self, Sources},
    sync,
};
use chrono::Utc;

/// What is to be checked; without mistakes until a test adds one.
pub(crate) struct Harness {
    pub(crate) scenario: Scenario,
    pub(crate) faults: Vec<Fault>,
    /// Replacements in the configuration.
    pub(crate) edits: Vec<(String, String)>,
    /// Environment variables; `FOLDER` in them is replaced by the folder of the configuration.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    /// Files that replace those of the configuration, with their modes; also modes of folders.
    pub(crate) files: Vec<(&'static str, Option<&'static str>, u32)>,
    pub(crate) network: Network,
    /// The listing in the journal of an earlier run.
    pub(crate) remembered: Option<RememberedListing>,
    /// The status of the daemon, and how much of the host is checked.
    pub(crate) daemon: Option<Result<DaemonStatus, String>>,
    pub(crate) host: HostScope,
    /// Runs before the check.
    pub(crate) earlier: Vec<sync::RunRequest>,
    /// Changes of the world after these runs.
    pub(crate) since: Vec<Change>,
}

/// The result of the check.
pub(crate) struct Checked {
    pub(crate) report: CheckReport,
    pub(crate) requests: Vec<LoggedRequest>,
    pub(crate) left: Vec<String>,
}

impl Harness {
    pub(crate) fn sound() -> Self {
        let scenario = Scenario::named("first_day").expect("built in");
        Self {
            scenario,
            faults: Vec::new(),
            edits: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            network: Network::Online,
            remembered: None,
            daemon: None,
            host: HostScope::FilesOnly,
            earlier: Vec::new(),
            since: Vec::new(),
        }
    }

    /// The only Campaign instance.
    pub(crate) fn campaign(&mut self) -> &mut InstanceWorld {
        self.scenario.campaign.get_mut("production").expect("there")
    }

    pub(crate) fn edit(&mut self, from: &str, to: &str) {
        self.edits.push((from.to_owned(), to.to_owned()));
    }

    /// Adds a fault to every call of this name.
    pub(crate) fn inject_fault(&mut self, call: &str, effect: campaign_group_sync::sandbox::Effect) {
        let times = Times::Count(100);
        let call = call.to_owned();
        self.faults.push(Fault { times, ..Fault::new(&call, effect) });
    }

    pub(crate) async fn check(self) -> Checked {
        // Worlds are large values.
        Box::pin(self.checked()).await
    }

    async fn checked(self) -> Checked {
        let sandbox = crate::support::sandbox::start(self.scenario).await;
        self.faults.into_iter().for_each(|fault| sandbox.inject(fault));
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path();
        set_mode(folder, 0o700);
        let mut text = configuration(&sandbox.connection(), folder);
        for (from, to) in &self.edits {
            assert!(text.contains(from), "{from} is not in {text}");
            text = text.replacen(from, to, 1);
        }
        write(folder, "config.toml", &text, 0o600);
        for (name, content, mode) in &self.files {
            if let Some(content) = content {
                write(folder, name, content, *mode);
            } else {
                fs::create_dir_all(folder.join(name)).expect("a folder");
                set_mode(&folder.join(name), *mode);
            }
        }
        if let Some(listing) = &self.remembered {
            remember(folder, &sandbox.connection(), listing).await;
        }
        let place = folder.display().to_string();
        let environment =
            self.environment.iter().map(|(name, value)| ((*name).to_owned(), value.replace("FOLDER", &place)));
        let sources = Sources {
            file: Some(folder.join("config.toml")),
            environment: environment.collect(),
            system_file: PathBuf::new(),
            organization: None,
        };
        for request in &self.earlier {
            Box::pin(run(&sources, request)).await;
        }
        sandbox.world().apply(&self.since).expect("possible");
        sandbox.clear_requests();
        let before = listed(folder);
        let settings = settings::load_partial(&sources);
        let request = CheckRequest {
            settings: &settings,
            sources: &sources,
            network: self.network,
            notifications: NotificationCheck::Connect,
            host: self.host,
            daemon: self.daemon,
            now: Utc::now(),
        };
        let report = Box::pin(check::check(&request)).await;
        let left = listed(folder).into_iter().filter(|name| !before.contains(name)).collect();
        let checked = Checked { report, requests: sandbox.requests(), left };
        sandbox.stop().await;
        checked
    }
}

/// Writes the journal of a run that has just read this listing.
async fn remember(folder: &Path, connection: &ConnectionParameters, listing: &RememberedListing) {
    let options =
        journal::JournalOptions { location: journal::JournalLocation::Sqlite(folder.join("state.db")), watch: None };
    let journal = Journal::open(&options).await.expect("a journal");
    let organization = OrganizationId::new(&connection.organization_id);
    journal.remember_listing(&organization, listing).await.expect("remembered");
    journal.set_first_page(&organization, ListingKind::Groups, Some(listing.read_at)).await.expect("written");
    journal.close().await;
}

async fn run(sources: &Sources, request: &sync::RunRequest) {
    let settings = settings::load(sources).expect("usable");
    let journal = Journal::open(&settings.journal_options()).await.expect("a journal");
    let _ = sync::run(&settings.sync_options(), &journal, request, &Watcher::none()).await;
    journal.close().await;
}

fn listed(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

fn write(folder: &Path, name: &str, text: &str, mode: u32) {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    set_mode(&path, mode);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("set");
}

fn configuration(connection: &ConnectionParameters, folder: &Path) -> String {
    let [instance] = connection.instances.as_slice() else { panic!("one instance") };
    let InstanceCredential::Ims { client_id, client_secret } = &instance.authentication else { panic!("IMS") };
    write(folder, "cloud.secret", &connection.client_secret, 0o600);
    write(folder, "campaign.secret", client_secret, 0o600);
    let place = folder.display();
    format!(
        "[experience_cloud]\norganization_id = {:?}\nclient_id = {:?}\nclient_secret_file = \"{place}/cloud.secret\"\n\
         ims_url = {:?}\numapi_url = {:?}\nscopes = \"openid,AdobeID,user_management_sdk\"\n\
         users_per_minute = 1000\ngroups_per_minute = 1000\n\
         [schedule]\ncron = \"0 0 */2 * * *\"\n[state]\nurl = \"sqlite://{place}/state.db\"\n[http]\nlisten = \"off\"\n\
         [control]\nsocket = \"{place}/control.sock\"\n\
         [instances.production]\nurl = {:?}\ntenant = {:?}\nassociation_mask = {:?}\n\
         client_id = {client_id:?}\nclient_secret_file = \"{place}/campaign.secret\"\n",
        connection.organization_id,
        connection.client_id,
        connection.ims_url,
        connection.umapi_url,
        instance.url,
        instance.tenant,
        instance.association_mask,
    )
}
