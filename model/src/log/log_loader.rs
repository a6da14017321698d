//! Opening one log at boot, with recovery after an unclean shutdown. As `LogLoader`.
//!
//! Segments that end below the recovery point are trusted; the others are scanned batch by batch if the last shutdown
//! was not clean. The log ends before the first batch that is cut, torn, zeroed, corrupt, or not the next one, and all
//! later segments go (L27).
//!
//! Simplified: offsets have no gaps here (there is no compaction), so a gap between two segments counts as damage, where
//! Kafka goes on behind it. A trusted log whose end cannot be read is scanned as well.

use super::host::{Host, LogToken};
use super::leader_epoch_cache::LeaderEpochCache;
use super::segment::{Batches, Segment};
use super::storage_error;
use super::unified_log::{LoadedLog, LogConfig, UnifiedLog};
use crate::error_code::ErrorCode;
use crate::file::FileName;
use crate::ids::{Offset, TopicPartition};
use crate::mutant::Mutant;
use crate::note::Note;
use crate::probe::Probe;

/// What a boot knows about one log before it opens it.
#[derive(Copy, Clone, Debug)]
pub struct LogCheckpoints {
    /// Whether the last shutdown of the broker was clean.
    pub had_clean_shutdown: bool,
    /// The log's recovery point; zero if it was never written.
    pub recovery_point: Offset,
    /// The log's high watermark; zero if it was never written.
    pub high_watermark: Offset,
}

/// Opens the log of `partition`, or begins an empty one if there is nothing on disk.
///
/// # Errors
/// [`ErrorCode::KafkaStorageError`] if the disk fails or the leader-epoch checkpoint is damaged.
pub fn load(
    partition: TopicPartition,
    config: LogConfig,
    checkpoints: LogCheckpoints,
    host: &mut impl Host,
) -> Result<UnifiedLog, ErrorCode> {
    let loader = LogLoader {
        partition,
        is_trusted: checkpoints.had_clean_shutdown || config.mutation.is(Mutant::SkipRecoveryScan),
        recovery_point: checkpoints.recovery_point,
        segments: Vec::new(),
        log_end_offset: Offset::ZERO,
        epochs: LeaderEpochCache::read(partition, host)?,
    };
    let is_trusted = loader.is_trusted;
    let loaded = loader.load(checkpoints.high_watermark, host)?;
    let log = UnifiedLog::from_loaded(partition, config, loaded, host);
    host.note(Note::LogLoaded {
        partition,
        clean: is_trusted,
        log_end_offset: log.log_end_offset(),
        high_watermark: log.high_watermark(),
    });
    Ok(log)
}

/// A log being opened.
struct LogLoader {
    partition: TopicPartition,
    is_trusted: bool,
    recovery_point: Offset,
    /// Segments opened so far.
    segments: Vec<Segment>,
    /// The end of the last of them.
    log_end_offset: Offset,
    epochs: LeaderEpochCache,
}

/// A scan of one segment.
struct Scan {
    /// Batches before the first one that is not valid.
    valid: usize,
    /// The offset after them.
    end_offset: Offset,
}

impl LogLoader {
    fn load(
        mut self,
        high_watermark: Offset,
        host: &mut impl Host,
    ) -> Result<LoadedLog, ErrorCode> {
        let epochs_on_disk = self.epochs.clone();
        let bases = host.segment_bases(self.partition);
        for (index, &base) in bases.iter().enumerate() {
            let is_whole = self.open(base, bases.get(index + 1).copied(), host)?;
            if !is_whole {
                self.remove(&bases[index + 1..], host)?;
                break;
            }
        }
        if self.segments.is_empty() {
            self.begin_log(host)?;
        }
        self.settle_epochs(&epochs_on_disk, host)?;
        // After a crash the recovery point stays where it was: what the scan has found valid may still be unflushed.
        let recovery_point =
            if self.is_trusted { self.log_end_offset } else { self.recovery_point };
        Ok(LoadedLog {
            segments: self.segments,
            log_end_offset: self.log_end_offset,
            recovery_point: recovery_point.min(self.log_end_offset),
            high_watermark,
            epochs: self.epochs,
        })
    }

    /// Creates the first segment, durably: without it nobody could tell later segments from a whole log.
    fn begin_log(&mut self, host: &mut impl Host) -> Result<(), ErrorCode> {
        let first = Segment::empty(Offset::ZERO);
        self.segments.push(first);
        let name = first.file_name(self.partition);
        host.replace(name, Vec::new(), LogToken::Checkpoint).map_err(storage_error)
    }

