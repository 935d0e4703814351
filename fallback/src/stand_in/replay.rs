//! What has to be told to the ledger, in the order of the journal, until it has taken it.

mod queue;

use ledger_api::{AuthorizationId, Mark, Reversal};

use crate::maps::{BySeq, FastMap, Rows};
use queue::Queue;

/// Everything that was ever to be told. What has been taken stays, so that a restored ledger can be
/// told again (rule 22).
#[derive(Debug, Default)]
pub(super) struct Replay {
    items: Rows<Item>,
    by_seq: BySeq,
    reversals: FastMap<u64, Reversal>,
    /// What the ledger approved itself, by record, ascending: told only to one that was restored, and
    /// then among the items.
    decided: Vec<Decided>,
    queue: Queue,
}

#[derive(Debug)]
struct Item {
    seq: u64,
    id: AuthorizationId,
    /// Since when it has to be told, in served milliseconds.
    since_ms: u64,
    /// Its place in the queue, while it waits.
    place: Option<u64>,
    /// The last mark under which the ledger took it.
    taken: Option<Mark>,
    /// True where the ledger only parked it.
    parked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Decided {
    seq: u64,
    id: AuthorizationId,
    /// `None` once it is among the items.
    mark: Option<Mark>,
}

/// A record that was taken once and has to be told again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) id: AuthorizationId,
    pub(super) seq: u64,
    /// True where the ledger had parked it.
    pub(super) parked: bool,
    /// True where it was the ledger's own answer, and is told for the first time.
    pub(super) first: bool,
}

impl Replay {
    /// An answer has to be told, from this served time on.
    pub(super) fn push_advice(&mut self, seq: u64, id: AuthorizationId, since_ms: u64) {
        let item = self.items.push(Item {
            seq,
            id,
            since_ms,
            place: None,
            taken: None,
            parked: false,
        });
        self.by_seq.set(seq, item);
        self.enqueue(seq);
    }

    /// The ledger approved it itself, at this mark: it need not be told before a restored ledger has
    /// forgotten it.
    pub(super) fn note_decided(&mut self, seq: u64, id: AuthorizationId, mark: Mark) {
        let mark = Some(mark);
        self.decided.push(Decided { seq, id, mark });
    }

    /// A reversal has to be told, from this served time on.
    pub(super) fn push_reversal(&mut self, reversal: Reversal, since_ms: u64) {
        let (seq, id) = (reversal.seq, reversal.id);
        self.reversals.insert(seq, reversal);
        self.push_advice(seq, id, since_ms);
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Since when the first one waits, in served milliseconds.
    pub(super) fn next_since_ms(&self) -> Option<u64> {
        let seq = self.queue.iter().next()?;
        self.item(seq).map(|item| item.since_ms)
    }

    /// True while this record has to be told.
    pub(super) fn waits(&self, seq: u64) -> bool {
        self.item(seq).is_some_and(|item| item.place.is_some())
    }

    /// True where the ledger has taken this record, and it does not wait to be told again.
    pub(super) fn is_taken(&self, seq: u64) -> bool {
        self.item(seq)
            .is_some_and(|item| item.place.is_none() && item.taken.is_some())
    }

    /// True where the ledger has only parked this record.
    pub(super) fn is_parked(&self, seq: u64) -> bool {
        self.item(seq).is_some_and(|item| item.parked)
    }

    /// The id of a record that has to be told, or had to be.
    pub(super) fn id(&self, seq: u64) -> Option<AuthorizationId> {
        self.item(seq).map(|item| item.id)
    }

    /// An acknowledgement of this record is coming back from the journal: true where the record is the
    /// ledger's own answer, which had been told to a restored one then.
    pub(super) fn retell_decided(&mut self, seq: u64, since_ms: u64) -> bool {
        let found = self
            .decided
            .binary_search_by_key(&seq, |decided| decided.seq);
        let Some(decided) = found.ok().and_then(|place| self.decided.get_mut(place)) else {
            return false;
        };
        if decided.mark.take().is_none() {
            return false;
        }
        let id = decided.id;
        self.push_advice(seq, id, since_ms);
        true
    }

    /// The records that wait, first first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u64> {
        self.queue.iter()
    }

    /// The reversal in a record; `None` where the record is an answer.
    pub(super) fn reversal(&self, seq: u64) -> Option<&Reversal> {
        self.reversals.get(&seq)
    }

    /// The ledger has taken it.
    pub(super) fn take(&mut self, seq: u64, mark: Mark, parked: bool) {
        let row = self.by_seq.get(seq);
        if let Some(item) = row.and_then(|row| self.items.get_mut(row)) {
            item.taken = Some(mark);
            item.parked = parked;
            if let Some(place) = item.place.take() {
                self.queue.remove(place);
            }
        }
    }

    /// The ledger could not take it now: the others go first.
    pub(super) fn postpone(&mut self, seq: u64) {
        if self.waits(seq) {
            self.enqueue(seq);
        }
    }

    /// Queues again what was taken under another epoch than this mark's, or after it, in the order of
    /// the journal, from this served time on. Returns the records.
    pub(super) fn reopen(&mut self, proven: Mark, since_ms: u64) -> Vec<Taken> {
        let unproven = |mark: Mark| mark.epoch != proven.epoch || mark > proven;
        let forgotten: Vec<_> = self
            .decided
            .extract_if(.., |decided| decided.mark.is_none_or(unproven))
            .filter(|decided| decided.mark.is_some())
            .collect();
        let mut again: Vec<_> = (self.items.iter())
            .filter(|item| item.place.is_none() && item.taken.is_some_and(unproven))
            .map(|item| Taken {
                id: item.id,
                seq: item.seq,
                parked: item.parked,
                first: false,
            })
            .collect();
        for Decided { seq, id, .. } in forgotten {
            self.push_advice(seq, id, since_ms);
            again.push(Taken {
                id,
                seq,
                parked: false,
                first: true,
            });
        }
        again.sort_unstable_by_key(|taken| taken.seq);
        for taken in &again {
            let row = self.by_seq.get(taken.seq);
            if let Some(item) = row.and_then(|row| self.items.get_mut(row)) {
                item.since_ms = since_ms;
            }
            self.enqueue(taken.seq);
        }
        again
    }

    fn item(&self, seq: u64) -> Option<&Item> {
        self.items.get(self.by_seq.get(seq)?)
    }

    /// Puts a record at the end of the queue, wherever it was.
    fn enqueue(&mut self, seq: u64) {
        let row = self.by_seq.get(seq);
        let Some(item) = row.and_then(|row| self.items.get_mut(row)) else {
            return;
        };
        let place = self.queue.push(seq);
        if let Some(before) = item.place.replace(place) {
            self.queue.remove(before);
        }
    }
}

#[cfg(test)]
mod tests;
