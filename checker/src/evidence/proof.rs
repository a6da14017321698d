//! Which transactions of unknown outcome readers and dumped logs prove committed or aborted.
//!
//! A dumped log holds committed records only, and so does a poll with `isolation.level=read_committed`. One record of a
//! transaction among them proves all of it committed: its acknowledgements count from then on. A send outside any
//! transaction is proved by nobody but itself. What else a dump tells, [`markers`](super::markers), proves either. Who is
//! believed first, until something is decided:
//!
//! 1. the transaction's own producer, 2. a dump that shows it committed, anywhere: what another partition lacks is torn,
//! 3. a dump that shows it aborted, 4. readers of committed records, who must not have seen what 3 says was aborted.
//!
//! One step each suffices, for what readers saw depends on no outcome.

use super::log::Log;
use super::markers::Annotation;
use super::sends::Sends;
use super::sends::TxnId;
use super::{Survey, acknowledge};
use crate::history::{History, Isolation, OpId};

impl Survey {
    /// Decides the undecided transactions that readers saw and dumps tell of. O(slots + annotations), and free in a history
    /// without transactions.
    pub(super) fn prove_outcomes(
        &mut self,
        history: &History,
        isolation: Isolation,
        annotations: &[Annotation],
        logs: &mut [Log],
    ) {
        if self.transactions.is_empty() {
            return;
        }
        let markers = annotations.iter().flat_map(|dump| &dump.markers);
        let marked = markers.filter(|marker| marker.is_commit).map(|marker| marker.txn);
        let dumped = self.dumped(history, logs);
        self.committed(history, marked.chain(dumped), logs);
        for dump in annotations {
            self.aborted(dump.op, dump);
        }
        if isolation == Isolation::ReadCommitted {
            let read = read(&self.sends, logs);
            self.committed(history, read.into_iter(), logs);
        }
    }

    fn committed(
        &mut self,
        history: &History,
        txns: impl Iterator<Item = TxnId>,
        logs: &mut [Log],
    ) {
        for txn in txns {
            if self.transactions.prove(txn) {
                let proven = self.transactions.get(txn);
                proven.join(txn, &mut self.sends);
                for &id in &proven.sends {
                    acknowledge(history, (id, self.sends.get(id)), logs);
                }
            }
        }
    }

    fn aborted(&mut self, op: OpId, dump: &Annotation) {
        let marked = dump.markers.iter().filter(|marker| !marker.is_commit);
        let left = dump.aborted.iter().filter_map(|&(_, send)| self.sends.get(send).txn());
        let txns: Vec<TxnId> = marked.map(|marker| marker.txn).chain(left).collect();
        for txn in txns {
            if self.transactions.abort(txn, op) {
                self.transactions.get(txn).join(txn, &mut self.sends);
            }
        }
    }

    /// The transactions whose records dumps hold.
    fn dumped(&self, history: &History, logs: &[Log]) -> Vec<TxnId> {
        let spans = self.dumps.iter().flat_map(|&(_, records)| history.spans(records));
        let records = spans.flat_map(|span| {
            history.records(span).map(move |(offset, value)| (span.key, offset, value))
        });
        let writers = records.filter_map(|(key, offset, value)| {
            let (_, slot) = logs[key.0 as usize].slot_at(offset)?;
            slot.writer().filter(|_| slot.holds(value))
        });
        writers.filter_map(|writer| self.sends.get(writer).txn()).collect()
    }
}

/// The transactions whose records anybody read.
fn read(sends: &Sends, logs: &[Log]) -> Vec<TxnId> {
    let sightings = logs.iter().flat_map(Log::sightings);
    sightings.filter_map(|seen| sends.get(seen.writer?).txn()).collect()
}
