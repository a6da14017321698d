//! What all rules share: who reads what, who writes it, where it lies.

use super::case::{Case, Field};
use super::version_order::{self, VersionOrder};
use crate::jepsen::{Key, Kind, MicroOp, Op, Ops, Value};

/// Values by partition, in the order of first mention.
pub(super) type ByKey = Vec<(Key, Vec<Value>)>;

/// A history and its indices.
pub(super) struct Analysis<'o> {
    pub(super) ops: &'o Ops,
    /// By operation: what it polled.
    pub(super) reads: Vec<ByKey>,
    /// By operation: what it sent.
    pub(super) writes: Vec<ByKey>,
    /// By value: the last completion that sent it.
    pub(super) writer_of: Vec<Option<usize>>,
    /// By value: the completions that polled it.
    pub(super) readers_of: Vec<Vec<usize>>,
    /// By value: whether an ok operation polled it.
    pub(super) is_ok_read: Vec<bool>,
    /// By partition.
    pub(super) orders: Vec<VersionOrder>,
}

impl<'o> Analysis<'o> {
    pub(super) fn of(ops: &'o Ops) -> Self {
        let values = ops.names.values();
        let mut analysis = Analysis {
            ops,
            reads: ops.list.iter().map(reads_of).collect(),
            writes: ops.list.iter().map(writes_of).collect(),
            writer_of: vec![None; values],
            readers_of: vec![Vec::new(); values],
            is_ok_read: vec![false; values],
            orders: Vec::new(),
        };
        analysis.index();
        analysis.orders = version_order::build(ops, |place| analysis.must_have_committed(place));
        analysis
    }

    fn index(&mut self) {
        for (place, op) in
            self.ops.list.iter().enumerate().filter(|(_, op)| op.kind != Kind::Invoke)
        {
            for value in values(&self.writes[place]) {
                self.writer_of[value.0 as usize] = Some(place);
            }
            for value in values(&self.reads[place]) {
                self.readers_of[value.0 as usize].push(place);
                self.is_ok_read[value.0 as usize] |= op.kind == Kind::Ok;
            }
        }
    }

    /// Operations with their places.
    pub(super) fn ops(&self) -> impl Iterator<Item = (usize, &'o Op)> + use<'o> {
        self.ops.list.iter().enumerate()
    }

    /// Whether an operation's sends must have happened: it is ok, or unknown and some value of it was read. That one
    /// value speaks for all, even outside a transaction, is Jepsen's rule.
    pub(super) fn must_have_committed(&self, place: usize) -> bool {
        match self.ops.list[place].kind {
            Kind::Ok => true,
            Kind::Info => {
                values(&self.writes[place]).any(|value| self.is_ok_read[value.0 as usize])
            }
            Kind::Invoke | Kind::Fail => false,
        }
    }

    /// How many places `second` lies after `first` in their partition; 1, as it should be, when that is not known.
    pub(super) fn delta(&self, first: Option<Value>, second: Option<Value>) -> i64 {
        match (
            first.and_then(|value| self.index_of(value)),
            second.and_then(|value| self.index_of(value)),
        ) {
            (Some(first), Some(second)) => second as i64 - first as i64,
            _ => 1,
        }
    }

    /// The values that lie between two.
    pub(super) fn between(&self, first: Option<Value>, second: Option<Value>) -> Vec<Value> {
        let (Some(first), Some(second)) = (first, second) else { return Vec::new() };
        let order = self.order(self.ops.names.key_of(first));
        match (self.index_of(first), self.index_of(second)) {
            (Some(from), Some(to)) if from < to => order.by_index[from + 1..to].to_vec(),
            _ => Vec::new(),
        }
    }

    /// The rank of a value among the known ones of its partition.
    pub(super) fn index_of(&self, value: Value) -> Option<usize> {
        self.order(self.ops.names.key_of(value)).index_of(value)
    }

    pub(super) fn order(&self, key: Key) -> &VersionOrder {
        &self.orders[key.0 as usize]
    }

    /// Jepsen's checker gives up when a value was read that nobody sent.
    pub(super) fn first_read_without_writer(&self) -> Option<Case> {
        let unwritten = self
            .readers_of
            .iter()
            .zip(&self.writer_of)
            .position(|(readers, writer)| !readers.is_empty() && writer.is_none())?;
        let value = Value(u32::try_from(unwritten).expect("values have 32-bit numbers"));
        Some(Case::new(vec![
            ("type", Field::Word("no-writer-of-value")),
            ("key", Field::Key(self.ops.names.key_of(value))),
            ("value", Field::Value(value)),
        ]))
    }
}

/// All values of an operation.
pub(super) fn values(by_key: &ByKey) -> impl Iterator<Item = Value> {
    by_key.iter().flat_map(|(_, values)| values).copied()
}

fn reads_of(op: &Op) -> ByKey {
    let mut by_key = ByKey::new();
    for step in op.micro_ops.iter().filter(|_| op.f.polls()) {
        if let MicroOp::Poll(records) = step {
            for (key, records) in records {
                entry(&mut by_key, *key).extend(records.iter().map(|record| record.value));
            }
        }
    }
    by_key
}

fn writes_of(op: &Op) -> ByKey {
    let mut by_key = ByKey::new();
    for step in op.micro_ops.iter().filter(|_| op.f.sends()) {
        if let MicroOp::Send { key, record } = step {
            entry(&mut by_key, *key).push(record.value);
        }
    }
    by_key
}

fn entry(by_key: &mut ByKey, key: Key) -> &mut Vec<Value> {
    let place = by_key.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
        by_key.push((key, Vec::new()));
        by_key.len() - 1
    });
    &mut by_key[place].1
}
