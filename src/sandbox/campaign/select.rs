//! Runs a query over the tables and writes the rows it found.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::super::random::shuffle;
use super::expression::{Aggregate, compare};
use super::query::{Column, ColumnValue, Operation, Query};
use super::schema::{Entity, Field, Link, OwnerField, Row, Value};
use super::soap_fault::Cause;
use super::tables::Tables;
use super::xml::Markup;

/// The behavior that concerns queries.
#[derive(Debug, Clone, Copy)]
pub(super) struct SelectOptions {
    /// Seeds the order of rows without an `orderBy`.
    pub(super) seed: u64,
    /// A page with `startLine` repeats the last row of the page before.
    pub(super) page_overlap: bool,
    /// Omits attributes with an empty value.
    pub(super) omit_empty: bool,
}

/// The content of `pdomOutput`.
pub(super) fn run(query: &Query, tables: &Tables, options: SelectOptions) -> Result<String, Cause> {
    let search = Search { query, tables };
    let name = query.entity.name();
    let shape = ResultShape::of(&query.columns);
    let context = Context { tables, options };
    let mut out = Markup::default();
    match query.operation {
        Operation::Count => {
            out.empty(name, &[("count", &search.found().count().to_string())]);
        }
        Operation::Get | Operation::GetIfExists => match search.page(options).first() {
            Some(row) => shape.push(&mut out, name, &[*row], context),
            None if query.operation == Operation::GetIfExists => out.empty(name, &[]),
            None => return Err(Cause::new("WDB-200011 The requested database record does not exist.")),
        },
        Operation::Select => {
            let groups = match &query.group_by {
                Some(fields) => search.groups(fields, options),
                None => search.page(options).into_iter().map(|row| vec![row]).collect(),
            };
            let collection = format!("{name}-collection");
            if groups.is_empty() {
                out.empty(&collection, &[]);
            } else {
                out.open(&collection, &[]);
                for rows in groups {
                    shape.push(&mut out, name, &rows, context);
                }
                out.close(&collection);
            }
        }
    }
    Ok(out.into_string())
}

struct Search<'t> {
    query: &'t Query,
    tables: &'t Tables,
}

impl<'t> Search<'t> {
    /// The rows that match, by key.
    fn found(&self) -> Box<dyn Iterator<Item = Row<'t>> + '_> {
        let tables = self.tables;
        let rows: Box<dyn Iterator<Item = Row<'t>>> = match self.query.entity {
            Entity::Operator => Box::new(tables.owners().filter(|owner| tables.is_operator_row(owner)).map(Row::Owner)),
            Entity::Group => Box::new(tables.owners().filter(|owner| tables.is_group_row(owner)).map(Row::Owner)),
            Entity::Membership => Box::new(tables.memberships().map(Row::Membership)),
            Entity::ExternalAccount => Box::new(tables.accounts.iter().map(Row::Account)),
        };
        let matching = rows.filter(|row| self.query.filter.holds(*row, tables));
        if self.query.distinct && self.query.group_by.is_none() {
            Box::new(self.distinct(matching))
        } else {
            Box::new(matching)
        }
    }

    /// The rows of the page, in order.
    fn page(&self, options: SelectOptions) -> Vec<Row<'t>> {
        let overlap = usize::from(options.page_overlap && self.query.start_line > 0);
        let start = self.query.start_line - overlap;
        if self.is_in_key_order() {
            return self.found().skip(start).take(self.query.line_count).collect();
        }
        let mut rows: Vec<Row<'t>> = self.found().collect();
        shuffle(&mut rows, options.seed);
        rows.sort_by(|left, right| self.compare(*left, *right));
        rows.into_iter().skip(start).take(self.query.line_count).collect()
    }

    fn compare(&self, left: Row<'t>, right: Row<'t>) -> Ordering {
        let steps = self.query.order.iter().map(|step| {
            let ordering = compare(left.value(step.field, self.tables), right.value(step.field, self.tables));
            if step.descending { ordering.reverse() } else { ordering }
        });
        steps.fold(Ordering::Equal, Ordering::then)
    }

    /// The rows of the page, by groups that are equal in these fields; without a field, one group that may be empty.
    fn groups(&self, fields: &[Field], options: SelectOptions) -> Vec<Vec<Row<'t>>> {
        if fields.is_empty() {
            return vec![self.found().collect()];
        }
        let mut groups: HashMap<Vec<String>, Vec<Row<'t>>> = HashMap::new();
        for row in self.found() {
            let key = fields.iter().map(|field| key_of(row.value(*field, self.tables))).collect();
            groups.entry(key).or_default().push(row);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|rows| rows.first().map(|row| format!("{row:?}")));
        shuffle(&mut groups, options.seed);
        groups.sort_by(|left, right| match (left.first(), right.first()) {
            (Some(left), Some(right)) => self.compare(*left, *right),
            _ => Ordering::Equal,
        });
        groups.into_iter().skip(self.query.start_line).take(self.query.line_count).collect()
    }

    fn distinct(&self, rows: impl Iterator<Item = Row<'t>>) -> impl Iterator<Item = Row<'t>> {
        let mut seen = HashSet::new();
        rows.filter(move |row| {
            let values = self.query.columns.iter().filter_map(|column| match column.value {
                ColumnValue::Field(field) => Some(key_of(row.value(field, self.tables))),
                ColumnValue::Aggregate(..) => None,
            });
            seen.insert(values.collect::<Vec<String>>())
        })
    }

    /// Whether the query orders by the whole key, as the tables do: the read can stop at the end of its page.
    fn is_in_key_order(&self) -> bool {
        let ascending = self.query.order.iter().map(|step| (!step.descending).then_some(step.field));
        let fields: Option<Vec<Field>> = ascending.collect();
        match self.query.entity {
            Entity::Operator | Entity::Group => {
                matches!(fields.as_deref(), Some([Field::Own(OwnerField::Id), ..]))
            }
            Entity::Membership => {
                let key = [Field::ForeignKey(Link::Operator), Field::ForeignKey(Link::Group)];
                fields.is_some_and(|fields| fields.starts_with(&key))
            }
            Entity::ExternalAccount => false,
        }
    }
}

