//! What a version remembers of where it came from, and what differs between two versions.

use crate::app::App;
use crate::db::Tx;
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get};
use crate::http::wire::version_facts::{
    CompareVersions, DiffReply, FactsReply, Nothing, SideReply,
};
use crate::registry::diff::compare::{self, Compared};
use crate::registry::facts;
use crate::registry::rule;
use crate::registry::version::{self, VersionRef};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "1.0/models/{name}/versions/{version}/facts",
            Access::Read,
            show_facts,
        )
        .own()
        .tells("Gives what was known of a version when it was registered.")
        .answers::<FactsReply>(),
        get("1.0/models/{name}/diff", Access::Read, show_diff)
            .own()
            .tells("Says in what two versions differ.")
            .query::<CompareVersions>()
            .answers::<DiffReply>(),
    ]
}

async fn show_facts(
    State(app): State<App>,
    Segments((name, number)): Segments<(String, String)>,
    Wire(_): Wire<Nothing>,
) -> Result<Reply<FactsReply>> {
    let at = VersionRef {
        model: name,
        number: rule::version_number(&number)?,
    };
    let read = move |tx: &mut Tx<'_>| {
        let version = version::find(tx, &at)?;
        let facts = facts::store::of(tx, &version)?;
        Ok(Reply(FactsReply::new(version, facts)))
    };
    app.db.read(read).await
}

async fn show_diff(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Wire(request): Wire<CompareVersions>,
) -> Result<Reply<DiffReply>> {
    let named = request.check(&name)?;
    // Long lists are compared here, too, away from the threads that answer requests.
    let read = move |tx: &mut Tx<'_>| {
        let (a, b) = (Compared::find(tx, &named.0)?, Compared::find(tx, &named.1)?);
        Ok(Reply(DiffReply {
            a: SideReply::from(&a.version),
            b: SideReply::from(&b.version),
            diff: compare::compare(&a, &b),
        }))
    };
    app.db.read(read).await
}
