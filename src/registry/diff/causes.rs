//! Judges what may make two models predict differently, each cause by itself.

use super::words::{counted, listed, told};
use super::{Change, Diff, Row, Side};
use serde::Serialize;

/// Files that describe a model: what they say is compared piece by piece, and `MLmodel` holds an id
/// and a time, so that it differs between any two models.
const DESCRIBE: [&str; 7] = [
    "MLmodel",
    "conda.yaml",
    "input_example.json",
    "python_env.yaml",
    "requirements.txt",
    "serving_input_example.json",
    "uv.lock",
];
/// Whether a cause is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Differs,
    Same,
    /// At least one version does not tell.
    Unknown,
}

/// Something that may make two models predict differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// `data`, `code`, `environment`, `seed`, `params`, `signature` or `files`.
    pub area: &'static str,
    pub verdict: Verdict,
    pub sentence: String,
}

/// Judges each cause, in the order in which they explain different predictions.
pub(super) fn causes(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Vec<Cause> {
    let judged = [
        ("data", data(a, b, diff)),
        ("code", code(a, b, diff)),
        ("environment", environment(a, b, diff)),
        ("seed", seed(a, b, diff)),
        ("params", params(a, b, diff)),
        ("signature", signature(a, b, diff)),
        ("files", files(a, b, diff)),
    ];
    let judged = judged.into_iter();
    judged
        .map(|(area, (verdict, sentence))| Cause {
            area,
            verdict,
            sentence,
        })
        .collect()
}

type Judgment = (Verdict, String);

fn data(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Judgment {
    let is_silent = |side: &Side<'_>| side.facts.datasets.is_empty();
    if let Some(silent) = silent((a, b), is_silent) {
        let sentence = format!("Whether the data is the same is not known: {silent} no dataset.");
        return (Verdict::Unknown, sentence);
    }
    let rows = &diff.datasets.differ;
    match rows.is_empty() {
        true => (
            Verdict::Same,
            format!(
                "The data is the same by its digests: {}.",
                counted(diff.datasets.equal, "dataset")
            ),
        ),
        false => (
            Verdict::Differs,
            format!("The data differs: {}.", told(rows, (a.label, b.label))),
        ),
    }
}

fn code(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Judgment {
    let rows: Vec<Row> = diff
        .code
        .differ
        .iter()
        .filter(is_other_code)
        .cloned()
        .collect();
    if !rows.is_empty() {
        let sentence = format!("The code differs: {}.", told(&rows, (a.label, b.label)));
        return (Verdict::Differs, sentence);
    }
    if let Some(silent) = silent((a, b), |side| side.facts.code.commit.is_none()) {
        let sentence = format!("Whether the code is the same is not known: {silent} no commit.");
        return (Verdict::Unknown, sentence);
    }
    let commit = a.facts.code.commit.as_deref().unwrap_or_default();
    let commit: String = commit.chars().take(12).collect();
    let (code_a, code_b) = (&a.facts.code, &b.facts.code);
    let are_clean = code_a.dirty == Some(false) && code_b.dirty == Some(false);
    let same_changes = code_a.diff_sha256.is_some() && code_a.diff_sha256 == code_b.diff_sha256;
    if are_clean || same_changes {
        return (
            Verdict::Same,
            format!("The code is the same: commit {commit}."),
        );
    }
    let dirty: Vec<&str> = [a, b]
        .into_iter()
        .filter(|side| side.facts.code.dirty == Some(true))
        .map(|side| side.label)
        .collect();
    let sentence = match dirty.is_empty() {
        true => format!(
            "The commit is the same ({commit}), but it is not known whether there were changes \
             that it does not hold."
        ),
        false => format!(
            "The commit is the same ({commit}), but {} ran with changes that it does not hold.",
            dirty.join(" and ")
        ),
    };
    (Verdict::Unknown, sentence)
}

/// Says whether a row means other code: one commit may be fetched by several URLs, and lie in
/// another folder on another machine.
fn is_other_code(row: &&Row) -> bool {
    let file = |path: &Option<String>| {
        let path = path.as_deref().unwrap_or_default();
        path.rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    row.change == Change::Changed
        && match &*row.key {
            "commit" | "entry point" | "uncommitted changes" => true,
            "source" => file(&row.a) != file(&row.b),
            _ => false,
        }
}

fn environment(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Judgment {
    let (packages, rest) = (&diff.packages.differ, &diff.environment.differ);
    let is_silent = |side: &Side<'_>| side.facts.environment.packages.is_empty();
    let rest: Vec<Row> = rest
        .iter()
        .filter(|row| row.change == Change::Changed)
        .cloned()
        .collect();
    let silent = silent((a, b), is_silent);
    let rows: Vec<Row> = match silent {
        // Against an unknown list, every package would look added or removed.
        Some(_) => rest,
        None => rest.into_iter().chain(packages.iter().cloned()).collect(),
    };
    match (rows.is_empty(), silent) {
        (false, _) => (
            Verdict::Differs,
            format!(
                "The environment differs: {}.",
                told(&rows, (a.label, b.label))
            ),
        ),
        (true, Some(silent)) => (
            Verdict::Unknown,
            format!("Whether the packages are the same is not known: {silent} no packages."),
        ),
        (true, None) => (
            Verdict::Same,
            format!(
                "The environment is the same: {}.",
                counted(diff.packages.equal, "package")
            ),
        ),
    }
}

fn seed(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Judgment {
    let is_silent = |side: &Side<'_>| side.facts.seeds.is_empty();
    if let Some(silent) = silent((a, b), is_silent) {
        let sentence =
            format!("Whether chance began at the same point is not known: {silent} no seed.");
        return (Verdict::Unknown, sentence);
    }
    match diff.seeds.differ.is_empty() {
        true => (Verdict::Same, "The seeds are the same.".to_owned()),
        false => {
            let rows = told(&diff.seeds.differ, (a.label, b.label));
            (Verdict::Differs, format!("The seeds differ: {rows}."))
        }
    }
}

fn params(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Judgment {
    let seeds = || a.facts.seeds.iter().chain(&b.facts.seeds);
    let rows = diff.params.differ.iter();
    let rows: Vec<Row> = rows
        .filter(|row| !seeds().any(|seed| seed.key == row.key))
        .cloned()
        .collect();
    match (rows.is_empty(), diff.params.equal) {
        (false, _) => (
            Verdict::Differs,
            format!("The params differ: {}.", told(&rows, (a.label, b.label))),
        ),
        (true, 0) => (
            Verdict::Unknown,
            "Whether the params are the same is not known: none are recorded.".to_owned(),
        ),
        (true, equal) => (
            Verdict::Same,
            format!("The params are the same: {equal} of {equal}."),
        ),
    }
}

fn signature(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Judgment {
    let is_silent = |side: &Side<'_>| side.facts.signature.is_none();
    if let Some(silent) = silent((a, b), is_silent) {
        let sentence =
            format!("Whether the signature is the same is not known: {silent} no signature.");
        return (Verdict::Unknown, sentence);
    }
    let rows = &diff.signature.differ;
    if rows.is_empty() {
        return (Verdict::Same, "The signature is the same.".to_owned());
    }
    let breaking: Vec<&str> = rows
        .iter()
        .filter(|row| row.breaking)
        .map(|row| &*row.key)
        .collect();
    let sentence = match breaking.is_empty() {
        true => format!(
            "The signature differs in {}, none of which breaks who calls the model.",
            counted(rows.len(), "place")
        ),
        false => format!(
            "The signature differs in {}; these break who calls the model: {}.",
            counted(rows.len(), "place"),
            listed(&breaking)
        ),
    };
    (Verdict::Differs, sentence)
}

fn files(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Judgment {
    if let Some(note) = diff.files.note.as_ref().filter(|_| is_empty(diff)) {
        return (
            Verdict::Unknown,
            format!("Whether the files are the same is not known: {note}"),
        );
    }
    let rows = diff.files.differ.iter();
    let paths: Vec<&str> = rows
        .map(|row| &*row.key)
        .filter(|path| !DESCRIBE.contains(path))
        .collect();
    if !paths.is_empty() {
        let sentence = format!("The files differ: {}.", listed(&paths));
        return (Verdict::Differs, sentence);
    }
    // None of them differs, so that those of one side are those of both.
    let own = a.files.into_iter().flatten();
    match own.filter(|file| !DESCRIBE.contains(&&*file.path)).count() {
        0 => (
            Verdict::Unknown,
            format!(
                "Whether the files are the same is not known: {} and {} have none but those that \
                 describe the model.",
                a.label, b.label
            ),
        ),
        count => (
            Verdict::Same,
            format!(
                "The files are the same byte for byte, those aside that describe the model: {}.",
                counted(count, "file")
            ),
        ),
    }
}

fn is_empty(diff: &Diff) -> bool {
    diff.files.equal == 0 && diff.files.differ.is_empty()
}

/// Says which sides are silent about a thing, as the beginning of "records no ..".
fn silent((a, b): (&Side<'_>, &Side<'_>), is_silent: impl Fn(&Side<'_>) -> bool) -> Option<String> {
    match (is_silent(a), is_silent(b)) {
        (true, true) => Some(format!("{} and {} record", a.label, b.label)),
        (true, false) => Some(format!("{} records", a.label)),
        (false, true) => Some(format!("{} records", b.label)),
        (false, false) => None,
    }
}
