//! One layer in TOML, each value with its line.

use std::collections::BTreeMap;

use config::{ConfigError, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use super::{
    KeyPath, Problem,
    layers::{Layers, Origin, variable},
    regular_file,
    schema::{KeyKind, classify},
    sources::ConfigFile,
};

/// What to do about a line that is not TOML.
const REMEDY: &str = "correct this line; strings, durations and addresses are written in quotes";

/// The values of one text, each with its line, counted from 1, as its origin.
#[derive(Clone, Debug)]
struct TomlSource(Map<String, Value>);

/// A line that is not TOML, and why. Contains no part of the line, because it may contain a secret.
struct SyntaxError {
    line: Option<usize>,
    what: String,
}

/// The values of one text on their way into the layers.
struct TomlLayer<'a> {
    layers: &'a mut Layers,
    problems: &'a mut Vec<Problem>,
    origin: &'a Origin,
}

impl Source for TomlSource {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl TomlSource {
    fn parse(text: &str) -> Result<Self, Vec<SyntaxError>> {
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line_of = |at: usize| ends.partition_point(|end| *end < at) + 1;
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut errors: Vec<SyntaxError> = errors
            .iter()
            .map(|error| SyntaxError {
                line: error.span().map(|span| line_of(span.start)),
                what: error.message().to_owned(),
            })
            .collect();
        // A second error on the same line most often has the same cause.
        errors.dedup_by_key(|error| error.line);
        if !errors.is_empty() {
            return Err(errors);
        }
        table_of(document.get_ref(), &line_of).map(Self).map_err(|error| vec![error])
    }
}

impl Layers {
    /// Puts the values of the configuration file above those of the defaults. Only the system's file may be missing.
    pub(super) fn add_file(&mut self, file: ConfigFile, problems: &mut Vec<Problem>) {
        let (path, named_by) = match file {
            ConfigFile::Named { path, by } => (path, Some(by)),
            ConfigFile::System(path) => (path, None),
        };
        match regular_file::read_to_string(&path) {
            Ok(text) => self.add_toml(&text, &Origin::File { path, line: None }, problems),
            Err(error) if error.is_not_found() && named_by.is_none() => self.miss_file(path),
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

    /// Puts the values of one text above those of the layers so far. A text with a syntax error adds nothing.
    pub(super) fn add_toml(&mut self, text: &str, origin: &Origin, problems: &mut Vec<Problem>) {
        match TomlSource::parse(text) {
            Ok(source) => {
                // This source cannot fail: its text is parsed.
                let table = source.collect().unwrap_or_default();
                TomlLayer { layers: self, problems, origin }.add_table(&KeyPath::root(), table);
            }
            Err(errors) => {
                self.mark_unreadable_layer();
                problems.extend(errors.into_iter().map(|error| Problem {
                    subject: origin.to_string(),
                    place: error.line.map(|line| format!("line {line}")),
                    what: format!("not valid TOML: {}", error.what),
                    remedy: REMEDY.to_owned(),
                }));
            }
        }
    }
}

impl TomlLayer<'_> {
    fn add_table(&mut self, table: &KeyPath, entries: Map<String, Value>) {
        let mut entries: Vec<_> = entries
            .into_iter()
            .map(|(name, value)| (value.origin().and_then(|line| line.parse().ok()), table.with(&name), value.kind))
            .collect();
        entries.sort_by(|(line, path, _), (other_line, other, _)| (line, path).cmp(&(other_line, other)));
        let mut spellings: BTreeMap<KeyPath, KeyPath> = BTreeMap::new();
        for (line, path, value) in entries {
            let origin = self.origin_at(line);
            if let Some(other) = spellings.get(&path.folded()) {
                self.problems.push(Problem::same_name(&path, other, &origin));
                continue;
            }
            spellings.insert(path.folded(), path.clone());
            self.add_entry(path, value, origin);
        }
    }

    fn add_entry(&mut self, path: KeyPath, value: ValueKind, origin: Origin) {
        match (classify(&path), value) {
            (KeyKind::ProtectedGroup, ValueKind::Table(inner)) if inner.is_empty() => {
                let what = "has no key that says how the group is protected";
                self.problems.push(Problem::of_key(&path, &origin, what, "write min_members, required, or both"));
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

    fn origin_at(&self, line: Option<usize>) -> Origin {
        match self.origin {
            Origin::File { path, .. } => Origin::File { path: path.clone(), line },
            other => other.clone(),
        }
    }
}

/// The table with the line of each key as the origin of its value. Fails where a number is too large.
fn table_of(table: &DeTable<'_>, line_of: &impl Fn(usize) -> usize) -> Result<Map<String, Value>, SyntaxError> {
    let mut entries = Map::new();
    for (name, value) in table {
        let line = line_of(name.span().start);
        let kind = kind_of(value.get_ref(), line, line_of)?;
        entries.insert(name.get_ref().to_string(), Value::new(Some(&line.to_string()), kind));
    }
    Ok(entries)
}

fn kind_of(value: &DeValue<'_>, line: usize, line_of: &impl Fn(usize) -> usize) -> Result<ValueKind, SyntaxError> {
    let too_large = || SyntaxError { line: Some(line), what: "a number is too large".to_owned() };
    Ok(match value {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        DeValue::Integer(number) => {
            ValueKind::I64(i64::from_str_radix(number.as_str(), number.radix()).map_err(|_| too_large())?)
        }
        DeValue::Float(number) => ValueKind::Float(number.as_str().parse().map_err(|_| too_large())?),
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        DeValue::Datetime(time) => ValueKind::String(time.to_string()),
        DeValue::Array(values) => {
            let kinds = values.iter().map(|value| kind_of(value.get_ref(), line, line_of));
            ValueKind::Array(kinds.map(|kind| Ok(Value::new(None, kind?))).collect::<Result<_, _>>()?)
        }
        DeValue::Table(inner) => ValueKind::Table(table_of(inner, line_of)?),
    })
}
