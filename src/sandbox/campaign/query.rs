//! `ExecuteQuery`'s document: from `queryDef` to a query with every path resolved.

use super::expression::{Aggregate, Expression, parse, parse_aggregate, parse_path};
use super::schema::{Entity, Field, Schemas};
use super::soap_fault::Cause;
use super::xml::Element;

/// Rows of a SOAP select that names no `lineCount` (acc-js-sdk documentation; a v8 page says up to 10,000).
const DEFAULT_LINE_COUNT: usize = 200;

/// Deepest nesting of conditions.
const MAX_DEPTH: usize = 32;

/// What the query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// All rows, up to the line count.
    Select,
    /// One row; a fault when there is none.
    Get,
    /// One row; an empty element when there is none.
    GetIfExists,
    /// The number of rows.
    Count,
}

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnValue {
    /// A field of the row; of any row of a group, which share it.
    Field(Field),
    /// What a function makes of a field of all rows of a group.
    Aggregate(Aggregate, Field),
}

/// A column of the response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) value: ColumnValue,
    /// The elements around the attribute, outermost first.
    pub(super) elements: Vec<String>,
    pub(super) attribute: String,
}

/// One step of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrderBy {
    pub(super) field: Field,
    pub(super) descending: bool,
}

/// A query that can be run.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) entity: Entity,
    pub(super) operation: Operation,
    pub(super) columns: Vec<Column>,
    /// What the rows are grouped by, where they are; all rows are one group when it names no field.
    pub(super) group_by: Option<Vec<Field>>,
    pub(super) filter: Expression<Field>,
    pub(super) order: Vec<OrderBy>,
    pub(super) start_line: usize,
    pub(super) line_count: usize,
    pub(super) distinct: bool,
}

impl Query {
    /// Reads a `queryDef` element.
    pub(super) fn read(document: &Element, schemas: Schemas<'_>) -> Result<Self, Cause> {
        let schema = document.attribute("schema").unwrap_or_default();
        let entity = schemas.entity(schema).ok_or_else(|| unknown_schema(schema))?;
        let reader = Reader { entity, schemas };
        if document.child("having").is_some() {
            return Err(not_simulated("the element 'having'"));
        }
        let filter = match document.child("where") {
            Some(condition) => reader.conditions(condition, 0)?,
            None => Expression::And(Vec::new()),
        };
        let line_count = number(document, "lineCount")?.filter(|&count| count > 0);
        let columns = reader.columns(document.child("select"))?;
        let group_by = reader.group_by(document, &columns)?;
        let order = reader.order(document.child("orderBy"))?;
        if group_by.as_ref().is_some_and(|fields| order.iter().any(|step| !fields.contains(&step.field))) {
            return Err(not_simulated("an order of groups by anything but what makes them"));
        }
        Ok(Self {
            entity,
            operation: operation(document.attribute("operation").unwrap_or("select"))?,
            columns,
            group_by,
            filter,
            order,
            start_line: number(document, "startLine")?.unwrap_or(0),
            line_count: line_count.unwrap_or(DEFAULT_LINE_COUNT),
            distinct: truth(document.attribute("distinct")),
        })
    }
}

/// Reads the conditions below an element that is `where`, or that holds one.
pub(super) fn read_filter(
    entity: Entity,
    condition: &Element,
    schemas: Schemas<'_>,
) -> Result<Expression<Field>, Cause> {
    let condition = condition.child("where").unwrap_or(condition);
    Reader { entity, schemas }.conditions(condition, 0)
}

fn operation(name: &str) -> Result<Operation, Cause> {
    match name {
        "select" => Ok(Operation::Select),
        "get" => Ok(Operation::Get),
        "getIfExists" => Ok(Operation::GetIfExists),
        "count" => Ok(Operation::Count),
        other => Err(not_simulated(&format!("the operation '{other}'"))),
    }
}

fn number(document: &Element, name: &str) -> Result<Option<usize>, Cause> {
    match document.attribute(name) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            Cause::new(format!("XTK-170024 The value '{text}' of the attribute '{name}' is not a valid number."))
        }),
    }
}

fn truth(value: Option<&str>) -> bool {
    matches!(value, Some("true" | "1"))
}

struct Reader<'a> {
    entity: Entity,
    schemas: Schemas<'a>,
}

