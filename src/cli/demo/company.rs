//! The company that the demo makes up: its projects, people, data and models.
//!
//! Facts only, no code that sends anything. All names are invented.

/// A project, which becomes an experiment.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) experiment: &'static str,
    pub(super) note: &'static str,
    pub(super) team: &'static str,
    /// Who works on it; the first one owns it.
    pub(super) people: &'static [&'static str],
    /// The part of all runs that belongs to it, in hundredths.
    pub(super) share: usize,
    pub(super) script: &'static str,
    pub(super) datasets: &'static [Dataset],
    pub(super) knobs: &'static [Knob],
    /// What is measured; the first one is the goal.
    pub(super) measures: &'static [Measure],
    /// Steps of a trial, and of a run of its own.
    pub(super) steps: [(u64, u64); 2],
    /// Seconds a step takes.
    pub(super) pace: f64,
    pub(super) models: &'static [Model],
    pub(super) features: &'static [&'static str],
    /// Whether its runs keep pictures of samples.
    pub(super) pictures: bool,
}

#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) name: &'static str,
    pub(super) context: &'static str,
    pub(super) rows: u64,
}

/// A parameter: what it may be, and how far from the best a value is.
#[derive(Debug)]
pub(super) struct Knob {
    pub(super) key: &'static str,
    pub(super) range: Range,
    /// How much it matters; 1 costs all quality at the far end.
    pub(super) weight: f64,
}

#[derive(Debug)]
pub(super) enum Range {
    /// Evenly in the logarithm: the least, the largest, the best.
    Log(f64, f64, f64),
    /// Evenly: the least, the largest, the best.
    Even(f64, f64, f64),
    /// Whole numbers: the least, the largest, the best.
    Whole(u64, u64, u64),
    /// Texts, each with its distance from the best, 0 to 1.
    Choice(&'static [(&'static str, f64)]),
}

/// A metric: where it starts, and where it ends in a perfect and in a useless run.
#[derive(Debug)]
pub(super) struct Measure {
    pub(super) key: &'static str,
    pub(super) start: f64,
    pub(super) best: f64,
    pub(super) worst: f64,
    /// Deviation of a point, as a part of the way from start to best.
    pub(super) noise: f64,
    /// Whether it gets worse again when a run trains for too long.
    pub(super) overfits: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) note: &'static str,
    pub(super) tier: &'static str,
    pub(super) flavor: &'static str,
    /// Who serves it.
    pub(super) consumers: &'static [&'static str],
    pub(super) story: Story,
}

/// What happened to a model's versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    /// Each better version is promoted.
    Steady,
    /// One promotion is taken back.
    RolledBack,
    /// Nothing was promoted yet.
    Staged,
}

const fn measure(key: &'static str, ends: [f64; 3], noise: f64, overfits: bool) -> Measure {
    let [start, best, worst] = ends;
    Measure {
        key,
        start,
        best,
        worst,
        noise,
        overfits,
    }
}

const fn knob(key: &'static str, weight: f64, range: Range) -> Knob {
    Knob { key, range, weight }
}

const fn dataset(name: &'static str, context: &'static str, rows: u64) -> Dataset {
    Dataset {
        name,
        context,
        rows,
    }
}

/// Every project.
pub(super) const PROJECTS: &[Project] = &[CHURN, FRAUD, DEMAND, RANKING, QUALITY];

const CHURN: Project = Project {
    experiment: "churn-prediction",
    note: "Which customers will leave within 60 days. The goal is **val/auc**; the campaign team can \
           call 10 % of the customers, so look at **val/recall_at_10** as well.",
    team: "customer-intelligence",
    people: &["amara.okafor", "jonas.lindqvist", "mei.tanaka"],
    share: 26,
    script: "train_churn.py",
    datasets: &[
        dataset("customers_2026q2", "training", 412_880),
        dataset("customers_2026q3", "validation", 98_204),
    ],
    knobs: &[
        knob(
            "model",
            0.5,
            Range::Choice(&[("xgboost", 0.0), ("lightgbm", 0.1), ("random_forest", 0.8)]),
        ),
        knob("learning_rate", 0.6, Range::Log(0.003, 0.5, 0.06)),
        knob("max_depth", 0.4, Range::Whole(2, 12, 6)),
        knob("subsample", 0.15, Range::Even(0.5, 1.0, 0.8)),
        knob("min_child_weight", 0.15, Range::Log(0.5, 32.0, 4.0)),
        knob(
            "scale_pos_weight",
            0.1,
            Range::Choice(&[("1", 0.6), ("4", 0.0), ("9", 0.4)]),
        ),
    ],
    measures: &[
        measure("val/auc", [0.62, 0.912, 0.741], 0.012, false),
        measure("val/logloss", [0.693, 0.284, 0.512], 0.012, true),
        measure("train/logloss", [0.693, 0.197, 0.468], 0.008, false),
        measure("val/recall_at_10", [0.12, 0.634, 0.281], 0.025, false),
    ],
    steps: [(30, 80), (150, 420)],
    pace: 1.4,
    models: &[Model {
        name: "churn-classifier",
        note: "Probability that a customer leaves within 60 days. Feeds the weekly retention campaign.",
        tier: "1",
        flavor: "xgboost",
        consumers: &["campaign-planner", "crm-sync"],
        story: Story::Steady,
    }],
    features: &[
        "tenure_months",
        "tickets_90d",
        "monthly_spend",
        "plan",
        "last_login_days",
    ],
    pictures: false,
};

