//! The remedies in texts: no text may name a command, an option, a key or a path that would do harm or does not exist.
//! Checks the string literals of `src`, every snapshot, the help, and the comments of installed files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use regex::Regex;

/// Words after the program's name that are not a command, because the sentence is about the program.
const SENTENCES: [&str; 6] = ["is", "are", "does", "on", "leader", "and"];

/// Options of commands of the system.
const OF_OTHERS: [&str; 2] = ["--now", "--value"];

/// Commands that change files or users: the program cannot know whether that is right on the reader's host.
const CHANGES_FILES: &str =
    r"\b(chmod|chown|chgrp|setfacl|sudo|runuser|mkdir|truncate|mv|cp|rm|dd)\s+[^\s,;]|\binstall -[a-z]";

/// Modes that open a file to everyone, and ways to accept any certificate.
const OPENS_WIDER: &str = r"\b0?(644|666|755|777)\b|--insecure|--no-check-certificate|curl -[a-zA-Z]*k\b";

/// A path of the source repository; the reader has only the package.
const OF_THE_REPOSITORY: &str = r"(^|[\s(\x22'`])(config|src|tests|target|systemd|benches)/[a-z_]";

/// Commands that need root, or a group of the system.
const NEEDS_ROOT: &str =
    r"\b(systemctl (enable|start|stop|restart|reload|edit|unmask)|timedatectl set|update-ca-|journalctl)";

/// A token of Rust: a comment, a literal of a string, or one of a character.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?s)//[^\n]*|b?r"(?<raw>[^"]*)"|b?r#"(?<hashed>.*?)"\#|'(?:\\.[^']*|[^'\\])'|"(?<plain>(?:[^"\\]|\\.)*)""#,
    )
});
static CONTINUED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\\\n\s*"));
static CALL: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^/\w.-])campaign-group-sync +([^\n`;,:.()#|<]+)"));
static OPTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[\s(`])(--[a-z][a-z-]*[a-z])\b"));
static DOTTED_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?:^|[^\w./-])(?:({SECTIONS})|(instances)\.(?:[a-z]+|\{{[a-z]+\}}))\.([a-z_]+[a-z])\b"))
});
static BRACKETED_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\[(?:({SECTIONS})|(instances)\.\w+)\] ([a-z_]+)\b")));
static JUDGED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bif (they|these changes) are right\b"));

/// The sections of the configuration.
const SECTIONS: &str = "experience_cloud|guard|run|schedule|state|http|control|notify|log";

/// One text with its place.
struct Text {
    place: String,
    text: String,
}

/// The options and commands that clap knows: the options of each command, those of the program itself under "".
type Usage = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("an expression")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder of the repository whose name ends like this.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The string literals of a source file before its tests, without comments, with their continuation lines joined.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let texts = TOKEN.captures_iter(source).filter_map(|found| {
        let raw = found.name("raw").or(found.name("hashed")).map(|text| text.as_str().to_owned());
        let plain = || {
            let text = CONTINUED.replace_all(found.name("plain")?.as_str(), "").into_owned();
            Some(text.replace("\\n", "\n").replace("\\\"", "\"").replace("\\'", "'"))
        };
        raw.or_else(plain)
    });
    // An attribute that only the compiler reads.
    texts.filter(|text| !text.ends_with("/askama.toml")).collect()
}

fn named(path: &Path, text: String) -> Text {
    Text { place: path.strip_prefix(root()).unwrap_or(path).display().to_string(), text }
}

/// The texts of the program, without the sandbox: its texts imitate Adobe's.
static MESSAGES: LazyLock<Vec<Text>> = LazyLock::new(|| {
    let sources = files("src", ".rs").into_iter().filter(|path| !path.starts_with(root().join("src/sandbox")));
    sources.flat_map(|path| literals(&read(&path)).into_iter().map(move |text| named(&path, text))).collect()
});

/// The options and commands of the program, as its help lists them.
static USAGE: LazyLock<Usage> = LazyLock::new(usage);

/// The remedies in snapshots, one per line.
fn shown_remedies() -> Vec<Text> {
    let lines = |path: PathBuf| {
        let text = read(&path);
        let remedies = text.lines().filter_map(|line| line.trim().strip_prefix("-> ").map(str::to_owned));
        remedies.map(move |text| named(&path, text)).collect::<Vec<_>>()
    };
    files("tests", ".snap").into_iter().chain(files("src", ".snap")).flat_map(lines).collect()
}

