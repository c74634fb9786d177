//! Places of changes in a plan, as events list them: neighbours as one range, because a plan has thousands of changes that come
//! to the same end.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One place, or the first and the last of several neighbours. Events of earlier versions list each place.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Place {
    One(i64),
    Range(i64, i64),
}

/// Writes places as ranges.
pub(super) fn serialize<S: Serializer>(places: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
    let place = |(first, last): (i64, i64)| if first == last { Place::One(first) } else { Place::Range(first, last) };
    serializer.collect_seq(ranges(places.iter().copied()).into_iter().map(place))
}

/// Reads places, each for itself.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    let places = Vec::<Place>::deserialize(deserializer)?;
    let each = |place: Place| match place {
        Place::One(place) => place..=place,
        Place::Range(first, last) => first..=last,
    };
    Ok(places.into_iter().flat_map(each).collect())
}

/// Places as ranges of the first and the last of neighbours. The places are sorted.
pub(super) fn ranges(places: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for place in places {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            _ => ranges.push((place, place)),
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
