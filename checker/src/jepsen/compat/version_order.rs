//! Where values lie: by offset as they were seen, and by rank, counting only offsets that hold something.
//!
//! Sends count when they must have committed, polls always: what a poller is handed is in the log, whatever becomes of its
//! transaction. O(records log records).

use crate::jepsen::{Key, MicroOp, Op, Ops, Record, Value};
use std::collections::BTreeMap;

/// A partition's log, as far as it is known.
pub(super) struct VersionOrder {
    /// The offsets that hold something and the values seen there, each in increasing order.
    pub(super) log: Vec<(i64, Vec<Value>)>,
    /// One value of each of these offsets. Where there are more, Jepsen's choice is arbitrary; ours is the value
    /// that the history mentions first.
    pub(super) by_index: Vec<Value>,
    /// The last place of each value in `by_index`.
    indices: BTreeMap<Value, usize>,
}

impl VersionOrder {
    fn new(log: BTreeMap<i64, Vec<Value>>) -> Self {
        let in_order = |mut values: Vec<Value>| {
            values.sort_unstable();
            values.dedup();
            values
        };
        let log: Vec<_> =
            log.into_iter().map(|(offset, values)| (offset, in_order(values))).collect();
        let by_index: Vec<Value> = log.iter().map(|(_, values)| values[0]).collect();
        let indices = by_index.iter().enumerate().map(|(index, &value)| (value, index)).collect();
        VersionOrder { log, by_index, indices }
    }

    /// The rank of a value.
    pub(super) fn index_of(&self, value: Value) -> Option<usize> {
        self.indices.get(&value).copied()
    }

    /// The value before this one.
    pub(super) fn previous(&self, value: Value) -> Option<Value> {
        Some(self.by_index[self.index_of(value)?.checked_sub(1)?])
    }
}

/// The order of every partition; `must_have_committed` tells of an operation, by its place, whether its sends count.
pub(super) fn build(ops: &Ops, must_have_committed: impl Fn(usize) -> bool) -> Vec<VersionOrder> {
    let mut logs = vec![BTreeMap::new(); ops.names.keys() as usize];
    for (place, op) in ops.list.iter().enumerate().filter(|(_, op)| op.f.has_micro_ops()) {
        place_records(op, must_have_committed(place), &mut logs);
    }
    logs.into_iter().map(VersionOrder::new).collect()
}

fn place_records(op: &Op, is_committed: bool, logs: &mut [BTreeMap<i64, Vec<Value>>]) {
    let mut place = |key: Key, record: &Record| {
        if let Some(offset) = record.offset.filter(|&offset| offset >= 0) {
            logs[key.0 as usize].entry(offset).or_default().push(record.value);
        }
    };
    for step in &op.micro_ops {
        match step {
            MicroOp::Send { key, record } if is_committed => place(*key, record),
            MicroOp::Send { .. } => {}
            MicroOp::Poll(by_key) => {
                by_key.iter().for_each(|(key, records)| {
                    records.iter().for_each(|record| place(*key, record))
                });
            }
        }
    }
}