/// The lines of all other texts: the help, whole snapshots, comments of the configuration and of units.
static OTHER_LINES: LazyLock<Vec<Text>> = LazyLock::new(|| {
    let helped = |command: &String| {
        let lines = help(command).lines().map(str::to_owned).collect::<Vec<_>>();
        lines.into_iter().map(|text| Text { place: format!("help of {command:?}"), text }).collect::<Vec<_>>()
    };
    let mut texts: Vec<Text> = USAGE.keys().flat_map(helped).collect();
    let snapshots = files("tests", ".snap").into_iter().chain(files("src", ".snap"));
    let is_shown = |line: &str| !line.starts_with("source: ") && !line.starts_with("expression: ");
    texts.extend(snapshots.flat_map(|path| lines(&path, is_shown)));
    let commented =
        ["config/default.toml", "config/example.toml", "config/prometheus-alerts.yml", "systemd/config.toml"];
    let units = files("systemd", ".service").into_iter().chain(files("systemd", ".timer"));
    for path in commented.iter().map(|name| root().join(name)).chain(units) {
        texts.extend(lines(&path, |line| line.trim_start().starts_with(['#', ';']) || line.contains("description:")));
    }
    texts
});

/// The lines of a file that are of interest.
fn lines(path: &Path, of_interest: impl Fn(&str) -> bool) -> Vec<Text> {
    read(path).lines().filter(|line| of_interest(line)).map(|line| named(path, line.to_owned())).collect()
}

fn help(command: &str) -> String {
    let arguments = command.split_whitespace().chain(["--help"]);
    let output = Command::new(env!("CARGO_BIN_EXE_campaign-group-sync")).args(arguments).output().expect("the program");
    String::from_utf8(output.stdout).expect("text")
}

fn usage() -> Usage {
    let option = pattern(r"(?m)^\s+(?:-\w, )?(--[a-z-]+)");
    let options = |help: &str| option.captures_iter(help).map(|found| found[1].to_owned()).collect::<BTreeSet<_>>();
    let own = help("");
    let commands = own.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    let names = commands.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let mut usage: Usage = names.map(|name| (name.to_owned(), options(&help(name)))).collect();
    usage.insert(String::new(), options(&own));
    usage
}

/// The keys of each section of the configuration, as `default.toml` explains them.
fn keys() -> BTreeMap<String, BTreeSet<String>> {
    let (heading, key) = (pattern(r"^\[([a-z_]+)"), pattern(r"^#?([a-z_]+) = "));
    let (mut keys, mut section) = (BTreeMap::<_, BTreeSet<_>>::new(), String::new());
    for line in read(&root().join("config/default.toml")).lines() {
        if let Some(found) = heading.captures(line) {
            found[1].clone_into(&mut section);
        } else if let Some(found) = key.captures(line) {
            keys.entry(section.clone()).or_default().insert(found[1].to_owned());
        }
    }
    keys
}

/// Commands of this program in a text that clap would refuse.
fn wrong_commands(text: &str, usage: &Usage) -> Vec<String> {
    let nothing = BTreeSet::new();
    let wrong = |found: regex::Captures<'_>| {
        let words: Vec<&str> = found[1].split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
        let first = *words.first()?;
        let is_word = first.chars().all(|character| character.is_ascii_lowercase());
        if is_word && !first.is_empty() && !usage.contains_key(first) {
            return (!SENTENCES.contains(&first)).then(|| format!("there is no command {first}"));
        }
        let of_command = usage.get(if is_word { first } else { "" }).unwrap_or(&nothing);
        let options = words.iter().filter(|word| word.starts_with("--")).filter_map(|word| word.split('=').next());
        let unknown = options.into_iter().find(|option| !of_command.contains(*option))?;
        Some(format!("{first} has no option {unknown}"))
    };
    CALL.captures_iter(text).filter_map(wrong).collect()
}

/// Options in a text that neither this program nor the commands it names have.
fn wrong_options(text: &str, usage: &Usage) -> Vec<String> {
    let known: BTreeSet<&String> = usage.values().flatten().collect();
    let found = OPTION.captures_iter(text).map(|found| found[1].to_owned());
    found.filter(|option| !known.contains(option) && !OF_OTHERS.contains(&option.as_str())).collect()
}

/// Keys of the configuration in a text that do not exist.
fn wrong_keys(text: &str, keys: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let found = DOTTED_KEY.captures_iter(text).chain(BRACKETED_KEY.captures_iter(text));
    let is_wrong = |found: &regex::Captures<'_>| {
        let section = found.get(1).or(found.get(2)).expect("a section").as_str();
        !keys.get(section).is_some_and(|keys| keys.contains(&found[3]))
    };
    found.filter(is_wrong).map(|found| found[0].trim().to_owned()).collect()
}

/// Whether a text offers an approval without a review of the changes.
fn approves_unseen(text: &str) -> bool {
    text.contains("campaign-group-sync approve {") && !JUDGED.is_match(text)
}

