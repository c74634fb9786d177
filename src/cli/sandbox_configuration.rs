//! The configuration that makes this program talk to a sandbox.

use std::{
    fmt::Write as _,
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    sandbox::{Connection, InstanceConnection, InstanceCredential},
    settings::{self, Settings, SettingsError, Sources},
};

/// Any free port, reachable from this host only.
pub(super) const ANY_LOOPBACK_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Holds the authority of the sandbox's certificates, in PEM.
const AUTHORITY_FILE: &str = "authority.pem";

/// A configuration file and the secret files it names, in a private folder that goes away with this value.
pub(super) struct SandboxConfiguration {
    folder: TempDir,
    text: String,
    authority: Option<String>,
}

impl SandboxConfiguration {
    /// Writes the files.
    pub(super) fn write(connection: &Connection) -> io::Result<Self> {
        let private = fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("campaign-group-sync-sandbox-").permissions(private).tempdir()?;
        let secret = |name: &str, value: &str| write_private(folder.path(), name, value);
        let client_secret = secret("experience_cloud.client_secret", &connection.client_secret)?;
        let mut text = String::new();
        common(&mut text, connection, &client_secret, folder.path());
        for instance in &connection.instances {
            let file = match &instance.authentication {
                InstanceCredential::Native { password, .. } => {
                    secret(&format!("{}.password", instance.name), password)?
                }
                InstanceCredential::Ims { client_secret, .. } => {
                    secret(&format!("{}.client_secret", instance.name), client_secret)?
                }
            };
            one_instance(&mut text, instance, &file);
        }
        write_private(folder.path(), "config.toml", &text)?;
        let authority = connection.authority.clone();
        if let Some(authority) = &authority {
            write_private(folder.path(), AUTHORITY_FILE, authority)?;
        }
        Ok(Self { folder, text, authority })
    }

    /// The configuration as a file would hold it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The file with the authority that has to be trusted; `None` where nothing is encrypted.
    pub(super) fn authority_file(&self) -> Option<PathBuf> {
        self.authority.as_ref().map(|_| self.folder.path().join(AUTHORITY_FILE))
    }

    /// What the configuration says, with the trust that a file cannot give.
    pub(super) fn settings(&self) -> Result<Settings, SettingsError> {
        let mut settings = settings::load(&self.sources())?;
        if let Some(authority) = &self.authority {
            settings.trust_only(authority);
        }
        Ok(settings)
    }

    /// Reads this configuration and nothing else: a sandbox must not be mixed with real systems.
    pub(super) fn sources(&self) -> Sources {
        let file = self.folder.path().join("config.toml");
        Sources { file: Some(file), environment: [].into(), system_file: PathBuf::new() }
    }
}

fn common(text: &mut String, connection: &Connection, client_secret: &Path, folder: &Path) {
    // Writing into a string cannot fail.
    let _ = write!(
        text,
        "[experience_cloud]\n\
         organization_id = {}\n\
         client_id = {}\n\
         client_secret_file = {}\n\
         ims_url = {}\n\
         umapi_url = {}\n\
         # The sandbox waits for nobody; real systems need the defaults.\n\
         users_per_minute = 1000000\n\
         groups_per_minute = 1000000\n\
         first_page_interval = \"0s\"\n\
         \n\
         [state]\n\
         url = {}\n\
         \n\
         [http]\n\
         listen = \"off\"\n\
         \n\
         [control]\n\
         socket = {}\n",
        quoted(&connection.organization_id),
        quoted(&connection.client_id),
        quoted_path(client_secret),
        quoted(&connection.ims_url),
        quoted(&connection.umapi_url),
        quoted(&format!("sqlite://{}", folder.join("state.db").display())),
        quoted_path(&folder.join("control.sock")),
    );
}

fn one_instance(text: &mut String, instance: &InstanceConnection, secret: &Path) {
    let _ = write!(
        text,
        "\n[instances.{}]\nurl = {}\ntenant = {}\nassociation_mask = {}\n",
        instance.name,
        quoted(&instance.url),
        quoted(&instance.tenant),
        quoted(&instance.association_mask)
    );
    let (kind, name, login, file) = match &instance.authentication {
        InstanceCredential::Native { login, .. } => ("native", "login", login, "password_file"),
        InstanceCredential::Ims { client_id, .. } => ("ims", "client_id", client_id, "client_secret_file"),
    };
    let (login, secret) = (quoted(login), quoted_path(secret));
    let _ = write!(text, "authentication = \"{kind}\"\n{name} = {login}\n{file} = {secret}\n");
}

/// A TOML basic string; JSON escapes the same characters in the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn write_private(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = folder.join(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    Ok(path)
}
