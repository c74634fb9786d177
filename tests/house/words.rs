//! Plain English: expressions that no text for readers may use, and what to write instead.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use regex::Regex;

/// An expression, and what to write instead.
const BANNED: [(&str, &str); 21] = [
    (r"(leaves?|ends?|ended|ending) with (exit (code|status) )?\d", "exits with status 6"),
    (r"sign by sign|signs? that cannot be typed|\d+ signs|the signs", "character, hexadecimal digit"),
    (r"blanks?", "space, whitespace"),
    (r"mend(s|ed|ing)?", "fix, correct, repair"),
    (r"vendors?", "Adobe, Campaign, the Admin Console"),
    (r"both systems", "the Admin Console and Campaign"),
    (r"rooms?", "module"),
    (r"log(s|ged|ging)? on|log-on|logons?", "sign in"),
    (r"boards?", "state, findings"),
    (r"whole answer", "incomplete response, could not connect, timed out"),
    (r"no longer good|is no duration|stands nowhere", "expired, invalid, missing"),
    (r"anew", "again; the previous configuration stays active"),
    (r"nothing to go by", "insufficient data"),
    (r"bears? out|borne out|bore out", "confirms"),
    (r"left out|leaves? out|leaving out", "skipped, omitted"),
    (r"asks? again|asked again|try anew|tr(y|ied) again", "retry"),
    (r"no answer", "connection refused, timed out"),
    (r"people|persons?", "user, operator, administrator"),
    (r"somebody|someone|nobody|anybody|everybody|whoever", "user, operator, administrator: who does what"),
    (r"whom", "that, which"),
    (r"told", "informed, reported, sent to"),
];

/// A line that may use a banned expression: the beginning of its path, a part of the line, and why. Code and blocks of
/// documents need none: they show output, data and names that programs read.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("src/settings/notify.rs", "people", "a name of the key `webhook_people`"),
    ("src/", "Logon", "the method of Campaign's SOAP interface"),
    ("src/campaign/", "logon", "the same method in names"),
    ("src/sandbox/", "logon", "the same method in names"),
    ("src/sandbox/tls.rs", "vendors", "a field of scenarios"),
    ("src/", "\"people\"", "a field of JSON documents"),
    ("src/notify/document.rs", "people\\\"", "the same field"),
    ("src/", "\"person\"", "a field of JSON documents, and of the form on the status page"),
    ("src/", "unknown-person", "a name of the JSON report"),
    ("src/check/experience_cloud.rs", "nobody@campaign-group-sync.invalid", "an address in requests to Adobe"),
    ("src/transcript/vocabulary.rs", "nobody@campaign-group-sync.invalid", "the same address"),
    ("src/cli/sync_now_command.rs", "people: arguments", "a field of the control socket's messages"),
];

/// A line for readers: the path of its file from the root of the project, its number and its text.
struct Line {
    path: String,
    number: usize,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder and of its folders whose name ends like this.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found
}

fn lines(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).expect("a text file");
    let name = path.strip_prefix(root()).expect("a file of the project").display().to_string();
    let line = |(at, text): (usize, &str)| Line { path: name.clone(), number: at + 1, text: text.to_owned() };
    text.lines().enumerate().map(line).collect()
}

/// The prose of a document: no blocks, which show output and data, and no code within a line.
fn prose(path: &Path) -> Vec<Line> {
    let code = Regex::new("`[^`]*`").expect("an expression");
    let mut is_block = false;
    let is_prose = |line: &Line| {
        let is_fence = line.text.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    };
    let without_code = |line: Line| Line { text: code.replace_all(&line.text, "``").into_owned(), ..line };
    lines(path).into_iter().filter(is_prose).map(without_code).collect()
}

