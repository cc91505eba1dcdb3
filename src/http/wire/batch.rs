//! The wire of batches: metrics, params and tags of a run in one request.

use super::field::{Field, Message, missing, wrong_type};
use super::metric::MetricBody;
use super::pair::PairBody;
use super::run::{checked_param, checked_tags};
use crate::error::{Error, Result};
use crate::python;
use crate::tracking::batch::Batch;
use crate::tracking::experiment::Pair;
use crate::tracking::rule::{self, LongValues, Place};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LogBatch {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    metrics: Field<Vec<Field<MetricBody>>>,
    params: Field<Vec<Field<PairBody>>>,
    tags: Field<Vec<Field<PairBody>>>,
}

impl Message for LogBatch {
    fn read_plain(body: &[u8]) -> Option<Self> {
        let Object(plain): Object<PlainBatch<'_>> = serde_json::from_slice(body).ok()?;
        let metrics = plain
            .metrics
            .into_iter()
            .map(|Object(metric)| metric.field());
        Some(Self {
            run_id: Field::Given(plain.run_id.to_owned()),
            metrics: Field::Given(metrics.collect::<Option<_>>()?),
            ..Self::default()
        })
    }
}

/// A batch of points alone, each field once and of its own type: what training loops send. Whatever
/// differs is read as a `LogBatch`, which knows all forms.
///
/// It holds nothing that nests: a body that does is given up where it begins to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainBatch<'b> {
    run_id: &'b str,
    #[serde(borrow)]
    metrics: Vec<Object<PlainMetric<'b>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainMetric<'b> {
    key: &'b str,
    value: f64,
    timestamp: i64,
    step: i64,
    /// The run of the batch, which MLflow's client says once more.
    #[serde(default, rename = "run_id")]
    _run_id: Option<&'b str>,
    #[serde(default)]
    model_id: Option<&'b str>,
    #[serde(default)]
    dataset_name: Option<&'b str>,
    #[serde(default)]
    dataset_digest: Option<&'b str>,
}

/// What is read from a JSON object only: a struct alone would be read from an array, too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(entries)).map(Object)
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl PlainMetric<'_> {
    /// Gives the field; nothing for a number that overflowed.
    fn field(self) -> Option<Field<MetricBody>> {
        let text = |text: Option<&str>| match text {
            Some(text) => Field::Given(text.to_owned()),
            None => Field::Absent,
        };
        self.value.is_finite().then(|| {
            Field::Given(MetricBody {
                key: Field::Given(self.key.to_owned()),
                value: Field::Given(self.value),
                timestamp: Field::Given(self.timestamp),
                step: Field::Given(self.step),
                model_id: text(self.model_id),
                dataset_name: text(self.dataset_name),
                dataset_digest: text(self.dataset_digest),
            })
        })
    }
}

impl LogBatch {
    pub fn check(self, long: LongValues) -> Result<Batch> {
        let run_uuid = self.run_id.required("run_id")?;
        let metrics = entries(self.metrics, "metrics")?;
        for (index, metric) in metrics.iter().enumerate() {
            metric.check_fields(index)?;
        }
        let params = keyed_pairs(self.params, "params")?;
        let tags = keyed_pairs(self.tags, "tags")?;
        rule::check_run_id(&run_uuid)?;
        let counts = (metrics.len(), params.len(), tags.len());
        let metrics = metrics
            .into_iter()
            .enumerate()
            .map(|(index, metric)| metric.check_in_batch(index))
            .collect::<Result<Vec<_>>>()?;
        let params = params
            .into_iter()
            .enumerate()
            .map(|(index, param)| checked_param(param, Place::Entry("params", index), long))
            .collect::<Result<Vec<_>>>()?;
        let tags = checked_tags(tags, long)?;
        check_counts(counts)?;
        check_distinct(&params)?;
        Ok(Batch {
            run_uuid,
            metrics,
            params,
            tags,
        })
    }
}

fn entries<M: Message + Default>(list: Field<Vec<Field<M>>>, name: &str) -> Result<Vec<M>> {
    list.optional(name)?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .map(|(index, entry)| match entry {
            Field::Given(entry) => Ok(entry),
            entry => Ok(entry
                .optional(&format!("{name}[{index}]"))?
                .unwrap_or_default()),
        })
        .collect()
}

fn keyed_pairs(list: Field<Vec<Field<PairBody>>>, name: &str) -> Result<Vec<Pair>> {
    let pairs = entries(list, name)?;
    let mut read = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.into_iter().enumerate() {
        let place = Place::Entry(name, index);
        let key = match pair.key {
            Field::Given(key) if !key.is_empty() => key,
            Field::Bad(value) => return Err(wrong_type(place.field("key"), &value)),
            _ => return Err(missing(place.field("key"))),
        };
        let value = match pair.value {
            Field::Given(value) => value,
            value => value
                .optional(&place.field("value").to_string())?
                .unwrap_or_default(),
        };
        read.push(Pair { key, value });
    }
    Ok(read)
}

fn check_counts((metrics, params, tags): (usize, usize, usize)) -> Result<()> {
    let checks = [
        ("metrics", rule::MAX_BATCH_METRICS, metrics),
        ("params", rule::MAX_BATCH_PARAMS, params),
        ("tags", rule::MAX_BATCH_PARAMS, tags),
        (
            "metrics, params, and tags",
            rule::MAX_BATCH_ENTITIES,
            metrics + params + tags,
        ),
    ];
    match checks.into_iter().find(|(_, limit, count)| count > limit) {
        None => Ok(()),
        Some((what, limit, count)) => Err(Error::invalid(format!(
            "A batch logging request can contain at most {limit} {what}. Got {count} {what}. \
             Please split up {what} across multiple requests and try again."
        ))),
    }
}

