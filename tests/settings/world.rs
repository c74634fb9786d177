//! A folder and an environment from which a configuration is read.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use campaign_group_sync::{
    settings::{
        EffectiveValue, InstanceAuthentication, Problem, Settings, SettingsError, Sources, effective_values, load,
    },
    transport::ExposeSecret as _,
};

/// The smallest valid configuration; its secrets are in the environment.
pub(crate) const LEAST: &str = r#"
[experience_cloud]
organization_id = "0123456789ABCDEF01234567@AdobeOrg"
client_id = "cloud-id"

[instances.production]
url = "https://acme.campaign.adobe.com"
association_mask = "Campaign - acme - (.*)"
client_id = "campaign-id"
"#;

pub(crate) const CLOUD_SECRET: (&str, &str) =
    ("CAMPAIGN_GROUP_SYNC__EXPERIENCE_CLOUD__CLIENT_SECRET", "TOPSECRET-cloud");
pub(crate) const CAMPAIGN_SECRET: (&str, &str) =
    ("CAMPAIGN_GROUP_SYNC__INSTANCES__PRODUCTION__CLIENT_SECRET", "TOPSECRET-campaign");

/// A folder with a configuration file, and an environment, which has the secrets unless a test removes them.
pub(crate) struct World {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, environment: BTreeMap::new() }.set(CLOUD_SECRET).set(CAMPAIGN_SECRET)
    }

    pub(crate) fn set(mut self, (name, value): (&str, &str)) -> Self {
        self.environment.insert(name.to_owned(), value.replace("FOLDER", &self.folder_name()));
        self
    }

    pub(crate) fn unset(mut self, (name, _): (&str, &str)) -> Self {
        self.environment.remove(name);
        self
    }

    /// Writes a file; `FOLDER` in it stands for the folder.
    pub(crate) fn file(self, name: &str, text: &str, mode: u32) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("created");
        fs::write(&path, text.replace("FOLDER", &self.folder_name())).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set");
        self
    }

    pub(crate) fn config(self, text: &str) -> Self {
        self.file("config.toml", text, 0o644)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder_name(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(crate) fn sources(&self) -> Sources {
        Sources {
            file: None,
            organization: None,
            environment: self.environment.clone(),
            system_file: self.path("config.toml"),
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        load(&self.sources()).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn error(&self) -> SettingsError {
        load(&self.sources()).expect_err("refused")
    }

    /// The problems, one line each, with `FOLDER` in place of the folder.
    pub(crate) fn problems(&self) -> Vec<String> {
        let line =
            |problem: &Problem| problem.to_string().replace("\n   ", " | ").replace(&self.folder_name(), "FOLDER");
        self.error().problems.iter().map(line).collect()
    }

    pub(crate) fn effective(&self) -> Vec<EffectiveValue> {
        effective_values(&self.sources())
    }
}

/// `LEAST` with further lines in one of its tables, or with a further table.
pub(crate) fn least_with(table: &str, lines: &str) -> String {
    let heading = format!("[{table}]\n");
    if LEAST.contains(&heading) {
        LEAST.replace(&heading, &format!("{heading}{lines}\n"))
    } else {
        format!("{LEAST}\n{heading}{lines}\n")
    }
}

pub(crate) fn ims_secret(settings: &Settings) -> &str {
    match &settings.instances[0].access.authentication {
        InstanceAuthentication::Ims { client_secret, .. } => client_secret.expose_secret(),
        InstanceAuthentication::Native { .. } => panic!("not ims"),
    }
}
