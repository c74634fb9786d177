//! Runs a query over the tables and writes the rows it found.

use std::collections::HashSet;

use super::super::random::shuffle;
use super::expression::compare;
use super::query::{Column, Operation, Query};
use super::schema::{Entity, Field, Link, OwnerField, Row, Value};
use super::soap_fault::Cause;
use super::tables::{NULL_ID, Owner, OwnerKind, Tables};
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
            Some(row) => shape.push(&mut out, name, *row, context),
            None if query.operation == Operation::GetIfExists => out.empty(name, &[]),
            None => return Err(Cause::new("WDB-200011 The requested database record does not exist.")),
        },
        Operation::Select => {
            let (rows, collection) = (search.page(options), format!("{name}-collection"));
            if rows.is_empty() {
                out.empty(&collection, &[]);
            } else {
                out.open(&collection, &[]);
                for row in rows {
                    shape.push(&mut out, name, row, context);
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
        let (tables, is_group) = (self.tables, |owner: &&Owner| owner.kind == OwnerKind::Group || owner.id == NULL_ID);
        let rows: Box<dyn Iterator<Item = Row<'t>>> = match self.query.entity {
            Entity::Operator => Box::new(tables.owners().map(Row::Owner)),
            Entity::Group => Box::new(tables.owners().filter(is_group).map(Row::Owner)),
            Entity::Membership => Box::new(tables.memberships().map(Row::Membership)),
            Entity::ExternalAccount => Box::new(tables.accounts.iter().map(Row::Account)),
        };
        let matching = rows.filter(|row| self.query.filter.holds(*row, tables));
        if self.query.distinct { Box::new(self.distinct(matching)) } else { Box::new(matching) }
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
        rows.sort_by(|left, right| {
            let steps = self.query.order.iter().map(|step| {
                let ordering = compare(left.value(step.field, self.tables), right.value(step.field, self.tables));
                if step.descending { ordering.reverse() } else { ordering }
            });
            steps.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        rows.into_iter().skip(start).take(self.query.line_count).collect()
    }

    fn distinct(&self, rows: impl Iterator<Item = Row<'t>>) -> impl Iterator<Item = Row<'t>> {
        let mut seen = HashSet::new();
        rows.filter(move |row| {
            let values: Vec<String> = self
                .query
                .columns
                .iter()
                .map(|column| match row.value(column.field, self.tables) {
                    Value::Number(number) => number.to_string(),
                    Value::Text(text) => format!("'{text}"),
                })
                .collect();
            seen.insert(values)
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

/// What the rows are written with.
#[derive(Clone, Copy)]
struct Context<'t> {
    tables: &'t Tables,
    options: SelectOptions,
}

/// The columns as they nest in the response.
#[derive(Default)]
struct ResultShape<'q> {
    attributes: Vec<(&'q str, Field)>,
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
                self.attributes.push((&column.attribute, column.field));
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

    fn push(&self, out: &mut Markup, name: &str, row: Row<'_>, context: Context<'_>) {
        out.start(name);
        for (attribute, field) in &self.attributes {
            match row.value(*field, context.tables) {
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
            shape.push(out, child, row, context);
        }
        out.close(name);
    }
}
