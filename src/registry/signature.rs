//! The signature of a model: what it takes, what it gives, and which params a call may set.
//!
//! It reads MLflow's JSON form into types; a type that it does not know is kept as its text. Which
//! changes of a signature break callers is the business of `diff`.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// A signature; a part that is absent promises nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signature {
    pub inputs: Option<Vec<Slot>>,
    pub outputs: Option<Vec<Slot>>,
    pub params: Option<Vec<Param>>,
}

/// A column or a tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// `None` where only the place counts.
    pub name: Option<String>,
    pub kind: Kind,
    pub required: bool,
}

/// A param that a call may set beside its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub name: String,
    pub kind: Kind,
    pub default: Json,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `boolean`, `integer`, `long`, `float`, `double`, `string`, `binary` or `datetime`.
    Scalar(String),
    Array(Box<Kind>),
    /// The properties by name, each with whether it must be there.
    Object(BTreeMap<String, (Kind, bool)>),
    /// Of texts to values.
    Map(Box<Kind>),
    /// A numpy type, and the length of each dimension; -1 for any.
    Tensor(String, Vec<i64>),
    Any,
    /// Not known here; the JSON of it.
    Other(String),
}

impl Signature {
    /// Reads the object of `inputs`, `outputs` and `params`.
    pub fn read(signature: &Json) -> Self {
        let list = |part: &str| signature.get(part).and_then(Json::as_array);
        let slots = |part| list(part).map(|items| items.iter().map(slot).collect());
        Self {
            inputs: slots("inputs"),
            outputs: slots("outputs"),
            params: list("params").map(|items| items.iter().map(param).collect()),
        }
    }
}

fn text(value: &Json, key: &str) -> Option<String> {
    value.get(key).and_then(Json::as_str).map(str::to_owned)
}

fn slot(item: &Json) -> Slot {
    let required = item.get("required").and_then(Json::as_bool);
    let optional = item.get("optional").and_then(Json::as_bool);
    Slot {
        name: text(item, "name"),
        kind: kind(item),
        required: required.unwrap_or(!optional.unwrap_or(false)),
    }
}

fn param(item: &Json) -> Param {
    let of = kind(item);
    Param {
        name: text(item, "name").unwrap_or_default(),
        kind: match item.get("shape") {
            Some(Json::Array(_)) => Kind::Array(Box::new(of)),
            _ => of,
        },
        default: item.get("default").cloned().unwrap_or_default(),
    }
}

/// Reads a type. The depth is bounded by that of the JSON, which its parser bounds.
fn kind(item: &Json) -> Kind {
    let inner = |key: &str| item.get(key).map(kind).map(Box::new);
    let other = || Kind::Other(item.to_string());
    match item.get("type").and_then(Json::as_str) {
        Some("tensor") => tensor(item).unwrap_or_else(other),
        Some("array") => inner("items").map_or_else(other, Kind::Array),
        Some("map") => inner("values").map_or_else(other, Kind::Map),
        Some("object") => match item.get("properties").and_then(Json::as_object) {
            Some(properties) => Kind::Object(
                properties
                    .iter()
                    .map(|(name, property)| {
                        let required = property.get("required").and_then(Json::as_bool);
                        (name.clone(), (kind(property), required.unwrap_or(true)))
                    })
                    .collect(),
            ),
            None => other(),
        },
        Some("any") => Kind::Any,
        Some(scalar) => Kind::Scalar(scalar.to_owned()),
        None => other(),
    }
}

fn tensor(item: &Json) -> Option<Kind> {
    let spec = item.get("tensor-spec")?;
    let shape = spec.get("shape")?.as_array()?;
    let shape = shape.iter().map(Json::as_i64).collect::<Option<Vec<_>>>()?;
    Some(Kind::Tensor(text(spec, "dtype")?, shape))
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Scalar(name) => f.write_str(name),
            Kind::Array(items) => write!(f, "array of {items}"),
            Kind::Map(values) => write!(f, "map of {values}"),
            Kind::Object(properties) => {
                f.write_str("{")?;
                for (index, (name, (kind, required))) in properties.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    let mark = if *required { "" } else { "?" };
                    write!(f, "{comma}{name}{mark}: {kind}")?;
                }
                f.write_str("}")
            }
            Kind::Tensor(dtype, shape) => {
                let shape: Vec<String> = shape.iter().map(i64::to_string).collect();
                write!(f, "tensor {dtype} ({})", shape.join(", "))
            }
            Kind::Any => f.write_str("any"),
            Kind::Other(json) => f.write_str(json),
        }
    }
}

impl Display for Slot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let optional = if self.required { "" } else { ", optional" };
        write!(f, "{}{optional}", self.kind)
    }
}

impl Display for Param {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}, default {}", self.kind, self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(slots: Option<Vec<Slot>>) -> Vec<String> {
        let slots = slots.into_iter().flatten();
        slots
            .map(|slot| format!("{}: {slot}", slot.name.as_deref().unwrap_or("-")))
            .collect()
    }

    #[test]
    fn what_mlflow_writes_is_read() {
        let signature = Signature::read(&json!({
            "inputs": [
                {"type": "array", "items": {"type": "string"}, "name": "a", "required": true},
                {"type": "object", "name": "b", "required": true, "properties": {
                    "k": {"type": "long", "required": true},
                    "z": {"type": "string", "required": false}}},
                {"type": "double", "name": "c", "required": false},
                {"type": "map", "values": {"type": "any"}, "name": "d", "required": true},
                {"type": "long", "name": "old", "optional": true},
                {"type": "sparkml_vector", "name": "v"},
            ],
            "outputs": [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1, 2]}}],
            "params": [
                {"name": "t", "default": 0.5, "shape": null, "type": "double"},
                {"name": "k", "default": [1, 2], "shape": [-1], "type": "long"},
            ],
        }));
        assert_eq!(
            shown(signature.inputs),
            [
                "a: array of string",
                "b: {k: long, z?: string}",
                "c: double, optional",
                "d: map of any",
                "old: long, optional",
                "v: sparkml_vector",
            ]
        );
        assert_eq!(shown(signature.outputs), ["-: tensor int64 (-1, 2)"]);
        let params = signature.params.unwrap();
        let params: Vec<String> = params
            .iter()
            .map(|one| format!("{} {one}", one.name))
            .collect();
        assert_eq!(
            params,
            ["t double, default 0.5", "k array of long, default [1,2]"]
        );
    }

    #[test]
    fn what_is_not_known_is_kept_as_text() {
        let signature = Signature::read(&json!({"inputs": [7, {"type": "array"}, {"a": 1}]}));
        assert_eq!(
            shown(signature.inputs),
            ["-: 7", "-: {\"type\":\"array\"}", "-: {\"a\":1}"]
        );
        assert_eq!(Signature::read(&json!(null)), Signature::default());
    }
}
