//! Random filters over the whole grammar, about things that exist now and then.

use super::{KEYS, NUMBERS, TEXTS};
use crate::search::ast::{Membership, Number, NumberOp, TextOp};
use crate::search::{Attribute, Comparison, DatasetField, Expr, Field, Op, Target};
use proptest::prelude::*;
use proptest::sample::select;

pub(super) fn filter(target: Target) -> BoxedStrategy<Expr> {
    let expr = comparison(target)
        .prop_map(Expr::Compare)
        .prop_recursive(4, 12, 3, |inner| {
            let parts = || prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                3 => parts().prop_map(Expr::And),
                2 => parts().prop_map(Expr::Or),
                1 => inner.clone().prop_map(|part| Expr::Not(Box::new(part))),
            ]
        });
    prop_oneof![1 => Just(Expr::All), 9 => expr].boxed()
}

fn comparison(target: Target) -> BoxedStrategy<Comparison> {
    use Attribute::*;
    match target {
        Target::Runs => prop_oneof![
            3 => keyed(Field::Metric, floats()),
            2 => keyed(Field::Param, with_nulls(texts(&[]))),
            2 => keyed(Field::Tag, with_nulls(texts(&[]))),
            1 => column(&[RunId, RunName, UserId, ArtifactUri], texts(&IDS)),
            1 => column(&[Status], texts(&["RUNNING", "FINISHED", "%I%"])),
            2 => column(&[StartTime, EndTime], numbers(&[0.5, 1.0, 2.0])),
            1 => (
                select(vec![DatasetField::Name, DatasetField::Digest, DatasetField::Context]),
                texts(&[])
            )
                .prop_map(|(field, op)| Comparison { field: Field::Dataset(field), op }),
        ]
        .boxed(),
        Target::Experiments => prop_oneof![
            keyed(Field::Tag, with_nulls(texts(&[]))),
            column(&[Name], texts(&["a0", "A%"])),
            column(&[ExperimentId], ids()),
            column(&[CreationTime, LastUpdateTime], numbers(&[])),
        ]
        .boxed(),
        Target::LoggedModels => prop_oneof![
            3 => keyed(Field::Metric, floats()),
            1 => keyed(Field::Param, texts(&[])),
            1 => keyed(Field::Tag, texts(&[])),
            1 => column(&[Name, ModelId, ModelType, SourceRunId, ArtifactUri], texts(&IDS)),
            1 => column(&[Status, LifecycleStage], texts(&["READY", "active", "%ED"])),
            1 => column(&[ExperimentId, StatusMessage], texts(&["1", "2", "_"])),
            1 => column(&[CreationTime, LastUpdateTime], numbers(&[0.5, 1.0])),
        ]
        .boxed(),
        Target::RegisteredModels | Target::ModelVersions => unreachable!("not searched here"),
    }
}

const IDS: [&str; 4] = [
    "%1",
    "%3%",
    "00000000000000000000000000000002",
    "m-00000000000000000000000000000003",
];

fn keyed(field: fn(String) -> Field, ops: BoxedStrategy<Op>) -> BoxedStrategy<Comparison> {
    let key = prop_oneof![8 => select(KEYS.to_vec()), 1 => Just("absent")];
    (key, ops)
        .prop_map(move |(key, op)| Comparison {
            field: field(key.to_owned()),
            op,
        })
        .boxed()
}

fn column(columns: &[Attribute], ops: BoxedStrategy<Op>) -> BoxedStrategy<Comparison> {
    (select(columns.to_vec()), ops)
        .prop_map(|(attribute, op)| Comparison {
            field: Field::Attribute(attribute),
            op,
        })
        .boxed()
}

fn texts(more: &[&'static str]) -> BoxedStrategy<Op> {
    let mut values = [&TEXTS[..], &["_", "%", "a%", "%B", "x%1"], more].concat();
    // Those of the field itself are to be met often.
    for _ in 0..3 {
        values.extend(more);
    }
    let value = select(values).prop_map(str::to_owned);
    let op = select(vec![
        TextOp::Equal,
        TextOp::NotEqual,
        TextOp::Like,
        TextOp::ILike,
    ]);
    prop_oneof![
        3 => (op, value.clone()).prop_map(|(op, text)| Op::Text(op, text)),
        1 => (membership(), prop::collection::vec(value, 1..4))
            .prop_map(|(op, list)| Op::InText(op, list)),
    ]
    .boxed()
}

fn membership() -> impl Strategy<Value = Membership> {
    select(vec![Membership::In, Membership::NotIn])
}

fn number_op() -> impl Strategy<Value = NumberOp> {
    select(vec![
        NumberOp::Less,
        NumberOp::LessOrEqual,
        NumberOp::Equal,
        NumberOp::NotEqual,
        NumberOp::GreaterOrEqual,
        NumberOp::Greater,
    ])
}

fn floats() -> BoxedStrategy<Op> {
    of_numbers(number_op().boxed(), NUMBERS.map(Number::Float).to_vec())
}

/// Small integers, and fractions where the field takes them.
fn numbers(fractions: &[f64]) -> BoxedStrategy<Op> {
    let mut values: Vec<_> = [0, 1, 2, 3, i64::MAX].map(Number::Integer).to_vec();
    values.extend(fractions.iter().copied().map(Number::Float));
    of_numbers(number_op().boxed(), values)
}

fn ids() -> BoxedStrategy<Op> {
    let op = select(vec![NumberOp::Equal, NumberOp::NotEqual]).boxed();
    of_numbers(op, [1, 2, 3, 99].map(Number::Integer).to_vec())
}

fn of_numbers(op: BoxedStrategy<NumberOp>, values: Vec<Number>) -> BoxedStrategy<Op> {
    let value = select(values);
    prop_oneof![
        3 => (op, value.clone()).prop_map(|(op, number)| Op::Number(op, number)),
        1 => (membership(), prop::collection::vec(value, 1..4))
            .prop_map(|(op, list)| Op::InNumber(op, list)),
    ]
    .boxed()
}

fn with_nulls(ops: BoxedStrategy<Op>) -> BoxedStrategy<Op> {
    prop_oneof![4 => ops, 1 => Just(Op::IsNull), 1 => Just(Op::IsNotNull)].boxed()
}
