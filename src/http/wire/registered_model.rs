//! The wire of registered models.

use super::field::{Field, Message};
use super::model_version::VersionReply;
use super::pair::{PairBody, PairReply, checked_pairs, pairs};
use crate::error::Result;
use crate::registry::model::{Alias, FullModel, NewModel};
use crate::registry::rule;
use crate::registry::version::VersionRef;
use crate::tracking::experiment::Pair;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateRegisteredModel {
    name: Field<String>,
    tags: Field<Vec<Field<PairBody>>>,
    description: Field<String>,
}

impl Message for CreateRegisteredModel {}

impl CreateRegisteredModel {
    pub fn check(self) -> Result<NewModel> {
        let name = self.name.required("name")?;
        let tags = checked_pairs(self.tags, "tags")?;
        let description = self
            .description
            .optional("description")?
            .unwrap_or_default();
        rule::check_model_name(&name)?;
        tags.iter().try_for_each(rule::check_model_tag)?;
        Ok(NewModel {
            name,
            description,
            tags,
        })
    }
}

/// A request that names a registered model and nothing else.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ModelByName {
    name: Field<String>,
}

impl Message for ModelByName {}

impl ModelByName {
    pub fn check(self) -> Result<String> {
        let name = self.name.required("name")?;
        rule::check_model_name(&name)?;
        Ok(name)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct UpdateRegisteredModel {
    name: Field<String>,
    description: Field<String>,
}

impl Message for UpdateRegisteredModel {}

impl UpdateRegisteredModel {
    /// Gives the name and the new description; a missing one is empty.
    pub fn check(self) -> Result<(String, String)> {
        let name = self.name.required("name")?;
        let description = self.description.optional("description")?;
        rule::check_model_name(&name)?;
        Ok((name, description.unwrap_or_default()))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RenameRegisteredModel {
    name: Field<String>,
    #[serde(alias = "newName")]
    new_name: Field<String>,
}

impl Message for RenameRegisteredModel {}

impl RenameRegisteredModel {
    /// Gives the name and the new one.
    pub fn check(self) -> Result<(String, String)> {
        let name = self.name.required("name")?;
        let new_name = self.new_name.required("new_name")?;
        rule::check_new_model_name(&new_name)?;
        rule::check_model_name(&name)?;
        Ok((name, new_name))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RegisteredModelTag {
    name: Field<String>,
    key: Field<String>,
    value: Field<String>,
}

impl Message for RegisteredModelTag {}

impl RegisteredModelTag {
    /// Gives the model and the tag; a missing value is empty.
    pub fn check(self) -> Result<(String, Pair)> {
        let name = self.name.required("name")?;
        let key = self.key.required("key")?;
        let value = self.value.optional("value")?.unwrap_or_default();
        rule::check_model_name(&name)?;
        let tag = Pair { key, value };
        rule::check_model_tag(&tag)?;
        Ok((name, tag))
    }

    /// Gives the model and the key of a tag to be deleted.
    pub fn check_key(self) -> Result<(String, String)> {
        let name = self.name.required("name")?;
        let key = self.key.required("key")?;
        rule::check_model_name(&name)?;
        rule::check_tag_key(&key)?;
        Ok((name, key))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SetAlias {
    name: Field<String>,
    alias: Field<String>,
    version: Field<String>,
}

impl Message for SetAlias {}

impl SetAlias {
    /// Gives the version and the alias.
    pub fn check(self) -> Result<(VersionRef, String)> {
        let model = self.name.required("name")?;
        let alias = self.alias.required("alias")?;
        let version = self.version.required("version")?;
        rule::check_model_name(&model)?;
        rule::check_new_alias(&alias)?;
        let number = rule::version_number(&version)?;
        Ok((VersionRef { model, number }, alias))
    }
}

/// A request that names an alias of a model.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AliasByName {
    name: Field<String>,
    alias: Field<String>,
}

impl Message for AliasByName {}

impl AliasByName {
    /// Gives the model and the alias.
    pub fn check(self) -> Result<(String, String)> {
        let name = self.name.required("name")?;
        let alias = self.alias.required("alias")?;
        rule::check_model_name(&name)?;
        rule::check_alias(&alias)?;
        Ok((name, alias))
    }
}

#[derive(Serialize)]
struct AliasReply {
    alias: String,
    version: String,
}

impl From<Alias> for AliasReply {
    fn from(alias: Alias) -> Self {
        Self {
            alias: alias.name,
            version: alias.version.to_string(),
        }
    }
}

#[derive(Serialize)]
pub struct RegisteredModelReply {
    name: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    latest_versions: Vec<VersionReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<PairReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<AliasReply>,
}

impl From<FullModel> for RegisteredModelReply {
    fn from(full: FullModel) -> Self {
        Self {
            name: full.model.name,
            creation_timestamp: full.model.created_at,
            last_updated_timestamp: full.model.updated_at,
            description: full.model.description,
            latest_versions: full.latest.into_iter().map(VersionReply::from).collect(),
            tags: pairs(full.tags),
            aliases: full.aliases.into_iter().map(AliasReply::from).collect(),
        }
    }
}

#[derive(Serialize)]
pub struct OneRegisteredModel {
    pub registered_model: RegisteredModelReply,
}

impl From<FullModel> for OneRegisteredModel {
    fn from(full: FullModel) -> Self {
        Self {
            registered_model: full.into(),
        }
    }
}

#[derive(Serialize)]
pub struct RegisteredModelPage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registered_models: Vec<RegisteredModelReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
