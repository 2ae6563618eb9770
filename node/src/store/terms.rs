//! Texts of columns with few different ones, each kept once.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use crate::import::columns::{COUNT, Column};

/// The texts of every column, in memory for the length of one transaction.
pub(super) struct Terms {
    columns: Vec<HashMap<Box<str>, u32>>,
    next: Vec<u32>,
}

impl Terms {
    pub(super) fn load(tx: &Transaction<'_>) -> rusqlite::Result<Self> {
        let mut terms = Self { columns: vec![HashMap::new(); COUNT], next: vec![0; COUNT] };
        let mut statement = tx.prepare_cached("SELECT field, id, text FROM term")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (field, id) = (usize::from(row.get::<_, u8>(0)?), row.get::<_, u32>(1)?);
            if let Some(held) = terms.columns.get_mut(field) {
                held.insert(row.get(2)?, id);
                terms.next[field] = terms.next[field].max(id + 1);
            }
        }
        Ok(terms)
    }

    /// The number of a text, a new one if it has none.
    pub(super) fn term(&mut self, tx: &Transaction<'_>, column: Column, text: &str) -> rusqlite::Result<u32> {
        let field = column.index();
        if let Some(id) = self.columns[field].get(text) {
            return Ok(*id);
        }
        let id = self.next[field];
        tx.prepare_cached("INSERT INTO term (field, id, text) VALUES (?1, ?2, ?3)")?.execute(params![
            field as u32,
            id,
            text
        ])?;
        self.next[field] = id + 1;
        self.columns[field].insert(text.into(), id);
        Ok(id)
    }
}

/// The texts by their numbers, for reading rows back.
pub(super) struct Texts {
    columns: Vec<HashMap<u32, String>>,
}

impl Texts {
    pub(super) fn load(tx: &Transaction<'_>) -> rusqlite::Result<Self> {
        let mut texts = Self { columns: vec![HashMap::new(); COUNT] };
        let mut statement = tx.prepare_cached("SELECT field, id, text FROM term")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let field = usize::from(row.get::<_, u8>(0)?);
            if let Some(held) = texts.columns.get_mut(field) {
                held.insert(row.get(1)?, row.get(2)?);
            }
        }
        Ok(texts)
    }

    pub(super) fn text(&self, column: Column, term: u32) -> Option<&str> {
        self.columns[column.index()].get(&term).map(String::as_str)
    }
}