    /// Opens the segment at `base`, which ends at `next_base` unless it is the last. False if the log ends in it.
    fn open(
        &mut self,
        base: Offset,
        next_base: Option<Offset>,
        host: &mut impl Host,
    ) -> Result<bool, ErrorCode> {
        if !self.segments.is_empty() && base != self.log_end_offset {
            host.probe(Probe::RecoveredSegmentGap);
            self.remove(&[base], host)?;
            return Ok(false);
        }
        let segment = Segment::empty(base);
        let is_below_recovery_point = next_base.is_some_and(|next| next <= self.recovery_point);
        let batches = segment.batches(self.partition, host);
        let is_end_readable = batches.len() == 0 || batches.readable(batches.len() - 1).is_some();
        let is_whole = if (self.is_trusted || is_below_recovery_point) && is_end_readable {
            self.log_end_offset = batches.end_offset(batches.len(), base);
            true
        } else {
            self.recover(&segment, host)?
        };
        let size_bytes = segment.batches(self.partition, host).size_bytes();
        self.segments.push(Segment { base_offset: base, size_bytes });
        Ok(is_whole)
    }

    /// Scans a segment and drops what is not valid in it. Says whether all of it was.
    fn recover(&mut self, segment: &Segment, host: &mut impl Host) -> Result<bool, ErrorCode> {
        let batches = segment.batches(self.partition, host);
        let count = batches.len();
        let scan = self.scan(batches, segment.base_offset);
        self.log_end_offset = scan.end_offset;
        if scan.valid < count {
            host.probe(Probe::RecoveredTornTail);
            host.truncate(segment.file_name(self.partition), scan.valid).map_err(storage_error)?;
        }
        Ok(scan.valid == count)
    }

    /// Reads batches while they are valid, and adds epochs that the cache lacks.
    fn scan(&mut self, batches: Batches<'_>, base: Offset) -> Scan {
        let mut scan = Scan { valid: 0, end_offset: base };
        while let Some(batch) = batches.intact(scan.valid)
            && batch.base_offset == scan.end_offset
        {
            if self.epochs.latest_epoch().is_none_or(|latest| batch.leader_epoch > latest) {
                self.epochs.insert(batch.leader_epoch, batch.base_offset);
            }
            scan.valid += 1;
            scan.end_offset = batch.next_offset();
        }
        scan
    }

    /// Removes the segments at `bases`.
    fn remove(&self, bases: &[Offset], host: &mut impl Host) -> Result<(), ErrorCode> {
        let names: Vec<FileName> =
            bases.iter().map(|&base| FileName::Segment(self.partition, base)).collect();
        if names.is_empty() { Ok(()) } else { host.remove(&names).map_err(storage_error) }
    }

