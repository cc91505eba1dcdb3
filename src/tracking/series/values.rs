//! Columns of metric values: 64-bit floats, verbatim or as differences of their bits.
//!
//! The second layout follows Gorilla (Pelkonen et al., VLDB 2015, section 4.1.2), with six bits
//! each for the position and the width of a window: values that repeat take one bit, and values
//! that came from 32-bit floats or small whole numbers take a part of their eight bytes.

use super::bytes::{BitReader, BitWriter, Fault, Reader};

/// The bits that announcing a new window costs beyond using the last one.
const WINDOW_BITS: u32 = 12;

/// How a column spells its values; the number is stored in the flags of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Eight bytes a value, low byte first.
    Verbatim = 0,
    /// A bit stream of what changes from value to value.
    Xor = 1,
}

/// The bits of a word outside of which a difference is zero.
#[derive(Clone, Copy)]
struct Window {
    leading: u32,
    width: u32,
}

impl Window {
    /// The window that a stream begins with.
    const WHOLE: Self = Self {
        leading: 0,
        width: u64::BITS,
    };

    /// Gives the smallest window around a difference that is not zero.
    fn around(difference: u64) -> Self {
        let leading = difference.leading_zeros();
        Self {
            leading,
            width: u64::BITS - leading - difference.trailing_zeros(),
        }
    }

    fn trailing(self) -> u32 {
        u64::BITS - self.leading - self.width
    }

    /// Says whether a difference that needs `other` is best written within this window.
    fn serves(self, other: Self) -> bool {
        self.leading <= other.leading
            && self.trailing() <= other.trailing()
            && self.width <= other.width + WINDOW_BITS
    }
}

/// Appends a column and gives the layout it chose: the smaller one.
pub(super) fn encode(values: &[f64], out: &mut Vec<u8>) -> Layout {
    let start = out.len();
    encode_xor(values, out);
    if out.len() - start < values.len() * 8 {
        return Layout::Xor;
    }
    out.truncate(start);
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    Layout::Verbatim
}

fn encode_xor(values: &[f64], out: &mut Vec<u8>) {
    let mut writer = BitWriter::new(out);
    let mut window = Window::WHOLE;
    let mut previous = 0;
    for value in values {
        let difference = value.to_bits() ^ previous;
        previous = value.to_bits();
        if difference == 0 {
            writer.put(0b0, 1);
            continue;
        }
        let needed = Window::around(difference);
        if window.serves(needed) {
            writer.put(0b01, 2);
        } else {
            window = needed;
            let announced = u64::from(window.leading) | u64::from(window.width - 1) << 6;
            writer.put(0b11 | announced << 2, 2 + WINDOW_BITS);
        }
        writer.put(difference >> window.trailing(), window.width);
    }
    writer.finish();
}

/// Takes a column of `count` values, which is all that the reader has left, into `out`.
pub(super) fn decode(
    layout: Layout,
    reader: &Reader<'_>,
    count: usize,
    out: &mut Vec<f64>,
) -> Result<(), Fault> {
    out.clear();
    match layout {
        Layout::Verbatim => decode_verbatim(reader.rest(), count, out),
        Layout::Xor => decode_xor(reader.rest(), count, out),
    }
}

fn decode_verbatim(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<(), Fault> {
    let (words, rest) = bytes.as_chunks();
    if words.len() != count || !rest.is_empty() {
        return Err("a value column is not as long as its points");
    }
    out.extend(words.iter().map(|word| f64::from_le_bytes(*word)));
    Ok(())
}

fn decode_xor(bytes: &[u8], count: usize, out: &mut Vec<f64>) -> Result<(), Fault> {
    let mut reader = BitReader::new(bytes);
    let mut window = Window::WHOLE;
    let mut previous = 0;
    out.resize(count, 0.0);
    for value in out.iter_mut() {
        let control = reader.peek();
        match control & 0b11 {
            0b00 | 0b10 => reader.skip(1),
            0b01 => {
                reader.skip(2);
                previous ^= reader.take(window.width) << window.trailing();
            }
            _ => {
                reader.skip(2 + WINDOW_BITS);
                window = Window {
                    leading: (control >> 2 & 63) as u32,
                    width: 1 + (control >> 8 & 63) as u32,
                };
                if window.leading + window.width > u64::BITS {
                    return Err("a value column has a window above 64 bits");
                }
                previous ^= reader.take(window.width) << window.trailing();
            }
        }
        *value = f64::from_bits(previous);
    }
    reader.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Round trips a column bit for bit and checks its layout and its size in bytes.
    fn check(values: &[f64], expected: (Layout, usize)) {
        let mut bytes = Vec::new();
        let layout = encode(values, &mut bytes);
        assert_eq!((layout, bytes.len()), expected);
        let mut decoded = vec![7.0];
        decode(layout, &Reader::new(&bytes), values.len(), &mut decoded).unwrap();
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&decoded), bits(values));
    }

    #[test]
    fn each_kind_of_values_gets_its_layout() {
        check(&[0.0], (Layout::Xor, 1));
        check(&[1.0], (Layout::Xor, 3));
        check(&[0.1], (Layout::Verbatim, 8));
        check(&[0.001; 4096], (Layout::Xor, 9 + 4096 / 8));
        check(
            &[f64::MAX, f64::MIN, f64::NAN, -0.0, 5e-324],
            (Layout::Xor, 33),
        );
        let odd = |n: u64| f64::from_bits(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        check(
            &(1..100).map(odd).collect::<Vec<_>>(),
            (Layout::Verbatim, 99 * 8),
        );
    }

    #[test]
    fn broken_columns_are_refused() {
        let refused =
            |layout, bytes: &[u8]| decode(layout, &Reader::new(bytes), 2, &mut Vec::new()).is_err();
        assert!(refused(Layout::Verbatim, &[0; 15]));
        assert!(refused(Layout::Verbatim, &[0; 17]));
        assert!(refused(Layout::Xor, &[]));
        assert!(refused(Layout::Xor, &[0, 0]));
        // A window of 64 bits that begins at bit 63.
        assert!(refused(Layout::Xor, &[255; 20]));
    }

    proptest! {
        #[test]
        fn any_values_round_trip(
            words in prop::collection::vec(
                prop_oneof![any::<u64>(), any::<f32>().prop_map(|v| f64::from(v).to_bits()), 0..3_u64],
                0..300,
            ),
        ) {
            let values: Vec<f64> = words.iter().map(|&word| f64::from_bits(word)).collect();
            let mut bytes = Vec::new();
            encode_xor(&values, &mut bytes);
            let mut decoded = Vec::new();
            decode(Layout::Xor, &Reader::new(&bytes), values.len(), &mut decoded).unwrap();
            prop_assert_eq!(decoded.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), words);
        }
    }
}
