//! Artifacts as pages show them, and tables of runs as files.
//!
//! Whoever can log a run can put any file there, so that a browser gets each one in a sandbox of no
//! origin: its scripts do not run, or run without this server's pages and without a network.

use crate::app::App;
use crate::artifacts::ArtifactPath;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::mlflow::artifacts;
use crate::http::router::{Access, Route, get};
use crate::http::wire::manifest::version_of;
use crate::http::wire::preview::{Preview, Scripts};
use crate::http::wire::run_table::{MAX_FILE_COLUMNS, ReadTable, TableQuestion};
use crate::insight::columns;
use crate::insight::table::{self, Column, Table, Wanted};
use crate::registry::version;
use crate::tracking::artifact;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::io;

/// The header with the SHA-256 of the whole file, in hexadecimal, as the server recorded it.
const DIGEST: &str = "x-trackway-sha256";
/// What a file may do in a browser: be looked at.
const STILL: &str = "sandbox; default-src 'none'; img-src data: blob:; media-src data: blob:; \
    style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'";
/// What a file may do whose scripts somebody wants to run: compute, and draw.
const LIVELY: &str = "sandbox allow-scripts; default-src 'none'; img-src data: blob:; \
    media-src data: blob:; style-src 'unsafe-inline'; font-src data:; \
    script-src 'unsafe-inline' 'unsafe-eval'; worker-src blob:; form-action 'none'; \
    base-uri 'none'";

pub(super) fn routes() -> Vec<Route> {
    use Access::Read;
    vec![
        get("1.0/runs/export.csv", Read, export)
            .own()
            .transfer()
            .tells("Writes all rows of a table of runs as CSV.")
            .query::<ReadTable>()
            .answers_as("text/csv"),
        get("1.0/runs/{run_id}/artifacts/{*path}", Read, run_file)
            .own()
            .transfer()
            .tells("Sends a file of a run for display, in a sandbox.")
            .query::<Preview>()
            .answers_as("*/*"),
        get(
            "1.0/models/{name}/versions/{version}/artifacts/{*path}",
            Read,
            version_file,
        )
        .own()
        .transfer()
        .tells("Sends a file of a model version for display, in a sandbox.")
        .query::<Preview>()
        .answers_as("*/*"),
    ]
}

async fn run_file(
    State(app): State<App>,
    Segments((uuid, path)): Segments<(String, String)>,
    headers: HeaderMap,
    Wire(request): Wire<Preview>,
) -> Result<Response> {
    let root = artifacts::run_uri(&app, uuid).await?;
    send(&app, (&root, &path), &headers, request).await
}

async fn version_file(
    State(app): State<App>,
    Segments((name, number, path)): Segments<(String, String, String)>,
    headers: HeaderMap,
    Wire(request): Wire<Preview>,
) -> Result<Response> {
    let at = version_of((name, number))?;
    let root = app.db.read(move |tx| version::find_files(tx, &at)).await?;
    send(&app, (&root, &path), &headers, request).await
}

async fn send(
    app: &App,
    (root, path): (&str, &str),
    headers: &HeaderMap,
    request: Preview,
) -> Result<Response> {
    let asked = request.check()?;
    let path = ArtifactPath::parse_file(path)?;
    let mut response = artifacts::send_below(app, root, &path, headers).await?;
    let digest = digest_of(app, root, &path).await?;
    let policy = match asked.scripts {
        Scripts::Still => STILL,
        Scripts::Run => LIVELY,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(digest) = digest.and_then(|digest| HeaderValue::from_str(&digest).ok()) {
        headers.insert(DIGEST, digest);
    }
    if !asked.download {
        headers.remove(header::CONTENT_DISPOSITION);
    }
    Ok(response)
}

/// Reads the SHA-256 that was recorded when the file came in, in hexadecimal; `None` for a file that
/// nobody has read yet, and for one that lies outside the server's own store.
async fn digest_of(app: &App, root: &str, path: &ArtifactPath) -> Result<Option<String>> {
    let site = app.artifacts.site(root, path).await?;
    let Some(own) = site.spot.own_path() else {
        return Ok(None);
    };
    let own = ArtifactPath::parse(own)?;
    app.db.read(move |tx| artifact::digest(tx, &own)).await
}

/// Sends all rows as CSV, page by page; the columns are those that were asked for, else all that
/// the newest runs have.
async fn export(State(app): State<App>, Wire(request): Wire<ReadTable>) -> Result<Response> {
    let mut question = request.check_file()?;
    if question.wanted.is_empty() {
        let mut asked = question.search.clone();
        asked.search.max_results = columns::MAX_SAMPLE;
        let found = app.db.read(move |tx| columns::find(tx, &asked)).await?;
        let metrics = found.metrics.iter().map(|column| &column.name);
        let params = found.params.iter().map(|column| &column.name);
        let tags = found.tags.iter().map(|column| &column.name);
        let names = params.chain(metrics).chain(tags).take(MAX_FILE_COLUMNS);
        question.wanted = names
            .map(|name| Wanted::parse(name))
            .collect::<Result<_>>()?;
    }
    // What is refused is told before the file begins.
    let first = read(&app.db, question.clone()).await?;
    let body = Body::from_stream(pages(app.db.clone(), question, first));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, "text/csv; charset=utf-8");
    set(
        header::CONTENT_DISPOSITION,
        "attachment; filename=\"runs.csv\"",
    );
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    Ok(response)
}

