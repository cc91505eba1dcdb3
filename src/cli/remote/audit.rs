//! `trackway audit`: reads the audit log of a server, exports it, and checks it.

use super::client::{Client, encode, query};
use super::table::{cell, counted, items, table, time};
use super::{Remote, done};
use crate::audit::check::{Check, Finding, Report};
use crate::audit::checkpoint::{Head, SignedHead};
use crate::audit::key::PublicKey;
use crate::audit::log::Record;
use crate::audit::tree;
use crate::cli::{FAILED, Outcome};
use crate::error::{Error, Result};
use crate::http::wire::audit::{
    ConsistencyReply, HeadReply, HeadsReply, MAX_ENTRIES, RecordsReply, decode,
};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Entries after which a check says how far it is.
const PROGRESS_EVERY: u64 = 50_000;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List entries, newest first.
    List(List),
    /// Show one entry and prove that it is in the log.
    Show {
        /// The position of the entry, counted from 0.
        position: u64,
    },
    /// Show the signed head of the log as it is now.
    Head {
        /// Write the checkpoint to a file, for `verify --since` later.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Check every entry, every hash and every signed head; exit with 1 if something is wrong.
    Verify(Verify),
    /// Write the log as JSON lines, each the bytes of one entry.
    Export {
        /// The first entry, counted from 0.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Write to a file and not to the standard output.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// Who did it.
    #[arg(long)]
    actor: Option<String>,
    /// What was done, such as registered_model.set_alias.
    #[arg(long)]
    action: Option<String>,
    /// To what, such as registered_model:churn or model_version:churn/3.
    #[arg(long)]
    object: Option<String>,
    /// How it ended: done, unchanged or refused.
    #[arg(long)]
    result: Option<String>,
    /// The first moment, in milliseconds since 1970 or as 2026-03-03T14:05:00Z.
    #[arg(long)]
    since: Option<String>,
    /// The last moment.
    #[arg(long)]
    until: Option<String>,
    /// How many entries at the most, 1 to 1000.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Verify {
    /// Check the SQLite database itself, with no server: a path or sqlite:///PATH.
    #[arg(long, value_name = "DATABASE", conflicts_with_all = ["url", "since"])]
    pub(in crate::cli) database: Option<String>,
    /// Accept heads signed with this public key alone, a PEM file.
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) key: Option<PathBuf>,
    /// Check that the log still begins with what this saved checkpoint vouched for.
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
}

pub(in crate::cli) fn run(command: &Command, remote: &Remote, client: &Client) -> Result<Outcome> {
    match command {
        Command::List(list) => run_list(list, remote, client),
        Command::Show { position } => show(*position, remote, client),
        Command::Head { save } => head(save.as_deref(), remote, client),
        Command::Verify(verify) => run_verify(verify, remote, client),
        Command::Export { from, output } => export(*from, output.as_deref(), remote, client),
    }
}

fn run_list(list: &List, remote: &Remote, client: &Client) -> Result<Outcome> {
    let query = query(&[
        ("actor", list.actor.clone()),
        ("action", list.action.clone()),
        ("object", list.object.clone()),
        ("result", list.result.clone()),
        ("since", list.since.clone()),
        ("until", list.until.clone()),
        ("max_results", Some(list.limit.to_string())),
    ]);
    let answer = client.get(&format!("/api/1.0/audit/entries{query}"))?;
    Ok(remote.print(&answer, |answer| {
        let mut rows = vec![
            [
                "POSITION", "TIME", "ACTOR", "ACTION", "OBJECT", "RESULT", "REASON",
            ]
            .map(String::from),
        ];
        rows.extend(items(answer, "entries").iter().map(|one| {
            let entry = &one["entry"];
            let refused = &entry["refusal"]["message"];
            let why = if refused.is_null() {
                &entry["reason"]
            } else {
                refused
            };
            [
                cell(&one["position"]),
                time(&entry["at"]),
                cell(&entry["actor"]),
                cell(&entry["action"]),
                cell(&entry["object"]),
                cell(&entry["result"]),
                cell(why),
            ]
        }));
        table(&rows, "No entry matches.")
    }))
}

