//! Which runs the demo makes: when, by whom, with which params, and how each of them goes.
//!
//! A plan follows from the seed, the number of runs and the present alone. It sends nothing.

use super::company::{Knob, Project, Range};
use super::curve::Course;
use super::random::Random;
use crate::names;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How far back the company's runs go, in days.
const DAYS: i64 = 42;
/// How often the data changes in this time.
const EDITIONS: f64 = 4.0;
/// Trials of a sweep that run at the same time.
const PARALLEL: u64 = 4;

/// What is sent in one piece: a run of its own, or a sweep with its trials.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) project: &'static Project,
    pub(super) lead: RunPlan,
    pub(super) trials: Vec<RunPlan>,
}

/// A run to be.
#[derive(Debug, Clone)]
pub(super) struct RunPlan {
    pub(super) name: String,
    pub(super) user: &'static str,
    pub(super) commit: String,
    pub(super) start: i64,
    /// None for a run that still goes on.
    pub(super) end: Option<i64>,
    pub(super) status: &'static str,
    pub(super) params: Vec<(&'static str, String)>,
    pub(super) course: Course,
    pub(super) kind: Kind,
    /// Which edition of the project's data it read, counted from 0.
    pub(super) edition: u64,
    /// The number of the run's own random numbers.
    pub(super) stream: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Sweep,
    Trial,
}

/// Plans a project's jobs, the oldest first; together they have `runs` runs.
pub(super) fn jobs(project: &'static Project, runs: usize, (seed, now): (u64, i64)) -> Vec<Job> {
    let name = project.experiment.bytes();
    let own = name.fold(0u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let mut planner = Planner {
        project,
        random: Random::new(seed, own),
        now,
        commit: String::new(),
        edition: 0,
    };
    let sizes = planner.sizes(runs);
    let count = sizes.len();
    let plan = |(index, trials)| planner.job(Place { index, count }, trials);
    let mut jobs: Vec<Job> = sizes.into_iter().enumerate().map(plan).collect();
    jobs.sort_by_key(|job| job.lead.start);
    jobs
}

struct Planner {
    project: &'static Project,
    random: Random,
    now: i64,
    commit: String,
    edition: u64,
}

/// Which of how many jobs.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    count: usize,
}

impl Place {
    /// How far the project has come, 0 to 1.
    fn progress(self) -> f64 {
        self.index as f64 / self.count as f64
    }

    fn is_last(self) -> bool {
        self.index + 1 == self.count
    }
}

impl Planner {
    /// Divides the runs into jobs: none for a run of its own, else the trials of a sweep.
    fn sizes(&mut self, runs: usize) -> Vec<usize> {
        let mut left = runs;
        let mut sizes = Vec::new();
        while left > 0 {
            let trials = match left > 24 && self.random.chance(0.3) {
                true => self.random.whole(12, 48) as usize,
                false => 0,
            };
            let trials = trials.min(left - 1);
            sizes.push(trials);
            left -= trials + 1;
        }
        // What is going on at the moment is a run of its own.
        if let Some(at) = sizes.iter().rposition(|trials| *trials == 0) {
            let single = sizes.remove(at);
            sizes.push(single);
        }
        sizes
    }

    fn job(&mut self, place: Place, trials: usize) -> Job {
        if place.index == 0 || self.random.chance(0.3) {
            self.commit = self.random.hex(40);
        }
        self.edition = (place.progress() * EDITIONS) as u64;
        let start = self.working_time(place);
        if trials == 0 {
            let lead = self.single(place, start);
            return Job {
                project: self.project,
                lead,
                trials: Vec::new(),
            };
        }
        self.sweep((place, start), trials)
    }

    /// Picks a moment at which people work, most often on a weekday.
    fn working_time(&mut self, place: Place) -> i64 {
        let age = (1.0 - place.progress()) * (DAYS * DAY) as f64;
        let mut day = (self.now - age as i64).div_euclid(DAY);
        // Drawn on weekdays, too: what follows must not depend on today's date.
        let (keeps_weekend, back) = (self.random.chance(0.15), self.random.whole(1, 2));
        // The first day of 1970 was a Thursday.
        if (day + 3).rem_euclid(7) >= 5 && !keeps_weekend {
            day -= back as i64;
        }
        day * DAY + (self.random.between(7.5, 18.5) * HOUR as f64) as i64
    }

