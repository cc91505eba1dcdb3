//! Finds entries of the audit log.

use super::log::{COLUMNS, Record, from_row};
use crate::db::{Cursor, Tx, Value};
use crate::error::{Error, Result};
use crate::search::token;
use serde::{Deserialize, Serialize};

/// Which entries are asked for; what is `None` does not matter.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Question {
    pub actor: Option<String>,
    pub action: Option<String>,
    /// As `kind:id`.
    pub object: Option<String>,
    pub request_id: Option<String>,
    /// The name of an outcome.
    pub result: Option<&'static str>,
    /// The first moment, in milliseconds since 1970.
    pub since: Option<i64>,
    /// The last moment.
    pub until: Option<i64>,
    #[serde(skip)]
    pub page_token: Option<String>,
    /// 1 to 1,000.
    #[serde(skip)]
    pub max_results: usize,
}

/// A page of entries, newest first.
#[derive(Debug)]
pub struct Page {
    pub records: Vec<Record>,
    pub next: Option<String>,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct Token {
    search: String,
    before: i64,
}

/// Lists the entries that answer the question.
///
/// # Errors
/// 400 for a page token of another question.
pub fn list(tx: &mut Tx<'_>, question: &Question) -> Result<Page> {
    let search = token::fingerprint(question)?;
    let before = match &question.page_token {
        None => i64::MAX,
        Some(text) => {
            let token: Token = Cursor::decode(text)?;
            if token.search != search {
                return Err(Error::invalid(
                    "Invalid page token, it belongs to another search. Repeat the actor, action, \
                     object, request_id, result, since and until of the request that gave the token.",
                ));
            }
            token.before
        }
    };
    let (conditions, mut params) = conditions(question, before);
    params.push(Value::Int(question.max_results as i64 + 1));
    let sql = format!(
        "select {COLUMNS} from audit_entries where {conditions} order by position desc limit ${}",
        params.len()
    );
    let mut records = tx.query(&sql, &params, from_row)?;
    let more = records.len() > question.max_results;
    records.truncate(question.max_results);
    let next = records
        .last()
        .filter(|_| more)
        .map(|last| {
            Cursor::encode(&Token {
                search,
                before: last.position as i64,
            })
        })
        .transpose()?;
    Ok(Page { records, next })
}

fn conditions(question: &Question, before: i64) -> (String, Vec<Value<'_>>) {
    let mut params = vec![Value::Int(before)];
    let mut conditions = String::from("position < $1");
    let texts = [
        ("actor", question.actor.as_deref()),
        ("action", question.action.as_deref()),
        ("object", question.object.as_deref()),
        ("request_id", question.request_id.as_deref()),
        ("result", question.result),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            params.push(Value::from(value));
            conditions.push_str(&format!(" and {column} = ${}", params.len()));
        }
    }
    for (comparison, value) in [("at >=", question.since), ("at <=", question.until)] {
        if let Some(value) = value {
            params.push(Value::Int(value));
            conditions.push_str(&format!(" and {comparison} ${}", params.len()));
        }
    }
    (conditions, params)
}
