//! What was used lately, up to a bound.

use std::collections::HashMap;
use std::hash::Hash;

/// Two maps, of which the older one goes when the younger is full; what is used moves to the younger.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash + Copy, V: Copy> Recent<K, V> {
    /// Keeps at least the last `half` of what was used. Who sees that it is full makes room.
    pub(super) fn new(half: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half,
        }
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    pub(super) fn peek(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(*value);
        }
        let value = self.old.remove(key)?;
        self.young.insert(*key, value);
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    pub(super) fn is_full(&self) -> bool {
        self.young.len() >= self.half
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.young.len() >= 2 * self.half
    }

    /// Lets go what was not used lately.
    pub(super) fn forget_old(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(2);
        recent.insert(1, 'a');
        recent.insert(2, 'b');
        assert!(recent.is_full());
        recent.forget_old();
        assert_eq!(recent.get(&1), Some('a'));
        recent.insert(3, 'c');
        recent.forget_old();
        assert_eq!(
            [1, 2, 3].map(|key| recent.contains(&key)),
            [true, false, true]
        );
    }

    #[test]
    fn the_last_value_counts_in_whichever_map() {
        let mut recent = Recent::new(2);
        recent.insert(1, 'a');
        recent.forget_old();
        recent.insert(1, 'b');
        assert_eq!((recent.peek(&1), recent.get(&1)), (Some('b'), Some('b')));
        recent.remove(&1);
        assert_eq!(recent.get(&1), None);
    }
}
