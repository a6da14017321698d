//! The log directory of one broker: boot, checkpoints and shutdown of all its logs. As `LogManager`, and the
//! high-watermark checkpoint of `ReplicaManager`.
//!
//! The logs themselves belong to their partitions. Their broker calls from its timers:
//! - [`checkpoint_high_watermarks`](LogManager::checkpoint_high_watermarks) every
//!   `replica.high.watermark.checkpoint.interval.ms`, with *every* local log (KAFKA-1647)
//! - [`checkpoint_recovery_points`](LogManager::checkpoint_recovery_points) every
//!   `log.flush.offset.checkpoint.interval.ms`
//! - [`UnifiedLog::flush_if_old`] on every log each `log.flush.scheduler.interval.ms`
//!
//! A clean shutdown is three writes, each begun when the one before is durable:
//!
//! ```text
//! begin_shutdown: flush all logs -> continue_shutdown: both checkpoints -> clean-shutdown file -> over
//! ```

use ktrial_sim::disk::DiskError;

use super::checkpoint::{self, CheckpointedOffsets, lines};
use super::host::{Host, LogToken};
use super::log_loader::{self, LogCheckpoints};
use super::storage_error;
use super::unified_log::{LogConfig, UnifiedLog};
use crate::error_code::ErrorCode;
use crate::file::{FileEntry, FileName};
use crate::ids::{BrokerEpoch, Offset, TopicPartition};
use crate::mutant::{Mutant, Mutation};
use crate::note::Note;
use crate::probe::Probe;

/// The log directory of a broker.
#[derive(Clone, Default, Debug)]
pub struct LogManager {
    previous_broker_epoch: Option<BrokerEpoch>,
    recovery_points: CheckpointedOffsets,
    high_watermarks: CheckpointedOffsets,
    shutdown: Option<Shutdown>,
    mutation: Mutation,
}

/// How far a clean shutdown has come.
#[derive(Copy, Clone, Debug)]
enum Shutdown {
    FlushingLogs(BrokerEpoch),
    WritingCheckpoints { broker_epoch: BrokerEpoch, left: u8 },
    WritingMarker,
}

