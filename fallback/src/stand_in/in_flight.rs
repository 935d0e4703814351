//! Records that are not known to be durable, for repeats that come before they are.

use std::collections::VecDeque;

use crate::journal::Appended;

/// The last record of every group: whoever waits for another one waits for the same group.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    groups: VecDeque<Appended>,
    /// Everything up to here is known to be durable, or was there before the start.
    done: u64,
}

impl InFlight {
    /// A record was accepted, when everything up to `durable` was durable.
    pub(super) fn add(&mut self, appended: &Appended, durable: u64) {
        while let Some(last) = self.groups.pop_front_if(|last| last.seq() <= durable) {
            self.done = last.seq();
        }
        match self.groups.back_mut() {
            Some(last) if last.is_grouped_with(appended) => last.extend_to(appended),
            Some(_) => self.groups.push_back(appended.clone()),
            None => {
                self.done = appended.seq() - 1;
                self.groups.push_back(appended.clone());
            }
        }
    }

    /// A record, while it is not known to be durable.
    pub(super) fn get(&self, seq: u64) -> Option<Appended> {
        if seq <= self.done {
            return None;
        }
        let group = self.groups.partition_point(|last| last.seq() < seq);
        Some(self.groups.get(group)?.of_group(seq))
    }

    /// The last one that was accepted and is not known to be durable.
    pub(super) fn last(&self) -> Option<&Appended> {
        self.groups.back()
    }
}
