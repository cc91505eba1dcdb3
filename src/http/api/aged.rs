//! Which versions are in Production for longer than the operator wants.

use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get};
use crate::http::wire::aged::{AgedReply, ListAged};
use crate::registry::aged::{self, Page};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("1.0/registry/aged", Access::Read, list)
            .own()
            .tells("Lists the versions that are in Production for too long.")
            .answers::<AgedReply>(),
    ]
}

async fn list(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ListAged>,
) -> Result<Reply<AgedReply>> {
    request.check()?;
    let max_age_ms = app.settings.production_max_age_ms;
    let page = match max_age_ms {
        0 => Page::default(),
        _ => {
            app.db
                .read(move |tx| aged::list(tx, ctx.now, max_age_ms))
                .await?
        }
    };
    Ok(Reply(AgedReply::new(page, (ctx.now, max_age_ms))))
}