fn show(position: u64, remote: &Remote, client: &Client) -> Result<Outcome> {
    let head: HeadReply = read(client.get("/api/1.0/audit/head")?)?;
    let size = head.head.tree_size;
    let path = format!("/api/1.0/audit/entries/{position}?tree_size={size}");
    let answer = client.get(&path)?;
    let signed = Head::open(&head.head.checkpoint, &keys(&head)?)?;
    let leaf = tree::leaf_hash(answer["leaf"].as_str().unwrap_or_default().as_bytes());
    let proof = hashes(items(&answer, "inclusion_path"))?;
    if !tree::includes(leaf, (position, size), &proof, &signed.root) {
        return Err(Error::invalid(format!(
            "Entry {position} is not what the log's signed head of {size} entries vouches for. Run \
             `trackway audit verify`."
        )));
    }
    Ok(remote.print(&answer, |answer| {
        let entry = crate::cli::json(&answer["entry"]);
        format!("{entry}proven to be entry {position} of {size} under the signed head\n")
    }))
}

fn head(save: Option<&Path>, remote: &Remote, client: &Client) -> Result<Outcome> {
    let answer = client.get("/api/1.0/audit/head")?;
    let head: HeadReply = read(answer.clone())?;
    Head::open(&head.head.checkpoint, &keys(&head)?)?;
    if let Some(path) = save {
        fs::write(path, &head.head.checkpoint).map_err(|error| cannot_write(path, &error))?;
    }
    Ok(remote.print(&answer, |answer| {
        let fingerprint = &answer["keys"][0]["fingerprint"];
        format!(
            "{}\nkey {}\n",
            head.head.checkpoint.trim_end(),
            cell(fingerprint)
        )
    }))
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    Error::unavailable(format!("{} cannot be written: {error}.", path.display()))
}

fn export(from: u64, output: Option<&Path>, remote: &Remote, client: &Client) -> Result<Outcome> {
    let mut lines = client.stream(&format!("/api/1.0/audit/export?from={from}"))?;
    let Some(path) = output else {
        // The log may be larger than the memory: it goes out as it comes in.
        let mut stdout = io::stdout().lock();
        return match io::copy(&mut lines, &mut stdout).and_then(|_| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::unavailable(
                format!("The export broke off: {error}."),
            )),
            _ => Ok(Outcome::default()),
        };
    };
    let mut file = fs::File::create(path).map_err(|error| cannot_write(path, &error))?;
    let bytes = io::copy(&mut lines, &mut file)
        .and_then(|bytes| file.sync_all().map(|()| bytes))
        .map_err(|error| cannot_write(path, &error))?;
    let text = format!("wrote {bytes} bytes to {}", path.display());
    Ok(done(remote, text))
}

fn run_verify(verify: &Verify, remote: &Remote, client: &Client) -> Result<Outcome> {
    let head: HeadReply = read(client.get("/api/1.0/audit/head")?)?;
    let keys = match &verify.key {
        Some(path) => vec![PublicKey::from_pem(&file(path)?)?],
        None => keys(&head)?,
    };
    let mut check = Check::new(keys.clone());
    feed_heads(client, &mut check)?;
    feed_entries(client, &mut check, head.head.tree_size)?;
    if let Some(path) = &verify.since {
        let old = file(path)?;
        if let Some(finding) = compare(client, &keys, (&old, &head.head.checkpoint))? {
            check.add(finding);
        }
    }
    Ok(report(remote, &check.finish(head.head.tree_size)))
}

fn feed_heads(client: &Client, check: &mut Check) -> Result<()> {
    let mut from = 0;
    loop {
        let path = format!("/api/1.0/audit/heads?from={from}&max_results={MAX_ENTRIES}");
        let page: HeadsReply = read(client.get(&path)?)?;
        let Some(last) = page.heads.last() else {
            return Ok(());
        };
        from = last.tree_size + 1;
        for head in page.heads {
            check.head(&SignedHead::from(head));
        }
    }
}

/// Reads the entries that the head is over; newer ones are for the next check.
fn feed_entries(client: &Client, check: &mut Check, size: u64) -> Result<()> {
    let mut from = 0;
    while from < size {
        let count = (size - from).min(MAX_ENTRIES as u64);
        let path = format!("/api/1.0/audit/records?from={from}&max_results={count}");
        let page: RecordsReply = read(client.get(&path)?)?;
        let records = page.records.into_iter().map(Record::from);
        let mut records = records
            .take_while(|record| record.position < size)
            .peekable();
        if records.peek().is_none() {
            return Ok(());
        }
        for record in records {
            from = record.position + 1;
            check.entry(&record);
        }
        progress(from, size);
    }
    Ok(())
}

