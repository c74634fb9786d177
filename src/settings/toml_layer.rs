//! One layer in TOML, each value with its line.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::{
    KeyPath, Problem,
    layers::{Layers, Origin, Value, variable},
    regular_file,
    schema::{KeyKind, classify},
    sources::ConfigFile,
};

/// What to do about a line that is not TOML.
const REMEDY: &str = "correct this line; strings, durations and addresses are written in quotes";

/// One text whose values are put into the layers.
struct TomlLayer<'a> {
    layers: &'a mut Layers,
    problems: &'a mut Vec<Problem>,
    origin: &'a Origin,
    /// The positions of the line ends in the text, ascending.
    line_ends: Vec<usize>,
}

impl Layers {
    /// Puts the values of the configuration file above those of the defaults. Only the system's file may be missing.
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

    /// Puts the values of one text above those of the layers so far. A text with a syntax error adds nothing.
    pub(super) fn add_toml(&mut self, text: &str, origin: &Origin, problems: &mut Vec<Problem>) {
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut layer = TomlLayer { layers: self, problems, origin, line_ends };
        let (document, errors) = DeTable::parse_recoverable(text);
        let mut faults: Vec<(Option<usize>, &str)> =
            errors.iter().map(|error| (error.span().map(|span| layer.line_of(span.start)), error.message())).collect();
        // A second error on the same line most often has the same cause.
        faults.dedup_by_key(|(line, _)| *line);
        for (line, what) in &faults {
            layer.report_syntax(*line, what);
        }
        if faults.is_empty() {
            layer.add_table(&KeyPath::root(), document.get_ref());
        }
    }
}

impl TomlLayer<'_> {
    fn add_table(&mut self, table: &KeyPath, entries: &DeTable<'_>) {
        let mut entries: Vec<_> = entries
            .iter()
            .map(|(name, value)| (self.line_of(name.span().start), table.with(name.get_ref()), value.get_ref()))
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
            self.add_entry(path, value, line, origin);
        }
    }

    fn add_entry(&mut self, path: KeyPath, value: &DeValue<'_>, line: usize, origin: Origin) {
        match (classify(&path), value) {
            (KeyKind::ProtectedGroup, DeValue::Table(inner)) if inner.is_empty() => {
                let what = "has no key that says how the group is protected";
                self.problems.push(Problem::of_key(&path, &origin, what, "write min_members, required, or both"));
            }
            (KeyKind::Table | KeyKind::ProtectedGroup, DeValue::Table(inner)) => {
                match self.layers.register_instance(&path, &origin) {
                    Ok(()) => self.add_table(&path, inner),
                    Err(problem) => self.problems.push(problem),
                }
            }
            (KeyKind::Table | KeyKind::ProtectedGroup, _) => self.problems.push(Problem::not_a_table(&path, &origin)),
            (KeyKind::Value, value) => match value_of(value) {
                Some(value) => self.layers.put(path, value, origin),
                None => self.report_syntax(Some(line), "a number is too large"),
            },
            (KeyKind::Secret, _) => self.problems.push(Problem::secret_in_file(&path, &origin, &variable(&path))),
            (KeyKind::Unknown, _) => self.problems.push(Problem::unknown(&path, &origin)),
        }
    }

    /// Reports a line that is not TOML. Repeats no part of the line, because it may contain a secret.
    fn report_syntax(&mut self, line: Option<usize>, what: &str) {
        self.layers.mark_unreadable_layer();
        self.problems.push(Problem {
            subject: self.origin.to_string(),
            place: line.map(|line| format!("line {line}")),
            what: format!("not valid TOML: {what}"),
            remedy: REMEDY.to_owned(),
        });
    }

    /// The line, counted from 1, of a position in the text.
    fn line_of(&self, at: usize) -> usize {
        self.line_ends.partition_point(|end| *end < at) + 1
    }

    fn origin_at(&self, line: usize) -> Origin {
        match self.origin {
            Origin::File { path, .. } => Origin::File { path: path.clone(), line: Some(line) },
            other => other.clone(),
        }
    }
}

/// The value as layers hold it; `None` where a number does not fit.
fn value_of(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()?),
        DeValue::Float(number) => Value::Float(number.as_str().parse().ok()?),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(values) => {
            Value::List(values.iter().map(|value| value_of(value.get_ref())).collect::<Option<_>>()?)
        }
        DeValue::Table(_) => Value::Table,
    })
}
