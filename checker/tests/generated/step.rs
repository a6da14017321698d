//! Histories as plain steps, which tests can edit before they are recorded. Every step takes a millisecond.

use ktrial_checker::history::{
    ClientId, Clock, Generation, GroupId, History, Isolation, Key, KeyBounds, LeaderEpoch,
    LogBound, LogEntry, Meta, Offset, OpId, PositionedBy, ProcessId, Producer, RebalanceKind, Time,
    Value,
};
use std::collections::BTreeMap;

/// Records of one partition: (offset, value).
pub type Records = Vec<(i64, u64)>;

/// One line of a history; each but a wait takes a millisecond. Sends are named by their value, commits and questions by a number.
#[derive(Clone, Debug, PartialEq)]
#[allow(
    dead_code,
    reason = "benches and other tests that share this file take some of the steps only"
)]
pub enum Step {
    Open {
        client: u32,
        group: Option<u32>,
    },
    Send {
        process: u32,
        key: u32,
        value: u64,
    },
    Ack {
        value: u64,
        offset: Option<i64>,
    },
    Fail {
        value: u64,
    },
    GiveUp {
        value: u64,
    },
    Poll {
        process: u32,
        key: u32,
        records: Records,
    },
    Processed {
        process: u32,
        key: u32,
        records: Records,
    },
    Assign {
        process: u32,
        keys: Vec<u32>,
    },
    Subscribe {
        process: u32,
        keys: Vec<u32>,
    },
    Rebalance {
        process: u32,
        kind: RebalanceKind,
        generation: i32,
        keys: Vec<u32>,
    },
    Join {
        process: u32,
        generation: i32,
    },
    Position {
        process: u32,
        key: u32,
        offset: i64,
        by: PositionedBy,
    },
    Commit {
        process: u32,
        group: u32,
        key: u32,
        offset: i64,
        id: u32,
    },
    CommitOk {
        id: u32,
    },
    CommitFailed {
        id: u32,
    },
    CommitUnknown {
        id: u32,
    },
    Ask {
        process: u32,
        group: u32,
        id: u32,
    },
    Answer {
        id: u32,
        key: u32,
        offset: Option<i64>,
    },
    Crash {
        process: u32,
    },
    Drain {
        process: u32,
        key: u32,
        end: i64,
    },
    Dump {
        process: u32,
        key: u32,
        records: Records,
    },
    /// What else the log just dumped holds.
    Annotate {
        entries: Vec<LogEntry>,
    },
    /// Of the `transactional.id` of this number, which is the producer id too.
    Init {
        process: u32,
        producer: u32,
        epoch: i16,
    },
    /// Of the record just sent.
    Sequence {
        sequence: i32,
    },
    /// Of the record just sent.
    MessageKey {
        key: u32,
    },
    /// The places of the records that the one just sent was made from.
    MadeFrom {
        inputs: Vec<(u32, i64)>,
    },
    Begin {
        process: u32,
        txn: u32,
    },
    AddOffset {
        txn: u32,
        group: u32,
        key: u32,
        offset: i64,
    },
    /// The commit is asked for; nobody knows until the transaction ends.
    AskCommit {
        txn: u32,
    },
    TxnCommitted {
        txn: u32,
    },
    TxnAborted {
        txn: u32,
    },
    TxnUnknown {
        txn: u32,
    },
    AskBound {
        process: u32,
        key: u32,
        of: LogBound,
        id: u32,
    },
    AnswerBound {
        id: u32,
        key: u32,
        offset: i64,
    },
    /// What the response behind the last poll told.
    Told {
        key: u32,
        told: Told,
    },
    Heal {
        process: u32,
    },
    /// Lets time pass.
    Wait {
        ms: u64,
    },
    /// Every process has a clock of its own, and two clocks are up to this apart.
    Clocks {
        error_ms: u64,
    },
}

/// Bounds of a log, as one response tells them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    pub epoch: i32,
    pub start: i64,
    pub high_watermark: i64,
    pub last_stable_offset: Option<i64>,
}

/// Records steps over `partitions` partitions and two groups.
pub fn record(steps: &[Step], partitions: u32) -> History {
    record_at(None, steps, partitions).0
}

/// Records steps of consumers that read at this isolation level, and tells the operation of each step.
pub fn record_at(
    isolation: Option<Isolation>,
    steps: &[Step],
    partitions: u32,
) -> (History, Vec<OpId>) {
    let clocks = Clocks::of(steps);
    let mut history = History::of(Meta { isolation, ..clocks.meta() });
    (0..partitions).for_each(|partition| assert_eq!(history.key("t", partition), Key(partition)));
    let groups = ["app", "other", "bystanders"].map(|group| history.group(group));
    assert_eq!(groups, [0, 1, 2].map(GroupId));
    let mut ops = Ops::default();
    let (mut millis, mut of_steps) = (0, Vec::new());
    for step in steps {
        of_steps.push(OpId(history.len() as u32));
        millis += if let Step::Wait { ms } = step { *ms } else { 1 };
        let process = ops.process(&history, step);
        ops.record(&mut history, step, Time(millis * NANOS_PER_MS + clocks.ahead_ns(process)));
    }
    (history, of_steps)
}