/// A value as part of a key: a text is never equal to a number.
fn key_of(value: Value<'_>) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => format!("'{text}"),
    }
}

impl ColumnValue {
    /// What the column shows of the rows of a group, or of a row by itself.
    fn of<'t>(self, rows: &[Row<'t>], tables: &'t Tables) -> Value<'t> {
        let values = |field| rows.iter().map(move |row| row.value(field, tables));
        let nothing = Value::Number(0);
        match self {
            Self::Field(field) => values(field).next().unwrap_or(nothing),
            Self::Aggregate(Aggregate::Count, _) => Value::Number(i64::try_from(rows.len()).unwrap_or(i64::MAX)),
            Self::Aggregate(Aggregate::Min, field) => values(field).min_by(|a, b| compare(*a, *b)).unwrap_or(nothing),
            Self::Aggregate(Aggregate::Max, field) => values(field).max_by(|a, b| compare(*a, *b)).unwrap_or(nothing),
        }
    }
}

/// What the rows are written with.
#[derive(Clone, Copy)]
struct Context<'t> {
    tables: &'t Tables,
    options: SelectOptions,
}

/// The columns as they nest in the response.
#[derive(Default)]
struct ResultShape<'q> {
    attributes: Vec<(&'q str, ColumnValue)>,
    children: Vec<(&'q str, Self)>,
}

impl<'q> ResultShape<'q> {
    fn of(columns: &'q [Column]) -> Self {
        let mut root = Self::default();
        for column in columns {
            root.insert(&column.elements, column);
        }
        root
    }

    fn insert(&mut self, elements: &'q [String], column: &'q Column) {
        let Some((element, inner)) = elements.split_first() else {
            if !self.attributes.iter().any(|(name, _)| *name == column.attribute) {
                self.attributes.push((&column.attribute, column.value));
            }
            return;
        };
        if let Some((_, child)) = self.children.iter_mut().find(|(name, _)| name == element) {
            child.insert(inner, column);
        } else {
            let mut child = Self::default();
            child.insert(inner, column);
            self.children.push((element, child));
        }
    }

    fn push(&self, out: &mut Markup, name: &str, rows: &[Row<'_>], context: Context<'_>) {
        out.start(name);
        for (attribute, value) in &self.attributes {
            match value.of(rows, context.tables) {
                Value::Number(number) => out.attribute(attribute, &number.to_string()),
                Value::Text("") if context.options.omit_empty => {}
                Value::Text(text) => out.attribute(attribute, text),
            }
        }
        if self.children.is_empty() {
            out.no_content();
            return;
        }
        out.content();
        for (child, shape) in &self.children {
            shape.push(out, child, rows, context);
        }
        out.close(name);
    }
}
