//! A number as JSON can carry it.

use crate::tracking::curve;
use crate::tracking::series::Point;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// A double; what is not finite is written as the texts `NaN`, `Infinity` and `-Infinity`.
#[derive(Debug, Clone, Copy)]
pub struct Num(pub f64);

impl Num {
    /// The value of a point as its client logged it.
    pub fn of(point: &Point) -> Self {
        Self(curve::value(point))
    }

    /// Says whether two numbers are the same; NaN is the same as NaN.
    pub fn is_same(self, other: Self) -> bool {
        self.0 == other.0 || self.0.is_nan() && other.0.is_nan()
    }
}

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_str("NaN"),
            f64::INFINITY => serializer.serialize_str("Infinity"),
            f64::NEG_INFINITY => serializer.serialize_str("-Infinity"),
            value => serializer.serialize_f64(value),
        }
    }
}

impl JsonSchema for Num {
    fn schema_name() -> Cow<'static, str> {
        "Num".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A double; JSON has no other way to write what is not finite.",
            "anyOf": [
                { "type": "number" },
                { "type": "string", "enum": ["NaN", "Infinity", "-Infinity"] },
            ],
        })
    }
}
