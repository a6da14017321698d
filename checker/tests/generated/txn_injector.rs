//! One way to spoil a valid history with transactions per kind of anomaly, with the steps that must come back as its proof.

use super::random::Random;
use super::step::{Records, Step, Told};
use super::txn_generator::{INPUTS, PARTITIONS};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::PositionedBy;
use std::collections::BTreeMap;

/// A spoilt history.
pub struct Spoilt {
    pub steps: Vec<Step>,
    /// The kinds that must be found, how often each.
    pub expected: Vec<(Kind, u64)>,
    /// The steps that prove the injected one, in order.
    pub witness: Vec<Step>,
}

/// Injects one anomaly of `kind`; `None` if there is nothing to spoil.
pub fn inject(kind: Kind, steps: Vec<Step>, seed: u64) -> Option<Spoilt> {
    let mut injector = Injector { random: Random(seed), steps, expected: vec![(kind, 1)] };
    let witness = injector.spoil(kind)?;
    injector.expected.sort();
    Some(Spoilt { steps: injector.steps, expected: injector.expected, witness })
}

/// The spare processes.
const READER: u32 = 0;
const GHOST: u32 = 1;
const OTHER_GHOST: u32 = 2;
/// Above every value, transaction and producer of the generator.
const NEW: u32 = 1_000_000;

struct Injector {
    random: Random,
    steps: Vec<Step>,
    expected: Vec<(Kind, u64)>,
}

/// What a transaction does in a partition.
#[derive(Clone, Copy)]
enum Act {
    Write,
    /// It reads the record that the other one wrote last.
    Read,
    /// It reads what was there before, and learns that there is no more.
    ReadToEnd,
}

/// A record of a transaction, with the offset its acknowledgement named.
#[derive(Clone, Copy, PartialEq)]
struct Written {
    /// The step of its acknowledgement.
    at: usize,
    txn: u32,
    process: u32,
    key: u32,
    value: u64,
    offset: i64,
}

impl Injector {
    fn spoil(&mut self, kind: Kind) -> Option<Vec<Step>> {
        match kind {
            Kind::EarlyRead => self.read_early(),
            Kind::AbortedTransactionRead => self.read_aborted(),
            Kind::AbortedVisible => self.show_aborted(),
            Kind::LastStableOffsetPassed => self.read_beyond(),
            Kind::TornTransaction => self.tear(),
            Kind::LostTransaction => self.lose(),
            Kind::DoubleProcessing => self.process_twice(),
            Kind::SkippedInput => self.abort_consumer(false),
            Kind::OffsetWithoutOutput => self.abort_consumer(true),
            Kind::ZombieWrite => self.write_as_zombie(),
            Kind::FencedCommit => self.fence_before_commit(),
            Kind::TransactionInterleaving => self.interleave(),
            Kind::SequenceGap => self.leave_out_number(),
            Kind::SequenceDuplicate => self.repeat_number(),
            Kind::DuplicateOutput => self.repeat_output(),
            Kind::MissingOutput => self.leave_out_input(),
            Kind::WriteCycle => self.cross(&[
                (GHOST, Act::Write, 2),
                (OTHER_GHOST, Act::Write, 2),
                (OTHER_GHOST, Act::Write, 3),
                (GHOST, Act::Write, 3),
            ]),
            Kind::InformationFlowCycle => self.cross(&[
                (GHOST, Act::Write, 2),
                (OTHER_GHOST, Act::Write, 2),
                (OTHER_GHOST, Act::Write, 3),
                (GHOST, Act::Read, 3),
            ]),
            Kind::ReadCycle => self.cross(&[
                (GHOST, Act::Write, 2),
                (OTHER_GHOST, Act::Write, 3),
                (OTHER_GHOST, Act::Read, 2),
                (GHOST, Act::Read, 3),
            ]),
            Kind::ReadSkew => self.cross(&[
                (GHOST, Act::ReadToEnd, 3),
                (OTHER_GHOST, Act::Write, 3),
                (OTHER_GHOST, Act::Write, 2),
                (GHOST, Act::Write, 2),
            ]),
            Kind::AntiDependencyCycle => self.cross(&[
                (GHOST, Act::ReadToEnd, 3),
                (OTHER_GHOST, Act::ReadToEnd, 2),
                (GHOST, Act::Write, 2),
                (OTHER_GHOST, Act::Write, 3),
            ]),
            other => unreachable!("{other} takes no transaction"),
        }
    }

