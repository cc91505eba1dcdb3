//! Which links of a version's lineage are missing, so that nobody takes silence for an answer.

use super::Facts;
use crate::registry::environment::{self, Pinning};

/// A link that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// A word for programs, such as `commit`.
    pub link: &'static str,
    /// A sentence for people: what is missing, and what would bring it.
    pub why: String,
}

/// Lists the links that are missing, in the order run, code, data, environment, files, signature,
/// seed.
pub fn missing(facts: &Facts) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut add = |link, why: Option<String>| {
        missing.extend(why.map(|why| Missing { link, why }));
    };
    add("run", run(facts));
    add("commit", commit(facts));
    add("clean_tree", tree(facts));
    add(
        "dataset",
        facts
            .datasets
            .is_empty()
            .then(|| "The run names no dataset. Log it with mlflow.log_input().".to_owned()),
    );
    add("environment_lock", environment(facts));
    add("files", facts.files.problem.clone());
    add(
        "signature",
        facts.signature.is_none().then(|| {
            "No signature is known. Log the model with a signature or an input example.".to_owned()
        }),
    );
    add(
        "seed",
        facts.seeds.is_empty().then(|| {
            "No param says where chance begins. Log one called seed or random_state.".to_owned()
        }),
    );
    missing
}

fn run(facts: &Facts) -> Option<String> {
    match &facts.run {
        None => Some("No run made this version. Register it with the id of its run.".to_owned()),
        Some(run) if !run.known => Some(format!(
            "The run {} is not one of this server; only its id is known.",
            run.id
        )),
        Some(_) => None,
    }
}

fn commit(facts: &Facts) -> Option<String> {
    facts.code.commit.is_none().then(|| {
        "No commit is known. The client sets mlflow.source.git.commit when it runs inside of a Git \
         repository."
            .to_owned()
    })
}

fn tree(facts: &Facts) -> Option<String> {
    let why = match facts.code.dirty {
        Some(false) => return None,
        Some(true) => "There were changes that the commit does not hold.",
        None => {
            "Nobody said whether there were changes that the commit does not hold. Set the tag \
             mlflow.source.git.dirty to true or false."
        }
    };
    Some(why.to_owned())
}

fn environment(facts: &Facts) -> Option<String> {
    let why = match facts.environment.pinning {
        Pinning::Lock | Pinning::Pinned => return None,
        Pinning::None => "No file lists the packages that the model needs.".to_owned(),
        Pinning::Partial => {
            let packages = facts.environment.packages.iter();
            let loose: Vec<&str> = packages
                .filter(|one| one.version.is_none() && one.url.is_none())
                .filter(|one| !environment::is_build_tool(one))
                .map(|one| &*one.name)
                .take(5)
                .collect();
            format!(
                "Not every package is bound to one version: {}.",
                loose.join(", ")
            )
        }
    };
    Some(why)
}
