//! Ids by something that is nearly always one id's alone.

use std::collections::BTreeSet;
use std::hash::Hash;

use ledger_api::AuthorizationId;

use crate::maps::FastMap;

/// Any number of ids by key. One needs no memory of its own, and neither adding nor removing looks
/// through the others.
#[derive(Debug)]
pub(super) struct Index<K> {
    first: FastMap<K, AuthorizationId>,
    others: BTreeSet<(K, AuthorizationId)>,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self {
            first: FastMap::default(),
            others: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Hash + Ord> Index<K> {
    /// The ids with this key, each once.
    pub(super) fn get(&self, key: K) -> impl Iterator<Item = &AuthorizationId> {
        let others = self.others.range((key, LOWEST)..);
        let others = others.take_while(move |(other, _)| *other == key);
        self.first
            .get(&key)
            .into_iter()
            .chain(others.map(|(_, id)| id))
    }

    /// Adds one, where it is not there.
    pub(super) fn put(&mut self, key: K, id: AuthorizationId) {
        let first = *self.first.entry(key).or_insert(id);
        if first != id {
            self.others.insert((key, id));
        }
    }

    /// Removes one, where it is there.
    pub(super) fn remove(&mut self, key: K, id: &AuthorizationId) {
        self.others.remove(&(key, *id));
        if self.first.get(&key) != Some(id) {
            return;
        }
        self.first.remove(&key);
        let next = self.others.range((key, LOWEST)..).next().copied();
        if let Some((_, next)) = next.filter(|(other, _)| *other == key) {
            self.others.remove(&(key, next));
            self.first.insert(key, next);
        }
    }

    /// How many keys have an id.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }
}

const LOWEST: AuthorizationId = AuthorizationId([0; 16]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_and_go_in_any_order() {
        let id = |number| AuthorizationId([number; 16]);
        let mut index = Index::default();
        let all = |index: &Index<u32>, key| index.get(key).copied().collect::<Vec<_>>();
        for number in [3, 1, 2, 1, 3] {
            index.put(7, id(number));
        }
        index.put(8, id(9));
        assert_eq!(all(&index, 7), [id(3), id(1), id(2)]);
        index.remove(7, &id(3));
        index.remove(7, &id(5));
        assert_eq!(all(&index, 7), [id(1), id(2)]);
        index.remove(7, &id(2));
        index.remove(7, &id(1));
        assert_eq!(all(&index, 7), []);
        assert_eq!(all(&index, 8), [id(9)]);
        assert_eq!(index.len(), 1);
    }
}
