//! All rows of a table of runs as one file, written page by page while the client reads it.

mod csv;
mod parquet;

use crate::app::App;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::http::input::Wire;
use crate::http::router::{Access, Route, get};
use crate::http::wire::run_table::{MAX_FILE_COLUMNS, ReadTable, TableQuestion};
use crate::insight::columns;
use crate::insight::table::{self, Table, Wanted};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::io;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("1.0/runs/export.csv", Access::Read, as_csv)
            .own()
            .transfer()
            .tells("Writes all rows of a table of runs as CSV.")
            .query::<ReadTable>()
            .answers_as(csv::MEDIA_TYPE),
        get("1.0/runs/export.parquet", Access::Read, as_parquet)
            .own()
            .transfer()
            .tells("Writes all rows of a table of runs as Parquet.")
            .query::<ReadTable>()
            .answers_as(parquet::MEDIA_TYPE),
    ]
}

async fn as_csv(State(app): State<App>, Wire(request): Wire<ReadTable>) -> Result<Response> {
    let question = with_columns(&app.db, request.check_file()?).await?;
    let writer = csv::Writer::new(&question.wanted);
    let headers = (csv::MEDIA_TYPE, "attachment; filename=\"runs.csv\"");
    send(&app.db, question, writer, headers).await
}

async fn as_parquet(State(app): State<App>, Wire(request): Wire<ReadTable>) -> Result<Response> {
    let question = with_columns(&app.db, request.check_file()?).await?;
    let writer = parquet::Writer::new(&question.wanted)?;
    let headers = (parquet::MEDIA_TYPE, "attachment; filename=\"runs.parquet\"");
    send(&app.db, question, writer, headers).await
}

/// What a column holds that every run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fixed {
    Text,
    MaybeText,
    /// Milliseconds since 1970, UTC.
    Time,
    MaybeTime,
}

/// The columns that stand before those that were asked for, in the order of their values.
const FIXED: [(&str, Fixed); 8] = [
    ("run_id", Fixed::Text),
    ("experiment_id", Fixed::Text),
    ("name", Fixed::Text),
    ("status", Fixed::Text),
    ("user", Fixed::Text),
    ("start_time", Fixed::Time),
    ("end_time", Fixed::MaybeTime),
    ("parent_run_id", Fixed::MaybeText),
];

/// A file in the making.
trait Format: Send + 'static {
    /// Adds the rows of a page; gives the bytes that are ready.
    fn add(&mut self, page: &Table) -> io::Result<Bytes>;

    /// Gives the bytes after the last page.
    fn end(self) -> io::Result<Bytes>;
}

/// Gives the question with the columns that were asked for, else all that the newest runs have.
async fn with_columns(db: &Db, mut question: TableQuestion) -> Result<TableQuestion> {
    if question.wanted.is_empty() {
        let mut asked = question.search.clone();
        asked.search.max_results = columns::MAX_SAMPLE;
        let found = db.read(move |tx| columns::find(tx, &asked)).await?;
        let metrics = found.metrics.iter().map(|column| &column.name);
        let params = found.params.iter().map(|column| &column.name);
        let tags = found.tags.iter().map(|column| &column.name);
        let names = params.chain(metrics).chain(tags).take(MAX_FILE_COLUMNS);
        question.wanted = names
            .map(|name| Wanted::parse(name))
            .collect::<Result<_>>()?;
    }
    Ok(question)
}

async fn send(
    db: &Db,
    question: TableQuestion,
    writer: impl Format,
    (media_type, disposition): (&'static str, &'static str),
) -> Result<Response> {
    // What is refused is told before the file begins.
    let first = read(db, question.clone()).await?;
    let mut response = Response::new(Body::from_stream(pages(
        db.clone(),
        question,
        (writer, first),
    )));
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, media_type);
    set(header::CONTENT_DISPOSITION, disposition);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    Ok(response)
}

async fn read(db: &Db, asked: TableQuestion) -> Result<Table> {
    let read =
        move |tx: &mut Tx<'_>| table::read(tx, &asked.search, &asked.wanted, asked.aggregate);
    db.read(read).await
}

/// Where the writing of a file stands.
enum Stage<F> {
    /// A page was read and is to be added.
    Page(Box<(TableQuestion, Table)>, F),
    Last(F),
    Done,
}

/// The bytes of each page; the next one is read when the one before was sent.
fn pages<F: Format>(
    db: Db,
    question: TableQuestion,
    (writer, first): (F, Table),
) -> impl Stream<Item = io::Result<Bytes>> {
    let stage = Stage::Page(Box::new((question, first)), writer);
    stream::try_unfold((db, stage), |(db, stage)| async move {
        let (bytes, stage) = match stage {
            Stage::Page(read, mut writer) => {
                let (mut question, page) = *read;
                let bytes = writer.add(&page)?;
                let stage = match page.next_cursor {
                    None => Stage::Last(writer),
                    Some(cursor) => {
                        question.search.search.page_token = Some(cursor);
                        let next = self::read(&db, question.clone()).await;
                        let next = next.map_err(io::Error::other)?;
                        Stage::Page(Box::new((question, next)), writer)
                    }
                };
                (bytes, stage)
            }
            Stage::Last(writer) => (writer.end()?, Stage::Done),
            Stage::Done => return Ok(None),
        };
        Ok(Some((bytes, (db, stage))))
    })
}
