//! XTK expressions: the subset that queries over three narrow tables need, parsed and evaluated row by row.

mod lexer;
mod parser;

use std::cmp::Ordering;

use super::schema::{Field, Row, Value};
use super::tables::Tables;

pub(super) use parser::{parse, parse_aggregate, parse_path};

/// A condition over paths of type `P`: texts as parsed, [`Field`]s once a schema has resolved them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression<P> {
    /// One side compared with the other.
    Compare(Operand<P>, Comparison, Operand<P>),
    /// The operand equals one of the list.
    In(Operand<P>, Vec<Operand<P>>),
    /// The operand matches a pattern of `%` and `_`.
    Like(Operand<P>, Vec<PatternElement>),
    /// The opposite.
    Not(Box<Self>),
    /// All of them; true when empty.
    And(Vec<Self>),
    /// Any of them; false when empty.
    Or(Vec<Self>),
}

/// A function over the rows of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    /// The number of rows.
    Count,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operand<P> {
    /// A field of the row.
    Path(P),
    /// A literal between apostrophes, unescaped.
    Text(String),
    /// An integer literal; `true` is 1 and `false` 0.
    Number(i64),
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// One element of a LIKE pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatternElement {
    /// Any number of characters.
    AnyRun,
    /// Exactly one character.
    AnyOne,
    /// This character.
    Exactly(char),
}

impl<P> Expression<P> {
    /// The same condition over other paths; the first path that `resolve` refuses ends it.
    pub(super) fn resolve<Q, E>(self, resolve: &impl Fn(P) -> Result<Q, E>) -> Result<Expression<Q>, E> {
        let all = |list: Vec<Self>| list.into_iter().map(|one| one.resolve(resolve)).collect::<Result<_, E>>();
        Ok(match self {
            Self::Compare(left, comparison, right) => {
                Expression::Compare(left.resolve(resolve)?, comparison, right.resolve(resolve)?)
            }
            Self::In(operand, list) => Expression::In(
                operand.resolve(resolve)?,
                list.into_iter().map(|one| one.resolve(resolve)).collect::<Result<_, E>>()?,
            ),
            Self::Like(operand, pattern) => Expression::Like(operand.resolve(resolve)?, pattern),
            Self::Not(inner) => Expression::Not(Box::new(inner.resolve(resolve)?)),
            Self::And(list) => Expression::And(all(list)?),
            Self::Or(list) => Expression::Or(all(list)?),
        })
    }
}

impl<P> Operand<P> {
    fn resolve<Q, E>(self, resolve: &impl Fn(P) -> Result<Q, E>) -> Result<Operand<Q>, E> {
        Ok(match self {
            Self::Path(path) => Operand::Path(resolve(path)?),
            Self::Text(text) => Operand::Text(text),
            Self::Number(number) => Operand::Number(number),
        })
    }
}

impl Expression<Field> {
    /// Whether the condition holds for a row.
    pub(super) fn holds(&self, row: Row<'_>, tables: &Tables) -> bool {
        match self {
            Self::Compare(left, comparison, right) => {
                comparison.holds(compare(left.value(row, tables), right.value(row, tables)))
            }
            Self::In(operand, list) => {
                let value = operand.value(row, tables);
                list.iter().any(|one| compare(value, one.value(row, tables)).is_eq())
            }
            Self::Like(operand, pattern) => match operand.value(row, tables) {
                Value::Text(text) => matches_pattern(text, pattern),
                Value::Number(number) => matches_pattern(&number.to_string(), pattern),
            },
            Self::Not(inner) => !inner.holds(row, tables),
            Self::And(list) => list.iter().all(|one| one.holds(row, tables)),
            Self::Or(list) => list.iter().any(|one| one.holds(row, tables)),
        }
    }
}

impl Operand<Field> {
    fn value<'a>(&'a self, row: Row<'a>, tables: &'a Tables) -> Value<'a> {
        match self {
            Self::Path(field) => row.value(*field, tables),
            Self::Text(text) => Value::Text(text),
            Self::Number(number) => Value::Number(*number),
        }
    }
}

