//! One way to spoil a valid history per kind of anomaly, leaving everything else as it should be.

use super::random::Random;
use super::step::{Records, Step};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::{LogBound, PositionedBy, Value};

/// The spoilt history and the kinds that must now be found, how often each; `None` if there is nothing to spoil.
pub type Spoilt = Option<(Vec<Step>, Vec<(Kind, u64)>)>;

/// Injects one anomaly of `kind` into valid steps.
pub fn inject(kind: Kind, steps: Vec<Step>, seed: u64) -> Spoilt {
    let mut injector = Injector { random: Random(seed), steps };
    let mut expected = injector.spoil(kind)?;
    expected.sort();
    Some((injector.steps, expected))
}

pub(super) struct Injector {
    pub(super) random: Random,
    pub(super) steps: Vec<Step>,
}

/// The value of a record that only an injected producer sends.
const GHOST: u64 = 1_000_000;

impl Injector {
    fn spoil(&mut self, kind: Kind) -> Option<Vec<(Kind, u64)>> {
        let found = match kind {
            Kind::Divergence => self.misread(Ghost::Unknown)?,
            Kind::Phantom => self.misread(Ghost::Nobody)?,
            Kind::Corrupt => self.misread(Ghost::Corrupt)?,
            Kind::WrongPartition => self.misread(Ghost::ElsewhereUnknown)?,
            Kind::AbortedRead => self.misread(Ghost::Failed)?,
            Kind::Duplicate => self.write_twice()?,
            Kind::AckedOffsetConflict => self.misacknowledge()?,
            Kind::ReadBeforeSend => self.send_late()?,
            Kind::UnstableRead => self.read_beyond_the_end()?,
            Kind::OutOfOrder => self.swap_neighbours().map(|_| 1)?,
            Kind::LateAppend => self.give_up_and_arrive_late()?,
            Kind::PollSkip => self.skip_in_poll(0)?,
            Kind::InternalSkip => self.skip_in_poll(1)?,
            Kind::InternalNonmonotonic => self.poll_backwards()?,
            Kind::NonmonotonicPoll => self.poll_again()?,
            Kind::LostWrite => self.overwrite()?,
            Kind::Hole => self.remove_acked(false)?,
            Kind::TruncatedTail => self.truncate()?,
            Kind::DrainedUnseen => self.remove_acked(true)?,
            Kind::CommitBeyondDelivery => self.commit_the_future()?,
            Kind::CommitBeyondProcessing => self.commit_early()?,
            Kind::GroupSkip => return self.leave_unprocessed(),
            Kind::GroupRedelivery => self.process_again()?,
            Kind::OwnershipOverlap => self.share()?,
            Kind::FencingViolation => self.commit_in_an_earlier_generation()?,
            Kind::PhantomCommit => self.answer_what_nobody_committed()?,
            Kind::StartBeyondCommit => self.start_ahead()?,
            Kind::CommittedOffsetRegression => self.forget_commits()?,
            Kind::SkippedByReset => self.join_late()?,
            Kind::BackdatedAppend => self.overtake_another()?,
            Kind::StaleEnd => self.answer(LogBound::Latest, -1)?,
            Kind::LogStartRegression => self.begin_lower()?,
            Kind::HighWatermarkRegression => self.tell_again(|told| told.high_watermark -= 1)?,
            Kind::BoundsDisorder => self.retell(|told| told.start = told.high_watermark + 1)?,
            Kind::ReadBeyondBound => self.tell_less_than_returned()?,
            Kind::StuckPartition => self.never_answer()?,
            Kind::StuckGroup => self.stand_still()?,
            other => unreachable!("{other} takes a transaction"),
        };
        Some(vec![(kind, found)])
    }

    /// A reader outside the group gets something else at one offset.
    fn misread(&mut self, ghost: Ghost) -> Option<u64> {
        let (at, place) = self.pick_read()?;
        let Step::Poll { key, ref mut records, .. } = self.steps[at] else {
            unreachable!("picked a poll")
        };
        records[place].1 = ghost.value();
        if let Some(steps) = ghost.steps(key, self.processes()) {
            self.insert_first(steps);
        }
        Some(1)
    }

    fn write_twice(&mut self) -> Option<u64> {
        let (key, end) = self.pick_drained()?;
        let (_, value) = self.pick(&self.log(key))?;
        self.append_to_log(key, end, value);
        Some(1)
    }

