//! Acknowledged records that one poll read over.
//!
//! ```text
//!   acknowledged   0  1  2
//!   one poll       0     2      and nobody ever read the record at offset 1
//! ```
//! A poll hands out what one fetch found in the log at one moment, so the record was not there when it should have been. If
//! somebody did read it, it is in the log and the poll left it out, which is the poll's fault and not the log's. A poll that
//! ended before the commit of the record's transaction was asked for had no business beyond it, and tells nothing of the
//! log either.

use super::Survey;
use super::log::Log;
use super::sends::{Send, SlotIndex};
use crate::history::{Clock, History, Key, Offset, OpId, Spans};

/// A slot that a poll read over.
struct Passed {
    key: Key,
    slot: SlotIndex,
    poll: OpId,
}

impl Survey {
    /// Tells each log its holes. O(spans + slots in gaps), and O(slots) if there may be a hole.
    pub(super) fn find_holes(&self, history: &History, logs: &mut [Log]) {
        let mut passed = self.passed(history, logs);
        if passed.is_empty() {
            return;
        }
        let mut was_read = vec![false; self.sends.iter().count()];
        let readings = logs.iter().flat_map(Log::sightings);
        readings.filter_map(|seen| seen.writer).for_each(|id| was_read[id.0 as usize] = true);
        passed.retain(|it| {
            let writer = logs[it.key.0 as usize].slot(it.slot).writer();
            writer.is_some_and(|id| !was_read[id.0 as usize])
        });
        for Passed { key, slot, poll } in passed {
            logs[key.0 as usize].leave_hole(slot, poll);
        }
    }

    /// Acknowledged records that nobody read at their offset, in gaps within polls.
    fn passed(&self, history: &History, logs: &[Log]) -> Vec<Passed> {
        let mut passed = Vec::new();
        for &(poll, _, records) in &self.polls {
            for (key, from, to) in gaps(history, records) {
                let log = &logs[key.0 as usize];
                let slots = log.places.at_or_above(from)..log.places.at_or_above(to);
                for slot in slots.map(SlotIndex::new) {
                    let held = log.slot(slot);
                    let send = held.writer().filter(|_| held.reader().is_none());
                    if send.is_some_and(|send| self.was_due(history, self.sends.get(send), poll)) {
                        passed.push(Passed { key, slot, poll });
                    }
                }
            }
        }
        passed
    }

    /// Whether whoever reads on both sides of a record had to get it.
    fn was_due(&self, history: &History, send: &Send, poll: OpId) -> bool {
        let Some(txn) = send.txn() else { return true };
        let until = self.transactions.get(txn).open_until(history, &self.sends);
        let meta = history.meta();
        meta.clock != Clock::PerProcess && !meta.is_before(history.event(poll).time, until)
    }
}

/// Where a poll went on at a higher offset than the next.
fn gaps(history: &History, records: Spans) -> impl Iterator<Item = (Key, Offset, Offset)> {
    let mut before = None;
    history.spans(records).filter_map(move |span| {
        let (key, end) = before.replace((span.key, span.end()))?;
        (key == span.key && end < span.base).then_some((key, end, span.base))
    })
}
