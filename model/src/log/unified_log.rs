//! One replica's log. As `UnifiedLog` with its `LocalLog`.
//!
//! The batches are on the disk and nowhere else; in memory are the segments' names and sizes, the offsets that bound
//! the log, the leader epoch cache and how far the log is durable:
//!
//! ```text
//! log start offset       recovery point          high watermark         log end offset
//! |---- durable for sure ------|---- in the page cache at least ----------------|
//! |---------- visible to consumers --------------------|
//! ```
//!
//! Not modelled: retention, compaction and `DeleteRecords` (so the log start offset moves by [`UnifiedLog::truncate_fully`]
//! only), rolling by time, index files, producer state. A storage error anywhere ([`ErrorCode::KafkaStorageError`])
//! means that the broker has to halt, as Kafka does when its only log directory goes offline.

use ktrial_sim::disk::DiskError;
use ktrial_sim::time::Duration;

use super::flush::{Extent, FlushRound, FlushState};
use super::host::{Host, LogToken};
use super::leader_epoch_cache::LeaderEpochCache;
use super::segment::{Batches, Segment};
use super::{checkpoint, storage_error};
use crate::config::TopicConfig;
use crate::error_code::ErrorCode;
use crate::file::{FileEntry, FileName};
use crate::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::message::EpochEndOffset;
use crate::mutant::{Mutant, Mutation};
use crate::note::Note;
use crate::probe::Probe;
use crate::record::Batch;

/// What of a topic's configuration concerns its logs. As `LogConfig`.
#[derive(Copy, Clone, Debug)]
pub struct LogConfig {
    /// `segment.bytes`: size at which a new segment is begun.
    pub segment_bytes: u32,
    /// `max.message.bytes`: largest batch that is accepted.
    pub max_message_bytes: u32,
    /// `flush.messages`: records after which the log is flushed before the append is answered.
    pub flush_messages: u64,
    /// `flush.ms`: age at which the brokers' flush schedule flushes the log.
    pub flush_interval: Duration,
    /// The mutant that runs, if any.
    pub mutation: Mutation,
}

impl LogConfig {
    /// The logs of a topic configured so.
    pub fn of(topic: &TopicConfig, mutation: Mutation) -> Self {
        LogConfig {
            segment_bytes: topic.segment_size(),
            max_message_bytes: topic.max_message_bytes,
            flush_messages: topic.flush_messages,
            flush_interval: Duration::from_millis(topic.flush_ms),
            mutation,
        }
    }
}

/// What became of an append. As `LogAppendInfo`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct AppendInfo {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// The offset after the last record.
    pub next_offset: Offset,
    /// `flush.messages` is reached: nobody may be told of the append before this round has ended.
    pub flush: Option<FlushRound>,
}

/// How far a reader sees. As `FetchIsolation`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FetchIsolation {
    /// The whole log: a follower.
    LogEnd,
    /// What is committed: a consumer.
    HighWatermark,
}

/// One replica's log.
#[derive(Clone, Debug)]
pub struct UnifiedLog {
    partition: TopicPartition,
    config: LogConfig,
    /// By base offset, at least one; the last is the active one.
    segments: Vec<Segment>,
    log_end_offset: Offset,
    high_watermark: Offset,
    epochs: LeaderEpochCache,
    flush: FlushState,
}

/// What loading has found out about a log (`LoadedLogOffsets`).
pub(super) struct LoadedLog {
    pub(super) segments: Vec<Segment>,
    pub(super) log_end_offset: Offset,
    pub(super) recovery_point: Offset,
    pub(super) high_watermark: Offset,
    pub(super) epochs: LeaderEpochCache,
}

impl UnifiedLog {
    pub(super) fn from_loaded(
        partition: TopicPartition,
        config: LogConfig,
        loaded: LoadedLog,
        host: &impl Host,
    ) -> Self {
        let mut log = UnifiedLog {
            partition,
            config,
            segments: loaded.segments,
            log_end_offset: loaded.log_end_offset,
            high_watermark: Offset::ZERO,
            epochs: loaded.epochs,
            flush: FlushState::new(loaded.recovery_point, host.now()),
        };
        log.update_high_watermark(loaded.high_watermark);
        log.check();
        log
    }

