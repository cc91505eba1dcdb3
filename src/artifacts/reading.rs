//! A part of an open file as a stream of buffers.
//!
//! It holds one buffer at a time and never reads on an async thread.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, try_unfold};

/// How many bytes one thread reads at a time.
const READ_SIZE: u64 = 256 << 10;

/// Gives `range` of a file whose next byte is the first of it; fails if the file ends before it.
pub(super) fn stream(file: File, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
    try_unfold(
        (file, range.end - range.start),
        |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let reading = tokio::task::spawn_blocking(move || {
                let size = left.min(READ_SIZE);
                let mut buffer = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
                (&mut file).take(size).read_to_end(&mut buffer)?;
                let left = left.saturating_sub(buffer.len() as u64);
                match buffer.is_empty() {
                    // Ending quietly would pass a part of the file off as the whole.
                    true => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                    false => Ok(Some((Bytes::from(buffer), (file, left)))),
                }
            });
            reading.await.map_err(io::Error::other)?
        },
    )
    .boxed()
}
