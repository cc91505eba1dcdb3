//! Columns of timestamps or steps: 64-bit numbers that mostly grow at a steady pace.
//!
//! A column stores its first number and then the differences, in whichever of three layouts is
//! smallest. All arithmetic wraps, so that every `i64` round trips.

use super::bytes::{BitReader, BitWriter, Fault, Reader, put_varint, put_zigzag};

/// How many differences share one base and one width in the packed layout.
///
/// Packed groups of this many fields end on a byte's border at every width.
const GROUP: usize = 64;

/// How a column spells its differences; the number is stored in the flags of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One difference that holds throughout.
    Linear = 0,
    /// Changes of the difference as varints, zeros by run length: steady with rare surprises.
    Changes = 1,
    /// Groups of bit-packed differences above the group's smallest: steady but jittering.
    Packed = 2,
}

impl Layout {
    pub(super) fn from_bits(bits: u8) -> Result<Self, Fault> {
        match bits {
            0 => Ok(Self::Linear),
            1 => Ok(Self::Changes),
            2 => Ok(Self::Packed),
            _ => Err("a column has an unknown layout"),
        }
    }
}

/// What a decoder knows of a column before it reads it.
pub(super) struct Shape {
    pub(super) layout: Layout,
    /// How many numbers it has, at least one. The caller has bounded it: the linear layout expands
    /// without limit.
    pub(super) count: usize,
    /// What its first number is relative to.
    pub(super) base: i64,
}

/// Appends a column, its first number relative to `base`, and gives the layout it chose.
///
/// A column without numbers takes no bytes.
pub(super) fn encode(numbers: &[i64], base: i64, out: &mut Vec<u8>) -> Layout {
    let Some(&first) = numbers.first() else {
        return Layout::Linear;
    };
    put_zigzag(first.wrapping_sub(base), out);
    let mut differences = differences(numbers);
    let Some(difference) = differences.next() else {
        return Layout::Linear;
    };
    if differences.all(|other| other == difference) {
        put_zigzag(difference, out);
        return Layout::Linear;
    }
    let start = out.len();
    encode_changes(numbers, out);
    let mut packed = Vec::with_capacity(out.len() - start);
    encode_packed(numbers, &mut packed);
    if packed.len() >= out.len() - start {
        return Layout::Changes;
    }
    out.truncate(start);
    out.append(&mut packed);
    Layout::Packed
}

fn differences(numbers: &[i64]) -> impl Iterator<Item = i64> {
    numbers
        .iter()
        .zip(numbers.iter().skip(1))
        .map(|(before, after)| after.wrapping_sub(*before))
}

fn encode_changes(numbers: &[i64], out: &mut Vec<u8>) {
    let mut previous = 0;
    let mut zeros = 0;
    for difference in differences(numbers) {
        let change = difference.wrapping_sub(previous);
        previous = difference;
        if change == 0 {
            zeros += 1;
            continue;
        }
        put_zeros(&mut zeros, out);
        put_zigzag(change, out);
    }
    put_zeros(&mut zeros, out);
}

/// Appends a run of zeros, if there is one: a zero and how many more follow it.
fn put_zeros(zeros: &mut u64, out: &mut Vec<u8>) {
    if let Some(more) = zeros.checked_sub(1) {
        out.push(0);
        put_varint(more, out);
        *zeros = 0;
    }
}

fn encode_packed(numbers: &[i64], out: &mut Vec<u8>) {
    let differences: Vec<i64> = differences(numbers).collect();
    for group in differences.chunks(GROUP) {
        // A chunk is never empty, so the bounds are always those of its numbers.
        let smallest = group.iter().copied().min().unwrap_or_default();
        let largest = group.iter().copied().max().unwrap_or_default();
        let width = u64::BITS - (largest.wrapping_sub(smallest) as u64).leading_zeros();
        put_zigzag(smallest, out);
        out.push(width as u8);
        let mut writer = BitWriter::new(out);
        for difference in group {
            writer.put(difference.wrapping_sub(smallest) as u64, width);
        }
        writer.finish();
    }
}

/// Takes a column off the reader, into the emptied `out`.
pub(super) fn decode(
    shape: &Shape,
    reader: &mut Reader<'_>,
    out: &mut Vec<i64>,
) -> Result<(), Fault> {
    let count = shape.count;
    out.clear();
    out.reserve(count);
    let first = shape.base.wrapping_add(reader.zigzag()?);
    out.push(first);
    match shape.layout {
        _ if count <= 1 => Ok(()),
        Layout::Linear => {
            let difference = reader.zigzag()?;
            let numbers = (1..count as i64).map(|n| difference.wrapping_mul(n));
            out.extend(numbers.map(|distance| first.wrapping_add(distance)));
            Ok(())
        }
        Layout::Changes => decode_changes(reader, count, first, out),
        Layout::Packed => decode_packed(reader, count, first, out),
    }
}

