//! Arbitrary tiny histories with transactions: clients that begin one transaction at a time and end each once, over logs of
//! which readers get any part at any time, with whatever markers and dumps.

use super::step::{Records, Step, Told};
use ktrial_checker::history::{LogEntry, LogEntryKind, Offset, PositionedBy, RebalanceKind, Value};
use proptest::prelude::*;

/// Up to 80 throws of dice, each a step or a few.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<[u8; 5]>(), 0..80).prop_map(|dice| Decoder::decode(&dice))
}

/// Clients 0 to 2 transact, the first two as members of a group; 3 reads, 4 reads at rest, 5 dumps.
const CLIENTS: u32 = 6;
const TRANSACTORS: u32 = 3;
const DRAINER: u32 = 4;
const DUMPER: u32 = 5;
const KEYS: usize = 2;

#[derive(Default)]
struct Decoder {
    steps: Vec<Step>,
    /// What might lie at each offset.
    logs: [Vec<LogEntry>; KEYS],
    open: [Option<Open>; TRANSACTORS as usize],
    /// Producer and epoch of each transactor.
    producers: [(u32, i16); TRANSACTORS as usize],
    sequences: [i32; TRANSACTORS as usize],
    /// Behind what each client polled last, by partition.
    reached: [[i64; KEYS]; DUMPER as usize],
    /// What was added to a transaction last.
    added: (u32, i64),
    /// Sends that wait for an answer, with their offsets.
    unanswered: Vec<(u64, i64)>,
    values: u64,
    txns: u32,
    commits: u32,
}

#[derive(Clone, Copy)]
struct Open {
    txn: u32,
    is_asked: bool,
    wrote: [bool; KEYS],
}

impl Decoder {
    fn decode(dice: &[[u8; 5]]) -> Vec<Step> {
        let mut decoder = Decoder::default();
        for client in 0..CLIENTS {
            let group = (client < 2).then_some(0);
            decoder.steps.push(Step::Open { client, group });
        }
        dice.iter().for_each(|dice| decoder.step(*dice));
        decoder.steps
    }

    fn step(&mut self, dice: [u8; 5]) {
        let [what, who, key, a, b] = dice.map(u32::from);
        let (transactor, key, offset) = (who % TRANSACTORS, key % 3 / 2, i64::from(a % 7));
        match what % 36 {
            0..2 => self.init(transactor, a, b),
            2..7 => self.begin_or_end(transactor, a, b),
            7..14 => self.send(transactor, key, a, b),
            14..17 => self.answer(a, b),
            17..24 => self.poll(who % (DRAINER + 1), key, a, b),
            24..28 => self.add_offset(transactor, key, offset, b),
            28 => self.place(who % DUMPER, key, offset, b),
            29 => self.take(who % 2, key, offset, b),
            30 => self.ask_commit(transactor),
            31 | 32 => self.drain(key, a | b),
            33..35 => self.place(who % 2, key, offset, b),
            _ => self.dump(key, a, b),
        }
    }

    fn init(&mut self, process: u32, a: u32, b: u32) {
        if self.open[process as usize].is_some() {
            return;
        }
        let (producer, epoch) = (a % 2, (b % 3) as i16);
        self.producers[process as usize] = (producer, epoch);
        self.steps.push(Step::Init { process, producer, epoch });
    }

    fn begin_or_end(&mut self, process: u32, a: u32, b: u32) {
        match self.open[process as usize] {
            Some(open) => self.end(process, open, a, b),
            None => {
                self.txns += 1;
                let open = Open { txn: self.txns, is_asked: false, wrote: [false; KEYS] };
                self.open[process as usize] = Some(open);
                self.steps.push(Step::Begin { process, txn: self.txns });
            }
        }
    }

    fn end(&mut self, process: u32, open: Open, a: u32, b: u32) {
        if a.is_multiple_of(2) {
            self.ask_commit(process);
        }
        self.open[process as usize] = None;
        let txn = open.txn;
        self.steps.push(match b % 8 {
            0..4 => Step::TxnCommitted { txn },
            4..6 => Step::TxnAborted { txn },
            _ => Step::TxnUnknown { txn },
        });
        let is_commit = (b % 8 < 4 || b % 8 == 6) != a.is_multiple_of(11);
        let kind = if is_commit { LogEntryKind::Commit } else { LogEntryKind::Abort };
        for key in (0..KEYS).filter(|&key| open.wrote[key]) {
            self.append(process, key as u32, None, kind);
        }
    }

    fn ask_commit(&mut self, process: u32) {
        let open = self.open[process as usize].as_mut().filter(|open| !open.is_asked);
        if let Some(open) = open {
            open.is_asked = true;
            self.steps.push(Step::AskCommit { txn: open.txn });
        }
    }

    fn send(&mut self, process: u32, key: u32, a: u32, b: u32) {
        self.values += 1;
        let value = self.values;
        self.steps.push(Step::Send { process, key, value });
        let sequence = &mut self.sequences[process as usize];
        *sequence += [1, 1, 1, 2, 0][a as usize % 5];
        self.steps.push(Step::Sequence { sequence: *sequence });
        if b.is_multiple_of(3) {
            let input = |dice: u32| (dice % 2, i64::from(dice / 2 % 5));
            self.steps.push(Step::MadeFrom { inputs: vec![input(a), input(b / 3)] });
        }
        let offset = self.append(process, key, Some(Value(value)), LogEntryKind::Data);
        self.unanswered.push((value, offset));
        if let Some(open) = &mut self.open[process as usize] {
            open.wrote[key as usize] = true;
        }
    }

