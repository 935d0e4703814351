//! The schema: brought up to date, or looked at by a ledger that must not change it.

use std::collections::HashMap;

use sqlx::migrate::MigrateError;
use sqlx::{PgConnection, Row};

use super::unavailable;
use crate::store::StoreError;

/// PostgreSQL's code for a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";

/// Runs the migrations that are missing. Several processes may: one does, the others wait.
pub(super) async fn bring_up_to_date(connection: &mut PgConnection) -> Result<(), StoreError> {
    let migrator = migrations::migrator();
    let migrated = migrator.run_direct(None, connection, false).await;
    migrated.map_err(|error| match error {
        MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => foreign(&error),
        other => StoreError::Unavailable(other.to_string()),
    })
}

/// Makes sure that every migration has been run, and as it is here.
pub(super) async fn look(connection: &mut PgConnection) -> Result<(), StoreError> {
    let applied = sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success")
        .fetch_all(connection)
        .await;
    let rows = match applied {
        Ok(rows) => rows,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            Vec::new()
        }
        Err(error) => return Err(unavailable(error)),
    };
    let mut applied: HashMap<i64, Vec<u8>> = HashMap::new();
    for row in rows {
        let version = row.try_get(0).map_err(unavailable)?;
        applied.insert(version, row.try_get(1).map_err(unavailable)?);
    }
    for migration in migrations::migrator().iter() {
        let version = migration.version;
        match applied.get(&version) {
            Some(checksum) if *checksum == *migration.checksum => {}
            Some(_) => return Err(foreign(&MigrateError::VersionMismatch(version))),
            None => {
                let behind = format!(
                    "the database's schema is behind: migration {version} is missing and this ledger \
                     does not migrate; run `ledger migrate`"
                );
                return Err(StoreError::Unavailable(behind));
            }
        }
    }
    Ok(())
}

fn foreign(error: &MigrateError) -> StoreError {
    StoreError::Broken(format!(
        "the database's schema is not this ledger's: {error}"
    ))
}
