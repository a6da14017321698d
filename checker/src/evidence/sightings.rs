//! What readers saw of each transaction.

use super::Evidence;
use super::excuses::Missing;
use super::log::Sighting;
use super::sends::TxnId;
use super::sends::{Outcome, SendId};
use super::transactions::Txn;
use crate::history::{Clock, Key, Offset, OpId, Time};

/// The first read of a transaction's records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FirstRead {
    pub(crate) key: Key,
    pub(crate) seen: Sighting,
    /// The record's send.
    pub(crate) send: SendId,
}

/// Who read of each transaction first, in the order of the transactions. O(slots).
pub(crate) fn first_reads(evidence: &Evidence<'_>) -> Vec<Option<FirstRead>> {
    let mut first: Vec<Option<FirstRead>> = vec![None; evidence.transactions.len()];
    for (key, log) in evidence.keyed_logs() {
        for seen in log.sightings() {
            let Some((send, TxnId(txn))) = transactional(evidence, key, &seen) else { continue };
            let known = &mut first[txn as usize];
            if known.is_none_or(|known| seen.reader < known.seen.reader) {
                *known = Some(FirstRead { key, seen, send });
            }
        }
    }
    first
}

fn transactional(evidence: &Evidence<'_>, key: Key, seen: &Sighting) -> Option<(SendId, TxnId)> {
    let send = evidence.sends.get(seen.writer?);
    Some((seen.writer?, send.txn().filter(|_| send.key == key)?))
}

/// What the logs hold of a transaction at rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtRest {
    /// Sends whose records are there.
    pub(crate) present: Vec<SendId>,
    /// Sends whose records are not.
    pub(crate) absent: Vec<SendId>,
    /// How many records may be in parts of the logs that nobody read at rest.
    pub(crate) unread: usize,
}

impl AtRest {
    /// Looks for every record of the transaction whose send did not fail.
    pub(crate) fn of(evidence: &Evidence<'_>, txn: &Txn) -> Self {
        let mut at_rest = AtRest::default();
        let sent = |id: &SendId| evidence.sends.get(*id).outcome != Outcome::Failed;
        for id in txn.sends.iter().copied().filter(sent) {
            match evidence.is_at_rest(id) {
                Some(true) => at_rest.present.push(id),
                Some(false) => at_rest.absent.push(id),
                None => at_rest.unread += 1,
            }
        }
        at_rest
    }
}

impl Evidence<'_> {
    /// Whether the log at rest holds the record of a send; none if nobody read that part of it, or it may have been removed.
    fn is_at_rest(&self, id: SendId) -> Option<bool> {
        let send = self.sends.get(id);
        let at_rest = self.log(send.key).at_rest?;
        let offset = send.offset(self.history);
        let is_read = offset.known().is_some() || at_rest.start == Offset(0);
        let excuse = || self.excuse(Missing::at_rest(send, offset, at_rest));
        send.place.map(|_| true).or_else(|| (is_read && excuse().is_none()).then_some(false))
    }

    /// Whether an operation ended before `moment`, as far as the clocks tell.
    pub(crate) fn ended_before(&self, op: OpId, moment: Time) -> bool {
        let meta = self.history.meta();
        meta.clock != Clock::PerProcess && meta.is_before(self.history.event(op).time, moment)
    }
}