/// The documents, the part of CHANGELOG.md that is not released, and the comments of what is installed.
fn shown() -> Vec<Line> {
    let mut documents = files("docs", &[".md"]);
    documents.extend(["README.md", "SECURITY.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    let changes = prose(&root().join("CHANGELOG.md"));
    let unreleased = changes.into_iter().skip_while(|line| !line.text.starts_with("## [Unreleased]"));
    let unreleased = unreleased.enumerate().take_while(|(at, line)| *at == 0 || !line.text.starts_with("## "));
    let mut installed = files("systemd", &[".service", ".timer", ".toml", ".conf", "postinst", "postrm", "prerm"]);
    installed.extend(
        ["config/default.toml", "config/example.toml", "config/prometheus-alerts.yml"].map(|name| root().join(name)),
    );
    let is_comment = |line: &Line| line.text.trim_start().starts_with('#') || line.text.contains("description:");
    let mut shown: Vec<Line> = documents.iter().flat_map(|path| prose(path)).collect();
    shown.extend(unreleased.map(|(_, line)| line));
    shown.extend(installed.iter().flat_map(|path| lines(path)).filter(is_comment));
    shown
}

/// The help of the program and of each of its commands.
fn helped() -> Vec<Line> {
    let help = |command: Option<&str>| {
        let output = Command::new(env!("CARGO_BIN_EXE_campaign-group-sync")).args(command).arg("--help").output();
        String::from_utf8(output.expect("the program runs").stdout).expect("UTF-8")
    };
    let program = help(None);
    let commands = program.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands = commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let names: Vec<&str> = commands.filter(|name| *name != "help").collect();
    assert!(names.len() > 10, "the commands of the program: {names:?}");
    let with_number = |path: String, text: &str| -> Vec<Line> {
        text.lines().zip(1..).map(|(text, number)| Line { path: path.clone(), number, text: text.to_owned() }).collect()
    };
    let of_commands = names.iter().flat_map(|name| with_number(format!("{name} --help"), &help(Some(name))));
    with_number("--help".to_owned(), &program).into_iter().chain(of_commands).collect()
}

/// The banned expressions, ready to search with.
static EXPRESSIONS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let whole_words = |text: &str| Regex::new(&format!(r"(?i)(?-u:\b)(?:{text})(?-u:\b)")).expect("an expression");
    BANNED.iter().map(|(expression, instead)| (whole_words(expression), *instead)).collect()
});

/// The banned expressions in a text, with what to write instead.
fn banned(text: &str) -> Vec<(&str, &'static str)> {
    let found = |(expression, instead): &(Regex, &'static str)| Some((expression.find(text)?.as_str(), *instead));
    EXPRESSIONS.iter().filter_map(found).collect()
}

#[test]
fn texts_for_readers_are_in_plain_english() {
    let is_exception =
        |line: &Line| EXCEPTIONS.iter().any(|(path, part, _)| line.path.starts_with(path) && line.text.contains(part));
    let texts: Vec<Line> = shown()
        .into_iter()
        .chain(helped())
        .chain(files("src", &[".rs"]).iter().flat_map(|path| lines(path)))
        .filter(|line| !is_exception(line))
        .collect();
    // One search over everything: thousands of searches in short texts take half a minute.
    let all = texts.iter().fold(String::new(), |all, line| all + &line.text + "\n");
    let ends: Vec<usize> = all.match_indices('\n').map(|(at, _)| at).collect();
    let mut faults = Vec::new();
    for (expression, instead) in EXPRESSIONS.iter() {
        for found in expression.find_iter(&all) {
            let Line { path, number, text } = &texts[ends.partition_point(|end| *end < found.start())];
            faults.push(format!("{path}:{number}: \"{}\" (write: {instead}): {}", found.as_str(), text.trim()));
        }
    }
    assert!(texts.len() > 1000 && faults.is_empty(), "{} lines\n{}", texts.len(), faults.join("\n"));
}

/// Without this, an expression that matches nothing would hold nothing.
#[test]
fn each_banned_expression_is_found_and_its_neighbours_are_not() {
    let wrong = [
        "a run leaves with 6",
        "it ends with exit code 6",
        "24 signs",
        "two blanks",
        "to mend it",
        "the vendor",
        "in this room",
        "a person logs on",
        "the board",
        "asks again",
        "Nobody is told",
        "by whom",
        "loaded anew",
    ];
    for text in wrong {
        assert!(!banned(text).is_empty(), "{text}");
    }
    for text in ["exits with status 6", "a user signs in", "24 hexadecimal digits", "person_lookup", "the dashboard"] {
        assert!(banned(text).is_empty(), "{text}: {:?}", banned(text));
    }
}
