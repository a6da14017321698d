//! What can be wrong with a disk while it runs: errors, no space, slowness, rot.
//!
//! [`DiskFaults`] is plain data which the kernel sets and clears as the fault plan says; [`Disk`](super::Disk) obeys it.

use crate::fault::FlushErrorMode;
use crate::time::{Duration, Instant};

/// What a disk answers when it cannot do what was asked. Nothing of the operation happened,
/// except that an append that ran out of space has written what fitted, and a flush what [`FlushErrorMode`] says.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum DiskError {
    /// The device reports an error (EIO).
    #[error("input/output error")]
    Io,
    /// No space is left on the device (ENOSPC).
    #[error("no space left on device")]
    NoSpace,
    /// There is no file of that name (ENOENT).
    #[error("no such file")]
    NotFound,
}

/// The faults in force on one disk. The default is a healthy disk.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct DiskFaults {
    /// Every operation that writes fails with [`DiskError::Io`].
    pub write_error: bool,
    /// Every flush that completes fails, in this way.
    pub flush_error: Option<FlushErrorMode>,
    /// Bytes of all files together, beyond which operations fail with [`DiskError::NoSpace`] though the disk is larger.
    pub capacity_bytes: u64,
    /// Nothing that starts before this instant proceeds until it.
    pub stalled_until: Instant,
    /// Every duration is this many times as long; at least 1.
    pub slow_factor: u32,
}

impl DiskFaults {
    /// How long an operation started at `now` takes that a healthy disk does in `healthy`.
    pub(super) fn stretch(&self, now: Instant, healthy: Duration) -> Duration {
        assert!(self.slow_factor >= 1, "a slow disk is not faster than a healthy one");
        self.stalled_until.since(now) + healthy * u64::from(self.slow_factor)
    }
}

impl Default for DiskFaults {
    fn default() -> Self {
        DiskFaults {
            write_error: false,
            flush_error: None,
            capacity_bytes: u64::MAX,
            stalled_until: Instant::START,
            slow_factor: 1,
        }
    }
}
