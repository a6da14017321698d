//! What dumped logs say of transactions: their markers, and the records that aborted ones left.
//!
//! ```text
//!   offset          0   1   2   3   4   5
//!   producer 7      r   r       r   C           the records 0, 1 and 3 are of one transaction, and the marker commits it
//!   producer 8              r           A       the record 2 is of another one, aborted
//! ```
//! A marker ends what its producer wrote in the partition behind its marker before. It proves that the transaction is decided,
//! and which way, whether or not its producer ever learnt: so are decided those that a coordinator aborted after a
//! time-out or for a newer life of the producer. It tells no time; but all that lies below it was in the log before it, so
//! that it was not written before the last of that was sent. Whose transaction it is follows from the values of the records
//! it ends, or from their acknowledged offsets and the producer's id; not from the epoch, which the coordinator raises before
//! it aborts, and with every transaction (KIP-890). Where this does not lead to one transaction, nothing is concluded.

use super::sends::TxnId;
use super::sends::{SendId, Sends};
use super::transactions::Transactions;
use crate::history::{History, Key, LogEntries, LogEntry, LogEntryKind, Offset, OpId, Value};
use std::collections::BTreeMap;

/// The end of one transaction in one partition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    pub(crate) txn: TxnId,
    /// Its first record that is known to lie there.
    pub(crate) first: (Offset, SendId),
    pub(crate) offset: Offset,
    pub(crate) is_commit: bool,
}

/// What one dump tells of transactions.
#[derive(Clone, Debug)]
pub(crate) struct Annotation {
    pub(crate) op: OpId,
    pub(crate) key: Key,
    /// In the order of their offsets.
    pub(crate) markers: Vec<Marker>,
    /// Records that aborted transactions left, in the order of their offsets.
    pub(crate) aborted: Vec<(Offset, SendId)>,
}

/// Reads what dumps say beside committed records. O(entries log entries + sends log sends), and free without any.
pub(crate) fn annotations(
    history: &History,
    annotated: &[(OpId, Key, LogEntries)],
    sends: &Sends,
    transactions: &Transactions,
) -> Vec<Annotation> {
    if annotated.is_empty() {
        return Vec::new();
    }
    let entries = annotated.iter().flat_map(|&(.., entries)| history.log_entries(entries));
    let values: Vec<Value> = entries.filter_map(|entry| entry.value).collect();
    let by_record = sends.by_record(history, &values);
    let acked = acknowledged(history, sends);
    let of_dump = |&(op, key, entries): &(OpId, Key, LogEntries)| {
        let find = |value| by_record.find(key, value).filter(|&id| sends.get(id).key == key);
        let mut reader =
            Reader { history, sends, transactions, acked: &acked, open: BTreeMap::new() };
        let mut annotation = Annotation { op, key, markers: vec![], aborted: vec![] };
        for entry in history.log_entries(entries) {
            reader.read(entry, find, &mut annotation);
        }
        annotation
    };
    annotated.iter().map(of_dump).collect()
}

/// The acknowledged records of transactions, by place.
fn acknowledged(history: &History, sends: &Sends) -> Vec<(Key, Offset, SendId)> {
    let placed = sends.iter().filter(|(_, send)| send.txn().is_some());
    let acked = placed.filter_map(|(id, send)| Some((send.key, send.offset(history).known()?, id)));
    let mut acked: Vec<_> = acked.collect();
    acked.sort_unstable();
    acked
}

/// What a producer wrote since its last marker.
#[derive(Clone, Debug)]
struct Open {
    /// Behind its marker before.
    from: Offset,
    /// What the dump has there.
    named: Vec<(Offset, SendId)>,
}

impl Open {
    fn from(from: Offset) -> Self {
        Open { from, named: Vec::new() }
    }
}

struct Reader<'a> {
    history: &'a History,
    sends: &'a Sends,
    transactions: &'a Transactions,
    acked: &'a [(Key, Offset, SendId)],
    /// By producer id.
    open: BTreeMap<i64, Open>,
}

impl Reader<'_> {
    fn read(
        &mut self,
        entry: &LogEntry,
        find: impl Fn(Value) -> Option<SendId>,
        annotation: &mut Annotation,
    ) {
        match (entry.kind, entry.value.and_then(find)) {
            (LogEntryKind::Data | LogEntryKind::AbortedData, None) => {}
            (kind @ (LogEntryKind::Data | LogEntryKind::AbortedData), Some(send)) => {
                if kind == LogEntryKind::AbortedData {
                    annotation.aborted.push((entry.offset, send));
                }
                let open = self.open.entry(entry.producer_id);
                let open = open.or_insert(Open::from(Offset(0)));
                open.named.push((entry.offset, send));
            }
            (LogEntryKind::Commit | LogEntryKind::Abort, _) => {
                let next = Open::from(entry.offset.next());
                let ended = self.open.insert(entry.producer_id, next);
                let ended = ended.unwrap_or(Open::from(Offset(0)));
                annotation.markers.extend(self.end(annotation.key, entry, ended));
            }
        }
    }

    /// The transaction that a marker ends, if it is one.
    fn end(&self, key: Key, marker: &LogEntry, ended: Open) -> Option<Marker> {
        if marker.producer_id < 0 {
            return None;
        }
        let at = |offset| self.acked.partition_point(|&(k, o, _)| (k, o) < (key, offset));
        let acked = self.acked[at(ended.from)..at(marker.offset)].iter();
        let acked = acked.map(|&(_, offset, send)| (offset, send));
        let of_producer = acked.filter(|&(_, send)| self.is_by(send, marker.producer_id));
        let records = ended.named.iter().copied().chain(of_producer);
        let first = records.clone().min()?;
        let txn = self.sends.get(first.1).txn()?;
        let is_one = records.map(|(_, send)| self.sends.get(send).txn()).all(|of| of == Some(txn));
        let is_commit = marker.kind == LogEntryKind::Commit;
        is_one.then_some(Marker { txn, first, offset: marker.offset, is_commit })
    }

    fn is_by(&self, send: SendId, producer_id: i64) -> bool {
        let txn = self.sends.get(send).txn().map(|txn| self.transactions.get(txn));
        let producer = txn.and_then(|txn| txn.producer);
        producer.is_some_and(|producer| self.history.producer(producer).id == producer_id)
    }
}
