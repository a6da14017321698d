//! What arbitrary steps say of sends, transactions and logs.

use crate::oracle::rest;
use crate::step::{Records, Step, groups};
use ktrial_checker::history::{Isolation, LogEntry, LogEntryKind, PositionedBy};
use std::collections::{BTreeMap, BTreeSet};

/// Partition and offset.
pub type Place = (u32, i64);
/// A producer, and its epoch.
pub type Life = (u32, i16);

pub struct Sent {
    pub at: usize,
    pub process: u32,
    pub key: u32,
    pub value: u64,
    pub failed: bool,
    pub has_answer: bool,
    pub offset: Option<i64>,
    pub txn: Option<usize>,
    pub life: Option<Life>,
    pub sequence: Option<i32>,
    pub inputs: Vec<Place>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Fate {
    Committed,
    Aborted,
    Unknown,
}

pub struct Txn {
    pub process: u32,
    pub begun: usize,
    /// The step that ended it, or the end of the history.
    pub over: usize,
    /// When its commit was asked for, if anybody told.
    asked: Option<usize>,
    /// What its producer was told.
    pub told: Fate,
    /// What became of it.
    pub fate: Fate,
}

/// Somebody read a value at a place.
pub struct Read {
    pub at: usize,
    pub place: Place,
    pub value: u64,
}

/// A marker in a dump that ends a transaction.
pub struct Marker {
    pub txn: usize,
    /// The first record of the transaction.
    pub first: i64,
    pub offset: i64,
    pub is_commit: bool,
    /// The step of the dump's entries.
    pub dump: usize,
}

pub struct Known<'s> {
    pub steps: &'s [Step],
    pub isolation: Isolation,
    pub group_of: Vec<Option<u32>>,
    pub sent: Vec<Sent>,
    pub txns: Vec<Txn>,
    pub reads: Vec<Read>,
    pub log: BTreeMap<Place, u64>,
    pub visible: BTreeSet<Place>,
    /// Start and end of the final read and its step, by partition.
    pub rest: BTreeMap<u32, (i64, i64, usize)>,
}

impl<'s> Known<'s> {
    pub fn new(steps: &'s [Step], isolation: Isolation) -> Self {
        let mut known = Known {
            steps,
            isolation,
            group_of: groups(steps),
            sent: Vec::new(),
            txns: txns(steps),
            reads: reads(steps),
            log: BTreeMap::new(),
            visible: BTreeSet::new(),
            rest: rest(steps),
        };
        known.sent = (0..steps.len()).filter_map(|at| known.sent_at(at)).collect();
        known.fill();
        for txn in 0..known.txns.len() {
            known.txns[txn].fate = known.fate(txn);
        }
        known.acknowledge();
        known.visible =
            known.log.keys().copied().filter(|&place| known.is_visible(place)).collect();
        known
    }

    fn sent_at(&self, at: usize) -> Option<Sent> {
        let Step::Send { process, key, value } = self.steps[at] else { return None };
        let mut sent = Sent {
            at,
            process,
            key,
            value,
            failed: self.steps.contains(&Step::Fail { value }),
            has_answer: false,
            offset: None,
            txn: self.open_at(process, at),
            life: self.life_at(process, at),
            sequence: None,
            inputs: vec![],
        };
        for step in &self.steps[at + 1..] {
            match step {
                Step::Sequence { sequence } => sent.sequence = Some(*sequence),
                Step::MadeFrom { inputs } => sent.inputs = inputs.clone(),
                _ => break,
            }
        }
        for step in self.steps {
            if let &Step::Ack { value: acked, offset } = step
                && acked == value
            {
                (sent.has_answer, sent.offset) = (true, offset);
            }
        }
        Some(sent)
    }

    /// The transaction that a process has open at a step.
    pub fn open_at(&self, process: u32, at: usize) -> Option<usize> {
        self.txns.iter().position(|txn| txn.process == process && txn.begun < at && at < txn.over)
    }

    /// Who a process is at a step.
    pub fn life_at(&self, of: u32, at: usize) -> Option<Life> {
        self.steps[..at].iter().rev().find_map(|step| match *step {
            Step::Init { process, producer, epoch } if process == of => Some((producer, epoch)),
            _ => None,
        })
    }

    /// What each place holds: the first claim, dumps before final readers before others.
    fn fill(&mut self) {
        let drains = |process: u32| {
            self.steps
                .iter()
                .any(|step| matches!(*step, Step::Drain { process: p, .. } if p == process))
        };
        let rank = |read: &&Read| match self.steps[read.at] {
            Step::Dump { .. } => 0,
            Step::Poll { process, .. } if drains(process) => 1,
            _ => 2,
        };
        let mut reads: Vec<&Read> = self.reads.iter().collect();
        reads.sort_by_key(rank);
        for read in reads {
            self.log.entry(read.place).or_insert(read.value);
        }
    }