    fn misacknowledge(&mut self) -> Option<u64> {
        let (at, value, offset) = self.pick_acked()?;
        let key = self.key_of(value)?;
        let others: Vec<_> =
            self.log(key).into_iter().filter(|&(other, _)| other != offset).collect();
        let (taken, _) = self.pick(&others)?;
        self.steps[at] = Step::Ack { value, offset: Some(taken) };
        self.stop_asking();
        Some(1)
    }

    fn send_late(&mut self) -> Option<u64> {
        let (key, end) = self.pick_drained()?;
        self.append_to_log(key, end, GHOST);
        let ghost = Ghost::Unknown.steps(key, self.processes())?;
        self.steps.extend(ghost);
        Some(1)
    }

    fn read_beyond_the_end(&mut self) -> Option<u64> {
        let (key, end) = self.pick_drained()?;
        let process = self.processes();
        let read = Step::Poll { process, key, records: vec![(end, GHOST)] };
        self.insert_first(vec![Step::Open { client: 998, group: None }, read]);
        self.stop_asking();
        let ghost = Ghost::Unknown.steps(key, self.processes())?;
        self.insert_first(ghost);
        Some(1)
    }

    fn swap_neighbours(&mut self) -> Option<u64> {
        let pairs: Vec<_> =
            self.neighbours().into_iter().filter(|&(a, b)| self.may_swap(a, b)).collect();
        let (first, second) = self.pick(&pairs)?;
        self.swap(first, second)?;
        Some(first)
    }

    /// Two records change places, and their acknowledgements say so.
    pub(super) fn swap(&mut self, first: u64, second: u64) -> Option<()> {
        let swapped = |value| {
            if value == first {
                second
            } else if value == second {
                first
            } else {
                value
            }
        };
        self.each_record(|(offset, value)| Some((offset, swapped(value))));
        let place = |value| self.acked_offset(value);
        let (of_first, of_second) = (place(first), place(second));
        for step in &mut self.steps {
            match step {
                Step::Ack { value, offset: Some(offset) } if *value == first => {
                    *offset = of_second?
                }
                Step::Ack { value, offset: Some(offset) } if *value == second => {
                    *offset = of_first?
                }
                _ => {}
            }
        }
        self.stop_asking();
        Some(())
    }

    /// As two neighbours in the wrong order, but the first one's producer never learns what became of it.
    fn give_up_and_arrive_late(&mut self) -> Option<u64> {
        let late = self.swap_neighbours()?;
        for step in &mut self.steps {
            if matches!(step, Step::Ack { value, .. } if *value == late) {
                *step = Step::GiveUp { value: late };
            }
        }
        Some(1)
    }