    /// Whose log it is.
    pub fn partition(&self) -> TopicPartition {
        self.partition
    }

    /// The first offset.
    pub fn log_start_offset(&self) -> Offset {
        self.segments[0].base_offset
    }

    /// The offset after the last record.
    pub fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// The offset below which everything is committed, as far as this replica knows.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The offset below which everything is known to be durable on this replica.
    pub fn recovery_point(&self) -> Offset {
        self.flush.recovery_point()
    }

    /// The latest leader epoch, if there ever was one.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest_epoch()
    }

    /// Which epoch begins where.
    pub fn epochs(&self) -> &LeaderEpochCache {
        &self.epochs
    }

    /// Where `epoch` ends in this log (F3); `None` if it is above every epoch this log knows.
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<EpochEndOffset> {
        self.epochs.end_offset_for(epoch, self.log_end_offset)
    }

    /// A leader begins `epoch` at the log end offset (KAFKA-7415).
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn begin_epoch(
        &mut self,
        epoch: LeaderEpoch,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        self.epochs.assign(epoch, self.log_end_offset, host)
    }

    /// Appends a producer's batch in `epoch`, at the log end offset (L4-L10).
    ///
    /// # Errors
    /// [`ErrorCode::MessageTooLarge`], [`ErrorCode::RecordListTooLarge`]: nothing was appended;
    /// [`ErrorCode::KafkaStorageError`].
    pub fn append_as_leader(
        &mut self,
        batch: &Batch,
        epoch: LeaderEpoch,
        host: &mut impl Host,
    ) -> Result<AppendInfo, ErrorCode> {
        if batch.size_bytes > self.config.max_message_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        let base_offset = self.log_end_offset;
        self.append(batch.stamped(base_offset, epoch), true, host)?;
        Ok(self.append_info(base_offset, host))
    }

    /// Appends what a leader has answered to a fetch, offsets and epochs as they are (L11).
    ///
    /// # Errors
    /// [`ErrorCode::UnknownServerError`] if a batch begins below the log end offset (`UnexpectedAppendOffsetException`,
    /// which fails the partition), [`ErrorCode::RecordListTooLarge`], [`ErrorCode::KafkaStorageError`].
    pub fn append_as_follower(
        &mut self,
        batches: impl IntoIterator<Item = Batch>,
        host: &mut impl Host,
    ) -> Result<AppendInfo, ErrorCode> {
        let base_offset = self.log_end_offset;
        for batch in batches {
            if batch.base_offset < self.log_end_offset {
                return Err(ErrorCode::UnknownServerError);
            }
            self.append(batch, false, host)?;
        }
        Ok(self.append_info(base_offset, host))
    }

    /// Reads whole batches of one segment from the one that holds `start` on, while they fit into `max_bytes`; the first
    /// comes whatever its size if `is_one_wanted` (L14, L15). Empty at the end of what `isolation` lets see.
    ///
    /// # Errors
    /// [`ErrorCode::OffsetOutOfRange`] outside the log, [`ErrorCode::CorruptMessage`] if the first batch is damaged.
    pub fn read(
        &self,
        start: Offset,
        max_bytes: u32,
        is_one_wanted: bool,
        isolation: FetchIsolation,
        host: &mut impl Host,
    ) -> Result<Vec<Batch>, ErrorCode> {
        if start < self.log_start_offset() || start > self.log_end_offset {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let end = self.visible_end(isolation);
        if start >= end {
            return Ok(Vec::new());
        }
        let (batches, first) = self.find(start, host);
        let found = read_batches(batches, first, end, max_bytes, is_one_wanted);
        if found.is_err() {
            host.probe(Probe::CorruptBatchRead);
        }
        found
    }

    /// Bytes from the batch that holds `start` to the end of what `isolation` lets see; 0 if that is behind `start`.
    pub fn available_bytes(
        &self,
        start: Offset,
        isolation: FetchIsolation,
        host: &impl Host,
    ) -> u64 {
        let end = self.visible_end(isolation);
        if start >= end {
            return 0;
        }
        self.position_of(end, host) - self.position_of(start, host)
    }

    /// Raises the high watermark of a leader; says whether it rose. It never falls (H2).
    ///
    /// # Panics
    /// If `to` is beyond the log end offset.
    pub fn maybe_increment_high_watermark(&mut self, to: Offset) -> bool {
        assert!(
            to <= self.log_end_offset,
            "W7: the high watermark is not beyond the log end offset"
        );
        let rises = to > self.high_watermark;
        if rises {
            self.high_watermark = to;
        }
        rises
    }

    /// Takes the high watermark that a leader or a checkpoint tells, within the bounds of this log, even if it is lower
    /// than before (L13). Says whether it changed.
    pub fn update_high_watermark(&mut self, told: Offset) -> bool {
        let before = self.high_watermark;
        self.high_watermark = told.min(self.log_end_offset).max(self.log_start_offset());
        self.high_watermark != before
    }

    /// Cuts the log so that it ends at `target`, or at the start of the batch that holds `target` (L32). Returns the
    /// flush that makes the cut durable; nothing may be appended before it has ended. `None` if nothing was cut; the
    /// epoch cache may still have lost an entry beyond the log end.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn truncate_to(
        &mut self,
        target: Offset,
        host: &mut impl Host,
    ) -> Result<Option<FlushRound>, ErrorCode> {
        if target >= self.log_end_offset {
            self.trim_epochs(host)?;
            return Ok(None);
        }
        if target < self.log_start_offset() {
            return self.truncate_fully(target, host).map(Some);
        }
        let before = self.high_watermark;
        self.cut(target, host).map_err(storage_error)?;
        self.high_watermark = before.min(self.log_end_offset);
        if !self.config.mutation.is(Mutant::KeepEpochCacheOnTruncate) {
            self.trim_epochs(host)?;
        }
        self.truncated(before, host).map(Some)
    }

    /// Drops everything and starts again at `start` (`truncateFullyAndStartAt`). Returns the flush that makes that
    /// durable.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn truncate_fully(
        &mut self,
        start: Offset,
        host: &mut impl Host,
    ) -> Result<FlushRound, ErrorCode> {
        let before = self.high_watermark;
        self.drop_segments(0, host).map_err(storage_error)?;
        self.segments.push(Segment::empty(start));
        // The new segment's name is all that tells the next boot where the log starts.
        let name = FileName::Segment(self.partition, start);
        host.replace(name, Vec::new(), LogToken::Checkpoint).map_err(storage_error)?;
        self.log_end_offset = start;
        self.high_watermark = start;
        self.epochs.clear();
        self.epochs.write(host)?;
        self.truncated(before, host)
    }

    /// Begins to flush everything; returns the round that does.
    pub fn flush(&mut self, host: &mut impl Host) -> FlushRound {
        self.ask_flush(self.log_end_offset, host)
    }

    /// Begins to flush the log if it was not for `flush.ms` and there is something to flush.
    pub fn flush_if_old(&mut self, host: &mut impl Host) {
        let is_old = self.flush.age(host.now()) >= self.config.flush_interval;
        if is_old
            && self.flush.asked() < self.log_end_offset
            && !self.config.mutation.is(Mutant::ForgetTheFlush)
        {
            self.flush(host);
        }
    }

    /// One file of a flush is durable, or not. Says whether that ended the round.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`] if the disk failed.
    pub fn flush_completed(
        &mut self,
        round: FlushRound,
        result: Result<(), DiskError>,
        host: &mut impl Host,
    ) -> Result<bool, ErrorCode> {
        let log = Extent {
            partition: self.partition,
            segments: &self.segments,
            log_end_offset: self.log_end_offset,
        };
        let is_over = self.flush.file_flushed(round, result, &log, host)?;
        self.check();
        Ok(is_over)
    }

    /// Whether a round of flushing has ended.
    pub fn has_flushed(&self, round: FlushRound) -> bool {
        self.flush.has_ended(round)
    }

    fn append(
        &mut self,
        batch: Batch,
        as_leader: bool,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        if batch.size_bytes > self.config.segment_bytes {
            return Err(ErrorCode::RecordListTooLarge);
        }
        self.epochs.assign(batch.leader_epoch, batch.base_offset, host)?;
        self.maybe_roll(batch.size_bytes, host);
        let active = self.segments.last_mut().expect("a log has an active segment");
        let name = active.file_name(self.partition);
        host.append(name, FileEntry::Batch(batch.clone()), batch.size_bytes)
            .map_err(storage_error)?;
        active.size_bytes += u64::from(batch.size_bytes);
        self.log_end_offset = batch.next_offset();
        host.note(Note::Appended { partition: self.partition, batch, as_leader });
        Ok(())
    }

    /// Begins a new segment if `incoming_bytes` would make the active one too large (L7), and a flush of the one that is
    /// full (L10).
    fn maybe_roll(&mut self, incoming_bytes: u32, host: &mut impl Host) {
        let size_bytes = self.segments.last().map_or(0, |active| active.size_bytes);
        if size_bytes == 0
            || size_bytes + u64::from(incoming_bytes) <= u64::from(self.config.segment_bytes)
        {
            return;
        }
        host.probe(Probe::SegmentRolled);
        self.segments.push(Segment::empty(self.log_end_offset));
        self.ask_flush(self.log_end_offset, host);
    }

    fn append_info(&mut self, base_offset: Offset, host: &mut impl Host) -> AppendInfo {
        AppendInfo { base_offset, next_offset: self.log_end_offset, flush: self.flush_if_due(host) }
    }

    /// Begins a flush if `flush.messages` records wait for one.
    fn flush_if_due(&mut self, host: &mut impl Host) -> Option<FlushRound> {
        let unflushed = self.log_end_offset - self.flush.asked();
        let is_due = unflushed >= self.config.flush_messages && unflushed > 0;
        (is_due && !self.config.mutation.is(Mutant::ForgetTheFlush)).then(|| self.flush(host))
    }

    fn ask_flush(&mut self, up_to: Offset, host: &mut impl Host) -> FlushRound {
        let log = Extent {
            partition: self.partition,
            segments: &self.segments,
            log_end_offset: self.log_end_offset,
        };
        self.flush.ask(up_to, &log, host)
    }

    fn visible_end(&self, isolation: FetchIsolation) -> Offset {
        match isolation {
            FetchIsolation::LogEnd => self.log_end_offset,
            FetchIsolation::HighWatermark => self.high_watermark,
        }
    }

    /// Where the batch that holds `offset`, or the first one after it, is.
    fn find<'h>(&self, offset: Offset, host: &'h impl Host) -> (Batches<'h>, usize) {
        let mut at = self.segment_of(offset);
        loop {
            let batches = self.segments[at].batches(self.partition, host);
            let index = batches.index_of(offset);
            if index < batches.len() || at + 1 == self.segments.len() {
                return (batches, index);
            }
            at += 1;
        }
    }

    /// Bytes of the log before the batch that holds `offset`. No file need be looked at for the end of the log, which is
    /// asked for most.
    fn position_of(&self, offset: Offset, host: &impl Host) -> u64 {
        if offset == self.log_end_offset {
            return self.segments.iter().map(|segment| segment.size_bytes).sum();
        }
        let at = self.segment_of(offset);
        let batches = self.segments[at].batches(self.partition, host);
        let before: u64 = self.segments[..at].iter().map(|segment| segment.size_bytes).sum();
        before + batches.position(batches.index_of(offset))
    }

    fn segment_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }

    /// Drops what lies at `target` or beyond; `target` is within the log.
    fn cut(&mut self, target: Offset, host: &mut impl Host) -> Result<(), DiskError> {
        let kept = self.segment_of(target);
        self.drop_segments(kept + 1, host)?;
        let active = &mut self.segments[kept];
        let batches = active.batches(self.partition, host);
        let keep = batches.index_of(target);
        let end_offset = batches.end_offset(keep, active.base_offset);
        active.size_bytes = batches.position(keep);
        host.truncate(active.file_name(self.partition), keep)?;
        self.log_end_offset = end_offset;
        Ok(())
    }

    /// Removes the segments from index `first` on.
    fn drop_segments(&mut self, first: usize, host: &mut impl Host) -> Result<(), DiskError> {
        let names: Vec<FileName> =
            self.segments.drain(first..).map(|segment| segment.file_name(self.partition)).collect();
        if names.is_empty() { Ok(()) } else { host.remove(&names) }
    }

    /// The log was cut: tells so, and makes sure that no checkpoint claims more than what is left.
    ///
    /// Kafka rewrites the recovery-point checkpoint before it goes on; that fsync commits the file system's journal, and
    /// with it the truncation. This is what the flush stands for: were the cut undone after new batches were
    /// appended in its place, the epoch cache would contradict the log.
    fn truncated(
        &mut self,
        high_watermark_before: Offset,
        host: &mut impl Host,
    ) -> Result<FlushRound, ErrorCode> {
        if self.log_end_offset < high_watermark_before {
            host.probe(Probe::TruncatedBelowHighWatermark);
        }
        self.flush.truncate(self.log_end_offset);
        let (partition, log_end_offset) = (self.partition, self.log_end_offset);
        let epochs = self.epochs.starts().to_vec();
        host.note(Note::Truncated { partition, log_end_offset, high_watermark_before, epochs });
        let recovery_point = self.recovery_point();
        checkpoint::update(FileName::RecoveryPointCheckpoint, partition, recovery_point, host)?;
        self.check();
        Ok(self.flush(host))
    }

    fn trim_epochs(&mut self, host: &mut impl Host) -> Result<(), ErrorCode> {
        if self.epochs.truncate_from_end(self.log_end_offset) {
            self.epochs.write(host)
        } else {
            Ok(())
        }
    }

    fn check(&self) {
        assert!(
            self.log_start_offset() <= self.high_watermark,
            "W7: the log start offset is not above the high watermark"
        );
        assert!(
            self.high_watermark <= self.log_end_offset,
            "W7: the high watermark is not above the log end offset"
        );
        assert!(
            self.recovery_point() <= self.log_end_offset,
            "W7: the recovery point is not above the log end offset"
        );
    }
}

