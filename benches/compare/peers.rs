//! Adobe's own clients, installed by name into a temporary folder, in the versions that the contract tests use.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::Failure;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// The installed peers.
pub(crate) struct Peers {
    folder: PathBuf,
}

impl Peers {
    /// Installs them; needs `python3` with venv, `npm`, `node` and `curl`.
    pub(crate) fn install(folder: &Path) -> Result<Self, Failure> {
        let contract = Path::new(REPOSITORY).join("tests/contract");
        let scripts = Path::new(REPOSITORY).join("benches/compare/peers");
        for file in ["package.json", "package-lock.json", "requirements.txt"] {
            fs::copy(contract.join(file), folder.join(file))?;
        }
        for script in fs::read_dir(scripts)? {
            let script = script?;
            fs::copy(script.path(), folder.join(script.file_name()))?;
        }
        let run = |program: &str, arguments: &[&str]| -> Result<(), Failure> {
            let status = Command::new(program).args(arguments).current_dir(folder).stdout(Stdio::null()).status();
            match status {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(format!("{program} {} ended with {status}", arguments.join(" ")).into()),
                Err(error) => Err(format!("{program}: {error}; --no-peers measures without Adobe's clients").into()),
            }
        };
        run("python3", &["-m", "venv", "venv"])?;
        run("venv/bin/pip", &["install", "--quiet", "--requirement", "requirements.txt"])?;
        run("npm", &["ci", "--silent", "--no-audit", "--no-fund"])?;
        run("curl", &["--version"])?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// A script in Python, in the environment of `umapi-client`.
    pub(crate) fn python(&self, script: &str) -> Command {
        self.script(&self.folder.join("venv/bin/python"), script)
    }

    /// A script in JavaScript, beside `@adobe/acc-js-sdk`.
    pub(crate) fn node(&self, script: &str) -> Command {
        self.script(Path::new("node"), script)
    }

    fn script(&self, interpreter: &Path, script: &str) -> Command {
        let mut command = Command::new(interpreter);
        command.arg(script).current_dir(&self.folder);
        command
    }
}
