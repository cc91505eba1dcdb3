//! Curves for the screen: one metric cut down to as many slices as there are pixels to draw.
//!
//! A slice keeps the smallest and the largest value in it, so that a spike of one point survives
//! whatever the width; a window with few points keeps them as they are. It reads no database, and
//! its bytes are described in `docs/ui-api.md`.

use super::series::Point;

/// Points of a window that are kept as they are, for each slice that was asked for.
const EXACT_PER_BUCKET: usize = 2;
/// The most slices of a curve: with 40 bytes each they stay below 64 KiB.
pub const MAX_BUCKETS: usize = 1_600;
/// Bytes before the columns of a curve.
pub const HEADER: usize = 64;

/// What the x of a curve is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    Step,
    /// Milliseconds since 1970.
    Time,
    /// Milliseconds since the run began.
    Relative,
}

/// Which part of a metric is drawn, and how finely.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub axis: Axis,
    /// The first x, in the units of the axis; `None` for the smallest there is.
    pub from: Option<f64>,
    /// The last x.
    pub to: Option<f64>,
    /// 1 to `MAX_BUCKETS`.
    pub buckets: usize,
}

/// A curve as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Points of the whole metric.
    pub points: usize,
    /// Points of the window.
    pub in_window: usize,
    /// The smallest and the largest x of the whole metric; NaN where it has no point.
    pub range: (f64, f64),
    /// The window that was used.
    pub window: (f64, f64),
    pub shape: Shape,
}

/// What stands in a curve.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Each point of the window, by x.
    Exact(Vec<(f64, f64)>),
    /// The slices that have a point, by x.
    Buckets(Vec<Bucket>),
}

/// One slice of the window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// The smallest x of a point in the slice.
    pub x: f64,
    /// Over the finite values; NaN where there is none.
    pub min: f64,
    pub max: f64,
    /// The value of the point with the largest x.
    pub last: f64,
    pub count: u32,
    /// 1 for a NaN, 2 for an infinity, 4 for a negative one.
    pub flags: u32,
    /// Where `last` is.
    last_x: f64,
}

/// Gives a stored value as the client logged it: the store keeps NaN beside the value, and an
/// infinity as the largest finite number.
pub fn value(point: &Point) -> f64 {
    match point.value {
        _ if point.is_nan => f64::NAN,
        f64::MAX => f64::INFINITY,
        f64::MIN => f64::NEG_INFINITY,
        finite => finite,
    }
}

/// Draws points in the order of their history; `start_time` is when their run began.
pub fn draw(points: &[Point], start_time: i64, window: Window) -> Curve {
    let x_of = |point: &Point| match window.axis {
        Axis::Step => point.step as f64,
        Axis::Time => point.timestamp as f64,
        Axis::Relative => point.timestamp as f64 - start_time as f64,
    };
    let range = points
        .iter()
        .fold((f64::NAN, f64::NAN), |(low, high), point| {
            (low.min(x_of(point)), high.max(x_of(point)))
        });
    let (from, to) = (window.from.unwrap_or(range.0), window.to.unwrap_or(range.1));
    let inside = || {
        let placed = points.iter().map(|point| (x_of(point), value(point)));
        placed.filter(|(x, _)| (from..=to).contains(x))
    };
    let in_window = inside().count();
    let shape = match in_window <= EXACT_PER_BUCKET * window.buckets {
        true => {
            let mut exact: Vec<(f64, f64)> = inside().collect();
            exact.sort_by(|a, b| a.0.total_cmp(&b.0));
            Shape::Exact(exact)
        }
        false => Shape::Buckets(slice(inside(), (from, to), window.buckets)),
    };
    Curve {
        points: points.len(),
        in_window,
        range,
        window: (from, to),
        shape,
    }
}

fn slice(
    points: impl Iterator<Item = (f64, f64)>,
    (from, to): (f64, f64),
    count: usize,
) -> Vec<Bucket> {
    let mut buckets: Vec<Option<Bucket>> = vec![None; count];
    let scale = count as f64 / (to - from);
    for (x, y) in points {
        // A cast saturates, and a window without width has a scale that is no number: slice 0.
        let place = (((x - from) * scale) as usize).min(count - 1);
        if let Some(slot) = buckets.get_mut(place) {
            slot.get_or_insert(Bucket::at(x)).add(x, y);
        }
    }
    buckets.into_iter().flatten().collect()
}

impl Bucket {
    fn at(x: f64) -> Self {
        Self {
            x,
            min: f64::NAN,
            max: f64::NAN,
            last: f64::NAN,
            count: 0,
            flags: 0,
            last_x: f64::NEG_INFINITY,
        }
    }

    fn add(&mut self, x: f64, y: f64) {
        self.x = self.x.min(x);
        if x >= self.last_x {
            (self.last_x, self.last) = (x, y);
        }
        self.count += 1;
        match y {
            _ if y.is_nan() => self.flags |= 1,
            f64::INFINITY => self.flags |= 2,
            f64::NEG_INFINITY => self.flags |= 4,
            // `min` and `max` take the number where the other is NaN.
            _ => (self.min, self.max) = (self.min.min(y), self.max.max(y)),
        }
    }
}

