//! A broker's logs on its simulated disk. As Kafka's `storage` module, reduced to what decides which records survive.
//!
//! - [`UnifiedLog`]: one replica's log: append, read, truncate, flush; its [`LeaderEpochCache`] says which epoch begins where
//! - [`log_loader`]: opening a log at boot, with recovery after an unclean shutdown
//! - [`checkpoint`], [`LogManager`]: the files that belong to all logs of a broker, and its clean shutdown
//! - [`Host`]: what all of it needs of the process it lives in
//!
//! **Storage errors.** Any [`ErrorCode::KafkaStorageError`] that comes out of this folder means the log directory is
//! offline; it is the only one, so the broker halts at once, without a clean shutdown.

pub mod checkpoint;
mod flush;
mod host;
#[cfg(test)]
mod laws;
mod leader_epoch_cache;
pub mod log_loader;
mod log_manager;
mod segment;
#[cfg(test)]
pub(crate) mod test_host;
mod unified_log;

use ktrial_sim::disk::DiskError;

use crate::error_code::ErrorCode;

pub use flush::FlushRound;
pub use host::{Host, LogToken};
pub use leader_epoch_cache::{EpochStart, LeaderEpochCache};
pub use log_manager::LogManager;
pub use unified_log::{AppendInfo, FetchIsolation, LogConfig, UnifiedLog};

/// Every error of the disk takes the log directory offline (`LogDirFailureChannel`).
fn storage_error(_: DiskError) -> ErrorCode {
    ErrorCode::KafkaStorageError
}