async fn read(db: &Db, asked: TableQuestion) -> Result<Table> {
    let read =
        move |tx: &mut Tx<'_>| table::read(tx, &asked.search, &asked.wanted, asked.aggregate);
    db.read(read).await
}

/// The text of each page; the next one is read when the one before was sent.
fn pages(db: Db, question: TableQuestion, first: Table) -> impl Stream<Item = io::Result<Bytes>> {
    let heading = heading(&question.wanted);
    let state = Some((db, question, first, heading));
    stream::try_unfold(state, |state| async move {
        let Some((db, mut question, table, mut text)) = state else {
            return Ok::<_, io::Error>(None);
        };
        (0..table.rows).for_each(|row| write_row(&mut text, &table, row));
        let state = match table.next_cursor {
            None => None,
            Some(cursor) => {
                question.search.search.page_token = Some(cursor);
                let next = read(&db, question.clone())
                    .await
                    .map_err(io::Error::other)?;
                Some((db, question, next, String::new()))
            }
        };
        Ok(Some((Bytes::from(text), state)))
    })
}

const FIXED: [&str; 8] = [
    "run_id",
    "experiment_id",
    "name",
    "status",
    "user",
    "start_time",
    "end_time",
    "parent_run_id",
];

fn heading(wanted: &[Wanted]) -> String {
    let names = wanted.iter().map(Wanted::name);
    let cells: Vec<String> = FIXED
        .iter()
        .map(|name| (*name).to_owned())
        .chain(names)
        .collect();
    line(&cells)
}

fn write_row(text: &mut String, table: &Table, row: usize) {
    let text_of = |list: &[String]| list.get(row).cloned().unwrap_or_default();
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut cells = vec![
        text_of(&table.run_id),
        text_of(&table.experiment_id),
        text_of(&table.name),
        table
            .status
            .get(row)
            .copied()
            .unwrap_or_default()
            .to_owned(),
        text_of(&table.user),
        number(table.start_time.get(row).copied()),
        number(table.end_time.get(row).copied().flatten()),
        table
            .parent_run_id
            .get(row)
            .cloned()
            .flatten()
            .unwrap_or_default(),
    ];
    cells.extend(table.columns.iter().map(|column| match column {
        Column::Metric(cells) => {
            let value = cells.values.get(row).copied().flatten();
            value
                .map(|value| format!("{:?}", value.0))
                .unwrap_or_default()
        }
        Column::Param(cells) | Column::Tag(cells) => {
            cells.values.get(row).cloned().flatten().unwrap_or_default()
        }
    }));
    text.push_str(&line(&cells));
}

/// Writes a line as RFC 4180 has it. A cell that a spreadsheet would take for a formula gets a quote
/// mark before it, as others may have written it.
fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let is_number = cell.parse::<f64>().is_ok();
            let cell = match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
                true => format!("'{cell}"),
                false => cell.clone(),
            };
            match cell.contains(['"', ',', '\n', '\r']) {
                true => format!("\"{}\"", cell.replace('"', "\"\"")),
                false => cell,
            }
        })
        .collect();
    format!("{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let check = |cell: &str, expected: &str| {
            assert_eq!(line(&[cell.to_owned()]), format!("{expected}\r\n"));
        };
        check("plain", "plain");
        check("a,b", "\"a,b\"");
        check("say \"x\"", "\"say \"\"x\"\"\"");
        check("=1+1", "'=1+1");
        check("-0.5", "-0.5");
        check("-inf", "-inf");
        check("@x\ny", "\"'@x\ny\"");
    }
}