    /// What became of a transaction: what its producer was told; or else what any dump shows, a commit before an abort; or
    /// else, if readers get committed records only, that it is committed, because one was read.
    fn fate(&self, txn: usize) -> Fate {
        let marked = |is_commit| {
            self.markers().iter().any(|marker| (marker.txn, marker.is_commit) == (txn, is_commit))
        };
        let is_of = |value| self.send_of(value).is_some_and(|sent| sent.txn == Some(txn));
        let is_dumped = |read: &Read| {
            let is_dump = matches!(self.steps[read.at], Step::Dump { .. });
            is_dump && self.log[&read.place] == read.value && is_of(read.value)
        };
        let left = |(_, _, entry): &(usize, u32, LogEntry)| {
            let value = entry.value.map_or(0, |value| value.0);
            entry.kind == LogEntryKind::AbortedData && is_of(value)
        };
        if self.txns[txn].told != Fate::Unknown {
            self.txns[txn].told
        } else if marked(true) || self.reads.iter().any(is_dumped) {
            Fate::Committed
        } else if marked(false) || self.left().iter().any(left) {
            Fate::Aborted
        } else if self.isolation == Isolation::ReadCommitted
            && self.reads.iter().any(|read| is_of(read.value))
        {
            Fate::Committed
        } else {
            Fate::Unknown
        }
    }

    /// Whoever was told an offset fills it, if nobody read it, and its transaction is committed.
    fn acknowledge(&mut self) {
        for sent in &self.sent {
            let is_committed = sent.txn.is_none_or(|txn| self.txns[txn].fate == Fate::Committed);
            if let Some(offset) = sent.offset.filter(|_| is_committed) {
                self.log.entry((sent.key, offset)).or_insert(sent.value);
            }
        }
    }

    /// At rest, what was read at rest or later; without rest, everything known but what a poll read over.
    fn is_visible(&self, place: Place) -> bool {
        let Some(&(_, _, rest)) = self.rest.get(&place.0) else { return !self.is_read_over(place) };
        let drains = |process: u32| {
            self.steps
                .iter()
                .any(|step| matches!(*step, Step::Drain { process: p, .. } if p == process))
        };
        self.reads.iter().filter(|read| read.place == place).any(|read| match self.steps[read.at] {
            Step::Poll { process, .. } => drains(process) || read.at > rest,
            _ => true,
        })
    }

    fn is_read_over(&self, place: Place) -> bool {
        let value = self.log[&place];
        let was_read = self.reads.iter().any(|read| read.place == place || read.value == value);
        let until = self.send_of(value).and_then(|sent| sent.txn).map(|txn| self.open_until(txn));
        let passes = |(at, step): (usize, &Step)| match step {
            Step::Poll { key, records, .. } if *key == place.0 && until <= Some(at) => {
                records.windows(2).any(|pair| pair[0].0 < place.1 && place.1 < pair[1].0)
            }
            _ => false,
        };
        !was_read && self.steps.iter().enumerate().any(passes)
    }

    /// Its commit was not asked for before this step.
    pub fn open_until(&self, txn: usize) -> usize {
        let Txn { process, begun, over, asked, .. } = self.txns[txn];
        let is_done_in_it = |&at: &usize| match self.steps[at] {
            Step::Send { process: by, .. } => by == process,
            Step::AddOffset { .. } => self.adder(at) == process,
            _ => false,
        };
        asked.or((begun..over).rev().find(is_done_in_it)).unwrap_or(begun)
    }

    /// The process of the step that adds an offset.
    pub fn adder(&self, at: usize) -> u32 {
        let Step::AddOffset { txn: sought, .. } = self.steps[at] else { unreachable!("it adds") };
        let begins = self.steps.iter().find_map(|step| match *step {
            Step::Begin { process, txn } if txn == sought => Some(process),
            _ => None,
        });
        begins.expect("what offsets are added to was begun")
    }

