//! `trackway routes`: every route of the server and the access it needs.

use super::{Outcome, columns, json};
use crate::error::Result;
use crate::http::router::{self, RouteInfo};
use serde_json::json;

pub(super) fn run(as_json: bool) -> Result<Outcome> {
    let routes = router::table();
    Ok(Outcome {
        stdout: match as_json {
            true => document(&routes),
            false => table(&routes),
        },
        ..Outcome::default()
    })
}

fn document(routes: &[RouteInfo]) -> String {
    let object = |route: &RouteInfo| {
        json!({
            "method": route.method,
            "path": route.path,
            "access": route.access,
            "group": route.group,
            "action": route.action,
        })
    };
    json(&routes.iter().map(object).collect())
}

fn table(routes: &[RouteInfo]) -> String {
    let mut rows = vec![["METHOD", "PATH", "ACCESS", "GROUP"].map(String::from)];
    rows.extend(routes.iter().map(|route| {
        let RouteInfo {
            method,
            path,
            access,
            group,
            action: _,
        } = route;
        [method, path.as_str(), access, group].map(String::from)
    }));
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<RouteInfo> {
        let route = |method, path: &str, access| RouteInfo {
            method,
            path: path.into(),
            access,
            group: "tracking",
            action: (access == "edit").then_some("run.create"),
        };
        vec![
            route("GET", "/api/2.0/mlflow/runs/get", "read"),
            route("POST", "/x", "edit"),
        ]
    }

    #[test]
    fn people_get_columns() {
        insta::assert_snapshot!(table(&routes()), @r"
        METHOD  PATH                      ACCESS  GROUP
        GET     /api/2.0/mlflow/runs/get  read    tracking
        POST    /x                        edit    tracking
        ");
    }

    #[test]
    fn machines_get_objects() {
        let found: serde_json::Value = serde_json::from_str(&document(&routes())).expect("JSON");
        let second = json!({
            "method": "POST",
            "path": "/x",
            "access": "edit",
            "group": "tracking",
            "action": "run.create",
        });
        assert_eq!(found[1], second);
    }
}
