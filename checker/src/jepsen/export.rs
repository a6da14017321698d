//! From a history to Jepsen's operations.
//!
//! A send is an operation, a poll is one, and so is a transaction with all that was sent and polled in it. What Jepsen has
//! no word for (commits, positions, bounds, dumps) is left out.

use super::{Function, Key, Kind, MicroOp, Op, Ops, Record};
use crate::history::{self, Event, History, Offset, OpId, ProcessId, Spans, TopicPartition, What};
use crate::notation::{Tokens, edn, json};
use std::collections::BTreeMap;

impl Ops {
    /// The operations of a history. Sends of a process may overlap; [`one_at_a_time`](Ops::one_at_a_time) takes them apart.
    #[must_use]
    pub fn of_history(history: &History) -> Ops {
        let mut ops = Ops::default();
        let name = |key: &TopicPartition| edn_string(&key.to_string());
        let keys = history.keys().iter().map(|key| ops.names.key(&name(key))).collect();
        let mut export =
            Export { history, keys, ops, sends: BTreeMap::new(), lives: BTreeMap::new() };
        history.events().for_each(|(op, event)| export.event(op, event));
        export.ops.in_order_of_time()
    }
}

struct Export<'h> {
    history: &'h History,
    /// By the history's keys.
    keys: Vec<Key>,
    ops: Ops,
    /// Of each send that was invoked: its place, or that of its micro-operation in the open transaction.
    sends: BTreeMap<OpId, usize>,
    lives: BTreeMap<ProcessId, Life>,
}

/// What must be remembered of a process.
#[derive(Default)]
struct Life {
    /// Partitions that a rebalance gave or took, until a poll tells.
    rebalanced: Vec<Key>,
    txn: Option<Txn>,
}

/// A transaction that is not decided.
struct Txn {
    invocation: usize,
    steps: Vec<MicroOp>,
}

