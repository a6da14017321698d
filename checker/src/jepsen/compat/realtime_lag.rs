//! `worst-realtime-lag`, a measure and never an error: how long ago the highest offset that a process saw stopped being the
//! end of its partition, at least, when the process asks for more. O(n log n).

use super::analysis::Analysis;
use crate::jepsen::{Function, Key, Kind, MicroOp, Op, Process, Record};
use std::collections::BTreeMap;

/// How far behind a process was in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// When the poll was called, in nanoseconds.
    pub time: i64,
    /// Who polled.
    pub process: Process,
    /// What was read.
    pub key: Key,
    /// How old the process's view was, in nanoseconds.
    pub lag: i64,
}

/// By partition: when each record high of its offsets was first known, both increasing.
type Marks = BTreeMap<Key, Vec<(i64, i64)>>;
/// By partition: the highest offset seen, -1 for none.
type Seen = BTreeMap<Key, i64>;

/// The longest lag, the last one of several, if the history has processes and times and a poll.
pub(super) fn worst(analysis: &Analysis<'_>) -> Option<Lag> {
    let first = analysis.ops.list.first()?;
    first.process.and(first.time)?;
    let marks = marks(analysis);
    let mut seen: BTreeMap<Process, Seen> = BTreeMap::new();
    let mut worst: Option<Lag> = None;
    for (place, op) in analysis.ops().filter(|(_, op)| op.kind == Kind::Ok) {
        let Some(process) = op.process else { continue };
        let seen = seen.entry(process).or_default();
        match op.f {
            Function::Assign => {
                *seen = op.keys.iter().map(|key| (*key, *seen.get(key).unwrap_or(&-1))).collect()
            }
            Function::Subscribe => seen.clear(),
            Function::Poll | Function::Txn => {
                merge(seen, max_offsets(op));
                let asked = analysis
                    .ops
                    .partner(place)
                    .and_then(|invocation| analysis.ops.list[invocation].time);
                let Some(time) = asked else { continue };
                for (&key, &offset) in seen.iter() {
                    let lag = expired_at(&marks, key, offset.saturating_add(1))
                        .map_or(0, |expired| time.saturating_sub(expired).max(0));
                    if worst.is_none_or(|worst| worst.lag <= lag) {
                        worst = Some(Lag { time, process, key, lag });
                    }
                }
            }
            Function::Send | Function::Crash | Function::Other => {}
        }
    }
    worst
}

fn marks(analysis: &Analysis<'_>) -> Marks {
    let mut marks = Marks::new();
    for (_, op) in analysis.ops() {
        let Some(time) = op.time else { continue };
        for (key, offset) in max_offsets(op) {
            let marks = marks.entry(key).or_default();
            if offset > marks.last().map_or(-1, |&(highest, _)| highest) {
                marks.push((offset, time));
            }
        }
    }
    marks
}

/// When the record at `offset` was first known to exist.
fn expired_at(marks: &Marks, key: Key, offset: i64) -> Option<i64> {
    let marks = marks.get(&key)?;
    marks.get(marks.partition_point(|&(highest, _)| highest < offset)).map(|&(_, time)| time)
}

/// The highest offsets that an operation, ok or unknown, touched.
fn max_offsets(op: &Op) -> Seen {
    let (mut polled, mut sent) = (Seen::new(), Seen::new());
    if !matches!(op.kind, Kind::Ok | Kind::Info) {
        return polled;
    }
    for step in &op.micro_ops {
        match step {
            MicroOp::Poll(by_key) if op.f.polls() => {
                let highest = |records: &[Record]| {
                    records.iter().filter_map(|record| record.offset).fold(-1, i64::max)
                };
                merge(
                    &mut polled,
                    by_key.iter().map(|(key, records)| (*key, highest(records))).collect(),
                );
            }
            MicroOp::Send { key, record } if op.f.sends() => match record.offset {
                Some(offset) => merge(&mut sent, [(*key, offset.max(0))].into()),
                // A quirk: a send without an offset makes those before it in the operation forgotten.
                None => sent.clear(),
            },
            MicroOp::Poll(_) | MicroOp::Send { .. } => {}
        }
    }
    merge(&mut polled, sent);
    polled
}

fn merge(into: &mut Seen, more: Seen) {
    for (key, offset) in more {
        let highest = into.entry(key).or_insert(offset);
        *highest = offset.max(*highest);
    }
}
