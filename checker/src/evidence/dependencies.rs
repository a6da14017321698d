//! How committed transactions depend on each other (Adya's ww, wr and rw): whose record lies next behind whose, who read from
//! whom, and, if asked for, who read a log to its end before whose record came.
//!
//! ```text
//!   offset     0   1   2   3   4           T1 before T2, T2 before T3, by what they wrote; nobody's record at 2
//!   record of  T1  T2  -   T2  T3          R, which read up to offset 4 when the log was stable up to there, comes
//!   R read     x   x   x   x               before T3, by what it did not see
//! ```
//! A poll stops where it likes, so that it missed the next record only if its response told that there was none: if the
//! last stable offset (for readers of uncommitted records the high watermark) was where the reader stood, or if the log,
//! read at rest, holds nothing between the two. Of several reads in a transaction the farthest counts.

use super::Evidence;
use super::sends::TxnId;
use crate::graph::{Relation, Relations};
use crate::history::{
    Bounds, Event, Isolation, Key, KeyBounds, Offset, Offsets, OpId, Spans, What,
};
use std::collections::BTreeMap;

/// From one transaction to another that comes after it.
pub(crate) type Dependency = (u32, u32, Relations);

/// The dependencies between committed transactions.
pub(crate) struct Dependencies {
    pub(crate) edges: Vec<Dependency>,
}

impl Dependencies {
    /// Finds all, those by what was not seen only if they are wanted. O(slots + events + records read in transactions),
    /// and for each read to a log's end the logarithm of the log.
    pub(crate) fn of(evidence: &Evidence<'_>, with_missed: bool) -> Self {
        let chains: Vec<Chain> =
            evidence.keyed_logs().map(|(key, _)| Chain::of(evidence, key)).collect();
        let mut edges: Vec<Dependency> = chains.iter().flat_map(Chain::writes).collect();
        let mut readers = Readers {
            evidence,
            chains: with_missed.then_some(&chains),
            open: vec![None; evidence.history.sessions().count()],
            edges: Vec::new(),
        };
        evidence.events_but_sends().for_each(|(op, event)| readers.note(op, event));
        let never_ended = std::mem::take(&mut readers.open);
        never_ended.into_iter().flatten().for_each(|reader| readers.missed(reader));
        edges.append(&mut readers.edges);
        Dependencies { edges }
    }
}

/// The records of committed transactions in a log, each with its slot.
struct Chain(Vec<(usize, TxnId)>);

impl Chain {
    fn of(evidence: &Evidence<'_>, key: Key) -> Self {
        let records = evidence.in_place(key).filter_map(|(slot, writer)| {
            Some((slot.get(), committed(evidence, evidence.sends.get(writer).txn()?)?))
        });
        Chain(records.collect())
    }

    fn writes(&self) -> impl Iterator<Item = Dependency> {
        let pairs = self.0.windows(2).map(|pair| (pair[0].1, pair[1].1));
        let others = pairs.filter(|(before, after)| before != after);
        others.map(|(before, after)| (before.0, after.0, Relations::of(&[Relation::WriteWrite])))
    }

    /// Whose record is the first at or above a slot.
    fn next(&self, slot: usize) -> Option<TxnId> {
        self.0.get(self.0.partition_point(|&(place, _)| place < slot)).map(|&(_, txn)| txn)
    }
}

fn committed(evidence: &Evidence<'_>, txn: TxnId) -> Option<TxnId> {
    evidence.transactions.get(txn).is_committed().then_some(txn)
}

/// A committed transaction that is open, and what its process read.
#[derive(Clone)]
struct Reader {
    txn: TxnId,
    /// By partition, what the farthest reads and the latest poll came to.
    reads: BTreeMap<Key, (Read, Read)>,
    latest: OpId,
}

/// How far reads of a partition came.
#[derive(Clone, Copy, Default)]
struct Read {
    /// The next offset to read.
    stopped: Option<Offset>,
    /// Where the log ended for the reader, as far as it was told.
    end: Option<Offset>,
}

impl Read {
    /// The one that came farther; of equals, one that tells of the end.
    fn farther(self, other: Read) -> Read {
        let rank = |read: &Read| (read.stopped, read.end.is_some());
        if rank(&self) >= rank(&other) { self } else { other }
    }
}

struct Readers<'e, 'h> {
    evidence: &'e Evidence<'h>,
    /// If it matters what readers missed.
    chains: Option<&'e Vec<Chain>>,
    /// By process.
    open: Vec<Option<Reader>>,
    edges: Vec<Dependency>,
}

