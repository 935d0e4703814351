//! Clients' keys of requests that are not answered yet, so that one key cannot pay twice at once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use ledger_api::AuthorizationId;

/// The keys in use. Bounded by what the doors let in.
#[derive(Clone, Debug, Default)]
pub struct KeysInFlight(Arc<Mutex<HashMap<u64, (AuthorizationId, usize)>>>);

impl KeysInFlight {
    /// Reserves a key's digest for an authorization; `None` where another one has it. Zero, for no
    /// key, is always free.
    pub fn reserve(&self, alias: u64, id: AuthorizationId) -> Option<Reserved> {
        if alias != 0 {
            let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (owner, users) = keys.entry(alias).or_insert((id, 0));
            if *owner != id {
                return None;
            }
            *users += 1;
        }
        Some(Reserved {
            keys: self.clone(),
            alias,
        })
    }
}

/// The key is ours until this goes.
#[derive(Debug)]
pub struct Reserved {
    keys: KeysInFlight,
    alias: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.alias == 0 {
            return;
        }
        let mut keys = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = keys.entry(self.alias) {
            entry.get_mut().1 -= 1;
            if entry.get().1 == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_one_authorization_until_the_last_use_ends() {
        let keys = KeysInFlight::default();
        let (one, other) = (AuthorizationId([1; 16]), AuthorizationId([2; 16]));
        let first = keys.reserve(7, one).unwrap();
        let again = keys.reserve(7, one).unwrap();
        assert!(keys.reserve(7, other).is_none());
        assert!(keys.reserve(0, other).is_some());
        drop(first);
        assert!(keys.reserve(7, other).is_none());
        drop(again);
        assert!(keys.reserve(7, other).is_some());
    }
}
