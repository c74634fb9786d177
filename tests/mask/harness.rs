//! A running sandbox, and the settings for access to it.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use campaign_group_sync::{
    check::{MaskError, MaskQuery, MaskReport, Network, mask_report},
    domain::{AssociationMask, RunMode, RunReport, Scope, Watcher},
    journal::Journal,
    sandbox::{InstanceCredential, Sandbox, Scenario},
    settings::{self, Settings, Sources},
    sync::{self, RunRequest, Stop, WaitPolicy},
};

/// A sandbox, and a folder for the journal.
pub(crate) struct Harness {
    pub(crate) sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Harness {
    pub(crate) async fn of(scenario: Scenario) -> Self {
        let sandbox = crate::support::sandbox::start(scenario).await;
        Self { sandbox, folder: tempfile::tempdir().expect("a folder") }
    }

    /// The settings; `mask` replaces the mask of every instance, `more` is added to the section of the organization.
    pub(crate) fn settings(&self, mask: Option<&str>, more: &str) -> Settings {
        let connection = self.sandbox.connection();
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut environment = BTreeMap::from([(
            "CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_SECRET".to_owned(),
            connection.client_secret.clone(),
        )]);
        let mut text = format!(
            "[experience_cloud]\norganization_id = {}\nclient_id = {}\nims_url = {}\numapi_url = {}\n\
             users_per_minute = 1000000\ngroups_per_minute = 1000000\n{more}\n[state]\nurl = {}\n",
            quoted(&connection.organization_id),
            quoted(&connection.client_id),
            quoted(&connection.ims_url),
            quoted(&connection.umapi_url),
            quoted(&format!("sqlite://{}", self.state().display())),
        );
        for instance in &connection.instances {
            let name = instance.name.to_uppercase();
            let (login, secret) = match &instance.authentication {
                InstanceCredential::Native { login, password } => {
                    (format!("authentication = \"native\"\nlogin = {}", quoted(login)), ("PASSWORD", password))
                }
                InstanceCredential::Ims { client_id, client_secret } => (
                    format!("authentication = \"ims\"\nclient_id = {}", quoted(client_id)),
                    ("CLIENT_SECRET", client_secret),
                ),
            };
            environment.insert(format!("CAMPAIGN_GROUP_SYNC__INSTANCES__{name}__{}", secret.0), secret.1.clone());
            let mask = mask.unwrap_or(&instance.association_mask);
            let (section, url, mask) = (&instance.name, quoted(&instance.url), quoted(mask));
            // Writing into a string cannot fail.
            let _ = write!(text, "\n[instances.{section}]\nurl = {url}\nassociation_mask = {mask}\n{login}\n");
        }
        let file = self.folder.path().join("config.toml");
        std::fs::write(&file, text).expect("written");
        let sources = Sources { file: Some(file), organization: None, environment, system_file: PathBuf::new() };
        settings::load(&sources).expect("good settings")
    }

    /// The file of the journal.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// The memberships of the only instance.
    pub(crate) fn memberships(&self) -> Vec<(String, String)> {
        let mut rows = self.sandbox.world().instance("production").expect("an instance").world().memberships;
        rows.sort();
        rows
    }

    /// How often page 0 of the groups listing was requested.
    pub(crate) fn group_listings(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.path.contains("/groups/")).count()
    }
}

/// The Admin Console and Campaign may both be read immediately.
pub(crate) const AT_ONCE: &str = "first_page_interval = \"0s\"";

/// Asks about every name of the listing. The mask is trimmed, as on the command line and in the configuration.
pub(crate) fn everything(tried: Option<&str>) -> MaskQuery {
    let tried = tried.map(|text| AssociationMask::parse(text).expect("a mask"));
    MaskQuery { names: Vec::new(), tried, network: Network::Online }
}

pub(crate) async fn ask(settings: &Settings, question: &MaskQuery) -> Result<MaskReport, MaskError> {
    Box::pin(mask_report(settings, question, &Watcher::none())).await
}

/// A run over everything.
pub(crate) async fn run(settings: &Settings) -> RunReport {
    let journal = Journal::open(&settings.journal_options()).await.expect("a journal");
    let request = RunRequest {
        mode: RunMode::Apply,
        scope: Scope::default(),
        approve: Vec::new(),
        approver: "eve".into(),
        wait_policy: WaitPolicy::Bounded,
        stop: Stop::never(),
    };
    let report = Box::pin(sync::run(&settings.sync_options(), &journal, &request, &Watcher::none())).await;
    journal.close().await;
    report
}
