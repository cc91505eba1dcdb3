//! The binary forms of metric history: segments, as requests write them, and blocks, as they rest.
//!
//! A [`segment`] holds the points of many keys from one request, a [`block`] many points of one
//! key. Both are pure functions over bytes: this module never reads or writes a database, and it
//! does not know runs, key names or requests. `docs/metric-format.md` describes every byte.

pub mod block;
mod bytes;
mod columns;
mod frame;
mod integers;
mod point;
pub mod segment;
#[cfg(test)]
mod testing;
mod values;

pub use point::Point;

/// The most points that one segment or block may hold; decoders refuse more.
pub const POINT_LIMIT: usize = 65_536;

/// Sorts points by (timestamp, step, value, is_nan) and drops identical ones.
///
/// The input is any concatenation of decoded blocks and segments. Sorted stretches in it make the
/// work cheaper: input that is sorted already costs one pass.
pub fn merge(points: &mut Vec<Point>) {
    // The stable sort finds sorted runs and merges them; the unstable one would sort anew.
    points.sort();
    points.dedup();
}

/// Splits sorted, distinct points into stretches that [`block::encode`] takes, in order.
///
/// Every stretch but the last holds exactly [`block::MAX_POINTS`] points, so that a later fold
/// which adds points at the end rewrites only the last block.
pub fn split(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.chunks(block::MAX_POINTS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn merge_of_a_retried_batch_changes_nothing() {
        let batch = [
            Point::new(2, 1, 0.5),
            Point::new(1, 0, f64::NAN),
            Point::new(2, 1, -0.0),
        ];
        let mut points = [batch, batch].concat();
        merge(&mut points);
        assert_eq!(points, [batch[1], batch[2], batch[0]]);
    }

    #[test]
    fn merge_keeps_nan_beside_zero() {
        let mut points = vec![Point::new(1, 1, f64::NAN), Point::new(1, 1, 0.0)];
        merge(&mut points);
        assert_eq!(points, [Point::new(1, 1, 0.0), Point::new(1, 1, f64::NAN)]);
    }

    #[test]
    fn split_fills_every_block_but_the_last() {
        let points: Vec<Point> = (0..10_000).map(|i| Point::new(i, i, 0.0)).collect();
        let stretches: Vec<&[Point]> = split(&points).collect();
        assert_eq!(stretches.concat(), points);
        let (last, full) = stretches.split_last().unwrap();
        assert!(
            full.iter()
                .all(|stretch| stretch.len() == block::MAX_POINTS)
        );
        assert!(!last.is_empty());
        assert_eq!(split(&[]).count(), 0);
    }

    proptest! {
        #[test]
        fn merged_blocks_and_segments_give_every_distinct_point_once(
            folded in testing::points(100),
            tail in testing::points(30),
        ) {
            let expected: std::collections::BTreeSet<Point> =
                folded.iter().chain(&tail).copied().collect();

            let mut sorted = folded;
            merge(&mut sorted);
            let tail: Vec<_> =
                tail.into_iter().map(|point| segment::KeyedPoint { key_id: 3, point }).collect();

            let mut points = Vec::new();
            for stretch in split(&sorted) {
                block::decode(&block::encode(stretch), &mut points).unwrap();
            }
            segment::decode_key(&segment::encode(&tail), 3, &mut points).unwrap();
            merge(&mut points);
            prop_assert_eq!(points, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
