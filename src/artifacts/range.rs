//! The `Range` header of a download: one range of bytes.
//!
//! It never answers with several ranges: a header that asks for them is ignored, as HTTP permits.

use std::ops::Range;

/// One range of bytes as a client asks for it; positions count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// `bytes=first-last`, both included.
    Between { first: u64, last: u64 },
    /// `bytes=first-`, to the end of the file.
    From { first: u64 },
    /// `bytes=-length`, the last `length` bytes.
    Last { length: u64 },
}

impl ByteRange {
    /// Reads a `Range` header; `None` means to send the whole file (RFC 9110, section 14.2).
    pub fn parse(header: &str) -> Option<Self> {
        let (unit, set) = header.trim().split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = set.trim().split_once('-')?;
        match (first.trim(), last.trim()) {
            ("", "") => None,
            ("", length) => Some(Self::Last {
                length: position(length)?,
            }),
            (first, "") => Some(Self::From {
                first: position(first)?,
            }),
            (first, last) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::Between { first, last })
            }
        }
    }

    /// Gives the bytes to send of a file of `size` bytes, never an empty range; `None` if the file
    /// has none of them, which is answered 416.
    pub fn within(self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Between { first, last } => first..last.saturating_add(1).min(size),
            Self::From { first } => first..size,
            Self::Last { length } => size.saturating_sub(length)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

/// Gives the `Content-Range` of a 206 answer; `range` must not be empty.
pub fn content_range(range: &Range<u64>, size: u64) -> String {
    format!(
        "bytes {}-{}/{size}",
        range.start,
        range.end.saturating_sub(1)
    )
}

/// Gives the `Content-Range` of a 416 answer about a file of `size` bytes.
pub fn unsatisfied_range(size: u64) -> String {
    format!("bytes */{size}")
}

/// Reads digits alone; a position beyond 64 bits is beyond every file, so it saturates.
fn position(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `None` is "not a range we serve", `Some(None)` is 416.
    fn check(header: &str, size: u64, expected: Option<Option<Range<u64>>>) {
        assert_eq!(
            ByteRange::parse(header).map(|range| range.within(size)),
            expected,
            "{header}"
        );
    }

    #[test]
    fn single_ranges_are_served() {
        check("bytes=0-0", 5, Some(Some(0..1)));
        check("bytes=1-2", 5, Some(Some(1..3)));
        check("bytes=1-99", 5, Some(Some(1..5)));
        check("bytes=2-", 5, Some(Some(2..5)));
        check("bytes=-2", 5, Some(Some(3..5)));
        check("bytes=-99", 5, Some(Some(0..5)));
        check(" Bytes = 1 - 2 ", 5, Some(Some(1..3)));
        check("bytes=0-99999999999999999999999", 5, Some(Some(0..5)));
    }

    #[test]
    fn ranges_outside_the_file_are_unsatisfiable() {
        check("bytes=5-", 5, Some(None));
        check("bytes=5-6", 5, Some(None));
        check("bytes=-0", 5, Some(None));
        check("bytes=0-", 0, Some(None));
        check("bytes=-1", 0, Some(None));
        check("bytes=99999999999999999999999-", 5, Some(None));
    }

    #[test]
    fn anything_else_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=2-1",
            "bytes=a-b",
            "lines=0-1",
            "bytes=0-1,3-4",
            "bytes=+1-2",
            "bytes=--1",
            "bytes=1-2-3",
            "bytes=0x1-2",
        ] {
            check(header, 5, None);
        }
    }

    #[test]
    fn content_ranges_are_spelled_as_http_does() {
        assert_eq!(content_range(&(1..3), 5), "bytes 1-2/5");
        assert_eq!(unsatisfied_range(5), "bytes */5");
    }

    proptest! {
        #[test]
        fn a_served_range_lies_inside_the_file(header in r"bytes=\d{0,20}-\d{0,20}", size: u64) {
            if let Some(range) = ByteRange::parse(&header).and_then(|range| range.within(size)) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }
    }
}
