//! Secrets that nothing may hold that the program prints, stores or sends, and the one search for them, in each form in
//! which they could be written.
//!
//! The programs that tests start are searched without a word of the test: `process` and the harness of the daemon know
//! the configuration of what they start.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use toml::{Table, Value};
use url::Url;

/// What every token that a sandbox issues contains: of IMS, of a session of Campaign, and the one beside it.
pub(crate) const TOKEN_PARTS: [&str; 3] = ["eyJzYW5kYm94Ijp0cnVlfQ", "___5e5510c7-", "SandboxSecurityToken"];

/// The secrets of a sandbox whose scenario names no others.
const SANDBOX_SECRETS: [&str; 3] = ["sandbox-client-secret", "sandbox-campaign-secret-of-", "sandbox-password"];

/// Shorter values occur by chance.
const SHORTEST: usize = 8;

/// Secrets that are searched for.
#[derive(Clone, Debug)]
pub(crate) struct Marked(BTreeSet<String>);

impl Marked {
    /// These secrets, and those of every sandbox.
    pub(crate) fn with(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: BTreeSet<String> = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
        secrets.extend(TOKEN_PARTS.iter().chain(&SANDBOX_SECRETS).map(|&secret| secret.to_owned()));
        Self(secrets)
    }

    /// The secrets of every sandbox.
    pub(crate) fn of_sandbox() -> &'static Self {
        static OF_SANDBOX: LazyLock<Marked> = LazyLock::new(|| Marked::with([]));
        &OF_SANDBOX
    }

    /// Every secret that the environment and the configuration of a command give it.
    pub(crate) fn of_command(command: &Command) -> Self {
        let variables = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        let mut secrets: Vec<String> = variables.filter_map(|(name, value)| in_variable(name, value)).collect();
        if let Some(configuration) = configuration(command) {
            in_table(&configuration, &mut secrets);
        }
        Self::with(secrets)
    }

    /// Which of them stand in a text, or in files and those beside them that begin like them, or in folders. Searched
    /// by `grep`: the search of the standard library takes more time than the runs of a test, without optimization.
    pub(crate) fn found_in(&self, text: &str, files: &[PathBuf]) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let (patterns, printed) = (folder.path().join("patterns"), folder.path().join("what was printed"));
        let forms: BTreeSet<String> = self.0.iter().flat_map(|secret| forms(secret)).collect();
        fs::write(&patterns, forms.into_iter().collect::<Vec<_>>().join("\n")).expect("written");
        fs::write(&printed, text).expect("written");
        let mut grep = Command::new("grep");
        // Bytes, and letters of any case.
        grep.env("LC_ALL", "C").args(["--fixed-strings", "--ignore-case", "--recursive", "--text", "--only-matching"]);
        grep.args(["--with-filename", "--no-messages", "--file"]).arg(&patterns).arg(&printed);
        let found = grep.args(files.iter().flat_map(|file| with_neighbours(file))).output().expect("grep runs");
        // 2: a file that was deleted meanwhile.
        assert!(matches!(found.status.code(), Some(0..=2)) && found.stderr.is_empty(), "{found:?}");
        let lines: BTreeSet<String> = String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect();
        lines.into_iter().map(|line| format!("a secret was written: {line}")).collect()
    }

    /// Fails where one of them stands in a text.
    pub(crate) fn assert_absent(&self, text: &str) {
        let found = self.found_in(text, &[]);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

/// What a command may not write, and where it stores what it writes.
pub(crate) struct Written {
    marked: Marked,
    stored: Vec<PathBuf>,
    command: String,
}

impl Written {
    /// To be called before the command starts: afterwards its configuration may be gone.
    pub(crate) fn by(command: &Command) -> Self {
        let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
        let command_line = arguments.collect::<Vec<_>>().join(" ");
        Self { marked: Marked::of_command(command), stored: stored_by(command), command: command_line }
    }

    /// Fails where a secret is in a text, or in a file that the command stored. A test that fails already has something
    /// better to say.
    pub(crate) fn assert_no_secret(&self, text: &str) {
        if !std::thread::panicking() {
            let found = self.marked.found_in(text, &self.stored);
            assert!(found.is_empty(), "{}:\n{}", self.command, found.join("\n"));
        }
    }
}

/// Where a command stores something: the state, and transcripts.
fn stored_by(command: &Command) -> Vec<PathBuf> {
    let variable = |name: &str| {
        let found = command.get_envs().find(|(known, _)| *known == OsStr::new(name));
        found.and_then(|(_, value)| value).and_then(OsStr::to_str).map(str::to_owned)
    };
    let in_file = || configuration(command)?.get("state")?.get("url")?.as_str().map(str::to_owned);
    let mut addresses: Vec<String> = variable("CAMPAIGN_GROUP_SYNC__STATE__URL").or_else(in_file).into_iter().collect();
    let arguments: Vec<&str> = command.get_args().filter_map(OsStr::to_str).collect();
    addresses.extend(arguments.iter().filter(|argument| argument.starts_with("sqlite://")).map(|&a| a.to_owned()));
    let mut files: Vec<PathBuf> =
        addresses.iter().filter_map(|address| address.strip_prefix("sqlite://")).map(PathBuf::from).collect();
    let recorded = arguments.windows(2).filter(|pair| pair[0] == "--record").map(|pair| PathBuf::from(pair[1]));
    files.extend(recorded);
    files
}

/// A folder, or a file and those beside it whose name begins like its own.
fn with_neighbours(file: &Path) -> Vec<PathBuf> {
    if file.is_dir() {
        return vec![file.to_owned()];
    }
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let begins_like = |path: &PathBuf| {
        path.file_name().is_some_and(|other| other.to_string_lossy().starts_with(&*name.to_string_lossy()))
    };
    entries.filter(|path| begins_like(path) && path.is_file()).collect()
}

/// The configuration file that a command names, where it is readable.
fn configuration(command: &Command) -> Option<Table> {
    let mut arguments = command.get_args().skip_while(|argument| *argument != OsStr::new("--config")).skip(1);
    let path = Path::new(arguments.next()?);
    if !path.is_file() {
        return None;
    }
    fs::read_to_string(path).ok()?.parse().ok()
}

fn in_variable(name: &str, value: &str) -> Option<String> {
    let name = name.to_uppercase();
    if name.ends_with("_PROXY") || name.ends_with("STATE__URL") {
        password(value)
    } else if name.ends_with("NOTIFY__WEBHOOK") {
        after_host(value)
    } else if ["__CLIENT_SECRET", "__PASSWORD", "__SMTP_PASSWORD"].iter().any(|end| name.ends_with(end)) {
        Some(value.to_owned())
    } else {
        None
    }
}

fn in_table(table: &Table, secrets: &mut Vec<String>) {
    for (key, value) in table {
        match (key.as_str(), value) {
            (_, Value::Table(inner)) => in_table(inner, secrets),
            ("webhook", Value::String(address)) => secrets.extend(after_host(address)),
            ("client_secret_file" | "password_file" | "smtp_password_file", Value::String(path)) => {
                secrets.extend(in_file(path));
            }
            ("webhook_file", Value::String(path)) => {
                secrets.extend(in_file(path).as_deref().and_then(after_host));
            }
            _ => {}
        }
    }
}

fn in_file(path: &str) -> Option<String> {
    // A pipe in the place of a file would not answer.
    if !Path::new(path).is_file() {
        return None;
    }
    fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}

fn password(address: &str) -> Option<String> {
    Url::parse(address).ok()?.password().map(str::to_owned)
}

fn after_host(address: &str) -> Option<String> {
    let address = Url::parse(address).ok()?;
    Some(address[url::Position::BeforePath..].trim_start_matches('/').to_owned())
}

/// The forms in which a secret could be written; the case of letters does not count.
fn forms(secret: &str) -> BTreeSet<String> {
    let of_each = |form: fn(char) -> String| secret.chars().map(form).collect::<String>();
    let percent = of_each(|letter| if is_unreserved(letter) { letter.to_string() } else { percent_encoded(letter) });
    let json = serde_json::Value::from(secret).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).expect("a string in quotes").to_owned();
    let mut forms = BTreeSet::from([
        secret.to_owned(),
        percent.replace("%20", "+"),
        percent,
        of_each(|letter| if letter.is_ascii() { letter.to_string() } else { percent_encoded(letter) }),
        json.replace('/', "\\/"),
        json.chars().map(|l| if l.is_ascii() { l.to_string() } else { format!("\\u{:04x}", l as u32) }).collect(),
        json,
        format!("{secret:?}").trim_matches('"').to_owned(),
        secret.escape_default().to_string(),
        secret.bytes().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("into memory");
            text
        }),
    ]);
    let escaped = |quote: &str, apostrophe: &str, amp: &str, less: &str, greater: &str| {
        let text = secret.replace('&', amp).replace('<', less).replace('>', greater);
        text.replace('"', quote).replace('\'', apostrophe)
    };
    forms.extend([
        escaped("\"", "'", "&amp;", "&lt;", "&gt;"),
        escaped("&quot;", "&apos;", "&amp;", "&lt;", "&gt;"),
        escaped("&#34;", "&#39;", "&#38;", "&#60;", "&#62;"),
        escaped("&#34;", "&#39;", "&amp;", "&lt;", "&gt;"),
        escaped("&quot;", "&#x27;", "&amp;", "&lt;", "&gt;"),
    ]);
    // The encoding of a part of a text depends on where the part begins.
    for encoded in (0..3).filter_map(|skipped| Some(base64(secret.as_bytes().get(skipped..)?))) {
        if encoded.len() >= SHORTEST {
            forms.insert(encoded.replace('+', "-").replace('/', "_"));
            forms.insert(encoded);
        }
    }
    forms
}

