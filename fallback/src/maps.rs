//! Maps with a quick hash, seeded per map.
//!
//! Their keys are counters, keyed hashes of ours, or references that a processor's own links give: nobody
//! outside can look for keys that collide.

use std::collections::HashMap;

/// A map with a quick hash.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
