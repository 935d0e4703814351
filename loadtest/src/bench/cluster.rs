//! The PostgreSQL server under test: a private one, or one that is there.

use std::path::PathBuf;
use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;

use ::tests::postgres::{Missing, Postgres, program};
use anyhow::{Context, bail, ensure};
use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool, Row};

use super::cpu;
use crate::run::Usage;

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How often to look whether everybody has left a database, and how long to wait in between.
const LEFT_LOOKS: u32 = 100;
const LEFT_LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where both sides of a comparison keep their data.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Stopped and removed when this goes.
    private: Option<Postgres>,
    url: String,
    admin: PgPool,
    settings: Vec<Setting>,
}

/// A setting of the server that a reader of numbers has to know.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Setting {
    name: String,
    value: String,
}

/// How much a table occupies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Size {
    /// Its name; partitions count for their table.
    pub table: String,
    /// Bytes of the table itself.
    pub heap: i64,
    /// Bytes of its indexes.
    pub indexes: i64,
}

impl Cluster {
    /// The server at `url`, or a private one of its own.
    ///
    /// # Errors
    /// [`Missing`] where a private one is wanted and PostgreSQL is not installed; others where the
    /// server does not answer, or does not wait for the disk.
    pub(crate) async fn start(url: Option<&str>) -> anyhow::Result<Self> {
        let private = match url {
            Some(_) => None,
            None => Some(Postgres::start_or_missing().await?),
        };
        let url = match (url, &private) {
            (Some(url), _) => url.to_owned(),
            (None, Some(private)) => private.url(),
            (None, None) => return Err(Missing.into()),
        };
        let options = PgConnectOptions::from_str(&url)
            .map_err(|_| Usage("--database-url is not postgres://user@host:port/name".into()))?
            .disable_statement_logging();
        let admin = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_MAX)
            .connect_with(options)
            .await
            .context("the database server does not answer")?;
        let settings = settings(&admin).await?;
        let synced = |setting: &&Setting| setting.name == "fsync" && setting.value == "on";
        ensure!(
            settings.iter().any(|setting| synced(&setting)),
            "fsync is off on this server: nothing that is measured on it counts"
        );
        Ok(Self {
            private,
            url,
            admin,
            settings,
        })
    }

    /// What a reader of the numbers has to know of the server.
    pub(crate) fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The URL of one of its databases.
    pub(crate) fn url_of(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// Where there is one of this name already: it may be somebody's.
    pub(crate) async fn create(&self, database: &str) -> anyhow::Result<()> {
        let url = self.url_of("postgres");
        let arguments = ["--maintenance-db", &url, database];
        run("createdb", &arguments).await.map(drop)
    }

    /// Makes a copy of a database that somebody may just have left: the server refuses until they are
    /// gone.
    ///
    /// # Errors
    /// Where they stay, or there is one of this name already.
    pub(crate) async fn copy(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let url = self.url_of("postgres");
        let arguments = ["--maintenance-db", &url, "--template", from, to];
        for _ in 0..LEFT_LOOKS {
            match run("createdb", &arguments).await {
                Err(error) if error.to_string().contains("being accessed by other users") => {
                    tokio::time::sleep(LEFT_LOOK_EVERY).await;
                }
                ended => return ended.map(drop),
            }
        }
        bail!("{from} cannot be copied: somebody is connected to it")
    }

    /// What autovacuum does once it comes by, at a known time: pgbench does it for its own tables when it
    /// fills them.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn vacuum(&self, database: &str) -> anyhow::Result<()> {
        let mut connection = self.connect(database).await?;
        let done = sqlx::query("VACUUM ANALYZE").execute(&mut connection).await;
        done.context("cannot vacuum")?;
        Ok(())
    }

    /// How many authorizations are in the books of a database.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(crate) async fn recorded(&self, database: &str) -> anyhow::Result<u64> {
        let count = "SELECT count(*) FROM authorization_record";
        self.count(database, count).await
    }

    /// How many entries are in the books of a database: they are numbered without holes.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub(crate) async fn entries(&self, database: &str) -> anyhow::Result<u64> {
        let number = "SELECT coalesce(sum(entry), 0)::bigint FROM head";
        self.count(database, number).await
    }

    async fn count(&self, database: &str, query: &'static str) -> anyhow::Result<u64> {
        let mut connection = self.connect(database).await?;
        let row = sqlx::query(query).fetch_one(&mut connection).await?;
        Ok(u64::try_from(row.try_get::<i64, _>(0)?)?)
    }

    /// Removes a database that [`Cluster::create`] has made, whoever is connected to it.
    ///
    /// # Errors
    /// Where the server refuses.
    pub(crate) async fn remove(&self, database: &str) -> anyhow::Result<()> {
        let url = self.url_of("postgres");
        let arguments = ["--maintenance-db", &url, "--if-exists", "--force", database];
        run("dropdb", &arguments).await.map(drop)
    }

    /// Writes out what has changed so far, so that no checkpoint of earlier work falls into what is
    /// measured next.
    ///
    /// # Errors
    /// Where the role may not: it needs to be a superuser or in `pg_checkpoint`.
    pub(crate) async fn checkpoint(&self) -> anyhow::Result<()> {
        let done = sqlx::query("CHECKPOINT").execute(&self.admin).await;
        done.context("cannot make a checkpoint")?;
        Ok(())
    }

    /// How many bytes of write-ahead log the server has written since it was made.
    ///
    /// # Errors
    /// Where it does not answer.
    pub(crate) async fn wal_bytes(&self) -> anyhow::Result<i64> {
        let position = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
        let row = sqlx::query(position).fetch_one(&self.admin).await?;
        Ok(row.try_get(0)?)
    }

    /// Processor time of all its processes so far; only of a private one, whose ids are known.
    pub(crate) fn cpu(&self) -> Option<Duration> {
        cpu::of_family(self.private.as_ref()?.pid()?)
    }

    /// A connection to one of its databases.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub(crate) async fn connect(&self, database: &str) -> anyhow::Result<PgConnection> {
        let options = PgConnectOptions::from_str(&self.url_of(database))?;
        let connecting = options.disable_statement_logging();
        Ok(tokio::time::timeout(CONNECT_MAX, connecting.connect()).await??)
    }

    /// What the tables of a database occupy, by name.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) async fn sizes(&self, database: &str) -> anyhow::Result<Vec<Size>> {
        let mut connection = self.connect(database).await?;
        let rows = sqlx::query(
            "SELECT coalesce(pg_partition_root(oid)::regclass::text, relname::text) AS name,
                    sum(pg_table_size(oid))::bigint AS heap,
                    sum(pg_indexes_size(oid))::bigint AS indexes
             FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
             GROUP BY 1 ORDER BY 1",
        )
        .fetch_all(&mut connection)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Size {
                    table: row.try_get("name")?,
                    heap: row.try_get("heap")?,
                    indexes: row.try_get("indexes")?,
                })
            })
            .collect()
    }
}