    fn single(&mut self, place: Place, start: i64) -> RunPlan {
        let focus = 0.25 + 0.6 * place.progress();
        let mut plan = self.run(Kind::Single, focus, start);
        if place.is_last() {
            self.go_on(&mut plan);
        }
        plan
    }

    /// Makes a run one that is still going on.
    fn go_on(&mut self, plan: &mut RunPlan) {
        let course = &mut plan.course;
        course.diverges_at = None;
        course.made = (course.steps as f64 * self.random.between(0.3, 0.8)) as u64;
        plan.start = self.now - self.length(course.made);
        (plan.end, plan.status) = (None, "RUNNING");
    }

    fn sweep(&mut self, (place, start): (Place, i64), count: usize) -> Job {
        let focus = 0.1 + 0.4 * place.progress();
        let mut trials = Vec::new();
        let user = self.person();
        for index in 0..count as u64 {
            let (low, high) = self.project.steps[0];
            let round = (index / PARALLEL) as i64 * self.length((low + high) / 2);
            let shift = self.random.whole(1, 20) as i64 * 1000;
            let mut trial = self.run(Kind::Trial, focus, start + round + shift);
            trial.name = format!("trial-{index:03}");
            trial.user = user;
            trials.push(trial);
        }
        let last = trials.iter().filter_map(|trial| trial.end).max();
        let mut lead = self.run(Kind::Sweep, focus, start);
        lead.user = user;
        lead.end = last.map(|end| end + 4000);
        lead.status = "FINISHED";
        lead.params = vec![("search", "tpe".to_owned()), ("trials", count.to_string())];
        lead.name = format!("sweep-{}", lead.name);
        Job {
            project: self.project,
            lead,
            trials,
        }
    }

    fn run(&mut self, kind: Kind, focus: f64, start: i64) -> RunPlan {
        let mut quality = 1.0;
        let mut is_wild = false;
        let mut params = Vec::new();
        for knob in self.project.knobs {
            let (text, distance) = draw(knob, focus, &mut self.random);
            quality -= knob.weight * distance * distance;
            is_wild |= knob.key.ends_with("lr") && distance > 0.45;
            params.push((knob.key, text));
        }
        params.push(("seed", self.random.whole(1, 9999).to_string()));
        let mut course = self.course(kind, quality);
        let status = self.fate(&mut course, is_wild);
        // Somebody watches what was started in the last hours: it has ended, too.
        let start = start.min(self.now - self.length(course.made) - 10 * MINUTE);
        RunPlan {
            name: names::from_number(self.random.next().into()),
            user: self.person(),
            commit: self.commit.clone(),
            start,
            end: Some(start + self.length(course.made)),
            status,
            params,
            course,
            kind,
            edition: self.edition,
            stream: self.random.next(),
        }
    }

    fn course(&mut self, kind: Kind, quality: f64) -> Course {
        let [trial, single] = self.project.steps;
        let (low, high) = if kind == Kind::Single { single } else { trial };
        let steps = self.random.whole(low, high);
        let quality = (quality + 0.03 * self.random.normal()).clamp(0.02, 0.985);
        Course {
            quality,
            steps,
            made: steps,
            diverges_at: None,
            rate: self.random.between(4.0, 9.0),
        }
    }

    /// Decides how the run ends.
    fn fate(&mut self, course: &mut Course, is_wild: bool) -> &'static str {
        let part = |random: &mut Random, low, high| {
            ((course.steps as f64 * random.between(low, high)) as u64).max(2)
        };
        if self.random.chance(if is_wild { 0.55 } else { 0.015 }) {
            let at = part(&mut self.random, 0.1, 0.6);
            course.diverges_at = Some(at);
            course.made = (at + self.random.whole(6, 24)).min(course.steps);
            return "FAILED";
        }
        if self.random.chance(0.03) {
            course.made = part(&mut self.random, 0.02, 0.5);
            return "FAILED";
        }
        if self.random.chance(0.03) {
            course.made = part(&mut self.random, 0.2, 0.9);
            return "KILLED";
        }
        if self.random.chance(0.2) {
            // Stopped early, because nothing got better any more.
            course.made = part(&mut self.random, 0.6, 0.95);
        }
        "FINISHED"
    }

