//! Which metric an experiment is about, and whether more of it is better.

use crate::tracking::metric;
use schemars::JsonSchema;
use serde::Serialize;

/// The tag of an experiment that names its goal, as MLflow's own runs of experiments set it.
pub const NAME_TAG: &str = "mlflow.experiment.primaryMetric.name";
/// The tag that says whether more of the goal is better.
pub const GREATER_TAG: &str = "mlflow.experiment.primaryMetric.greaterIsBetter";

/// Parts of names of metrics of which less is better.
const LESS_IS_BETTER: [&str; 18] = [
    "loss",
    "logloss",
    "smape",
    "error",
    "err",
    "rmse",
    "mse",
    "mae",
    "mape",
    "perplexity",
    "ppl",
    "wer",
    "cer",
    "fid",
    "latency",
    "brier",
    "rank",
    "time",
];
/// Parts of names that make a metric a likely goal, the likeliest first.
const LIKELY: [&str; 12] = [
    "val", "valid", "test", "eval", "accuracy", "acc", "auc", "f1", "loss", "rmse", "mae", "score",
];

/// Which values of a metric are the better ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Min,
    Max,
}

impl Direction {
    /// Guesses by the name of a metric.
    pub fn guess(key: &str) -> Self {
        match words(key).any(|word| LESS_IS_BETTER.contains(&word.as_str())) {
            true => Direction::Min,
            false => Direction::Max,
        }
    }

    /// Says whether one value is better than another.
    pub fn prefers(self, one: f64, other: f64) -> bool {
        match self {
            Direction::Min => one < other,
            Direction::Max => one > other,
        }
    }
}

/// Says how likely a metric is what its experiment is about: more is likelier, 0 is never.
pub fn likelihood(key: &str) -> usize {
    if metric::is_system(key) {
        return 0;
    }
    let found = words(key).filter_map(|word| LIKELY.iter().position(|likely| *likely == word));
    1 + found.map(|place| LIKELY.len() - place).sum::<usize>()
}

/// Splits a name like `val/f1_score` into its words.
fn words(key: &str) -> impl Iterator<Item = String> {
    key.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_follows_from_the_words_of_a_name() {
        for key in [
            "loss",
            "val_loss",
            "val/logloss",
            "test/rmse",
            "Mean.MAE",
            "p99_latency",
        ] {
            assert_eq!(Direction::guess(key), Direction::Min, "{key}");
        }
        for key in ["accuracy", "val_f1", "auc", "glossary_score", "terror"] {
            assert_eq!(Direction::guess(key), Direction::Max, "{key}");
        }
    }

    #[test]
    fn validation_is_likelier_than_training_and_the_machine_never_is() {
        assert!(likelihood("val_loss") > likelihood("train_loss"));
        assert!(likelihood("accuracy") > likelihood("epoch"));
        assert_eq!(likelihood("system/cpu_utilization"), 0);
    }
}
