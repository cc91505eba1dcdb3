//! The evaluator in memory and the pattern matcher.

use std::cmp::Ordering;

use super::{Target, parse};
use crate::db::like::{ilike, like};
use crate::search::eval::{Dataset, Entity, Point, Scalar, compare, matches};
use crate::search::{
    Attribute, LoggedModelOrder, MetricDataset, parse_logged_model_order, parse_order,
};

#[test]
fn patterns_match_runs_and_single_characters() {
    let cases = [
        ("", "", true),
        ("", "%", true),
        ("", "_", false),
        ("a", "", false),
        ("abc", "abc", true),
        ("abc", "ABC", false),
        ("abc", "a%", true),
        ("abc", "%c", true),
        ("abc", "%b%", true),
        ("abc", "a_c", true),
        ("abc", "a__", true),
        ("abc", "a___", false),
        ("abc", "_%_%_%", true),
        ("abc", "_%_%_%_", false),
        ("mississippi", "m%iss%pi", true),
        ("mississippi", "m%iss%pa", false),
        ("a%b", r"a\%b", false),
        (r"a\xb", r"a\%b", true),
        ("é", "_", true),
        ("日本語", "日%", true),
        ("a\nb", "a%b", true),
    ];
    for (text, pattern, expected) in cases {
        assert_eq!(like(text, pattern), expected, "{text:?} like {pattern:?}");
    }
}

#[test]
fn case_is_folded_for_ascii_only() {
    assert!(ilike("ABC", "a_C"));
    assert!(!ilike("É", "é"));
    assert!(ilike("Éa", "ÉA"));
}

#[test]
fn hostile_patterns_take_no_exponential_time() {
    assert!(!like(&"a".repeat(5_000), &format!("{}b", "%a".repeat(500))));
}

fn run() -> Entity {
    let mut run = Entity::default();
    let texts = [
        (Attribute::RunId, "r1"),
        (Attribute::Status, "RUNNING"),
        (Attribute::UserId, ""),
    ];
    run.attributes
        .extend(texts.map(|(key, text)| (key, Scalar::Text(text.to_owned()))));
    run.attributes
        .insert(Attribute::StartTime, Scalar::Integer(1_000));
    let point = |value| {
        vec![Point {
            value,
            ..Point::default()
        }]
    };
    run.metrics.insert("m".to_owned(), point(0.5));
    run.metrics.insert("nan".to_owned(), point(f64::NAN));
    run.params.insert("p".to_owned(), "Value".to_owned());
    run.params.insert("empty".to_owned(), String::new());
    run.tags
        .insert("mlflow.runName".to_owned(), "calm-owl-1".to_owned());
    let dataset = |name: &str, context: Option<&str>| Dataset {
        name: name.to_owned(),
        digest: format!("{name}-digest"),
        context: context.map(str::to_owned),
    };
    run.datasets = vec![dataset("d1", Some("train")), dataset("d2", None)];
    run
}

#[test]
fn filters_mean_what_the_module_says() {
    let cases = [
        ("", true),
        ("metrics.m > 0.4", true),
        ("metrics.m != 0.5", false),
        ("metrics.absent != 1", false),
        ("NOT metrics.absent = 1", true),
        ("metrics.nan != 1", true),
        ("metrics.nan NOT IN (1)", true),
        ("metrics.nan = 0", false),
        ("metrics.nan <= 1e400", false),
        ("NOT metrics.nan = 0", true),
        ("metrics.m IN (1, 0.5)", true),
        ("metrics.m NOT IN (1, 0.5)", false),
        ("metrics.absent NOT IN (1)", false),
        ("params.p = 'Value'", true),
        ("params.p = 'value'", false),
        ("params.p LIKE 'v%'", false),
        ("params.p ILIKE 'v%'", true),
        ("params.absent != 'x'", false),
        ("params.absent IS NULL", true),
        ("params.empty IS NULL", false),
        ("params.empty IS NOT NULL", true),
        ("params.empty = ''", true),
        ("tags.t NOT IN ('x')", false),
        ("NOT tags.t IN ('x')", true),
        ("run_name LIKE 'calm-%'", true),
        ("start_time = 1000", true),
        ("start_time = 1e3", true),
        ("start_time > 999.5", true),
        ("end_time != 5", false),
        ("NOT end_time > 5", true),
        ("user_id = ''", true),
        ("dataset.name = 'd1' AND dataset.context = 'train'", true),
        ("dataset.name = 'd2' AND dataset.context = 'train'", true),
        ("dataset.name != 'd1'", true),
        ("NOT dataset.name = 'd1'", false),
        ("dataset.context != 'train'", false),
        ("dataset.digest NOT IN ('d1-digest')", true),
        (
            "metrics.m > 1 OR params.p = 'Value' AND run_id = 'r1'",
            true,
        ),
        (
            "(metrics.m > 1 OR params.p = 'Value') AND run_id = 'r2'",
            false,
        ),
        ("NOT (metrics.m > 1 OR run_id = 'r2')", true),
    ];
    let run = run();
    for (filter, expected) in cases {
        let expr = parse(Target::Runs, filter).expect("is accepted");
        assert_eq!(matches(&expr, &run), expected, "{filter}");
    }
}