    fn person(&mut self) -> &'static str {
        self.random
            .pick(self.project.people)
            .copied()
            .unwrap_or_default()
    }

    fn length(&self, steps: u64) -> i64 {
        12_000 + (steps as f64 * self.project.pace * 1000.0) as i64
    }
}

/// Draws a value of a knob; also gives its distance from the best one, 0 to 1. With more focus the
/// values come nearer to the best.
fn draw(knob: &Knob, focus: f64, random: &mut Random) -> (String, f64) {
    let near = |best: f64, random: &mut Random| best + (random.unit() - best) * (1.0 - focus);
    match knob.range {
        Range::Log(low, high, best) => {
            let width = (high / low).ln();
            let best = (best / low).ln() / width;
            let at = near(best, random);
            (number(low * (at * width).exp()), (at - best).abs())
        }
        Range::Even(low, high, best) => {
            let best = (best - low) / (high - low);
            let at = near(best, random);
            (format!("{:.2}", low + at * (high - low)), (at - best).abs())
        }
        Range::Whole(low, high, best) => {
            let width = (high - low) as f64;
            let best = (best - low) as f64 / width;
            let at = near(best, random);
            (
                (low + (at * width).round() as u64).to_string(),
                (at - best).abs(),
            )
        }
        Range::Choice(items) => {
            let again = random.chance(focus * 0.7);
            let one = random.pick(items);
            let two = random.pick(items).filter(|_| again);
            let better = one
                .into_iter()
                .chain(two)
                .min_by(|a, b| a.1.total_cmp(&b.1));
            better.map_or_else(Default::default, |(text, distance)| {
                ((*text).to_owned(), *distance)
            })
        }
    }
}

/// Writes a number as a person would put it into a configuration: three digits that count.
fn number(value: f64) -> String {
    match value {
        small if small < 1e-3 => format!("{small:.2e}"),
        value => {
            let digits = (2 - value.log10().floor() as i32).max(0) as usize;
            format!("{value:.digits$}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::company::PROJECTS;

    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn a_plan_has_the_runs_asked_for_and_follows_from_its_seed() {
        for project in PROJECTS {
            let planned = jobs(project, 300, (7, NOW));
            let runs: usize = planned.iter().map(|job| 1 + job.trials.len()).sum();
            assert_eq!(runs, 300);
            let again = jobs(project, 300, (7, NOW));
            assert_eq!(format!("{planned:?}"), format!("{again:?}"));
            assert_ne!(
                format!("{planned:?}"),
                format!("{:?}", jobs(project, 300, (8, NOW)))
            );
        }
    }

    #[test]
    fn nothing_lies_in_the_future_and_one_run_goes_on() {
        for project in PROJECTS {
            let planned = jobs(project, 400, (1, NOW));
            let runs: Vec<_> = planned
                .iter()
                .flat_map(|job| job.trials.iter().chain([&job.lead]))
                .collect();
            assert!(
                runs.iter()
                    .all(|run| run.start < NOW && run.end.unwrap_or(NOW) <= NOW)
            );
            let going: Vec<_> = runs.iter().filter(|run| run.end.is_none()).collect();
            assert_eq!(going.len(), 1, "{}", project.experiment);
            for status in ["FINISHED", "FAILED", "KILLED"] {
                assert!(runs.iter().any(|run| run.status == status), "{status}");
            }
        }
    }

    #[test]
    fn only_the_times_depend_on_the_present() {
        let told = |now| {
            let planned = jobs(&PROJECTS[0], 200, (3, now));
            let mut runs: Vec<_> = planned
                .iter()
                .flat_map(|job| job.trials.iter().chain([&job.lead]))
                .collect();
            runs.sort_by_key(|run| run.stream);
            let told = runs.iter().map(|run| {
                format!(
                    "{} {} {:?} {:?}",
                    run.name, run.status, run.params, run.course
                )
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(told(NOW), told(NOW + 3 * DAY + 5 * HOUR));
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        for (value, expected) in [
            (0.0612, "0.0612"),
            (0.5, "0.500"),
            (31.4, "31.4"),
            (3.1e-5, "3.10e-5"),
        ] {
            assert_eq!(number(value), expected);
        }
    }
}