    fn append(&mut self, by: u32, key: u32, value: Option<Value>, kind: LogEntryKind) -> i64 {
        let (producer, producer_epoch) = self.producers[by as usize];
        let log = &mut self.logs[key as usize];
        let offset = log.len() as i64;
        let (offset_there, producer_id) = (Offset(offset), producer.into());
        log.push(LogEntry { offset: offset_there, value, producer_id, producer_epoch, kind });
        offset
    }

    fn answer(&mut self, a: u32, b: u32) {
        if self.unanswered.is_empty() {
            return;
        }
        let (value, offset) = self.unanswered.remove(a as usize % self.unanswered.len());
        self.steps.push(match b % 16 {
            0 => Step::Fail { value },
            1 => Step::GiveUp { value },
            2 => Step::Ack { value, offset: None },
            _ => Step::Ack { value, offset: Some(offset) },
        });
    }

    /// Up to four records, sometimes one left out, another value, or the wrong way round.
    fn poll(&mut self, process: u32, key: u32, a: u32, b: u32) {
        let held = self.records(key);
        let start = a as usize % held.len().max(1);
        let mut records: Records = held.into_iter().skip(start).take(1 + b as usize % 4).collect();
        match b / 4 % 16 {
            0 if records.len() > 2 => drop(records.remove(1)),
            1 => records.iter_mut().for_each(|record| record.1 += 1),
            2 => records.reverse(),
            3 => records.iter_mut().for_each(|record| record.0 += 1),
            _ => {}
        }
        let Some(&(last, _)) = records.last() else { return };
        self.reached[process as usize][key as usize] = last + 1;
        self.steps.push(Step::Poll { process, key, records });
        if b / 64 > 0 {
            let end = last + 1 + i64::from(a / 64 % 3);
            let told =
                Told { epoch: 0, start: 0, last_stable_offset: Some(end), high_watermark: end };
            self.steps.push(Step::Told { key, told });
        }
    }

    fn add_offset(&mut self, process: u32, key: u32, offset: i64, b: u32) {
        let group = u32::from(b.is_multiple_of(8));
        let reached = self.reached[process as usize][key as usize];
        let offset = if b.is_multiple_of(4) { offset } else { reached };
        if let Some(Open { txn, .. }) = self.open[process as usize] {
            self.added = (key, offset);
            self.steps.push(Step::AddOffset { txn, group, key, offset });
        }
    }

    fn place(&mut self, process: u32, key: u32, offset: i64, b: u32) {
        let (added_to, added) = self.added;
        let (key, offset, by) = match b % 4 {
            0 => (key, offset, PositionedBy::ResetEarliest),
            1 => (key, offset, PositionedBy::Seek),
            _ => (added_to, added, PositionedBy::Committed),
        };
        self.steps.push(Step::Position { process, key, offset, by });
    }

    /// A member loses a partition, or, rarely, commits an offset outside any transaction.
    fn take(&mut self, process: u32, key: u32, offset: i64, b: u32) {
        self.commits += 1;
        let (kind, keys) = (RebalanceKind::Revoked, vec![key]);
        self.steps.push(match b % 4 {
            0 => Step::Commit { process, group: 0, key, offset, id: self.commits },
            _ => Step::Rebalance { process, kind, generation: 1, keys },
        });
    }

    /// The final reader gets what the dice leave it.
    fn drain(&mut self, key: u32, kept: u32) {
        let (held, end) = (self.records(key), self.logs[key as usize].len() as i64);
        let records: Records =
            held.into_iter().filter(|&(offset, _)| is_kept(kept, offset)).collect();
        if !records.is_empty() {
            self.steps.push(Step::Poll { process: DRAINER, key, records });
        }
        self.steps.push(Step::Drain { process: DRAINER, key, end });
    }

    /// What the dump takes for committed is up to the dice, and whether it knows of the rest.
    fn dump(&mut self, key: u32, a: u32, b: u32) {
        let mut records = self.records(key);
        records.retain(|&(offset, _)| is_kept(a, offset));
        self.steps.push(Step::Dump { process: DUMPER, key, records });
        let mut entries = self.logs[key as usize].clone();
        for entry in &mut entries {
            if entry.kind == LogEntryKind::Data && !is_kept(a, entry.offset.0) {
                entry.kind = LogEntryKind::AbortedData;
            }
        }
        entries.retain(|entry| is_kept(b, entry.offset.0));
        if !entries.is_empty() {
            self.steps.push(Step::Annotate { entries });
        }
    }

    fn records(&self, key: u32) -> Records {
        let entries = self.logs[key as usize].iter();
        entries.filter_map(|entry| Some((entry.offset.0, entry.value?.0))).collect()
    }
}

fn is_kept(dice: u32, offset: i64) -> bool {
    dice >> (offset % 8) & 1 == 1
}
