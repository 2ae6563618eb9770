//! The merged settings as a tree that knows where each value came from, and serde's way through it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use toml::de::{DeTable, DeValue};

use super::{Error, Place, nearest};

/// A value and its origin.
#[derive(Debug)]
pub(super) struct Node {
    value: Value,
    origin: Origin,
}

#[derive(Clone, Debug)]
pub(super) enum Origin {
    Line(usize),
    Variable(String),
}

#[derive(Debug)]
enum Value {
    /// Text from the environment: becomes what its field is.
    Loose(String),
    Text(String),
    Whole(i64),
    Real(f64),
    Truth(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
}

pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) detail: String,
}

impl Node {
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let table = DeTable::parse(text).map_err(|e| SyntaxError {
            line: line_of(text, e.span().map_or(0, |s| s.start)),
            detail: e.message().trim_end().replace('\n', "; "),
        })?;
        Ok(Self { value: table_value(text, table.into_inner())?, origin: Origin::Line(1) })
    }

    /// Puts the text of the environment variable `name` at the path `keys`. The error is the path of what is in the way.
    pub(super) fn set(&mut self, keys: &[String], name: &str, text: String) -> Result<(), String> {
        let origin = || Origin::Variable(name.to_owned());
        let Some((last, above)) = keys.split_last() else {
            return Ok(());
        };
        let mut node = self;
        for (depth, key) in above.iter().enumerate() {
            let Value::Table(table) = &mut node.value else {
                return Err(keys[..depth].join("."));
            };
            node = table
                .entry(key.clone())
                .or_insert_with(|| Node { value: Value::Table(BTreeMap::new()), origin: origin() });
        }
        let Value::Table(table) = &mut node.value else {
            return Err(above.join("."));
        };
        table.insert(last.clone(), Node { value: Value::Loose(text), origin: origin() });
        Ok(())
    }

    fn unexpected(&self) -> Unexpected<'_> {
        match &self.value {
            Value::Loose(s) | Value::Text(s) => Unexpected::Str(s),
            Value::Whole(i) => Unexpected::Signed(*i),
            Value::Real(f) => Unexpected::Float(*f),
            Value::Truth(b) => Unexpected::Bool(*b),
            Value::List(_) => Unexpected::Other("a list"),
            Value::Table(_) => Unexpected::Other("a table"),
        }
    }

    fn expected(&self, what: &str) -> Failure {
        <Failure as de::Error>::invalid_type(self.unexpected(), &what)
    }
}

/// The number, from 1, of the line that holds byte `at`.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count()
}

fn table_value(text: &str, table: DeTable<'_>) -> Result<Value, SyntaxError> {
    let mut nodes = BTreeMap::new();
    for (key, value) in table {
        let line = line_of(text, key.span().start);
        nodes.insert(key.into_inner().into_owned(), node(text, line, value.into_inner())?);
    }
    Ok(Value::Table(nodes))
}

fn node(text: &str, line: usize, value: DeValue<'_>) -> Result<Node, SyntaxError> {
    let bad = |what: &str| SyntaxError { line, detail: what.to_owned() };
    let value = match value {
        DeValue::String(s) => Value::Text(s.into_owned()),
        DeValue::Integer(i) => {
            Value::Whole(i64::from_str_radix(i.as_str(), i.radix()).map_err(|_| bad("the whole number is too large"))?)
        }
        DeValue::Float(f) => Value::Real(f.as_str().parse().map_err(|_| bad("the number cannot be read"))?),
        DeValue::Boolean(b) => Value::Truth(b),
        // Dates are text to us; the field's own type reads them.
        DeValue::Datetime(d) => Value::Text(d.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| {
                    let line = line_of(text, item.span().start);
                    node(text, line, item.into_inner())
                })
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => table_value(text, table)?,
    };
    Ok(Node { value, origin: Origin::Line(line) })
}

/// What went wrong on the way through the tree. Gathers the path while it travels up.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    /// From the innermost key outwards.
    path: Vec<String>,
    origin: Option<Origin>,
}

#[derive(Debug)]
enum Kind {
    UnknownKey { name: String, known: &'static [&'static str] },
    Missing(&'static str),
    Value(String),
}

impl Failure {
    fn new(kind: Kind) -> Self {
        Self { kind, path: Vec::new(), origin: None }
    }

    fn under(mut self, key: String, origin: &Origin) -> Self {
        self.path.push(key);
        self.origin.get_or_insert_with(|| origin.clone());
        self
    }

