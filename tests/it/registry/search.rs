use super::{model, version};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

fn quoted(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes()
        .map(|byte| match safe(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Gives the names of models, or names and numbers of versions, that a search finds.
async fn found(server: &TestServer, area: &str, query: &str) -> String {
    let path = format!("{area}/search?{query}");
    let page = server.get(&path).await.ok();
    let list = page[area.replace('-', "_")]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let name = |item: &Json| match item["version"].as_str() {
        Some(version) => format!("{}/{version}", item["name"].as_str().unwrap()),
        None => item["name"].as_str().unwrap().to_owned(),
    };
    list.iter().map(name).collect::<Vec<_>>().join(" ")
}

async fn models(server: &TestServer, filter: &str) -> String {
    let query = format!("filter={}", quoted(filter));
    found(server, "registered-models", &query).await
}

async fn versions(server: &TestServer, filter: &str) -> String {
    let query = format!(
        "filter={}&order_by=name&order_by=version_number",
        quoted(filter)
    );
    found(server, "model-versions", &query).await
}

async fn three_models(server: &TestServer) {
    for name in ["b", "a", "c"] {
        model(server, name).await;
        let tag = json!({ "name": name, "key": "team", "value": format!("team {name}") });
        server.post("registered-models/set-tag", tag).await.ok();
        server.advance(1);
    }
    for name in ["a", "a", "b"] {
        let number = version(server, name).await;
        let tag = json!({ "name": name, "version": number, "key": "n", "value": number });
        server.post("model-versions/set-tag", tag).await.ok();
        server.advance(1);
    }
}

#[tokio::test]
async fn models_are_found_with_the_whole_grammar() {
    let server = TestServer::start().await;
    three_models(&server).await;
    for (filter, expected) in [
        ("", "a b c"),
        ("name = 'a'", "a"),
        ("name ILIKE 'A' OR name = 'c'", "a c"),
        ("NOT (name = 'a' OR tags.team = 'team b')", "c"),
        ("tags.team LIKE 'team %' AND name != 'b'", "a c"),
        ("tags.unknown != 'x'", ""),
        ("name IN ('b', 'c')", "b c"),
    ] {
        assert_eq!(models(&server, filter).await, expected, "{filter}");
    }
    let by_time = "order_by=timestamp%20DESC";
    assert_eq!(found(&server, "registered-models", by_time).await, "b a c");
}

#[tokio::test]
async fn versions_are_found_with_the_whole_grammar() {
    let server = TestServer::start().await;
    three_models(&server).await;
    for (filter, expected) in [
        ("", "a/1 a/2 b/1"),
        ("name = 'a' AND version_number > 1", "a/2"),
        ("tags.n = '1'", "a/1 b/1"),
        ("source_path LIKE 's3://%' AND NOT name = 'a'", "b/1"),
        ("run_id = ''", "a/1 a/2 b/1"),
    ] {
        assert_eq!(versions(&server, filter).await, expected, "{filter}");
    }
    assert_eq!(found(&server, "model-versions", "").await, "b/1 a/2 a/1");
    let delete = json!({ "name": "a", "version": "2" });
    server
        .send_json("DELETE", "model-versions/delete", delete)
        .await
        .ok();
    assert_eq!(versions(&server, "").await, "a/1 b/1");
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip() {
    let server = TestServer::start().await;
    for number in 0..7 {
        model(&server, &format!("m{number}")).await;
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("registered-models/search?max_results=3&page_token={token}");
        let page = server.get(&path).await.ok();
        let list = page["registered_models"].as_array().unwrap().clone();
        seen.extend(
            list.iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        // A model before the end of the page does not shift the pages.
        model(&server, &format!("a{}", seen.len())).await;
        match page["next_page_token"].as_str() {
            Some(next) => token = quoted(next),
            None => break,
        }
    }
    assert_eq!(seen.join(" "), "m0 m1 m2 m3 m4 m5 m6");
    let other = format!("registered-models/search?filter=name%3D'a'&page_token={token}");
    assert_eq!(server.get(&other).await.refused().0, 400);
}

#[tokio::test]
async fn a_page_of_none_says_whether_there_is_any() {
    let server = TestServer::start().await;
    let none = server.get("registered-models/search?max_results=0").await;
    assert_eq!(none.ok(), json!({}));
    model(&server, "m").await;
    let some = server
        .get("registered-models/search?max_results=0")
        .await
        .ok();
    let token = quoted(some["next_page_token"].as_str().unwrap());
    let path = format!("registered-models/search?page_token={token}");
    assert_eq!(
        server.get(&path).await.ok()["registered_models"][0]["name"],
        "m"
    );
}

#[tokio::test]
async fn prompts_are_hidden_unless_they_are_asked_for() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    version(&server, "m").await;
    let tags = json!([{ "key": "mlflow.prompt.is_prompt", "value": "true" }]);
    let prompt = json!({ "name": "p", "tags": tags });
    server.post("registered-models/create", prompt).await.ok();
    let prompt = json!({ "name": "p", "source": "dummy-source", "tags": tags });
    server.post("model-versions/create", prompt).await.ok();
    // A second version without the tag is of the same prompt all the same.
    let bare = json!({ "name": "p", "source": "s3://b/x" });
    server.post("model-versions/create", bare).await.ok();
    let is_prompt = "tags.`mlflow.prompt.is_prompt`";
    for (filter, expected, numbers) in [
        (String::new(), "m", "m/1"),
        ("name LIKE '%'".into(), "m", "m/1"),
        (format!("{is_prompt} = 'true'"), "p", "p/1"),
        (format!("{is_prompt} = 'false'"), "m", "m/1"),
        (format!("{is_prompt} != 'true' AND name = 'm'"), "m", "m/1"),
        (format!("{is_prompt} != 'false'"), "p", "p/1"),
        (format!("{is_prompt} = 'true' AND name = 'm'"), "", ""),
        (
            format!("name = 'p' OR {is_prompt} = 'true'"),
            "p",
            "p/1 p/2",
        ),
    ] {
        assert_eq!(models(&server, &filter).await, expected, "{filter}");
        assert_eq!(versions(&server, &filter).await, numbers, "{filter}");
    }
}
