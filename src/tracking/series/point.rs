//! One logged value of one metric, and the order in which history is read.

use std::cmp::Ordering;

/// One value of one metric of one run.
///
/// The order, and with it equality, is total over (timestamp, step, value, is_nan). Two equal
/// points are one and the same: a series holds a point once.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// When the client took the value, in milliseconds since 1970; any `i64`.
    pub timestamp: i64,
    /// The client's training step; any `i64`, negative too.
    pub step: i64,
    /// The value, finite and never -0.0 if made by [`Point::new`]; 0 where `is_nan` is set.
    pub value: f64,
    /// Whether the client logged "not a number".
    pub is_nan: bool,
}

impl Point {
    /// Makes a point in the one form that each value is stored in.
    ///
    /// NaN becomes 0 with `is_nan`, an infinity becomes the finite number next to it
    /// (`f64::MAX` or `f64::MIN`), and -0.0 becomes 0.0.
    pub fn new(timestamp: i64, step: i64, value: f64) -> Point {
        let is_nan = value.is_nan();
        let value = if is_nan || value == 0.0 {
            0.0
        } else {
            value.clamp(f64::MIN, f64::MAX)
        };
        Point {
            timestamp,
            step,
            value,
            is_nan,
        }
    }
}

impl Ord for Point {
    fn cmp(&self, other: &Self) -> Ordering {
        self.timestamp
            .cmp(&other.timestamp)
            .then_with(|| self.step.cmp(&other.step))
            .then_with(|| self.value.total_cmp(&other.value))
            .then_with(|| self.is_nan.cmp(&other.is_nan))
    }
}

impl PartialOrd for Point {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Point {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: f64, value: f64, is_nan: bool) {
        let point = Point::new(1, 2, given);
        assert_eq!((point.timestamp, point.step, point.is_nan), (1, 2, is_nan));
        assert_eq!(
            point.value.to_bits(),
            value.to_bits(),
            "{given} became {}",
            point.value
        );
    }

    #[test]
    fn new_gives_each_value_one_stored_form() {
        check(1.5, 1.5, false);
        check(-0.0, 0.0, false);
        check(0.0, 0.0, false);
        check(f64::NAN, 0.0, true);
        check(-f64::NAN, 0.0, true);
        check(f64::INFINITY, f64::MAX, false);
        check(f64::NEG_INFINITY, f64::MIN, false);
        check(5e-324, 5e-324, false);
    }

    #[test]
    fn points_order_by_timestamp_then_step_then_value_then_nan() {
        let sorted = [
            Point::new(-1, 9, 9.0),
            Point::new(0, -5, 9.0),
            Point::new(0, 0, -1.0),
            Point::new(0, 0, 0.0),
            Point::new(0, 0, f64::NAN),
            Point::new(0, 0, 1.0),
            Point::new(0, 1, -9.0),
            Point::new(1, i64::MIN, 0.0),
        ];
        assert!(sorted.is_sorted_by(|a, b| a < b));
        assert_eq!(Point::new(4, 4, -0.0), Point::new(4, 4, 0.0));
        assert_ne!(Point::new(4, 4, f64::NAN), Point::new(4, 4, 0.0));
    }
}
