use super::*;
use crate::registry::environment::{Format, Manager, Package};
use crate::registry::facts::{Dataset, Metric, Reading, RunFacts, Text};
use serde_json::json;

fn entry(key: &str, value: &str) -> Entry {
    Entry {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn metric(key: &str, value: f64) -> Metric {
    Metric {
        key: key.to_owned(),
        value: Reading(value),
        step: 0,
        timestamp: 0,
        dataset: None,
        dataset_digest: None,
    }
}

fn dataset(name: &str, digest: &str, context: &str) -> Dataset {
    Dataset {
        name: name.to_owned(),
        digest: digest.to_owned(),
        context: Some(context.to_owned()),
        source_type: "local".to_owned(),
        source: Text::Whole("{}".to_owned()),
        schema: None,
        profile: None,
        tags: Vec::new(),
    }
}

fn packages(format: Format, text: &str) -> Vec<Package> {
    format.parse(text).unwrap().packages
}

/// A record that lacks nothing.
fn full() -> Facts {
    let mut facts = Facts {
        run: Some(RunFacts {
            id: "r".to_owned(),
            known: true,
            ..RunFacts::default()
        }),
        params: vec![entry("depth", "3"), entry("seed", "7")],
        metrics: vec![metric("auc", 0.9), metric("loss", f64::NAN)],
        datasets: vec![dataset("train", "aa", "training")],
        seeds: vec![entry("seed", "7")],
        signature: Some(json!({"inputs": [{"type": "long", "name": "age", "required": true}]})),
        ..Facts::default()
    };
    facts.code.commit = Some("0123456789abcdef".to_owned());
    facts.code.dirty = Some(false);
    facts.environment.python = Some("3.11.7".to_owned());
    facts.environment.packages = packages(Format::Requirements, "numpy==2.0\nscipy==1.0");
    facts
}

fn files(digest: &str) -> Vec<FileDigest> {
    let file = |path: &str, sha256: &str| FileDigest {
        path: path.to_owned(),
        size: 1,
        sha256: sha256.to_owned(),
    };
    vec![
        file("MLmodel", &format!("own {digest}")),
        file("model.pkl", digest),
    ]
}

fn compared(a: &Facts, b: &Facts, of: (&[FileDigest], &[FileDigest])) -> Diff {
    let side = |label, facts, files| Side {
        label,
        facts,
        files: Some(files),
        version_tags: &[],
    };
    diff(&side("m/1", a, of.0), &side("m/2", b, of.1))
}

/// Compares a full record with a changed one, the files being different, and gives the summary.
fn told(change: impl Fn(&mut Facts)) -> String {
    let mut b = full();
    change(&mut b);
    compared(&full(), &b, (&files("1"), &files("2")))
        .summary
        .join("\n")
}

#[test]
fn equal_files_and_packages_predict_the_same() {
    let diff = compared(&full(), &full(), (&files("1"), &files("1")));
    insta::assert_snapshot!(diff.summary.join("\n"), @r#"
    m/1 and m/2 have the same metrics: 2 of 2 are equal.
    Files and environment are the same, so both predict the same.
    The data is the same by its digests: 1 dataset.
    The code is the same: commit 0123456789ab.
    The environment is the same: 2 packages.
    The seeds are the same.
    The params are the same: 2 of 2.
    The signature is the same.
    The files are the same byte for byte, those aside that describe the model: 1 file.
    "#);
    assert!(diff.params.differ.is_empty() && diff.metrics.differ.is_empty());
    assert_eq!(
        (diff.params.equal, diff.metrics.equal, diff.files.equal),
        (2, 2, 2)
    );
}

#[test]
fn other_files_from_equal_origins_point_at_chance() {
    insta::assert_snapshot!(told(|_| {}), @r#"
    m/1 and m/2 have the same metrics: 2 of 2 are equal.
    All that led to the models is the same, and yet their files differ: the training is not deterministic, or something differs that is not recorded.
    The files differ: model.pkl.
    The data is the same by its digests: 1 dataset.
    The code is the same: commit 0123456789ab.
    The environment is the same: 2 packages.
    The seeds are the same.
    The params are the same: 2 of 2.
    The signature is the same.
    "#);
}

#[test]
fn causes_come_in_the_order_of_how_much_they_explain() {
    let summary = told(|b| {
        b.datasets = vec![
            dataset("train", "bb", "training"),
            dataset("more", "cc", "testing"),
        ];
        b.code.commit = Some("fedcba9876543210".to_owned());
        b.environment.packages = packages(Format::Requirements, "numpy==2.1\npandas>=2");
        b.environment.python = Some("3.12.1".to_owned());
        b.params = vec![entry("depth", "4"), entry("seed", "8")];
        b.seeds = vec![entry("seed", "8")];
        b.signature = Some(json!({"inputs": [{"type": "integer", "name": "age"}]}));
    });
    insta::assert_snapshot!(summary, @r#"
    m/1 and m/2 have the same metrics: 2 of 2 are equal.
    Although the metrics are equal, they may predict differently. What differs, the likeliest cause first: data, code, environment, seed, params, signature.
    The data differs: more (testing) cc only in m/2, train (training) aa -> bb.
    The code differs: commit 0123456789abcdef -> fedcba9876543210.
    The environment differs: python 3.11.7 -> 3.12.1, numpy 2.0 -> 2.1, pandas >=2 only in m/2 and 1 more.
    The seeds differ: seed 7 -> 8.
    The params differ: depth 3 -> 4.
    The signature differs in 1 place; these break who calls the model: inputs.age.
    The files differ: model.pkl.
    "#);
}

#[test]
fn what_is_not_recorded_is_unknown_and_never_equal() {
    let a = Facts::default();
    let b = full();
    let side = |label, facts, files| Side {
        label,
        facts,
        files,
        version_tags: &[],
    };
    let of_b = files("1");
    let diff = diff(&side("m/1", &a, None), &side("n/1", &b, Some(&of_b)));
    insta::assert_snapshot!(diff.summary.join("\n"), @r#"
    2 of 2 metrics differ from m/1 to n/1: auc none -> 0.9, loss none -> NaN.
    They may predict differently. What differs, the likeliest cause first: params.
    The params differ: depth 3 only in n/1.
    Whether the data is the same is not known: m/1 records no dataset.
    Whether the code is the same is not known: m/1 records no commit.
    Whether the packages are the same is not known: m/1 records no packages.
    Whether chance began at the same point is not known: m/1 records no seed.
    Whether the signature is the same is not known: m/1 records no signature.
    Whether the files are the same is not known: The server does not know the files of m/1.
    "#);
    let judged: Vec<_> = diff
        .causes
        .iter()
        .map(|cause| (cause.area, cause.verdict))
        .collect();
    assert_eq!(
        judged,
        [
            ("data", Verdict::Unknown),
            ("code", Verdict::Unknown),
            ("environment", Verdict::Unknown),
            ("seed", Verdict::Unknown),
            ("params", Verdict::Differs),
            ("signature", Verdict::Unknown),
            ("files", Verdict::Unknown),
        ]
    );
}

#[test]
fn a_dirty_tree_leaves_the_code_unknown_unless_its_changes_are_recorded() {
    let verdict = |dirty: Option<bool>, changes: (Option<&str>, Option<&str>)| {
        let (mut a, mut b) = (full(), full());
        b.code.dirty = dirty;
        a.code.diff_sha256 = changes.0.map(str::to_owned);
        b.code.diff_sha256 = changes.1.map(str::to_owned);
        let diff = compared(&a, &b, (&[], &[]));
        let code = diff
            .causes
            .iter()
            .find(|cause| cause.area == "code")
            .unwrap();
        (code.verdict, code.sentence.clone())
    };
    assert_eq!(
        verdict(Some(true), (None, None)),
        (
            Verdict::Unknown,
            "The commit is the same (0123456789ab), but m/2 ran with changes that it does not \
             hold."
                .to_owned()
        )
    );
    assert_eq!(verdict(None, (None, None)).0, Verdict::Unknown);
    assert_eq!(verdict(Some(false), (None, None)).0, Verdict::Same);
    assert_eq!(verdict(Some(true), (Some("x"), Some("x"))).0, Verdict::Same);
    assert_eq!(
        verdict(Some(true), (Some("x"), Some("y"))).0,
        Verdict::Differs
    );
}

#[test]
fn metrics_have_absolute_and_relative_deltas() {
    let (mut a, mut b) = (full(), full());
    a.metrics = vec![
        metric("down", 4.0),
        metric("gone", 1.0),
        metric("zero", 0.0),
    ];
    b.metrics = vec![
        metric("down", 3.0),
        metric("new", f64::NAN),
        metric("zero", 0.5),
    ];
    let diff = compared(&a, &b, (&[], &[]));
    assert_eq!(
        serde_json::to_value(&diff.metrics).unwrap(),
        json!({"equal": 0, "note": null, "differ": [
            {"key": "down", "change": "changed", "a": 4.0, "b": 3.0, "delta": -1.0, "relative": -0.25},
            {"key": "gone", "change": "removed", "a": 1.0, "b": null, "delta": null, "relative": null},
            {"key": "new", "change": "added", "a": null, "b": "NaN", "delta": null, "relative": null},
            {"key": "zero", "change": "changed", "a": 0.0, "b": 0.5, "delta": 0.5, "relative": null},
        ]})
    );
    assert!(diff.summary[0].ends_with(
        "4 of 4 metrics differ from m/1 to m/2: down 4 -> 3 (-25.0 %), gone 1 -> none, new none -> \
         NaN and 1 more."
    ));
    a.metrics = vec![metric("system/cpu", 1.0), metric("val/auc", 0.8)];
    b.metrics = vec![metric("system/cpu", 2.0), metric("val/auc", 0.9)];
    let diff = compared(&a, &b, (&[], &[]));
    let keys: Vec<&str> = diff
        .metrics
        .differ
        .iter()
        .map(|row| row.key.as_str())
        .collect();
    assert_eq!(keys, ["val/auc", "system/cpu"], "the machine comes last");
}

#[test]
fn locks_are_compared_with_locks_and_lists_with_lists() {
    let lock = "version = 1\n[[package]]\nname = \"numpy\"\nversion = \"2.1\"\n[[package]]\n\
                name = \"six\"\nversion = \"1\"\n";
    let check = |a: &[(Format, &str)], b: &[(Format, &str)], expected: &[&str]| {
        let facts = |files: &[(Format, &str)]| {
            let mut facts = Facts::default();
            for (format, text) in files {
                facts.environment.packages.extend(packages(*format, text));
            }
            facts
        };
        let section = compared(&facts(a), &facts(b), (&[], &[])).packages;
        let mut shown: Vec<String> = section
            .differ
            .iter()
            .map(|row| format!("{} {:?} {:?}", row.key, row.a.as_deref(), row.b.as_deref()))
            .collect();
        shown.extend(section.note);
        assert_eq!(shown, expected);
    };
    let pip = (Format::Requirements, "numpy==2.0");
    let lock = (Format::UvLock, lock);
    check(
        &[pip],
        &[lock],
        &[
            "numpy Some(\"2.0\") Some(\"2.1\")",
            "b has only a lock: compared are the packages that a asks for.",
        ],
    );
    check(&[pip, lock], &[lock], &[]);
    check(&[pip, lock], &[pip], &[]);
    check(
        &[lock],
        &[(Format::UvLock, "version = 1")],
        &["a has only a lock: compared are the packages that b asks for."],
    );
    let conda = (
        Format::Conda,
        "dependencies: [openssl=3, pip: [numpy==2.0]]",
    );
    check(&[conda], &[pip], &["openssl (conda) Some(\"3\") None"]);
    assert_eq!(packages(Format::Conda, conda.1)[0].manager, Manager::Conda);
}

/// Gives the changes of a signature as `key: from -> to, breaking or fine`.
fn changes(a: Json, b: Json) -> Vec<String> {
    let section = signature::compare(Some(&a), Some(&b));
    let rows = section.differ.iter();
    rows.map(|row| {
        let verdict = if row.breaking { "breaking" } else { "fine" };
        let of = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
        format!("{}: {} -> {}, {verdict}", row.key, of(&row.a), of(&row.b))
    })
    .collect()
}

/// A change from one type to another, as input and as output: whether each breaks.
#[track_caller]
fn check_types(a: Json, b: Json, (input, output): (bool, bool)) {
    let slots = |kind: &Json| {
        let mut slot = kind.clone();
        slot["name"] = json!("x");
        json!([slot])
    };
    for (part, expected) in [("inputs", input), ("outputs", output)] {
        let side = |kind: &Json| json!({ part: slots(kind) });
        let section = signature::compare(Some(&side(&a)), Some(&side(&b)));
        assert_eq!(section.differ.len(), 1, "{a} -> {b}");
        assert_eq!(section.differ[0].breaking, expected, "{part}: {a} -> {b}");
    }
}

#[test]
fn each_change_of_a_type_is_judged_by_what_is_enforced() {
    let scalar = |name: &str| json!({ "type": name });
    check_types(scalar("integer"), scalar("long"), (false, true));
    check_types(scalar("long"), scalar("integer"), (true, false));
    check_types(scalar("float"), scalar("double"), (false, true));
    check_types(scalar("integer"), scalar("double"), (false, true));
    check_types(scalar("long"), scalar("double"), (true, true));
    check_types(scalar("long"), scalar("string"), (true, true));
    check_types(scalar("string"), scalar("any"), (false, true));
    let array = |name: &str| json!({"type": "array", "items": {"type": name}});
    check_types(array("integer"), array("long"), (false, true));
    check_types(scalar("string"), array("string"), (true, true));
    let object = |properties: Json| json!({"type": "object", "properties": properties});
    let (one, two) = (
        object(json!({"k": {"type": "long"}})),
        object(json!({"k": {"type": "long"}, "z": {"type": "string"}})),
    );
    check_types(one.clone(), two.clone(), (true, false));
    check_types(two, one.clone(), (true, true));
    let optional =
        object(json!({"k": {"type": "long"}, "z": {"type": "string", "required": false}}));
    check_types(one, optional, (false, false));
    let tensor = |dtype: &str, shape: &[i64]| json!({"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}});
    check_types(
        tensor("float32", &[-1, 3]),
        tensor("float32", &[-1, -1]),
        (false, true),
    );
    check_types(
        tensor("float32", &[-1, 3]),
        tensor("float64", &[-1, 3]),
        (true, true),
    );
    check_types(
        tensor("float32", &[-1, 3]),
        tensor("float32", &[-1, 3, 1]),
        (true, true),
    );
    check_types(
        tensor("float32", &[-1, 3]),
        tensor("object", &[-1]),
        (false, true),
    );
}

#[test]
fn columns_that_come_and_go_are_judged() {
    let a = json!({
        "inputs": [
            {"type": "long", "name": "gone", "required": true},
            {"type": "long", "name": "kept", "required": true},
            {"type": "long", "name": "now_optional", "required": true},
            {"type": "long", "name": "now_required", "required": false},
        ],
        "outputs": [{"type": "double", "name": "gone"}, {"type": "double", "name": "maybe"}],
        "params": [
            {"name": "gone", "type": "long", "default": 1, "shape": null},
            {"name": "other", "type": "long", "default": 1, "shape": null},
            {"name": "wider", "type": "long", "default": 1, "shape": null},
        ],
    });
    let b = json!({
        "inputs": [
            {"type": "long", "name": "kept", "required": true},
            {"type": "long", "name": "new", "required": true},
            {"type": "long", "name": "new_optional", "required": false},
            {"type": "long", "name": "now_optional", "required": false},
            {"type": "long", "name": "now_required", "required": true},
        ],
        "outputs": [{"type": "double", "name": "maybe", "required": false},
            {"type": "double", "name": "new"}],
        "params": [
            {"name": "new", "type": "long", "default": 1, "shape": null},
            {"name": "other", "type": "long", "default": 2, "shape": null},
            {"name": "wider", "type": "double", "default": 1, "shape": null},
        ],
    });
    insta::assert_snapshot!(changes(a, b).join("\n"), @r#"
    inputs.gone: long -> none, fine
    inputs.new: none -> long, breaking
    inputs.new_optional: none -> long, optional, fine
    inputs.now_optional: long -> long, optional, fine
    inputs.now_required: long, optional -> long, breaking
    outputs.gone: double -> none, breaking
    outputs.maybe: double -> double, optional, breaking
    outputs.new: none -> double, fine
    params.gone: long, default 1 -> none, breaking
    params.new: none -> long, default 1, fine
    params.other: long, default 1 -> long, default 2, fine
    params.wider: long, default 1 -> double, default 1, fine
    "#);
}

#[test]
fn a_part_that_comes_or_goes_is_judged() {
    let with = json!({"inputs": [{"type": "long"}], "outputs": [{"type": "long"}]});
    insta::assert_snapshot!(changes(with.clone(), json!({})).join("\n"), @r#"
    inputs: 1 input -> none, fine
    outputs: 1 output -> none, breaking
    "#);
    insta::assert_snapshot!(changes(json!({}), with).join("\n"), @r#"
    inputs: none -> 1 input, breaking
    outputs: none -> 1 output, fine
    "#);
}

#[test]
fn what_is_too_much_is_cut_and_says_so() {
    let mut b = full();
    b.params = (0..6_000)
        .map(|n| entry(&format!("p{n:04}"), "1"))
        .collect();
    let diff = compared(&full(), &b, (&[], &[]));
    assert_eq!(diff.params.differ.len(), 5_000);
    assert_eq!(
        diff.params.note.as_deref(),
        Some("6002 differ; the first 5000 are listed.")
    );
}
