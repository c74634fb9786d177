//! Places of changes in a plan, as events list them: neighbours as one range, because a plan has thousands of changes that come
//! to the same end.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::deletions::ranges;

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
