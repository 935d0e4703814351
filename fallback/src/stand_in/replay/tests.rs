use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Push,
    Take { which: usize },
    Postpone { which: usize },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Push),
        3 => any::<usize>().prop_map(|which| Step::Take { which }),
        2 => any::<usize>().prop_map(|which| Step::Postpone { which }),
        1 => Just(Step::Reopen),
    ]
}

const MARK: Mark = Mark {
    epoch: 1,
    position: 5,
};
const RESTORED: Mark = Mark {
    epoch: 2,
    position: 0,
};

proptest! {
    #[test]
    fn records_are_told_in_the_order_in_which_they_were_queued(
        steps in prop::collection::vec(step(), 0..80)
    ) {
        let mut replay = Replay::default();
        let mut taken = BTreeMap::new();
        let (mut naive, mut next) = (Vec::new(), 1);
        for step in steps {
            match step {
                Step::Push => {
                    replay.push_advice(next, AuthorizationId([1; 16]), next);
                    naive.push(next);
                    next += 3;
                }
                Step::Take { which } if !naive.is_empty() => {
                    let seq = naive.remove(which % naive.len());
                    replay.take(seq, MARK, false);
                    taken.insert(seq, ());
                }
                Step::Postpone { which } if !naive.is_empty() => {
                    let seq = naive.remove(which % naive.len());
                    replay.postpone(seq);
                    naive.push(seq);
                }
                Step::Reopen => {
                    let again = replay.reopen(RESTORED, 0);
                    assert!(again.iter().map(|taken| taken.seq).eq(taken.keys().copied()));
                    naive.extend(std::mem::take(&mut taken).into_keys());
                }
                Step::Take { .. } | Step::Postpone { .. } => {}
            }
            assert_eq!(replay.waiting().collect::<Vec<_>>(), naive);
            assert_eq!(replay.len(), naive.len());
            assert!((1..next).all(|seq| replay.waits(seq) == naive.contains(&seq)));
            assert!((1..next).all(|seq| replay.is_taken(seq) == taken.contains_key(&seq)));
        }
    }
}
