//! The process that tests of logs and partitions pretend to be: a real disk, a clock that stands still until it is moved,
//! and everything that was told.

use ktrial_sim::disk::{Disk, DiskError, DiskOptions, File, FlushTicket};
use ktrial_sim::random::{Address, Purpose, Stream, Streams};
use ktrial_sim::time::{Duration, Instant};

use super::log_loader::{LogCheckpoints, load};
use super::{Host, LogConfig, LogToken, UnifiedLog};
use crate::file::{FileEntry, FileName};
use crate::ids::{LeaderEpoch, Offset, RecordId, TopicId, TopicPartition};
use crate::mutant::Mutation;
use crate::note::Note;
use crate::probe::Probe;
use crate::record::{BATCH_OVERHEAD_BYTES, Batch, Record, RecordValue};

/// The partition that tests are about.
pub(crate) const PARTITION: TopicPartition = TopicPartition::new(TopicId(1), 0);

/// Bytes of a record of [`batch`].
pub(crate) const RECORD_BYTES: u32 = 100;

/// A process without a kernel.
#[derive(Clone)]
pub(crate) struct TestHost {
    pub(crate) disk: Disk<FileName, FileEntry>,
    pub(crate) now: Instant,
    pub(crate) notes: Vec<Note>,
    pub(crate) probes: Vec<Probe>,
    in_flight: Vec<(FlushTicket<FileName>, LogToken)>,
    stream: Stream,
}

impl TestHost {
    pub(crate) fn new(seed: u64) -> Self {
        let mut stream = Streams::new(seed).stream(Address::new(Purpose::DiskDamage, 0));
        TestHost {
            disk: Disk::new(DiskOptions::default(), &mut stream),
            now: Instant::START,
            notes: Vec::new(),
            probes: Vec::new(),
            in_flight: Vec::new(),
            stream,
        }
    }

    pub(crate) fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// Completes every flush begun so far and returns what comes back.
    pub(crate) fn complete_flushes(&mut self) -> Vec<(LogToken, Result<(), DiskError>)> {
        let in_flight = std::mem::take(&mut self.in_flight);
        in_flight
            .into_iter()
            .map(|(ticket, token)| (token, self.disk.complete_flush(self.now, ticket)))
            .collect()
    }

    /// Completes flushes until none is left, and tells the log of its own.
    pub(crate) fn settle(&mut self, log: &mut UnifiedLog) {
        while !self.in_flight.is_empty() {
            for (token, result) in self.complete_flushes() {
                if let LogToken::Flush(_, round) = token {
                    log.flush_completed(round, result, self).expect("the disk is healthy");
                }
            }
        }
    }

    pub(crate) fn power_loss(&mut self) {
        self.in_flight.clear();
        self.disk.power_loss(self.now, &mut self.stream);
    }
}

impl Host for TestHost {
    fn now(&self) -> Instant {
        self.now
    }

    fn file(&self, name: FileName) -> Option<&File<FileEntry>> {
        self.disk.file(name)
    }

    fn segment_bases(&self, partition: TopicPartition) -> Vec<Offset> {
        self.disk.files().filter_map(|(name, _)| name.segment_base(partition)).collect()
    }

    fn append(&mut self, name: FileName, entry: FileEntry, bytes: u32) -> Result<(), DiskError> {
        self.disk.append(self.now, name, entry, bytes).map(drop)
    }

    fn truncate(&mut self, name: FileName, keep_entries: usize) -> Result<(), DiskError> {
        self.disk.truncate(self.now, name, keep_entries)
    }

    fn remove(&mut self, names: &[FileName]) -> Result<(), DiskError> {
        names.iter().try_for_each(|&name| self.disk.remove(self.now, name))?;
        self.in_flight.push((self.disk.begin_directory_flush(), LogToken::Checkpoint));
        Ok(())
    }

    fn replace(
        &mut self,
        name: FileName,
        entries: Vec<(FileEntry, u32)>,
        token: LogToken,
    ) -> Result<(), DiskError> {
        let ticket = self.disk.replace(self.now, name, entries)?;
        self.in_flight.push((ticket, token));
        Ok(())
    }

    fn flush(&mut self, name: FileName, token: LogToken) -> Result<(), DiskError> {
        let ticket = self.disk.begin_flush(name)?;
        self.in_flight.push((ticket, token));
        Ok(())
    }

    fn note(&mut self, note: Note) {
        self.notes.push(note);
    }

    fn probe(&mut self, probe: Probe) {
        self.probes.push(probe);
    }
}

/// A topic's logs with large segments and no flushes of their own.
pub(crate) fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1_000_000,
        max_message_bytes: 100_000,
        flush_messages: u64::MAX,
        flush_interval: Duration::FOREVER,
        mutation: Mutation::default(),
    }
}

/// A configuration in which every segment holds this many batches of one record.
pub(crate) fn segments_of(batches: u32) -> LogConfig {
    LogConfig { segment_bytes: batches * (BATCH_OVERHEAD_BYTES + RECORD_BYTES), ..config() }
}

/// A producer's batch of `count` records.
pub(crate) fn batch(count: u64) -> Batch {
    let record = |id| Record {
        key: None,
        value: RecordValue::Data(RecordId(id)),
        size_bytes: RECORD_BYTES,
        timestamp_ms: 0,
    };
    Batch::new((0..count).map(record).collect())
}

/// Opens the log after an unclean shutdown, without any checkpoint.
pub(crate) fn open(config: LogConfig, host: &mut TestHost) -> UnifiedLog {
    let nothing = LogCheckpoints {
        had_clean_shutdown: false,
        recovery_point: Offset::ZERO,
        high_watermark: Offset::ZERO,
    };
    load(PARTITION, config, nothing, host).expect("the disk is healthy")
}

/// A log with a batch of each of these lengths, all of epoch 0.
pub(crate) fn log_of(lengths: &[u64], config: LogConfig, host: &mut TestHost) -> UnifiedLog {
    let mut log = open(config, host);
    for &length in lengths {
        log.append_as_leader(&batch(length), LeaderEpoch(0), host).expect("the disk is healthy");
    }
    log
}
