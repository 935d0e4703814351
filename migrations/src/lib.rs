//! The ledger's schema, from the SQL files beside this crate. Rules for new ones: `README.md`.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name and content of every file, in order.
const FILES: &[(i64, &str, &str)] = &[
    (1, "books", include_str!("../0001_books.sql")),
    (2, "life", include_str!("../0002_life.sql")),
    (3, "closes", include_str!("../0003_closes.sql")),
    (4, "growth", include_str!("../0004_growth.sql")),
    (5, "stamp", include_str!("../0005_stamp.sql")),
];

/// What brings a database to the schema of this version. A database that a newer version has
/// migrated is accepted, because migrations only add.
pub fn migrator() -> Migrator {
    let migrations = FILES
        .iter()
        .map(|&(number, name, sql)| {
            let name = Cow::Borrowed(name);
            Migration::new(
                number,
                name,
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_the_folder_is_in_the_list_and_numbered_without_gaps() {
        let mut found: Vec<_> = std::fs::read_dir(env!("CARGO_MANIFEST_DIR"))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        found.sort();
        let listed: Vec<_> = FILES
            .iter()
            .map(|(number, name, _)| format!("{number:04}_{name}.sql"))
            .collect();
        assert_eq!(found, listed);
        assert!(
            (1..)
                .zip(FILES)
                .all(|(expected, (number, ..))| expected == *number)
        );
    }

    #[test]
    fn every_column_has_a_comment_and_every_key_begins_with_the_bucket() {
        for (_, name, sql) in FILES {
            let mut table = "";
            for line in sql.lines() {
                if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                    table = rest.trim_end_matches(" (");
                } else if let Some(rest) = line.strip_prefix("ALTER TABLE ") {
                    table = rest;
                } else if line.contains("PRIMARY KEY") {
                    assert!(line.contains("PRIMARY KEY (bucket"), "{name}: {line}");
                } else if let Some(column) = column(line) {
                    let comment = format!("COMMENT ON COLUMN {table}.{column} IS '");
                    assert!(
                        sql.contains(&comment),
                        "{name}: {table}.{column} has no comment"
                    );
                }
            }
        }
    }

    fn column(line: &str) -> Option<&str> {
        let line = line.strip_prefix("    ")?;
        let added = line.strip_prefix("ADD COLUMN ").unwrap_or(line);
        let named = added.strip_prefix("IF NOT EXISTS ").unwrap_or(added);
        let mut words = named.split_whitespace();
        let name = words.next()?;
        let kind = words.next()?.trim_end_matches([',', ';']);
        [
            "smallint",
            "bigint",
            "bytea",
            "boolean",
            "text",
            "timestamptz",
        ]
        .contains(&kind)
        .then_some(name)
    }
}
