//! What every stored segment and block has around its content: a header byte and a checksum.

use crate::error::{Error, Result};

use super::bytes::{Fault, Reader};

/// The format version that this server writes and reads.
const VERSION: u8 = 1;

/// What stored bytes hold; the number is the low half of the header byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Segment = 1,
    Block = 2,
}

impl Kind {
    /// Begins stored bytes of this kind: the header byte, room for `capacity` bytes of content.
    pub(super) fn begin(self, capacity: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(capacity + 5);
        bytes.push(self.header());
        bytes
    }

    /// Gives a reader of the content of stored bytes, once header and checksum are found right.
    pub(super) fn open(self, bytes: &[u8]) -> Result<Reader<'_>> {
        let header = *bytes.first().ok_or_else(|| self.damaged("it is empty"))?;
        if header >> 4 != VERSION {
            let found = header >> 4;
            return Err(self.damaged(&format!("format version {found}, expected {VERSION}")));
        }
        if header != self.header() {
            return Err(self.damaged(&format!("header byte {header:#04x} is of another kind")));
        }
        let (sealed, stored) = bytes
            .split_last_chunk()
            .ok_or_else(|| self.damaged("cut short"))?;
        let stored = u32::from_le_bytes(*stored);
        let computed = crc32fast::hash(sealed);
        if stored != computed {
            let what = format!("checksum is {computed:08x}, expected {stored:08x}");
            return Err(self.damaged(&what));
        }
        let content = sealed.get(1..).ok_or_else(|| self.damaged("cut short"))?;
        Ok(Reader::new(content))
    }

    /// Makes the error for stored bytes of this kind that cannot be read.
    #[track_caller]
    pub(super) fn damaged(self, what: &str) -> Error {
        let name = match self {
            Kind::Segment => "segment",
            Kind::Block => "block",
        };
        Error::internal(format!("A stored metric {name} cannot be read: {what}"))
    }

    fn header(self) -> u8 {
        VERSION << 4 | self as u8
    }
}

/// Ends stored bytes with the checksum of all bytes before it.
pub(super) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Turns what a decoder found wrong into the error of its kind.
pub(super) fn fault(kind: Kind) -> impl Fn(Fault) -> Error {
    move |fault| kind.damaged(fault)
}