const FRAUD: Project = Project {
    experiment: "fraud-detection",
    note: "Card payments that turn out to be fraud. Positives are 0.17 % of all rows, so the goal is \
           **val/average_precision**. Nothing is released with a false positive rate above 0.4 %.",
    team: "payments-risk",
    people: &["david.mensah", "elif.kaya", "sofia.rossi"],
    share: 24,
    script: "fraud/train.py",
    datasets: &[
        dataset("transactions_2026_05", "training", 18_402_113),
        dataset("transactions_2026_06", "validation", 4_118_502),
    ],
    knobs: &[
        knob("lr", 0.7, Range::Log(1e-5, 0.03, 8e-4)),
        knob(
            "hidden_size",
            0.3,
            Range::Choice(&[("64", 0.7), ("128", 0.3), ("256", 0.0), ("512", 0.15)]),
        ),
        knob("dropout", 0.3, Range::Even(0.0, 0.6, 0.2)),
        knob("focal_gamma", 0.25, Range::Even(0.0, 5.0, 2.0)),
        knob(
            "batch_size",
            0.1,
            Range::Choice(&[("1024", 0.2), ("4096", 0.0), ("16384", 0.5)]),
        ),
        knob(
            "sampler",
            0.3,
            Range::Choice(&[("stratified", 0.0), ("uniform", 0.8)]),
        ),
    ],
    measures: &[
        measure("val/average_precision", [0.04, 0.781, 0.352], 0.02, false),
        measure("val/loss", [0.412, 0.0381, 0.121], 0.015, true),
        measure("train/loss", [0.431, 0.0214, 0.108], 0.012, false),
        measure(
            "val/false_positive_rate",
            [0.061, 0.0021, 0.0114],
            0.03,
            false,
        ),
    ],
    steps: [(20, 60), (120, 300)],
    pace: 21.0,
    models: &[
        Model {
            name: "fraud-scorer",
            note: "Scores each card payment before authorization; answers in 15 ms.",
            tier: "1",
            flavor: "pytorch",
            consumers: &["payment-gateway-eu", "payment-gateway-us", "case-review"],
            story: Story::RolledBack,
        },
        Model {
            name: "merchant-risk",
            note: "Monthly risk class of a merchant, from the payments of the last quarter.",
            tier: "2",
            flavor: "sklearn",
            consumers: &["merchant-onboarding"],
            story: Story::Steady,
        },
    ],
    features: &[
        "amount",
        "merchant_category",
        "hour",
        "device_age_days",
        "velocity_1h",
    ],
    pictures: false,
};

const DEMAND: Project = Project {
    experiment: "demand-forecast",
    note: "Units per article, shop and day for the next 28 days. The goal is **val/smape**, smaller is \
           better; **val/coverage_90** must stay near 0.9 for the safety stock to be right.",
    team: "supply-chain",
    people: &["lucas.ferreira", "hanna.virtanen"],
    share: 20,
    script: "forecast/fit.py",
    datasets: &[
        dataset("sales_daily_2024_2026", "training", 9_120_440),
        dataset("sales_daily_holdout", "validation", 310_660),
    ],
    knobs: &[
        knob(
            "architecture",
            0.5,
            Range::Choice(&[("tft", 0.0), ("nbeats", 0.25), ("deepar", 0.6)]),
        ),
        knob("learning_rate", 0.5, Range::Log(1e-4, 0.05, 2e-3)),
        knob("lookback_days", 0.3, Range::Whole(14, 120, 63)),
        knob(
            "hidden_size",
            0.2,
            Range::Choice(&[("32", 0.5), ("64", 0.1), ("160", 0.0)]),
        ),
        knob(
            "holiday_features",
            0.3,
            Range::Choice(&[("true", 0.0), ("false", 1.0)]),
        ),
    ],
    measures: &[
        measure("val/smape", [48.0, 11.8, 24.5], 0.015, true),
        measure("val/mae", [31.0, 6.42, 14.9], 0.015, true),
        measure("train/mae", [33.0, 4.88, 13.2], 0.01, false),
        measure("val/coverage_90", [0.52, 0.903, 0.77], 0.02, false),
    ],
    steps: [(25, 60), (80, 200)],
    pace: 34.0,
    models: &[
        Model {
            name: "demand-forecaster",
            note: "Daily demand per article and shop, 28 days ahead, with quantiles.",
            tier: "1",
            flavor: "pytorch",
            consumers: &["replenishment", "price-simulator"],
            story: Story::Steady,
        },
        Model {
            name: "promotion-uplift",
            note: "Extra demand of a promotion. Waits for the finance team's review.",
            tier: "3",
            flavor: "sklearn",
            consumers: &[],
            story: Story::Staged,
        },
    ],
    features: &[
        "article",
        "shop",
        "price",
        "promotion",
        "weekday",
        "holiday",
    ],
    pictures: false,
};

