//! Which leader epoch begins at which offset of a log, with its checkpoint file. As `LeaderEpochFileCache` (KIP-101,
//! KIP-279).
//!
//! A new epoch is written before the first batch that bears it. Kafka waits for that write to be durable and here it
//! becomes so a moment later; a power loss in between costs at most entries that recovery reads off the batches again.

use super::checkpoint::lines;
use super::host::{Host, LogToken};
use super::storage_error;
use crate::error_code::ErrorCode;
use crate::file::{FileEntry, FileName};
use crate::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::message::EpochEndOffset;
use ktrial_sim::disk::Entry;

/// An epoch and the offset of its first record.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Where it begins; the log end offset while nothing was appended in it.
    pub start_offset: Offset,
}

/// Epochs with their starts, both strictly ascending, and the file that holds them.
#[derive(Clone, Debug)]
pub struct LeaderEpochCache {
    partition: TopicPartition,
    starts: Vec<EpochStart>,
}

impl LeaderEpochCache {
    /// The cache of a log without records.
    pub fn empty(partition: TopicPartition) -> Self {
        LeaderEpochCache { partition, starts: Vec::new() }
    }

    /// What the checkpoint file holds; nothing if there is none.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`] if the file is damaged: Kafka takes the log directory offline.
    pub fn read(partition: TopicPartition, host: &impl Host) -> Result<Self, ErrorCode> {
        let mut cache = LeaderEpochCache::empty(partition);
        if let Some(file) = host.file(FileName::LeaderEpochCheckpoint(partition)) {
            for entry in file.entries_from(0) {
                let Entry::Intact(&FileEntry::EpochStart(epoch, start_offset)) = entry else {
                    return Err(ErrorCode::KafkaStorageError);
                };
                cache.starts.push(EpochStart { epoch, start_offset });
            }
        }
        Ok(cache)
    }

    /// All entries, oldest epoch first.
    pub fn starts(&self) -> &[EpochStart] {
        &self.starts
    }

