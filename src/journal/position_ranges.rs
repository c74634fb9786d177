//! Positions of changes in a plan, as events list them: neighbours as one range, because thousands of changes of a plan
//! may have the same outcome.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One position, or the first and the last of several neighbours. Events of earlier versions list each position.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PositionOrRange {
    Position(i64),
    Range(i64, i64),
}

/// Writes positions as ranges.
pub(super) fn serialize<S: Serializer>(positions: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
    let position = |(first, last): (i64, i64)| {
        if first == last { PositionOrRange::Position(first) } else { PositionOrRange::Range(first, last) }
    };
    serializer.collect_seq(ranges(positions.iter().copied()).into_iter().map(position))
}

/// Reads positions and ranges into a list of positions.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    let positions = Vec::<PositionOrRange>::deserialize(deserializer)?;
    let each = |position: PositionOrRange| match position {
        PositionOrRange::Position(position) => position..=position,
        PositionOrRange::Range(first, last) => first..=last,
    };
    Ok(positions.into_iter().flat_map(each).collect())
}

/// Combines sorted positions into ranges: the first and the last of neighbours.
pub(super) fn ranges(positions: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for position in positions {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == position => *last = position,
            _ => ranges.push((position, position)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(ranges([]), []);
        assert_eq!(ranges([7]), [(7, 7)]);
        assert_eq!(ranges([1, 2, 3, 5, 7, 8]), [(1, 3), (5, 5), (7, 8)]);
    }
}
