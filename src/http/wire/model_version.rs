//! The wire of versions of registered models.

use super::field::{Field, Message, texts, wrong_type};
use super::pair::{PairBody, PairReply, checked_pairs, pairs};
use crate::artifacts::LocationPolicy;
use crate::error::{Error, Result};
use crate::registry::rule;
use crate::registry::search::Search;
use crate::registry::source;
use crate::registry::stage::{Others, Stage, Transition};
use crate::registry::version::{NewVersion, Version, VersionRef};
use crate::tracking::experiment::Pair;
use regex::Regex;
use serde::{Deserialize, Serialize};

/// Versions of one page of a search.
const MAX_VERSIONS: i64 = 200_000;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateVersion {
    name: Field<String>,
    source: Field<String>,
    #[serde(alias = "runId")]
    run_id: Field<String>,
    tags: Field<Vec<Field<PairBody>>>,
    #[serde(alias = "runLink")]
    run_link: Field<String>,
    description: Field<String>,
    #[serde(alias = "modelId")]
    model_id: Field<String>,
}

impl Message for CreateVersion {}

impl CreateVersion {
    /// Checks the request; `pattern` and `policy` say which sources the operator lets in.
    pub fn check(self, pattern: Option<&Regex>, policy: &LocationPolicy) -> Result<NewVersion> {
        let model = self.name.required("name")?;
        let source = self.source.required("source")?;
        let run_id = self.run_id.optional("run_id")?;
        let tags = checked_pairs(self.tags, "tags")?;
        let run_link = self.run_link.optional("run_link")?.unwrap_or_default();
        let description = self
            .description
            .optional("description")?
            .unwrap_or_default();
        let model_uuid = self.model_id.optional("model_id")?;
        source::check_given(&source, &tags, (pattern, policy))?;
        rule::check_model_name(&model)?;
        tags.iter().try_for_each(rule::check_version_tag)?;
        Ok(NewVersion {
            model,
            source,
            run_id,
            model_uuid,
            run_link,
            description,
            tags,
        })
    }
}

fn version_ref(model: String, version: &str) -> Result<VersionRef> {
    rule::check_model_name(&model)?;
    Ok(VersionRef {
        model,
        number: rule::version_number(version)?,
    })
}

/// A request that names a version and nothing else.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct VersionByNumber {
    name: Field<String>,
    version: Field<String>,
}

impl Message for VersionByNumber {}

impl VersionByNumber {
    pub fn check(self) -> Result<VersionRef> {
        let model = self.name.required("name")?;
        let version = self.version.required("version")?;
        version_ref(model, &version)
    }

