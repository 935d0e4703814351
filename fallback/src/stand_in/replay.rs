//! What has to be told to the ledger, in the order of the journal, until it has taken it.

use std::collections::{BTreeMap, HashMap};

use ledger_api::{AuthorizationId, Mark, Reversal};

/// Everything that was ever to be told. What has been taken stays, so that a restored ledger can be
/// told again (rule 22).
#[derive(Debug, Default)]
pub(super) struct Replay {
    items: HashMap<u64, Item>,
    /// Records by their place in the queue.
    queue: BTreeMap<u64, u64>,
    next_place: u64,
}

#[derive(Debug)]
struct Item {
    id: AuthorizationId,
    reversal: Option<Reversal>,
    place: Option<u64>,
    /// The last mark under which the ledger took it.
    taken: Option<Mark>,
}

impl Replay {
    /// An answer has to be told.
    pub(super) fn push_advice(&mut self, seq: u64, id: AuthorizationId) {
        self.push(
            seq,
            Item {
                id,
                reversal: None,
                place: None,
                taken: None,
            },
        );
    }

    /// A reversal has to be told.
    pub(super) fn push_reversal(&mut self, reversal: Reversal) {
        let (seq, id) = (reversal.seq, reversal.id);
        self.push(
            seq,
            Item {
                id,
                reversal: Some(reversal),
                place: None,
                taken: None,
            },
        );
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// True while this record has to be told.
    pub(super) fn waits(&self, seq: u64) -> bool {
        self.items
            .get(&seq)
            .is_some_and(|item| item.place.is_some())
    }

    /// The id of a record that has to be told, or had to be.
    pub(super) fn id(&self, seq: u64) -> Option<AuthorizationId> {
        self.items.get(&seq).map(|item| item.id)
    }

    /// The records that wait, first first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u64> {
        self.queue.values().copied()
    }

    /// The reversal in a record; `None` where the record is an answer.
    pub(super) fn reversal(&self, seq: u64) -> Option<&Reversal> {
        self.items.get(&seq).and_then(|item| item.reversal.as_ref())
    }

    /// The ledger has taken it.
    pub(super) fn take(&mut self, seq: u64, mark: Mark) {
        if let Some(item) = self.items.get_mut(&seq) {
            item.taken = Some(mark);
            if let Some(place) = item.place.take() {
                self.queue.remove(&place);
            }
        }
    }

    /// The ledger could not take it now: the others go first.
    pub(super) fn postpone(&mut self, seq: u64) {
        if self.waits(seq) {
            self.enqueue(seq);
        }
    }

    /// Queues again what was taken under another epoch, in the order of the journal. Returns the
    /// records.
    pub(super) fn reopen_other_epochs(&mut self, epoch: u64) -> Vec<(u64, AuthorizationId)> {
        let other = |item: &Item| {
            item.place.is_none() && item.taken.is_some_and(|mark| mark.epoch != epoch)
        };
        let again = self.items.iter().filter(|(_, item)| other(item));
        let mut again: Vec<_> = again.map(|(seq, item)| (*seq, item.id)).collect();
        again.sort_unstable_by_key(|(seq, _)| *seq);
        again.iter().for_each(|(seq, _)| self.enqueue(*seq));
        again
    }

    fn push(&mut self, seq: u64, item: Item) {
        self.items.insert(seq, item);
        self.enqueue(seq);
    }

    /// Puts a record at the end of the queue, wherever it was.
    fn enqueue(&mut self, seq: u64) {
        let Some(item) = self.items.get_mut(&seq) else {
            return;
        };
        if let Some(place) = item.place.replace(self.next_place) {
            self.queue.remove(&place);
        }
        self.queue.insert(self.next_place, seq);
        self.next_place += 1;
    }
}
