//! Runs a query over the tables and writes the rows it found.

use std::collections::HashSet;

use super::expression::{Ranges, compare, key_ranges};
use super::query::{Column, Operation, Query};
use super::schema::{Entity, Field, Link, OwnerField, Row, Value};
use super::shuffle::shuffle;
use super::soap_fault::Cause;
use super::tables::{NULL_ID, Owner, OwnerKind, Tables};
use super::xml::Markup;

/// What of the dials concerns a query.
#[derive(Debug, Clone, Copy)]
pub(super) struct SelectOptions {
    /// Seeds the order of rows that no `orderBy` settles.
    pub(super) seed: u64,
    /// A page with `startLine` repeats the last row of the page before.
    pub(super) page_overlap: bool,
    /// Attributes with an empty value are left out.
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
            out.empty(name, &[("count", &search.count().to_string())]);
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
    fn count(&self) -> usize {
        let found = self.candidates().filter(|row| self.query.filter.holds(*row, self.tables));
        if self.query.distinct { self.distinct(found).count() } else { found.count() }
    }

    /// The rows of the page, in order.
    fn page(&self, options: SelectOptions) -> Vec<Row<'t>> {
        let overlap = usize::from(options.page_overlap && self.query.start_line > 0);
        let start = self.query.start_line - overlap;
        let found = self.candidates().filter(|row| self.query.filter.holds(*row, self.tables));
        if self.is_in_key_order() {
            // The tables are in this order already: the read stops where the page ends.
            let rows: Box<dyn Iterator<Item = Row<'t>>> =
                if self.query.distinct { Box::new(self.distinct(found)) } else { Box::new(found) };
            return rows.skip(start).take(self.query.line_count).collect();
        }
        let mut rows: Vec<Row<'t>> = if self.query.distinct { self.distinct(found).collect() } else { found.collect() };
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

    /// Whether the candidates come in the order asked for, with nothing left open.
    fn is_in_key_order(&self) -> bool {
        let mut fields = Vec::new();
        for step in &self.query.order {
            if step.descending {
                return false;
            }
            fields.push(step.field);
        }
        match (self.query.entity, fields.as_slice()) {
            (Entity::Operator | Entity::Group, [Field::Own(OwnerField::Id), ..]) => true,
            (Entity::Membership, [Field::ForeignKey(Link::Operator), Field::ForeignKey(Link::Group), ..]) => {
                !self.is_by_group() || self.ranges(Link::Group).is_one_point()
            }
            _ => false,
        }
    }

    /// Rows that may match, ascending by id, or by operator and group, or by group and operator.
    fn candidates(&self) -> Box<dyn Iterator<Item = Row<'t>> + 't> {
        let tables = self.tables;
        match self.query.entity {
            Entity::ExternalAccount => Box::new(tables.accounts.iter().map(Row::Account)),
            Entity::Operator => Box::new(self.owners()),
            Entity::Group => {
                let is_group = |owner: &Owner| owner.kind == OwnerKind::Group || owner.id == NULL_ID;
                Box::new(self.owners().filter(move |row| matches!(row, Row::Owner(owner) if is_group(owner))))
            }
            Entity::Membership if self.is_by_group() => {
                let ranges: Vec<(i64, i64)> = self.ranges(Link::Group).iter().collect();
                Box::new(ranges.into_iter().flat_map(|(first, last)| tables.members(first, last)).map(Row::Membership))
            }
            Entity::Membership => {
                let ranges: Vec<(i64, i64)> = self.ranges(Link::Operator).iter().collect();
                Box::new(
                    ranges.into_iter().flat_map(|(first, last)| tables.memberships(first, last)).map(Row::Membership),
                )
            }
        }
    }

    fn owners(&self) -> impl Iterator<Item = Row<'t>> + use<'t> {
        let tables = self.tables;
        let kinds: &[OwnerKind] =
            if self.query.entity == Entity::Group { &[OwnerKind::Group] } else { &OwnerKind::ALL };
        let is_key = |field| field == Field::Own(OwnerField::Id);
        let equals = |field, name: &str| (field == Field::Own(OwnerField::Name)).then(|| ids(tables, kinds, name));
        let ranges: Vec<(i64, i64)> = key_ranges(&self.query.filter, &is_key, &equals).iter().collect();
        ranges.into_iter().flat_map(|(first, last)| tables.owners(first, last)).map(Row::Owner)
    }

    /// The index by group pays only where the condition says nothing about the operator.
    fn is_by_group(&self) -> bool {
        self.ranges(Link::Operator).is_everything() && !self.ranges(Link::Group).is_everything()
    }

    fn ranges(&self, link: Link) -> Ranges {
        let kinds: &[OwnerKind] = if link == Link::Group { &[OwnerKind::Group] } else { &OwnerKind::ALL };
        // `[group/@id]` is no key: at the end of the link to a named right it reads 0.
        let is_key = |field| {
            field == Field::ForeignKey(link) || (link, field) == (Link::Operator, Field::Linked(link, OwnerField::Id))
        };
        let equals = |field, name: &str| {
            (field == Field::Linked(link, OwnerField::Name) && !name.is_empty()).then(|| ids(self.tables, kinds, name))
        };
        key_ranges(&self.query.filter, &is_key, &equals)
    }
}

fn ids(tables: &Tables, kinds: &[OwnerKind], name: &str) -> Vec<i64> {
    kinds.iter().filter_map(|&kind| tables.id_of(kind, name)).collect()
}

/// What the rows are written with.
#[derive(Clone, Copy)]
struct Context<'t> {
    tables: &'t Tables,
    options: SelectOptions,
}

/// The columns as they nest in the answer.
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