fn is_unreserved(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_' | '~' | '*')
}

fn percent_encoded(letter: char) -> String {
    letter.to_string().bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").expect("into memory");
        text
    })
}

/// Without the last characters, which depend on what follows.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = bytes.chunks_exact(3).flat_map(|chunk| {
        let word = chunk.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| word >> shift & 63)
    });
    sextets.map(|sextet| char::from(ALPHABET[sextet])).collect()
}

#[test]
fn every_form_of_a_secret_is_found() {
    assert_eq!(base64(b"any carnal pleas"), "YW55IGNhcm5hbCBwbGVh");
    let marked = Marked::with(["a\"s é<&'>+/word".to_owned()]);
    let base64 =
        ["YSJzIMOpPCYnPisvd29yZA", "x YSJzIMOpPCYnPisvd29yZHg=", "cmEicyDDqTwmJz4rL3dvcm", "cnJhInMgw6k8Jic-Ky93b3Jk"];
    for written in [
        "a\"s é<&'>+/word",
        "A\"S é<&'>+/WORD",
        "a%22s%20%C3%A9%3C%26%27%3E%2B%2Fword",
        "a%22s%20%c3%a9%3c%26%27%3e%2b%2fword",
        "a%22s+%C3%A9%3C%26%27%3E%2B%2Fword",
        "a\\\"s é<&'>+/word",
        "a\\\"s \\u00e9<&'>+/word",
        "a\\\"s é<&'>+\\/word",
        "a\\\"s \\u{e9}<&\\'>+/word",
        "a\"s é&lt;&amp;'&gt;+/word",
        "a&quot;s é&lt;&amp;&apos;&gt;+/word",
        "a&#34;s é&#60;&#38;&#39;&#62;+/word",
        "61227320c3a93c26273e2b2f776f7264",
        "61227320C3A93C26273E2B2F776F7264",
    ]
    .iter()
    .chain(&base64)
    {
        assert!(!marked.found_in(&format!("x \0 {written} y"), &[]).is_empty(), "{written}");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("log"), format!("x \0 {written} y")).expect("written");
        assert!(!marked.found_in("", &[folder.path().to_owned()]).is_empty(), "{written}");
    }
    assert!(marked.found_in("a s é<&'>+/word", &[PathBuf::from("/nonexistent")]).is_empty());
}