impl LogManager {
    /// Reads what the last shutdown has left, and deletes the clean-shutdown file before any log is opened: a crash while
    /// loading is an unclean shutdown (KAFKA-10471).
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`] if the disk fails.
    pub fn boot(mutation: Mutation, host: &mut impl Host) -> Result<Self, ErrorCode> {
        let previous_broker_epoch = take_clean_shutdown_file(host).map_err(storage_error)?;
        if previous_broker_epoch.is_some() {
            host.probe(Probe::CleanBoot);
        }
        Ok(LogManager {
            previous_broker_epoch,
            recovery_points: checkpoint::read(FileName::RecoveryPointCheckpoint, host),
            high_watermarks: checkpoint::read(FileName::HighWatermarkCheckpoint, host),
            shutdown: None,
            mutation,
        })
    }

    /// The broker epoch of the incarnation before this one if it stopped in good order, for the registration (KIP-966).
    pub fn previous_broker_epoch(&self) -> Option<BrokerEpoch> {
        self.previous_broker_epoch
    }

    /// Opens the log of a partition, or begins an empty one. To be called once per partition, at boot. Errors as
    /// [`log_loader::load`].
    pub fn load(
        &self,
        partition: TopicPartition,
        config: LogConfig,
        host: &mut impl Host,
    ) -> Result<UnifiedLog, ErrorCode> {
        let in_checkpoint = |offsets: &CheckpointedOffsets| {
            offsets.get(&partition).copied().unwrap_or(Offset::ZERO)
        };
        let checkpoints = LogCheckpoints {
            had_clean_shutdown: self.previous_broker_epoch.is_some(),
            recovery_point: in_checkpoint(&self.recovery_points),
            high_watermark: in_checkpoint(&self.high_watermarks),
        };
        log_loader::load(partition, config, checkpoints, host)
    }

    /// Writes the high watermark of every local log.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn checkpoint_high_watermarks<'l>(
        &self,
        logs: impl Iterator<Item = &'l UnifiedLog>,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        self.write_high_watermarks(logs, LogToken::Checkpoint, host)
    }

    /// Writes the recovery point of every local log.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn checkpoint_recovery_points<'l>(
        &self,
        logs: impl Iterator<Item = &'l UnifiedLog>,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        write_recovery_points(logs, LogToken::Checkpoint, host)
    }

    /// Begins a clean shutdown: flushes every log. Nothing may be appended any more. Then, and whenever a log's flush
    /// ends, [`continue_shutdown`](Self::continue_shutdown) is to be called.
    pub fn begin_shutdown<'l>(
        &mut self,
        broker_epoch: BrokerEpoch,
        logs: impl Iterator<Item = &'l mut UnifiedLog>,
        host: &mut impl Host,
    ) {
        for log in logs {
            log.flush(host);
        }
        self.shutdown = Some(Shutdown::FlushingLogs(broker_epoch));
    }

    /// Writes the checkpoints as soon as every log is flushed. Does nothing if no shutdown has begun, or if they are
    /// being written.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn continue_shutdown<'l>(
        &mut self,
        logs: impl Iterator<Item = &'l UnifiedLog> + Clone,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        let Some(Shutdown::FlushingLogs(broker_epoch)) = self.shutdown else { return Ok(()) };
        if logs.clone().any(|log| log.recovery_point() < log.log_end_offset()) {
            return Ok(());
        }
        self.shutdown = Some(Shutdown::WritingCheckpoints { broker_epoch, left: 2 });
        write_recovery_points(logs.clone(), LogToken::ShutdownWrite, host)?;
        self.write_high_watermarks(logs, LogToken::ShutdownWrite, host)
    }

    /// A write of the shutdown ([`LogToken::ShutdownWrite`]) is durable, or not. Says whether the shutdown is over and
    /// the process may exit.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`] if the disk failed: the broker halts, uncleanly.
    ///
    /// # Panics
    /// If no shutdown waits for a write.
    pub fn shutdown_write_completed(
        &mut self,
        result: Result<(), DiskError>,
        host: &mut impl Host,
    ) -> Result<bool, ErrorCode> {
        result.map_err(storage_error)?;
        match &mut self.shutdown {
            Some(Shutdown::WritingCheckpoints { left, .. }) if *left > 1 => *left -= 1,
            Some(Shutdown::WritingCheckpoints { broker_epoch, .. }) => {
                let line = FileEntry::CleanShutdown(*broker_epoch);
                self.shutdown = Some(Shutdown::WritingMarker);
                let marker = lines([line].into_iter());
                host.replace(FileName::CleanShutdown, marker, LogToken::ShutdownWrite)
                    .map_err(storage_error)?;
                host.note(Note::CleanShutdown);
            }
            Some(Shutdown::WritingMarker) => return Ok(true),
            Some(Shutdown::FlushingLogs(_)) | None => panic!("no write of a shutdown is under way"),
        }
        Ok(false)
    }

    fn write_high_watermarks<'l>(
        &self,
        logs: impl Iterator<Item = &'l UnifiedLog>,
        token: LogToken,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        let mut entries: Vec<_> = logs.map(|log| (log.partition(), log.high_watermark())).collect();
        let local_partitions = entries.len() as u32;
        if self.mutation.is(Mutant::LoseACheckpointEntry) {
            entries.pop();
        }
        checkpoint::write(FileName::HighWatermarkCheckpoint, entries.iter().copied(), token, host)?;
        host.note(Note::HighWatermarkCheckpoint { entries, local_partitions });
        Ok(())
    }
}

fn write_recovery_points<'l>(
    logs: impl Iterator<Item = &'l UnifiedLog>,
    token: LogToken,
    host: &mut impl Host,
) -> Result<(), ErrorCode> {
    let entries = logs.map(|log| (log.partition(), log.recovery_point()));
    checkpoint::write(FileName::RecoveryPointCheckpoint, entries, token, host)
}

