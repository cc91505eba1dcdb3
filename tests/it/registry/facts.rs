use super::model;
use crate::server::{START_MS, TestServer};
use serde_json::{Value as Json, json};

const REQUIREMENTS: &str = "mlflow==3.17.2\nScikit_Learn==1.9.1 ; python_version >= '3.10'\n";
const CONDA: &str = "channels:\n- conda-forge\ndependencies:\n- python=3.11.7\n- pip<=23.2.1\n\
                     - pip:\n  - mlflow==3.17.2\nname: mlflow-env\n";
const PYTHON_ENV: &str = "python: 3.11.7\nbuild_dependencies:\n- wheel\ndependencies:\n\
                          - -r requirements.txt\n";
const MLMODEL: &str = r#"flavors:
  python_function:
    env:
      conda: conda.yaml
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    code: null
    sklearn_version: 1.9.1
mlflow_version: 3.17.2
model_size_bytes: 11544
model_uuid: d4e3ad97fc454192a7b1f376dca2e270
saved_input_example_info:
  artifact_path: input_example.json
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-11-21 09:07:08.522049'
"#;

/// Creates a run that recorded something of everything; gives its experiment and id.
pub(super) async fn trained(server: &TestServer, digest: &str) -> (String, String) {
    let name = format!("e{digest}");
    let experiment_id = server.experiment(&name).await;
    let run = server.run(&experiment_id).await;
    server
        .log_metrics(
            &run,
            &[("auc", json!(0.9), 5, 1), ("auc", json!(0.95), 6, 2)],
        )
        .await;
    let body = json!({
        "run_id": run,
        "params": [{"key": "depth", "value": "3"}, {"key": "random_state", "value": "7"}],
        "tags": [
            {"key": "mlflow.source.git.commit", "value": "0123456789abcdef"},
            {"key": "mlflow.source.git.dirty", "value": "false"},
            {"key": "mlflow.source.name", "value": "train.py"},
            {"key": "team", "value": "risk"},
        ],
    });
    server.post("runs/log-batch", body).await.ok();
    let body = json!({ "run_id": run, "datasets": [{
        "dataset": {"name": "train", "digest": digest, "source_type": "local", "source": "{}",
            "schema": "{\"columns\": []}"},
        "tags": [{"key": "mlflow.data.context", "value": "training"}],
    }]});
    server.post("runs/log-inputs", body).await.ok();
    (experiment_id, run)
}

/// Uploads a file of a run's model.
pub(super) async fn put(
    server: &TestServer,
    (experiment, run): &(String, String),
    file: (&str, &str),
) {
    let path = format!("{experiment}/{run}/artifacts/{}", file.0);
    let stored = server.put_file(&path, file.1.to_owned()).await;
    assert_eq!(stored.status, 200);
}

/// Registers the model of a run and gives the answer.
pub(super) async fn register(server: &TestServer, name: &str, run: &str) -> Json {
    let body = json!({ "name": name, "source": format!("runs:/{run}/model"), "run_id": run });
    server.post("model-versions/create", body).await.ok()
}

async fn facts(server: &TestServer, name: &str, version: u32) -> Json {
    let path = format!("/api/1.0/models/{name}/versions/{version}/facts");
    server.get(&path).await.ok()
}

/// Shows each field of an object on a line of its own.
fn lines(object: &Json) -> String {
    let fields = object.as_object().unwrap().iter();
    let lines: Vec<String> = fields
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.join("\n")
}

