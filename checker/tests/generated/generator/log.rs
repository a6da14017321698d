//! The log of one partition: what was appended, less what retention and compaction took.

use super::super::step::Records;
use std::collections::{BTreeMap, BTreeSet};

/// Stands where a control record lies, or a record that compaction took.
pub(super) const NO_RECORD: u64 = 0;

/// A partition.
#[derive(Default)]
pub(super) struct Log {
    /// By offset, from 0 on.
    values: Vec<u64>,
    /// The lowest offset that can still be read.
    pub(super) start: i64,
    pub(super) leader_epoch: i32,
    /// The highest high watermark that the leader told.
    pub(super) high_watermark: i64,
    /// The group's committed offset.
    pub(super) committed: Option<i64>,
}

impl Log {
    pub(super) fn end(&self) -> i64 {
        self.values.len() as i64
    }

    pub(super) fn append(&mut self, value: u64) -> i64 {
        self.values.push(value);
        self.end() - 1
    }

    /// Up to `max` records from an offset on, which is not below the start.
    pub(super) fn records_from(&self, offset: i64, max: usize) -> Records {
        let log = (offset..).zip(self.values.get(offset as usize..).unwrap_or_default());
        let records = log.filter(|&(_, &value)| value != NO_RECORD);
        records.map(|(offset, &value)| (offset, value)).take(max).collect()
    }

    /// Everything that can be read.
    pub(super) fn records(&self) -> Records {
        self.records_from(self.start, usize::MAX)
    }

    /// Takes the records below `dirty` that have a later one with their message key.
    pub(super) fn compact(&mut self, dirty: usize, message_keys: &BTreeMap<u64, u32>) {
        let mut later = BTreeSet::new();
        for (at, value) in self.values.iter_mut().enumerate().rev() {
            let key = message_keys.get(value);
            if key.is_some_and(|key| !later.insert(key)) && at < dirty {
                *value = NO_RECORD;
            }
        }
    }
}