/// Orders two values; a text beside a number is taken for a number when it is one.
pub(super) fn compare(left: Value<'_>, right: Value<'_>) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.cmp(&right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Number(left), Value::Text(right)) => match right.parse::<i64>() {
            Ok(right) => left.cmp(&right),
            Err(_) => left.to_string().as_str().cmp(right),
        },
        (Value::Text(_), Value::Number(_)) => compare(right, left).reverse(),
    }
}

/// Matches without recursion, so that a pattern of many `%` costs at most text times pattern.
fn matches_pattern(text: &str, pattern: &[PatternElement]) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(place), text.get(at)) {
            (Some(PatternElement::AnyRun), _) => {
                retry = Some((at, place));
                place += 1;
            }
            (Some(PatternElement::AnyOne), Some(_)) => (at, place) = (at + 1, place + 1),
            (Some(PatternElement::Exactly(wanted)), Some(found)) if wanted == found => {
                (at, place) = (at + 1, place + 1);
            }
            (None, None) => return true,
            _ => match retry {
                Some((start, run)) if start < text.len() => {
                    retry = Some((start + 1, run));
                    (at, place) = (start + 1, run + 1);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance_behavior::InstanceBehavior;
    use super::super::schema::{Entity, Schemas};
    use super::super::tables::{Owner, OwnerKind};
    use super::*;

    fn holds(expression: &str) -> bool {
        let mut tables = Tables::default();
        let ann = Owner { email: "ann@acme.com".to_owned(), ..Owner::new(OwnerKind::Operator, "Ann O'Neil 50%") };
        let id = tables.insert_owner(ann).unwrap();
        let behavior = InstanceBehavior::default();
        let schemas = Schemas { behavior: &behavior };
        let resolve = |path: String| schemas.resolve(Entity::Operator, &path);
        let expression = parse(expression).unwrap().resolve(&resolve).unwrap();
        expression.holds(Row::Owner(tables.owner(id).unwrap()), &tables)
    }

    #[test]
    fn a_condition_holds_for_a_row_or_not() {
        for (expression, expected) in [
            ("@id = 1001", true),
            ("@id = '1001'", true),
            ("'1001' = @id", true),
            ("@id <> 1001", false),
            ("@id > 1000 and @id <= 1001", true),
            ("@id > 9 and @id < 99999", true),
            ("@type = 0", true),
            ("NOT @type = 0", false),
            ("not (@type = 1) AND @id >= 1001", true),
            ("@id = 1 OR @id = 1001 AND @type = 0", true),
            ("(@id = 1001 OR @id = 1) AND @type = 1", false),
            (r"@name = 'Ann O\'Neil 50%'", true),
            (r"@name = 'ann O\'Neil 50%'", false),
            (r"@name LIKE 'Ann%'", true),
            (r"@name LIKE '%Neil%'", true),
            (r"@name LIKE '%50\%'", true),
            (r"@name LIKE '%60\%'", false),
            (r"@name LIKE 'A_n%'", true),
            (r"@name LIKE 'A\_n%'", false),
            ("@name NOT LIKE 'B%'", true),
            ("@email IN ('x', 'ann@acme.com')", true),
            ("@id NOT IN (1, 2, 1001)", false),
            ("[access/@authenticationType] = ''", true),
            ("access/@disabled = false", true),
            ("1 = 1", true),
            ("-1 < @id", true),
        ] {
            assert_eq!(holds(expression), expected, "{expression}");
        }
    }

    #[test]
    fn many_wildcards_do_not_multiply() {
        let pattern: Vec<PatternElement> =
            std::iter::repeat_n([PatternElement::AnyRun, PatternElement::Exactly('a')], 30).flatten().collect();
        assert!(!matches_pattern(&format!("{}b", "a".repeat(29)), &pattern));
    }
}
