//! Which transactions of unknown outcome readers prove committed.
//!
//! A dumped log holds committed records only, and so does a poll with `isolation.level=read_committed`. One record of a
//! transaction among them proves all of it committed: its acknowledgements count from then on. A send outside any
//! transaction is proved by nobody but itself. One step suffices, for what readers saw depends on no outcome.

use super::Survey;
use super::log::Log;
use super::sends::{SendId, Sends};
use super::transactions::TxnId;
use crate::history::{History, Isolation};

impl Survey {
    /// Decides the undecided transactions that readers saw. O(slots), and free in a history without transactions.
    pub(super) fn prove_commits(
        &mut self,
        history: &History,
        isolation: Isolation,
        logs: &mut [Log],
    ) {
        if self.transactions.is_empty() {
            return;
        }
        let seen = match isolation {
            Isolation::ReadCommitted => read(&self.sends, logs),
            Isolation::ReadUncommitted => self.dumped(history, logs),
        };
        for txn in seen {
            if self.transactions.prove(txn) {
                let proven = self.transactions.get(txn);
                self.sends.join_one(txn, proven);
                proven.sends.iter().for_each(|&send| acknowledge(&self.sends, send, logs));
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

fn acknowledge(sends: &Sends, id: SendId, logs: &mut [Log]) {
    let send = sends.get(id);
    if send.offset.known().is_some() {
        logs[send.key.0 as usize].acknowledge(id, send.offset, send.value);
    }
}
