//! Segments: the points of many keys that one request brought.
//!
//! A segment does not name its run; whoever stores it does.

use crate::error::Result;

use super::bytes::{self, Fault, Reader};
use super::columns::{Columns, Origin};
use super::frame::{self, Kind};
use super::{POINT_LIMIT, Point};

/// A point and the interned id of its metric's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyedPoint {
    /// The interned id; any `i64`.
    pub key_id: i64,
    /// The point, as [`Point::new`] makes it.
    pub point: Point,
}

/// The part of a segment that holds the points of one key.
struct Chunk<'a> {
    key_id: i64,
    count: usize,
    columns: Reader<'a>,
}

/// Takes the chunks of a segment one by one, without decoding their columns.
struct Chunks<'a> {
    reader: Reader<'a>,
    origin: Origin,
    last_key_id: Option<i64>,
    /// How many more points the segment may hold.
    room: usize,
}

/// Encodes points of any keys in any order; identical points are kept.
///
/// # Panics
///
/// If there are more than [`POINT_LIMIT`] points: the segment could not be read again.
pub fn encode(points: &[KeyedPoint]) -> Vec<u8> {
    assert!(
        points.len() <= POINT_LIMIT,
        "a segment of {} points",
        points.len()
    );
    let mut sorted = points.to_vec();
    sorted.sort_unstable();
    let mut out = Kind::Segment.begin(32 + 14 * points.len());
    let origin = sorted.first().map_or(Origin::default(), |first| Origin {
        timestamp: first.point.timestamp,
        step: first.point.step,
    });
    bytes::put_zigzag(origin.timestamp, &mut out);
    bytes::put_zigzag(origin.step, &mut out);
    let mut columns = Columns::default();
    let mut encoded = Vec::new();
    let mut last_key_id = 0_i64;
    for series in sorted.chunk_by(|a, b| a.key_id == b.key_id) {
        let key_id = series.first().map_or(last_key_id, |first| first.key_id);
        columns.load(series.iter().map(|keyed| keyed.point));
        encoded.clear();
        columns.encode(origin, &mut encoded);
        bytes::put_zigzag(key_id.wrapping_sub(last_key_id), &mut out);
        bytes::put_varint(series.len() as u64, &mut out);
        bytes::put_varint(encoded.len() as u64, &mut out);
        out.extend_from_slice(&encoded);
        last_key_id = key_id;
    }
    frame::seal(out)
}

/// Gives all points of a segment, sorted by key and then by point.
///
/// Errors: `Internal` if the bytes are not a whole and unharmed segment.
pub fn decode(bytes: &[u8]) -> Result<Vec<KeyedPoint>> {
    let reader = Kind::Segment.open(bytes)?;
    decode_chunks(reader).map_err(frame::fault(Kind::Segment))
}

/// Appends the points of one key, sorted; none if the segment does not have the key.
///
/// The columns of other keys are skipped, not decoded.
/// Errors: `Internal` if the bytes are not a whole and unharmed segment; then `out` is unchanged.
pub fn decode_key(bytes: &[u8], key_id: i64, out: &mut Vec<Point>) -> Result<()> {
    let reader = Kind::Segment.open(bytes)?;
    decode_chunk(reader, key_id, out).map_err(frame::fault(Kind::Segment))
}

fn decode_chunks(reader: Reader<'_>) -> Result<Vec<KeyedPoint>, Fault> {
    let mut chunks = Chunks::new(reader)?;
    let mut columns = Columns::default();
    let mut points = Vec::new();
    while let Some(Chunk {
        key_id,
        count,
        columns: encoded,
    }) = chunks.next()?
    {
        columns.decode(encoded, count, chunks.origin)?;
        points.extend(columns.points().map(|point| KeyedPoint { key_id, point }));
    }
    Ok(points)
}

fn decode_chunk(reader: Reader<'_>, key_id: i64, out: &mut Vec<Point>) -> Result<(), Fault> {
    let mut chunks = Chunks::new(reader)?;
    while let Some(chunk) = chunks.next()? {
        if chunk.key_id == key_id {
            let mut columns = Columns::default();
            columns.decode(chunk.columns, chunk.count, chunks.origin)?;
            out.extend(columns.points());
        }
        if chunk.key_id >= key_id {
            break;
        }
    }
    Ok(())
}