const RANKING: Project = Project {
    experiment: "search-ranking",
    note: "Order of the search results in the shop. The goal is **val/ndcg_10** on judged queries; a \
           winner goes to an A/B test when **latency_p95_ms** is below 40.",
    team: "discovery",
    people: &["priya.raman", "tom.okeefe", "amara.okafor"],
    share: 16,
    script: "ranker/train.py",
    datasets: &[
        dataset("judged_queries_v7", "training", 1_204_417),
        dataset("judged_queries_v7_eval", "validation", 88_020),
    ],
    knobs: &[
        knob(
            "objective",
            0.4,
            Range::Choice(&[("lambdarank", 0.0), ("xendcg", 0.1), ("pairwise", 0.6)]),
        ),
        knob("learning_rate", 0.5, Range::Log(0.005, 0.4, 0.05)),
        knob("num_leaves", 0.3, Range::Whole(15, 255, 96)),
        knob("feature_fraction", 0.2, Range::Even(0.4, 1.0, 0.75)),
        knob(
            "truncation_level",
            0.2,
            Range::Choice(&[("5", 0.4), ("10", 0.0), ("30", 0.3)]),
        ),
    ],
    measures: &[
        measure("val/ndcg_10", [0.31, 0.587, 0.442], 0.02, false),
        measure("val/mrr", [0.28, 0.541, 0.395], 0.02, false),
        measure("train/lambda_loss", [2.1, 0.612, 1.34], 0.012, false),
        measure("latency_p95_ms", [12.0, 31.0, 58.0], 0.05, false),
    ],
    steps: [(30, 90), (150, 500)],
    pace: 2.2,
    models: &[Model {
        name: "search-ranker",
        note: "Second stage of the product search. Trained every week on fresh judgements.",
        tier: "1",
        flavor: "lightgbm",
        consumers: &["shop-search", "app-search"],
        story: Story::RolledBack,
    }],
    features: &["bm25", "title_match", "ctr_30d", "price_rank", "stock"],
    pictures: false,
};

const QUALITY: Project = Project {
    experiment: "image-quality",
    note: "Scratches and dents on parts, from the cameras of line 4. The goal is **val/f1**. A missed \
           defect costs about thirty false alarms.",
    team: "factory-vision",
    people: &["nina.weber", "omar.haddad"],
    share: 14,
    script: "vision/train.py",
    datasets: &[
        dataset("line4_images_v12", "training", 186_330),
        dataset("line4_images_v12_val", "validation", 20_404),
    ],
    knobs: &[
        knob(
            "backbone",
            0.4,
            Range::Choice(&[
                ("convnext_tiny", 0.0),
                ("resnet50", 0.3),
                ("vit_small", 0.2),
                ("resnet18", 0.7),
            ]),
        ),
        knob("lr", 0.7, Range::Log(1e-5, 0.05, 6e-4)),
        knob("weight_decay", 0.2, Range::Log(1e-6, 0.1, 1e-2)),
        knob(
            "image_size",
            0.2,
            Range::Choice(&[("224", 0.4), ("320", 0.1), ("448", 0.0)]),
        ),
        knob(
            "augmentation",
            0.3,
            Range::Choice(&[("strong", 0.1), ("light", 0.0), ("none", 1.0)]),
        ),
        knob(
            "optimizer",
            0.2,
            Range::Choice(&[("adamw", 0.0), ("sgd", 0.5)]),
        ),
    ],
    measures: &[
        measure("val/f1", [0.11, 0.934, 0.61], 0.015, false),
        measure("val/accuracy", [0.5, 0.987, 0.871], 0.008, false),
        measure("val/loss", [0.71, 0.0612, 0.294], 0.02, true),
        measure("train/loss", [0.72, 0.0188, 0.251], 0.018, false),
    ],
    steps: [(20, 40), (60, 150)],
    pace: 48.0,
    models: &[Model {
        name: "defect-detector",
        note: "Finds scratches and dents on the parts of line 4, on the edge computer at the belt.",
        tier: "2",
        flavor: "pytorch",
        consumers: &["line-4-edge"],
        story: Story::Steady,
    }],
    features: &["image"],
    pictures: true,
};
