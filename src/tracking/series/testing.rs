//! Generators of points and checks of damage for the tests of this module.

use proptest::prelude::*;

use super::Point;

/// Gives any number, with the extremes and small numbers more often than chance would.
pub(super) fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -3..3_i64,
        1_700_000_000_000..1_700_000_100_000_i64,
        Just(i64::MIN),
        Just(i64::MAX),
    ]
}

/// Gives any value that a client may log, NaN and the infinities included.
pub(super) fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        0.0..1.0,
        any::<f32>().prop_map(f64::from),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(0.0),
        Just(-0.0),
        Just(f64::MIN_POSITIVE),
    ]
}

/// Gives any point.
pub(super) fn point() -> impl Strategy<Value = Point> {
    (integer(), integer(), value())
        .prop_map(|(timestamp, step, value)| Point::new(timestamp, step, value))
}

/// Gives up to `most` points in any order, some of them twice.
pub(super) fn points(most: usize) -> impl Strategy<Value = Vec<Point>> {
    (prop::collection::vec(point(), 0..=most), 0..=most).prop_map(|(mut points, again)| {
        let again: Vec<Point> = points.iter().rev().take(again / 4).copied().collect();
        points.extend(again);
        points
    })
}

/// Checks that a change of any bit and a cut at any length are refused, with a word on what is
/// read.
pub(super) fn check_damage_is_refused<T: std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> crate::error::Result<T>,
) {
    assert!(decode(bytes).is_ok());
    let refused = |bytes: &[u8]| {
        let error = decode(bytes).unwrap_err();
        assert_eq!(error.code, crate::error::Code::Internal);
        assert!(
            error.message.starts_with("A stored metric "),
            "{}",
            error.message
        );
    };
    (0..bytes.len()).for_each(|length| refused(&bytes[..length]));
    for position in 0..bytes.len() {
        for mask in [1, 0x10, 0x80, 0xff] {
            let mut damaged = bytes.to_vec();
            damaged[position] ^= mask;
            refused(&damaged);
        }
    }
    refused(&[bytes, &[0]].concat());
}

/// Gives any bytes with a right checksum: what only a faulty encoder could have stored.
pub(super) fn sealed(header: u8) -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![0..4_u8, any::<u8>()];
    prop::collection::vec(small, 0..200)
        .prop_map(move |content| super::frame::seal([&[header][..], &content].concat()))
}

/// Gives a few places in encoded bytes and what to put there.
pub(super) fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![0..4_u8, Just(0x80), Just(0xff), any::<u8>()];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 1..4)
}

/// Changes bytes behind the header and makes the checksum right again.
pub(super) fn tampered(mut bytes: Vec<u8>, changes: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    bytes.truncate(bytes.len() - 4);
    for (place, byte) in changes {
        if let Some((_, content)) = bytes.split_first_mut().filter(|(_, rest)| !rest.is_empty()) {
            content[place.index(content.len())] = *byte;
        }
    }
    super::frame::seal(bytes)
}

/// Gives the bytes of a text of hexadecimal digits.
pub(super) fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// Gives numbers that look random but are always the same: the 53 high bits as parts of one.
pub(super) fn noise(seed: u64) -> impl Iterator<Item = f64> {
    // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
    (seed + 1..).map(|n| {
        let mut word = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    })
}
