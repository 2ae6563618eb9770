//! Where each setting was written, by its path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::{Error, Place};

/// The line or the variable of every key.
pub(super) struct Places {
    file: PathBuf,
    written: BTreeMap<Vec<String>, Written>,
}

enum Written {
    Line { number: usize, table: bool },
    Variable(String),
}

impl Places {
    /// The places of all keys of the TOML `text`, which is known in errors as `file`.
    pub(super) fn of(text: &str, file: &Path) -> Result<Self, Error> {
        let table = DeTable::parse(text).map_err(|e| Error::Syntax {
            place: Place::Line(file.to_owned(), line_of(text, e.span().map_or(0, |s| s.start))),
            detail: e.message().trim_end().replace('\n', "; "),
        })?;
        let mut places = Self { file: file.to_owned(), written: BTreeMap::new() };
        places.walk(text, &mut Vec::new(), table.get_ref());
        Ok(places)
    }

    fn walk(&mut self, text: &str, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            path.push(key.get_ref().clone().into_owned());
            self.note(text, path, key.span().start, value.get_ref());
            path.pop();
        }
    }

    fn note(&mut self, text: &str, path: &mut Vec<String>, at: usize, value: &DeValue<'_>) {
        let table = matches!(value, DeValue::Table(_));
        self.written.insert(path.clone(), Written::Line { number: line_of(text, at), table });
        match value {
            DeValue::Table(table) => self.walk(text, path, table),
            DeValue::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    path.push(format!("[{i}]"));
                    self.note(text, path, item.span().start, item.get_ref());
                    path.pop();
                }
            }
            _ => (),
        }
    }

    /// Notes that the variable `name` sets the key `tail` (levels separated by two underscores). The error says why it cannot.
    pub(super) fn add_variable(&mut self, name: &str, tail: &str) -> Result<(), String> {
        let path: Vec<String> = tail.split("__").map(str::to_lowercase).collect();
        if path.iter().any(String::is_empty) {
            return Err("a part of its name is empty; levels are separated by exactly two underscores".to_owned());
        }
        let is_key = |part: &String| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !path.iter().all(is_key) {
            return Err("its name holds something else than letters, digits, '_' and '-'".to_owned());
        }
        for depth in 1..path.len() {
            let in_the_way = match self.written.get(&path[..depth]) {
                Some(Written::Line { table, .. }) => !table,
                Some(Written::Variable(_)) => true,
                None => false,
            };
            if in_the_way {
                let above = path[..depth].join(".");
                return Err(format!("'{above}' is not a table, so nothing can be below it"));
            }
        }
        if matches!(self.written.get(&path), Some(Written::Line { table: true, .. })) {
            return Err(format!(
                "'{}' is a table: set one of its keys, with two underscores before the key's name",
                path.join(".")
            ));
        }
        self.written.insert(path, Written::Variable(name.to_owned()));
        Ok(())
    }

    /// The place of the key at `path`, or of the nearest table around it that was written down.
    pub(super) fn find(&self, path: &[String]) -> Place {
        let around = (1..=path.len()).rev().find_map(|depth| self.written.get(&path[..depth]));
        match around {
            Some(Written::Line { number, .. }) => Place::Line(self.file.clone(), *number),
            Some(Written::Variable(name)) => Place::Variable(name.clone()),
            None => Place::File(self.file.clone()),
        }
    }
}

/// The number, from 1, of the line that holds byte `at`.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count()
}