    /// Pairs of records one session sent one after the other into one partition, both acknowledged with offsets next to
    /// each other: nobody else's record lies between.
    fn neighbours(&self) -> Vec<(u64, u64)> {
        let mut pairs = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let &Step::Send { process, key, value } = step else { continue };
            let next = self.steps[at + 1..].iter().find_map(|later| match *later {
                Step::Send { process: p, key: k, value } if (p, k) == (process, key) => Some(value),
                _ => None,
            });
            pairs.extend(next.map(|next| (value, next)));
        }
        pairs.retain(|&(a, b)| {
            let next = self.acked_offset(a).map(|offset| offset + 1);
            next.is_some() && self.acked_offset(b) == next
        });
        pairs
    }

    /// Swapping must not make the second record readable before it was sent.
    pub(super) fn may_swap(&self, first: u64, second: u64) -> bool {
        let sent = self
            .steps
            .iter()
            .position(|step| matches!(*step, Step::Send { value, .. } if value == second));
        let read = self
            .steps
            .iter()
            .position(|step| records(step).iter().any(|&(_, value)| value == first));
        sent < read && self.acked_offset(first) < self.acked_offset(second)
    }

    /// A poll leaves out a record: the one that was next, or one between others.
    fn skip_in_poll(&mut self, place: usize) -> Option<u64> {
        let polls = self.reader_polls(3);
        let at = self.pick(&polls)?;
        if let Step::Poll { records, .. } = &mut self.steps[at] {
            records.remove(place);
        }
        Some(1)
    }

    /// A poll hands out all its records twice.
    fn poll_backwards(&mut self) -> Option<u64> {
        let polls = self.reader_polls(2);
        let at = self.pick(&polls)?;
        if let Step::Poll { records, .. } = &mut self.steps[at] {
            records.extend(records.clone());
        }
        Some(1)
    }

    fn poll_again(&mut self) -> Option<u64> {
        let polls = self.reader_polls(1);
        let at = self.pick(&polls)?;
        self.steps.insert(at, self.steps[at].clone());
        Some(1)
    }

    fn overwrite(&mut self) -> Option<u64> {
        let (_, value, _) = self.pick_acked()?;
        let key = self.key_of(value)?;
        self.each_record(|(offset, old)| Some((offset, if old == value { GHOST } else { old })));
        let ghost = Ghost::Unknown.steps(key, self.processes())?;
        self.insert_first(ghost);
        Some(1)
    }

    /// Takes an acknowledged record out of every log and poll: the last of its partition, or one before.
    fn remove_acked(&mut self, is_last: bool) -> Option<u64> {
        let (_, value, _) =
            self.pick_acked_by(|log, offset| Some((log.last()?.0 == offset) == is_last))?;
        self.each_record(|(offset, old)| (old != value).then_some((offset, old)));
        Some(1)
    }

    fn truncate(&mut self) -> Option<u64> {
        let (key, value, offset) =
            self.pick_acked_by(|log, offset| Some(log.last()?.0 == offset))?;
        self.each_record(|(offset, old)| (old != value).then_some((offset, old)));
        for step in &mut self.steps {
            match step {
                Step::Drain { key: drained, end, .. } if *drained == key => *end = offset,
                _ => {}
            }
        }
        Some(1)
    }

    fn commit_the_future(&mut self) -> Option<u64> {
        let positions = self
            .find(|step| matches!(step, Step::Position { by: PositionedBy::ResetEarliest, .. }));
        let &at = positions.first()?;
        let Step::Position { process, key, .. } = self.steps[at] else {
            unreachable!("found a position")
        };
        let &(last, _) = self.log(key).last()?;
        let commit = Step::Commit { process, group: 0, key, offset: last + 1, id: 0 };
        self.steps.splice(at + 1..at + 1, [commit, Step::CommitFailed { id: 0 }]);
        Some(1)
    }

    fn commit_early(&mut self) -> Option<u64> {
        let early = |at: &usize| matches!(self.steps.get(at + 1), Some(Step::Commit { .. }));
        let processed = self.find(|step| matches!(step, Step::Processed { .. }));
        let processed: Vec<_> = processed
            .into_iter()
            .filter(early)
            .filter(|&at| self.is_first_processing(at))
            .collect();
        let at = self.pick(&processed)?;
        self.steps.swap(at, at + 1);
        Some(1)
    }

    fn is_first_processing(&self, at: usize) -> bool {
        let Step::Processed { records: of_step, .. } = &self.steps[at] else { return false };
        let earlier = self.steps[..at]
            .iter()
            .filter(|step| matches!(step, Step::Processed { .. }))
            .flat_map(records);
        let earlier: Vec<_> = earlier.collect();
        of_step.iter().all(|record| !earlier.contains(&record))
    }

    /// A record is polled but never processed; commits after it then run ahead of processing too.
    fn leave_unprocessed(&mut self) -> Option<Vec<(Kind, u64)>> {
        let processed =
            self.find(|step| matches!(step, Step::Processed { records, .. } if records.len() > 1));
        let at = self.pick(&processed)?;
        let Step::Processed { key, ref records, .. } = self.steps[at] else {
            unreachable!("found processing")
        };
        let (offset, value) = records[0];
        for step in &mut self.steps {
            if let Step::Processed { records, .. } = step {
                records.retain(|&(_, other)| other != value);
            }
        }
        let committed = self.find(
            |step| matches!(*step, Step::Commit { key: k, offset: committed, .. } if k == key && committed > offset),
        );
        let mut found = vec![(Kind::GroupSkip, 1)];
        found.extend((!committed.is_empty()).then_some((Kind::CommitBeyondProcessing, 1)));
        Some(found)
    }

    fn process_again(&mut self) -> Option<u64> {
        let processed = self.find(|step| matches!(step, Step::Processed { .. }));
        let at = self.pick(&processed)?;
        self.steps.insert(at, self.steps[at].clone());
        Some(records(&self.steps[at]).len() as u64)
    }

    /// Two members of another group have a partition at once, and commits of both are accepted.
    fn share(&mut self) -> Option<u64> {
        let (key, _) = self.pick_drained()?;
        let members = self.open_members();
        let assign = |process| Step::Assign { process, keys: vec![key] };
        self.steps.extend(members.map(assign));
        members.into_iter().for_each(|process| self.commit_accepted(process, key));
        Some(1)
    }

    fn commit_in_an_earlier_generation(&mut self) -> Option<u64> {
        let (key, _) = self.pick_drained()?;
        let records = vec![*self.log(key).last()?];
        let [early, late] = self.open_members();
        for (process, generation) in [(early, 1), (late, 2)] {
            self.steps.push(Step::Rebalance { process, generation, keys: vec![key] });
        }
        self.steps.push(Step::Poll { process: late, key, records: records.clone() });
        self.steps.push(Step::Processed { process: late, key, records });
        self.commit_accepted(early, key);
        Some(1)
    }

    /// A member of another group asks what is committed and is told more than was.
    fn answer_what_nobody_committed(&mut self) -> Option<u64> {
        let (key, _) = self.pick_drained()?;
        let [committer, asker] = self.open_members();
        self.commit_accepted(committer, key);
        let id = u32::MAX;
        self.steps.push(Step::Ask { process: asker, group: 1, id });
        self.steps.push(Step::Answer { id, key, offset: Some(1) });
        Some(1)
    }

    /// A member of another group is assigned a partition and begins behind what was committed.
    fn start_ahead(&mut self) -> Option<u64> {
        let (key, _) = self.pick_drained()?;
        let records = vec![*self.log(key).get(1..)?.last()?];
        let [committer, reader] = self.open_members();
        self.commit_accepted(committer, key);
        self.steps.push(Step::Assign { process: reader, keys: vec![key] });
        self.steps.push(Step::Poll { process: reader, key, records: records.clone() });
        self.steps.push(Step::Processed { process: reader, key, records });
        Some(1)
    }

    fn open_members(&mut self) -> [u32; 2] {
        let first = self.processes();
        self.steps.extend([994, 995].map(|client| Step::Open { client, group: Some(1) }));
        [first, first + 1]
    }

    fn commit_accepted(&mut self, process: u32, key: u32) {
        let id = u32::MAX - process;
        self.steps.push(Step::Commit { process, group: 1, key, offset: 0, id });
        self.steps.push(Step::CommitOk { id });
    }

    fn forget_commits(&mut self) -> Option<u64> {
        let answers = self.find(|step| matches!(step, Step::Answer { offset: Some(_), .. }));
        let confirmed = |at: &usize| {
            let Step::Answer { key, .. } = self.steps[*at] else { return false };
            self.steps[..at - 1].iter().any(
                |step| matches!(*step, Step::CommitOk { id } if self.commit_key(id) == Some(key)),
            )
        };
        let answers: Vec<_> = answers.into_iter().filter(confirmed).collect();
        let at = self.pick(&answers)?;
        if let Step::Answer { offset, .. } = &mut self.steps[at] {
            *offset = None;
        }
        Some(1)
    }

    fn commit_key(&self, id: u32) -> Option<u32> {
        self.steps.iter().find_map(|step| match *step {
            Step::Commit { id: commit, key, .. } if commit == id => Some(key),
            _ => None,
        })
    }

    fn join_late(&mut self) -> Option<u64> {
        let (key, _) = self.pick_drained()?;
        let log = self.log(key);
        let at = 1 + self.random.below(log.len());
        let offset = log.get(at).map_or(log[log.len() - 1].0 + 1, |&(offset, _)| offset);
        let process = self.processes();
        self.steps.push(Step::Open { client: 997, group: Some(1) });
        self.steps.push(Step::Position { process, key, offset, by: PositionedBy::ResetLatest });
        if at < log.len() {
            self.steps.push(Step::Poll { process, key, records: log[at..].to_vec() });
            self.steps.push(Step::Processed { process, key, records: log[at..].to_vec() });
        }
        Some(1)
    }

    /// One of `choices`, if there is any.
    pub(super) fn pick<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        (!choices.is_empty()).then(|| choices[self.random.below(choices.len())].clone())
    }

    pub(super) fn processes(&self) -> u32 {
        self.find(|step| matches!(step, Step::Open { .. })).len() as u32
    }

    pub(super) fn find(&self, wanted: impl Fn(&Step) -> bool) -> Vec<usize> {
        (0..self.steps.len()).filter(|&at| wanted(&self.steps[at])).collect()
    }

    /// Polls of at least this many records by readers outside groups, before the drains.
    fn reader_polls(&self, records_min: usize) -> Vec<usize> {
        let mut is_reader = Vec::new();
        for step in &self.steps {
            if let Step::Open { client, .. } = *step {
                is_reader.push((100..200).contains(&client));
            }
        }
        self.find(|step| match step {
            Step::Poll { process, records, .. } => {
                is_reader[*process as usize] && records.len() >= records_min
            }
            _ => false,
        })
    }

    fn pick_read(&mut self) -> Option<(usize, usize)> {
        let polls = self.reader_polls(1);
        let at = self.pick(&polls)?;
        let place = self.random.below(records(&self.steps[at]).len());
        Some((at, place))
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

    /// An acknowledged record: (its acknowledgement's step, value, offset).
    fn pick_acked(&mut self) -> Option<(usize, u64, i64)> {
        let acks: Vec<_> = (0..).zip(&self.steps).filter_map(acked).collect();
        self.pick(&acks)
    }

    /// An acknowledged record, as (partition, value, offset), that `wanted` says yes to.
    fn pick_acked_by(
        &mut self,
        wanted: impl Fn(&Records, i64) -> Option<bool>,
    ) -> Option<(u32, u64, i64)> {
        let acks = (0..).zip(&self.steps).filter_map(acked);
        let acks = acks.filter_map(|(_, value, offset)| Some((self.key_of(value)?, value, offset)));
        let acks: Vec<_> =
            acks.filter(|&(key, _, offset)| wanted(&self.log(key), offset) == Some(true)).collect();
        self.pick(&acks)
    }

    fn acked_offset(&self, value: u64) -> Option<i64> {
        (0..)
            .zip(&self.steps)
            .filter_map(acked)
            .find(|&(_, acked, _)| acked == value)
            .map(|(_, _, offset)| offset)
    }

    pub(super) fn key_of(&self, value: u64) -> Option<u32> {
        self.steps.iter().find_map(|step| match *step {
            Step::Send { value: sent, key, .. } if sent == value => Some(key),
            _ => None,
        })
    }

    /// What the drain of the partition read.
    pub(super) fn log(&self, key: u32) -> Records {
        let reader = self.steps.iter().find_map(|step| match *step {
            Step::Drain { process, key: drained, .. } if drained == key => Some(process),
            _ => None,
        });
        let polls = self.steps.iter().filter(|step| match step {
            Step::Poll { process, .. } => Some(*process) == reader,
            _ => false,
        });
        polls.flat_map(records).copied().collect()
    }

    /// The drain and the dump of a partition find one more record.
    fn append_to_log(&mut self, key: u32, offset: i64, value: u64) {
        let at = self
            .find(|step| matches!(*step, Step::Drain { key: drained, .. } if drained == key))[0];
        let Step::Drain { process, ref mut end, .. } = self.steps[at] else {
            unreachable!("found a drain")
        };
        *end = offset + 1;
        self.steps.insert(at, Step::Poll { process, key, records: vec![(offset, value)] });
        for step in &mut self.steps {
            match step {
                Step::Dump { key: dumped, records, .. } if *dumped == key => {
                    records.push((offset, value))
                }
                _ => {}
            }
        }
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
        self.steps.iter_mut().filter_map(process_of).for_each(moved);
    }
}

