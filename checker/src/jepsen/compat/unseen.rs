//! `unseen`: values that were acknowledged and that no ok poll returned by the end. O(records).

use super::analysis::Analysis;
use crate::jepsen::{Key, Kind, Op, Value};
use std::collections::BTreeMap;

/// What was unseen after the last ok operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// When that was, if it is known.
    pub time: Option<i64>,
    /// By partition, where there are any.
    pub values: BTreeMap<Key, Vec<Value>>,
}

/// What is unseen at the end.
pub(super) fn last(analysis: &Analysis<'_>) -> Unseen {
    let counted = |op: &Op| op.kind == Kind::Ok && op.f.has_micro_ops();
    let Some((last, op)) = analysis.ops().filter(|(_, op)| counted(op)).last() else {
        return Unseen::default();
    };
    let mut state = vec![State::Unknown; analysis.ops.names.values()];
    let mut first_mention = vec![None; analysis.ops.names.keys() as usize];
    for (place, _) in analysis.ops().filter(|(_, op)| counted(op)) {
        for (key, _) in analysis.writes[place].iter().chain(&analysis.reads[place]) {
            first_mention[key.0 as usize].get_or_insert(place);
        }
        mark(&mut state, super::analysis::values(&analysis.writes[place]), State::Sent);
        mark(&mut state, super::analysis::values(&analysis.reads[place]), State::Polled);
    }
    let mut unseen = Unseen { time: op.time, values: BTreeMap::new() };
    for (value, _) in (0..).map(Value).zip(&state).filter(|(_, state)| **state == State::Sent) {
        unseen.values.entry(analysis.ops.names.key_of(value)).or_default().push(value);
    }
    for (key, values) in polled_of_new_keys(analysis, last, &first_mention) {
        unseen.values.insert(key, values);
    }
    unseen
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Unknown,
    Sent,
    Polled,
}

fn mark(state: &mut [State], values: impl Iterator<Item = Value>, as_what: State) {
    for value in values {
        let state = &mut state[value.0 as usize];
        *state = as_what.max(*state);
    }
}

/// A quirk: what the very last operation polls of a partition that no ok operation mentioned before counts as unseen.
fn polled_of_new_keys<'a>(
    analysis: &'a Analysis<'_>,
    last: usize,
    first_mention: &'a [Option<usize>],
) -> impl Iterator<Item = (Key, Vec<Value>)> + 'a {
    let is_new = move |key: &Key| {
        first_mention[key.0 as usize] == Some(last)
            && analysis.writes[last].iter().all(|(sent, _)| sent != key)
    };
    analysis.reads[last].iter().filter(move |(key, values)| is_new(key) && !values.is_empty()).map(
        |(key, values)| {
            let mut distinct = values.clone();
            distinct.sort_unstable();
            distinct.dedup();
            (*key, distinct)
        },
    )
}
