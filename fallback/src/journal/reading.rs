//! Reading a journal without holding or changing it: for people and tools.
//!
//! A gateway may be writing it meanwhile. What is read is a beginning of it, as far as frames were
//! whole when they were read; the end of a journal in use looks like a torn tail. Damage is told apart
//! from that as at a start (`recovery.rs`).

use ledger_api::JournalHead;

use super::error::{OpenError, TornTail};
use super::frame;
use super::record::Record;
use super::recovery;
use super::walk::Walk;
use crate::disk::Disk;

/// One record, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its sequence number: 1 for the first one, without holes.
    pub seq: u64,
    /// What it says.
    pub record: Record,
    /// The number of its segment, from 1.
    pub segment: u64,
    /// Where in the segment its frame begins, in bytes.
    pub offset: u64,
}

/// What a journal is, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// SHA-256 of the gateway's name.
    pub gateway: [u8; 32],
    /// Its last whole record: epoch, sequence number and hash.
    pub head: JournalHead,
    /// This record and all before it are known to be durable.
    pub synced_through: u64,
    /// Segments with records.
    pub segments: u64,
    /// What is behind the last whole record, if there is something.
    pub torn: Option<TornTail>,
}

impl Reading {
    /// Reads the journal on `disk` from its first record to its last, one after the other; `None` where
    /// there is none. Nothing is written.
    ///
    /// # Errors
    /// It is damaged, incomplete, or was written by other software: as [`super::Journal::open`]. What was
    /// visited before that is as it was written.
    pub fn of(disk: &dyn Disk, visit: &mut dyn FnMut(&Entry)) -> Result<Option<Self>, OpenError> {
        let mut visited = 0;
        let mut new = |entry: &Entry| {
            if entry.seq > visited {
                visited = entry.seq;
                visit(entry);
            }
        };
        let mut before = None;
        loop {
            match once(disk, &mut new) {
                // Whoever writes may have gone on between two reads: where it stops at the same record
                // again, it is damage.
                Err(OpenError::Damaged { seq, .. }) if before != Some(seq) => before = Some(seq),
                read => return read,
            }
        }
    }

    /// True for the journal of the gateway with this name.
    pub fn is_of(&self, gateway: &str) -> bool {
        self.gateway == frame::gateway_hash(gateway)
    }
}

fn once(disk: &dyn Disk, visit: &mut dyn FnMut(&Entry)) -> Result<Option<Reading>, OpenError> {
    let listed = recovery::list(disk)?;
    let mut walk = Walk::new(disk, None, 0);
    let stop = walk.go(&listed, &mut |step| {
        visit(&Entry {
            seq: step.seq,
            record: step.record,
            segment: step.segment,
            offset: step.offset as u64,
        });
    })?;
    let rest = recovery::look_behind(disk, &listed, stop, walk.next_seq)?;
    if walk.segments.is_empty() {
        return recovery::never_written(disk, &rest).map(|()| None);
    }
    Ok(Some(Reading {
        gateway: walk.gateway_hash,
        head: JournalHead {
            epoch: walk.epoch,
            seq: walk.next_seq - 1,
            hash: frame::short(&walk.chain),
        },
        synced_through: walk.synced_through,
        segments: walk.segments.len() as u64,
        torn: recovery::torn(disk, &rest),
    }))
}