fn check_distinct(params: &[Pair]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    let twice: Vec<&str> = params
        .iter()
        .map(|param| param.key.as_str())
        .filter(|key| !seen.insert(*key))
        .collect();
    if twice.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Duplicate parameter keys have been submitted: {}. Please ensure the request contains \
         only one param value per param key.",
        python::repr_list(twice)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::wire::body;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    const PLAIN: &str =
        r#"{"run_id":"a","metrics":[{"key":"loss","value":-0.25,"timestamp":3,"step":0}]}"#;

    fn told(batch: Result<LogBatch>) -> String {
        let batch = batch.and_then(|batch| batch.check(LongValues::Refuse));
        format!("{:?}", batch.map_err(|error| error.message))
    }

    fn slow(body: &[u8]) -> Result<LogBatch> {
        match serde_json::from_slice(body) {
            Ok(batch) => Ok(batch),
            Err(_) => serde_json::from_value(Json::Object(body::loose_object(body)?))
                .map_err(|error| Error::invalid(error.to_string())),
        }
    }

    #[test]
    fn a_plain_batch_is_read_the_fast_way_and_any_other_is_not() {
        assert!(LogBatch::read_plain(PLAIN.as_bytes()).is_some());
        for (from, to) in [
            ("-0.25", "NaN"),
            ("-0.25", "1e999"),
            ("-0.25", "\"1\""),
            ("\"step\":0", "\"step\":0.0"),
            ("\"step\":0", "\"step\":0,\"step\":1"),
            ("\"step\":0", "\"step\":0,\"modelId\":\"m\""),
            ("\"step\":0", "\"step\":9223372036854775808"),
            ("loss", "lo\\u0073s"),
            (",\"step\":0", ""),
            ("run_id", "runId"),
            ("]}", "],\"tags\":[]}"),
        ] {
            let body = PLAIN.replace(from, to);
            assert_ne!(body, PLAIN);
            assert!(LogBatch::read_plain(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn the_optional_texts_of_a_point_are_read_the_fast_way_too() {
        for texts in [
            r#""run_id":"b""#,
            r#""model_id":"m","dataset_name":"d","dataset_digest":"1""#,
            r#""model_id":"m","dataset_name":"d""#,
            r#""model_id":null,"dataset_name":"""#,
        ] {
            let body = PLAIN.replace("\"step\":0", &format!("\"step\":0,{texts}"));
            let fast = LogBatch::read_plain(body.as_bytes()).unwrap();
            assert_eq!(told(Ok(fast)), told(slow(body.as_bytes())), "{body}");
        }
    }

    #[test]
    fn an_array_is_no_object() {
        for body in [
            r#"["a",[]]"#,
            r#"{"run_id":"a","metrics":[["loss",-0.25,3,0]]}"#,
        ] {
            assert!(LogBatch::read_plain(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn a_deep_body_is_refused_where_it_begins_to_nest() {
        for part in ["[", "{\"metrics\":", "{\"a\":"] {
            let body = part.repeat(100_000);
            assert!(LogBatch::read_plain(body.as_bytes()).is_none());
        }
    }

    fn another_value() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            "[ -~]{0,3}".prop_map(Json::from),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::vec(("[a-z]{1,3}", inner), 0..3)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn numbers_are_the_same_either_way(values in prop::collection::vec(any::<f64>(), 1..20), step: i64) {
            let metrics: Vec<Json> = values
                .iter()
                .map(|value| serde_json::json!({ "key": "k", "value": value, "timestamp": 1, "step": step }))
                .collect();
            let body = serde_json::json!({ "run_id": "a", "metrics": metrics }).to_string();
            prop_assert_eq!(told(body::read(body.as_bytes())), told(slow(body.as_bytes())));
        }

        #[test]
        fn another_value_means_the_same_either_way(
            place in prop::sample::select(vec![
                "/run_id", "/metrics", "/metrics/0", "/metrics/0/key", "/metrics/0/value",
                "/metrics/0/timestamp", "/metrics/0/step", "/metrics/0/run_id",
                "/metrics/0/model_id", "/metrics/0/dataset_name", "",
            ]),
            value in another_value(),
        ) {
            let mut body: Json = serde_json::from_str(PLAIN).unwrap();
            for name in ["run_id", "model_id", "dataset_name", "dataset_digest"] {
                body["metrics"][0][name] = Json::from("t");
            }
            *body.pointer_mut(place).unwrap() = value;
            let body = body.to_string();
            if let Some(batch) = LogBatch::read_plain(body.as_bytes()) {
                prop_assert_eq!(told(Ok(batch)), told(slow(body.as_bytes())), "{}", body);
            }
        }

        #[test]
        fn a_changed_byte_means_the_same_either_way(place in 0..PLAIN.len(), byte: u8, cut: bool) {
            let mut body = PLAIN.as_bytes().to_vec();
            body[place] = byte;
            if cut {
                body.remove(place);
            }
            if let Some(batch) = LogBatch::read_plain(&body) {
                prop_assert_eq!(told(Ok(batch)), told(slow(&body)));
            }
        }
    }
}