pub(super) fn acked((at, step): (usize, &Step)) -> Option<(usize, u64, i64)> {
    match *step {
        Step::Ack { value, offset: Some(offset) } => Some((at, value, offset)),
        _ => None,
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

fn process_of(step: &mut Step) -> Option<&mut u32> {
    match step {
        Step::Send { process, .. }
        | Step::Poll { process, .. }
        | Step::Processed { process, .. }
        | Step::Assign { process, .. }
        | Step::Position { process, .. }
        | Step::Commit { process, .. }
        | Step::Ask { process, .. }
        | Step::Crash { process }
        | Step::AskBound { process, .. }
        | Step::Heal { process }
        | Step::Drain { process, .. }
        | Step::Dump { process, .. } => Some(process),
        _ => None,
    }
}

/// What a reader wrongly gets.
#[derive(Clone, Copy, PartialEq)]
enum Ghost {
    Nobody,
    Corrupt,
    Unknown,
    Failed,
    ElsewhereUnknown,
}

impl Ghost {
    fn value(self) -> u64 {
        if self == Ghost::Corrupt { Value::CORRUPT.0 } else { GHOST }
    }

    /// The steps of an own producer that sends it.
    fn steps(self, key: u32, process: u32) -> Option<Vec<Step>> {
        let (key, outcome) = match self {
            Ghost::Nobody | Ghost::Corrupt => return None,
            Ghost::Unknown => (key, Step::GiveUp { value: GHOST }),
            Ghost::Failed => (key, Step::Fail { value: GHOST }),
            Ghost::ElsewhereUnknown => (1 - key, Step::GiveUp { value: GHOST }),
        };
        Some(vec![
            Step::Open { client: 999, group: None },
            Step::Send { process, key, value: GHOST },
            outcome,
        ])
    }
}
