//! The wire of saved views. What is not there is null.

use super::field::{Field, FieldValue, Message, missing};
use crate::error::{Code, Error, Result};
use crate::tracking::rule;
use crate::tracking::view::{NewView, Update, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Characters of a name.
const MAX_NAME: usize = 200;
/// Bytes of a state as JSON.
const MAX_STATE: usize = 64 * 1024;

/// A state of a page: an object that only the page understands.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub struct State(Map<String, Json>);

impl FieldValue for State {
    fn from_object<'de, A: serde::de::MapAccess<'de>>(
        entries: A,
    ) -> std::result::Result<Field<Self>, A::Error> {
        let map = Map::deserialize(serde::de::value::MapAccessDeserializer::new(entries))?;
        Ok(Field::Given(State(map)))
    }
}

fn state(field: Field<State>) -> Result<Option<String>> {
    let Some(State(map)) = field.optional("state")? else {
        return Ok(None);
    };
    let text = Json::Object(map).to_string();
    if text.len() > MAX_STATE {
        return Err(Error::new(
            Code::TooLarge,
            format!(
                "The state has {} bytes as JSON, and may have {MAX_STATE}.",
                text.len()
            ),
        ));
    }
    Ok(Some(text))
}

fn name(name: String) -> Result<String> {
    let name = name.trim().to_owned();
    match name.chars().count() {
        1..=MAX_NAME if !name.contains(char::is_control) => Ok(name),
        _ => Err(Error::invalid(format!(
            "The name of a view must have 1 to {MAX_NAME} characters, and no control characters."
        ))),
    }
}

fn kind(kind: &str) -> Result<()> {
    let valid = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    match (1..=32).contains(&kind.len()) && kind.bytes().all(valid) {
        true => Ok(()),
        false => Err(Error::invalid(
            "The kind of a view must be 1 to 32 of the letters a to z and _.",
        )),
    }
}

fn experiment(id: Field<String>) -> Result<Option<i64>> {
    let id = id.optional("experiment_id")?.filter(|id| !id.is_empty());
    id.map(|id| rule::experiment_id(&id)).transpose()
}

/// The query of a list of views.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListViews {
    /// Absent for the views of no experiment.
    experiment_id: Field<String>,
    kind: Field<String>,
}

impl Message for ListViews {}

impl ListViews {
    /// Gives the experiment and the kind.
    pub fn check(self) -> Result<(Option<i64>, Option<String>)> {
        let of = self.kind.optional("kind")?.filter(|kind| !kind.is_empty());
        of.as_deref().map(kind).transpose()?;
        Ok((experiment(self.experiment_id)?, of))
    }
}

/// A request for a new view.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["kind", "name", "state"]))]
pub struct CreateView {
    /// Absent for a view of no experiment.
    experiment_id: Field<String>,
    /// Which page it is a state of, as `runs`.
    kind: Field<String>,
    name: Field<String>,
    shared: Field<bool>,
    is_default: Field<bool>,
    state: Field<State>,
}

impl Message for CreateView {}

impl CreateView {
    /// Checks the request.
    pub fn check(self) -> Result<NewView> {
        let of = self.kind.required("kind")?;
        kind(&of)?;
        Ok(NewView {
            experiment_id: experiment(self.experiment_id)?,
            kind: of,
            name: name(self.name.required("name")?)?,
            shared: self.shared.optional("shared")?.unwrap_or_default(),
            is_default: self.is_default.optional("is_default")?.unwrap_or_default(),
            state: state(self.state)?.ok_or_else(|| missing("state"))?,
        })
    }
}

/// A request to change a view; what is absent stays.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct UpdateView {
    name: Field<String>,
    shared: Field<bool>,
    is_default: Field<bool>,
    state: Field<State>,
}

impl Message for UpdateView {}

impl UpdateView {
    /// Checks the request.
    pub fn check(self) -> Result<Update> {
        Ok(Update {
            name: self.name.optional("name")?.map(name).transpose()?,
            shared: self.shared.optional("shared")?,
            is_default: self.is_default.optional("is_default")?,
            state: state(self.state)?,
        })
    }
}

/// A saved view.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "View")]
pub struct ViewReply {
    view_id: String,
    experiment_id: Option<String>,
    kind: String,
    name: String,
    owner: String,
    shared: bool,
    is_default: bool,
    state: Map<String, Json>,
    created_at: i64,
    updated_at: i64,
}

impl From<View> for ViewReply {
    fn from(view: View) -> Self {
        Self {
            view_id: view.uuid,
            experiment_id: view.experiment_id.map(|id| id.to_string()),
            kind: view.kind,
            name: view.name,
            owner: view.owner,
            shared: view.shared,
            is_default: view.is_default,
            state: serde_json::from_str(&view.state).unwrap_or_default(),
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

/// One view.
#[derive(Serialize, JsonSchema)]
pub struct OneView {
    pub view: ViewReply,
}

/// Views by name.
#[derive(Serialize, JsonSchema)]
pub struct Views {
    pub views: Vec<ViewReply>,
}
