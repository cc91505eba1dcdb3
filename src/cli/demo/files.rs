//! The files that a run keeps: figures, tables, a report, a model card and, for a candidate, the
//! folder of a model as MLflow's clients write it.

use super::company::Project;
use super::figure;
use super::plan::{Job, Kind, RunPlan};
use super::random::Random;
use super::send::curves;
use serde_json::json;

type Files = Vec<(String, Vec<u8>)>;

/// Pictures of samples that a run keeps.
const SAMPLES: u64 = 6;
/// Rows of the table of predictions.
const PREDICTIONS: u64 = 400;

/// Gives the files of a job's leading run, by their paths below its artifacts.
pub(super) fn of(job: &Job, seed: u64, is_candidate: bool) -> Files {
    let plan = &job.lead;
    let mut random = Random::new(seed, plan.stream ^ 0xF11E);
    match plan.kind {
        Kind::Sweep => vec![("trials.csv".to_owned(), trials(job, seed).into_bytes())],
        Kind::Single if is_candidate => {
            let mut files = evidence(job.project, plan, seed);
            files.extend(model(job.project, plan, &mut random));
            files
        }
        Kind::Single if plan.status == "FINISHED" && random.chance(0.25) => {
            evidence(job.project, plan, seed)
        }
        Kind::Single | Kind::Trial => Vec::new(),
    }
}

/// Gives the last value of each measure of a run.
pub(super) fn results(project: &Project, plan: &RunPlan, seed: u64) -> Vec<(&'static str, f64)> {
    let lasts = curves(project, plan, seed).into_iter().map(|points| {
        points
            .last()
            .map_or(f64::NAN, |point| (point.value * 1e6).round() / 1e6)
    });
    project
        .measures
        .iter()
        .map(|measure| measure.key)
        .zip(lasts)
        .collect()
}

fn evidence(project: &Project, plan: &RunPlan, seed: u64) -> Files {
    let mut random = Random::new(seed, plan.stream ^ 0xE71D);
    let lines = curves(project, plan, seed);
    let losses: Vec<&[_]> = lines.iter().skip(1).take(2).map(Vec::as_slice).collect();
    let goal: Vec<&[_]> = lines.iter().take(1).map(Vec::as_slice).collect();
    let mut files = vec![
        (
            "figures/learning_curves.png".to_owned(),
            figure::curves(&losses),
        ),
        ("figures/goal.png".to_owned(), figure::curves(&goal)),
        (
            "metrics/report.json".to_owned(),
            report(project, plan, seed).into_bytes(),
        ),
        (
            "tables/predictions.csv".to_owned(),
            predictions(plan, &mut random).into_bytes(),
        ),
        (
            "model_card.md".to_owned(),
            card(project, plan, seed).into_bytes(),
        ),
        (
            "logs/train.log".to_owned(),
            log(project, plan, seed).into_bytes(),
        ),
    ];
    let wrong =
        |random: &mut Random| 40 + (900.0 * (1.0 - plan.course.quality) * random.unit()) as u64;
    let counts = [[8_800, wrong(&mut random)], [wrong(&mut random), 1_160]];
    files.push((
        "figures/confusion_matrix.png".to_owned(),
        figure::confusion(counts),
    ));
    if project.pictures {
        for index in 0..SAMPLES {
            let is_found = random.chance(plan.course.quality);
            let picture = figure::sample(&mut random, is_found);
            files.push((format!("samples/part_{index:02}.png"), picture));
        }
    }
    files
}

fn report(project: &Project, plan: &RunPlan, seed: u64) -> String {
    let metrics: serde_json::Map<_, _> = results(project, plan, seed)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect();
    let params: serde_json::Map<_, _> = plan
        .params
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    let datasets = project.datasets.iter().map(
        |dataset| json!({ "name": dataset.name, "context": dataset.context, "rows": dataset.rows }),
    );
    let report = json!({
        "metrics": metrics, "params": params, "features": project.features,
        "datasets": datasets.collect::<Vec<_>>(), "steps": plan.course.made, "commit": plan.commit,
    });
    format!("{report:#}\n")
}

fn predictions(plan: &RunPlan, random: &mut Random) -> String {
    let mut text = "row,truth,score,predicted,segment\n".to_owned();
    for row in 0..PREDICTIONS {
        let truth = random.chance(0.3);
        let center = if truth {
            0.5 + 0.4 * plan.course.quality
        } else {
            0.5 - 0.4 * plan.course.quality
        };
        let score = (center + 0.15 * random.normal()).clamp(0.001, 0.999);
        let segment = random
            .pick(&["north", "south", "east", "west"])
            .copied()
            .unwrap_or_default();
        let (truth, predicted) = (u8::from(truth), u8::from(score > 0.5));
        text.push_str(&format!("{row},{truth},{score:.4},{predicted},{segment}\n"));
    }
    text
}

