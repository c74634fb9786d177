//! The configuration with which this program uses a sandbox.

use std::{
    fmt::{self, Write as _},
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    sandbox::{ConnectionParameters, InstanceCredential, InstanceParameters, Misconfiguration, MisconfiguredFile},
    settings::Sources,
};

/// The modes of a private file and of a private folder.
const PRIVATE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// The file with the authority of the sandbox's certificate, in PEM.
const AUTHORITY_FILE: &str = "authority.pem";

/// A configuration file with its secret files, in a private folder that is deleted with this value.
pub(super) struct SandboxConfiguration {
    folder: TempDir,
    text: String,
}

impl SandboxConfiguration {
    /// Writes the files, with the mistakes of the scenario.
    pub(super) fn write(connection: &ConnectionParameters, misconfiguration: &Misconfiguration) -> io::Result<Self> {
        let private = fs::Permissions::from_mode(PRIVATE_FOLDER);
        let folder = tempfile::Builder::new().prefix("campaign-group-sync-sandbox-").permissions(private).tempdir()?;
        let mut configuration = Configuration::default();
        configuration.common(connection, folder.path())?;
        for instance in &connection.instances {
            configuration.one_instance(instance, folder.path())?;
        }
        configuration.apply_mistakes(misconfiguration, folder.path());
        let text = configuration.to_string();
        write_private(folder.path(), "config.toml", &text)?;
        if let Some(authority) = &connection.authority {
            write_private(folder.path(), AUTHORITY_FILE, authority)?;
        }
        for (name, file) in &misconfiguration.files {
            place_file(&folder.path().join(name), file)?;
        }
        Ok(Self { folder, text })
    }

    /// The configuration as the text of a file.
    pub(super) fn text(&self) -> String {
        self.text.clone()
    }

    /// The file with the authority to trust; it exists when the sandbox uses TLS.
    pub(super) fn authority_file(&self) -> PathBuf {
        self.folder.path().join(AUTHORITY_FILE)
    }

    /// Only this configuration as a source: a sandbox must not be mixed with real systems.
    pub(super) fn sources(&self) -> Sources {
        let file = self.folder.path().join("config.toml");
        Sources { file: Some(file), organization: None, environment: [].into(), system_file: PathBuf::new() }
    }
}

/// The sections of a configuration file, in their order.
#[derive(Default)]
struct Configuration {
    sections: Vec<Section>,
}

/// One section; its lines are comments, and keys with their values.
struct Section {
    name: String,
    lines: Vec<Line>,
}

enum Line {
    Comment(&'static str),
    Key(String, serde_json::Value),
}

impl Configuration {
    fn common(&mut self, connection: &ConnectionParameters, folder: &Path) -> io::Result<()> {
        let secret = write_private(folder, "experience_cloud.client_secret", &connection.client_secret)?;
        let cloud = self.section("experience_cloud");
        cloud.set("organization_id", connection.organization_id.as_str());
        cloud.set("client_id", connection.client_id.as_str());
        cloud.set("client_secret_file", secret);
        cloud.set("ims_url", connection.ims_url.as_str());
        cloud.set("umapi_url", connection.umapi_url.as_str());
        cloud.lines.push(Line::Comment("The sandbox needs no rate limits; Adobe needs the defaults."));
        cloud.set("users_per_minute", 1_000_000);
        cloud.set("groups_per_minute", 1_000_000);
        cloud.set("first_page_interval", "0s");
        self.section("state").set("url", format!("sqlite://{}", folder.join("state.db").display()));
        self.section("http").set("listen", "off");
        self.section("control").set("socket", shown(&folder.join("control.sock")));
        Ok(())
    }

    fn one_instance(&mut self, instance: &InstanceParameters, folder: &Path) -> io::Result<()> {
        let section = self.section(&format!("instances.{}", instance.name));
        section.set("url", instance.url.as_str());
        section.set("tenant", instance.tenant.as_str());
        section.set("association_mask", instance.association_mask.as_str());
        section.set("mode", "apply");
        let secret = |key: &str, value: &str| write_private(folder, &format!("{}.{key}", instance.name), value);
        match &instance.authentication {
            InstanceCredential::Native { login, password } => {
                section.set("authentication", "native");
                section.set("login", login.as_str());
                section.set("password_file", secret("password", password)?);
            }
            InstanceCredential::Ims { client_id, client_secret } => {
                section.set("authentication", "ims");
                section.set("client_id", client_id.as_str());
                section.set("client_secret_file", secret("client_secret", client_secret)?);
            }
        }
        Ok(())
    }

    /// Applies the mistakes of the scenario. `FOLDER` in a text is replaced by the private folder.
    fn apply_mistakes(&mut self, misconfiguration: &Misconfiguration, folder: &Path) {
        for (path, value) in &misconfiguration.configuration {
            let value = match value {
                serde_json::Value::String(text) => serde_json::Value::from(text.replace("FOLDER", &shown(folder))),
                other => other.clone(),
            };
            let (section, key) = split(path);
            self.section(section).set(key, value);
        }
        for path in &misconfiguration.missing_keys {
            let (section, missing) = split(path);
            self.section(section).lines.retain(|line| !matches!(line, Line::Key(key, _) if key == missing));
        }
    }

    /// The section of this name; a missing one is added at the end.
    fn section(&mut self, name: &str) -> &mut Section {
        let at = self.sections.iter().position(|section| section.name == name).unwrap_or_else(|| {
            self.sections.push(Section { name: name.to_owned(), lines: Vec::new() });
            self.sections.len() - 1
        });
        &mut self.sections[at]
    }
}

impl Section {
    /// Sets a value, and replaces an existing one.
    fn set(&mut self, key: &str, value: impl Into<serde_json::Value>) {
        let value = value.into();
        let there = self.lines.iter_mut().find_map(|line| match line {
            Line::Key(known, there) if known == key => Some(there),
            _ => None,
        });
        match there {
            Some(there) => *there = value,
            None => self.lines.push(Line::Key(key.to_owned(), value)),
        }
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, section) in self.sections.iter().enumerate() {
            if at > 0 {
                f.write_char('\n')?;
            }
            writeln!(f, "[{}]", section.name)?;
            for line in &section.lines {
                match line {
                    Line::Comment(text) => writeln!(f, "# {text}")?,
                    // Strings, numbers and Boolean values have the same form in JSON.
                    Line::Key(key, value) => writeln!(f, "{key} = {value}")?,
                }
            }
        }
        Ok(())
    }
}

/// Splits `section.key`; names of sections can have dots, names of keys cannot.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn write_private(folder: &Path, name: &str, text: &str) -> io::Result<String> {
    let path = folder.join(name);
    // The private folder protects the file already; its mode is for checks of the file itself.
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(PRIVATE))?;
    Ok(shown(&path))
}

fn place_file(path: &Path, file: &MisconfiguredFile) -> io::Result<()> {
    if file.folder {
        fs::create_dir_all(path)?;
    }
    if let Some(text) = &file.text {
        fs::write(path, text)?;
    }
    let mode = file.mode.unwrap_or(if file.folder { PRIVATE_FOLDER } else { PRIVATE });
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
