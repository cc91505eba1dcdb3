//! The search of logged models.

use super::{DatasetFilter, ModelOrder, ModelSearch, Page, Rows};
use crate::db::{Cursor, Tx};
use crate::error::{Error, Result};
use crate::python;
use crate::search::sql::{
    self, Column, KeyColumn, Keyed, Layout, NamedOrder, Position, Query, Scope, ValueIndex, Values,
};
use crate::search::{
    Attribute, LoggedModelOrder, MetricDataset, Target, parse, parse_logged_model_order, token,
};
use crate::tracking::experiment::Lifecycle;
use crate::tracking::logged_model::{self, LoggedModel, Status};
use serde::{Deserialize, Serialize};

const LAYOUT: Layout = Layout {
    table: "logged_models",
    // A model has no status message.
    columns: &[
        (Attribute::Name, Column::Text("name")),
        (Attribute::ModelId, Column::Text("uuid")),
        (Attribute::ModelType, Column::Text("model_type")),
        (
            Attribute::Status,
            Column::Named {
                column: "status",
                names: || {
                    Status::ALL
                        .map(|(status, _)| (status as i64, name(status)))
                        .to_vec()
                },
                order: NamedOrder::Number,
            },
        ),
        (Attribute::SourceRunId, Column::Text("source_run_id")),
        (
            Attribute::ExperimentId,
            Column::ExperimentId("experiment_id"),
        ),
        (Attribute::ArtifactUri, Column::Text("artifact_uri")),
        (
            Attribute::LifecycleStage,
            Column::Named {
                column: "lifecycle",
                names: || {
                    [Lifecycle::Active, Lifecycle::Deleted]
                        .map(|lifecycle| (lifecycle.number(), lifecycle.name()))
                        .to_vec()
                },
                order: NamedOrder::Name,
            },
        ),
        (Attribute::CreationTime, Column::Integer("created_at")),
        (Attribute::LastUpdateTime, Column::Integer("updated_at")),
    ],
    metrics: Some(keyed("logged_model_metrics", Values::Many)),
    params: Some(keyed("logged_model_params", Values::One)),
    tags: Some(keyed("logged_model_tags", Values::One)),
    datasets: &[],
};

const fn keyed(table: &'static str, values: Values) -> Keyed {
    Keyed {
        table,
        owner: "model_id",
        key: KeyColumn::Text,
        index: ValueIndex::None,
        values,
    }
}

/// The name of a status in a filter; on the wire it is longer.
fn name(status: Status) -> &'static str {
    match status {
        Status::Pending => "PENDING",
        Status::Ready => "READY",
        Status::Failed => "FAILED",
    }
}

/// Finds logged models that are not deleted.
///
/// # Errors
/// 400 for a filter, an order or a page token that is refused.
pub fn logged_models(tx: &mut Tx<'_>, search: &ModelSearch) -> Result<Page<LoggedModel>> {
    let token = search.token()?;
    let filter = parse(Target::LoggedModels, &search.filter)?;
    let order: Vec<_> = search.order_by.iter().map(ModelOrder::step).collect();
    let order = parse_logged_model_order(&order)?;
    let datasets: Vec<_> = search
        .datasets
        .iter()
        .map(DatasetFilter::metric_dataset)
        .collect();
    let query = Query {
        layout: &LAYOUT,
        scope: Scope {
            experiment_ids: Some(&super::distinct(&search.experiment_ids)),
            lifecycles: &[Lifecycle::Active.number()],
        },
        filter: &filter,
        order: &order,
        datasets: &datasets,
        after: token.after.as_deref(),
        limit: search.max_results,
    };
    let found = sql::find(tx, &query)?;
    let rows = Rows {
        select: format!(
            "select {} from logged_models m where m.id in",
            logged_model::COLUMNS
        ),
        from_row: logged_model::from_row,
        id: |model| model.id,
    };
    let models = rows.load(tx, &found.ids)?;
    let next = found.last.map(|last| {
        Cursor::encode(&Token {
            after: Some(last),
            ..token
        })
    });
    Ok(Page {
        items: logged_model::load(tx, models)?,
        next: next.transpose()?,
    })
}