impl Export<'_> {
    fn event(&mut self, op: OpId, event: &Event) {
        match event.what {
            What::SendInvoked { key, value } => self.send_invoked(op, event, key, value),
            What::SendOk { op, offset } => self.send_completed(op, event, Kind::Ok, offset),
            What::SendFailed { op } => self.send_completed(op, event, Kind::Fail, Offset::NONE),
            What::SendUnknown { op } => self.send_completed(op, event, Kind::Info, Offset::NONE),
            What::TxnBegun => self.txn_begun(event),
            What::TxnCommitted { .. } => self.txn_decided(event, Kind::Ok),
            What::TxnAborted { .. } => self.txn_decided(event, Kind::Fail),
            What::TxnUnknown { .. } => self.txn_decided(event, Kind::Info),
            What::Polled { poll } => self.polled(event, *self.history.poll(poll)),
            What::Assigned { keys } => self.reads_now(event, Function::Assign, keys),
            What::Subscribed { keys } => self.reads_now(event, Function::Subscribe, keys),
            What::Rebalanced { keys, .. } => {
                let keys = self.keys(keys);
                self.life(event).rebalanced.extend(keys);
            }
            What::Crashed => {
                let crash = self.op(event, Kind::Info, Function::Crash);
                self.ops.push(crash, None);
            }
            What::ProducerInitialized { .. }
            | What::TxnOffsets { .. }
            | What::Joined { .. }
            | What::Positioned { .. }
            | What::Processed { .. }
            | What::CommitInvoked { .. }
            | What::CommitOk { .. }
            | What::CommitFailed { .. }
            | What::CommitUnknown { .. }
            | What::CommittedInvoked { .. }
            | What::CommittedOk { .. }
            | What::ListOffsetsInvoked { .. }
            | What::ListOffsetsOk { .. }
            | What::BoundsTold { .. }
            | What::PositionsTold { .. }
            | What::Closed
            | What::Healed
            | What::Drained { .. }
            | What::LogDumped { .. }
            | What::LogAnnotated { .. } => {}
        }
    }

    fn op(&mut self, event: &Event, kind: Kind, f: Function) -> Op {
        Op {
            index: self.ops.list.len() as i64,
            time: i64::try_from(event.time.0).ok(),
            process: Some(self.ops.names.process(&event.process.0.to_string())),
            kind,
            f,
            micro_ops: Vec::new(),
            keys: Vec::new(),
            rebalanced: Vec::new(),
            error: None,
        }
    }

    fn send_invoked(&mut self, op: OpId, event: &Event, key: history::Key, value: history::Value) {
        let record = self.record(key, Offset::NONE, value);
        let send = MicroOp::Send { key: self.key(key), record };
        let place = match &mut self.life(event).txn {
            Some(txn) => {
                txn.steps.push(send);
                txn.steps.len() - 1
            }
            None => {
                let invoke =
                    Op { micro_ops: vec![send], ..self.op(event, Kind::Invoke, Function::Send) };
                self.ops.push(invoke, None)
            }
        };
        self.sends.insert(op, place);
    }

    fn send_completed(&mut self, op: OpId, event: &Event, kind: Kind, offset: Offset) {
        let What::SendInvoked { key, value } = self.history.event(op).what else {
            unreachable!("recording checks that completions of sends name sends");
        };
        let Some(place) = self.sends.remove(&op) else { return };
        let record = self.record(key, offset, value);
        let send = MicroOp::Send { key: self.key(key), record };
        match &mut self.life(event).txn {
            Some(txn) => {
                if let Some(step) = txn.steps.get_mut(place) {
                    *step = send;
                }
            }
            None => {
                let completion =
                    Op { micro_ops: vec![send], ..self.op(event, kind, Function::Send) };
                self.ops.push(completion, Some(place));
            }
        }
    }

    fn txn_begun(&mut self, event: &Event) {
        let invoke = self.op(event, Kind::Invoke, Function::Txn);
        let invocation = self.ops.push(invoke, None);
        self.life(event).txn = Some(Txn { invocation, steps: Vec::new() });
    }

    fn txn_decided(&mut self, event: &Event, kind: Kind) {
        let Some(txn) = self.life(event).txn.take() else { return };
        let rebalanced = std::mem::take(&mut self.life(event).rebalanced);
        self.ops.list[txn.invocation].micro_ops = txn.steps.iter().map(as_invoked).collect();
        let decided = self.op(event, kind, Function::Txn);
        self.ops.push(Op { micro_ops: txn.steps, rebalanced, ..decided }, Some(txn.invocation));
    }

    fn polled(&mut self, event: &Event, poll: history::Poll) {
        let records = MicroOp::Poll(self.records(poll.records));
        if let Some(txn) = &mut self.life(event).txn {
            return txn.steps.push(records);
        }
        let rebalanced = std::mem::take(&mut self.life(event).rebalanced);
        let asked = Event { time: poll.invoked_at, ..*event };
        let invoke = self.op(&asked, Kind::Invoke, Function::Poll);
        let invocation =
            self.ops.push(Op { micro_ops: vec![as_invoked(&records)], ..invoke }, None);
        let returned = self.op(event, Kind::Ok, Function::Poll);
        self.ops.push(Op { micro_ops: vec![records], rebalanced, ..returned }, Some(invocation));
    }

    fn reads_now(&mut self, event: &Event, f: Function, keys: history::Offsets) {
        let keys = self.keys(keys);
        let invoke = Op { keys: keys.clone(), ..self.op(event, Kind::Invoke, f) };
        let invocation = self.ops.push(invoke, None);
        let ok = Op { keys, ..self.op(event, Kind::Ok, f) };
        self.ops.push(ok, Some(invocation));
    }

    fn life(&mut self, event: &Event) -> &mut Life {
        self.lives.entry(event.process).or_default()
    }

    fn keys(&mut self, keys: history::Offsets) -> Vec<Key> {
        let history = self.history;
        history.offsets(keys).map(|(key, _)| self.key(key)).collect()
    }

    fn key(&self, key: history::Key) -> Key {
        self.keys[key.0 as usize]
    }

    fn record(&mut self, key: history::Key, offset: Offset, value: history::Value) -> Record {
        let key = self.key(key);
        let name = match self.history.scalar_json(value.0) {
            None => value.0.to_string(),
            Some(json) => edn_of_json(json),
        };
        Record {
            offset: offset.known().map(|offset| offset.0),
            value: self.ops.names.value(key, &name),
        }
    }

    fn records(&mut self, spans: Spans) -> Vec<(Key, Vec<Record>)> {
        let mut by_key: Vec<(Key, Vec<Record>)> = Vec::new();
        for span in self.history.spans(spans) {
            let key = self.key(span.key);
            let records: Vec<Record> = self
                .history
                .records(span)
                .map(|(offset, value)| self.record(span.key, offset, value))
                .collect();
            match by_key.iter_mut().find(|(other, _)| *other == key) {
                Some((_, more)) => more.extend(records),
                None => by_key.push((key, records)),
            }
        }
        by_key
    }
}

/// A step before anybody knows what comes of it.
fn as_invoked(step: &MicroOp) -> MicroOp {
    match step {
        MicroOp::Send { key, record } => {
            MicroOp::Send { key: *key, record: Record { offset: None, ..*record } }
        }
        MicroOp::Poll(_) => MicroOp::Poll(Vec::new()),
    }
}

fn edn_string(text: &str) -> String {
    let mut tokens = Tokens::new();
    tokens.string(text);
    edn_of(&tokens)
}

fn edn_of_json(scalar: &str) -> String {
    let mut tokens = Tokens::new();
    json::read(scalar, &mut tokens).expect("a history keeps scalars as JSON");
    edn_of(&tokens)
}

fn edn_of(tokens: &Tokens) -> String {
    let mut text = String::new();
    edn::write(tokens.form(), &mut text);
    text
}
