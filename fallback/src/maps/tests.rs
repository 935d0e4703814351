use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, PartialEq)]
struct Row {
    key: u16,
    value: u32,
}

impl Keyed for Row {
    type Key = u16;

    fn key(&self) -> u16 {
        self.key
    }
}

proptest! {
    #[test]
    fn a_table_is_a_map(steps in prop::collection::vec((0..64_u16, any::<bool>()), 0..400)) {
        let (mut table, mut naive) = (Table::default(), HashMap::new());
        for ((key, adds), value) in steps.into_iter().zip(0..) {
            if adds {
                let (row, new) = table.find_or_insert(&key, || Row { key, value });
                assert_eq!(new, !naive.contains_key(&key));
                table.at_mut(row).unwrap().value = value;
                naive.insert(key, value);
            } else if let Some(row) = table.find(&key) {
                table.remove(row);
                table.remove(row);
                assert!(naive.remove(&key).is_some());
            }
            assert_eq!(table.len(), naive.len());
            for key in 0..64 {
                let value = table.get(&key).map(|row| row.value);
                assert_eq!(value, naive.get(&key).copied(), "key {key}");
            }
            let all: HashMap<_, _> = table.iter().map(|row| (row.key, row.value)).collect();
            assert_eq!(all, naive);
        }
    }

    /// The hashes are chosen: many meet, and some are the last ones, so that looks go round the end.
    #[test]
    fn cells_that_meet_are_found_and_removed(
        steps in prop::collection::vec((0..4_u32, 0..6_u32, any::<bool>()), 0..200)
    ) {
        let (mut slots, mut naive) = (Slots::default(), Vec::new());
        for (group, number, adds) in steps {
            let hash = [0, u32::MAX, u32::MAX - 1, 1 << 31][group as usize];
            let known = naive.iter().position(|known| *known == (hash, number));
            match (adds, known) {
                (true, None) => {
                    slots.insert(hash, number);
                    naive.push((hash, number));
                }
                (false, Some(known)) => {
                    slots.remove(hash, number);
                    naive.remove(known);
                }
                _ => {}
            }
            assert_eq!(slots.len(), naive.len());
            for group in [0, u32::MAX, u32::MAX - 1, 1 << 31] {
                for number in 0..6 {
                    let found = slots.find(group, |other| other == number);
                    assert_eq!(found.is_some(), naive.contains(&(group, number)));
                }
            }
        }
    }

    #[test]
    fn a_chain_has_every_row_of_its_key_the_latest_first(
        keys in prop::collection::vec(prop::option::of(0..5_u8), 0..60)
    ) {
        let mut chains = Chains::default();
        for key in &keys {
            chains.push(*key);
        }
        for key in 0..5 {
            let naive = keys.iter().zip(0..).filter(|(other, _)| **other == Some(key));
            let mut naive: Vec<u32> = naive.map(|(_, row)| row).collect();
            naive.reverse();
            assert_eq!(chains.get(key).collect::<Vec<_>>(), naive);
        }
    }

    #[test]
    fn a_record_has_the_row_that_was_set_last(
        steps in prop::collection::vec((1..9_000_u64, 0..1_000_u32), 0..40)
    ) {
        let (mut by_seq, mut naive) = (BySeq::default(), BTreeMap::new());
        for (seq, row) in steps {
            by_seq.set(seq, row);
            naive.insert(seq, row);
        }
        for seq in 0..9_100 {
            assert_eq!(by_seq.get(seq), naive.get(&seq).copied());
        }
    }
}

#[test]
fn rows_keep_their_numbers_over_many_chunks() {
    let mut rows = Rows::default();
    let numbers: Vec<_> = (0..10_000_u32).map(|row| rows.push(row * 2)).collect();
    assert!(numbers.iter().copied().eq(0..10_000));
    assert!(
        numbers
            .iter()
            .all(|number| rows.get(*number) == Some(&(number * 2)))
    );
    assert_eq!((rows.len(), rows.get(10_000)), (10_000, None));
    for from in [0, 1, 4_095, 4_096, 8_191, 9_999, 10_000, 20_000] {
        assert!(
            rows.from(from)
                .copied()
                .eq((from..10_000).map(|row| row * 2))
        );
        assert_eq!(
            rows.partition_point(|row| *row < from * 2),
            from.min(10_000)
        );
    }
}