/// Fails with every text in which `found` finds something.
fn none(what: &str, texts: &[Text], found: impl Fn(&str) -> Vec<String>) {
    let faults: Vec<String> = texts
        .iter()
        .flat_map(|one| found(&one.text).into_iter().map(|fault| format!("{}: {fault}\n    {}", one.place, one.text)))
        .collect();
    assert!(!texts.is_empty() && faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

fn matches(expression: &str) -> impl Fn(&str) -> Vec<String> {
    let expression = pattern(expression);
    move |text| expression.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

#[test]
fn no_text_changes_files_or_widens_permissions() {
    none("a command that changes files", &MESSAGES, matches(CHANGES_FILES));
    none("a command that changes files", &OTHER_LINES, matches(CHANGES_FILES));
    none("something is opened wider", &MESSAGES, matches(OPENS_WIDER));
}

#[test]
fn every_command_and_option_in_a_text_exists() {
    for texts in [&MESSAGES, &OTHER_LINES] {
        none("an option that does not exist", texts, |text| wrong_options(text, &USAGE));
        none("a command that does not exist", texts, |text| wrong_commands(text, &USAGE));
    }
    let documents = files("docs", ".md").into_iter().chain([root().join("README.md")]);
    let manual: Vec<Text> = documents.flat_map(|path| lines(&path, |_| true)).collect();
    none("a command that does not exist", &manual, |text| wrong_commands(text, &USAGE));
}

#[test]
fn every_key_that_a_remedy_names_exists() {
    let keys = keys();
    none("a key that does not exist", &shown_remedies(), |text| wrong_keys(text, &keys));
}

#[test]
fn no_text_names_a_path_of_the_repository() {
    none("a path of the repository", &MESSAGES, matches(OF_THE_REPOSITORY));
    none("a path of the repository", &OTHER_LINES, matches(OF_THE_REPOSITORY));
}

#[test]
fn a_command_that_needs_root_says_so() {
    let needs_root = matches(NEEDS_ROOT);
    let said = |text: &str| if text.contains("root") { Vec::new() } else { needs_root(text) };
    none("a command that needs root and does not say so", &MESSAGES, said);
    none("a command that needs root and does not say so", &shown_remedies(), said);
}

#[test]
fn an_approval_is_offered_only_with_a_review_of_the_changes() {
    let unseen = |text: &str| if approves_unseen(text) { vec!["unseen".to_owned()] } else { Vec::new() };
    none("an approval without a look", &MESSAGES, unseen);
}

/// Without this test, an expression that matches nothing would never fail.
#[test]
fn each_rule_finds_its_examples() {
    let (usage, keys) = (&*USAGE, keys());
    let found = |expression: &str, text: &str| !matches(expression)(text).is_empty();
    for text in ["chmod 0600 /etc", "chown -R x /var", "(rm -rf /x)", "install -d -o user /x", "sudo -u x true"] {
        assert!(found(CHANGES_FILES, text), "{text}");
    }
    assert!(!found(CHANGES_FILES, "install the package, and remove it"));
    assert!(found(OPENS_WIDER, "mode 0644") && found(OPENS_WIDER, "curl -sk https://x"));
    for text in ["see config/default.toml", "copy systemd/ from", "`target/debug`"] {
        assert_eq!(found(OF_THE_REPOSITORY, text), !text.contains("systemd/ "), "{text}");
    }
    assert!(!found(OF_THE_REPOSITORY, "/etc/systemd/system"));
    assert!(found(NEEDS_ROOT, "systemctl restart x") && !found(NEEDS_ROOT, "systemctl status x"));
    for text in
        ["campaign-group-sync approved", "campaign-group-sync history --at x", "`campaign-group-sync --approve-all`"]
    {
        assert_eq!(wrong_commands(text, usage).len(), 1, "{text}");
    }
    for text in [
        "campaign-group-sync history RUN, then",
        "campaign-group-sync --sync-now --dry-run",
        "/x/campaign-group-sync foo",
    ] {
        assert!(wrong_commands(text, usage).is_empty(), "{text}");
    }
    assert_eq!(wrong_options("give --force or --wait", usage), ["--force"]);
    assert_eq!(wrong_keys("name [state] path, state.url, http.litsen", &keys), ["http.litsen", "[state] path"]);
    assert!(wrong_keys("instances.{name}.url, instances.production.login and guard.max_removals", &keys).is_empty());
    assert!(approves_unseen("run campaign-group-sync approve {digest}"));
    assert!(!approves_unseen("if they are right: campaign-group-sync approve {digest}"));
    assert_eq!(
        literals("let a = \"x \\\n   y\"; // \"no\"\nlet b = 'c'; let d = r\"e\\f\"; let g = '\"';"),
        ["x y", "e\\f"]
    );
}