impl DatasetFilter {
    fn metric_dataset(&self) -> MetricDataset {
        MetricDataset {
            name: Some(self.name.clone()),
            digest: self.digest.clone(),
        }
    }
}

impl ModelOrder {
    fn step(&self) -> LoggedModelOrder {
        let dataset = self.dataset.as_ref().map(DatasetFilter::metric_dataset);
        LoggedModelOrder {
            field_name: self.field_name.clone(),
            ascending: self.ascending,
            dataset: dataset.unwrap_or_default(),
        }
    }
}

/// The token of a page. It repeats the search, as clients are told which part does not match.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Token {
    experiment_ids: Option<Vec<String>>,
    filter_string: Option<String>,
    order_by: Option<Vec<OrderToken>>,
    /// The fingerprint of the datasets.
    datasets: String,
    after: Option<Position>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OrderToken {
    field_name: String,
    ascending: bool,
    dataset_name: Option<String>,
    dataset_digest: Option<String>,
}

impl ModelSearch {
    /// Gives the token of the search, with the place where the last page ended.
    fn token(&self) -> Result<Token> {
        let datasets: Vec<_> = self
            .datasets
            .iter()
            .map(|dataset| (&dataset.name, &dataset.digest))
            .collect();
        let own = Token {
            experiment_ids: Some(self.experiment_ids.iter().map(i64::to_string).collect()),
            filter_string: Some(self.filter.clone()).filter(|filter| !filter.is_empty()),
            order_by: Some(self.order_by.iter().map(OrderToken::from).collect())
                .filter(|order: &Vec<_>| !order.is_empty()),
            datasets: token::fingerprint(&datasets)?,
            after: None,
        };
        let Some(text) = &self.page_token else {
            return Ok(own);
        };
        let given: Token = token::read(&token::decode_json(text)?)?;
        own.check(&given)?;
        if given.after.is_none() || given.datasets != own.datasets {
            return Err(Error::invalid(
                "Datasets in the page token do not match the requested datasets.",
            ));
        }
        Ok(given)
    }
}

impl Token {
    /// Refuses a token of another search, in the order of MLflow's checks.
    fn check(&self, given: &Token) -> Result<()> {
        let ids = |token: &Token| {
            let ids = token.experiment_ids.as_ref();
            ids.map(|ids| python::repr_list(ids.iter().map(String::as_str)))
        };
        let order = |token: &Token| {
            let steps = token.order_by.as_ref()?;
            let steps: Vec<_> = steps.iter().map(OrderToken::repr).collect();
            Some(format!("[{}]", steps.join(", ")))
        };
        let filter = |token: &Token| token.filter_string.clone();
        let parts = [
            (
                "Experiment IDs",
                "do",
                "experiment IDs",
                ids(self),
                ids(given),
            ),
            (
                "Filter string",
                "does",
                "filter string",
                filter(self),
                filter(given),
            ),
            ("Order by", "does", "order by", order(self), order(given)),
        ];
        let none = || "None".to_owned();
        match parts.into_iter().find(|(_, _, _, own, given)| own != given) {
            None => Ok(()),
            Some((what, verb, requested, own, given)) => Err(Error::invalid(format!(
                "{what} in the page token {verb} not match the requested {requested}. \
                 Expected: {}. Found: {}",
                own.unwrap_or_else(none),
                given.unwrap_or_else(none)
            ))),
        }
    }
}

impl From<&ModelOrder> for OrderToken {
    fn from(order: &ModelOrder) -> Self {
        let dataset = order.dataset.as_ref();
        Self {
            field_name: order.field_name.clone(),
            ascending: order.ascending,
            dataset_name: dataset.map(|dataset| dataset.name.clone()),
            dataset_digest: dataset.and_then(|dataset| dataset.digest.clone()),
        }
    }
}

impl OrderToken {
    /// Spells the step as Python prints a dictionary.
    fn repr(&self) -> String {
        let text = |text: &Option<String>| {
            text.as_deref()
                .map_or_else(|| "None".to_owned(), python::repr)
        };
        format!(
            "{{'field_name': {}, 'ascending': {}, 'dataset_name': {}, 'dataset_digest': {}}}",
            python::repr(&self.field_name),
            if self.ascending { "True" } else { "False" },
            text(&self.dataset_name),
            text(&self.dataset_digest)
        )
    }
}