/// The program of this name that comes with PostgreSQL.
///
/// # Errors
/// [`Missing`] where there is none.
pub(crate) fn tool(name: &str) -> anyhow::Result<PathBuf> {
    program(name).ok_or_else(|| anyhow::Error::from(Missing).context(format!("no {name}")))
}

/// Runs a program that comes with PostgreSQL, and returns what it printed.
///
/// # Errors
/// Where it fails, with what it said.
pub(crate) async fn run(name: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = tokio::process::Command::new(tool(name)?)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

async fn settings(admin: &PgPool) -> anyhow::Result<Vec<Setting>> {
    let rows = sqlx::query(
        "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY (ARRAY[
             'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_level',
             'shared_buffers', 'max_wal_size', 'checkpoint_timeout', 'autovacuum'])
         ORDER BY name",
    )
    .fetch_all(admin)
    .await
    .context("the server's settings cannot be read")?;
    let setting = |row: &sqlx::postgres::PgRow| {
        Ok(Setting {
            name: row.try_get("name")?,
            value: row.try_get("value")?,
        })
    };
    rows.iter().map(setting).collect()
}

/// Settings in one line.
pub(crate) fn line(settings: &[Setting]) -> String {
    let words = settings
        .iter()
        .map(|it| format!("{}={}", it.name, it.value));
    words.collect::<Vec<_>>().join(" ")
}

/// The same URL with another database.
fn with_database(url: &str, database: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let (base, query) = match url[after_scheme..].find('?') {
        Some(at) => url.split_at(after_scheme + at),
        None => (url, ""),
    };
    let end = base[after_scheme..]
        .find('/')
        .map_or(base.len(), |at| after_scheme + at);
    format!("{}/{database}{query}", &base[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_changes() {
        let changed = |url| with_database(url, "x");
        assert_eq!(changed("postgres://u@h:1/old"), "postgres://u@h:1/x");
        assert_eq!(changed("postgres://u@h:1"), "postgres://u@h:1/x");
        assert_eq!(
            changed("postgres://u@h/old?sslmode=disable&a=/b"),
            "postgres://u@h/x?sslmode=disable&a=/b"
        );
    }
}