    /// Checks as the one route does where MLflow looks at no field by itself.
    pub fn check_leniently(self) -> Result<VersionRef> {
        let model = self.name.lenient().unwrap_or_default();
        let version = self.version.lenient().unwrap_or_default();
        version_ref(model, &version)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct UpdateVersion {
    name: Field<String>,
    version: Field<String>,
    description: Field<String>,
}

impl Message for UpdateVersion {}

impl UpdateVersion {
    /// Gives the version and its new description; `None` takes the old one away.
    pub fn check(self) -> Result<(VersionRef, Option<String>)> {
        let model = self.name.required("name")?;
        let version = self.version.required("version")?;
        let description = self.description.optional("description")?;
        Ok((version_ref(model, &version)?, description))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct TransitionStage {
    name: Field<String>,
    version: Field<String>,
    stage: Field<String>,
    #[serde(alias = "archiveExistingVersions")]
    archive_existing_versions: Field<bool>,
}

impl Message for TransitionStage {}

impl TransitionStage {
    pub fn check(self) -> Result<Transition> {
        let model = self.name.required("name")?;
        let version = self.version.required("version")?;
        let stage = self.stage.required("stage")?;
        let archive = self
            .archive_existing_versions
            .optional("archive_existing_versions")?;
        let others = match archive {
            Some(true) => Others::Archived,
            Some(false) | None => Others::Stay,
        };
        Transition::parse(version_ref(model, &version)?, &stage, others)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct VersionTag {
    name: Field<String>,
    version: Field<String>,
    key: Field<String>,
    value: Field<String>,
}

impl Message for VersionTag {}

impl VersionTag {
    /// Gives the version and the tag; a missing value is empty.
    pub fn check(self) -> Result<(VersionRef, Pair)> {
        let model = self.name.required("name")?;
        let version = self.version.required("version")?;
        let key = self.key.required("key")?;
        let value = self.value.optional("value")?.unwrap_or_default();
        let at = version_ref(model, &version)?;
        let tag = Pair { key, value };
        rule::check_version_tag(&tag)?;
        Ok((at, tag))
    }

    /// Gives the version and the key of a tag to be deleted.
    pub fn check_key(self) -> Result<(VersionRef, String)> {
        let model = self.name.required("name")?;
        let version = self.version.required("version")?;
        let key = self.key.required("key")?;
        let at = version_ref(model, &version)?;
        rule::check_tag_key(&key)?;
        Ok((at, key))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LatestVersions {
    name: Field<String>,
    stages: Field<Vec<Field<String>>>,
}

impl Message for LatestVersions {
    const LISTS: &'static [&'static str] = &["stages"];
}

impl LatestVersions {
    /// Gives the model and the stages; none stands for all.
    pub fn check(self) -> Result<(String, Vec<Stage>)> {
        let name = self.name.required("name")?;
        let stages = texts(self.stages, "stages")?;
        rule::check_model_name(&name)?;
        let stages = stages.iter().map(|stage| Stage::parse(stage));
        Ok((name, stages.collect::<Result<_>>()?))
    }
}

/// A search of registered models or of versions.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SearchRegistry {
    filter: Field<String>,
    #[serde(alias = "maxResults")]
    max_results: Field<i64>,
    #[serde(alias = "orderBy")]
    order_by: Field<Vec<Field<String>>>,
    #[serde(alias = "pageToken")]
    page_token: Field<String>,
}

impl Message for SearchRegistry {
    const LISTS: &'static [&'static str] = &["order_by"];
}

/// Models of one page of a search when the request does not say.
const DEFAULT_MODELS: i64 = 100;
/// Models of one page of a search.
const MAX_MODELS: i64 = 1_000;

impl SearchRegistry {
    /// Checks a search of registered models.
    pub fn check_models(self) -> Result<Search> {
        let search = self.check(DEFAULT_MODELS, MAX_MODELS)?;
        search.map_err(|given| {
            Error::invalid(format!(
                "Invalid value {given} for parameter 'max_results' supplied. It must not be \
                 negative"
            ))
        })
    }

    /// Checks a search of versions, of which there must be at least one on a page.
    pub fn check_versions(self) -> Result<Search> {
        let refused = |given| {
            Error::invalid(format!(
                "Invalid value for max_results. It must be a positive integer, but got {given}"
            ))
        };
        let search = self.check(MAX_VERSIONS, MAX_VERSIONS)?.map_err(refused)?;
        match search.max_results {
            0 => Err(refused(0)),
            _ => Ok(search),
        }
    }

    /// Gives the search, or the page size if it is negative.
    fn check(self, default: i64, limit: i64) -> Result<Result<Search, i64>> {
        let filter = self.filter.optional("filter")?.unwrap_or_default();
        let max_results = self.max_results.optional("max_results")?;
        if let Some(given) = max_results.filter(|given| *given > limit) {
            // The value as it stood in the query string.
            return Err(wrong_type("max_results", &given.to_string().into()));
        }
        let order_by = texts(self.order_by, "order_by")?;
        let page_token = self
            .page_token
            .optional("page_token")?
            .filter(|token| !token.is_empty());
        let given = max_results.unwrap_or(default);
        let search = usize::try_from(given).map(|max_results| Search {
            filter,
            order_by,
            max_results,
            page_token,
        });
        Ok(search.map_err(|_| given))
    }
}

#[derive(Serialize)]
pub struct VersionReply {
    name: String,
    version: String,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    current_stage: &'static str,
    source: String,
    run_id: String,
    status: &'static str,
    run_link: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<PairReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
}

impl From<Version> for VersionReply {
    fn from(version: Version) -> Self {
        Self {
            name: version.model_name,
            version: version.number.to_string(),
            creation_timestamp: version.created_at,
            last_updated_timestamp: version.updated_at,
            description: version.description,
            current_stage: version.stage.name(),
            source: version.source,
            run_id: version.run_id,
            status: "READY",
            run_link: version.run_link,
            tags: pairs(version.tags),
            aliases: version.aliases,
        }
    }
}

#[derive(Serialize)]
pub struct OneVersion {
    pub model_version: VersionReply,
}

impl From<Version> for OneVersion {
    fn from(version: Version) -> Self {
        Self {
            model_version: version.into(),
        }
    }
}

#[derive(Serialize)]
pub struct VersionPage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub model_versions: Vec<VersionReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[derive(Serialize)]
pub struct DownloadUri {
    pub artifact_uri: String,
}
