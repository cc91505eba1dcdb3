//! `trackway models verify | diff | facts | resolve | consumers`: what is in versions, how two
//! differ, and who serves them.

use super::Remote;
use super::audit::path;
use super::client::{Client, query};
use super::named::{self, Version};
use super::table::{cell, counted, items, one_line, pairs, table, time};
use crate::cli::{FAILED, Outcome, columns};
use crate::error::Result;
use serde_json::{Value as Json, json};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Read the files of a version again and compare them with what was registered; exit with 1 if
    /// they differ.
    Verify {
        /// The version, as NAME/VERSION or NAME@ALIAS.
        #[arg(value_name = "NAME/VERSION", value_parser = named::version_argument)]
        version: String,
    },
    /// Show what differs between two versions of a model, the likeliest cause first.
    Diff {
        name: String,
        /// A version, @alias, stage, "latest", or OTHER/VERSION of another model.
        a: String,
        /// What it is compared with.
        b: String,
        /// Show every section with its values, and not the summary alone.
        #[arg(long)]
        full: bool,
    },
    /// Show what a version remembers of its run, data, code and environment.
    Facts {
        /// The version, as NAME/VERSION or NAME@ALIAS.
        #[arg(value_name = "NAME/VERSION", value_parser = named::version_argument)]
        version: String,
    },
    /// Show where a URI such as models:/churn@champion leads now.
    Resolve { uri: String },
    /// Show which serving processes have loaded what, against what they should have.
    Consumers {
        name: String,
        /// How many at the most, 1 to 1000.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

pub(in crate::cli) fn run(command: &Command, remote: &Remote, client: &Client) -> Result<Outcome> {
    match command {
        Command::Verify { version } => verify(version, remote, client),
        Command::Diff { name, a, b, full } => diff((name, a, b), *full, remote, client),
        Command::Facts { version } => facts(version, remote, client),
        Command::Resolve { uri } => {
            let query = query(&[("uri", Some(uri.clone()))]);
            let answer = client.get(&format!("/api/1.0/resolve{query}"))?;
            Ok(remote.print(&answer, fields))
        }
        Command::Consumers { name, limit } => consumers((name, *limit), remote, client),
    }
}

fn below(version: &Version, what: &str) -> String {
    let path = path(&["models", &version.name, "versions", &version.number, what]);
    format!("/api/1.0{path}")
}

/// Shows a version with the manifest of its files.
pub(super) fn show(text: &str, remote: &Remote, client: &Client) -> Result<Outcome> {
    let version = named::version(text, client)?;
    let asked = query(&[
        ("name", Some(version.name.clone())),
        ("version", Some(version.number.clone())),
    ]);
    let mut answer = client.get(&format!("/api/2.0/mlflow/model-versions/get{asked}"))?;
    answer["manifest"] = client.get(&below(&version, "manifest"))?;
    Ok(remote.print(&answer, |answer| {
        let (of, files) = (&answer["model_version"], &answer["manifest"]);
        let tags = items(of, "tags").iter();
        let tags = tags.map(|tag| format!("{}={}", cell(&tag["key"]), cell(&tag["value"])));
        let list = [
            ("stage", cell(&of["current_stage"])),
            ("aliases", cell(&of["aliases"])),
            ("description", cell(&of["description"])),
            ("tags", tags.collect::<Vec<_>>().join(", ")),
            ("created", time(&of["creation_timestamp"])),
            ("updated", time(&of["last_updated_timestamp"])),
            ("run", cell(&of["run_id"])),
            ("source", cell(&of["source"])),
            ("files", told_of_files(files)),
            ("digest", cell(&files["digest"])),
            ("verified", told_of_check(files)),
        ];
        format!("{}\n{}", version.shown(), pairs(list))
    }))
}

fn told_of_files(manifest: &Json) -> String {
    let state = cell(&manifest["state"]);
    if manifest["digest"].is_null() {
        return format!("{state}: {}", cell(&manifest["note"]));
    }
    let files = manifest["files"].as_u64().unwrap_or_default();
    let files = counted(files, "file", "files");
    format!("{files}, {} bytes, {state}", cell(&manifest["bytes"]))
}

fn told_of_check(manifest: &Json) -> String {
    match manifest["verified"].as_str() {
        Some(result) => format!("{result} at {}", time(&manifest["verified_at"])),
        None if manifest["digest"].is_null() => String::new(),
        None => "never since it was registered".to_owned(),
    }
}

fn verify(version: &str, remote: &Remote, client: &Client) -> Result<Outcome> {
    let version = named::version(version, client)?;
    let answer = client.change("POST", &below(&version, "verify"), (&json!({}), ""))?;
    let version = version.shown();
    let is_whole = answer["result"] == "intact";
    let mut outcome = remote.print(&answer, |answer| {
        let mut rows =
            vec![["FILE", "FOUND", "REGISTERED SHA-256", "SHA-256 NOW"].map(String::from)];
        for (list, found) in [
            ("missing", "missing"),
            ("changed", "changed"),
            ("extra", "extra"),
        ] {
            rows.extend(items(answer, list).iter().map(|file| {
                let (registered, now) = match list {
                    "missing" => (&file["sha256"], &Json::Null),
                    "extra" => (&Json::Null, &file["sha256"]),
                    _ => (&file["sha256"], &file["found_sha256"]),
                };
                [
                    cell(&file["path"]),
                    found.to_owned(),
                    cell(registered),
                    cell(now),
                ]
            }));
        }
        let files = answer["files"].as_u64().unwrap_or_default();
        if rows.len() == 1 {
            return format!(
                "{version} is what was registered: {}, {} bytes, digest {}\n",
                counted(files, "file", "files"),
                cell(&answer["bytes"]),
                cell(&answer["digest"])
            );
        }
        let count = counted(rows.len() as u64 - 1, "file differs", "files differ");
        format!(
            "{}{version} is not what was registered: {count}. Restore what was registered, or \
             register the model again.\n",
            columns(&rows)
        )
    });
    outcome.exit = if is_whole { 0 } else { FAILED };
    Ok(outcome)
}

fn diff(
    (name, a, b): (&str, &str, &str),
    full: bool,
    remote: &Remote,
    client: &Client,
) -> Result<Outcome> {
    let query = query(&[("a", Some(a.to_owned())), ("b", Some(b.to_owned()))]);
    let answer = client.get(&format!(
        "/api/1.0{}{query}",
        path(&["models", name, "diff"])
    ))?;
    Ok(remote.print(&answer, |answer| {
        let lines = items(answer, "summary")
            .iter()
            .map(|line| cell(line) + "\n");
        let mut text: String = lines.collect();
        if full {
            text.push_str(&sections(answer));
        }
        text
    }))
}

/// The sections of a comparison, in the order in which they are told.
const SECTIONS: [&str; 13] = [
    "metrics",
    "datasets",
    "code",
    "packages",
    "environment",
    "seeds",
    "params",
    "signature",
    "files",
    "flavors",
    "run_tags",
    "version_tags",
    "origin",
];

fn sections(answer: &Json) -> String {
    let mut text = String::new();
    for name in SECTIONS {
        let section = &answer[name];
        text.push_str(&format!("\n{name}: {} equal", cell(&section["equal"])));
        let note = cell(&section["note"]);
        if !note.is_empty() {
            text.push_str(&format!(" ({note})"));
        }
        text.push('\n');
        let rows: Vec<[String; 5]> = items(section, "differ")
            .iter()
            .map(|row| {
                let remark = match (row["breaking"].as_bool(), row["delta"].as_f64()) {
                    (Some(true), _) => format!("breaking: {}", cell(&row["reason"])),
                    (_, Some(delta)) => format!("delta {}", short(delta)),
                    _ => String::new(),
                };
                [
                    format!("  {}", cell(&row["key"])),
                    cell(&row["change"]),
                    cell(&row["a"]),
                    cell(&row["b"]),
                    remark,
                ]
            })
            .collect();
        text.push_str(&columns(&rows));
    }
    text
}

/// Writes a difference with its sign and six digits that count.
fn short(delta: f64) -> String {
    let exact = format!("{delta:+.5e}");
    let Some((digits, exponent)) = exact.split_once('e') else {
        return exact;
    };
    match exponent.parse::<i32>() {
        Ok(exponent @ -4..=5) => {
            let decimals = usize::try_from(5 - exponent).unwrap_or_default();
            let text = format!("{delta:+.decimals$}");
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        _ => format!(
            "{}e{exponent}",
            digits.trim_end_matches('0').trim_end_matches('.')
        ),
    }
}

fn facts(version: &str, remote: &Remote, client: &Client) -> Result<Outcome> {
    let version = named::version(version, client)?;
    let answer = client.get(&below(&version, "facts"))?;
    Ok(remote.print(&answer, |answer| {
        let mut text = crate::cli::json(&answer["facts"]);
        for link in items(answer, "missing") {
            text.push_str(&format!(
                "missing {}: {}\n",
                cell(&link["link"]),
                cell(&link["why"])
            ));
        }
        text
    }))
}

/// Lays out the fields of an object, one a line.
fn fields(answer: &Json) -> String {
    let fields = answer.as_object().into_iter().flatten();
    let rows: Vec<[String; 2]> = fields
        .map(|(name, value)| {
            let shown = match value {
                Json::Object(_) => one_line(&value.to_string()),
                value => cell(value),
            };
            [name.clone(), shown]
        })
        .collect();
    columns(&rows)
}

fn consumers((name, limit): (&str, u32), remote: &Remote, client: &Client) -> Result<Outcome> {
    let query = query(&[("max_results", Some(limit.to_string()))]);
    let path = path(&["models", name, "consumers"]);
    let answer = client.get(&format!("/api/1.0{path}{query}"))?;
    Ok(remote.print(&answer, |answer| {
        let mut rows = vec![
            [
                "CONSUMER", "INSTANCE", "URI", "STATUS", "DESIRED", "LOADED", "SINCE", "REASON",
            ]
            .map(String::from),
        ];
        rows.extend(items(answer, "consumers").iter().map(|one| {
            [
                cell(&one["consumer"]),
                cell(&one["instance"]),
                cell(&one["uri"]),
                cell(&one["status"]),
                cell(&one["desired_version"]),
                cell(&one["loaded_version"]),
                time(&one["since"]),
                cell(&one["reason"]),
            ]
        }));
        table(
            &rows,
            &format!(
                "No consumer of {name} has reported yet. Serving processes report with POST \
                 /api/1.0/consumers."
            ),
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn differences_are_short() {
        for (delta, expected) in [
            (0.92 - 0.9, "+0.02"),
            (-1.0 / 3.0, "-0.333333"),
            (0.0, "+0"),
            (1500.0, "+1500"),
            (-0.00012345678, "-0.000123457"),
            (1e-9, "+1e-9"),
            (1.5e12, "+1.5e12"),
        ] {
            assert_eq!(short(delta), expected);
        }
    }
}
