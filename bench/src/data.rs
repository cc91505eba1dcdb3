//! What the runs of a filled store hold: a function of the number of the run, so that the right
//! answers of each search are known without asking anybody.

/// Params and metrics of each run.
pub(crate) const PARAMS: usize = 20;
pub(crate) const METRICS: usize = 10;
/// When the run with number 0 started; each starts a second after the one before.
pub(crate) const FIRST_START: i64 = 1_600_000_000_000;

const MODELS: [&str; 5] = ["gbm", "forest", "linear", "mlp", "knn"];

/// Spreads a number over all bits (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Gives a number from 0 up to 1 with all the digits that a double has.
pub(crate) fn value_of(key: u64, step: u64) -> f64 {
    (mix(key << 32 ^ step) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A run of a filled store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run(pub(crate) u64);

impl Run {
    pub(crate) fn uuid(self) -> String {
        format!("{:016x}{:016x}", mix(self.0), mix(self.0 + (1 << 40)))
    }

    pub(crate) fn name(self) -> String {
        format!("run-{}", self.0)
    }

    pub(crate) fn start_time(self) -> i64 {
        FIRST_START + self.0 as i64 * 1000
    }

    pub(crate) fn end_time(self) -> i64 {
        self.start_time() + 1 + (mix(self.0 + (3 << 40)) % 3_600_000) as i64
    }

    pub(crate) fn model(self) -> &'static str {
        let index = mix(self.0 + (2 << 40)) as usize % MODELS.len();
        MODELS.get(index).copied().unwrap_or("gbm")
    }

    pub(crate) fn params(self) -> Vec<(String, String)> {
        let mut params = vec![("model".to_owned(), self.model().to_owned())];
        for number in 1..PARAMS {
            // Some params take few values, some are different in every run.
            let spread = if number % 2 == 0 { 7 } else { 1_000_000_007 };
            let value = mix(self.0 * 64 + number as u64) % spread;
            params.push((format!("param_{number}"), value.to_string()));
        }
        params
    }

    pub(crate) fn auc(self) -> f64 {
        value_of(0, self.0)
    }

    pub(crate) fn metrics(self) -> Vec<(String, f64)> {
        let mut metrics = vec![("val_auc".to_owned(), self.auc())];
        for number in 1..METRICS {
            metrics.push((format!("metric_{number}"), value_of(number as u64, self.0)));
        }
        metrics
    }

    /// The value of the tag that searches look into: one run in a thousand names `rare`.
    pub(crate) fn note(self) -> String {
        let draw = mix(self.0 + (4 << 40));
        let word = if draw.is_multiple_of(1000) {
            "rare"
        } else {
            "usual"
        };
        format!("sweep {} of the {word} kind, {}", draw % 97, draw % 100_003)
    }

    pub(crate) fn tags(self) -> Vec<(String, String)> {
        let draw = mix(self.0 + (5 << 40));
        vec![
            ("mlflow.runName".to_owned(), self.name()),
            ("mlflow.user".to_owned(), format!("user-{}", draw % 23)),
            ("note".to_owned(), self.note()),
            (
                "stage".to_owned(),
                ["dev", "test", "prod"][draw as usize % 3].to_owned(),
            ),
            ("team".to_owned(), format!("team-{}", draw % 11)),
        ]
    }
}
