//! Puts a comparison into sentences: the metrics, why the two may predict differently, and every
//! cause.

use super::words::listed;
use super::{Diff, Side, Verdict};
use crate::registry::facts::Reading;

/// Writes the summary: the metrics, the conclusion, then every cause.
pub(super) fn sentences(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> Vec<String> {
    let mut sentences = vec![metrics(a, b, diff), conclusion(diff)];
    for verdict in [Verdict::Differs, Verdict::Same, Verdict::Unknown] {
        let causes = diff.causes.iter().filter(|cause| cause.verdict == verdict);
        sentences.extend(causes.map(|cause| cause.sentence.clone()));
    }
    let mut notes = vec![&diff.metrics.note, &diff.datasets.note, &diff.params.note];
    if verdict_of(diff, "environment") != Some(Verdict::Unknown) {
        notes.push(&diff.packages.note);
    }
    sentences.extend(notes.into_iter().flatten().cloned());
    sentences
}

fn metrics(a: &Side<'_>, b: &Side<'_>, diff: &Diff) -> String {
    let (equal, rows) = (diff.metrics.equal, &diff.metrics.differ);
    if rows.is_empty() {
        return match equal {
            0 => format!("Neither {} nor {} has metrics.", a.label, b.label),
            _ => format!(
                "{} and {} have the same metrics: {equal} of {equal} are equal.",
                a.label, b.label
            ),
        };
    }
    let number = |reading: Option<Reading>| match reading {
        Some(Reading(value)) => value.to_string(),
        None => "none".to_owned(),
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let relative = row
                .relative
                .map(|relative| format!(" ({:+.1} %)", relative * 100.0));
            let (a, b) = (number(row.a), number(row.b));
            format!("{} {a} -> {b}{}", row.key, relative.unwrap_or_default())
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    format!(
        "{} of {} metrics differ from {} to {}: {}.",
        rows.len(),
        rows.len() + equal,
        a.label,
        b.label,
        listed(&rows)
    )
}

/// Says in one sentence why the two may predict differently.
fn conclusion(diff: &Diff) -> String {
    let with = |verdict| {
        let causes = diff.causes.iter();
        causes
            .filter(|cause| cause.verdict == verdict && cause.area != "files")
            .map(|cause| cause.area)
            .collect::<Vec<_>>()
    };
    let (differing, unknown) = (with(Verdict::Differs), with(Verdict::Unknown));
    if verdict_of(diff, "files") == Some(Verdict::Same) {
        return of_the_same_files(diff).to_owned();
    }
    let but = match diff.metrics.differ.is_empty() && diff.metrics.equal > 0 {
        true => "Although the metrics are equal, they",
        false => "They",
    };
    if !differing.is_empty() {
        return format!(
            "{but} may predict differently. What differs, the likeliest cause first: {}.",
            differing.join(", ")
        );
    }
    if verdict_of(diff, "files") == Some(Verdict::Differs) && unknown.is_empty() {
        return "All that led to the models is the same, and yet their files differ: the training \
                is not deterministic, or something differs that is not recorded."
            .to_owned();
    }
    match unknown.is_empty() {
        true => "Nothing that is recorded makes them predict differently.".to_owned(),
        false => format!(
            "Nothing that is recorded makes them predict differently, but not everything is known: \
             {}.",
            unknown.join(", ")
        ),
    }
}

/// Whatever led to the same files no longer matters; what runs them does.
fn of_the_same_files(diff: &Diff) -> &'static str {
    let signature = verdict_of(diff, "signature");
    match verdict_of(diff, "environment") {
        Some(Verdict::Differs) => {
            "The files are the same, so only the environment can make them predict differently."
        }
        Some(Verdict::Same) if signature != Some(Verdict::Differs) => {
            "Files and environment are the same, so both predict the same."
        }
        Some(Verdict::Same) => {
            "Files and environment are the same, but the signature is not: it decides what is let \
             through to the model, and as which type."
        }
        _ => "The files are the same; whether the environment is, is not known.",
    }
}

fn verdict_of(diff: &Diff, area: &str) -> Option<Verdict> {
    let cause = diff.causes.iter().find(|cause| cause.area == area);
    cause.map(|cause| cause.verdict)
}