    pub fn send_of(&self, value: u64) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.value == value)
    }

    pub fn sent_in(&self, txn: usize) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.txn == Some(txn))
    }

    pub fn is_committed(&self, txn: usize) -> bool {
        self.txns[txn].fate == Fate::Committed
    }

    /// Where a record lies: the first visible place of its own partition that holds it.
    pub fn place_of(&self, sent: &Sent) -> Option<i64> {
        let mut places = self.visible.iter().filter(|place| place.0 == sent.key);
        places.find(|place| self.log[place] == sent.value).map(|place| place.1)
    }

    /// The records of a partition that lie where they belong, in order.
    pub fn lying_in(&self, key: u32) -> Vec<(i64, &Sent)> {
        let of_key = self.sent.iter().filter(|sent| sent.key == key);
        let mut lying: Vec<_> =
            of_key.filter_map(|sent| Some((self.place_of(sent)?, sent))).collect();
        lying.sort_by_key(|&(offset, _)| offset);
        lying
    }

    /// Whether there is a visible record in a range of offsets.
    pub fn has_records(&self, key: u32, offsets: std::ops::Range<i64>) -> bool {
        self.visible.iter().any(|place| place.0 == key && offsets.contains(&place.1))
    }

    /// Whether retention may have removed a record.
    pub fn may_be_gone(&self, sent: &Sent) -> bool {
        let offset = sent.offset.unwrap_or(0);
        let begins_above = |step: &Step| match *step {
            Step::Position { key, offset: start, by: PositionedBy::ResetEarliest, .. } => {
                key == sent.key && start > offset
            }
            _ => false,
        };
        self.rest.get(&sent.key).is_some_and(|rest| rest.0 > offset)
            || self.steps.iter().any(begins_above)
    }

    /// What dumps say beside committed records: step, partition, entry.
    pub fn left(&self) -> Vec<(usize, u32, LogEntry)> {
        let mut left = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            if let Step::Annotate { entries } = step
                && let Step::Dump { key, .. } = self.steps[at - 1]
            {
                left.extend(entries.iter().map(|&entry| (at, key, entry)));
            }
        }
        left
    }

    /// The markers that end what one transaction, and no other, wrote since its producer's marker before.
    pub fn markers(&self) -> Vec<Marker> {
        let left = self.left();
        let mut markers = Vec::new();
        for &(dump, key, marker) in left.iter().filter(|(.., entry)| is_marker(entry)) {
            let of_producer = |(at, _, entry): &&(usize, u32, LogEntry)| {
                *at == dump
                    && entry.producer_id == marker.producer_id
                    && entry.offset < marker.offset
            };
            let written = left.iter().filter(of_producer);
            let before = written.clone().rfind(|(.., entry)| is_marker(entry));
            let from = before.map_or(0, |(.., entry)| entry.offset.0 + 1);
            let named = written.filter_map(|(.., entry)| {
                let sent = self.send_of(entry.value?.0).filter(|sent| sent.key == key)?;
                Some((entry.offset.0, sent.txn))
            });
            let acked = self.sent.iter().filter_map(|sent| {
                let begun = self.txns[sent.txn?].begun;
                let (producer, _) = self.life_at(sent.process, begun)?;
                let is_here = sent.key == key && i64::from(producer) == marker.producer_id;
                Some((sent.offset.filter(|_| is_here)?, sent.txn))
            });
            let ended: Vec<_> = named
                .chain(acked)
                .filter(|&(offset, _)| (from..marker.offset.0).contains(&offset))
                .collect();
            let Some(&(first, Some(txn))) = ended.iter().min_by_key(|record| record.0) else {
                continue;
            };
            if ended.iter().all(|record| record.1 == Some(txn)) {
                let is_commit = marker.kind == LogEntryKind::Commit;
                markers.push(Marker { txn, first, offset: marker.offset.0, is_commit, dump });
            }
        }
        markers
    }
}

fn is_marker(entry: &LogEntry) -> bool {
    matches!(entry.kind, LogEntryKind::Commit | LogEntryKind::Abort)
}

fn txns(steps: &[Step]) -> Vec<Txn> {
    let mut txns = Vec::new();
    for (begun, step) in steps.iter().enumerate() {
        let &Step::Begin { process, txn } = step else { continue };
        let is_end = |step: &Step| match *step {
            Step::TxnCommitted { txn: ended }
            | Step::TxnAborted { txn: ended }
            | Step::TxnUnknown { txn: ended } => ended == txn,
            _ => false,
        };
        let over = steps.iter().position(is_end).unwrap_or(steps.len());
        let (told, is_told) = match steps.get(over) {
            Some(Step::TxnCommitted { .. }) => (Fate::Committed, true),
            Some(Step::TxnAborted { .. }) => (Fate::Aborted, false),
            Some(_) => (Fate::Unknown, true),
            None => (Fate::Unknown, false),
        };
        let asked = steps[..over].iter().position(|step| *step == Step::AskCommit { txn });
        let (asked, fate) = (asked.filter(|_| is_told), told);
        txns.push(Txn { process, begun, over, asked, told, fate });
    }
    txns
}

fn reads(steps: &[Step]) -> Vec<Read> {
    let mut reads = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (key, records): (u32, &Records) = match step {
            Step::Poll { key, records, .. } | Step::Dump { key, records, .. } => (*key, records),
            _ => continue,
        };
        reads.extend(records.iter().map(|&(offset, value)| Read {
            at,
            place: (key, offset),
            value,
        }));
    }
    reads
}
