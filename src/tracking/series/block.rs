//! Blocks: many points of one series, as folding writes them.
//!
//! A block does not name its series; whoever stores it does.

use crate::error::Result;

use super::columns::{Columns, Origin};
use super::frame::{self, Kind};
use super::{POINT_LIMIT, Point, bytes};

/// The most points that folding puts into one block.
///
/// Measured from 512 to 16,384 points a block, neither the speed nor the size of the columns
/// changes beyond 1,024. What decides is what surrounds a block: a row of some 40 bytes and, with
/// pages of 4 KiB, half a page of slack cost 2 bytes a point at 1,024 points and half a byte at
/// 4,096, while rewriting a series' last block still takes a tenth of a millisecond.
pub const MAX_POINTS: usize = 4096;

/// Encodes sorted and distinct points, at most [`MAX_POINTS`], as one block.
///
/// # Panics
///
/// If there are more than [`POINT_LIMIT`] points: the block could not be read again.
pub fn encode(points: &[Point]) -> Vec<u8> {
    assert!(
        points.len() <= POINT_LIMIT,
        "a block of {} points",
        points.len()
    );
    debug_assert!(
        points.is_sorted_by(|a, b| a < b),
        "the points are not sorted and distinct"
    );
    let mut out = Kind::Block.begin(64 + 10 * points.len());
    bytes::put_varint(points.len() as u64, &mut out);
    if !points.is_empty() {
        let mut columns = Columns::default();
        columns.load(points.iter().copied());
        columns.encode(Origin::default(), &mut out);
    }
    frame::seal(out)
}

/// Appends the points of a block, sorted and distinct as they were encoded.
///
/// Errors: `Internal` if the bytes are not a whole and unharmed block; then `out` is unchanged.
pub fn decode(bytes: &[u8], out: &mut Vec<Point>) -> Result<()> {
    let mut reader = Kind::Block.open(bytes)?;
    let fault = frame::fault(Kind::Block);
    let count = reader.count(POINT_LIMIT).map_err(&fault)?;
    if count == 0 {
        return match reader.is_empty() {
            true => Ok(()),
            false => Err(fault("bytes follow its last point")),
        };
    }
    let mut columns = Columns::default();
    columns
        .decode(reader, count, Origin::default())
        .map_err(&fault)?;
    out.extend(columns.points());
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{merge, testing};
    use super::*;

    /// Makes a full block: one step every `pace` ms, late by up to `jitter` ms, and its values.
    fn series(pace: i64, jitter: f64, values: impl Iterator<Item = f64>) -> Vec<Point> {
        let late = testing::noise(7).map(|part| (part * jitter) as i64);
        let steps = 0..MAX_POINTS as i64;
        let places = steps.zip(late).zip(values);
        places
            .map(|((step, late), value)| {
                Point::new(1_700_000_000_000 + step * pace + late, step, value)
            })
            .collect()
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        decode(bytes, &mut points).map(|()| points)
    }

    /// Round trips a block and checks that it takes at most so many bytes a point.
    fn check_size(points: &[Point], bound: f64) {
        let bytes = encode(points);
        let size = bytes.len() as f64 / points.len() as f64;
        assert!(size <= bound, "{size} bytes a point, expected {bound}");
        assert_eq!(decoded(&bytes).unwrap(), points);
    }

    #[test]
    fn a_regular_series_costs_little_more_than_its_values() {
        let random = || testing::noise(1);
        check_size(&series(1000, 0.0, random()), 8.01);
        check_size(&series(1000, 4.0, random()), 8.5);
        check_size(&series(1000, 100.0, random()), 9.1);
        check_size(&series(1000, 0.0, std::iter::repeat(0.001)), 0.14);
        check_size(&series(1000, 0.0, (0..).map(f64::from)), 2.5);
        let singles = random().map(|value| f64::from(value as f32));
        check_size(&series(1000, 0.0, singles), 4.6);
    }

    #[test]
    fn a_block_of_one_point_is_tiny() {
        assert!(encode(&[Point::new(1_700_000_000_000, 1000, 0.1)]).len() <= 24);
    }

    #[test]
    fn a_block_without_points_round_trips() {
        assert_eq!(decoded(&encode(&[])).unwrap(), []);
    }

    #[test]
    fn decode_appends() {
        let point = Point::new(1, 2, 3.0);
        let mut points = vec![point];
        decode(&encode(&[point]), &mut points).unwrap();
        assert_eq!(points, [point, point]);
    }

    #[test]
    fn damaged_blocks_are_refused() {
        let mut points = series(10, 3.0, testing::noise(2));
        points.truncate(130);
        points.push(Point::new(i64::MAX, 0, f64::NAN));
        testing::check_damage_is_refused(&encode(&points), decoded);
        testing::check_damage_is_refused(&encode(&points[..1]), decoded);
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let refusal = |content: &[u8]| {
            let mut out = vec![Point::new(0, 0, 0.0)];
            let error = decode(&frame::seal(content.to_vec()), &mut out).unwrap_err();
            assert_eq!(out.len(), 1);
            error
                .message
                .replace("A stored metric block cannot be read: ", "")
        };
        assert_eq!(refusal(&[0x22]), "format version 2, expected 1");
        assert_eq!(refusal(&[0x11]), "header byte 0x11 is of another kind");
        assert_eq!(refusal(&[0x12]), "a field is missing");
        assert_eq!(refusal(&[0x12, 0, 0]), "bytes follow its last point");
        // One more than the most points.
        assert_eq!(refusal(&[0x12, 0x81, 0x80, 4]), "a count exceeds its bound");
        let crowded = "more points are announced than its bytes can hold";
        assert_eq!(refusal(&[0x12, 0x80, 0x80, 4, 16, 0, 0, 0, 0, 0]), crowded);
        assert_eq!(
            refusal(&[0x12, 1, 0x40, 0, 0]),
            "the columns have unknown flags"
        );
        assert_eq!(
            refusal(&[0x12, 1, 0x03, 0, 0]),
            "a column has an unknown layout"
        );
    }

    #[test]
    fn format_version_1_has_these_bytes() {
        let points = [
            Point::new(-5, -1, 1.5),
            Point::new(1_700_000_000_000, 0, f64::NAN),
            Point::new(1_700_000_001_000, 1, 0.1),
        ];
        let bytes = testing::from_hex(GOLDEN);
        assert_eq!(decoded(&bytes).unwrap(), points);
        assert_eq!(encode(&points), bytes);
    }

    /// Header and count; flags; timestamps; steps; NaN bitmap; values; checksum.
    const GOLDEN: &str = "12 03
        31
        09 8aa0abfef962 b990abfef962
        01 02
        02
        0bcafffbff02dfccccccccccccfd01
        729922a3";

    proptest! {
        #[test]
        fn any_block_round_trips(points in testing::points(200)) {
            let mut points = points;
            merge(&mut points);
            prop_assert_eq!(decoded(&encode(&points)).unwrap(), points);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..99), testing::sealed(0x12)],
        ) {
            if let Ok(points) = decoded(&bytes) {
                prop_assert!(points.len() <= 8 * bytes.len());
            }
        }

        #[test]
        fn any_change_with_a_right_checksum_is_read_or_refused(
            points in testing::points(80),
            changes in testing::changes(),
        ) {
            let mut points = points;
            merge(&mut points);
            let bytes = testing::tampered(encode(&points), &changes);
            if let Ok(points) = decoded(&bytes) {
                prop_assert!(points.len() <= 8 * bytes.len());
            }
        }
    }
}
