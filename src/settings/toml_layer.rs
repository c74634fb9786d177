//! One layer in TOML, each value with the line it stands on.

use std::collections::BTreeMap;

use config::{File, FileFormat, Map, Source as _, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::{
    KeyPath, Problem,
    layers::{Layers, Origin, variable},
    regular_file,
    schema::{KeyKind, classify},
    sources::ConfigFile,
};

/// Why a line is not TOML. Carries no part of the line: there may be a secret in it.
struct SyntaxError {
    /// Counted from 1; `None` when the parser does not say.
    line: Option<usize>,
    what: String,
}

/// The line, counted from 1, of each key and each heading.
type Lines = BTreeMap<KeyPath, usize>;

/// What stays the same on the way down into the tables of one text.
struct TomlLayer<'a> {
    layers: &'a mut Layers,
    problems: &'a mut Vec<Problem>,
    origin: &'a Origin,
    lines: Lines,
}

impl Layers {
    /// Lays the configuration file over what is there. Only the system's file may be absent.
    pub(super) fn add_file(&mut self, file: &ConfigFile<'_>, problems: &mut Vec<Problem>) {
        let (path, named_by) = match *file {
            ConfigFile::Named { path, by } => (path, Some(by)),
            ConfigFile::System(path) => (path, None),
        };
        match regular_file::read_to_string(path) {
            Ok(text) => self.add_toml(&text, &Origin::File { path: path.to_owned(), line: None }, problems),
            Err(error) if error.is_not_found() && named_by.is_none() => {}
            Err(error) => {
                self.mark_unreadable_layer();
                problems.push(Problem {
                    subject: path.display().to_string(),
                    place: named_by.map(|by| format!("named by {by}")),
                    what: error.to_string(),
                    remedy: error.remedy("name a TOML file"),
                });
            }
        }
    }

    /// Lays one text over what is there.
    pub(super) fn add_toml(&mut self, text: &str, origin: &Origin, problems: &mut Vec<Problem>) {
        match parse(text) {
            Ok((table, lines)) => {
                TomlLayer { layers: self, problems, origin, lines }.add_table(&KeyPath::root(), table);
            }
            Err(faults) => {
                self.mark_unreadable_layer();
                problems.extend(faults.into_iter().map(|fault| Problem {
                    subject: origin.to_string(),
                    place: fault.line.map(|line| format!("line {line}")),
                    what: format!("not valid TOML: {}", fault.what),
                    remedy: "correct this line; texts, durations and addresses are written in quotes".to_owned(),
                }));
            }
        }
    }
}

impl TomlLayer<'_> {
    fn add_table(&mut self, table: &KeyPath, entries: Map<String, Value>) {
        let mut entries: Vec<_> = entries.into_iter().map(|(name, value)| (table.with(&name), value.kind)).collect();
        entries.sort_by_cached_key(|(path, _)| (self.lines.get(path).copied(), path.clone()));
        let mut spellings: BTreeMap<KeyPath, KeyPath> = BTreeMap::new();
        for (path, value) in entries {
            if let Some(other) = spellings.get(&path.folded()) {
                self.problems.push(Problem::same_name(&path, other, &self.origin_of(&path)));
                continue;
            }
            spellings.insert(path.folded(), path.clone());
            self.add_entry(path, value);
        }
    }

    fn add_entry(&mut self, path: KeyPath, value: ValueKind) {
        let origin = self.origin_of(&path);
        match (classify(&path), value) {
            (KeyKind::ProtectedGroup, ValueKind::Table(inner)) if inner.is_empty() => {
                let what = "does not say how the group is protected";
                self.problems.push(Problem::of_key(&path, &origin, what, "give it min_members, required, or both"));
            }
            (KeyKind::Table | KeyKind::ProtectedGroup, ValueKind::Table(inner)) => {
                match self.layers.register_instance(&path, &origin) {
                    Ok(()) => self.add_table(&path, inner),
                    Err(problem) => self.problems.push(problem),
                }
            }
            (KeyKind::Table | KeyKind::ProtectedGroup, _) => self.problems.push(Problem::not_a_table(&path, &origin)),
            (KeyKind::Value, value) => self.layers.put(path, value, origin),
            (KeyKind::Secret, _) => self.problems.push(Problem::secret_in_file(&path, &origin, &variable(&path))),
            (KeyKind::Unknown, _) => self.problems.push(Problem::unknown(&path, &origin)),
        }
    }

    fn origin_of(&self, path: &KeyPath) -> Origin {
        match self.origin {
            Origin::File { path: file, .. } => Origin::File { path: file.clone(), line: self.lines.get(path).copied() },
            other => other.clone(),
        }
    }
}

/// Reads a text twice: `config` gives the values, and the parser below it the lines, which `config` does not keep.
fn parse(text: &str) -> Result<(Map<String, Value>, Lines), Vec<SyntaxError>> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line_of = |at: usize| ends.partition_point(|end| *end < at) + 1;
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<SyntaxError> = errors
        .iter()
        .map(|error| SyntaxError {
            line: error.span().map(|span| line_of(span.start)),
            what: error.message().to_owned(),
        })
        .collect();
    // What follows on the same line is most often the same fault.
    faults.dedup_by_key(|fault| fault.line);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut lines = Lines::new();
    note_lines(document.get_ref(), &KeyPath::root(), &line_of, &mut lines);
    // What passed the check above can only fail by the size of a number.
    let table = File::from_str(text, FileFormat::Toml)
        .collect()
        .map_err(|_| vec![SyntaxError { line: None, what: "a number is too large".to_owned() }])?;
    Ok((table, lines))
}

fn note_lines(table: &DeTable<'_>, path: &KeyPath, line_of: &impl Fn(usize) -> usize, lines: &mut Lines) {
    for (name, value) in table {
        let path = path.with(name.get_ref());
        if let DeValue::Table(inner) = value.get_ref() {
            note_lines(inner, &path, line_of, lines);
        }
        lines.insert(path, line_of(name.span().start));
    }
}