impl<'a> Chunks<'a> {
    fn new(mut reader: Reader<'a>) -> Result<Self, Fault> {
        let origin = Origin {
            timestamp: reader.zigzag()?,
            step: reader.zigzag()?,
        };
        Ok(Self {
            reader,
            origin,
            last_key_id: None,
            room: POINT_LIMIT,
        })
    }

    /// Takes the next chunk; none at the end of the segment.
    fn next(&mut self) -> Result<Option<Chunk<'a>>, Fault> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        let difference = self.reader.zigzag()?;
        let key_id = self.last_key_id.unwrap_or(0).wrapping_add(difference);
        if self.last_key_id.is_some_and(|last| key_id <= last) {
            return Err("its keys are not in order");
        }
        self.last_key_id = Some(key_id);
        let count = self.reader.count(self.room)?;
        if count == 0 {
            return Err("a key has no points");
        }
        self.room -= count;
        let length = self.reader.count(self.reader.rest().len())?;
        let columns = Reader::new(self.reader.take(length)?);
        Ok(Some(Chunk {
            key_id,
            count,
            columns,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::testing;
    use super::*;

    fn keyed(key_id: i64, timestamp: i64, step: i64, value: f64) -> KeyedPoint {
        KeyedPoint {
            key_id,
            point: Point::new(timestamp, step, value),
        }
    }

    /// Makes the batch of a client that logs all keys at every step, 40 ms apart.
    fn batch(keys: i64, steps: i64) -> Vec<KeyedPoint> {
        let places = (0..steps).flat_map(|step| (0..keys).map(move |key| (step, key)));
        let values = testing::noise(3);
        places
            .zip(values)
            .map(|((step, key), value)| {
                keyed(
                    1000 + key,
                    1_700_000_000_000 + 40 * step + step % 3,
                    500 + step,
                    value,
                )
            })
            .collect()
    }

    /// Round trips a segment, whole and key by key, and gives its bytes.
    fn check(points: &[KeyedPoint]) -> Vec<u8> {
        let bytes = encode(points);
        let mut sorted = points.to_vec();
        sorted.sort();
        assert_eq!(decode(&bytes).unwrap(), sorted);
        let mut series: BTreeMap<i64, Vec<Point>> = BTreeMap::from([(-77, Vec::new())]);
        for keyed in sorted {
            series.entry(keyed.key_id).or_default().push(keyed.point);
        }
        for (key_id, expected) in series {
            let mut found = Vec::new();
            decode_key(&bytes, key_id, &mut found).unwrap();
            assert_eq!(found, expected, "points of key {key_id}");
        }
        bytes
    }

    #[test]
    fn one_point_takes_at_most_32_bytes() {
        assert_eq!(check(&[keyed(1, 1_700_000_000_000, 1, 0.1)]).len(), 26);
        assert!(check(&[keyed(1_000_000, 1_700_000_000_000, 1_000_000, 0.1)]).len() <= 32);
    }

    #[test]
    fn a_batch_of_ten_keys_costs_little_more_than_its_values() {
        assert!(check(&batch(10, 100)).len() <= 9_500);
    }

    #[test]
    fn a_thousand_keys_of_one_point_take_at_most_14_bytes_each() {
        assert!(check(&batch(1000, 1)).len() <= 14_100);
    }

    #[test]
    fn a_segment_without_points_round_trips() {
        check(&[]);
    }

    #[test]
    fn keys_at_the_ends_of_the_range_round_trip() {
        check(&[
            keyed(i64::MAX, 0, 0, 1.0),
            keyed(i64::MIN, i64::MAX, i64::MIN, f64::NAN),
        ]);
    }

    #[test]
    fn the_order_of_points_does_not_matter() {
        let points = batch(7, 30);
        let reversed: Vec<KeyedPoint> = points.iter().rev().copied().collect();
        assert_eq!(encode(&points), encode(&reversed));
    }

    #[test]
    fn damaged_segments_are_refused() {
        let mut points = batch(3, 20);
        points.push(keyed(5, 0, 0, f64::NAN));
        let bytes = encode(&points);
        testing::check_damage_is_refused(&bytes, decode);
        let of_key = |bytes: &[u8]| decode_key(bytes, 5, &mut Vec::new());
        testing::check_damage_is_refused(&bytes, of_key);
        testing::check_damage_is_refused(&encode(&points[..1]), decode);
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let refusal = |content: &[u8]| {
            let error = decode(&frame::seal(content.to_vec())).unwrap_err();
            error
                .message
                .replace("A stored metric segment cannot be read: ", "")
        };
        assert_eq!(refusal(&[0x12]), "header byte 0x12 is of another kind");
        assert_eq!(refusal(&[0x11, 0]), "a field is missing");
        // A key of one point of value 0 at the origin, and then the same key once more.
        let chunk = [2, 1, 4, 16, 0, 0, 0];
        let same = [0, 1, 4, 16, 0, 0, 0];
        let twice = [&[0x11, 0, 0], &chunk[..], &same[..]].concat();
        assert_eq!(refusal(&twice), "its keys are not in order");
        assert_eq!(refusal(&[0x11, 0, 0, 2, 0, 0]), "a key has no points");
        assert_eq!(
            refusal(&[0x11, 0, 0, 2, 1, 9, 16]),
            "a count exceeds its bound"
        );
        assert!(decode(&frame::seal([&[0x11, 0, 0], &chunk[..]].concat())).is_ok());
    }

    #[test]
    fn all_keys_together_hold_at_most_the_limit() {
        // Each key announces 40,000 points of value 0, which 5,000 bytes can hold.
        let chunk = [
            &[2, 0xc0, 0xb8, 2, 0x8d, 0x27, 16, 0, 0, 0, 0][..],
            &[0; 5000],
        ]
        .concat();
        let one = [&[0x11, 0, 0], &chunk[..]].concat();
        assert_eq!(decode(&frame::seal(one.clone())).unwrap().len(), 40_000);
        let error = decode(&frame::seal([one, chunk].concat())).unwrap_err();
        assert!(
            error.message.ends_with("a count exceeds its bound"),
            "{}",
            error.message
        );
    }

    #[test]
    fn format_version_1_has_these_bytes() {
        let points = [
            keyed(3, 1_700_000_000_000, -1, 0.1),
            keyed(3, 1_700_000_001_000, 0, f64::NAN),
            keyed(3, 1_700_000_001_999, 1, f64::INFINITY),
            keyed(300, 1_700_000_001_000, 0, 2.0),
        ];
        let bytes = testing::from_hex(GOLDEN);
        assert_eq!(decode(&bytes).unwrap(), points);
        assert_eq!(encode(&points), bytes);
    }

    /// Header and origin; for each key its id, count, length, flags and columns; checksum.
    const GOLDEN: &str = "11 80a0abfef962 01
        06 03 20 21 00d00f01 0002 02 9a9999999999b93f 0000000000000000 ffffffffffffef7f
        d204 01 06 10 d00f 02 0740
        b1136e51";

    fn keyed_points() -> impl Strategy<Value = Vec<KeyedPoint>> {
        let key_id = prop_oneof![0..5_i64, testing::integer()];
        let keyed =
            (key_id, testing::point()).prop_map(|(key_id, point)| KeyedPoint { key_id, point });
        (prop::collection::vec(keyed, 0..100), 0..30_usize).prop_map(|(mut points, again)| {
            points.extend_from_within(..again.min(points.len()));
            points
        })
    }

    proptest! {
        #[test]
        fn any_segment_round_trips(points in keyed_points()) {
            check(&points);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..99), testing::sealed(0x11)],
            key_id in 0..5_i64,
        ) {
            if let Ok(points) = decode(&bytes) {
                prop_assert!(points.len() <= 8 * bytes.len());
            }
            let mut points = Vec::new();
            if decode_key(&bytes, key_id, &mut points).is_err() {
                prop_assert!(points.is_empty());
            }
        }

        #[test]
        fn any_change_with_a_right_checksum_is_read_or_refused(
            points in keyed_points(),
            changes in testing::changes(),
        ) {
            let bytes = testing::tampered(encode(&points), &changes);
            if let Ok(points) = decode(&bytes) {
                prop_assert!(points.len() <= 8 * bytes.len());
            }
        }
    }
}