    /// Forgets epochs beyond the log's end, and writes the file if it is not what the cache is now (L29).
    fn settle_epochs(
        &mut self,
        on_disk: &LeaderEpochCache,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        if self.epochs.starts().len() > on_disk.starts().len() {
            host.probe(Probe::EpochCacheRebuilt);
        }
        if self.epochs.truncate_from_end(self.log_end_offset) {
            host.probe(Probe::EpochCacheTrimmed);
        }
        if self.epochs.starts() == on_disk.starts() { Ok(()) } else { self.epochs.write(host) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LeaderEpoch;
    use crate::log::test_host::{PARTITION, TestHost, batch, config, log_of, open, segments_of};

    const E0: LeaderEpoch = LeaderEpoch(0);
    const E1: LeaderEpoch = LeaderEpoch(1);

    fn after_clean_shutdown(host: &mut TestHost) -> UnifiedLog {
        let checkpoints = LogCheckpoints {
            had_clean_shutdown: true,
            recovery_point: Offset(3),
            high_watermark: Offset(2),
        };
        load(PARTITION, config(), checkpoints, host).unwrap()
    }

    fn after_crash(recovery_point: u64, host: &mut TestHost) -> UnifiedLog {
        let checkpoints = LogCheckpoints {
            had_clean_shutdown: false,
            recovery_point: Offset(recovery_point),
            high_watermark: Offset(9),
        };
        load(PARTITION, config(), checkpoints, host).unwrap()
    }

    fn segment(base: u64) -> FileName {
        FileName::Segment(PARTITION, Offset(base))
    }

    /// Three segments of two batches of one record: offsets 0-1, 2-3, 4-5.
    fn three_segments(host: &mut TestHost) {
        log_of(&[1; 6], segments_of(2), host);
    }

    #[test]
    fn a_clean_shutdown_is_trusted_to_the_end() {
        let host = &mut TestHost::new(1);
        three_segments(host);
        host.disk.corrupt(segment(4), 0);
        let log = after_clean_shutdown(host);
        assert_eq!((log.log_end_offset(), log.high_watermark()), (Offset(6), Offset(2)));
        assert_eq!(log.recovery_point(), Offset(6), "a clean shutdown has flushed everything");
    }

    #[test]
    fn recovery_stops_at_the_first_damaged_batch_and_drops_later_segments() {
        let host = &mut TestHost::new(1);
        three_segments(host);
        host.disk.corrupt(segment(2), 1);
        let log = after_crash(0, host);
        assert_eq!((log.log_end_offset(), log.high_watermark()), (Offset(3), Offset(3)));
        assert_eq!(host.segment_bases(PARTITION), [Offset(0), Offset(2)]);
        assert!(host.probes.contains(&Probe::RecoveredTornTail));
        assert_eq!(log.recovery_point(), Offset(0), "the scan flushes nothing");
    }

    #[test]
    fn segments_below_the_recovery_point_are_not_scanned() {
        let host = &mut TestHost::new(1);
        three_segments(host);
        host.disk.corrupt(segment(0), 1);
        assert_eq!(after_crash(4, &mut host.clone()).log_end_offset(), Offset(6));
        assert_eq!(after_crash(1, host).log_end_offset(), Offset(1));
    }

    #[test]
    fn a_gap_between_segments_ends_the_log() {
        let host = &mut TestHost::new(1);
        three_segments(host);
        host.disk.remove(host.now, segment(2)).unwrap();
        assert_eq!(after_crash(0, host).log_end_offset(), Offset(2));
        assert_eq!(host.segment_bases(PARTITION), [Offset(0)]);
    }

    #[test]
    fn recovery_adds_the_epochs_that_the_file_has_lost() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1, 1], config(), host);
        log.append_as_leader(&batch(1), E1, host).unwrap();
        host.disk.remove(host.now, FileName::LeaderEpochCheckpoint(PARTITION)).unwrap();
        let reopened = after_crash(0, host);
        assert_eq!(reopened.epochs().starts(), log.epochs().starts());
        assert!(host.probes.contains(&Probe::EpochCacheRebuilt));
        assert_eq!(LeaderEpochCache::read(PARTITION, host).unwrap().starts().len(), 2);
    }

    #[test]
    fn epochs_beyond_the_recovered_end_are_forgotten() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1, 1], config(), host);
        log.append_as_leader(&batch(1), E1, host).unwrap();
        host.disk.corrupt(segment(0), 2);
        assert_eq!(after_crash(0, host).latest_epoch(), Some(E0));
        assert!(host.probes.contains(&Probe::EpochCacheTrimmed));
    }

    #[test]
    fn a_damaged_epoch_file_is_a_storage_error() {
        let host = &mut TestHost::new(1);
        log_of(&[1], config(), host);
        host.disk.corrupt(FileName::LeaderEpochCheckpoint(PARTITION), 0);
        let checkpoints = LogCheckpoints {
            had_clean_shutdown: true,
            recovery_point: Offset(0),
            high_watermark: Offset(0),
        };
        let loaded = load(PARTITION, config(), checkpoints, host);
        assert_eq!(loaded.map(|log| log.log_end_offset()), Err(ErrorCode::KafkaStorageError));
    }

    #[test]
    fn a_lost_disk_is_an_empty_log() {
        let host = &mut TestHost::new(1);
        three_segments(host);
        host.disk.lose();
        let log = after_crash(4, host);
        assert_eq!((log.log_end_offset(), log.high_watermark()), (Offset(0), Offset(0)));
        assert_eq!((log.recovery_point(), log.latest_epoch()), (Offset(0), None));
    }

    #[test]
    fn a_process_crash_loses_nothing() {
        let host = &mut TestHost::new(1);
        let log = log_of(&[3, 2, 1], segments_of(3), host);
        let reopened = open(segments_of(3), host);
        assert_eq!(reopened.log_end_offset(), log.log_end_offset());
        assert_eq!(reopened.epochs().starts(), log.epochs().starts());
    }
}
