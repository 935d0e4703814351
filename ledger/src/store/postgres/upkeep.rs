//! Partitions of the entries, made before they are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Row;
use tokio::time::{sleep, timeout};

use super::{Postgres, unavailable};
use crate::store::StoreError;

/// How many partitions there are beyond the one that is written to.
const AHEAD: i64 = 2;
/// How long after it failed it is tried again, with the next batch.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// After so long it has failed.
const MADE_WITHIN: Duration = Duration::from_secs(30);
/// Others that look at the entries are not kept waiting for longer.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '500ms'";

/// When there is something to do.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// The number of the entry with which it is due.
    due: AtomicU64,
}

impl Postgres {
    /// Notes how many entries there are, and has partitions made when it is time.
    pub(super) fn grown(self: &Arc<Self>, entries: u64) {
        let due = &self.upkeep.due;
        let now = due.load(Ordering::Acquire);
        // Nobody else's turn while it is done.
        let claimed = entries >= now
            && (due.compare_exchange(now, u64::MAX, Ordering::AcqRel, Ordering::Acquire)).is_ok();
        if claimed {
            let books = Arc::clone(self);
            tokio::spawn(async move {
                let made = timeout(MADE_WITHIN, books.make_partitions(entries)).await;
                let silent = || StoreError::Unavailable("the database does not answer".to_owned());
                let next = match made.unwrap_or_else(|_| Err(silent())) {
                    Ok(next) => next,
                    Err(error) => {
                        tracing::warn!(%error, "no partition was made ahead; entries go to the default one then");
                        sleep(AGAIN_AFTER).await;
                        entries
                    }
                };
                books.upkeep.due.store(next, Ordering::Release);
            });
        }
    }

    /// Says with which entry there is something to do again.
    async fn make_partitions(&self, entries: u64) -> Result<u64, StoreError> {
        let mut connection = self.connect().await?;
        sqlx::query(LOCK_TIMEOUT)
            .execute(&mut connection)
            .await
            .map_err(unavailable)?;
        let size: i64 = sqlx::query("SELECT make_entry_partitions($1)")
            .bind(AHEAD)
            .fetch_one(&mut connection)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(unavailable)?;
        match size.cast_unsigned() {
            0 => Err(StoreError::Unavailable("another ledger does it".to_owned())),
            size => Ok((entries / size + 1) * size),
        }
    }
}