fn missing(answer: &Json) -> Vec<&str> {
    let links = answer["missing"].as_array().unwrap().iter();
    links.map(|link| link["link"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_version_remembers_run_code_data_environment_and_signature() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    for file in [
        ("model/MLmodel", MLMODEL),
        ("model/requirements.txt", REQUIREMENTS),
        ("model/conda.yaml", CONDA),
        ("model/python_env.yaml", PYTHON_ENV),
    ] {
        put(&server, &run, file).await;
    }
    model(&server, "m").await;
    register(&server, "m", &run.1).await;
    let path = "/api/1.0/models/m/versions/1/facts";
    let answer = server.get(path).await.ok();
    insta::assert_snapshot!(lines(&answer["facts"]), @r#"
    code: {"branch":null,"commit":"0123456789abcdef","diff_sha256":null,"dirty":false,"entry_point":null,"repository":null,"source":"train.py","source_type":null}
    copied_from: null
    cut: []
    datasets: [{"context":"training","digest":"aa","name":"train","profile":null,"schema":"{\"columns\": []}","source":"{}","source_type":"local","tags":[]}]
    environment: {"docker_image":null,"docker_image_id":null,"lines":[{"file":"conda.yaml","kind":"channel","line":1,"text":"conda-forge"},{"file":"python_env.yaml","kind":"reference","line":1,"text":"-r requirements.txt"}],"packages":[{"file":"requirements.txt","manager":"pip","name":"mlflow","specifier":"==3.17.2","version":"3.17.2"},{"file":"requirements.txt","manager":"pip","marker":"python_version >= '3.10'","name":"scikit-learn","specifier":"==1.9.1","version":"1.9.1"},{"file":"conda.yaml","manager":"conda","name":"pip","specifier":"<=23.2.1"},{"file":"python_env.yaml","manager":"build","name":"wheel"}],"pinning":"pinned","python":"3.11.7"}
    files: {"location":"runs:/00000000000000000000000000000003/model","problem":null,"read":[{"bytes":552,"path":"MLmodel","problem":null,"sha256":"120aba837fa3241001a10fa98075a63c22ff9663275be4b985afadb7c87f941c"},{"bytes":62,"path":"requirements.txt","problem":null,"sha256":"25562c6607e9d4bd899ac7eda9000fc6d22b554d8b23e93f6ce8207da24718a2"},{"bytes":111,"path":"conda.yaml","problem":null,"sha256":"53b2b617e0e52886446949de916f89208839f2210a8435a4b8304971844b8fa1"},{"bytes":79,"path":"python_env.yaml","problem":null,"sha256":"b643fec8390b69fcddb266ca260fc34418981bd415b4d12eccba2d6c2ea511dc"}]}
    format: 1
    logged_model: null
    metrics: [{"key":"auc","step":2,"timestamp":6,"value":0.95}]
    model: {"flavors":{"python_function":{"env":{"conda":"conda.yaml"},"loader_module":"mlflow.sklearn","python_version":"3.11.7"},"sklearn":{"code":null,"sklearn_version":"1.9.1"}},"input_example":"input_example.json","metadata":null,"mlflow_version":"3.17.2","model_id":null,"model_size_bytes":11544,"model_uuid":"d4e3ad97fc454192a7b1f376dca2e270","python_version":"3.11.7","run_id":null,"utc_time_created":"2026-11-21 09:07:08.522049"}
    params: [{"key":"depth","value":"3"},{"key":"random_state","value":"7"}]
    run: {"deleted":false,"end_time":null,"experiment_id":"1","experiment_name":"eaa","id":"00000000000000000000000000000003","known":true,"name":"r","start_time":0,"status":"RUNNING","user":""}
    seeds: [{"key":"random_state","value":"7"}]
    signature: {"inputs":[{"name":"age","required":true,"type":"double"}],"outputs":[{"tensor-spec":{"dtype":"int64","shape":[-1]},"type":"tensor"}],"params":null}
    tags: [{"key":"mlflow.runName","value":"r"},{"key":"mlflow.source.git.commit","value":"0123456789abcdef"},{"key":"mlflow.source.git.dirty","value":"false"},{"key":"mlflow.source.name","value":"train.py"},{"key":"team","value":"risk"}]
    "#);
    assert_eq!(
        (&answer["model"], &answer["version"], &answer["missing"]),
        (&json!("m"), &json!("1"), &json!([]))
    );
    assert_eq!(answer["created_at"], START_MS);
}

#[tokio::test]
async fn the_answer_to_the_creation_says_nothing_of_facts() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    model(&server, "m").await;
    let created = register(&server, "m", &run.1).await;
    let fields: Vec<&String> = created["model_version"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    insta::assert_snapshot!(fields.iter().map(|f| f.as_str()).collect::<Vec<_>>().join(" "), @r#"
    creation_timestamp current_stage description last_updated_timestamp name run_id run_link source status version
    "#);
}

#[tokio::test]
async fn later_changes_of_the_run_do_not_change_what_a_version_remembers() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    put(&server, &run, ("model/MLmodel", MLMODEL)).await;
    model(&server, "m").await;
    register(&server, "m", &run.1).await;
    let before = facts(&server, "m", 1).await;
    server.advance(1_000);
    server
        .log_metrics(
            &run.1,
            &[("auc", json!(0.1), 9, 9), ("new", json!(1), 9, 9)],
        )
        .await;
    let body = json!({ "run_id": run.1, "params": [{"key": "late", "value": "1"}],
        "tags": [{"key": "mlflow.source.git.commit", "value": "ffff"}] });
    server.post("runs/log-batch", body).await.ok();
    let body = json!({ "run_id": run.1, "status": "FAILED", "run_name": "renamed" });
    server.post("runs/update", body).await.ok();
    assert_eq!(facts(&server, "m", 1).await, before);
    register(&server, "m", &run.1).await;
    let after = facts(&server, "m", 2).await;
    assert_eq!(after["facts"]["metrics"][0]["value"], 0.1);
    assert_eq!(after["facts"]["code"]["commit"], "ffff");
    assert_eq!(after["facts"]["run"]["name"], "renamed");
}

#[tokio::test]
async fn a_copy_takes_the_facts_of_its_original_along() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    put(&server, &run, ("model/MLmodel", MLMODEL)).await;
    model(&server, "m").await;
    model(&server, "prod").await;
    register(&server, "m", &run.1).await;
    server
        .log_metrics(&run.1, &[("auc", json!(0.1), 9, 9)])
        .await;
    for (name, source) in [("prod", "models:/m/1"), ("prod", "models:/prod/1")] {
        let body = json!({ "name": name, "source": source, "run_id": run.1 });
        server.post("model-versions/create", body).await.ok();
    }
    let mut original = facts(&server, "m", 1).await["facts"].take();
    original["copied_from"] = json!("m/1");
    for version in [1, 2] {
        assert_eq!(facts(&server, "prod", version).await["facts"], original);
    }
}

#[tokio::test]
async fn a_lock_of_the_run_counts_as_the_environment() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    put(&server, &run, ("model/requirements.txt", "numpy\n")).await;
    model(&server, "m").await;
    register(&server, "m", &run.1).await;
    let loose = facts(&server, "m", 1).await;
    assert_eq!(loose["facts"]["environment"]["pinning"], "partial");
    assert_eq!(missing(&loose), ["environment_lock", "signature"]);
    let lock = "version = 1\nrequires-python = \">=3.11\"\n[[package]]\nname = \"numpy\"\n\
                version = \"2.1.0\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
    put(&server, &run, ("uv.lock", lock)).await;
    register(&server, "m", &run.1).await;
    let locked = facts(&server, "m", 2).await;
    assert_eq!(locked["facts"]["environment"]["pinning"], "lock");
    assert_eq!(locked["facts"]["files"]["read"][1]["path"], "run:uv.lock");
    assert_eq!(missing(&locked), ["signature"]);
}

#[tokio::test]
async fn what_the_server_cannot_read_is_told_and_every_link_named() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    let body = json!({ "name": "m", "source": "s3://bucket/files", "run_id": "elsewhere" });
    server.post("model-versions/create", body).await.ok();
    let answer = facts(&server, "m", 1).await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer["missing"]).unwrap(), @r#"
    [
      {
        "link": "run",
        "why": "The run elsewhere is not one of this server; only its id is known."
      },
      {
        "link": "commit",
        "why": "No commit is known. The client sets mlflow.source.git.commit when it runs inside of a Git repository."
      },
      {
        "link": "clean_tree",
        "why": "Nobody said whether there were changes that the commit does not hold. Set the tag mlflow.source.git.dirty to true or false."
      },
      {
        "link": "dataset",
        "why": "The run names no dataset. Log it with mlflow.log_input()."
      },
      {
        "link": "environment_lock",
        "why": "No file lists the packages that the model needs."
      },
      {
        "link": "files",
        "why": "This server does not reach artifacts at 's3://bucket/files'; read and write them there directly. The operator may allow it by artifacts.allowed_stores."
      },
      {
        "link": "signature",
        "why": "No signature is known. Log the model with a signature or an input example."
      },
      {
        "link": "seed",
        "why": "No param says where chance begins. Log one called seed or random_state."
      }
    ]
    "#);
    assert_eq!(
        answer["facts"]["run"],
        json!({"id": "elsewhere", "known": false, "name": "", "experiment_id": "",
            "experiment_name": "", "status": "", "start_time": null, "end_time": null, "user": "",
            "deleted": false})
    );
}

