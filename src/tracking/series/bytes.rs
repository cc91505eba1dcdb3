//! Varints, zigzag numbers and bit streams: how columns are spelled as bytes.
//!
//! Readers take bytes that may be damaged: they report a [`Fault`], and never panic.

/// What is wrong with stored bytes, as the end of a sentence in an error message.
pub(super) type Fault = &'static str;

/// The most bytes that a varint of 64 bits takes.
const VARINT_MAX_BYTES: usize = 10;

/// Appends an unsigned number, seven bits a byte, low bits first, high bit set where more follow.
pub(super) fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a signed number as the varint of its zigzag form (0, -1, 1, -2 .. become 0, 1, 2, 3 ..).
pub(super) fn put_zigzag(number: i64, out: &mut Vec<u8>) {
    put_varint(((number << 1) ^ (number >> 63)) as u64, out);
}

/// Takes fields off the front of stored bytes.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Gives all bytes that are left, without taking them.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes the next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or("a field is cut short")?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let (&byte, rest) = self.rest.split_first().ok_or("a field is missing")?;
        self.rest = rest;
        Ok(byte)
    }

    pub(super) fn varint(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for position in 0..VARINT_MAX_BYTES {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits << (7 * position);
            if byte & 0x80 == 0 {
                // The tenth byte has room for one bit.
                let fits = position < VARINT_MAX_BYTES - 1 || bits <= 1;
                return if fits {
                    Ok(number)
                } else {
                    Err("a number exceeds 64 bits")
                };
            }
        }
        Err("a number exceeds 64 bits")
    }

    pub(super) fn zigzag(&mut self) -> Result<i64, Fault> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// Takes a varint that counts or measures something and may be at most `limit`.
    pub(super) fn count(&mut self, limit: usize) -> Result<usize, Fault> {
        let number = self.varint()?;
        match usize::try_from(number) {
            Ok(count) if count <= limit => Ok(count),
            _ => Err("a count exceeds its bound"),
        }
    }
}

/// Appends fields of 0 to 64 bits to a byte buffer, low bits first.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    pending: u64,
    /// How many bits of `pending` are filled. Invariant: below 64.
    filled: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: 0,
            filled: 0,
        }
    }

    /// Appends the low `width` bits of `field`; the bits above must be zero, `width` at most 64.
    pub(super) fn put(&mut self, field: u64, width: u32) {
        debug_assert!(
            width >= u64::BITS - field.leading_zeros(),
            "the field exceeds its width"
        );
        self.pending |= field << self.filled;
        self.filled += width;
        if self.filled >= u64::BITS {
            self.out.extend_from_slice(&self.pending.to_le_bytes());
            self.filled -= u64::BITS;
            // The bits of the field that found no room; none if it began on a word's border.
            self.pending = field.checked_shr(width - self.filled).unwrap_or(0);
        }
    }

    /// Writes the last bits, filled up with zeros to a whole byte.
    pub(super) fn finish(self) {
        let used = self.filled.div_ceil(8) as usize;
        self.out
            .extend(self.pending.to_le_bytes().iter().take(used));
    }
}

/// Takes fields of 0 to 64 bits off a byte slice, low bits first.
///
/// Reading on after the end gives zeros, which keeps the inner loops free of branches; `finish`
/// then reports it.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// How many bits [`BitReader::peek`] is sure to show: a word less a started byte.
    const SURE_BITS: u32 = 57;

    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Takes the next `width` bits, at most 64.
    #[inline]
    pub(super) fn take(&mut self, width: u32) -> u64 {
        if width <= Self::SURE_BITS {
            let field = self.peek() & ((1 << width) - 1);
            self.skip(width);
            return field;
        }
        let low = self.take(32);
        low | (self.take(width - 32) << 32)
    }

    /// Shows the next bits, of which only the low 57 are sure to be filled.
    #[inline]
    pub(super) fn peek(&self) -> u64 {
        let rest = self.bytes.get(self.position / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest
                .iter()
                .rev()
                .fold(0, |word, &byte| (word << 8) | u64::from(byte)),
        };
        word >> (self.position % 8)
    }

    #[inline]
    pub(super) fn skip(&mut self, width: u32) {
        self.position += width as usize;
    }

    /// Checks that the fields filled the bytes exactly, but for the padding of the last byte.
    pub(super) fn finish(self) -> Result<(), Fault> {
        match self.position.div_ceil(8) == self.bytes.len() {
            true => Ok(()),
            false => Err("a bit stream is not as long as its fields"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_varint(number: u64, expected: &[u8]) {
        let mut bytes = Vec::new();
        put_varint(number, &mut bytes);
        assert_eq!(bytes, expected);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.varint(), Ok(number));
        assert!(reader.is_empty());
    }

    #[test]
    fn varints_have_the_documented_bytes() {
        check_varint(0, &[0]);
        check_varint(127, &[0x7f]);
        check_varint(128, &[0x80, 1]);
        check_varint(300, &[0xac, 2]);
        check_varint(u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }

    #[test]
    fn a_varint_that_is_cut_or_too_large_is_refused() {
        assert!(Reader::new(&[]).varint().is_err());
        assert!(Reader::new(&[0x80, 0x80]).varint().is_err());
        assert!(
            Reader::new(&[255, 255, 255, 255, 255, 255, 255, 255, 255, 2])
                .varint()
                .is_err()
        );
        assert!(Reader::new(&[0x80; 11]).varint().is_err());
        assert!(Reader::new(&[8]).count(7).is_err());
        assert_eq!(Reader::new(&[7]).count(7), Ok(7));
    }

    #[test]
    fn a_bit_stream_of_another_length_is_refused() {
        let mut reader = BitReader::new(&[1, 2]);
        reader.take(8);
        assert!(reader.finish().is_err());
        let mut reader = BitReader::new(&[1, 2]);
        assert_eq!(reader.take(64), 0x0201);
        assert!(reader.finish().is_err());
        let mut reader = BitReader::new(&[1, 2]);
        assert_eq!(reader.take(9), 1);
        assert!(reader.finish().is_ok());
    }

    proptest! {
        #[test]
        fn zigzag_round_trips(number: i64) {
            let mut bytes = Vec::new();
            put_zigzag(number, &mut bytes);
            prop_assert_eq!(Reader::new(&bytes).zigzag(), Ok(number));
        }

        #[test]
        fn bit_fields_round_trip(fields in prop::collection::vec((any::<u64>(), 0..=64u32), 0..99)) {
            let cut = |(field, width): (u64, u32)| field & !u64::MAX.checked_shl(width).unwrap_or(0);
            let mut bytes = Vec::new();
            let mut writer = BitWriter::new(&mut bytes);
            fields.iter().for_each(|&field| writer.put(cut(field), field.1));
            writer.finish();
            let mut reader = BitReader::new(&bytes);
            for &field in &fields {
                prop_assert_eq!(reader.take(field.1), cut(field));
            }
            prop_assert_eq!(reader.finish(), Ok(()));
        }
    }
}