    fn read_early(&mut self) -> Option<Vec<Step>> {
        let written = self.written(|step| matches!(step, Step::TxnCommitted { .. }));
        let alone = |record: &Written| {
            let asked = self.asked(record.txn);
            !written.iter().any(|other| {
                let lies_below = other.key == record.key && other.offset < record.offset;
                other.txn != record.txn && lies_below && self.asked(other.txn) > asked
            })
        };
        let candidates: Vec<_> = written.iter().copied().filter(alone).collect();
        let record = self.pick(&candidates)?;
        let poll = poll(READER, record.key, vec![(record.offset, record.value)]);
        let asked = self.asked(record.txn)?;
        self.steps.insert(asked, poll.clone());
        Some(vec![self.send_of(record.value)?, poll, Step::TxnCommitted { txn: record.txn }])
    }

    fn read_aborted(&mut self) -> Option<Vec<Step>> {
        let written = self.written(|step| matches!(step, Step::TxnAborted { .. }));
        let record = self.pick(&written)?;
        let poll = poll(READER, record.key, vec![(record.offset, record.value)]);
        let rest = self.first_drain()?;
        self.steps.insert(rest, poll.clone());
        Some(vec![self.send_of(record.value)?, Step::TxnAborted { txn: record.txn }, poll])
    }

    fn show_aborted(&mut self) -> Option<Vec<Step>> {
        let mut written = self.written(|step| matches!(step, Step::TxnAborted { .. }));
        written.retain(|record| record.key >= INPUTS);
        let record = self.pick(&written)?;
        self.forget_polls(record.key);
        let poll = poll(self.drainer(record.key)?, record.key, vec![(record.offset, record.value)]);
        let place = self.place_in_drain(record.key, record.offset)?;
        self.steps.insert(place, poll.clone());
        Some(vec![self.send_of(record.value)?, Step::TxnAborted { txn: record.txn }, poll])
    }

    /// A poll from beyond the transaction that kept readers of its offset waiting longest.
    fn read_beyond(&mut self) -> Option<Vec<Step>> {
        let written = self.written(|step| matches!(step, Step::TxnCommitted { .. }));
        let mut candidates = Vec::new();
        for beyond in &written {
            let below = written
                .iter()
                .filter(|other| other.key == beyond.key && other.offset < beyond.offset);
            let Some(open) = below.max_by_key(|other| (self.asked(other.txn), -other.offset))
            else {
                continue;
            };
            let asked = self.asked(open.txn);
            if beyond.txn != open.txn && self.asked(beyond.txn) < asked && Some(beyond.at) < asked {
                candidates.push((*open, *beyond));
            }
        }
        let (open, beyond) = self.pick(&candidates)?;
        let poll = poll(READER, beyond.key, vec![(beyond.offset, beyond.value)]);
        let asked = self.asked(open.txn)?;
        self.steps.insert(asked, poll.clone());
        Some(vec![self.send_of(open.value)?, poll, Step::TxnCommitted { txn: open.txn }])
    }

    /// One of several records of a transaction vanishes. Its producer never learns that it was committed.
    fn tear(&mut self) -> Option<Vec<Step>> {
        let written = self.written(|step| matches!(step, Step::TxnCommitted { .. }));
        let first =
            |record: &Written| written.iter().find(|other| other.txn == record.txn).copied();
        let second = |record: &&Written| first(record).is_some_and(|first| first != **record);
        let candidates: Vec<_> = written.iter().filter(second).copied().collect();
        let missing = self.pick(&candidates)?;
        let present = first(&missing)?;
        let end = Step::TxnUnknown { txn: missing.txn };
        self.replace(&Step::TxnCommitted { txn: missing.txn }, end.clone());
        self.forget(missing.value);
        let witness = vec![self.send_of(present.value)?, self.send_of(missing.value)?];
        Some([witness, vec![end, self.drain_of(missing.key)?]].concat())
    }