fn with_metric(run_id: &str, value: Option<f64>) -> Entity {
    let mut entity = Entity::default();
    entity
        .attributes
        .insert(Attribute::RunId, Scalar::Text(run_id.to_owned()));
    let points = value.map(|value| {
        vec![Point {
            value,
            ..Point::default()
        }]
    });
    entity
        .metrics
        .extend(points.map(|points| ("m".to_owned(), points)));
    entity
}

#[test]
fn nan_and_absent_metrics_come_last_in_both_directions() {
    let values = [
        None,
        Some(f64::NAN),
        Some(2.0),
        Some(1.0),
        Some(f64::NEG_INFINITY),
    ];
    let check = |clause: &str, expected: &str| {
        let order = parse_order(Target::Runs, &[clause.to_owned()]).expect("is accepted");
        let mut entities: Vec<_> = ["absent", "nan", "two", "one", "low"]
            .into_iter()
            .zip(values)
            .collect();
        entities.sort_by(|a, b| compare(&with_metric(a.0, a.1), &with_metric(b.0, b.1), &order));
        let names: Vec<_> = entities.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.join(" "), expected);
    };
    check("metrics.m", "low one two nan absent");
    check("metrics.m DESC", "two one low nan absent");
}

#[test]
fn a_model_is_ordered_by_its_latest_value_on_the_dataset() {
    let on = |name: &str| MetricDataset {
        name: Some(name.to_owned()),
        digest: None,
    };
    let point = |value, timestamp, step, run_id: &str, dataset| Point {
        value,
        timestamp,
        step,
        run_id: run_id.to_owned(),
        dataset,
    };
    let model = |points| {
        let mut model = Entity::default();
        model.metrics.insert("m".to_owned(), points);
        model
    };
    let a = model(vec![
        point(9.0, 1, 5, "r", on("d")),
        point(1.0, 2, 0, "r", on("e")),
    ]);
    let b = model(vec![
        point(7.0, 1, 5, "r1", on("d")),
        point(5.0, 1, 5, "r2", on("d")),
    ]);
    let ordered = |dataset| {
        let step = LoggedModelOrder {
            field_name: "metrics.m".to_owned(),
            ascending: true,
            dataset,
        };
        compare(
            &a,
            &b,
            &parse_logged_model_order(&[step]).expect("is accepted"),
        )
    };
    assert_eq!(ordered(MetricDataset::default()), Ordering::Less);
    assert_eq!(ordered(on("d")), Ordering::Greater);
    assert_eq!(ordered(on("e")), Ordering::Less);
    assert_eq!(ordered(on("f")), Ordering::Equal);
}

#[test]
fn a_logged_model_matches_by_any_of_its_values() {
    let mut model = Entity::default();
    let point = |value| Point {
        value,
        ..Point::default()
    };
    model
        .metrics
        .insert("m".to_owned(), vec![point(1.0), point(3.0)]);
    let cases = [
        ("metrics.m < 2 AND metrics.m > 2", true),
        ("metrics.m != 1", true),
        ("NOT metrics.m = 1", false),
        ("metrics.m NOT IN (1, 3)", false),
        ("name NOT IN ()", false),
    ];
    for (filter, expected) in cases {
        let expr = parse(Target::LoggedModels, filter).expect("is accepted");
        assert_eq!(matches(&expr, &model), expected, "{filter}");
    }
}