/// The batches from index `first` on that end at `end` or before and fit into `max_bytes`.
fn read_batches(
    batches: Batches<'_>,
    first: usize,
    end: Offset,
    max_bytes: u32,
    is_one_wanted: bool,
) -> Result<Vec<Batch>, ErrorCode> {
    let mut found = Vec::with_capacity(batches.len() - first);
    let mut bytes_left = max_bytes;
    for index in first..batches.len() {
        let Some(batch) = batches.intact(index) else {
            return if found.is_empty() { Err(ErrorCode::CorruptMessage) } else { Ok(found) };
        };
        let fits = batch.size_bytes <= bytes_left || (is_one_wanted && found.is_empty());
        if batch.next_offset() > end || !fits {
            break;
        }
        bytes_left = bytes_left.saturating_sub(batch.size_bytes);
        found.push(batch.clone());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use ktrial_sim::disk::DiskFaults;
    use ktrial_sim::fault::FlushErrorMode;

    use super::*;
    use crate::log::LogToken;
    use crate::log::test_host::{
        PARTITION, RECORD_BYTES, TestHost, batch, config, log_of, open, segments_of,
    };
    use crate::record::BATCH_OVERHEAD_BYTES;

    const E0: LeaderEpoch = LeaderEpoch(0);
    const E1: LeaderEpoch = LeaderEpoch(1);

    fn bases(log: &UnifiedLog) -> Vec<u64> {
        log.segments.iter().map(|segment| segment.base_offset.0).collect()
    }

    fn read_offsets(log: &UnifiedLog, start: u64, max_bytes: u32, host: &mut TestHost) -> Vec<u64> {
        let batches =
            log.read(Offset(start), max_bytes, true, FetchIsolation::LogEnd, host).unwrap();
        batches.iter().map(|batch| batch.base_offset.0).collect()
    }

    #[test]
    fn a_leader_stamps_consecutive_offsets_and_its_epoch() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[2, 3], config(), host);
        let info = log.append_as_leader(&batch(1), E1, host).unwrap();
        assert_eq!(
            info,
            AppendInfo { base_offset: Offset(5), next_offset: Offset(6), flush: None }
        );
        let read = log.read(Offset(5), 0, true, FetchIsolation::LogEnd, host).unwrap();
        assert_eq!((read[0].base_offset, read[0].leader_epoch), (Offset(5), E1));
        assert_eq!(log.end_offset_for_epoch(E0).map(|end| end.end_offset), Some(Offset(5)));
    }

    #[test]
    fn what_is_too_large_is_not_appended() {
        let host = &mut TestHost::new(1);
        let mut log = open(LogConfig { max_message_bytes: 300, ..config() }, host);
        assert_eq!(log.append_as_leader(&batch(3), E0, host), Err(ErrorCode::MessageTooLarge));
        let mut log = open(LogConfig { segment_bytes: 300, ..config() }, host);
        assert_eq!(log.append_as_leader(&batch(3), E0, host), Err(ErrorCode::RecordListTooLarge));
        assert_eq!((log.log_end_offset(), log.latest_epoch()), (Offset(0), None));
    }

    #[test]
    fn a_follower_keeps_offsets_and_epochs_and_refuses_what_it_has() {
        let host = &mut TestHost::new(1);
        let mut log = open(config(), host);
        let batches = [batch(2).stamped(Offset(0), E0), batch(1).stamped(Offset(2), E1)];
        log.append_as_follower(batches.clone(), host).unwrap();
        assert_eq!((log.log_end_offset(), log.latest_epoch()), (Offset(3), Some(E1)));
        assert_eq!(
            log.append_as_follower([batches[1].clone()], host),
            Err(ErrorCode::UnknownServerError)
        );
    }

    #[test]
    fn a_full_segment_is_rolled_and_flushed_in_the_background() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1, 1, 1, 1, 1], segments_of(2), host);
        assert_eq!(bases(&log), [0, 2, 4]);
        assert_eq!(log.recovery_point(), Offset(0));
        host.settle(&mut log);
        assert_eq!(log.recovery_point(), Offset(4), "the active segment is not flushed by rolling");
    }

    #[test]
    fn flush_messages_names_the_round_that_covers_the_append() {
        let host = &mut TestHost::new(1);
        let mut log = open(LogConfig { flush_messages: 2, ..config() }, host);
        assert_eq!(log.append_as_leader(&batch(1), E0, host).unwrap().flush, None);
        let first = log.append_as_leader(&batch(1), E0, host).unwrap().flush.unwrap();
        let second = log.append_as_leader(&batch(3), E0, host).unwrap().flush.unwrap();
        assert!(first < second, "what comes while a round is under way is covered by the next one");
        assert!(!log.has_flushed(first));
        for (token, result) in host.complete_flushes() {
            if let LogToken::Flush(_, round) = token {
                assert_eq!(log.flush_completed(round, result, host), Ok(true));
            }
        }
        assert!(log.has_flushed(first) && !log.has_flushed(second));
        assert_eq!(log.recovery_point(), Offset(2));
        host.settle(&mut log);
        assert!(log.has_flushed(second));
        assert_eq!(log.recovery_point(), Offset(5));
    }

    #[test]
    fn flush_ms_flushes_what_is_old_enough() {
        let host = &mut TestHost::new(1);
        let mut log =
            log_of(&[1], LogConfig { flush_interval: Duration::from_millis(50), ..config() }, host);
        log.flush_if_old(host);
        host.settle(&mut log);
        assert_eq!(log.recovery_point(), Offset(0));
        host.pass(50);
        log.flush_if_old(host);
        host.settle(&mut log);
        assert_eq!(log.recovery_point(), Offset(1));
    }

    #[test]
    fn a_round_ends_although_the_log_was_truncated_and_claims_no_more_than_is_left() {
        let host = &mut TestHost::new(1);
        let mut log = open(LogConfig { flush_messages: 1, ..config() }, host);
        let first = log.append_as_leader(&batch(3), E0, host).unwrap().flush.unwrap();
        let second = log.append_as_leader(&batch(3), E0, host).unwrap().flush.unwrap();
        log.truncate_to(Offset(0), host).unwrap();
        log.append_as_leader(&batch(2), E1, host).unwrap();
        for (token, result) in host.complete_flushes() {
            if let LogToken::Flush(_, round) = token {
                log.flush_completed(round, result, host).unwrap();
            }
        }
        assert!(log.has_flushed(first));
        assert_eq!(log.recovery_point(), Offset(0), "the round began before the log was cut");
        host.settle(&mut log);
        assert!(log.has_flushed(second));
        assert_eq!(log.recovery_point(), Offset(2));
    }

    #[test]
    fn a_flush_that_fails_takes_the_log_directory_offline() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1], config(), host);
        let round = log.flush(host);
        host.disk.faults =
            DiskFaults { flush_error: Some(FlushErrorMode::KeepsDirty), ..DiskFaults::default() };
        let results: Vec<_> =
            host.complete_flushes().into_iter().map(|(_, result)| result).collect();
        let failed = log.flush_completed(round, results[1], host);
        assert_eq!(failed, Err(ErrorCode::KafkaStorageError));
        assert_eq!(log.recovery_point(), Offset(0));
    }

    #[test]
    fn a_write_error_is_a_storage_error() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1], config(), host);
        host.disk.faults = DiskFaults { write_error: true, ..DiskFaults::default() };
        assert_eq!(log.append_as_leader(&batch(1), E0, host), Err(ErrorCode::KafkaStorageError));
        assert_eq!(log.truncate_to(Offset(0), host), Err(ErrorCode::KafkaStorageError));
    }

    #[test]
    fn a_read_returns_whole_batches_of_one_segment() {
        let host = &mut TestHost::new(1);
        let log = log_of(&[1; 5], segments_of(3), host);
        let size = BATCH_OVERHEAD_BYTES + RECORD_BYTES;
        assert_eq!(read_offsets(&log, 0, u32::MAX, host), [0, 1, 2]);
        assert_eq!(read_offsets(&log, 1, 2 * size, host), [1, 2]);
        assert_eq!(read_offsets(&log, 1, 2 * size - 1, host), [1]);
        assert_eq!(read_offsets(&log, 1, 1, host), [1], "the first comes whole");
        assert_eq!(read_offsets(&log, 3, u32::MAX, host), [3, 4]);
        assert!(read_offsets(&log, 5, u32::MAX, host).is_empty());
        let unforced = log.read(Offset(0), 1, false, FetchIsolation::LogEnd, host);
        assert_eq!(unforced, Ok(vec![]));
    }

    #[test]
    fn the_first_batch_may_begin_before_the_offset() {
        let host = &mut TestHost::new(1);
        let log = log_of(&[3, 3], config(), host);
        assert_eq!(read_offsets(&log, 4, 1, host), [3]);
    }

    #[test]
    fn a_consumer_sees_what_is_below_the_high_watermark() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1, 1, 1], config(), host);
        log.maybe_increment_high_watermark(Offset(2));
        let read = |log: &UnifiedLog, start, host: &mut TestHost| {
            let found =
                log.read(Offset(start), u32::MAX, true, FetchIsolation::HighWatermark, host);
            found.map(|batches| batches.len())
        };
        assert_eq!(read(&log, 0, host), Ok(2));
        assert_eq!(read(&log, 2, host), Ok(0));
        assert_eq!(read(&log, 3, host), Ok(0));
        assert_eq!(read(&log, 4, host), Err(ErrorCode::OffsetOutOfRange));
    }

    #[test]
    fn a_damaged_batch_is_refused_when_it_comes_first() {
        let host = &mut TestHost::new(1);
        let log = log_of(&[1, 1, 1], config(), host);
        assert!(host.disk.corrupt(FileName::Segment(PARTITION, Offset(0)), 1));
        assert_eq!(read_offsets(&log, 0, u32::MAX, host), [0]);
        let read = log.read(Offset(1), u32::MAX, true, FetchIsolation::LogEnd, host);
        assert_eq!(read, Err(ErrorCode::CorruptMessage));
    }

    #[test]
    fn available_bytes_are_those_of_the_batches_a_reader_may_have() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1; 5], segments_of(2), host);
        let size = u64::from(BATCH_OVERHEAD_BYTES + RECORD_BYTES);
        log.maybe_increment_high_watermark(Offset(3));
        let available = |start, isolation| log.available_bytes(Offset(start), isolation, host);
        assert_eq!(available(1, FetchIsolation::LogEnd), 4 * size);
        assert_eq!(available(1, FetchIsolation::HighWatermark), 2 * size);
        assert_eq!(available(4, FetchIsolation::HighWatermark), 0);
    }

    #[test]
    fn truncation_drops_whole_batches_segments_and_epochs() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1, 1, 1], segments_of(2), host);
        log.append_as_leader(&batch(1), E1, host).unwrap();
        log.append_as_leader(&batch(1), E1, host).unwrap();
        log.maybe_increment_high_watermark(Offset(4));
        let round = log.truncate_to(Offset(3), host).unwrap().expect("something was cut");
        assert!(!log.has_flushed(round));
        assert_eq!(bases(&log), [0, 2]);
        assert_eq!((log.log_end_offset(), log.high_watermark()), (Offset(3), Offset(3)));
        assert_eq!(log.latest_epoch(), Some(E0));
        assert!(!host.disk.exists(FileName::Segment(PARTITION, Offset(4))));
        assert!(host.probes.contains(&Probe::TruncatedBelowHighWatermark));
        assert_eq!(read_offsets(&log, 2, u32::MAX, host), [2]);
    }

    #[test]
    fn truncation_within_a_batch_drops_all_of_it() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[3, 3], config(), host);
        log.truncate_to(Offset(4), host).unwrap();
        assert_eq!(log.log_end_offset(), Offset(3));
    }

    #[test]
    fn truncation_beyond_the_end_takes_only_the_empty_epoch() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[2], config(), host);
        log.begin_epoch(E1, host).unwrap();
        assert_eq!(log.truncate_to(Offset(2), host), Ok(None));
        assert_eq!((log.log_end_offset(), log.latest_epoch()), (Offset(2), Some(E0)));
    }

    #[test]
    fn truncation_lowers_the_recovery_point_in_its_checkpoint() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1, 1, 1], config(), host);
        log.flush(host);
        host.settle(&mut log);
        checkpoint::update(
            FileName::RecoveryPointCheckpoint,
            PARTITION,
            log.recovery_point(),
            host,
        )
        .unwrap();
        log.truncate_to(Offset(1), host).unwrap();
        let recovery_points = checkpoint::read(FileName::RecoveryPointCheckpoint, host);
        assert_eq!(recovery_points[&PARTITION], Offset(1));
    }

    #[test]
    fn a_fully_truncated_log_starts_where_it_was_told_even_after_a_restart() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[1, 1, 1], segments_of(1), host);
        log.truncate_fully(Offset(40), host).unwrap();
        assert_eq!(
            (log.log_start_offset(), log.log_end_offset(), log.high_watermark()),
            (Offset(40), Offset(40), Offset(40))
        );
        assert_eq!(log.latest_epoch(), None);
        let log = open(config(), host);
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(40), Offset(40)));
    }

    #[test]
    fn a_followers_high_watermark_is_bound_by_its_log_and_may_fall() {
        let host = &mut TestHost::new(1);
        let mut log = log_of(&[3], config(), host);
        assert!(log.update_high_watermark(Offset(9)));
        assert_eq!(log.high_watermark(), Offset(3));
        assert!(log.update_high_watermark(Offset(1)));
        assert!(!log.update_high_watermark(Offset(1)));
        assert!(!log.maybe_increment_high_watermark(Offset(1)), "a leader's only rises");
    }
}
