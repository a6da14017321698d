//! Histories as plain steps, which tests can edit before they are recorded. Every step takes a millisecond.

use ktrial_checker::history::{
    ClientId, Generation, GroupId, History, Key, KeyBounds, LeaderEpoch, LogBound, Offset, OpId,
    PositionedBy, ProcessId, RebalanceKind, Time, Value,
};
use std::collections::BTreeMap;

/// Records of one partition: (offset, value).
pub type Records = Vec<(i64, u64)>;

/// One line of a history; each but a wait takes a millisecond. Sends are named by their value, commits and questions by a number.
#[derive(Clone, Debug, PartialEq)]
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
    Rebalance {
        process: u32,
        generation: i32,
        keys: Vec<u32>,
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
}

/// Bounds of a log, as one response tells them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    pub epoch: i32,
    pub start: i64,
    pub high_watermark: i64,
}

/// Records steps over `partitions` partitions and two groups.
pub fn record(steps: &[Step], partitions: u32) -> History {
    let mut history = History::new();
    (0..partitions).for_each(|partition| assert_eq!(history.key("t", partition), Key(partition)));
    assert_eq!(["app", "other"].map(|group| history.group(group)), [GroupId(0), GroupId(1)]);
    let mut ops = Ops::default();
    let mut millis = 0;
    for step in steps {
        millis += if let Step::Wait { ms } = step { *ms } else { 1 };
        ops.record(&mut history, step, Time(millis * 1_000_000));
    }
    history
}

/// The operations begun so far.
#[derive(Default)]
struct Ops {
    sends: BTreeMap<u64, OpId>,
    commits: BTreeMap<u32, OpId>,
    questions: BTreeMap<u32, OpId>,
    last_poll: Option<OpId>,
}

impl Ops {
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
            Step::Rebalance { process, generation, ref keys } => {
                let (process, generation) = (ProcessId(process), Some(Generation(generation)));
                let (kind, keys) = (RebalanceKind::Assigned, keys.iter().copied().map(Key));
                history.rebalanced(process, time, kind, generation, keys);
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
            Step::AskBound { process, key, of, id } => {
                let op = history.list_offsets_invoked(ProcessId(process), time, of, [Key(key)]);
                self.questions.insert(id, op);
            }
            Step::AnswerBound { id, key, offset } => {
                history.list_offsets_ok(self.questions[&id], time, [(Key(key), Offset(offset))]);
            }
            Step::Told { key, told } => self.told(history, key, told),
            Step::Heal { process } => history.healed(ProcessId(process), time),
            Step::Wait { .. } => {}
        }
    }
}

impl Ops {
    fn told(&self, history: &mut History, key: u32, told: Told) {
        let bounds = KeyBounds {
            leader_epoch: LeaderEpoch(told.epoch),
            high_watermark: Offset(told.high_watermark),
            log_start_offset: Offset(told.start),
            ..KeyBounds::of(Key(key))
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