    pub(super) fn into_error(self, file: &Path) -> Error {
        let above: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let join = |last: &str| above.iter().copied().chain([last]).collect::<Vec<_>>().join(".").replace(".[", "[");
        let place = match self.origin {
            Some(Origin::Variable(name)) => Place::Variable(name),
            Some(Origin::Line(line)) => Place::Line(file.to_owned(), line),
            None => Place::File(file.to_owned()),
        };
        match self.kind {
            Kind::UnknownKey { name, known } => Error::UnknownKey {
                place,
                key: join(&name),
                nearest: nearest(&name, known.iter().copied()).map(join),
                known: known.iter().map(|k| (*k).to_owned()).collect(),
            },
            Kind::Missing(name) => Error::Missing { place, key: join(name) },
            Kind::Value(detail) => Error::Value { place, key: above.join(".").replace(".[", "["), detail },
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            Kind::UnknownKey { name, .. } => write!(f, "unknown key '{name}'"),
            Kind::Missing(name) => write!(f, "missing key '{name}'"),
            Kind::Value(detail) => f.write_str(detail),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: Display>(msg: T) -> Self {
        Self::new(Kind::Value(msg.to_string()))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey { name: field.to_owned(), known: expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing(field))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known = expected.iter().map(|v| format!("'{v}'")).collect::<Vec<_>>().join(", ");
        Self::new(Kind::Value(format!("'{variant}' is not one of {known}")))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Kind::Value(format!("it is {}, expected {expected}", described(found))))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Kind::Value(format!("it is {}, expected {expected}", described(found))))
    }
}

fn described(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(s) => format!("the text '{s}'"),
        Unexpected::Signed(i) => format!("the whole number {i}"),
        Unexpected::Unsigned(i) => format!("the whole number {i}"),
        Unexpected::Float(f) => format!("the number {f}"),
        Unexpected::Bool(b) => format!("{b}"),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match &self.value {
                Value::Loose(s) => match s.trim().parse::<i64>() {
                    Ok(i) => visitor.visit_i64(i),
                    Err(_) => Err(self.expected("a whole number")),
                },
                Value::Whole(i) => visitor.visit_i64(*i),
                _ => Err(self.expected("a whole number")),
            }
        }
    )*};
}

macro_rules! real_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match &self.value {
                Value::Loose(s) => match s.trim().parse::<f64>() {
                    Ok(f) => visitor.visit_f64(f),
                    Err(_) => Err(self.expected("a number")),
                },
                Value::Whole(i) => visitor.visit_i64(*i),
                Value::Real(f) => visitor.visit_f64(*f),
                _ => Err(self.expected("a number")),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for &Node {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.value {
            Value::Loose(s) | Value::Text(s) => visitor.visit_str(s),
            Value::Whole(i) => visitor.visit_i64(*i),
            Value::Real(f) => visitor.visit_f64(*f),
            Value::Truth(b) => visitor.visit_bool(*b),
            Value::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Value::Table(table) => visitor.visit_map(Entries { entries: table.iter(), value: None }),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    real_numbers! { deserialize_f32 deserialize_f64 }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.value {
            Value::Loose(s) => match s.trim() {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                _ => Err(self.expected("true or false")),
            },
            Value::Truth(b) => visitor.visit_bool(*b),
            _ => Err(self.expected("true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.value {
            Value::Loose(s) => {
                let items: Vec<Node> = s
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Node { value: Value::Loose(item.to_owned()), origin: self.origin.clone() })
                    .collect();
                visitor.visit_seq(Items { items: items.iter().enumerate() })
            }
            Value::List(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            _ => Err(self.expected("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.value {
            Value::Table(table) => visitor.visit_map(Entries { entries: table.iter(), value: None }),
            Value::Loose(_) => Err(<Failure as de::Error>::custom(
                "it is a table: set one of its keys, with two underscores before the key's name",
            )),
            _ => Err(self.expected("a table")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.value {
            Value::Loose(s) => visitor.visit_enum(s.trim().into_deserializer()),
            Value::Text(s) => visitor.visit_enum(s.as_str().into_deserializer()),
            Value::Table(table) if table.len() == 1 => visitor
                .visit_enum(de::value::MapAccessDeserializer::new(Entries { entries: table.iter(), value: None })),
            _ => Err(self.expected("one of a few words, or a table with one key")),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some((i, item)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(item).map(Some).map_err(|e| e.under(format!("[{i}]"), &item.origin))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    entries: std::collections::btree_map::Iter<'a, String, Node>,
    value: Option<(&'a String, &'a Node)>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some((key, node)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((key, node));
        seed.deserialize(key.as_str().into_deserializer()).map(Some).map_err(|mut e: Failure| {
            // An unknown key stands where it was written, not where its table begins.
            e.origin.get_or_insert_with(|| node.origin.clone());
            e
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let (key, node) = self.value.take().expect("serde asks for a value only after its key");
        seed.deserialize(node).map_err(|e| e.under(key.clone(), &node.origin))
    }
}