fn card(project: &Project, plan: &RunPlan, seed: u64) -> String {
    let mut text = format!(
        "# {}: {}\n\n{}\n\nTrained by {} of the team {} from commit `{}`.\n\n## Results\n\n\
         | metric | value |\n|---|---:|\n",
        project.experiment,
        plan.name,
        project.note,
        plan.user,
        project.team,
        plan.commit.get(..10).unwrap_or_default(),
    );
    for (key, value) in results(project, plan, seed) {
        text.push_str(&format!("| `{key}` | {value} |\n"));
    }
    text.push_str("\n## Data\n\n");
    for dataset in project.datasets {
        let (name, context, rows) = (dataset.name, dataset.context, dataset.rows);
        text.push_str(&format!("* `{name}` for {context}, {rows} rows\n"));
    }
    text.push_str(
        "\n## Limits\n\n* Not evaluated on data older than two years.\n\
         * Small segments (below 500 rows) have wide intervals.\n",
    );
    text
}

fn log(project: &Project, plan: &RunPlan, seed: u64) -> String {
    let lines = curves(project, plan, seed);
    let mut text = format!(
        "{} starts, {} steps are planned\n",
        project.script, plan.course.steps
    );
    for step in (0..plan.course.made as usize).step_by((plan.course.made as usize / 40).max(1)) {
        text.push_str(&format!("step {step:5}"));
        for (measure, points) in project.measures.iter().zip(&lines) {
            let value = points.get(step).map_or(f64::NAN, |point| point.value);
            text.push_str(&format!("  {} {value:.5}", measure.key));
        }
        text.push('\n');
    }
    text.push_str("done\n");
    text
}

/// Makes a table of a sweep's trials, with their params and results.
fn trials(job: &Job, seed: u64) -> String {
    let knobs = job.project.knobs.iter().map(|knob| knob.key);
    let measures = job.project.measures.iter().map(|measure| measure.key);
    let head: Vec<&str> = ["trial", "status"]
        .into_iter()
        .chain(knobs)
        .chain(measures)
        .collect();
    let mut text = head.join(",") + "\n";
    for trial in &job.trials {
        let mut cells = vec![trial.name.clone(), trial.status.to_owned()];
        let knobs = trial.params.iter().take(job.project.knobs.len());
        cells.extend(knobs.map(|(_, value)| value.clone()));
        cells.extend(
            results(job.project, trial, seed)
                .iter()
                .map(|(_, value)| value.to_string()),
        );
        text.push_str(&(cells.join(",") + "\n"));
    }
    text
}

/// Makes the folder of a model.
fn model(project: &Project, plan: &RunPlan, random: &mut Random) -> Files {
    let flavor = project
        .models
        .first()
        .map_or("sklearn", |model| model.flavor);
    let package = match flavor {
        "sklearn" => "scikit-learn",
        "pytorch" => "torch",
        other => other,
    };
    // The packages move on with the code, so that versions differ in their environment, too.
    let minor = u64::from(plan.commit.as_bytes().first().copied().unwrap_or_default() % 3);
    let packages = ["cloudpickle==3.1.1", "numpy==2.3.2", "pandas==2.3.1"].map(str::to_owned);
    let packages: Vec<String> = [format!("{package}==2.{}.{minor}", minor + 1)]
        .into_iter()
        .chain(packages)
        .collect();
    let columns = project.features.iter();
    let columns = columns.map(|name| json!({ "name": name, "type": "double", "required": true }));
    let inputs = json!(columns.collect::<Vec<_>>());
    let outputs = json!([{ "name": "score", "type": "double", "required": true }]);
    let described = format!(
        "artifact_path: model\nflavors:\n  python_function:\n    data: weights.bin\n    env:\n      \
         conda: conda.yaml\n      virtualenv: python_env.yaml\n    loader_module: mlflow.{flavor}\n    \
         python_version: 3.11.9\n  {flavor}:\n    data: weights.bin\n    code: null\n\
         mlflow_version: 3.17.0\nmodel_size_bytes: 24576\nmodel_uuid: {uuid}\nsignature:\n  \
         inputs: '{inputs}'\n  outputs: '{outputs}'\n  params: null\n",
        uuid = random.hex(32),
    );
    let conda = format!(
        "channels:\n- conda-forge\ndependencies:\n- python=3.11.9\n- pip<=25.1\n- pip:\n  - {}\nname: mlflow-env\n",
        packages.join("\n  - ")
    );
    let virtualenv = "python: 3.11.9\nbuild_dependencies:\n- pip==25.1\n- setuptools==80.9.0\n\
                      - wheel==0.45.1\ndependencies:\n- -r requirements.txt\n";
    let example = json!({ "columns": project.features, "data": [project.features.iter().map(|_| 1.0).collect::<Vec<_>>()] });
    let weights: Vec<u8> = (0..3072)
        .flat_map(|_| random.next().to_le_bytes())
        .collect();
    let texts = [
        ("MLmodel", described),
        ("conda.yaml", conda),
        ("python_env.yaml", virtualenv.to_owned()),
        ("requirements.txt", packages.join("\n") + "\n"),
        ("input_example.json", format!("{example}\n")),
    ];
    let texts = texts
        .into_iter()
        .map(|(name, text)| (format!("model/{name}"), text.into_bytes()));
    texts
        .chain([("model/weights.bin".to_owned(), weights)])
        .collect()
}
