//! A measured number in JSON, which has no word for "not a number".

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

/// A metric's value; NaN is written as the text `NaN`. Two NaN are the same reading.
#[derive(Debug, Clone, Copy)]
pub struct Reading(pub f64);

impl PartialEq for Reading {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.is_nan() && other.0.is_nan()
    }
}

impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_nan() {
            true => serializer.serialize_str("NaN"),
            false => serializer.serialize_f64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Reading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::String(text) if text == "NaN" => Ok(Self(f64::NAN)),
            value => value
                .as_f64()
                .map(Self)
                .ok_or_else(|| D::Error::custom("a metric is no number")),
        }
    }
}
