//! Buffers and compressors that are used again. Chunks of megabytes that one thread allocates and another frees leave holes
//! in the allocator's heaps, and the peak memory would be twice what is in use.

use std::{
    fmt, mem,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use zstd::bulk::Compressor;

/// Smaller buffers are the allocator's.
const WORTH_KEEPING: usize = 64 << 10;
/// Capacities are multiples of this, so that what held one chunk holds the next one too.
const GRAIN: usize = 256 << 10;

/// What is free at the moment.
pub(crate) struct Pool {
    buffers: Mutex<Vec<Vec<u8>>>,
    /// Each with the buffer it compresses into.
    compressors: Mutex<Vec<(Compressor<'static>, Vec<u8>)>>,
    /// Free buffers have no more capacity than this together.
    most_bytes: usize,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("most_bytes", &self.most_bytes)
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            buffers: Mutex::default(),
            compressors: Mutex::default(),
            most_bytes,
        }
    }

    /// An empty buffer of at least that capacity: the smallest that fits.
    pub(crate) fn take(&self, capacity: usize) -> Vec<u8> {
        let mut free = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = free
            .iter()
            .enumerate()
            .filter(|(_, buffer)| buffer.capacity() >= capacity);
        match fits.min_by_key(|(_, buffer)| buffer.capacity()).map(|(at, _)| at) {
            Some(at) if free[at].capacity() / 4 <= capacity => free.swap_remove(at),
            _ if capacity < WORTH_KEEPING => Vec::with_capacity(capacity),
            _ => Vec::with_capacity(capacity.next_multiple_of(GRAIN)),
        }
    }

    /// An empty buffer for lines up to the one that passes `limit`, which seldom outgrow it.
    pub(crate) fn take_for_lines(&self, limit: usize) -> Vec<u8> {
        self.take(limit + limit / 16)
    }

    /// Takes a buffer back.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() < WORTH_KEEPING {
            return;
        }
        buffer.clear();
        let mut free = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = free.iter().map(Vec::capacity).sum();
        if kept + buffer.capacity() <= self.most_bytes {
            free.push(buffer);
        }
    }

    /// Compresses into bytes of their exact size.
    pub(crate) fn compress(&self, raw: &[u8], level: i32) -> Bytes {
        let free = self.compressors.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (mut compressor, mut out) = free.unwrap_or_default();
        out.clear();
        out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        compressor
            .set_compression_level(level)
            .and_then(|()| compressor.compress_to_buffer(raw, &mut out))
            .expect("zstd compresses any bytes into a buffer of the size it asks for");
        let bytes = Bytes::copy_from_slice(&out);
        self.compressors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((compressor, out));
        bytes
    }

    /// A buffer as bytes that come back here when the last of them are dropped.
    pub(crate) fn lend(self: &Arc<Self>, buffer: Vec<u8>) -> Bytes {
        if buffer.capacity() < WORTH_KEEPING {
            return buffer.into();
        }
        Bytes::from_owner(Lent {
            buffer,
            pool: self.clone(),
        })
    }
}

struct Lent {
    buffer: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give(mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_bytes_go_and_is_used_again() {
        let pool = Arc::new(Pool::new(1 << 20));
        let mut buffer = pool.take(100_000);
        buffer.extend_from_slice(b"lines");
        let at = buffer.as_ptr();
        let bytes = pool.lend(buffer);
        let part = bytes.slice(1..3);
        drop(bytes);
        assert_eq!(part, "in");
        let other = pool.take(100_000);
        assert_ne!(other.as_ptr(), at, "it is still lent");
        drop(part);
        let again = pool.take(90_000);
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
        pool.give(Vec::with_capacity(2 << 20));
        assert_ne!(pool.take(1 << 19).capacity(), 2 << 20, "too large to keep");
    }
}