#[tokio::test]
async fn broken_and_hostile_files_are_told_and_keep_no_version_from_being_created() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{before}]\n");
    }
    let large = "#".repeat((4 << 20) + 1);
    for file in [
        ("model/MLmodel", &*bomb),
        ("model/requirements.txt", &*large),
        ("model/conda.yaml", "dependencies: ["),
        ("model/python_env.yaml", "[[[["),
        ("model/uv.lock", "a = = 1"),
    ] {
        put(&server, &run, file).await;
    }
    model(&server, "m").await;
    register(&server, "m", &run.1).await;
    let answer = facts(&server, "m", 1).await;
    let read = answer["facts"]["files"]["read"].as_array().unwrap().iter();
    let told: Vec<String> = read
        .map(|file| format!("{}: {}", file["path"].as_str().unwrap(), file["problem"]))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    MLmodel: "The YAML has more than 200000 values."
    uv.lock: "It is not TOML: extra `=`, expected nothing."
    requirements.txt: "It has 4194305 bytes; at most 4194304 are read."
    conda.yaml: "It is not YAML: while parsing a node, did not find expected node content at byte 15 line 2 column 1."
    python_env.yaml: "It is not YAML: while parsing a node, did not find expected node content at byte 4 line 2 column 1."
    "#);
}