/// Appends the bytes of a curve; their number is a multiple of 8.
pub fn encode(curve: &Curve, out: &mut Vec<u8>) {
    let (kind, count) = match &curve.shape {
        Shape::Exact(points) => (0_u32, points.len()),
        Shape::Buckets(buckets) => (1, buckets.len()),
    };
    out.extend_from_slice(b"TWS1");
    // At most twice `MAX_BUCKETS`.
    for number in [kind, count as u32, 0] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let (range, window) = (curve.range, curve.window);
    let counts = [curve.points as f64, curve.in_window as f64];
    put(out, counts);
    put(out, [range.0, range.1, window.0, window.1]);
    match &curve.shape {
        Shape::Exact(points) => {
            put(out, points.iter().map(|(x, _)| *x));
            put(out, points.iter().map(|(_, y)| *y));
        }
        Shape::Buckets(buckets) => {
            for column in [
                |bucket: &Bucket| bucket.x,
                |bucket: &Bucket| bucket.min,
                |bucket: &Bucket| bucket.max,
                |bucket: &Bucket| bucket.last,
            ] {
                put(out, buckets.iter().map(column));
            }
            for column in [
                |bucket: &Bucket| bucket.count,
                |bucket: &Bucket| bucket.flags,
            ] {
                let bytes = buckets.iter().flat_map(|one| column(one).to_le_bytes());
                out.extend(bytes);
            }
        }
    }
}

fn put(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = f64>) {
    out.extend(numbers.into_iter().flat_map(f64::to_le_bytes));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(from: Option<f64>, to: Option<f64>, buckets: usize) -> Window {
        Window {
            axis: Axis::Step,
            from,
            to,
            buckets,
        }
    }

    fn steps(values: &[f64]) -> Vec<Point> {
        let numbered = values.iter().zip(0..);
        numbered
            .map(|(value, step)| Point::new(1_000 + step, step, *value))
            .collect()
    }

    fn buckets(curve: &Curve) -> &[Bucket] {
        match &curve.shape {
            Shape::Buckets(buckets) => buckets,
            Shape::Exact(points) => panic!("exact: {points:?}"),
        }
    }

    #[test]
    fn few_points_are_kept_as_they_are_and_sorted_by_x() {
        let points = [Point::new(1, 5, 2.0), Point::new(2, 3, f64::INFINITY)];
        let curve = draw(&points, 0, window(None, None, 1));
        assert_eq!(
            curve.shape,
            Shape::Exact(vec![(3.0, f64::INFINITY), (5.0, 2.0)])
        );
        assert_eq!(
            (curve.range, curve.points, curve.in_window),
            ((3.0, 5.0), 2, 2)
        );
    }

    #[test]
    fn a_spike_of_one_point_and_what_is_not_finite_survive() {
        let mut values = vec![0.5; 100_000];
        values[77_777] = 1e9;
        values[50_000] = f64::NAN;
        values[50_001] = f64::NEG_INFINITY;
        let curve = draw(&steps(&values), 0, window(None, None, 10));
        let max = buckets(&curve)
            .iter()
            .map(|one| one.max)
            .fold(0.0, f64::max);
        assert_eq!((max, buckets(&curve).len()), (1e9, 10));
        assert_eq!(buckets(&curve)[5].flags, 1 | 4);
        assert_eq!(buckets(&curve)[5].min, 0.5);
    }

    #[test]
    fn empty_windows_and_odd_ones_are_drawn_without_a_failure() {
        let points = steps(&[1.0; 50]);
        for (from, to) in [(9.0, 1.0), (1e300, 2e300), (f64::MIN, f64::MAX), (3.0, 3.0)] {
            let curve = draw(&points, 0, window(Some(from), Some(to), 1));
            assert!(curve.in_window <= 50, "{from} to {to}");
        }
        let none = draw(&[], 0, window(None, None, 5));
        assert_eq!((none.points, none.shape), (0, Shape::Exact(Vec::new())));
    }

    #[test]
    fn the_largest_curve_stays_below_64_kib() {
        let points = steps(&[1.0; 10_000]);
        let mut bytes = Vec::new();
        encode(
            &draw(&points, 0, window(None, None, MAX_BUCKETS)),
            &mut bytes,
        );
        assert!(
            bytes.len() > 60_000 && bytes.len() <= 65_536,
            "{}",
            bytes.len()
        );
        let exact = &points[..2 * MAX_BUCKETS];
        bytes.clear();
        encode(&draw(exact, 0, window(None, None, MAX_BUCKETS)), &mut bytes);
        assert_eq!(bytes.len(), HEADER + exact.len() * 16);
    }

    proptest! {
        #[test]
        fn buckets_count_every_point_and_bound_every_value(
            values in prop::collection::vec(-1e3..1e3_f64, 3..400),
            count in 1_usize..20,
        ) {
            let curve = draw(&steps(&values), 0, window(None, None, count));
            if let Shape::Buckets(buckets) = &curve.shape {
                let counted: u32 = buckets.iter().map(|one| one.count).sum();
                prop_assert_eq!(counted as usize, values.len());
                prop_assert!(buckets.windows(2).all(|pair| pair[0].x < pair[1].x));
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let lowest = buckets.iter().map(|one| one.min).fold(f64::INFINITY, f64::min);
                prop_assert_eq!(low, lowest);
            } else {
                prop_assert!(values.len() <= 2 * count);
            }
        }
    }
}
