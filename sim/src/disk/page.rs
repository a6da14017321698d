//! A page of a file, the unit of write-back.

/// Bytes that write-back writes at once.
pub(super) const PAGE: u64 = 4096;

/// A page of which the bytes from `durable_until` to `end` exist in memory only.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Page {
    pub(super) index: u64,
    pub(super) durable_until: u64,
    pub(super) end: u64,
    /// Marked clean by a failed flush, so that nothing will write it.
    pub(super) orphaned: bool,
}

impl Page {
    pub(super) fn start(&self) -> u64 {
        self.index * PAGE
    }

    pub(super) fn is_at_risk(&self) -> bool {
        self.durable_until < self.end
    }
}
