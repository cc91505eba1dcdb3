//! Artifacts for display, and tables of runs as files.

use super::OWN;
use crate::server::TestServer;
use axum::http::header;
use serde_json::json;

const HOSTILE: &str = "<script>fetch('/api/1.0/counts')</script>";

#[tokio::test]
async fn hostile_files_are_shown_in_a_sandbox_without_scripts() {
    let server = TestServer::start_in_folder().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    for name in ["page.html", "sub/image.svg"] {
        let path = format!("{experiment}/{run}/artifacts/{name}");
        assert_eq!(server.put_file(&path, HOSTILE).await.status, 200);
        let path = format!("{OWN}/runs/{run}/artifacts/{name}");
        let answer = server.get(&path).await;
        assert_eq!(answer.text(), HOSTILE);
        assert_eq!(
            answer.header("x-trackway-sha256"),
            "1cb9343e4027142e08d83e34631b5bc515a79e6b15b7bb124f0e1505aedd27e2"
        );
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("sandbox; default-src 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("script-src"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-disposition"), "");
        let lively = server.get(&format!("{path}?scripts=allow")).await;
        let policy = lively.header("content-security-policy");
        assert!(
            policy.starts_with("sandbox allow-scripts; default-src 'none'"),
            "{policy}"
        );
        assert!(
            !policy.contains("same-origin") && !policy.contains("connect-src"),
            "{policy}"
        );
        let saved = server.get(&format!("{path}?download=true")).await;
        assert!(
            saved
                .header("content-disposition")
                .starts_with("attachment")
        );
        let part = server.get_with(&path, (header::RANGE, "bytes=0-7")).await;
        assert_eq!(
            (part.status.as_u16(), part.body.as_slice()),
            (206, &b"<script>"[..])
        );
    }
}

#[tokio::test]
async fn files_that_are_not_there_or_not_below_the_run_are_refused() {
    let server = TestServer::start_in_folder().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    for (path, status) in [
        (format!("runs/{run}/artifacts/none.txt"), 404),
        ("runs/none/artifacts/a.txt".to_owned(), 404),
        (format!("runs/{run}/artifacts/..%2f..%2fsecret"), 400),
        (format!("runs/{run}/artifacts/a/%2e%2e/%2e%2e/b"), 400),
        (format!("runs/{run}/artifacts/a?scripts=yes"), 400),
        ("models/none/versions/1/artifacts/a".to_owned(), 404),
        ("models/none/versions/x/artifacts/a".to_owned(), 400),
    ] {
        let answer = server.get(&format!("{OWN}/{path}")).await;
        assert_eq!(answer.refused().0, status, "{path}");
    }
}

#[tokio::test]
async fn a_file_of_all_rows_has_every_run_and_no_formula() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    for number in 0..7 {
        let params = json!({"p": format!("=cmd,\"{number}\"")});
        server
            .full_run(&experiment, [params, json!({"m": -1.5}), json!({})])
            .await;
    }
    let path = format!("{OWN}/runs/export.csv?experiment_ids={experiment}&limit=2");
    let answer = server.get(&path).await;
    assert!(
        answer
            .header("content-disposition")
            .starts_with("attachment")
    );
    let text = answer.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 8, "{text}");
    let names = "run_id,experiment_id,name,status,user,start_time,end_time,parent_run_id,params.p,metrics.m";
    assert!(lines[0].starts_with(names), "{}", lines[0]);
    assert!(
        lines[1].contains("\"'=cmd,\"\"") && lines[1].contains(",-1.5,"),
        "{}",
        lines[1]
    );
    let chosen = format!(
        "{OWN}/runs/export.csv?experiment_ids={experiment}&columns=metrics.m&aggregate=min"
    );
    assert!(server.get(&chosen).await.text().starts_with("run_id"));
    let refused = format!("{OWN}/runs/export.csv?experiment_ids={experiment}&filter=nonsense");
    assert_eq!(server.get(&refused).await.refused().0, 400);
}

#[tokio::test]
async fn a_parquet_file_of_all_rows_has_types_and_nulls() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    for number in 0..1_200 {
        let metrics = match number % 3 {
            0 => json!({}),
            1 => json!({"loss": f64::from(number)}),
            _ => json!({"loss": "NaN"}),
        };
        let params = json!({"p": format!("=cmd,\"{number}\"")});
        server
            .full_run(&experiment, [params, metrics, json!({})])
            .await;
    }
    let path = format!(
        "{OWN}/runs/export.parquet?experiment_ids={experiment}&order_by=start_time%20ASC\
         &columns=params.p&columns=metrics.loss&columns=tags.none"
    );
    let answer = server.get(&path).await;
    assert_eq!(
        answer.header("content-type"),
        "application/vnd.apache.parquet"
    );
    let file = SerializedFileReader::new(bytes::Bytes::from(answer.body)).unwrap();
    insta::assert_snapshot!(schema_of(&file), @r"
    message runs {
      REQUIRED BYTE_ARRAY run_id (STRING);
      REQUIRED BYTE_ARRAY experiment_id (STRING);
      REQUIRED BYTE_ARRAY name (STRING);
      REQUIRED BYTE_ARRAY status (STRING);
      REQUIRED BYTE_ARRAY user (STRING);
      REQUIRED INT64 start_time (TIMESTAMP(MILLIS,true));
      OPTIONAL INT64 end_time (TIMESTAMP(MILLIS,true));
      OPTIONAL BYTE_ARRAY parent_run_id (STRING);
      OPTIONAL BYTE_ARRAY params.p (STRING);
      OPTIONAL DOUBLE metrics.loss;
      OPTIONAL BYTE_ARRAY tags.none (STRING);
    }
    ");
    assert_eq!(file.num_row_groups(), 3);
    let rows: Vec<_> = file
        .get_row_iter(None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 1_200);
    for row in &rows {
        let param = row.get_string(8).unwrap();
        let number: i32 = param
            .trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap();
        assert_eq!(*param, format!("=cmd,\"{number}\""));
        let loss = row.get_double(9);
        match number % 3 {
            0 => assert!(loss.is_err()),
            1 => assert_eq!(loss.unwrap(), f64::from(number)),
            _ => assert!(loss.unwrap().is_nan()),
        }
        assert!(row.get_string(10).is_err());
    }
    let empty = format!("{path}&filter=params.p%20%3D%20'none'");
    let file = SerializedFileReader::new(bytes::Bytes::from(server.get(&empty).await.body));
    assert_eq!(file.unwrap().metadata().file_metadata().num_rows(), 0);
    let refused = format!("{OWN}/runs/export.parquet?experiment_ids={experiment}&filter=nonsense");
    assert_eq!(server.get(&refused).await.refused().0, 400);
}

fn schema_of(file: &impl parquet::file::reader::FileReader) -> String {
    let mut text = Vec::new();
    parquet::schema::printer::print_schema(&mut text, file.metadata().file_metadata().schema());
    String::from_utf8(text).unwrap()
}
