//! Finds the operators of a login without a copy of any login.

use hashbrown::HashTable;

use super::{
    Operator,
    folded_name::{fold, hash_of_folded},
};

/// Positions of operators in a list, by folded login. A search takes the same list.
#[derive(Clone, Debug, Default)]
pub(super) struct LoginIndex {
    /// The first operator of each login.
    first: HashTable<u32>,
    /// Pairs of (position of the first operator of a login, position of another one with this login), sorted. Hardly any
    /// instance has one.
    others: Vec<(u32, u32)>,
}

impl LoginIndex {
    /// The index of these operators.
    pub(super) fn new(operators: &[Operator]) -> Self {
        let mut index = Self { first: HashTable::with_capacity(operators.len()), others: Vec::new() };
        for (position, operator) in (0..).zip(operators) {
            let login = fold(operator.login.as_str());
            let hash = hash_of_folded(&login);
            if let Some(first) = index.first.find(hash, |first| is_called(operators, *first, &login)) {
                index.others.push((*first, position));
            } else {
                let hash_again = |position: &u32| {
                    let operator = operators.get(*position as usize);
                    operator.map_or(0, |operator| hash_of_folded(&fold(operator.login.as_str())))
                };
                index.first.insert_unique(hash, position, hash_again);
            }
        }
        index.others.sort_unstable();
        index
    }

    /// The positions of the operators with this folded login, in the order of the list.
    pub(super) fn find<'a>(
        &'a self,
        login: &str,
        operators: &[Operator],
    ) -> impl Iterator<Item = usize> + Clone + use<'a> {
        let first = self.first.find(hash_of_folded(login), |first| is_called(operators, *first, login)).copied();
        let others = first.map_or(&[][..], |first| {
            let begin = self.others.partition_point(|(of, _)| *of < first);
            let others = self.others.get(begin..).unwrap_or_default();
            others.get(..others.partition_point(|(of, _)| *of == first)).unwrap_or_default()
        });
        first.into_iter().chain(others.iter().map(|(_, other)| *other)).map(|position| position as usize)
    }

    /// The positions of operators whose login an operator before them has as well.
    pub(super) fn namesakes(&self) -> impl Iterator<Item = usize> {
        self.others.iter().map(|(_, other)| *other as usize)
    }
}

/// Two indexes of one list are equal.
impl PartialEq for LoginIndex {
    fn eq(&self, other: &Self) -> bool {
        self.first.len() == other.first.len() && self.others == other.others
    }
}

impl Eq for LoginIndex {}

fn is_called(operators: &[Operator], position: u32, login: &str) -> bool {
    operators.get(position as usize).is_some_and(|operator| {
        let name = operator.login.as_str();
        // A folded name is its own key.
        name == login || fold(name) == login
    })
}
