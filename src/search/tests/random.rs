//! Random expressions and random strings.

use proptest::prelude::*;
use proptest::sample::select;

use super::{Target, parse, print};
use crate::search::ast::{
    Attribute, Comparison, DatasetField, Expr, Field, Membership, Number, NumberOp, Op, TextOp,
};
use crate::search::parse_order;

const TARGETS: [Target; 5] = [
    Target::Runs,
    Target::Experiments,
    Target::LoggedModels,
    Target::RegisteredModels,
    Target::ModelVersions,
];

/// Text without quotes and backslashes, which cannot be printed back.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 .,%_;()=!é日-]{0,8}"
}

fn integer() -> impl Strategy<Value = Number> {
    any::<i64>().prop_map(Number::Integer)
}

fn float() -> impl Strategy<Value = Number> {
    any::<f64>()
        .prop_filter("no literal is NaN or infinite", |value| value.is_finite())
        .prop_map(Number::Float)
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

fn membership() -> impl Strategy<Value = Membership> {
    select(vec![Membership::In, Membership::NotIn])
}

fn texts() -> BoxedStrategy<Op> {
    let op = select(vec![
        TextOp::Equal,
        TextOp::NotEqual,
        TextOp::Like,
        TextOp::ILike,
    ]);
    let list = prop::collection::vec(text(), 1..4);
    prop_oneof![
        (op, text()).prop_map(|(op, text)| Op::Text(op, text)),
        (membership(), list).prop_map(|(op, list)| Op::InText(op, list)),
    ]
    .boxed()
}

fn numbers(op: BoxedStrategy<NumberOp>, number: BoxedStrategy<Number>) -> BoxedStrategy<Op> {
    let list = prop::collection::vec(number.clone(), 1..4);
    prop_oneof![
        (op, number).prop_map(|(op, number)| Op::Number(op, number)),
        (membership(), list).prop_map(|(op, list)| Op::InNumber(op, list)),
    ]
    .boxed()
}

fn with_nulls(ops: BoxedStrategy<Op>) -> BoxedStrategy<Op> {
    prop_oneof![ops, Just(Op::IsNull), Just(Op::IsNotNull)].boxed()
}

fn keyed(field: fn(String) -> Field, ops: BoxedStrategy<Op>) -> BoxedStrategy<Comparison> {
    ("[a-z0-9 ./é-]{1,8}", ops)
        .prop_map(move |(key, op)| Comparison {
            field: field(key),
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

fn comparison(target: Target) -> BoxedStrategy<Comparison> {
    use Attribute::*;
    let integers = || numbers(number_op().boxed(), integer().boxed());
    let both = || numbers(number_op().boxed(), prop_oneof![integer(), float()].boxed());
    let metrics = || keyed(Field::Metric, numbers(number_op().boxed(), float().boxed()));
    let equality = || select(vec![NumberOp::Equal, NumberOp::NotEqual]).boxed();
    match target {
        Target::Runs => prop_oneof![
            metrics(),
            keyed(Field::Param, with_nulls(texts())),
            keyed(Field::Tag, with_nulls(texts())),
            column(&[RunId, RunName, UserId, Status, ArtifactUri], texts()),
            column(&[StartTime, EndTime], both()),
            (
                select(vec![
                    DatasetField::Name,
                    DatasetField::Digest,
                    DatasetField::Context
                ]),
                texts()
            )
                .prop_map(|(field, op)| Comparison {
                    field: Field::Dataset(field),
                    op
                }),
        ]
        .boxed(),
        Target::Experiments => prop_oneof![
            keyed(Field::Tag, with_nulls(texts())),
            column(&[Name], texts()),
            column(&[ExperimentId], numbers(equality(), integer().boxed())),
            column(&[CreationTime, LastUpdateTime], integers()),
        ]
        .boxed(),
        Target::LoggedModels => prop_oneof![
            metrics(),
            keyed(Field::Param, texts()),
            keyed(Field::Tag, texts()),
            column(
                &[Name, ModelId, ModelType, Status, SourceRunId, ExperimentId],
                texts()
            ),
            column(&[StatusMessage, ArtifactUri, LifecycleStage], texts()),
            column(&[CreationTime, LastUpdateTime], both()),
        ]
        .boxed(),
        Target::RegisteredModels => prop_oneof![
            keyed(Field::Tag, with_nulls(texts())),
            column(&[Name], texts()),
        ]
        .boxed(),
        Target::ModelVersions => prop_oneof![
            keyed(Field::Tag, with_nulls(texts())),
            column(&[Name, RunId, SourcePath], texts()),
            column(&[VersionNumber], integers()),
        ]
        .boxed(),
    }
}

fn expr(target: Target) -> impl Strategy<Value = Expr> {
    comparison(target)
        .prop_map(Expr::Compare)
        .prop_recursive(5, 24, 4, |inner| {
            let parts = || prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                parts().prop_map(Expr::And),
                parts().prop_map(Expr::Or),
                inner.clone().prop_map(|part| Expr::Not(Box::new(part))),
            ]
        })
}

fn pair() -> impl Strategy<Value = (Target, Expr)> {
    select(TARGETS.to_vec()).prop_flat_map(|target| (Just(target), expr(target)))
}

/// Strings that look like filters, and then do not.
fn almost_filter() -> impl Strategy<Value = String> {
    let pieces = vec![
        "metrics.m",
        "params.`a b`",
        "tags.\"t\"",
        "run_id",
        "name",
        "dataset.name",
        "version_number",
        "'",
        "\"",
        "`",
        "'x'",
        "\"y\"",
        "1",
        "-2.5e3",
        "=",
        "!=",
        ">",
        "LIKE",
        "ilike",
        "NOT",
        "IN",
        "IS",
        "NULL",
        "AND",
        "or",
        "(",
        ")",
        "('a', 'b')",
        "(1, 2)",
        ",",
        ";",
        ".",
        "--",
        "/*",
        "*/",
        "#",
        "\\",
        "\n",
        " ",
        " ",
        " ",
        "é",
        "\u{0}",
        "+",
        "DESC",
        "[",
        "$",
    ];
    prop::collection::vec(select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

/// Parses, and checks what must hold for any input: errors are the client's, and what was
/// accepted can be printed and means the same again.
fn survives(filter: &str) {
    for target in TARGETS {
        match parse(target, filter) {
            Ok(expr) => assert!(!print::expr(target, &expr).is_empty() || expr == Expr::All),
            Err(error) => assert_eq!(error.code, crate::error::Code::Invalid, "{error:?}"),
        }
        if let Err(error) = parse_order(target, &[filter.to_owned()]) {
            assert_eq!(error.code, crate::error::Code::Invalid, "{error:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_printed_expression_parses_to_itself((target, expr) in pair()) {
        let printed = print::expr(target, &expr);
        let parsed = parse(target, &printed);
        prop_assert_eq!(parsed.map_err(|error| error.message), Ok(expr), "{}", printed);
    }

    #[test]
    fn no_string_is_a_server_error(filter in any::<String>()) {
        survives(&filter);
    }

    #[test]
    fn nothing_like_a_filter_is_a_server_error(filter in almost_filter()) {
        survives(&filter);
    }
}
