//! How large and how fast a healthy disk is, and how soon it writes back on its own.

use crate::random::Stream;
use crate::time::Duration;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// The character of one disk. The default is a cloud SSD behind Linux's default write-back.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct DiskOptions {
    /// Bytes of all files together, beyond which appends fail; `u64::MAX` never fails.
    pub capacity_bytes: u64,
    /// What a flush costs before the first byte.
    pub flush_latency: Duration,
    /// Mean of the exponential part added to each flush.
    pub flush_jitter_mean: Duration,
    /// Bytes per second that a flush writes; above zero.
    pub bandwidth_bytes_per_s: u64,
    /// A dirty page is written back after an exponential delay whose mean is drawn between this ...
    pub write_back_mean_min: Duration,
    /// ... and this, for each page.
    pub write_back_mean_max: Duration,
}

impl DiskOptions {
    /// How long a healthy disk needs to make `bytes` durable. Draws once.
    pub(super) fn flush_duration(&self, bytes: u64, stream: &mut Stream) -> Duration {
        let jitter = Duration::from_nanos(stream.exponential(self.flush_jitter_mean.as_nanos()));
        self.flush_latency + jitter + self.transfer(bytes)
    }

    fn transfer(&self, bytes: u64) -> Duration {
        assert!(self.bandwidth_bytes_per_s > 0, "a disk has a bandwidth");
        Duration::from_nanos(NANOS_PER_SEC).scaled(bytes, self.bandwidth_bytes_per_s)
    }
}

impl Default for DiskOptions {
    fn default() -> Self {
        DiskOptions {
            capacity_bytes: u64::MAX,
            flush_latency: Duration::from_millis(1),
            flush_jitter_mean: Duration::from_micros(500),
            bandwidth_bytes_per_s: 250_000_000,
            write_back_mean_min: Duration::from_secs(5),
            write_back_mean_max: Duration::from_secs(30),
        }
    }
}
