//! Numbered steps that bring a file to the newest version of its schema. Forward only; a step is never changed once it was released.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::error::{Doing, Error};

/// One step of a schema's history.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number: 1, 2, 3 and so on without gaps.
    pub number: u32,
    /// What it does, in a few words.
    pub name: &'static str,
    /// Its statements. All tables must be `STRICT`.
    pub sql: &'static str,
}

/// A kind of store and its history.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// What kind of store this is, such as `records`. Written into the file, so that no file is taken for another.
    pub name: &'static str,
    /// Its steps, in order.
    pub migrations: &'static [Migration],
}

impl Migration {
    /// SHA-256 of the statements, with line ends as on Unix so that a checkout on another system has the same ones.
    fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql.replace("\r\n", "\n")))
    }
}

const HISTORY: &str = "
    -- The steps applied to this file. Written by the software, read at every start.
    CREATE TABLE IF NOT EXISTS schema_history (
        number   INTEGER PRIMARY KEY,  -- 1, 2, 3 ...
        store    TEXT NOT NULL,        -- which kind of store this file is
        name     TEXT NOT NULL,        -- what the step does
        sha256   TEXT NOT NULL,        -- of its statements
        software TEXT NOT NULL         -- version that applied it
    ) STRICT";

/// Checks the file's history against ours. True if steps are missing from the file.
pub(super) fn pending(connection: &Connection, schema: &Schema, doing: Doing<'_>) -> Result<bool, Error> {
    for (expected, migration) in (1..).zip(schema.migrations) {
        if migration.number != expected {
            return Err(Error::Migration {
                store: schema.name,
                number: migration.number,
                detail: format!("number {expected} comes next"),
            });
        }
    }
    let known = schema.migrations.len() as u32;
    let applied = history(connection).map_err(|e| doing.failed(e))?;
    let Some(applied) = applied else {
        // A store is complete before it gets its name, so one without a history is not ours, or was cut off: never something to fill afresh.
        return Err(Error::OtherStore {
            path: doing.path.to_owned(),
            found: "foreign or truncated".to_owned(),
            expected: schema.name,
        });
    };
    if let Some(step) = applied.iter().find(|step| step.store != schema.name) {
        return Err(Error::OtherStore {
            path: doing.path.to_owned(),
            found: step.store.clone(),
            expected: schema.name,
        });
    }
    for step in &applied {
        match schema.migrations.iter().find(|m| m.number == step.number) {
            Some(ours) if ours.checksum() == step.sha256 => {}
            Some(_) => {
                return Err(Error::Changed {
                    path: doing.path.to_owned(),
                    number: step.number,
                    name: step.name.clone(),
                });
            }
            None => {
                let found = applied.iter().map(|s| s.number).max().unwrap_or(step.number);
                return Err(Error::Newer { path: doing.path.to_owned(), store: schema.name, found, known });
            }
        }
    }
    Ok(applied.len() < schema.migrations.len())
}

/// Applies the missing steps, each in one transaction with its entry in the history.
pub(super) fn run(connection: &mut Connection, schema: &Schema, doing: Doing<'_>) -> Result<(), Error> {
    for migration in schema.migrations {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| doing.failed(e))?;
        // Another process may have been faster: what is there is looked at inside the transaction.
        let there = history(&tx).map_err(|e| doing.failed(e))?;
        if there.is_some_and(|steps| steps.iter().any(|s| s.number == migration.number)) {
            continue;
        }
        let unusable = |detail: String| Error::Migration { store: schema.name, number: migration.number, detail };
        let apply = || -> rusqlite::Result<(Option<String>, Option<String>)> {
            tx.execute_batch(HISTORY)?;
            tx.execute_batch(migration.sql)?;
            tx.execute(
                "INSERT INTO schema_history (number, store, name, sha256, software) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![migration.number, schema.name, migration.name, migration.checksum(), env!("CARGO_PKG_VERSION")],
            )?;
            let loose = tx
                .query_row(
                    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                    [],
                    |row| row.get(0),
                )
                .optional()?;
            let dangling = tx
                .query_row("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1", [], |row| row.get(0))
                .optional()?;
            Ok((loose, dangling))
        };
        let (loose, dangling) = apply().map_err(|e| doing.failed(e))?;
        if let Some(table) = loose {
            return Err(unusable(format!("its table {table} is not STRICT")));
        }
        if let Some(table) = dangling {
            return Err(unusable(format!("it leaves rows in {table} that point nowhere")));
        }
        tx.commit().map_err(|e| doing.failed(e))?;
        tracing::info!(
            store = schema.name,
            version = migration.number,
            step = migration.name,
            "store brought up to date"
        );
    }
    Ok(())
}

struct Step {
    number: u32,
    store: String,
    name: String,
    sha256: String,
}

/// The file's history; `None` if it has none.
fn history(connection: &Connection) -> rusqlite::Result<Option<Vec<Step>>> {
    let there = connection
        .query_row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_history'", [], |_| Ok(()))
        .optional()?;
    if there.is_none() {
        return Ok(None);
    }
    connection
        .prepare("SELECT number, store, name, sha256 FROM schema_history ORDER BY number")?
        .query_map([], |row| {
            Ok(Step { number: row.get(0)?, store: row.get(1)?, name: row.get(2)?, sha256: row.get(3)? })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()
        .map(Some)
}