const NANOS_PER_MS: u64 = 1_000_000;

/// How far each process's clock is ahead of the slowest.
struct Clocks {
    error_ns: u64,
}

impl Clocks {
    fn of(steps: &[Step]) -> Self {
        let told = steps.iter().find_map(|step| match *step {
            Step::Clocks { error_ms } => Some(error_ms),
            _ => None,
        });
        Clocks { error_ns: told.unwrap_or(0) * NANOS_PER_MS }
    }

    fn meta(&self) -> Meta {
        let clock = if self.error_ns == 0 { Clock::Global } else { Clock::Wall };
        Meta { clock, clock_error_ns: self.error_ns, ..Meta::default() }
    }

    fn ahead_ns(&self, process: Option<u32>) -> u64 {
        let dice = u64::from(process.unwrap_or(0)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        dice % (self.error_ns + 1)
    }
}

/// The operations begun so far.
#[derive(Default)]
struct Ops {
    sends: BTreeMap<u64, OpId>,
    commits: BTreeMap<u32, OpId>,
    questions: BTreeMap<u32, OpId>,
    last_poll: Option<OpId>,
    txns: BTreeMap<u32, OpId>,
    /// When the commits of transactions were asked for.
    asked: BTreeMap<u32, Time>,
}

impl Ops {
    /// Long: one arm for each kind of step.
    fn record(&mut self, history: &mut History, step: &Step, time: Time) {
        match *step {
            Step::Open { client, group } => open(history, client, group),
            Step::Send { process, key, value } => {
                let op = history.send_invoked(ProcessId(process), time, Key(key), Value(value));
                self.sends.insert(value, op);
            }
            Step::Ack { value, offset } => {
                history.send_ok(self.sends[&value], time, offset.map(Offset))
            }
            Step::Fail { value } => history.send_failed(self.sends[&value], time),
            Step::GiveUp { value } => history.send_unknown(self.sends[&value], time),
            Step::Poll { process, key, ref records } => {
                let records = in_partition(key, records);
                self.last_poll = Some(history.polled(ProcessId(process), time, time, records));
            }
            Step::Processed { process, key, ref records } => {
                history.processed(ProcessId(process), time, in_partition(key, records));
            }
            Step::Assign { process, ref keys } => {
                history.assigned(ProcessId(process), time, keys.iter().copied().map(Key));
            }
            Step::Subscribe { process, ref keys } => {
                history.subscribed(ProcessId(process), time, keys.iter().copied().map(Key));
            }
            Step::Rebalance { process, kind, generation, ref keys } => {
                let (process, generation) = (ProcessId(process), Some(Generation(generation)));
                let keys = keys.iter().copied().map(Key);
                history.rebalanced(process, time, kind, generation, keys);
            }
            Step::Join { process, generation } => {
                history.joined(ProcessId(process), time, Generation(generation));
            }
            Step::Position { process, key, offset, by } => {
                history.positioned(ProcessId(process), time, Key(key), Offset(offset), by);
            }
            Step::Commit { process, group, key, offset, id } => {
                let offsets = [(Key(key), Offset(offset))];
                let op = history.commit_invoked(ProcessId(process), time, GroupId(group), offsets);
                self.commits.insert(id, op);
            }
            Step::CommitOk { id } => history.commit_ok(self.commits[&id], time),
            Step::CommitFailed { id } => history.commit_failed(self.commits[&id], time),
            Step::CommitUnknown { id } => history.commit_unknown(self.commits[&id], time),
            Step::Ask { process, group, id } => {
                let op = history.committed_invoked(ProcessId(process), time, GroupId(group));
                self.questions.insert(id, op);
            }
            Step::Answer { id, key, offset } => {
                history.committed_ok(self.questions[&id], time, [(Key(key), offset.map(Offset))]);
            }
            Step::Crash { process } => history.crashed(ProcessId(process), time),
            Step::Drain { process, key, end } => {
                history.drained(ProcessId(process), time, Key(key), Offset(end))
            }
            Step::Dump { process, key, ref records } => {
                let records = records.iter().map(|&(offset, value)| (Offset(offset), Value(value)));
                history.log_dumped(ProcessId(process), time, Key(key), records);
            }
            Step::Annotate { ref entries } => history.log_annotated(entries.iter().copied()),
            Step::AskBound { process, key, of, id } => {
                let op = history.list_offsets_invoked(ProcessId(process), time, of, [Key(key)]);
                self.questions.insert(id, op);
            }
            Step::AnswerBound { id, key, offset } => {
                history.list_offsets_ok(self.questions[&id], time, [(Key(key), Offset(offset))]);
            }
            Step::Told { key, told } => self.told(history, key, told),
            Step::Heal { process } => history.healed(ProcessId(process), time),
            Step::Wait { .. } | Step::Clocks { .. } => {}
            Step::Init { process, producer, epoch } => {
                let id = Some(history.transactional_id(&format!("tx-{producer}")));
                let invoked_at = Time::NONE;
                let producer =
                    Producer { invoked_at, id: producer.into(), transactional_id: id, epoch };
                history.producer_initialized(ProcessId(process), time, producer);
            }
            Step::Sequence { sequence } => history.send_told(None, Some(sequence)),
            Step::MessageKey { key } => {
                let key = history.message_key_named(&format!("key-{key}"));
                history.send_told(Some(key), None);
            }
            Step::MadeFrom { ref inputs } => {
                let inputs = inputs.iter().map(|&(key, offset)| (Key(key), Offset(offset)));
                history.send_made_from(inputs);
            }
            Step::Begin { process, txn } => {
                self.txns.insert(txn, history.txn_begun(ProcessId(process), time));
            }
            Step::AddOffset { txn, group, key, offset } => {
                let offsets = [(Key(key), Offset(offset))];
                history.txn_offsets(self.txns[&txn], time, GroupId(group), offsets);
            }
            Step::AskCommit { txn } => drop(self.asked.insert(txn, time)),
            Step::TxnCommitted { txn } => {
                history.txn_committed(self.txns[&txn], time, self.asked.get(&txn).copied());
            }
            Step::TxnAborted { txn } => history.txn_aborted(self.txns[&txn], time),
            Step::TxnUnknown { txn } => {
                history.txn_unknown(self.txns[&txn], time, self.asked.get(&txn).copied());
            }
        }
    }
}

impl Ops {
    /// Whose step it is.
    fn process(&self, history: &History, step: &Step) -> Option<u32> {
        let op = match step {
            Step::Ack { value, .. } | Step::Fail { value } | Step::GiveUp { value } => {
                self.sends[value]
            }
            Step::CommitOk { id } | Step::CommitFailed { id } | Step::CommitUnknown { id } => {
                self.commits[id]
            }
            Step::Answer { id, .. } | Step::AnswerBound { id, .. } => self.questions[id],
            Step::AddOffset { txn, .. }
            | Step::AskCommit { txn }
            | Step::TxnCommitted { txn }
            | Step::TxnAborted { txn }
            | Step::TxnUnknown { txn } => self.txns[txn],
            _ => return process_of(step),
        };
        Some(history.event(op).process.0)
    }