/// The broker epoch in the clean-shutdown file, which is gone afterwards. A damaged file is as good as none.
fn take_clean_shutdown_file(host: &mut impl Host) -> Result<Option<BrokerEpoch>, DiskError> {
    let Some(file) = host.file(FileName::CleanShutdown) else { return Ok(None) };
    let broker_epoch = match file.intact(0) {
        Some(&FileEntry::CleanShutdown(broker_epoch)) => Some(broker_epoch),
        _ => None,
    };
    host.remove(&[FileName::CleanShutdown])?;
    Ok(broker_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::test_host::{PARTITION, TestHost, config, log_of};

    const EPOCH: BrokerEpoch = BrokerEpoch(5);

    fn boot(host: &mut TestHost) -> LogManager {
        LogManager::boot(Mutation::default(), host).unwrap()
    }

    /// Lets everything end that a shutdown waits for. Says whether it is over.
    fn run(logs: &mut LogManager, log: &mut UnifiedLog, host: &mut TestHost) -> bool {
        (0..4).any(|_| step(logs, log, host))
    }

    /// Lets everything end that is under way. Says whether the shutdown is over.
    fn step(logs: &mut LogManager, log: &mut UnifiedLog, host: &mut TestHost) -> bool {
        let mut is_over = false;
        logs.continue_shutdown([&*log].into_iter(), host).unwrap();
        for (token, result) in host.complete_flushes() {
            match token {
                LogToken::Flush(_, round) => drop(log.flush_completed(round, result, host)),
                LogToken::Checkpoint => {}
                LogToken::ShutdownWrite => {
                    is_over = logs.shutdown_write_completed(result, host).unwrap();
                }
            }
        }
        is_over
    }

    #[test]
    fn a_clean_shutdown_brings_everything_back_even_after_a_power_loss() {
        let host = &mut TestHost::new(3);
        let mut logs = boot(host);
        let mut log = log_of(&[1, 2, 3], config(), host);
        log.maybe_increment_high_watermark(Offset(3));
        logs.begin_shutdown(EPOCH, [&mut log].into_iter(), host);
        assert!(run(&mut logs, &mut log, host));
        assert!(matches!(host.notes.last(), Some(Note::CleanShutdown)));
        host.power_loss();

        let logs = boot(host);
        assert_eq!(logs.previous_broker_epoch(), Some(EPOCH));
        let log = logs.load(PARTITION, config(), host).unwrap();
        assert_eq!((log.log_end_offset(), log.high_watermark()), (Offset(6), Offset(3)));
        assert_eq!(log.recovery_point(), Offset(6));
    }

    #[test]
    fn a_boot_takes_the_clean_shutdown_file_away() {
        let host = &mut TestHost::new(3);
        let mut logs = boot(host);
        let mut log = log_of(&[1], config(), host);
        logs.begin_shutdown(EPOCH, [&mut log].into_iter(), host);
        run(&mut logs, &mut log, host);
        assert_eq!(boot(host).previous_broker_epoch(), Some(EPOCH));
        assert_eq!(boot(host).previous_broker_epoch(), None);
    }

    #[test]
    fn a_shutdown_counts_as_clean_from_the_moment_its_file_can_be_found() {
        let host = &mut TestHost::new(3);
        let mut logs = boot(host);
        let mut log = log_of(&[1], config(), host);
        logs.begin_shutdown(EPOCH, [&mut log].into_iter(), host);
        while !host.notes.iter().any(|note| matches!(note, Note::CleanShutdown)) {
            assert!(!host.disk.exists(FileName::CleanShutdown));
            step(&mut logs, &mut log, host);
        }
        assert_eq!(boot(host).previous_broker_epoch(), Some(EPOCH), "a crash keeps the file");
    }

    #[test]
    fn a_shutdown_that_cannot_flush_leaves_no_clean_shutdown_file() {
        let host = &mut TestHost::new(3);
        let mut logs = boot(host);
        let mut log = log_of(&[1], config(), host);
        logs.begin_shutdown(EPOCH, [&mut log].into_iter(), host);
        logs.continue_shutdown([&log].into_iter(), host).unwrap();
        assert!(!host.disk.exists(FileName::CleanShutdown), "the log is not flushed yet");
        assert!(!host.disk.exists(FileName::HighWatermarkCheckpoint));
    }

    #[test]
    fn checkpoints_hold_every_log() {
        let host = &mut TestHost::new(3);
        let logs = boot(host);
        let mut log = log_of(&[4], config(), host);
        log.maybe_increment_high_watermark(Offset(2));
        logs.checkpoint_high_watermarks([&log].into_iter(), host).unwrap();
        logs.checkpoint_recovery_points([&log].into_iter(), host).unwrap();
        let logs = boot(host);
        assert_eq!(logs.high_watermarks[&PARTITION], Offset(2));
        assert_eq!(logs.recovery_points[&PARTITION], Offset(0));
        let reopened = logs.load(PARTITION, config(), host).unwrap();
        assert_eq!(reopened.high_watermark(), Offset(2));
    }

    #[test]
    fn a_damaged_checkpoint_counts_as_empty() {
        let host = &mut TestHost::new(3);
        let logs = boot(host);
        let mut log = log_of(&[4], config(), host);
        log.maybe_increment_high_watermark(Offset(2));
        logs.checkpoint_high_watermarks([&log].into_iter(), host).unwrap();
        host.disk.corrupt(FileName::HighWatermarkCheckpoint, 0);
        let log = boot(host).load(PARTITION, config(), host).unwrap();
        assert_eq!((log.high_watermark(), log.log_end_offset()), (Offset(0), Offset(4)));
        assert!(host.probes.contains(&Probe::CheckpointUnreadable));
    }
}