impl Reader<'_> {
    fn columns(&self, select: Option<&Element>) -> Result<Vec<Column>, Cause> {
        let nodes = select.into_iter().flat_map(|select| select.children_named("node"));
        let columns = nodes.map(|node| self.column(node)).collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() {
            // No public source shows the response of an instance to a query without a selection; the ids are enough
            // here.
            let keys: &[&str] =
                if self.entity == Entity::Membership { &["@operator-id", "@group-id"] } else { &["@id"] };
            let value = |path| self.resolve(path, path).map(ColumnValue::Field);
            return keys.iter().map(|path| Ok(column(value(path)?, path))).collect();
        }
        Ok(columns)
    }

    fn column(&self, node: &Element) -> Result<Column, Cause> {
        if !node.children.is_empty() {
            return Err(not_simulated("a collection inside a selection"));
        }
        let expression = node.attribute("expr").unwrap_or_default();
        let alias = node.attribute("alias").filter(|alias| !alias.is_empty());
        let alias = alias.map(|alias| match parse_path(alias) {
            Ok(path) if path.split('/').all(is_name) => Ok(path),
            _ => Err(unreadable("The alias is not a path", alias)),
        });
        let alias = alias.transpose()?;
        if let Some((aggregate, path)) = parse_aggregate(expression) {
            let value = ColumnValue::Aggregate(aggregate, self.resolve(&path, expression)?);
            // No public source shows the name of such a column without an alias.
            return alias
                .map(|alias| column(value, &alias))
                .ok_or_else(|| not_simulated("a function without an alias"));
        }
        let path = path_of(node)?;
        let value = ColumnValue::Field(self.resolve(&path, expression)?);
        Ok(column(value, alias.as_deref().unwrap_or(&path)))
    }

    /// The fields to group by: those of `groupBy`, and those of columns that say so.
    fn group_by(&self, document: &Element, columns: &[Column]) -> Result<Option<Vec<Field>>, Cause> {
        let selected = document.child("select").into_iter().flat_map(|select| select.children_named("node"));
        let selected = selected.filter(|node| truth(node.attribute("groupBy")));
        let listed = document.child("groupBy").into_iter().flat_map(|group_by| group_by.children_named("node"));
        let nodes = selected.chain(listed);
        let fields = nodes.map(|node| self.resolve(&path_of(node)?, node.attribute("expr").unwrap_or_default()));
        let fields = fields.collect::<Result<Vec<_>, _>>()?;
        let has_aggregate = columns.iter().any(|column| matches!(column.value, ColumnValue::Aggregate(..)));
        if fields.is_empty() && !has_aggregate {
            return Ok(None);
        }
        let is_grouped = |column: &Column| match column.value {
            ColumnValue::Field(field) => fields.contains(&field),
            ColumnValue::Aggregate(..) => true,
        };
        if columns.iter().all(is_grouped) {
            Ok(Some(fields))
        } else {
            Err(not_simulated("a column that differs in a group"))
        }
    }

    fn order(&self, order: Option<&Element>) -> Result<Vec<OrderBy>, Cause> {
        let nodes = order.into_iter().flat_map(|order| order.children_named("node"));
        nodes
            .map(|node| {
                let field = self.resolve(&path_of(node)?, node.attribute("expr").unwrap_or_default())?;
                Ok(OrderBy { field, descending: truth(node.attribute("sortDesc")) })
            })
            .collect()
    }

    /// Joins the conditions of one level. The operator of a condition ties it to the one after it (Adobe's
    /// documentation of `ExecuteQuery`, "Bracketing in conditions"), and AND binds tighter, as in SQL.
    fn conditions(&self, parent: &Element, depth: usize) -> Result<Expression<Field>, Cause> {
        if depth > MAX_DEPTH {
            return Err(not_simulated("conditions nested this deep"));
        }
        let mut alternatives = vec![Vec::new()];
        let mut alternative_follows = false;
        for condition in parent.children_named("condition") {
            if truth(condition.attribute("ignore")) {
                continue;
            }
            let expression = self.condition(condition, depth)?;
            match alternatives.last_mut() {
                Some(last) if !alternative_follows => last.push(expression),
                _ => alternatives.push(vec![expression]),
            }
            let operator = condition.attribute("boolOperator").or_else(|| condition.attribute("bool-operator"));
            alternative_follows = operator.is_some_and(|operator| operator.eq_ignore_ascii_case("OR"));
        }
        Ok(Expression::Or(alternatives.into_iter().map(Expression::And).collect()))
    }

    fn condition(&self, condition: &Element, depth: usize) -> Result<Expression<Field>, Cause> {
        for unsupported in ["setOperator", "enabledIf", "sql"] {
            if condition.attribute(unsupported).is_some_and(|value| !value.is_empty()) {
                return Err(not_simulated(&format!("the attribute '{unsupported}' of a condition")));
            }
        }
        if condition.child("subQuery").is_some() {
            return Err(not_simulated("the element 'subQuery'"));
        }
        let own = match condition.attribute("expr").filter(|text| !text.trim().is_empty()) {
            None => Expression::And(Vec::new()),
            Some(text) => {
                let parsed = parse(text).map_err(|error| unreadable(&error, text))?;
                parsed.resolve(&|path: String| self.resolve(&path, text))?
            }
        };
        if condition.child("condition").is_none() {
            return Ok(own);
        }
        Ok(Expression::And(vec![own, self.conditions(condition, depth + 1)?]))
    }

    fn resolve(&self, path: &str, expression: &str) -> Result<Field, Cause> {
        self.schemas.resolve(self.entity, path).map_err(|unknown| unknown_path(unknown, expression))
    }
}

fn path_of(node: &Element) -> Result<String, Cause> {
    let expression = node.attribute("expr").unwrap_or_default();
    parse_path(expression).map_err(|error| unreadable(&error, expression))
}

/// Whether a step of an alias can become the name of an element or attribute.
fn is_name(step: &str) -> bool {
    let name = step.trim_start_matches('@');
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_alphanumeric() || matches!(character, '_' | '-'))
}

fn column(value: ColumnValue, path: &str) -> Column {
    let mut elements: Vec<String> = path.split('/').map(str::to_owned).collect();
    let attribute = elements.pop().unwrap_or_default();
    Column { value, elements, attribute: attribute.trim_start_matches('@').to_owned() }
}

/// The line about the unknown attribute, then that about the expression.
pub(super) fn unknown_path(unknown: String, expression: &str) -> Cause {
    Cause::new(unknown).within(format!("XTK-170036 Unable to parse expression '{expression}'."))
}

fn unreadable(error: &str, expression: &str) -> Cause {
    Cause::new(format!("{error}.")).within(format!("XTK-170006 Unable to parse expression '{expression}'."))
}

/// The wording is the sandbox's own: public sources show only the code.
pub(super) fn unknown_schema(schema: &str) -> Cause {
    Cause::new(format!(
        "XSV-350001 The schema '{schema}' could not be loaded; there are xtk:operator, xtk:group, xtk:operatorGroup and nms:extAccount."
    ))
}

/// The wording is the sandbox's own: real instances can do this.
fn not_simulated(what: &str) -> Cause {
    Cause::new(format!("The sandbox does not simulate {what}."))
}