    /// All records of a committed transaction vanish, and with them what was acknowledged.
    fn lose(&mut self) -> Option<Vec<Step>> {
        let written = self.written(|step| matches!(step, Step::TxnCommitted { .. }));
        let Written { txn, .. } = self.pick(&written)?;
        let lost: Vec<_> = written.iter().filter(|record| record.txn == txn).collect();
        for record in &lost {
            self.forget(record.value);
            self.steps[record.at] = Step::Ack { value: record.value, offset: None };
        }
        self.expected.push((Kind::DrainedUnseen, lost.len() as u64));
        let (send, drain) = (self.send_of(lost[0].value)?, self.drain_of(lost[0].key)?);
        Some(vec![send, Step::TxnCommitted { txn }, drain])
    }

    fn process_twice(&mut self) -> Option<Vec<Step>> {
        let consumers = self.consumers();
        let (first, polled) = self.pick(&consumers)?;
        let Step::AddOffset { txn, key, offset, .. } = first else {
            unreachable!("a consumer adds offsets")
        };
        let again = Step::AddOffset { txn: NEW, group: 0, key, offset };
        self.steps.extend([
            Step::Begin { process: GHOST, txn: NEW },
            poll(GHOST, key, polled),
            again.clone(),
            Step::TxnCommitted { txn: NEW },
        ]);
        Some(vec![first, Step::TxnCommitted { txn }, again, Step::TxnCommitted { txn: NEW }])
    }

    /// A transaction that only consumed is aborted after all, but whoever comes next reads on behind it: because it was
    /// given the offset, or because it just did.
    fn abort_consumer(&mut self, is_given: bool) -> Option<Vec<Step>> {
        let mut candidates = Vec::new();
        for (added, _) in self.consumers() {
            let Step::AddOffset { txn, key, offset, .. } = added else { continue };
            let ended = self.find(&Step::TxnCommitted { txn })?;
            let given = self.steps[ended..].iter().find(|step| {
                matches!(**step, Step::Position { key: k, offset: o, by: PositionedBy::Committed, .. } if (k, o) == (key, offset))
            });
            let next = self.steps.iter().find(|later| match **later {
                Step::AddOffset { txn, key: k, offset: o, .. } => {
                    k == key && o > offset && self.find(&Step::TxnAborted { txn }).is_none()
                }
                _ => false,
            });
            let next = next.and_then(|next| {
                self.consumers().into_iter().find(|(consumer, _)| consumer == next)
            });
            let earlier = self.consumers().into_iter().any(|(earlier, _)| {
                matches!(earlier, Step::AddOffset { key: k, offset: o, .. } if k == key && o < offset)
            });
            let is_alone = !self.steps.iter().any(|step| {
                matches!(*step, Step::AddOffset { txn: t, key: k, offset: o, .. } if t != txn && (k, o) == (key, offset))
            });
            let is_pure = is_alone
                && !self.written(|_| true).iter().any(|record| record.txn == txn)
                && !self.has_sends(txn);
            if let Some((next, _)) =
                next.filter(|_| earlier && is_pure && given.is_some() == is_given)
            {
                candidates.push((added, next, given.cloned()));
            }
        }
        let (added, next, given) = self.pick(&candidates)?;
        let (Step::AddOffset { txn, .. }, Step::AddOffset { txn: after, .. }) = (&added, &next)
        else {
            unreachable!("consumers add offsets")
        };
        self.replace(&Step::TxnCommitted { txn: *txn }, Step::TxnAborted { txn: *txn });
        Some(match given {
            Some(given) => vec![added.clone(), Step::TxnAborted { txn: *txn }, given],
            None => vec![next.clone(), Step::TxnCommitted { txn: *after }],
        })
    }

    /// An older life of a producer writes at the end of a log that has records of a newer one.
    fn write_as_zombie(&mut self) -> Option<Vec<Step>> {
        let lives = self.lives();
        let written = self.written(|step| matches!(step, Step::TxnCommitted { .. }));
        let of_later_life = |record: &Written| {
            let life = lives.iter().find(|life| life.0 == record.process)?;
            (life.2 > 0).then_some((*record, life.1, life.2))
        };
        let candidates: Vec<_> = written.iter().filter_map(of_later_life).collect();
        let (record, producer, _) = self.pick(&candidates)?;
        // The newest life is what the zombie is behind, first where it wrote.
        let in_log = self.drained(record.key);
        let mut newest: Option<(i16, u64)> = None;
        for &(_, value) in &in_log {
            let Some(process) = self.sender_of(value) else { continue };
            let Some(life) = lives.iter().find(|life| life.0 == process && life.1 == producer)
            else {
                continue;
            };
            if newest.is_none_or(|(epoch, _)| epoch < life.2) {
                newest = Some((life.2, value));
            }
        }
        let (_, newer) = newest?;
        let init = Step::Init { process: GHOST, producer, epoch: 0 };
        let spares = self.steps.iter().position(|step| !matches!(step, Step::Open { .. }))?;
        self.steps.insert(spares, init);
        let zombie = Step::Send { process: GHOST, key: record.key, value: NEW.into() };
        self.append(record.key, &[(zombie.clone(), NEW.into())], &[])?;
        Some(vec![self.send_of(newer)?, zombie])
    }

