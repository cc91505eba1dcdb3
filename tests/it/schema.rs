//! Both databases have one schema: tables, columns, keys and indexes.

use crate::server::TestServer;
use std::collections::BTreeMap;
use trackway::db::{Db, Durability, Options, SqliteOptions};
use trackway::error::Result;
use trackway::params;

/// What a table is: its columns as `name type [not null]`, and its indexes as
/// `[unique] (column or expression, ..) [where]`.
type Table = (Vec<String>, Vec<String>);

#[tokio::test]
async fn the_migrated_schemas_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = Db::open(Options::Sqlite(SqliteOptions {
        path: folder.path().join("fresh.db"),
        durability: Durability::Relaxed,
        readers: 1,
    }))
    .await
    .unwrap();
    fresh.migrate().await.unwrap();
    let expected = of_sqlite(&fresh).await.unwrap();
    assert!(expected.contains_key("runs") && expected.contains_key("schema_steps"));
    let server = TestServer::start().await;
    let found = match &server.database {
        None => of_sqlite(&server.app.db).await,
        Some(_) => of_postgres(&server.app.db).await,
    };
    let found = found.unwrap();
    let names =
        |tables: &BTreeMap<String, Table>| -> Vec<String> { tables.keys().cloned().collect() };
    assert_eq!(names(&found), names(&expected));
    for (name, table) in &expected {
        assert_eq!(&found[name], table, "{name}");
    }
}

async fn of_sqlite(db: &Db) -> Result<BTreeMap<String, Table>> {
    db.read(|tx| {
        let names: Vec<String> = tx.query(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite%'",
            &[],
            |row| row.get(0),
        )?;
        let mut tables = BTreeMap::new();
        for name in names {
            let columns = tx.query(
                "select name, type, \"notnull\" or pk > 0 from pragma_table_info($1) order by name",
                params![&name],
                |row| {
                    let kind = match row.get::<String>(1)?.to_lowercase().as_str() {
                        "integer" => "bigint".to_owned(),
                        kind => kind.to_owned(),
                    };
                    column(row.get(0)?, &kind, row.get(2)?)
                },
            )?;
            let mut indexes: Vec<String> = Vec::new();
            let key: Vec<String> = tx.query(
                "select name from pragma_table_info($1) where pk > 0 order by pk",
                params![&name],
                |row| row.get(0),
            )?;
            indexes.push(format!("unique ({})", key.join(", ")));
            let listed: Vec<(String, bool, bool, String)> = tx.query(
                "select name, \"unique\", partial, origin from pragma_index_list($1)",
                params![&name],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )?;
            for (index, unique, partial, origin) in listed {
                if origin == "pk" {
                    continue;
                }
                let columns: Vec<String> = tx.query(
                    "select coalesce(name, '<expression>') || case when \"desc\" then ' desc'
                         else '' end
                     from pragma_index_xinfo($1) where key order by seqno",
                    params![&index],
                    |row| row.get(0),
                )?;
                indexes.push(spelled(unique, &columns, partial));
            }
            indexes.sort();
            tables.insert(name, (columns, indexes));
        }
        Ok(tables)
    })
    .await
}

async fn of_postgres(db: &Db) -> Result<BTreeMap<String, Table>> {
    db.read(|tx| {
        let names: Vec<String> = tx.query(
            "select relname::text from pg_class
             where relkind = 'r' and relnamespace = current_schema()::regnamespace",
            &[],
            |row| row.get(0),
        )?;
        let mut tables = BTreeMap::new();
        for name in names {
            let columns = tx.query(
                "select attname::text, format_type(atttypid, null), attnotnull,
                     attcollation = '\"C\"'::regcollation, attstorage = 'e'
                 from pg_attribute where attrelid = $1::text::regclass and attnum > 0
                 order by attname collate \"C\"",
                params![&name],
                |row| {
                    let kind: String = row.get(1)?;
                    let (in_bytes, external): (bool, bool) = (row.get(3)?, row.get(4)?);
                    assert_eq!(in_bytes, kind == "text", "{name}: order of texts");
                    assert_eq!(external, kind == "bytea", "{name}: storage of bytes");
                    column(row.get(0)?, &kind, row.get(2)?)
                },
            )?;
            let listed: Vec<(i64, bool, bool, i64)> = tx.query(
                "select indexrelid::bigint, indisunique, indpred is not null, indnkeyatts
                 from pg_index where indrelid = $1::text::regclass",
                params![&name],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )?;
            let mut indexes = Vec::new();
            for (index, unique, partial, keys) in listed {
                let mut columns = Vec::new();
                for number in 1..=keys {
                    columns.push(tx.query_one(
                        "select coalesce(case when a.attname like 'substr%' then '<expression>'
                             else a.attname::text end, '') ||
                             case when pg_index_column_has_property($1::bigint::oid, $2::bigint::int,
                                 'desc') then ' desc' else '' end
                         from pg_attribute a where a.attrelid = $1::bigint::oid
                             and a.attnum = $2::bigint",
                        params![index, number],
                        |row| row.get::<String>(0),
                    )?);
                }
                indexes.push(spelled(unique, &columns, partial));
            }
            indexes.sort();
            tables.insert(name, (columns, indexes));
        }
        Ok(tables)
    })
    .await
}

fn column(name: String, kind: &str, required: bool) -> Result<String> {
    let required = if required { " not null" } else { "" };
    Ok(format!("{name} {kind}{required}"))
}

fn spelled(unique: bool, columns: &[String], partial: bool) -> String {
    let unique = if unique { "unique " } else { "" };
    let partial = if partial { " where" } else { "" };
    format!("{unique}({}){partial}", columns.join(", "))
}
