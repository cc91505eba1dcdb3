//! One field of a request, before any rule is applied to it.
//!
//! Reading a request never fails because of a field: a value of the wrong type is kept as it came,
//! and the handler says, field by field and in MLflow's order, what it insists on.

use crate::error::{Error, Result};
use crate::python;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fmt::{self, Display};
use std::marker::PhantomData;

/// A field that is absent (or null), of the wrong type, or given.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Field<T> {
    #[default]
    Absent,
    /// Boxed, so that the many fields of a batch stay small.
    Bad(Box<Json>),
    Given(T),
}

impl<T: FieldValue> Field<T> {
    /// Gives the value; absent, empty and of the wrong type are each a 400 that names the field.
    #[track_caller]
    pub fn required(self, name: &str) -> Result<T> {
        match self {
            Field::Given(value) if !value.is_blank() => Ok(value),
            Field::Bad(value) if *value != "" => Err(wrong_type(name, &value)),
            Field::Given(_) | Field::Bad(_) | Field::Absent => Err(missing(name)),
        }
    }

    /// Gives the value if there is one; a wrong type is a 400 that names the field.
    #[track_caller]
    pub fn optional(self, name: &str) -> Result<Option<T>> {
        match self {
            Field::Given(value) => Ok(Some(value)),
            Field::Bad(value) => Err(wrong_type(name, &value)),
            Field::Absent => Ok(None),
        }
    }

    /// Gives the value if there is one of the right type, as MLflow does for fields it never checks.
    pub fn lenient(self) -> Option<T> {
        match self {
            Field::Given(value) => Some(value),
            Field::Bad(_) | Field::Absent => None,
        }
    }

    /// Takes `other` where this field is absent: `run_uuid` may stand in for `run_id`.
    pub fn or(self, other: Self) -> Self {
        match self {
            Field::Absent => other,
            field => field,
        }
    }
}

/// Reads a list of texts; one that is no text makes the whole list a 400.
pub fn texts(list: Field<Vec<Field<String>>>, name: &str) -> Result<Vec<String>> {
    let list = list.optional(name)?.unwrap_or_default();
    let given = Json::Array(
        list.iter()
            .map(|item| match item {
                Field::Given(text) => Json::from(text.as_str()),
                Field::Bad(value) => Json::clone(value),
                Field::Absent => Json::Null,
            })
            .collect(),
    );
    list.into_iter()
        .map(|item| item.lenient().ok_or_else(|| wrong_type(name, &given)))
        .collect()
}

/// The 400 for a field that must be there.
#[track_caller]
pub fn missing(name: impl Display) -> Error {
    Error::invalid(format!(
        "Missing value for required parameter '{name}'. See the API docs for more information \
         about request parameters."
    ))
}

/// The 400 for a value of the wrong type or out of bounds, with the value as it was sent.
#[track_caller]
pub fn wrong_type(name: impl Display, value: &Json) -> Error {
    let hint = match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    };
    Error::invalid(format!(
        "Invalid value {} for parameter '{name}' supplied:  Hint: Value was of type '{hint}'. \
         See the API docs for more information about request parameters.",
        python::json(value)
    ))
}

/// A type that a field can hold, with what protobuf's JSON form accepts for it.
pub trait FieldValue: Sized {
    /// Says whether a required field with this value counts as missing.
    fn is_blank(&self) -> bool {
        false
    }
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    fn from_int(_: i64) -> Option<Self> {
        None
    }
    fn from_float(_: f64) -> Option<Self> {
        None
    }
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    /// Reads a JSON array, or gives it back as JSON.
    fn from_array<'de, A: SeqAccess<'de>>(items: A) -> Result<Field<Self>, A::Error> {
        let items = Json::deserialize(SeqAccessDeserializer::new(items))?;
        Ok(Field::Bad(Box::new(items)))
    }
    /// Reads a JSON object, or gives it back as JSON.
    fn from_object<'de, A: MapAccess<'de>>(entries: A) -> Result<Field<Self>, A::Error> {
        let entries = Json::deserialize(MapAccessDeserializer::new(entries))?;
        Ok(Field::Bad(Box::new(entries)))
    }
}

/// A request or a part of one: a struct of fields that are read by their names.
pub trait Message: DeserializeOwned {
    /// The repeated fields, which a query string gives as repeated parameters.
    const LISTS: &'static [&'static str] = &[];

    /// Reads a body faster that is written as clients mostly write it; of any other it says nothing.
    fn read_plain(_: &[u8]) -> Option<Self> {
        None
    }
}

impl<M: Message> FieldValue for M {
    fn from_object<'de, A: MapAccess<'de>>(entries: A) -> Result<Field<Self>, A::Error> {
        M::deserialize(MapAccessDeserializer::new(entries)).map(Field::Given)
    }
}

impl<T: FieldValue> FieldValue for Vec<Field<T>> {
    fn from_array<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Field<Self>, A::Error> {
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or(0).min(1024));
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Field::Given(list))
    }
}

impl FieldValue for String {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }

    fn from_text(value: &str) -> Option<Self> {
        Some(value.to_owned())
    }
}

impl FieldValue for Json {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value.into())
    }

    fn from_int(value: i64) -> Option<Self> {
        Some(value.into())
    }

    fn from_text(value: &str) -> Option<Self> {
        Some(value.into())
    }
}

impl FieldValue for bool {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl FieldValue for i64 {
    fn from_int(value: i64) -> Option<Self> {
        Some(value)
    }

    fn from_float(value: f64) -> Option<Self> {
        // The bounds are exact: 2^63 itself is already too large.
        let whole = value.fract() == 0.0 && value >= i64::MIN as f64 && value < i64::MAX as f64;
        whole.then_some(value as i64)
    }

    fn from_text(value: &str) -> Option<Self> {
        value.parse().ok()
    }
}

impl FieldValue for f64 {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value.into())
    }

    fn from_int(value: i64) -> Option<Self> {
        Some(value as f64)
    }

    fn from_float(value: f64) -> Option<Self> {
        Some(value)
    }

    fn from_text(value: &str) -> Option<Self> {
        match value {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            number => number.parse().ok().filter(|value: &f64| value.is_finite()),
        }
    }
}

/// A field is documented as what it should hold.
impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<'de, T: FieldValue> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

fn given<T>(value: Option<T>, otherwise: impl Into<Json>) -> Field<T> {
    value.map_or_else(|| Field::Bad(Box::new(otherwise.into())), Field::Given)
}

impl<'de, T: FieldValue> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(given(T::from_bool(value), value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(given(T::from_int(value), value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        let read = match i64::try_from(value) {
            Ok(value) => T::from_int(value),
            Err(_) => T::from_float(value as f64),
        };
        Ok(given(read, value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(given(T::from_float(value), value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(given(T::from_text(value), value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        T::from_array(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        T::from_object(entries)
    }
}
