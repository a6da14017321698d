//! One way to spoil a valid history per kind of anomaly, leaving everything else as it should be, and what must come back.

mod bounds;
mod groups;
mod loss;
mod members;
mod order;
mod records;
mod recovery;

use super::expected::Expected;
use super::random::Random;
use super::step::{Records, Step, process_of_mut};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use records::Ghost;
use std::collections::{BTreeMap, BTreeSet};

/// A history with an anomaly.
pub struct Spoilt {
    pub steps: Vec<Step>,
    /// What must be found now, besides what valid histories have: the injected anomaly, and others it cannot but cause.
    pub expected: Vec<Expected>,
}

/// Injects one anomaly of `kind` into valid steps; `None` if there is nothing to spoil.
pub fn inject(kind: Kind, steps: Vec<Step>, seed: u64) -> Option<Spoilt> {
    let mut injector = Injector { random: Random(seed), steps, expected: Vec::new() };
    injector.spoil(kind)?;
    Some(Spoilt { steps: injector.steps, expected: injector.expected })
}

struct Injector {
    random: Random,
    steps: Vec<Step>,
    expected: Vec<Expected>,
}

/// The value of a record that only an injected producer sends.
const GHOST: u64 = 1_000_000;

impl Injector {
    fn spoil(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Divergence => self.misread(kind, Ghost::Unknown),
            Kind::Phantom => self.misread(kind, Ghost::Nobody),
            Kind::Corrupt => self.misread(kind, Ghost::Corrupt),
            Kind::WrongPartition => self.misread(kind, Ghost::ElsewhereUnknown),
            Kind::AbortedRead => self.misread(kind, Ghost::Failed),
            Kind::Duplicate => self.write_twice(),
            Kind::AckedOffsetConflict => self.misacknowledge(),
            Kind::ReadBeforeSend => self.send_late(),
            Kind::UnstableRead => self.read_beyond_the_end(),
            Kind::OutOfOrder | Kind::LateAppend => self.swap_neighbours(kind),
            Kind::PollSkip | Kind::InternalSkip => self.skip_in_poll(kind),
            Kind::InternalNonmonotonic => self.poll_backwards(),
            Kind::NonmonotonicPoll => self.poll_again(),
            Kind::LostWrite => self.overwrite(),
            Kind::Hole | Kind::TruncatedTail | Kind::DrainedUnseen => self.remove(kind),
            Kind::CommitBeyondDelivery => self.commit_the_future(),
            Kind::CommitBeyondProcessing => self.commit_early(),
            Kind::GroupSkip => self.leave_unprocessed(),
            Kind::GroupRedelivery => self.process_again(),
            Kind::OwnershipOverlap => self.share(),
            Kind::FencingViolation => self.commit_in_an_earlier_generation(),
            Kind::PhantomCommit => self.answer_what_nobody_committed(),
            Kind::StartBeyondCommit => self.start_ahead(),
            Kind::CommittedOffsetRegression => self.forget_commits(),
            Kind::SkippedByReset => self.join_late(),
            Kind::BackdatedAppend => self.overtake_another(),
            Kind::StaleEnd => self.end_early(),
            Kind::LogStartRegression => self.begin_lower(),
            Kind::HighWatermarkRegression => self.tell_less(),
            Kind::BoundsDisorder => self.begin_beyond_the_end(),
            Kind::ReadBeyondBound => self.tell_less_than_returned(),
            Kind::StuckPartition => self.never_answer(),
            Kind::StuckGroup => self.stand_still(),
            other => unreachable!("{other} takes a transaction"),
        }
    }

    /// From now on, the history must be found to have this, proven by just these steps.
    fn expect(
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
    fn pick<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        (!choices.is_empty()).then(|| choices[self.random.below(choices.len())].clone())
    }

    fn processes(&self) -> u32 {
        self.find(|step| matches!(step, Step::Open { .. })).len() as u32
    }

    fn find(&self, mut wanted: impl FnMut(&Step) -> bool) -> Vec<usize> {
        (0..self.steps.len()).filter(|&at| wanted(&self.steps[at])).collect()
    }

    fn push(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// All clocks are right: what is wrong by less than their error would not be found.
    fn forget_clocks(&mut self) {
        self.steps.retain(|step| !matches!(step, Step::Clocks { .. }));
    }

    /// Polls of at least this many records by readers outside groups, before the drains.
    fn reader_polls(&self, records_min: usize) -> Vec<usize> {
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
    fn pick_read(&mut self) -> Option<(usize, usize)> {
        let at_rest = self.at_rest();
        let polls = self.reader_polls(1).into_iter();
        let reads = polls.flat_map(|at| (0..records(&self.steps[at]).len()).map(move |n| (at, n)));
        let reads: Vec<_> = reads.filter(|&(at, n)| at_rest.has(&self.steps[at], n)).collect();
        self.pick(&reads)
    }

    /// A partition with records, and its end.
    fn pick_drained(&mut self) -> Option<(u32, i64)> {
        let drained = self.steps.iter().filter_map(|step| match *step {
            Step::Drain { key, end, .. } => Some((key, end)),
            _ => None,
        });
        let drained: Vec<_> = drained.filter(|&(key, _)| !self.log(key).is_empty()).collect();
        self.pick(&drained)
    }

    /// One of the acknowledged records that the log has.
    fn pick_acked(&mut self) -> Option<Acked> {
        let acked = self.acked();
        self.pick(&acked)
    }

    /// The acknowledged records that the log has, by partition and offset.
    fn acked(&self) -> Vec<Acked> {
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
    fn at_rest(&self) -> AtRest {
        let drains = self.steps.iter().filter_map(|step| match *step {
            Step::Drain { key, .. } => Some(key),
            _ => None,
        });
        let records =
            |key| self.log(key).into_iter().map(move |(offset, value)| (key, offset, value));
        AtRest(drains.flat_map(records).collect())
    }

    fn send_step(&self, value: u64) -> Option<usize> {
        let is_send =
            |step: &Step| matches!(*step, Step::Send { value: sent, .. } if sent == value);
        self.steps.iter().position(is_send)
    }

    fn ack_step(&self, value: u64) -> Option<usize> {
        let is_ack =
            |step: &Step| matches!(*step, Step::Ack { value: acked, .. } if acked == value);
        self.steps.iter().position(is_ack)
    }

    fn drain_step(&self, key: u32) -> Option<usize> {
        let is_drain = |step: &Step| matches!(*step, Step::Drain { key: of, .. } if of == key);
        self.steps.iter().position(is_drain)
    }

    /// The first step that read a record there.
    fn first_read(&self, of: u32, record: (i64, u64)) -> Option<usize> {
        self.steps.iter().position(|step| match step {
            Step::Poll { key, records, .. } | Step::Dump { key, records, .. } => {
                *key == of && records.contains(&record)
            }
            _ => false,
        })
    }

    /// What the drain of the partition read.
    fn log(&self, of: u32) -> Records {
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
    fn each_record(&mut self, change: impl Fn((i64, u64)) -> Option<(i64, u64)>) {
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
    fn insert_first(&mut self, steps: Vec<Step>) {
        let ghost = self.processes();
        self.steps.splice(0..0, steps);
        let moved = |process: &mut u32| *process = if *process == ghost { 0 } else { *process + 1 };
        self.steps.iter_mut().filter_map(process_of_mut).for_each(moved);
    }
}

/// A record that was acknowledged with its offset: by which steps, and by whom it was sent.
#[derive(Clone, Copy)]
struct Acked {
    key: u32,
    offset: i64,
    value: u64,
    sender: u32,
    sent: usize,
    acked: usize,
}

/// The records of all logs at rest: (partition, offset, value).
struct AtRest(BTreeSet<(u32, i64, u64)>);

impl AtRest {
    /// Whether the log has what a poll or an application has at this place.
    fn has(&self, step: &Step, place: usize) -> bool {
        match step {
            Step::Poll { key, records, .. } | Step::Processed { key, records, .. } => {
                let (offset, value) = records[place];
                self.0.contains(&(*key, offset, value))
            }
            _ => false,
        }
    }
}

fn records(step: &Step) -> &Records {
    static NONE: Records = Vec::new();
    match step {
        Step::Poll { records, .. }
        | Step::Processed { records, .. }
        | Step::Dump { records, .. } => records,
        _ => &NONE,
    }
}
