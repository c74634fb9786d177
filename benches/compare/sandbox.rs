//! The built program as the server of a generated world, in a process of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{Failure, frozen::Frozen};

/// The program that is measured, and that serves the sandbox.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_campaign-group-sync");

/// A served world; stops when dropped.
pub(crate) struct Sandbox {
    process: Child,
    folder: PathBuf,
    /// The configuration that it printed.
    configuration: String,
}

impl Sandbox {
    /// Serves a scenario.
    pub(crate) fn serve(folder: &Path, name: &str, scenario: &str) -> Result<Self, Failure> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        let file = folder.join("scenario.toml");
        fs::write(&file, scenario)?;
        let mut command = Command::new(PROGRAM);
        let command = command.arg("sandbox").arg(&file).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let output = process.stdout.take().ok_or("the sandbox has no output")?;
        let mut sandbox = Self { process, folder, configuration: String::new() };
        for line in BufReader::new(output).lines() {
            let line = line?;
            if line.contains("The sandbox is ready") {
                return Ok(sandbox);
            }
            sandbox.configuration.push_str(&line);
            sandbox.configuration.push('\n');
        }
        Err("the sandbox ended before it was ready".into())
    }

    /// Its address.
    pub(crate) fn address(&self) -> Result<String, Failure> {
        let setting: toml::Table = self.configuration.parse()?;
        let section = setting.get("experience_cloud").ok_or("no section experience_cloud")?;
        Ok(section.get("ims_url").and_then(toml::Value::as_str).ok_or("no ims_url")?.to_owned())
    }

    /// Freezes it: the responses to calls that were made once are served from memory.
    pub(crate) fn freeze(&self) -> Result<Frozen, Failure> {
        Frozen::start(&self.address()?)
    }

    /// The configuration of a client, which reaches the sandbox at this address; `change` may alter it.
    pub(crate) fn configuration(&self, address: &str, change: impl Fn(String) -> String) -> Result<Client, Failure> {
        let text = change(self.configuration.replace(&self.address()?, address));
        let (_, file) = tempfile::Builder::new().prefix("client-").suffix(".toml").tempfile_in(&self.folder)?.keep()?;
        fs::write(&file, &text)?;
        Ok(Client { settings: text.parse()?, folder: self.folder.clone(), file })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The configuration of a client of the sandbox.
pub(crate) struct Client {
    settings: toml::Table,
    folder: PathBuf,
    file: PathBuf,
}

impl Client {
    /// The measured program with an own state for each name.
    pub(crate) fn program(&self, state: &str, arguments: &[&str]) -> Result<Command, Failure> {
        let folder = self.folder.join(state);
        fs::create_dir_all(&folder)?;
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .args(["--quiet", "--output", "json", "--config"])
            .arg(&self.file)
            .env("CAMPAIGN_GROUP_SYNC__STATE__URL", format!("sqlite://{}", folder.join("state.db").display()));
        Ok(command)
    }

    /// The file that takes the standard output of a process.
    pub(crate) fn output(&self, name: &str) -> PathBuf {
        let name: String =
            name.chars().map(|character| if character.is_alphanumeric() { character } else { '-' }).collect();
        self.folder.join(name).with_extension("out")
    }

    /// A value of the configuration.
    pub(crate) fn value(&self, section: &[&str], key: &str) -> Result<String, Failure> {
        let mut table = &self.settings;
        for name in section {
            table = table.get(*name).and_then(toml::Value::as_table).ok_or_else(|| format!("no section {name}"))?;
        }
        Ok(table.get(key).and_then(toml::Value::as_str).ok_or_else(|| format!("no key {key}"))?.to_owned())
    }

    /// What a peer must know, as the environment variables that its script reads.
    pub(crate) fn environment(&self) -> Result<Vec<(&'static str, String)>, Failure> {
        let section = &["experience_cloud"];
        let secret = fs::read_to_string(self.value(section, "client_secret_file")?)?;
        Ok(vec![
            ("IMS_URL", self.value(section, "ims_url")?),
            ("UMAPI_URL", self.value(section, "umapi_url")?),
            ("ORGANIZATION", self.value(section, "organization_id")?),
            ("CLIENT_ID", self.value(section, "client_id")?),
            ("CLIENT_SECRET", secret.trim().to_owned()),
        ])
    }
}