#[test]
fn the_secrets_of_a_command_are_those_of_its_environment_and_of_its_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, text) in [("one", "secret of a file\n"), ("two", "http://127.0.0.1:1/secret/hook?key=1")] {
        fs::write(path(name), text).expect("written");
    }
    let text = format!(
        "[experience_cloud]\nclient_secret_file = \"{}\"\n[notify]\nwebhook_file = \"{}\"\n[state]\nurl = \"sqlite://{}\"",
        path("one"),
        path("two"),
        path("state.db")
    );
    for name in ["config.toml", "state.db", "state.db-wal"] {
        fs::write(path(name), &text).expect("written");
    }
    let mut command =
        super::process::program(&["check", "--record", "/of/transcripts", "--config", &path("config.toml")]);
    command.env("HTTPS_PROXY", "http://user:secret-of-a-proxy@host");
    command.env("CAMPAIGN_GROUP_SYNC__NOTIFY__SMTP_PASSWORD", "secret of mail");
    command.env("CAMPAIGN_GROUP_SYNC__GUARD__MAX_REMOVALS", "not a secret");
    let Marked(secrets) = Marked::of_command(&command);
    let of_sandbox = &Marked::of_sandbox().0;
    let own: Vec<&String> = secrets.difference(of_sandbox).collect();
    assert_eq!(own, ["secret of a file", "secret of mail", "secret-of-a-proxy", "secret/hook?key=1"]);
    let mut stored = stored_by(&command);
    stored.sort();
    assert_eq!(stored, [PathBuf::from("/of/transcripts"), path("state.db").into()]);
    assert_eq!(with_neighbours(&stored[1]).len(), 2);
}
