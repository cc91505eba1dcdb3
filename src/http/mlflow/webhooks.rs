//! Webhooks: MLflow's routes.

use crate::app::{App, Ctx};
use crate::audit::note::Change;
use crate::error::Result;
use crate::events::format::Letter;
use crate::events::kind::EventType;
use crate::events::parcel::{self, Envelope};
use crate::events::webhook::{self, Scope, Webhook};
use crate::events::{example, rule, send};
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, delete, get, patch, post};
use crate::http::wire::webhook::{
    CreateWebhook, ListWebhooks, OneWebhook, TestReply, TestResult, TestWebhook, UpdateWebhook,
    WebhookPage,
};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    use Access::{Edit, Read};
    vec![
        post("2.0/mlflow/webhooks", Edit, create).audited("webhook.create", "webhook:{webhook_id}"),
        get("2.0/mlflow/webhooks", Read, list),
        get("2.0/mlflow/webhooks/{webhook_id}", Read, find),
        patch("2.0/mlflow/webhooks/{webhook_id}", Edit, update)
            .audited("webhook.update", "webhook:{webhook_id}"),
        delete("2.0/mlflow/webhooks/{webhook_id}", Edit, remove)
            .audited("webhook.delete", "webhook:{webhook_id}"),
        post("2.0/mlflow/webhooks/{webhook_id}/test", Edit, test)
            .audited("webhook.test", "webhook:{webhook_id}"),
    ]
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<CreateWebhook>,
) -> Result<Reply<OneWebhook>> {
    let vault = &app.settings.events.vault;
    let new = request.check(new_uuid(&app), |secret| vault.seal(secret, ctx.now))?;
    app.sender.check_host(&new.url).await?;
    let created = app
        .change(ctx, move |tx, ctx| webhook::create(tx, ctx, &new))
        .await?;
    Ok(Reply(created.into()))
}

/// Gives an id in the form of MLflow's.
fn new_uuid(app: &App) -> String {
    let id = app.ids.next();
    uuid::Uuid::try_parse(&id).map_or(id, |id| id.hyphenated().to_string())
}

async fn list(
    State(app): State<App>,
    Wire(request): Wire<ListWebhooks>,
) -> Result<Reply<WebhookPage>> {
    let (max_results, token) = request.check()?;
    let page = app
        .db
        .read(move |tx| webhook::list(tx, Scope::KnownToMlflow, max_results, token.as_deref()))
        .await?;
    Ok(Reply(page.into()))
}

async fn find(State(app): State<App>, Segments(id): Segments<String>) -> Result<Reply<OneWebhook>> {
    let found = app.db.read(move |tx| webhook::find(tx, &id)).await?;
    Ok(Reply(found.into()))
}

async fn update(
    State(app): State<App>,
    ctx: Ctx,
    Segments(id): Segments<String>,
    Wire(request): Wire<UpdateWebhook>,
) -> Result<Reply<OneWebhook>> {
    let vault = &app.settings.events.vault;
    let update = request.check(|secret| vault.seal(secret, ctx.now))?;
    // An unknown webhook is told before a bad name.
    let known = id.clone();
    app.db.read(move |tx| webhook::find(tx, &known)).await?;
    if let Some(name) = &update.name {
        rule::check_name(name)?;
    }
    if let Some(url) = &update.url {
        app.sender.check_host(url).await?;
    }
    let updated = app
        .change(ctx, move |tx, ctx| webhook::update(tx, ctx, &id, &update))
        .await?;
    Ok(Reply(updated.into()))
}

async fn remove(
    State(app): State<App>,
    ctx: Ctx,
    Segments(id): Segments<String>,
) -> Result<Reply<Empty>> {
    app.change(ctx, move |tx, ctx| webhook::delete(tx, ctx, &id))
        .await?;
    Ok(Reply(Empty {}))
}

async fn test(
    State(app): State<App>,
    ctx: Ctx,
    Segments(id): Segments<String>,
    Wire(request): Wire<TestWebhook>,
) -> Result<Reply<TestReply>> {
    let event = request.check()?;
    let webhook = app.db.read(move |tx| webhook::find(tx, &id)).await?;
    let event = event.or_else(|| webhook.events.first().copied());
    let result = match event {
        Some(event) => try_out(&app, &ctx, &webhook, event).await?,
        None => failed("the webhook asks for no event"),
    };
    let succeeded = result.success;
    app.change(ctx, move |tx, _| {
        Change::of(&webhook.object(), "webhook_tested")
            .key(event.map(|event| event.name))
            .after(succeeded)
            .note(tx);
        Ok(())
    })
    .await?;
    Ok(Reply(TestReply { result }))
}

/// Sends the example of an event once, outside of the log of deliveries.
async fn try_out(app: &App, ctx: &Ctx, webhook: &Webhook, event: EventType) -> Result<TestResult> {
    let settings = &app.settings.events;
    let secret = webhook.secret.as_ref();
    let secret = secret
        .map(|secret| settings.vault.open(secret))
        .transpose()?;
    let (id, facts) = (new_uuid(app), example::of(event));
    let letter = Letter {
        id: &id,
        event,
        occurred_at: ctx.now,
        facts: &facts,
        public_url: &settings.public_url,
    };
    let envelope = Envelope {
        url: &webhook.url,
        format: webhook.format,
        secret: secret.as_deref(),
        sent_at: ctx.now,
    };
    let mut parcel = parcel::pack(&letter, &envelope)?;
    let attempt = app.sender.post_traced(&mut parcel).await;
    Ok(tested(attempt))
}

fn tested(attempt: send::Attempt) -> TestResult {
    match (attempt.status, attempt.error) {
        (Some(status), None) => TestResult {
            success: status < 400,
            response_status: Some(status),
            response_body: Some(attempt.response_head).filter(|body| !body.is_empty()),
            error_message: None,
        },
        (status, error) => TestResult {
            response_status: status,
            ..failed(&error.unwrap_or_default())
        },
    }
}

fn failed(why: &str) -> TestResult {
    TestResult {
        success: false,
        response_status: None,
        response_body: None,
        error_message: Some(format!("Failed to test webhook: {why}")),
    }
}