    fn told(&self, history: &mut History, key: u32, told: Told) {
        let bounds = KeyBounds {
            leader_epoch: LeaderEpoch(told.epoch),
            high_watermark: Offset(told.high_watermark),
            last_stable_offset: told.last_stable_offset.map_or(Offset::NONE, Offset),
            log_start_offset: Offset(told.start),
            key: Key(key),
        };
        history.bounds_told(self.last_poll.expect("a poll comes before"), [bounds]);
    }
}

fn open(history: &mut History, client: u32, group: Option<u32>) {
    let client: ClientId = history.client(&format!("client-{client}"));
    history.open_session(client, group.map(GroupId));
}

fn in_partition(key: u32, records: &Records) -> impl Iterator<Item = (Key, Offset, Value)> {
    records.iter().map(move |&(offset, value)| (Key(key), Offset(offset), Value(value)))
}

/// The group of each process.
#[allow(dead_code, reason = "benches do not ask")]
pub fn groups(steps: &[Step]) -> Vec<Option<u32>> {
    let opened = steps.iter().filter_map(|step| match *step {
        Step::Open { group, .. } => Some(group),
        _ => None,
    });
    opened.collect()
}

macro_rules! process_of {
    ($step:expr) => {
        match $step {
            Step::Send { process, .. }
            | Step::Poll { process, .. }
            | Step::Processed { process, .. }
            | Step::Subscribe { process, .. }
            | Step::Assign { process, .. }
            | Step::Rebalance { process, .. }
            | Step::Join { process, .. }
            | Step::Position { process, .. }
            | Step::Commit { process, .. }
            | Step::Ask { process, .. }
            | Step::Crash { process }
            | Step::AskBound { process, .. }
            | Step::Heal { process }
            | Step::Drain { process, .. }
            | Step::Dump { process, .. }
            | Step::Init { process, .. }
            | Step::Begin { process, .. } => Some(process),
            _ => None,
        }
    };
}

/// The process that a step names.
fn process_of(step: &Step) -> Option<u32> {
    process_of!(step).copied()
}

/// The process that a step names, to be changed.
#[allow(dead_code, reason = "only injectors renumber processes")]
pub fn process_of_mut(step: &mut Step) -> Option<&mut u32> {
    process_of!(step)
}