#[tokio::test]
async fn a_logged_model_and_its_metrics_are_remembered() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    let body = json!({ "experiment_id": run.0, "name": "lm", "source_run_id": run.1,
        "params": [{"key": "layers", "value": "2"}],
        "tags": [{"key": "mlflow.source.git.branch", "value": "main"}] });
    let created = server.post("logged-models", body).await.ok();
    let id = created["model"]["info"]["model_id"].as_str().unwrap();
    for (step, value) in [(2, 0.5), (1, 0.9)] {
        let body = json!({ "run_id": run.1, "model_id": id, "key": "auc", "value": value,
            "timestamp": 9, "step": step, "dataset_name": "train", "dataset_digest": "aa" });
        server.post("runs/log-metric", body).await.ok();
    }
    model(&server, "m").await;
    let body = json!({ "name": "m", "source": format!("models:/{id}"), "model_id": id });
    server.post("model-versions/create", body).await.ok();
    let answer = facts(&server, "m", 1).await;
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&answer["facts"]["logged_model"]).unwrap(), @r#"
    {
      "id": "m-00000000000000000000000000000008",
      "metrics": [
        {
          "dataset": "train",
          "dataset_digest": "aa",
          "key": "auc",
          "step": 2,
          "timestamp": 9,
          "value": 0.5
        }
      ],
      "model_type": "",
      "name": "lm",
      "params": [
        {
          "key": "layers",
          "value": "2"
        }
      ],
      "source_run_id": "00000000000000000000000000000003",
      "tags": [
        {
          "key": "mlflow.modelVersions",
          "value": "[{\"name\": \"m\", \"version\": 1}]"
        },
        {
          "key": "mlflow.source.git.branch",
          "value": "main"
        }
      ]
    }
    "#
    );
    assert_eq!(answer["facts"]["code"]["branch"], "main");
    assert_eq!(answer["facts"]["run"]["id"], run.1.as_str());
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    model(&server, "m").await;
    register(&server, "m", &run.1).await;
    for (path, status) in [
        ("zz/versions/1", 404),
        ("m/versions/2", 404),
        ("m/versions/x", 400),
    ] {
        let path = format!("/api/1.0/models/{path}/facts");
        assert_eq!(server.get(&path).await.refused().0, status, "{path}");
    }
    let body = json!({ "name": "m", "version": "1" });
    let deleted = server
        .send_json("DELETE", "model-versions/delete", body)
        .await;
    deleted.ok();
    let path = "/api/1.0/models/m/versions/1/facts";
    assert_eq!(server.get(path).await.refused().0, 404);
}

#[tokio::test]
async fn a_model_of_the_same_name_begins_without_the_facts_of_the_deleted_one() {
    let server = TestServer::start().await;
    let run = trained(&server, "aa").await;
    for round in 0..2 {
        model(&server, "m").await;
        register(&server, "m", &run.1).await;
        let answer = facts(&server, "m", 1).await;
        assert_eq!(answer["facts"]["run"]["id"], run.1.as_str(), "{round}");
        let body = json!({ "name": "m" });
        let deleted = server
            .send_json("DELETE", "registered-models/delete", body)
            .await;
        deleted.ok();
    }
    let left = server.app.db.read(|tx| {
        tx.query_one("select count(*) from model_version_facts", &[], |row| {
            row.get::<i64>(0)
        })
    });
    assert_eq!(left.await.unwrap(), 0);
}