/// Says on a terminal how far a long check is.
pub(in crate::cli) fn progress(done: u64, all: u64) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() && all > PROGRESS_EVERY {
        let end = if done >= all { '\n' } else { '\r' };
        // What cannot be shown is no reason to stop checking.
        let _ = write!(stderr, "checked {done} of {all} entries{end}");
    }
}

/// Says what is wrong if the log does not continue what a saved checkpoint vouched for.
fn compare(
    client: &Client,
    keys: &[PublicKey],
    (old, new): (&str, &str),
) -> Result<Option<Finding>> {
    let (old, new) = (Head::open(old, keys)?, Head::open(new, keys)?);
    let differs = |what: String| {
        Some(Finding {
            position: None,
            what,
        })
    };
    if old.origin != new.origin || old.size > new.size {
        return Ok(differs(format!(
            "the saved checkpoint is of {} with {} entries, and the log is {} with {}",
            old.origin, old.size, new.origin, new.size
        )));
    }
    let proof = match old.size {
        0 => Vec::new(),
        first => {
            let path = format!(
                "/api/1.0/audit/consistency?first={first}&second={}",
                new.size
            );
            let reply: ConsistencyReply = read(client.get(&path)?)?;
            let path = reply.consistency_path.into_iter().map(Json::String);
            hashes(&path.collect::<Vec<_>>())?
        }
    };
    Ok(
        match crate::audit::check::is_continued(&old, &new, &proof) {
            true => None,
            false => differs(format!(
                "the log does not begin with the {} entries that the saved checkpoint vouched for",
                old.size
            )),
        },
    )
}

/// Shows what a check found, and exits with 1 if that is anything.
pub(in crate::cli) fn report(remote: &Remote, report: &Report) -> Outcome {
    let findings: Vec<Json> = report
        .findings
        .iter()
        .map(|finding| json!({ "position": finding.position, "what": finding.what }))
        .collect();
    let answer = json!({
        "entries": report.entries,
        "signed_heads": report.heads,
        "vouched": report.vouched,
        "findings": findings,
    });
    let mut outcome = remote.print(&answer, |_| told(report));
    outcome.exit = if report.findings.is_empty() {
        0
    } else {
        FAILED
    };
    outcome
}

fn told(report: &Report) -> String {
    let entries = counted(report.entries, "entry", "entries");
    let heads = counted(report.heads as u64, "signed head", "signed heads");
    if report.findings.is_empty() {
        return format!(
            "The audit log is whole: {entries}, {heads}, the newest good one over {}.\n",
            counted(report.vouched, "entry", "entries")
        );
    }
    let mut text = String::new();
    for finding in &report.findings {
        match finding.position {
            Some(position) => text.push_str(&format!("entry {position}: {}\n", finding.what)),
            None => text.push_str(&format!("{}\n", finding.what)),
        }
    }
    let count = counted(report.findings.len() as u64, "finding", "findings");
    text.push_str(&format!(
        "The audit log was tampered with or damaged: {count} in {entries} and {heads}. Compare it \
         with a backup or an export.\n"
    ));
    text
}

fn keys(head: &HeadReply) -> Result<Vec<PublicKey>> {
    let keys = head.keys.iter();
    keys.map(|key| PublicKey::from_pem(&key.public_key))
        .collect()
}

fn hashes(list: &[Json]) -> Result<Vec<tree::Hash>> {
    let hash = |item: &Json| item.as_str().and_then(decode);
    let hashes: Option<Vec<_>> = list.iter().map(hash).collect();
    hashes.ok_or_else(|| Error::invalid("The server sent a proof that cannot be read."))
}

fn file(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| Error::invalid(format!("{} cannot be read: {error}.", path.display())))
}

fn read<T: DeserializeOwned>(answer: Json) -> Result<T> {
    serde_json::from_value(answer).map_err(|error| {
        Error::invalid("The server's answer cannot be read; is it another version?")
            .with_cause(error)
    })
}

/// Writes the path of a route with values that may hold anything.
pub(super) fn path(parts: &[&str]) -> String {
    parts
        .iter()
        .map(|part| format!("/{}", encode(part)))
        .collect()
}