impl Readers<'_, '_> {
    fn note(&mut self, op: OpId, event: &Event) {
        let open = &mut self.open[event.process.0 as usize];
        match event.what {
            What::TxnBegun => {
                let txn = self.evidence.transactions.find(op);
                let txn = txn.and_then(|txn| committed(self.evidence, txn));
                *open = txn.map(|txn| Reader { txn, reads: BTreeMap::new(), latest: op });
            }
            What::TxnCommitted { .. } | What::TxnUnknown { .. } | What::TxnAborted { .. } => {
                if let Some(reader) = open.take() {
                    self.missed(reader);
                }
            }
            What::Polled { poll } => {
                if let Some(reader) = open {
                    let records = self.evidence.history.poll(poll).records;
                    read(self.evidence, reader.txn, records, &mut self.edges);
                    if self.chains.is_some() {
                        reader.polled(self.evidence, op, records);
                    }
                }
            }
            What::BoundsTold { op: of, bounds } => {
                if let Some(reader) = open.as_mut().filter(|reader| reader.latest == of) {
                    reader.bounds_told(self.evidence, bounds);
                }
            }
            What::PositionsTold { op: of, offsets } => {
                if let Some(reader) = open.as_mut().filter(|reader| reader.latest == of) {
                    reader.positions_told(self.evidence, offsets);
                }
            }
            _ => {}
        }
    }

    /// Whose records come next where the transaction read to the end.
    fn missed(&mut self, reader: Reader) {
        let Some(chains) = self.chains else { return };
        for (key, (farthest, latest)) in reader.reads {
            let read = farthest.farther(latest);
            let next = exact_end(self.evidence, key, read)
                .and_then(|slot| chains[key.0 as usize].next(slot));
            if let Some(next) = next.filter(|&next| next != reader.txn) {
                self.edges.push((reader.txn.0, next.0, Relations::of(&[Relation::ReadWrite])));
            }
        }
    }
}

/// From the transactions whose records these are to the one that read them.
fn read(evidence: &Evidence<'_>, reader: TxnId, records: Spans, edges: &mut Vec<Dependency>) {
    let history = evidence.history;
    for span in history.spans(records) {
        let log = evidence.log(span.key);
        let writers = history.records(span).filter_map(|(offset, value)| {
            let send = evidence.sends.get(log.writer_of(offset, value)?);
            committed(evidence, send.txn()?)
        });
        let others = writers.filter(|&writer| writer != reader);
        edges.extend(
            others.map(|writer| (writer.0, reader.0, Relations::of(&[Relation::WriteRead]))),
        );
    }
}

impl Reader {
    fn polled(&mut self, evidence: &Evidence<'_>, op: OpId, records: Spans) {
        self.latest = op;
        for (farthest, latest) in self.reads.values_mut() {
            *farthest = farthest.farther(std::mem::take(latest));
        }
        for span in evidence.history.spans(records) {
            let read = &mut self.reads.entry(span.key).or_default().1;
            read.stopped = read.stopped.max(Some(span.end()));
        }
    }

    fn bounds_told(&mut self, evidence: &Evidence<'_>, bounds: Bounds) {
        for &KeyBounds { key, last_stable_offset, high_watermark, .. } in
            evidence.history.bounds(bounds)
        {
            let end = match evidence.isolation {
                Isolation::ReadCommitted => last_stable_offset,
                Isolation::ReadUncommitted => high_watermark,
            };
            self.reads.entry(key).or_default().1.end = end.known();
        }
    }

    fn positions_told(&mut self, evidence: &Evidence<'_>, positions: Offsets) {
        for (key, position) in evidence.history.offsets(positions) {
            let read = &mut self.reads.entry(key).or_default().1;
            read.stopped = read.stopped.max(position.known());
        }
    }
}

/// The slot from which on the reader saw nothing because nothing was there for it, if that is so.
fn exact_end(evidence: &Evidence<'_>, key: Key, read: Read) -> Option<usize> {
    let (stopped, end) = (read.stopped?, read.end?);
    let log = evidence.log(key);
    let [from, to] = [stopped, end].map(|offset| log.places.at_or_above(offset));
    let is_empty = || log.at_rest.is_some() && log.count_visible(from, to) == 0;
    let is_exact = stopped == end || (stopped < end && is_empty());
    is_exact.then_some(to)
}
