//! Keys of operators in an order in which two lists are compared side by side.

use std::iter::Peekable;

use super::OperatorId;

/// Keys of operators, each once and in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorIds(Vec<OperatorId>);

impl OperatorIds {
    /// The keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = OperatorId> + Clone {
        self.0.iter().copied()
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this key is one of them.
    pub fn contains(&self, id: OperatorId) -> bool {
        self.0.binary_search(&id).is_ok()
    }

    /// Keeps only the keys for which `keeps` is true.
    pub fn retain(&mut self, keeps: impl Fn(OperatorId) -> bool) {
        self.0.retain(|id| keeps(*id));
    }

    /// The same keys, to be compared with others in ascending order.
    pub(super) fn ascending(&self) -> Ascending<impl Iterator<Item = OperatorId>> {
        Ascending::new(self.iter())
    }
}

impl FromIterator<OperatorId> for OperatorIds {
    fn from_iter<I: IntoIterator<Item = OperatorId>>(ids: I) -> Self {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }
}

impl IntoIterator for OperatorIds {
    type Item = OperatorId;
    type IntoIter = std::vec::IntoIter<OperatorId>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<OperatorId> for OperatorIds {
    fn extend<I: IntoIterator<Item = OperatorId>>(&mut self, ids: I) {
        *self = std::mem::take(self).into_iter().chain(ids).collect();
    }
}

/// Keys in ascending order, each compared with keys in ascending order. Most groups have exactly the members that they should
/// have: side by side, none of them has to be searched for.
pub(super) struct Ascending<I: Iterator<Item = OperatorId>>(Peekable<I>);

impl<I: Iterator<Item = OperatorId>> Ascending<I> {
    /// These keys, which are in ascending order.
    pub(super) fn new(ids: I) -> Self {
        Self(ids.peekable())
    }

    /// Whether this key is one of them; no key may be lower than the one before.
    pub(super) fn contains(&mut self, id: OperatorId) -> bool {
        while self.0.next_if(|known| *known < id).is_some() {}
        self.0.peek() == Some(&id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn side_by_side_the_same_keys_are_found_as_one_by_one(
            known in prop::collection::vec(-4..4_i64, 0..8),
            sought in prop::collection::vec(-5..5_i64, 0..8),
        ) {
            let ids = |keys: Vec<i64>| keys.into_iter().map(OperatorId).collect::<OperatorIds>();
            let (known, sought) = (ids(known), ids(sought));
            prop_assert!(known.iter().is_sorted_by(|one, next| one < next));
            let mut ascending = known.ascending();
            for id in sought.iter() {
                prop_assert_eq!(ascending.contains(id), known.contains(id), "{:?} in {:?}", id, known);
            }
            let mut both = known.clone();
            both.extend(sought.iter());
            prop_assert!(known.iter().chain(sought.iter()).all(|id| both.contains(id)));
        }
    }
}
