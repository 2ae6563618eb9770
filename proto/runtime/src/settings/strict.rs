//! Serde's way through the merged settings, which converts nothing that does not fit.

use std::fmt::Display;

use config::{Map, Value, ValueKind};
use serde::de::{self, DeserializeSeed, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::{Error, nearest, places::Places};

/// A merged setting, to be read as what its field is.
#[derive(Clone, Copy)]
pub(super) struct Strict<'a>(pub(super) &'a Value);

impl<'a> Strict<'a> {
    /// Text from the environment, which becomes what its field is. (Only that source names an origin; a file read from a string has none.)
    fn loose(&self) -> Option<&'a str> {
        match &self.0.kind {
            ValueKind::String(text) if self.0.origin().is_some() => Some(text),
            _ => None,
        }
    }

    fn unexpected(&self) -> Unexpected<'a> {
        match &self.0.kind {
            ValueKind::String(s) => Unexpected::Str(s),
            ValueKind::I64(i) => Unexpected::Signed(*i),
            ValueKind::Float(f) => Unexpected::Float(*f),
            ValueKind::Boolean(b) => Unexpected::Bool(*b),
            ValueKind::Array(_) => Unexpected::Other("a list"),
            ValueKind::Table(_) => Unexpected::Other("a table"),
            ValueKind::Nil => Unexpected::Unit,
            // TOML has no wider whole numbers.
            ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => Unexpected::Other("a large whole number"),
        }
    }

    fn expected(&self, what: &str) -> Failure {
        <Failure as de::Error>::invalid_type(self.unexpected(), &what)
    }
}

/// What went wrong on the way through the tree. Gathers the path while it travels up.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    /// From the innermost key outwards.
    path: Vec<String>,
}

#[derive(Debug)]
enum Kind {
    UnknownKey { name: String, known: &'static [&'static str] },
    Missing(&'static str),
    Value(String),
}

impl Failure {
    fn new(kind: Kind) -> Self {
        Self { kind, path: Vec::new() }
    }

    fn under(mut self, key: String) -> Self {
        self.path.push(key);
        self
    }

    pub(super) fn into_error(mut self, places: &Places) -> Error {
        self.path.reverse();
        let join = |last: &str| {
            self.path.iter().map(String::as_str).chain([last]).collect::<Vec<_>>().join(".").replace(".[", "[")
        };
        match &self.kind {
            Kind::UnknownKey { name, known } => Error::UnknownKey {
                // An unknown key stands where it was written, not where its table begins.
                place: places.find(&[self.path.as_slice(), std::slice::from_ref(name)].concat()),
                key: join(name),
                nearest: nearest(name, known.iter().copied()).map(join),
                known: known.iter().map(|k| (*k).to_owned()).collect(),
            },
            Kind::Missing(name) => Error::Missing { place: places.find(&self.path), key: join(name) },
            Kind::Value(detail) => Error::Value {
                place: places.find(&self.path),
                key: self.path.join(".").replace(".[", "["),
                detail: detail.clone(),
            },
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
            match (self.loose().map(|text| text.trim().parse()), &self.0.kind) {
                (Some(Ok(i)), _) => visitor.visit_i64(i),
                (None, ValueKind::I64(i)) => visitor.visit_i64(*i),
                _ => Err(self.expected("a whole number")),
            }
        }
    )*};
}

macro_rules! real_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match (self.loose().map(|text| text.trim().parse()), &self.0.kind) {
                (Some(Ok(f)), _) => visitor.visit_f64(f),
                (None, ValueKind::I64(i)) => visitor.visit_i64(*i),
                (None, ValueKind::Float(f)) => visitor.visit_f64(*f),
                _ => Err(self.expected("a number")),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Strict<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.0.kind {
            ValueKind::String(s) => visitor.visit_str(s),
            ValueKind::I64(i) => visitor.visit_i64(*i),
            ValueKind::Float(f) => visitor.visit_f64(*f),
            ValueKind::Boolean(b) => visitor.visit_bool(*b),
            ValueKind::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            ValueKind::Table(table) => visitor.visit_map(Entries::of(table)),
            ValueKind::Nil | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
                Err(self.expected("a value that TOML has"))
            }
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    real_numbers! { deserialize_f32 deserialize_f64 }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match (self.loose().map(|text| text.trim().parse()), &self.0.kind) {
            (Some(Ok(b)), _) => visitor.visit_bool(b),
            (None, ValueKind::Boolean(b)) => visitor.visit_bool(*b),
            _ => Err(self.expected("true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if let Some(text) = self.loose() {
            let origin = self.0.origin().map(str::to_owned);
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            let items: Vec<Value> = items.map(|item| Value::new(origin.as_ref(), item)).collect();
            return visitor.visit_seq(Items { items: items.iter().enumerate() });
        }
        match &self.0.kind {
            ValueKind::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            _ => Err(self.expected("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.0.kind {
            ValueKind::Table(table) => visitor.visit_map(Entries::of(table)),
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
        match &self.0.kind {
            ValueKind::String(s) => visitor.visit_enum(s.trim().into_deserializer()),
            ValueKind::Table(table) if table.len() == 1 => {
                visitor.visit_enum(de::value::MapAccessDeserializer::new(Entries::of(table)))
            }
            _ => Err(self.expected("one of a few words, or a table with one key")),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Value>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some((i, item)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(Strict(item)).map(Some).map_err(|e| e.under(format!("[{i}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    entries: std::vec::IntoIter<(&'a String, &'a Value)>,
    value: Option<(&'a String, &'a Value)>,
}

impl<'a> Entries<'a> {
    /// In the order of the keys, so that the same settings always give the same error.
    fn of(table: &'a Map<String, Value>) -> Self {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        Self { entries: entries.into_iter(), value: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((key, value));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let (key, value) = self.value.take().expect("serde asks for a value only after its key");
        seed.deserialize(Strict(value)).map_err(|e| e.under(key.clone()))
    }
}
