//! A log reduced to one hash per offset: the hash of everything up to there. Two logs are the same below an offset if
//! and, but for a chance of one in 2^64, only if their hashes there are, so that logs are compared in constant time
//! whatever their length.
//!
//! ```text
//! offset    0        1        2
//! record    a        b        c
//! hash   h(.,a)   h(.,b)   h(.,c)      each takes in the one before it, the record and its leader epoch
//! ```

use ktrial_sim::chunked::Chunked;

use crate::ids::{LeaderEpoch, Offset};
use crate::record::{Batch, OffsetCommitValue, Record, RecordValue};

/// The hash of no record at all.
const EMPTY: ChainHash = ChainHash(0x243f_6a88_85a3_08d3);

/// Odd constants with even bit distribution.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
const TWIST: u64 = 0xa409_3822_299f_31d0;

/// The hash of a log up to some offset.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct ChainHash(u64);

impl ChainHash {
    /// Of a log whose content cannot be told from outside; so is everything appended to it.
    const UNKNOWN: ChainHash = ChainHash(0);

    /// Whether the logs may be the same.
    pub(super) fn may_equal(self, other: ChainHash) -> bool {
        self == other || self == ChainHash::UNKNOWN || other == ChainHash::UNKNOWN
    }

    fn then(self, record: &Record, epoch: u64) -> ChainHash {
        if self == ChainHash::UNKNOWN {
            return self;
        }
        let hash = match record.value {
            RecordValue::Data(id) => fold(self.0 ^ id.0, epoch),
            RecordValue::OffsetCommit(commit) => fold(self.0 ^ fold_commit(&commit), epoch),
        };
        ChainHash(hash.max(1))
    }
}

/// The product of two words, its halves on top of each other.
fn fold(word: u64, key: u64) -> u64 {
    let product = u128::from(word.wrapping_add(MULTIPLIER)) * u128::from(key);
    (product >> 64) as u64 ^ product as u64
}

/// An odd key per epoch.
fn epoch_key(epoch: LeaderEpoch) -> u64 {
    (u64::from(epoch.0) + 1).wrapping_mul(MULTIPLIER) ^ TWIST | 1
}

fn fold_commit(commit: &OffsetCommitValue) -> u64 {
    let partition =
        u64::from(commit.partition.topic.0) << 16 | u64::from(commit.partition.partition);
    let epoch = commit.leader_epoch.map_or(0, |epoch| u64::from(epoch.0) + 1);
    fold(u64::from(commit.group.0) << 32 | partition, MULTIPLIER)
        ^ fold(commit.offset.0, TWIST | 1)
        ^ epoch
}

/// The hashes of one log. It begins at offset 0 and has no gaps.
#[derive(Clone, Debug)]
pub(super) struct RecordChain {
    hashes: Chunked<ChainHash>,
    last: ChainHash,
}

impl RecordChain {
    /// The log without records.
    pub(super) fn new() -> Self {
        RecordChain { hashes: Chunked::new(), last: EMPTY }
    }

    /// The next offset.
    pub(super) fn end(&self) -> Offset {
        Offset(self.hashes.len() as u64)
    }

    /// The hash of everything below `end`; `None` beyond the end of the log.
    pub(super) fn below(&self, end: Offset) -> Option<ChainHash> {
        match end.0 {
            0 => Some(EMPTY),
            end => self.hashes.get(end as usize - 1).copied(),
        }
    }

    /// Whether `other` is, or may be, the same below `end`, and both reach that far.
    pub(super) fn agrees_below(&self, other: &RecordChain, end: Offset) -> bool {
        match (self.below(end), other.below(end)) {
            (Some(mine), Some(theirs)) => mine.may_equal(theirs),
            _ => false,
        }
    }

    /// Whether nothing in it is unknown.
    pub(super) fn is_known(&self) -> bool {
        self.last != ChainHash::UNKNOWN
    }

    pub(super) fn append(&mut self, batch: &Batch) {
        let epoch = epoch_key(batch.leader_epoch);
        for record in &*batch.records {
            self.push(self.last.then(record, epoch));
        }
    }

    /// Keeps what lies below `end`.
    pub(super) fn truncate(&mut self, end: Offset) {
        self.hashes.truncate(end.0 as usize);
        self.last = self.hashes.last().copied().unwrap_or(EMPTY);
    }

    /// Adds unknown records so that the log reaches `end`.
    pub(super) fn pad(&mut self, end: Offset) {
        while self.end() < end {
            self.push(ChainHash::UNKNOWN);
        }
    }

    /// Takes over what `other` has below `end` and this log has not.
    ///
    /// # Panics
    /// If `other` does not reach that far.
    pub(super) fn extend_from(&mut self, other: &RecordChain, end: Offset) {
        for index in self.hashes.len()..end.0 as usize {
            self.push(other.hashes[index]);
        }
    }

    /// Where the two logs part: the end of what they have in common.
    pub(super) fn fork(&self, other: &RecordChain) -> Offset {
        let (mut same, mut differs) = (0, self.end().min(other.end()).0 + 1);
        while same + 1 < differs {
            let middle = same + (differs - same) / 2;
            if self.agrees_below(other, Offset(middle)) { same = middle } else { differs = middle }
        }
        Offset(same)
    }

    fn push(&mut self, hash: ChainHash) {
        self.hashes.push(hash);
        self.last = hash;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::RecordId;

    /// One record per id, in batches of one.
    fn chain(records: &[(u64, u32)]) -> RecordChain {
        let mut chain = RecordChain::new();
        for &(id, epoch) in records {
            let record = Record {
                key: None,
                value: RecordValue::Data(RecordId(id)),
                size_bytes: 10,
                timestamp_ms: 0,
            };
            let batch = Batch::new([record].into());
            chain.append(&batch.stamped(chain.end(), LeaderEpoch(epoch)));
        }
        chain
    }

    fn records() -> impl Strategy<Value = Vec<(u64, u32)>> {
        prop::collection::vec((0..3u64, 0..3u32), 0..60)
    }

    proptest! {
        #[test]
        fn two_chains_part_where_their_logs_do(mut a in records(), shared in 0..60usize, b in records()) {
            let b: Vec<_> = a.iter().take(shared).copied().chain(b).collect();
            let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
            prop_assert_eq!(chain(&a).fork(&chain(&b)), Offset(common as u64));
            a.truncate(common);
            let mut cut = chain(&b);
            cut.truncate(Offset(common as u64));
            prop_assert_eq!(cut.last, chain(&a).last);
        }
    }

    #[test]
    fn the_same_record_of_another_epoch_is_another_record() {
        assert_eq!(chain(&[(1, 0), (2, 0)]).fork(&chain(&[(1, 0), (2, 1)])), Offset(1));
    }

    #[test]
    fn what_is_unknown_agrees_with_anything_until_it_is_cut_off() {
        let (known, mut padded) = (chain(&[(1, 0), (2, 0), (3, 0)]), chain(&[(1, 0)]));
        padded.pad(Offset(3));
        assert!(padded.agrees_below(&known, Offset(3)));
        assert!(!padded.is_known());
        padded.truncate(Offset(1));
        assert!(padded.is_known());
        assert!(!padded.agrees_below(&known, Offset(2)), "it no longer reaches that far");
    }
}
