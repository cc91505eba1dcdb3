//! The points of a run: losses that fall with noise, scores that rise, runs that diverge.

use super::company::Measure;
use super::random::Random;

/// One point of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) step: u64,
    pub(super) value: f64,
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// 0 for a useless run, 1 for a perfect one.
    pub(super) quality: f64,
    /// Steps that were planned.
    pub(super) steps: u64,
    /// Steps that were made.
    pub(super) made: u64,
    /// The step from which it diverges, if it does.
    pub(super) diverges_at: Option<u64>,
    /// How fast it learns; 5 gets to the end of the way.
    pub(super) rate: f64,
}

/// Draws the curve of a measure, a point for each step that was made.
pub(super) fn draw(measure: &Measure, course: &Course, random: &mut Random) -> Vec<Point> {
    let way = measure.start - measure.best;
    // A measure that is further from the quality of the run than others makes the tables lifelike.
    let quality = (course.quality + 0.03 * random.normal()).clamp(0.0, 1.0);
    let end = measure.best + (measure.worst - measure.best) * (1.0 - quality);
    let mut drift = 0.0;
    let points = (0..course.made).map(|step| {
        let part = step as f64 / course.steps.max(2) as f64;
        drift = 0.9 * drift + 0.4 * random.normal();
        let clean = end + (measure.start - end) * (-course.rate * part).exp();
        let late = (part - 0.6).max(0.0) * f64::from(u8::from(measure.overfits));
        let worn = clean + way * late * (0.05 + 0.15 * (1.0 - quality));
        // The noise calms down as the run converges.
        let calm = 0.35 + 0.65 * (-3.0 * part).exp();
        let value = worn + way * measure.noise * calm * drift;
        let value = bounded(measure, value);
        Point {
            step,
            value: diverged(value, measure, (step, course.diverges_at)),
        }
    });
    points.collect()
}

/// Keeps parts of a whole between 0 and 1 and everything above 0.
fn bounded(measure: &Measure, value: f64) -> f64 {
    let is_part = measure.start < 1.0 && measure.best < 1.0 && measure.start < measure.best;
    let floor = measure.best.min(measure.start) * 0.5;
    let ceiling = if is_part { 0.9995 } else { f64::MAX };
    value.clamp(floor, ceiling)
}

/// A loss explodes until it is no number; a score falls back to where it began.
fn diverged(value: f64, measure: &Measure, (step, from): (u64, Option<u64>)) -> f64 {
    let Some(since) = from.and_then(|from| step.checked_sub(from)) else {
        return value;
    };
    match (measure.start > measure.best, since) {
        (true, 0..=11) => value * 1.9f64.powi(since as i32 + 1),
        (true, _) => f64::NAN,
        (false, _) => measure.start + (value - measure.start) * 0.6f64.powi(since as i32 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::company::PROJECTS;

    fn course(quality: f64, diverges_at: Option<u64>) -> Course {
        Course {
            quality,
            steps: 100,
            made: 100,
            diverges_at,
            rate: 5.0,
        }
    }

    fn last(measure: &Measure, course: &Course) -> f64 {
        draw(measure, course, &mut Random::new(1, 2))
            .last()
            .unwrap()
            .value
    }

    #[test]
    fn good_runs_end_nearer_to_the_best_than_bad_ones() {
        for measure in PROJECTS.iter().flat_map(|project| project.measures) {
            let off = |quality| (last(measure, &course(quality, None)) - measure.best).abs();
            assert!(off(0.95) < off(0.1), "{}", measure.key);
        }
    }

    #[test]
    fn a_diverged_loss_is_no_number_in_the_end() {
        let measure = &PROJECTS[0].measures[1];
        assert!(last(measure, &course(0.9, Some(40))).is_nan());
        assert!(last(measure, &course(0.9, Some(95))).is_finite());
    }
}
