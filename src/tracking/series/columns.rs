//! The points of one series as columns: timestamps, steps, values, and which are NaN.

use super::bytes::{Fault, Reader};
use super::integers::Shape;
use super::{Point, integers, values};

const STEPS_SHIFT: u8 = 2;
const XOR_FLAG: u8 = 1 << 4;
const NAN_FLAG: u8 = 1 << 5;
const UNKNOWN_FLAGS: u8 = 0b1100_0000;

/// What the first timestamp and the first step of a series are stored relative to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin {
    pub(super) timestamp: i64,
    pub(super) step: i64,
}

/// The columns of one series; kept and refilled where several series are coded in turn.
///
/// Invariant: all columns have the same length.
#[derive(Default)]
pub(super) struct Columns {
    timestamps: Vec<i64>,
    steps: Vec<i64>,
    values: Vec<f64>,
    nans: Vec<bool>,
}

impl Columns {
    /// Replaces the columns by those of the given points, in the given order.
    pub(super) fn load(&mut self, points: impl Iterator<Item = Point>) {
        self.timestamps.clear();
        self.steps.clear();
        self.values.clear();
        self.nans.clear();
        for point in points {
            self.timestamps.push(point.timestamp);
            self.steps.push(point.step);
            self.values.push(point.value);
            self.nans.push(point.is_nan);
        }
    }

    /// Gives the points in the order of the columns.
    pub(super) fn points(&self) -> impl Iterator<Item = Point> {
        let places = self.timestamps.iter().zip(&self.steps);
        let values = self.values.iter().zip(&self.nans);
        places
            .zip(values)
            .map(|((&timestamp, &step), (&value, &is_nan))| Point {
                timestamp,
                step,
                value,
                is_nan,
            })
    }

    /// Appends the flags byte and the columns, of at least one point.
    pub(super) fn encode(&self, origin: Origin, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(0);
        let mut flags = integers::encode(&self.timestamps, origin.timestamp, out) as u8;
        flags |= (integers::encode(&self.steps, origin.step, out) as u8) << STEPS_SHIFT;
        if self.nans.contains(&true) {
            flags |= NAN_FLAG;
            out.extend(self.nans.chunks(8).map(pack_byte));
        }
        if values::encode(&self.values, out) == values::Layout::Xor {
            flags |= XOR_FLAG;
        }
        if let Some(byte) = out.get_mut(start) {
            *byte = flags;
        }
    }

    /// Replaces the columns by those that are all the reader has left.
    ///
    /// `count` is at least one and bounded by the caller. On a fault the columns are of no use.
    pub(super) fn decode(
        &mut self,
        mut reader: Reader<'_>,
        count: usize,
        origin: Origin,
    ) -> Result<(), Fault> {
        // A value takes at least a bit, so that no small input makes a large allocation.
        if count > reader.rest().len().saturating_mul(8) {
            return Err("more points are announced than its bytes can hold");
        }
        let flags = reader.byte()?;
        if flags & UNKNOWN_FLAGS != 0 {
            return Err("the columns have unknown flags");
        }
        let layout = integers::Layout::from_bits(flags & 0b11)?;
        let shape = Shape {
            layout,
            count,
            base: origin.timestamp,
        };
        integers::decode(&shape, &mut reader, &mut self.timestamps)?;
        let layout = integers::Layout::from_bits(flags >> STEPS_SHIFT & 0b11)?;
        let shape = Shape {
            layout,
            count,
            base: origin.step,
        };
        integers::decode(&shape, &mut reader, &mut self.steps)?;
        self.nans.clear();
        self.nans.resize(count, false);
        if flags & NAN_FLAG != 0 {
            unpack(reader.take(count.div_ceil(8))?, &mut self.nans);
        }
        let layout = match flags & XOR_FLAG {
            0 => values::Layout::Verbatim,
            _ => values::Layout::Xor,
        };
        values::decode(layout, &reader, count, &mut self.values)
    }
}

/// Packs up to eight flags into a byte, the first one lowest.
fn pack_byte(flags: &[bool]) -> u8 {
    flags
        .iter()
        .rev()
        .fold(0, |byte, &flag| byte << 1 | u8::from(flag))
}

fn unpack(bytes: &[u8], flags: &mut [bool]) {
    for (eight, byte) in flags.chunks_mut(8).zip(bytes) {
        for (bit, flag) in eight.iter_mut().enumerate() {
            *flag = byte >> bit & 1 == 1;
        }
    }
}