    /// The latest epoch, if there is any.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.starts.last().map(|last| last.epoch)
    }

    /// Notes that `epoch` begins at `start_offset`, unless that is known, and writes the file. Entries that contradict it
    /// go. Errors as [`write`](Self::write).
    pub fn assign(
        &mut self,
        epoch: LeaderEpoch,
        start_offset: Offset,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        if self.insert(epoch, start_offset) { self.write(host) } else { Ok(()) }
    }

    /// As [`assign`](Self::assign), but leaves the file as it is. Says whether anything changed.
    pub fn insert(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        let is_known = self
            .starts
            .last()
            .is_some_and(|last| last.epoch == epoch && last.start_offset <= start_offset);
        if is_known {
            return false;
        }
        let precedes =
            |start: &EpochStart| start.epoch < epoch && start.start_offset < start_offset;
        let keep = self.starts.iter().rposition(precedes).map_or(0, |last| last + 1);
        self.starts.truncate(keep);
        self.starts.push(EpochStart { epoch, start_offset });
        true
    }

    /// Forgets the epochs that begin at `end_offset` or later; does not write the file. Says whether anything changed.
    pub fn truncate_from_end(&mut self, end_offset: Offset) -> bool {
        let keep = self.starts.partition_point(|start| start.start_offset < end_offset);
        let is_change = keep < self.starts.len();
        self.starts.truncate(keep);
        is_change
    }

    /// Forgets everything; does not write the file.
    pub fn clear(&mut self) {
        self.starts.clear();
    }

    /// The largest epoch not above `epoch`, and where it ends in a log that ends at `log_end_offset`. `None` if `epoch`
    /// is above every known one. An epoch below every known one ends where the first known one begins.
    pub fn end_offset_for(
        &self,
        epoch: LeaderEpoch,
        log_end_offset: Offset,
    ) -> Option<EpochEndOffset> {
        if self.latest_epoch() == Some(epoch) {
            return Some(EpochEndOffset { epoch, end_offset: log_end_offset });
        }
        let higher = self.starts.partition_point(|start| start.epoch <= epoch);
        let end_offset = self.starts.get(higher)?.start_offset;
        let floor = higher.checked_sub(1).map_or(epoch, |floor| self.starts[floor].epoch);
        Some(EpochEndOffset { epoch: floor, end_offset })
    }

    /// Writes the checkpoint file.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`] if the disk fails.
    pub fn write(&self, host: &mut impl Host) -> Result<(), ErrorCode> {
        let entries =
            self.starts.iter().map(|start| FileEntry::EpochStart(start.epoch, start.start_offset));
        let name = FileName::LeaderEpochCheckpoint(self.partition);
        host.replace(name, lines(entries), LogToken::Checkpoint).map_err(storage_error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cache(starts: &[(u32, u64)]) -> LeaderEpochCache {
        let mut cache = LeaderEpochCache::empty(TopicPartition::new(crate::ids::TopicId(1), 0));
        for &(epoch, start) in starts {
            cache.insert(LeaderEpoch(epoch), Offset(start));
        }
        cache
    }

    fn pairs(cache: &LeaderEpochCache) -> Vec<(u32, u64)> {
        cache.starts().iter().map(|start| (start.epoch.0, start.start_offset.0)).collect()
    }

    fn end(epoch: u32, end_offset: u64) -> Option<EpochEndOffset> {
        Some(EpochEndOffset { epoch: LeaderEpoch(epoch), end_offset: Offset(end_offset) })
    }

    #[test]
    fn an_epoch_ends_where_the_next_known_one_begins() {
        let cache = cache(&[(2, 10), (4, 20), (7, 35)]);
        let ask = |epoch| cache.end_offset_for(LeaderEpoch(epoch), Offset(50));
        assert_eq!(ask(1), end(1, 10));
        assert_eq!(ask(2), end(2, 20));
        assert_eq!(ask(3), end(2, 20));
        assert_eq!(ask(6), end(4, 35));
        assert_eq!(ask(7), end(7, 50));
        assert_eq!(ask(8), None);
    }

    #[test]
    fn an_empty_cache_knows_no_end() {
        assert_eq!(cache(&[]).end_offset_for(LeaderEpoch(0), Offset(5)), None);
    }

    #[test]
    fn an_epoch_that_got_no_record_gives_way_to_the_next() {
        assert_eq!(pairs(&cache(&[(1, 0), (2, 10), (3, 10)])), [(1, 0), (3, 10)]);
    }

    #[test]
    fn a_later_offset_of_the_latest_epoch_changes_nothing() {
        let mut cache = cache(&[(1, 0), (2, 10)]);
        assert!(!cache.insert(LeaderEpoch(2), Offset(15)));
        assert!(cache.insert(LeaderEpoch(2), Offset(5)));
        assert_eq!(pairs(&cache), [(1, 0), (2, 5)]);
    }

    #[test]
    fn truncation_takes_the_epochs_that_begin_beyond_the_end() {
        let mut cache = cache(&[(1, 0), (2, 10), (3, 20)]);
        assert!(!cache.truncate_from_end(Offset(21)));
        assert!(cache.truncate_from_end(Offset(10)));
        assert_eq!(pairs(&cache), [(1, 0)]);
    }

    proptest! {
        /// Against the definition: look at every record's epoch.
        #[test]
        fn the_end_of_an_epoch_is_what_the_records_say(
            lengths in prop::collection::vec((1u32..4, 1u64..5), 1..6), asked in 0u32..20,
        ) {
            let mut cache = cache(&[]);
            let mut records: Vec<u32> = Vec::new();
            let mut epoch = 0;
            for (step, length) in lengths {
                epoch += step;
                for _ in 0..length {
                    cache.insert(LeaderEpoch(epoch), Offset(records.len() as u64));
                    records.push(epoch);
                }
            }
            let end_of_asked = records.iter().position(|&epoch| epoch > asked).unwrap_or(records.len());
            let floor = records[..end_of_asked].last().copied().unwrap_or(asked);
            let expected = if asked > epoch { None } else { end(floor, end_of_asked as u64) };
            prop_assert_eq!(cache.end_offset_for(LeaderEpoch(asked), Offset(records.len() as u64)), expected);
        }

        /// Whatever is assigned and cut, epochs and starts ascend strictly and no epoch begins past the end.
        #[test]
        fn entries_ascend_strictly(steps in prop::collection::vec((any::<bool>(), 0u32..9, 0u64..30), 0..40)) {
            let mut cache = cache(&[]);
            for (is_cut, epoch, offset) in steps {
                if is_cut {
                    cache.truncate_from_end(Offset(offset));
                    prop_assert!(cache.starts().iter().all(|start| start.start_offset < Offset(offset)));
                } else {
                    cache.insert(LeaderEpoch(epoch), Offset(offset));
                    prop_assert_eq!(cache.latest_epoch(), Some(LeaderEpoch(epoch)));
                }
                let ascends = |pair: &[EpochStart]| {
                    pair[0].epoch < pair[1].epoch && pair[0].start_offset < pair[1].start_offset
                };
                prop_assert!(cache.starts().windows(2).all(ascends));
            }
        }
    }
}
