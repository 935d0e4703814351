//! Numbers of rows by record of the journal.

use super::Rows;

/// Records count from 1 without holes, so a look is one read.
#[derive(Debug, Default)]
pub(crate) struct BySeq {
    /// The number plus one; zero where the record has no row.
    rows: Rows<u32>,
}

impl BySeq {
    /// The row of a record.
    pub(crate) fn get(&self, seq: u64) -> Option<u32> {
        self.rows.get(u32::try_from(seq).ok()?)?.checked_sub(1)
    }

    /// Sets the row of a record.
    pub(crate) fn set(&mut self, seq: u64, row: u32) {
        let Ok(place) = u32::try_from(seq) else {
            return;
        };
        while self.rows.len() as u64 <= seq {
            self.rows.push(0);
        }
        if let Some(old) = self.rows.get_mut(place) {
            *old = row.saturating_add(1);
        }
    }
}