fn decode_changes(
    reader: &mut Reader<'_>,
    count: usize,
    first: i64,
    out: &mut Vec<i64>,
) -> Result<(), Fault> {
    let (mut last, mut difference) = (first, 0_i64);
    while out.len() < count {
        let change = reader.zigzag()?;
        difference = difference.wrapping_add(change);
        let repeats = match change {
            0 => 1 + reader.count(count - out.len() - 1)?,
            _ => 1,
        };
        for _ in 0..repeats {
            last = last.wrapping_add(difference);
            out.push(last);
        }
    }
    Ok(())
}

fn decode_packed(
    reader: &mut Reader<'_>,
    count: usize,
    first: i64,
    out: &mut Vec<i64>,
) -> Result<(), Fault> {
    let mut last = first;
    while out.len() < count {
        let group = GROUP.min(count - out.len());
        let smallest = reader.zigzag()?;
        let width = u32::from(reader.byte()?);
        if width > u64::BITS {
            return Err("a packed column has fields above 64 bits");
        }
        let mut fields = BitReader::new(reader.take((group * width as usize).div_ceil(8))?);
        out.extend((0..group).map(|_| {
            let difference = smallest.wrapping_add(fields.take(width) as i64);
            last = last.wrapping_add(difference);
            last
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Round trips a column and checks its layout and its size in bytes.
    fn check(numbers: &[i64], base: i64, expected: (Layout, usize)) {
        let mut bytes = Vec::new();
        let layout = encode(numbers, base, &mut bytes);
        assert_eq!((layout, bytes.len()), expected);
        let mut decoded = vec![77];
        let mut reader = Reader::new(&bytes);
        decode(
            &Shape {
                layout,
                count: numbers.len(),
                base,
            },
            &mut reader,
            &mut decoded,
        )
        .unwrap();
        assert_eq!(decoded, numbers);
        assert!(reader.is_empty());
    }

    #[test]
    fn each_pace_gets_its_layout() {
        check(&[5], 5, (Layout::Linear, 1));
        check(&[5, 5, 5, 5], 0, (Layout::Linear, 2));
        check(&(0..4096).collect::<Vec<_>>(), 0, (Layout::Linear, 2));
        check(&[i64::MIN, i64::MAX, i64::MIN], 0, (Layout::Changes, 12));
        let paused: Vec<i64> = (0..300)
            .map(|i| i * 10 + i64::from(i > 150) * 90_000)
            .collect();
        check(&paused, 0, (Layout::Changes, 14));
        let jittering: Vec<i64> = (0..129).map(|i| i * 10 + i % 3).collect();
        check(&jittering, 0, (Layout::Packed, 1 + 2 * (2 + 2 * 64 / 8)));
    }

    #[test]
    fn broken_columns_are_refused() {
        let refused = |layout, bytes: &[u8]| {
            let mut out = Vec::new();
            decode(
                &Shape {
                    layout,
                    count: 70,
                    base: 0,
                },
                &mut Reader::new(bytes),
                &mut out,
            )
            .unwrap_err()
        };
        assert_eq!(refused(Layout::Linear, &[]), "a field is missing");
        assert_eq!(refused(Layout::Linear, &[0]), "a field is missing");
        // A run of 70 zeros for 69 differences.
        assert_eq!(
            refused(Layout::Changes, &[0, 0, 69]),
            "a count exceeds its bound"
        );
        assert_eq!(
            refused(Layout::Packed, &[0, 0, 65]),
            "a packed column has fields above 64 bits"
        );
        assert_eq!(
            refused(Layout::Packed, &[0, 0, 1, 255]),
            "a field is cut short"
        );
        assert!(Layout::from_bits(3).is_err());
    }

    proptest! {
        #[test]
        fn any_column_round_trips_in_every_layout(
            numbers in prop::collection::vec(
                prop_oneof![any::<i64>(), -5..5_i64, Just(i64::MIN), Just(i64::MAX)],
                1..300,
            ),
            base: i64,
        ) {
            let encoders = [
                (Layout::Changes, encode_changes as fn(&[i64], &mut Vec<u8>)),
                (Layout::Packed, encode_packed),
            ];
            for (layout, encode) in encoders {
                let mut bytes = Vec::new();
                put_zigzag(numbers[0].wrapping_sub(base), &mut bytes);
                encode(&numbers, &mut bytes);
                let mut decoded = Vec::new();
                let mut reader = Reader::new(&bytes);
                decode(&Shape { layout, count: numbers.len(), base }, &mut reader, &mut decoded).unwrap();
                prop_assert_eq!(&decoded, &numbers);
                prop_assert!(reader.is_empty());
            }
            let mut bytes = Vec::new();
            let layout = encode(&numbers, base, &mut bytes);
            let mut decoded = Vec::new();
            decode(&Shape { layout, count: numbers.len(), base }, &mut Reader::new(&bytes), &mut decoded).unwrap();
            prop_assert_eq!(decoded, numbers);
        }
    }
}
