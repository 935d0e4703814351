//! The local copy of what the ledger has told: cards, balances, and how old all of it is.
//!
//! Kept in memory, and in a file so that a gateway restarted in the middle of an outage stands in as
//! before. The file lags memory by a few hundred milliseconds: whatever the feed had shown after it
//! is learned again, and own spend whose mark the file has not reached is subtracted again from the
//! journal (rule 12). An older change of the feed never overwrites a newer one; a listing replaces
//! everything.
//!
//! It also remembers how far the journal was durable, so that a journal that was lost or rolled back is
//! noticed while the ledger is away (rule 11), and whether the ledger was rolled back inside an epoch,
//! so that what it had acknowledged before is not trusted after a restart either (rule 13).

use std::path::{Path, PathBuf};

use ledger_api::{
    AccountId, AccountState, AuthorizationId, CardState, CardToken, Change, Changed, FeedPage,
    JournalHead, Mark,
};

use crate::exposure::{Left, Shown};
use crate::maps::FastMap;
use crate::words::Now;

mod age;
mod file;
mod known;

use age::Age;
use file::{File, Meta, Writes};
pub(crate) use known::Known;
use known::Rows;

/// How often the age is written down while nothing else changes.
const AGE_EVERY_MS: u64 = 10_000;

/// The local copy. See the module.
#[derive(Debug)]
pub struct LocalCopy {
    rows: Rows,
    /// Complete up to here; `None` before the first listing.
    mark: Option<Mark>,
    /// The feed did not go on where the copy ends: only a new listing can be trusted.
    broken: bool,
    age: Age,
    age_written_ms: u64,
    /// Shortfalls that the file knows, by their authorization (rule 14).
    shortfalls: FastMap<AuthorizationId, i64>,
    /// How far the journal was durable; `None` before anybody said so.
    journal: Option<JournalHead>,
    rolled_back: Option<RolledBack>,
    /// What the next [`LocalCopy::save`] writes.
    staged: Writes,
    file: Option<File>,
    directory: Option<PathBuf>,
}

/// The ledger went back inside an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RolledBack {
    /// To here.
    pub(crate) to: Mark,
    /// The last record of the journal that was written before this was known.
    pub(crate) seq: u64,
}

impl RolledBack {
    /// True where a mark in this record of the journal proves nothing.
    pub(crate) fn disproves(self, mark: Mark, seq: u64) -> bool {
        mark.epoch == self.to.epoch && mark.position > self.to.position && seq <= self.seq
    }
}

/// A state and the position of the change that made it.
#[derive(Debug, Clone, Copy)]
struct AsOf<T> {
    state: T,
    position: u64,
}

/// A copy that cannot be opened. The journal is not touched by any of this.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Another process has it.
    #[error(
        "the local copy {path} is in use by another process; stop it, or give this gateway a data \
         directory of its own"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// Damaged, or not ours.
    #[error(
        "the local copy {path} is damaged or of another version ({why}); delete this file and start \
         again: it is rebuilt by listing the ledger, and there is no stand-in until then"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What does not fit.
        why: String,
    },
    /// The disk.
    #[error("the local copy {path} cannot be opened ({why}); check the directory and its rights")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
}

impl LocalCopy {
    /// Opens `copy.redb` in this directory, or makes it.
    ///
    /// # Errors
    /// Refuses a damaged file; it never starts with half of one.
    pub fn open(directory: &Path, boot_id: u128, now: Now) -> Result<Self, CopyError> {
        let (file, stored) = File::open(directory)?;
        let meta = stored.meta;
        Ok(Self {
            rows: stored.rows,
            mark: meta.mark,
            broken: false,
            age: Age::resume(meta.heard, boot_id, now.boot_ms),
            age_written_ms: now.boot_ms,
            shortfalls: stored.shortfalls,
            journal: meta.journal,
            rolled_back: meta.rolled_back,
            staged: Writes::default(),
            file: Some(file),
            directory: Some(directory.to_owned()),
        })
    }

