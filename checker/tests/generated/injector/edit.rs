//! A history that is being spoilt: finding one's way in its steps, and changing them.

use super::super::expected::Expected;
use super::super::random::Random;
use super::super::step::{Records, Step, process_of_mut};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Injector {
    pub(super) random: Random,
    pub(super) steps: Vec<Step>,
    pub(super) expected: Vec<Expected>,
}

impl Injector {
    /// From now on, the history must be found to have this, proven by just these steps.
    pub(super) fn expect(
        &mut self,
        kind: Kind,
        key: u32,
        offsets: &[i64],
        ops: &[(usize, Role)],
        missing: &[(i64, u64)],
    ) -> Option<()> {
        let (offsets, ops, missing) = (offsets.to_vec(), ops.to_vec(), missing.to_vec());
        self.expected.push(Expected { kind, key, offsets, ops, missing });
        Some(())
    }

    /// One of `choices`, if there is any.
    pub(super) fn pick<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        (!choices.is_empty()).then(|| choices[self.random.below(choices.len())].clone())
    }

    pub(super) fn processes(&self) -> u32 {
        self.find(|step| matches!(step, Step::Open { .. })).len() as u32
    }

    pub(super) fn find(&self, mut wanted: impl FnMut(&Step) -> bool) -> Vec<usize> {
        (0..self.steps.len()).filter(|&at| wanted(&self.steps[at])).collect()
    }

    pub(super) fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// The process processes records, if anybody tells of that.
    pub(super) fn push_processed(&mut self, process: u32, key: u32, records: Records) {
        if self.steps.iter().any(|step| matches!(step, Step::Processed { .. })) {
            self.push(Step::Processed { process, key, records });
        }
    }

    /// All clocks are right: what is wrong by less than their error would not be found.
    pub(super) fn forget_clocks(&mut self) {
        self.steps.retain(|step| !matches!(step, Step::Clocks { .. }));
    }

    /// Polls of at least this many records by readers outside groups, before the drains.
    pub(super) fn reader_polls(&self, records_min: usize) -> Vec<usize> {
        let opened = self.steps.iter().filter_map(|step| match *step {
            Step::Open { client, .. } => Some((100..200).contains(&client)),
            _ => None,
        });
        let is_reader: Vec<bool> = opened.collect();
        self.find(|step| match step {
            Step::Poll { process, records, .. } => {
                is_reader[*process as usize] && records.len() >= records_min
            }
            _ => false,
        })
    }

    /// A record that a reader polled and the log still has: the poll, and the place in it.
    pub(super) fn pick_read(&mut self) -> Option<(usize, usize)> {
        let at_rest = self.at_rest();
        let polls = self.reader_polls(1).into_iter();
        let reads = polls.flat_map(|at| (0..records(&self.steps[at]).len()).map(move |n| (at, n)));
        let reads: Vec<_> = reads.filter(|&(at, n)| at_rest.has(&self.steps[at], n)).collect();
        self.pick(&reads)
    }

    /// A partition with records, and its end.
    pub(super) fn pick_drained(&mut self) -> Option<(u32, i64)> {
        let drained = self.steps.iter().filter_map(|step| match *step {
            Step::Drain { key, end, .. } => Some((key, end)),
            _ => None,
        });
        let drained: Vec<_> = drained.filter(|&(key, _)| !self.log(key).is_empty()).collect();
        self.pick(&drained)
    }

    /// The acknowledged records that the log has and that have nothing to do with compaction: there is no later record of
    /// their message key, and none is gone because of them.
    pub(super) fn acked_for_good(&self) -> Vec<Acked> {
        let keyed = self.steps.windows(2).filter_map(|pair| match *pair {
            [Step::Send { value, key, .. }, Step::MessageKey { key: of }] => {
                Some((value, (key, of)))
            }
            _ => None,
        });
        let message_keys: BTreeMap<u64, (u32, u32)> = keyed.collect();
        let mut gone = message_keys.clone();
        let mut last = BTreeMap::new();
        for (_, offset, value) in self.at_rest().0 {
            last.insert(gone.remove(&value), offset);
        }
        let gone: BTreeSet<_> = gone.into_values().collect();
        let mut acked = self.acked();
        acked.retain(|record| match message_keys.get(&record.value) {
            Some(of) => last[&Some(*of)] == record.offset && !gone.contains(of),
            None => true,
        });
        acked
    }

    /// The acknowledged records that the log has, by partition and offset.
    pub(super) fn acked(&self) -> Vec<Acked> {
        let (mut sent, at_rest) = (BTreeMap::new(), self.at_rest());
        let mut found = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            match *step {
                Step::Send { process, key, value } => drop(sent.insert(value, (at, process, key))),
                Step::Ack { value, offset: Some(offset) } => {
                    let (sent, sender, key) = sent[&value];
                    let acked = Acked { key, offset, value, sender, sent, acked: at };
                    found.extend(at_rest.0.contains(&(key, offset, value)).then_some(acked));
                }
                _ => {}
            }
        }
        found.sort_by_key(|acked| (acked.key, acked.offset));
        found
    }

    /// What the drains of all partitions read.
    pub(super) fn at_rest(&self) -> AtRest {
        let drains = self.steps.iter().filter_map(|step| match *step {
            Step::Drain { key, .. } => Some(key),
            _ => None,
        });
        let records =
            |key| self.log(key).into_iter().map(move |(offset, value)| (key, offset, value));
        AtRest(drains.flat_map(records).collect())
    }

    pub(super) fn send_step(&self, value: u64) -> Option<usize> {
        let is_send =
            |step: &Step| matches!(*step, Step::Send { value: sent, .. } if sent == value);
        self.steps.iter().position(is_send)
    }

    pub(super) fn ack_step(&self, value: u64) -> Option<usize> {
        let is_ack =
            |step: &Step| matches!(*step, Step::Ack { value: acked, .. } if acked == value);
        self.steps.iter().position(is_ack)
    }

    pub(super) fn drain_step(&self, key: u32) -> Option<usize> {
        let is_drain = |step: &Step| matches!(*step, Step::Drain { key: of, .. } if of == key);
        self.steps.iter().position(is_drain)
    }

    /// The first step that read a record there.
    pub(super) fn first_read(&self, of: u32, record: (i64, u64)) -> Option<usize> {
        self.steps.iter().position(|step| match step {
            Step::Poll { key, records, .. } | Step::Dump { key, records, .. } => {
                *key == of && records.contains(&record)
            }
            _ => false,
        })
    }

    /// What the drain of the partition read.
    pub(super) fn log(&self, of: u32) -> Records {
        let Some(drain) = self.drain_step(of) else { return vec![] };
        let Step::Drain { process: drainer, .. } = self.steps[drain] else {
            unreachable!("found a drain")
        };
        let polls = self.steps.iter().filter_map(|step| match step {
            Step::Poll { process, records, .. } if *process == drainer => Some(records),
            _ => None,
        });
        polls.flatten().copied().collect()
    }

    /// Changes or removes records wherever they are read or processed.
    pub(super) fn each_record(&mut self, change: impl Fn((i64, u64)) -> Option<(i64, u64)>) {
        for step in &mut self.steps {
            match step {
                Step::Poll { records, .. }
                | Step::Processed { records, .. }
                | Step::Dump { records, .. } => {
                    *records = records.iter().copied().filter_map(&change).collect();
                }
                _ => {}
            }
        }
    }

    /// Puts the steps of a new process, numbered last, before all others, where it is numbered first.
    pub(super) fn insert_first(&mut self, steps: Vec<Step>) {
        let ghost = self.processes();
        self.steps.splice(0..0, steps);
        let moved = |process: &mut u32| *process = if *process == ghost { 0 } else { *process + 1 };
        self.steps.iter_mut().filter_map(process_of_mut).for_each(moved);
    }
}

/// A record that was acknowledged with its offset: by which steps, and by whom it was sent.
#[derive(Clone, Copy)]
pub(super) struct Acked {
    pub(super) key: u32,
    pub(super) offset: i64,
    pub(super) value: u64,
    pub(super) sender: u32,
    pub(super) sent: usize,
    pub(super) acked: usize,
}

/// The records of all logs at rest: (partition, offset, value).
pub(super) struct AtRest(BTreeSet<(u32, i64, u64)>);

impl AtRest {
    /// Whether the log has what a poll or an application has at this place.
    pub(super) fn has(&self, step: &Step, place: usize) -> bool {
        match step {
            Step::Poll { key, records, .. } | Step::Processed { key, records, .. } => {
                let (offset, value) = records[place];
                self.0.contains(&(*key, offset, value))
            }
            _ => false,
        }
    }
}

pub(super) fn records(step: &Step) -> &Records {
    static NONE: Records = Vec::new();
    match step {
        Step::Poll { records, .. }
        | Step::Processed { records, .. }
        | Step::Dump { records, .. } => records,
        _ => &NONE,
    }
}