    fn fence_before_commit(&mut self) -> Option<Vec<Step>> {
        let lives = self.lives();
        let written = self.written(|step| matches!(step, Step::TxnCommitted { .. }));
        // Of each life the last transaction.
        let last = |record: &&Written| {
            !written.iter().any(|other| other.process == record.process && other.txn > record.txn)
        };
        let candidates: Vec<_> = written.iter().filter(last).copied().collect();
        let record = self.pick(&candidates)?;
        let &(_, producer, epoch) = lives.iter().find(|life| life.0 == record.process)?;
        let init = Step::Init { process: GHOST, producer, epoch: epoch + 1 };
        let asked = self.asked(record.txn)?;
        self.steps.insert(asked, init.clone());
        let first = self.first_send_of(record.txn)?;
        Some(vec![first, init, Step::TxnCommitted { txn: record.txn }])
    }

    /// Two processes believe to be the same life of a producer.
    fn interleave(&mut self) -> Option<Vec<Step>> {
        let key = INPUTS + self.random.below((PARTITIONS - INPUTS) as usize) as u32;
        let ghosts = [(GHOST, NEW), (OTHER_GHOST, NEW + 1)];
        let rest = self.first_drain()?;
        let begun = ghosts.map(|(process, txn)| {
            [Step::Init { process, producer: NEW, epoch: 0 }, Step::Begin { process, txn }]
        });
        self.steps.splice(rest..rest, begun.concat());
        let sends: Vec<_> = [GHOST, OTHER_GHOST, GHOST].into_iter().zip(u64::from(NEW)..).collect();
        let sends: Vec<_> = sends
            .into_iter()
            .map(|(process, value)| (Step::Send { process, key, value }, value))
            .collect();
        let ends = ghosts.map(|(_, txn)| Step::TxnCommitted { txn });
        self.append(key, &sends, &ends)?;
        Some(sends.into_iter().map(|(send, _)| send).collect())
    }

    /// Two transactions do this in the output partitions, each next to or across the other.
    fn cross(&mut self, acts: &[(u32, Act, u32)]) -> Option<Vec<Step>> {
        let begun = [(GHOST, NEW), (OTHER_GHOST, NEW + 1)]
            .map(|(process, txn)| Step::Begin { process, txn });
        let mut steps = begun.to_vec();
        let mut written: BTreeMap<u32, Records> = BTreeMap::new();
        for (&(process, act, key), value) in acts.iter().zip(u64::from(NEW)..) {
            let Step::Drain { end, .. } = self.drain_of(key)? else { unreachable!("it drains") };
            let records = written.entry(key).or_default();
            match act {
                Act::Write => {
                    let offset = end + records.len() as i64;
                    records.push((offset, value));
                    steps.push(Step::Send { process, key, value });
                    steps.push(Step::Ack { value, offset: Some(offset) });
                }
                Act::Read => steps.push(poll(process, key, vec![*records.last()?])),
                Act::ReadToEnd => {
                    steps.push(poll(process, key, vec![*self.drained(key).last()?]));
                    let last_stable_offset = Some(end);
                    let told = Told { epoch: 0, start: 0, high_watermark: end, last_stable_offset };
                    steps.push(Step::Told { key, told });
                }
            }
        }
        steps.extend([NEW + 1, NEW].map(|txn| Step::TxnCommitted { txn }));
        let rest = self.first_drain()?;
        self.steps.splice(rest..rest, steps);
        for (key, records) in written {
            self.lengthen(key, records)?;
        }
        Some(begun.into())
    }

