//! How often each value was consumed by a process that subscribes: never an error, for redelivery is no breach. O(records).

use super::analysis::{Analysis, values};
use crate::jepsen::{Function, Kind, Process, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Counts of ok polls, by process and value, while the process subscribes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumeCounts {
    /// How many values some process consumed so many times.
    pub distribution: BTreeMap<u64, u64>,
    /// Values that a process consumed more than once, and how often; the last process has the last word.
    pub duplicates: BTreeMap<Value, u64>,
}

/// Counts.
pub(super) fn count(analysis: &Analysis<'_>) -> ConsumeCounts {
    let mut subscribed: BTreeSet<Option<Process>> = BTreeSet::new();
    let mut counts: BTreeMap<(Option<Process>, Value), u64> = BTreeMap::new();
    for (place, op) in analysis.ops().filter(|(_, op)| op.kind == Kind::Ok) {
        if op.f == Function::Subscribe {
            subscribed.insert(op.process);
        } else if op.f.polls() && subscribed.contains(&op.process) {
            values(&analysis.reads[place])
                .for_each(|value| *counts.entry((op.process, value)).or_default() += 1);
        }
    }
    let mut summary = ConsumeCounts::default();
    for ((_, value), count) in counts {
        *summary.distribution.entry(count).or_default() += 1;
        if count > 1 {
            summary.duplicates.insert(value, count);
        }
    }
    summary
}
