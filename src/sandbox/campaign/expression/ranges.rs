//! Which ids a condition can hold for: what makes reads by key ranges cheap.

use super::super::schema::Field;
use super::{Comparison, Expression, Operand};

/// Ids as inclusive ranges, ascending and apart from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// Every id.
    pub(in super::super) fn everything() -> Self {
        Self(vec![(i64::MIN, i64::MAX)])
    }

    /// These ids alone.
    pub(in super::super) fn points(ids: impl IntoIterator<Item = i64>) -> Self {
        Self::normalized(ids.into_iter().map(|id| (id, id)).collect())
    }

    /// Whether nothing is left out.
    pub(in super::super) fn is_everything(&self) -> bool {
        *self == Self::everything()
    }

    /// The ranges, ascending.
    pub(in super::super) fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().copied()
    }

    /// Whether it is a single id.
    pub(in super::super) fn is_one_point(&self) -> bool {
        matches!(self.0.as_slice(), [(first, last)] if first == last)
    }

    fn normalized(mut ranges: Vec<(i64, i64)>) -> Self {
        ranges.retain(|(first, last)| first <= last);
        ranges.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    fn union(self, other: Self) -> Self {
        Self::normalized(self.0.into_iter().chain(other.0).collect())
    }

    fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = Vec::new();
        while let (Some(&&(first, last)), Some(&&(other_first, other_last))) = (left.peek(), right.peek()) {
            common.push((first.max(other_first), last.min(other_last)));
            if last <= other_last {
                left.next()
            } else {
                right.next()
            };
        }
        Self::normalized(common)
    }
}

/// A set of ids outside of which the condition cannot hold. `equals` tells the ids for which a field equals a
/// literal, or nothing when it cannot say; `is_key` which fields are the id itself.
pub(in super::super) fn key_ranges(
    expression: &Expression<Field>,
    is_key: &impl Fn(Field) -> bool,
    equals: &impl Fn(Field, &str) -> Option<Vec<i64>>,
) -> Ranges {
    match expression {
        Expression::Compare(Operand::Path(field), comparison, literal) if is_key(*field) => {
            number(literal).map_or_else(Ranges::everything, |number| compared(*comparison, number))
        }
        Expression::Compare(Operand::Path(field), Comparison::Equal, Operand::Text(text)) => {
            equals(*field, text).map_or_else(Ranges::everything, Ranges::points)
        }
        Expression::In(Operand::Path(field), list) if is_key(*field) => {
            let points: Option<Vec<i64>> = list.iter().map(number).collect();
            points.map_or_else(Ranges::everything, Ranges::points)
        }
        Expression::In(Operand::Path(field), list) => {
            let ids = |one: &Operand<Field>| if let Operand::Text(text) = one { equals(*field, text) } else { None };
            let points: Option<Vec<Vec<i64>>> = list.iter().map(ids).collect();
            points.map_or_else(Ranges::everything, |points| Ranges::points(points.into_iter().flatten()))
        }
        Expression::And(list) => {
            list.iter().fold(Ranges::everything(), |ranges, one| ranges.intersection(&key_ranges(one, is_key, equals)))
        }
        Expression::Or(list) => {
            list.iter().fold(Ranges(Vec::new()), |ranges, one| ranges.union(key_ranges(one, is_key, equals)))
        }
        Expression::Compare(..) | Expression::In(..) | Expression::Like(..) | Expression::Not(..) => {
            Ranges::everything()
        }
    }
}

fn number(operand: &Operand<Field>) -> Option<i64> {
    match operand {
        Operand::Number(number) => Some(*number),
        Operand::Text(text) => text.parse().ok(),
        Operand::Path(_) => None,
    }
}

fn compared(comparison: Comparison, number: i64) -> Ranges {
    let ranges = match comparison {
        Comparison::Equal => vec![(number, number)],
        Comparison::NotEqual => return Ranges::everything(),
        Comparison::Less => number.checked_sub(1).map(|last| (i64::MIN, last)).into_iter().collect(),
        Comparison::LessOrEqual => vec![(i64::MIN, number)],
        Comparison::Greater => number.checked_add(1).map(|first| (first, i64::MAX)).into_iter().collect(),
        Comparison::GreaterOrEqual => vec![(number, i64::MAX)],
    };
    Ranges(ranges)
}

#[cfg(test)]
mod tests {
    use super::super::super::schema::{Entity, Field, Link, OwnerField, Schemas};
    use super::super::parse;
    use super::*;

    fn ranges(text: &str) -> Ranges {
        let schemas = Schemas { without: &[] };
        let resolve = |path: String| schemas.resolve(Entity::Membership, &path);
        let expression = parse(text).unwrap().resolve(&resolve).unwrap();
        let is_key = |field| field == Field::ForeignKey(Link::Operator);
        let equals = |field, text: &str| {
            (field == Field::Linked(Link::Operator, OwnerField::Name)).then(|| vec![i64::try_from(text.len()).unwrap()])
        };
        key_ranges(&expression, &is_key, &equals)
    }

    #[test]
    fn a_condition_narrows_the_ids() {
        let (low, high) = (i64::MIN, i64::MAX);
        for (text, expected) in [
            ("[@operator-id] > 5", vec![(6, high)]),
            ("[@operator-id] >= '5' AND [@operator-id] < 9", vec![(5, 8)]),
            ("[@operator-id] > 5 OR ([@operator-id] = 5 AND [@group-id] > 7)", vec![(5, high)]),
            ("[@operator-id] IN (3, 1, 2, 9)", vec![(1, 3), (9, 9)]),
            ("[@operator-id] <> 5", vec![(low, high)]),
            ("NOT [@operator-id] = 5", vec![(low, high)]),
            ("[@group-id] = 5", vec![(low, high)]),
            ("[@group-id] = 5 OR [@operator-id] = 5", vec![(low, high)]),
            ("[@group-id] = 5 AND [@operator-id] = 5", vec![(5, 5)]),
            ("[operator/@name] = 'four'", vec![(4, 4)]),
            ("[operator/@name] IN ('four', 'seventy')", vec![(4, 4), (7, 7)]),
            ("[@operator-id] = 1 AND [@operator-id] = 3", vec![]),
            ("[@operator-id] > 9223372036854775807", vec![]),
            ("[@operator-id] IN (1, 5) AND ([@operator-id] <= 1 OR [@operator-id] > 4)", vec![(1, 1), (5, 5)]),
        ] {
            assert_eq!(ranges(text), Ranges(expected), "{text}");
        }
    }
}