    /// Two transactions make an output each of one record of an input.
    fn repeat_output(&mut self) -> Option<Vec<Step>> {
        let inputs = self.drained(0);
        let input = self.pick(&inputs)?;
        let [first, ..] = self.make_output((GHOST, NEW), vec![input], input.0)?;
        let [second, _, end] = self.make_output((OTHER_GHOST, NEW + 1), vec![], input.0)?;
        Some(vec![first, second, end])
    }

    /// A transaction consumes two records and makes an output of the first.
    fn leave_out_input(&mut self) -> Option<Vec<Step>> {
        let pairs: Vec<Records> = self.drained(0).windows(2).map(<[_]>::to_vec).collect();
        let pair = self.pick(&pairs)?;
        let named = pair[0].0;
        Some(self.make_output((GHOST, NEW), pair, named)?.into())
    }

    /// A transaction polls records of the first input, makes an output of the one at `named`, and is committed with the
    /// offset behind them, for a group of its own. Its send, what it added, and its end.
    fn make_output(
        &mut self,
        (process, txn): (u32, u32),
        polled: Records,
        named: i64,
    ) -> Option<[Step; 3]> {
        let offset = polled.last().map_or(named, |last| last.0) + 1;
        let polls = (!polled.is_empty()).then(|| poll(process, 0, polled));
        let begun = [Step::Begin { process, txn }].into_iter().chain(polls);
        let rest = self.first_drain()?;
        self.steps.splice(rest..rest, begun);
        let (key, value) = (INPUTS, u64::from(txn));
        let send = Step::Send { process, key, value };
        let added = Step::AddOffset { txn, group: 1, key: 0, offset };
        let end = Step::TxnCommitted { txn };
        self.append(key, &[(send.clone(), value)], &[added.clone(), end.clone()])?;
        let sent = self.find(&send)?;
        self.steps.insert(sent + 1, Step::MadeFrom { inputs: vec![(0, named)] });
        Some([send, added, end])
    }

    /// The final reader of a partition reads these records behind the others.
    fn lengthen(&mut self, key: u32, records: Records) -> Option<()> {
        let at = self.find(&self.drain_of(key)?)?;
        let Step::Drain { process, end, .. } = self.steps[at] else {
            unreachable!("found a drain")
        };
        self.steps[at] = Step::Drain { process, key, end: end + records.len() as i64 };
        self.steps.insert(at, poll(process, key, records));
        Some(())
    }

    /// A record with records of its life around it vanishes, and its producer never learns what became of it.
    fn leave_out_number(&mut self) -> Option<Vec<Step>> {
        let triples = self.numbered();
        let triples: Vec<_> =
            triples.windows(3).filter(|triple| triple[0].0 == triple[2].0).collect();
        let triples: Vec<[u64; 3]> =
            triples.iter().map(|triple| [0, 1, 2].map(|n| triple[n].2)).collect();
        let plain: Vec<_> =
            triples.into_iter().filter(|&[_, value, _]| self.is_plain(value)).collect();
        let [before, missing, after] = self.pick(&plain)?;
        self.forget(missing);
        for step in &mut self.steps {
            if matches!(step, Step::Ack { value, .. } if *value == missing) {
                *step = Step::GiveUp { value: missing };
            }
        }
        [before, missing, after].into_iter().map(|value| self.send_of(value)).collect()
    }

    fn repeat_number(&mut self) -> Option<Vec<Step>> {
        let numbered = self.numbered();
        let pairs: Vec<_> = numbered.windows(2).filter(|pair| pair[0].0 == pair[1].0).collect();
        let pairs: Vec<_> = pairs.iter().map(|pair| (pair[0], pair[1])).collect();
        let (first, second) = self.pick(&pairs)?;
        let send = self.find(&self.send_of(second.2)?)?;
        self.steps[send + 1] = Step::Sequence { sequence: first.1 };
        Some(vec![self.send_of(first.2)?, self.send_of(second.2)?])
    }

