//! Webhooks with all that MLflow's routes cannot say of them, and the log of their deliveries.

use crate::app::{App, Ctx};
use crate::error::{Error, Result};
use crate::events::delivery;
use crate::events::format::Letter;
use crate::events::webhook::{self, Scope};
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get, post};
use crate::http::wire::webhook::ListWebhooks;
use crate::http::wire::webhook_delivery::{
    DeliveryDetail, DeliveryPage, ListDeliveries, OneDelivery, Redeliver, WebhookInfo,
    WebhookInfoPage,
};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    use Access::{Edit, Read};
    vec![
        get("1.0/webhooks", Read, list)
            .own()
            .tells("Lists webhooks of every kind.")
            .query::<ListWebhooks>()
            .answers::<WebhookInfoPage>(),
        get("1.0/webhooks/{webhook_id}", Read, find)
            .own()
            .tells("Gives a webhook.")
            .answers::<WebhookInfo>(),
        get("1.0/webhooks/{webhook_id}/deliveries", Read, deliveries)
            .own()
            .tells("Lists what was sent to a webhook.")
            .query::<ListDeliveries>()
            .answers::<DeliveryPage>(),
        get(
            "1.0/webhooks/{webhook_id}/deliveries/{delivery_id}",
            Read,
            find_delivery,
        )
        .own()
        .tells("Gives a delivery with its attempts.")
        .answers::<DeliveryDetail>(),
        post(
            "1.0/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
            Edit,
            redeliver,
        )
        .own()
        .audited("webhook.redeliver", "webhook:{webhook_id}")
        .tells("Sends a delivery again.")
        .body::<Redeliver>()
        .answers::<OneDelivery>(),
    ]
}

async fn list(
    State(app): State<App>,
    Wire(request): Wire<ListWebhooks>,
) -> Result<Reply<WebhookInfoPage>> {
    let (max_results, token) = request.check()?;
    let page = app
        .db
        .read(move |tx| webhook::list(tx, Scope::All, max_results, token.as_deref()))
        .await?;
    Ok(Reply(page.into()))
}

async fn find(
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> Result<Reply<WebhookInfo>> {
    let found = app.db.read(move |tx| webhook::find(tx, &id)).await?;
    Ok(Reply(found.into()))
}

async fn deliveries(
    State(app): State<App>,
    Segments(webhook): Segments<String>,
    Wire(request): Wire<ListDeliveries>,
) -> Result<Reply<DeliveryPage>> {
    let question = request.check(webhook)?;
    let page = app.db.read(move |tx| delivery::list(tx, &question)).await?;
    Ok(Reply(page.into()))
}

async fn find_delivery(
    State(app): State<App>,
    Segments((webhook, id)): Segments<(String, String)>,
) -> Result<Reply<DeliveryDetail>> {
    let found = app
        .db
        .read(move |tx| delivery::find(tx, &webhook, &id))
        .await?;
    let letter = Letter {
        id: &found.delivery.uuid,
        event: found.delivery.event,
        occurred_at: found.delivery.occurred_at,
        facts: &found.delivery.facts,
        public_url: &app.settings.events.public_url,
    };
    let body = found.webhook.format.write(&letter)?;
    let payload = serde_json::from_slice(&body).map_err(|error| {
        Error::internal("The payload of a delivery is no JSON.").with_cause(error)
    })?;
    Ok(Reply(DeliveryDetail::new(
        found.delivery,
        payload,
        found.attempts,
    )))
}

async fn redeliver(
    State(app): State<App>,
    ctx: Ctx,
    Segments((webhook, id)): Segments<(String, String)>,
    Wire(Redeliver {}): Wire<Redeliver>,
) -> Result<Reply<OneDelivery>> {
    let again = app
        .change(ctx, move |tx, ctx| {
            delivery::redeliver(tx, ctx, &webhook, &id)
        })
        .await?;
    let delivery = again.into();
    Ok(Reply(OneDelivery { delivery }))
}
