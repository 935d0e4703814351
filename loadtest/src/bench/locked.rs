//! One account that somebody else holds: a session that locks its row and stays.

use anyhow::Context;
use sqlx::PgConnection;

use super::cluster::Cluster;

/// The lock, until it is released or this goes.
#[derive(Debug)]
pub(crate) struct Locked(PgConnection);

impl Locked {
    /// Takes it.
    ///
    /// # Errors
    /// Where the account is not there.
    pub(crate) async fn hold(
        cluster: &Cluster,
        database: &str,
        account: u64,
    ) -> anyhow::Result<Self> {
        let mut connection = cluster.connect(database).await?;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        let lock = "SELECT id FROM account WHERE bucket = 0 AND id = $1 FOR UPDATE";
        sqlx::query(lock)
            .bind(account.cast_signed())
            .fetch_one(&mut connection)
            .await
            .context("the account cannot be locked from outside")?;
        Ok(Self(connection))
    }

    /// Lets it go.
    ///
    /// # Errors
    /// Where the session was lost: then it did not hold all the time.
    pub(crate) async fn release(mut self) -> anyhow::Result<()> {
        let done = sqlx::query("ROLLBACK").execute(&mut self.0).await;
        done.context("the session that held the account was lost")?;
        Ok(())
    }
}