    /// The records that transactions with such an end wrote, and were told the offsets of.
    fn written(&self, ends: impl Fn(&Step) -> bool) -> Vec<Written> {
        let mut open: Vec<(u32, u32)> = Vec::new();
        let mut sent: Vec<(u64, u32, u32, u32)> = Vec::new();
        let mut written = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            match *step {
                Step::Begin { process, txn } => open.push((process, txn)),
                Step::TxnCommitted { txn }
                | Step::TxnAborted { txn }
                | Step::TxnUnknown { txn } => {
                    open.retain(|&(_, other)| other != txn);
                }
                Step::Send { process, key, value } => {
                    let txn = open.iter().rev().find(|&&(owner, _)| owner == process);
                    sent.extend(txn.map(|&(_, txn)| (value, txn, process, key)));
                }
                Step::Ack { value, offset: Some(offset) } => {
                    let of = sent.iter().find(|sent| sent.0 == value);
                    written.extend(of.map(|&(value, txn, process, key)| Written {
                        at,
                        txn,
                        process,
                        key,
                        value,
                        offset,
                    }));
                }
                _ => {}
            }
        }
        written.retain(|record| {
            let ended = |step: &&Step| matches!(**step, Step::TxnCommitted { txn } | Step::TxnAborted { txn } | Step::TxnUnknown { txn } if txn == record.txn);
            self.steps.iter().find(ended).is_some_and(&ends)
        });
        written
    }

    fn has_sends(&self, txn: u32) -> bool {
        self.first_send_of(txn).is_some()
    }

    fn first_send_of(&self, txn: u32) -> Option<Step> {
        let begun = self
            .steps
            .iter()
            .position(|step| matches!(*step, Step::Begin { txn: t, .. } if t == txn))?;
        let Step::Begin { process: owner, .. } = self.steps[begun] else {
            unreachable!("found a beginning")
        };
        let ends = |step: &Step| matches!(*step, Step::TxnCommitted { txn: t } | Step::TxnAborted { txn: t } | Step::TxnUnknown { txn: t } if t == txn);
        let inside = self.steps[begun..].iter().take_while(|step| !ends(step));
        inside
            .into_iter()
            .find(|step| matches!(step, Step::Send { process, .. } if *process == owner))
            .cloned()
    }

    /// What committed transactions added offsets for, with the records each consumed: those behind the offset that was
    /// added before, by a transaction that may be committed.
    fn consumers(&self) -> Vec<(Step, Records)> {
        let mut reached = vec![0; INPUTS as usize];
        let mut consumers = Vec::new();
        for step in &self.steps {
            let &Step::AddOffset { txn, key, offset, .. } = step else { continue };
            if self.find(&Step::TxnAborted { txn }).is_some() {
                continue;
            }
            let start = std::mem::replace(&mut reached[key as usize], offset);
            let consumed = |record: &(i64, u64)| (start..offset).contains(&record.0);
            let consumed: Records = self.drained(key).into_iter().filter(consumed).collect();
            let is_committed = self.find(&Step::TxnCommitted { txn }).is_some();
            if is_committed && !consumed.is_empty() {
                consumers.push((step.clone(), consumed));
            }
        }
        consumers
    }

    /// Process, producer and epoch of every life of a transactional producer.
    fn lives(&self) -> Vec<(u32, u32, i16)> {
        let lives = self.steps.iter().filter_map(|step| match *step {
            Step::Init { process, producer, epoch } => Some((process, producer, epoch)),
            _ => None,
        });
        lives.collect()
    }

    /// The records of the logs, by life and partition in the order of the logs, with their sequence numbers.
    fn numbered(&self) -> Vec<((u32, u32), i32, u64)> {
        let mut numbered = Vec::new();
        for key in 0..PARTITIONS {
            for (_, value) in self.drained(key) {
                let Some(at) = self.send_of(value).and_then(|send| self.find(&send)) else {
                    continue;
                };
                let (&Step::Send { process, .. }, &Step::Sequence { sequence }) =
                    (&self.steps[at], &self.steps[at + 1])
                else {
                    continue;
                };
                numbered.push(((process, key), sequence, value));
            }
        }
        numbered.sort_by_key(|&(life, ..)| life);
        numbered
    }

    /// Whether a record belongs to no transaction and was acknowledged.
    fn is_plain(&self, value: u64) -> bool {
        let is_acked = self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Ack { value: acked, .. } if *acked == value));
        is_acked && !self.written(|_| true).iter().any(|record| record.value == value)
    }

    fn asked(&self, txn: u32) -> Option<usize> {
        self.find(&Step::AskCommit { txn })
    }

    fn find(&self, sought: &Step) -> Option<usize> {
        self.steps.iter().position(|step| step == sought)
    }

    fn send_of(&self, sought: u64) -> Option<Step> {
        self.steps
            .iter()
            .find(|step| matches!(step, Step::Send { value, .. } if *value == sought))
            .cloned()
    }

    fn sender_of(&self, value: u64) -> Option<u32> {
        self.send_of(value).map(|send| match send {
            Step::Send { process, .. } => process,
            _ => unreachable!("found a send"),
        })
    }

    fn drain_of(&self, of: u32) -> Option<Step> {
        self.steps
            .iter()
            .find(|step| matches!(step, Step::Drain { key, .. } if *key == of))
            .cloned()
    }

    fn drainer(&self, of: u32) -> Option<u32> {
        self.drain_of(of).map(|drain| match drain {
            Step::Drain { process, .. } => process,
            _ => unreachable!("found a drain"),
        })
    }

    /// What was read of the partition at rest.
    fn drained(&self, of: u32) -> Records {
        let drainer = self.drainer(of);
        let polls = self.steps.iter().filter_map(|step| match step {
            Step::Poll { process, records, .. } if Some(*process) == drainer => Some(records),
            _ => None,
        });
        polls.flatten().copied().collect()
    }

    /// Where the reading at rest begins.
    fn first_drain(&self) -> Option<usize> {
        self.steps.iter().position(|step| *step == Step::Open { client: 300, group: None })
    }

    /// Splits the polls of the final reader so that a poll of `offset` can go between, and says where.
    fn place_in_drain(&mut self, key: u32, offset: i64) -> Option<usize> {
        let drainer = self.drainer(key)?;
        let is_drain =
            |step: &Step| matches!(step, Step::Poll { process, .. } if *process == drainer);
        let polls: Vec<_> = (0..self.steps.len()).filter(|&at| is_drain(&self.steps[at])).collect();
        for at in polls {
            let Step::Poll { process, ref records, .. } = self.steps[at] else {
                unreachable!("found a poll")
            };
            let (below, above): (Records, Records) =
                records.iter().copied().partition(|record| record.0 < offset);
            if !above.is_empty() {
                let parts = [below, above].into_iter().filter(|part| !part.is_empty());
                let parts: Vec<_> = parts.map(|records| poll(process, key, records)).collect();
                let place = at + parts.len() - 1;
                self.steps.splice(at..=at, parts);
                return Some(place);
            }
        }
        self.find(&self.drain_of(key)?)
    }

    /// Sends and acknowledges records at the end of a log, then come `ends`, and then the final reader reads them.
    fn append(&mut self, key: u32, sends: &[(Step, u64)], ends: &[Step]) -> Option<()> {
        let at = self.find(&self.drain_of(key)?)?;
        let Step::Drain { process, end, .. } = self.steps[at] else {
            unreachable!("found a drain")
        };
        let placed = sends.iter().zip(end..);
        let acked = placed.clone().flat_map(|(&(ref send, value), offset)| {
            [send.clone(), Step::Ack { value, offset: Some(offset) }]
        });
        let records = placed.map(|(&(_, value), offset)| (offset, value)).collect();
        let read = poll(process, key, records);
        let steps: Vec<_> = acked.chain(ends.iter().cloned()).chain([read]).collect();
        self.steps[at] = Step::Drain { process, key, end: end + sends.len() as i64 };
        self.steps.splice(at..at, steps);
        Some(())
    }

    /// Nobody reads the record anywhere.
    fn forget(&mut self, value: u64) {
        for step in &mut self.steps {
            if let Step::Poll { records, .. } = step {
                records.retain(|record| record.1 != value);
            }
        }
    }

    /// Nobody but the final reader reads the partition.
    fn forget_polls(&mut self, of: u32) {
        let drainer = self.drainer(of);
        self.steps.retain(|step| {
            !matches!(step, Step::Poll { process, key, .. } if *key == of && Some(*process) != drainer)
        });
    }

    fn replace(&mut self, old: &Step, new: Step) {
        self.steps.iter_mut().filter(|step| *step == old).for_each(|step| *step = new.clone());
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        (!choices.is_empty()).then(|| choices[self.random.below(choices.len())].clone())
    }
}

fn poll(process: u32, key: u32, records: Records) -> Step {
    Step::Poll { process, key, records }
}