    /// A copy that is only in memory: after a restart there is no stand-in before a listing.
    pub fn in_memory(boot_id: u128, now: Now) -> Self {
        Self {
            rows: Rows::default(),
            mark: None,
            broken: false,
            age: Age::resume(None, boot_id, now.boot_ms),
            age_written_ms: now.boot_ms,
            shortfalls: FastMap::default(),
            journal: None,
            rolled_back: None,
            staged: Writes::default(),
            file: None,
            directory: None,
        }
    }

    /// A card, if it is known.
    pub fn card(&self, card: &CardToken) -> Option<&CardState> {
        self.rows.card(card).map(Known::card)
    }

    /// An account, if it is known.
    pub fn account(&self, account: AccountId) -> Option<&AccountState> {
        self.rows.account(account).map(|row| &row.state)
    }

    /// Reads where the card would be. See [`crate::maps::fetch`].
    pub(crate) fn touch(&self, card: &CardToken) -> u64 {
        self.rows.touch(card)
    }

    /// All that is known of a card.
    pub(crate) fn known(&self, card: &CardToken) -> Option<Known<'_>> {
        self.rows.card(card)
    }

    /// Complete up to here; `None` before the first listing.
    pub fn mark(&self) -> Option<Mark> {
        self.mark
    }

    /// From where to follow the feed; `None` where a listing has to come first.
    pub fn feed_mark(&self) -> Option<Mark> {
        self.mark.filter(|_| !self.broken)
    }

    /// How many cards and accounts.
    pub fn counts(&self) -> (usize, usize) {
        self.rows.counts()
    }

    /// Milliseconds since the ledger was last heard and nothing was missing; `u64::MAX` for never.
    pub fn age_ms(&self, now: Now) -> u64 {
        self.age.read(now.boot_ms)
    }

    /// Why the file is behind memory, if it is.
    pub fn error(&self) -> Option<String> {
        self.file.as_ref().and_then(File::error)
    }

    /// Up to where an account's balance includes everything: the copy's own position, or the
    /// account's last change where a listing showed it newer.
    pub(crate) fn shown(&self, account: AccountId) -> Option<Shown> {
        let mark = self.mark?;
        let row = self.rows.account(account);
        let position = row.map_or(0, |row| row.position).max(mark.position);
        Some(Shown {
            mark: Mark { position, ..mark },
            available: row.map(|row| row.state.available_minor),
        })
    }

    /// The directory of the file; `None` for a copy in memory.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// How far the journal was durable, as far as the copy was told.
    pub(crate) fn journal(&self) -> Option<JournalHead> {
        self.journal
    }

    /// The journal is durable up to here. [`Self::save`] or [`Self::note_age`] has to follow. Another
    /// journal, or an earlier end, is not taken: only a new copy forgets.
    pub(crate) fn note_journal(&mut self, head: JournalHead) {
        let goes_on = |known: JournalHead| known.epoch == head.epoch && known.seq < head.seq;
        if self.journal.is_none_or(goes_on) {
            self.staged.first_journal |= self.journal.is_none();
            self.journal = Some(head);
        }
    }

    /// Whether the ledger went back inside an epoch.
    pub(crate) fn rolled_back(&self) -> Option<RolledBack> {
        self.rolled_back
    }

    /// The ledger went back inside an epoch, once more: what any of the times disproves.
    pub(crate) fn note_rolled_back(&mut self, back: RolledBack) {
        let before = self
            .rolled_back
            .filter(|before| before.to.epoch == back.to.epoch);
        self.rolled_back = Some(before.map_or(back, |before| RolledBack {
            to: before.to.min(back.to),
            seq: before.seq.max(back.seq),
        }));
    }

    /// The latest position that anything here is from.
    fn reached(&self) -> Option<Mark> {
        let mark = self.mark?;
        let position = mark.position.max(self.rows.position());
        Some(Mark { position, ..mark })
    }

    /// Takes a complete listing, made from `mark` on. What it does not name is gone. [`Self::save`]
    /// has to follow. Returns what had been reached, where the ledger is behind that in the same
    /// epoch: it was rolled back, and knowledge goes back with it.
    pub(crate) fn replace(&mut self, mark: Mark, changes: Vec<Change>, now: Now) -> Option<Mark> {
        let ahead = |before: &Mark| before.epoch == mark.epoch && before.position > mark.position;
        let lost = self.reached().filter(ahead);
        self.rows = Rows::default();
        // Accounts first: see `put_account`.
        for change in &changes {
            if let Changed::Account(state) = change.what {
                let position = change.position;
                self.rows.put_account(AsOf { state, position });
            }
        }
        for change in &changes {
            if let Changed::Card(state) = change.what {
                let position = change.position;
                self.rows.put_card(AsOf { state, position });
            }
        }
        self.mark = Some(mark);
        self.broken = false;
        self.age.heard(now.boot_ms);
        self.staged = Writes {
            listing: self.file.is_some().then(|| self.rows.listing()),
            ..Writes::default()
        };
        lost
    }

    /// Takes the next page of the feed. Returns the accounts that changed. [`Self::save`] has to
    /// follow.
    pub(crate) fn apply(&mut self, page: &FeedPage, now: Now) -> Vec<AccountId> {
        let Some(mark) = self.mark.filter(|_| !self.broken) else {
            return Vec::new();
        };
        if mark.epoch != page.epoch {
            self.broken = true;
            tracing::warn!(
                ours = mark.epoch,
                ledger = page.epoch,
                "the ledger has a new epoch"
            );
            return Vec::new();
        }
        let mut position = mark.position;
        let mut accounts = Vec::new();
        for change in page
            .changes
            .iter()
            .filter(|change| change.position > mark.position)
        {
            if change.position != position + 1 {
                self.broken = true;
                tracing::error!(
                    after = position,
                    next = change.position,
                    "a hole in the feed"
                );
                break;
            }
            position = change.position;
            match change.what {
                Changed::Card(state) => {
                    let row = self.rows.put_card(AsOf { state, position });
                    self.staged.cards.insert(state.card, row);
                }
                Changed::Account(state) => {
                    let row = self.rows.put_account(AsOf { state, position });
                    self.staged.accounts.insert(state.account, row);
                    accounts.push(state.account);
                }
            }
        }
        self.mark = Some(Mark { position, ..mark });
        if !self.broken && position >= page.head {
            self.age.heard(now.boot_ms);
        }
        accounts
    }

    /// The ledger was asked for what is newer, and there is nothing.
    pub(crate) fn heard(&mut self, now: Now) {
        if !self.broken && self.mark.is_some() {
            self.age.heard(now.boot_ms);
            self.note_age(now);
        }
    }

    /// Writes the age down now and then, so that it goes on from there after a restart of the
    /// machine (rule 16).
    pub(crate) fn note_age(&mut self, now: Now) {
        if self.is_age_due(now) {
            self.send(now);
        }
    }

    /// True where [`Self::note_age`] would write.
    pub(crate) fn is_age_due(&self, now: Now) -> bool {
        now.boot_ms.saturating_sub(self.age_written_ms) >= AGE_EVERY_MS
    }

    /// Hands what has changed to the file, and the shortfalls that it caused: in one transaction, so
    /// that neither can be lost without the other.
    pub(crate) fn save(&mut self, left: &[Left], now: Now) {
        let short = left.iter().filter(|left| left.shortfall > 0);
        let shortfalls: Vec<_> = short.map(|left| (left.id, left.shortfall)).collect();
        self.shortfalls.extend(shortfalls.iter().copied());
        self.staged.shortfalls = shortfalls;
        if self.staged.is_empty() {
            self.note_age(now);
        } else {
            self.send(now);
        }
    }

    /// Shortfalls by authorization.
    pub(crate) fn shortfalls(&self) -> &FastMap<AuthorizationId, i64> {
        &self.shortfalls
    }

    fn send(&mut self, now: Now) {
        self.age_written_ms = now.boot_ms;
        let mut writes = std::mem::take(&mut self.staged);
        writes.meta = Meta {
            mark: self.mark,
            heard: self.age.stored(now.boot_ms),
            journal: self.journal,
            rolled_back: self.rolled_back,
        };
        if let Some(file) = &self.file {
            file.write(writes);
        }
    }
}

#[cfg(test)]
mod tests;
