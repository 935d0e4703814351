//! `ledger migrate`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use super::{FAILED, PREPARE_AGAIN, fail};
use crate::store::{Database, Store, StoreError};

/// How long the same error is not said again.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// How to migrate.
#[derive(Debug, Clone, Args)]
pub(super) struct MigrateCommand {
    /// How long a database that is down is waited for, in seconds.
    #[arg(long, default_value_t = 60)]
    wait_s: u32,
}

impl MigrateCommand {
    /// Brings the schema up to date.
    pub(super) async fn run(self, database: Database) -> ExitCode {
        let stop = process::stop::requested();
        let database = Database {
            migrate: true,
            ..database
        };
        let store = match Store::database(&database) {
            Ok(store) => store,
            Err(error) => return fail(FAILED, &error),
        };
        let prepared = tokio::select! {
            prepared = self.prepare(&store) => prepared,
            signal = stop => {
                let what = format_args!("stopped by {signal}: the schema may not be up to date");
                return fail(FAILED, &what);
            }
        };
        match prepared {
            Ok(kind) => {
                let mut stdout = std::io::stdout().lock();
                let _unread = writeln!(stdout, "the schema is up to date store={kind}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(
                FAILED,
                &format_args!("the schema was not brought up to date: {error}"),
            ),
        }
    }

    async fn prepare(self, store: &Store) -> Result<String, StoreError> {
        let began = Instant::now();
        let wait = Duration::from_secs(self.wait_s.into());
        let mut said: Option<(StoreError, Instant)> = None;
        loop {
            let error = match store.prepare().await {
                Err(error @ StoreError::Unavailable(_)) if began.elapsed() < wait => error,
                done => return done,
            };
            let is_news = said
                .as_ref()
                .is_none_or(|(last, when)| *last != error || when.elapsed() >= PROGRESS_EVERY);
            if is_news {
                let left_s = wait.saturating_sub(began.elapsed()).as_secs();
                tracing::warn!(%error, left_s, "waiting for the database");
                said = Some((error, Instant::now()));
            }
            sleep(PREPARE_AGAIN).await;
        }
    }
}
