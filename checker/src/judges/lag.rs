//! A measure, not a claim: how long consumers had been behind the log's end when they polled.
//!
//! A consumer that has read up to offset o is behind from the first moment at which somebody knew of a record beyond o: an
//! acknowledgement, or another reader. Who has read nothing yet, or reads the log at rest, is not behind. Kafka promises no
//! bound (Jepsen calls this realtime lag), so nothing is ever reported; the longest lag is among the figures of coverage.
//!
//! O(slots + polled spans).

use crate::evidence::Evidence;
use crate::evidence::log::Log;
use crate::evidence::sends::{Outcome, SlotIndex};
use crate::evidence::table::Table;
use crate::history::{Clock, Event, Offset, OpId, Time, What};
use crate::verdict::Coverage;

/// Measures every poll that returned records.
pub(crate) struct Lag<'e, 'h> {
    evidence: &'e Evidence<'h>,
    /// By partition and slot, since when somebody knew of a record there or beyond.
    known: Vec<Vec<OpId>>,
    /// How far each process has read.
    read: Table<Option<Offset>>,
}

impl<'e, 'h> Lag<'e, 'h> {
    /// Begins to measure, if the clocks can be compared.
    pub(crate) fn new(evidence: &'e Evidence<'h>) -> Option<Self> {
        let history = evidence.history;
        (history.meta().clock != Clock::PerProcess).then(|| Lag {
            evidence,
            known: evidence.logs.iter().map(|log| known_by(evidence, log)).collect(),
            read: Table::new(history.sessions().count(), evidence.logs.len()),
        })
    }

    /// Measures the next event, if it is a poll.
    pub(crate) fn note(&mut self, event: &Event, coverage: &mut Coverage) {
        let What::Polled { poll } = event.what else { return };
        let (history, process) = (self.evidence.history, event.process);
        let poll = history.poll(poll);
        for span in history.spans(poll.records) {
            let log = self.evidence.log(span.key);
            let is_final =
                log.at_rest.is_some_and(|rest| history.event(rest.op).process == process);
            let position = self.read.cell(process.0, span.key.0);
            let known = &self.known[span.key.0 as usize];
            let since = position
                .filter(|_| !is_final)
                .and_then(|position| known.get(log.places.at_or_above(position)));
            if let Some(&since) = since {
                let lag = poll.invoked_at.0.saturating_sub(history.event(since).time.0);
                coverage.worst_lag_ns = coverage.worst_lag_ns.max(lag);
            }
            *position = (*position).max(Some(span.end()));
        }
    }
}

/// For each slot, the first event by which somebody knew of a record there or beyond, up to the last slot that has one.
fn known_by(evidence: &Evidence<'_>, log: &Log) -> Vec<OpId> {
    let mut known = Vec::with_capacity(log.len());
    let mut first: Option<(Time, OpId)> = None;
    for index in (0..log.len()).rev() {
        let slot = log.slot(SlotIndex::new(index));
        let writer = slot.writer().map(|writer| evidence.sends.get(writer));
        let acked = writer.filter(|send| send.outcome == Outcome::Ok).map(|send| send.done);
        for op in [acked, slot.reader()].into_iter().flatten() {
            let moment = evidence.moment(op);
            if first.is_none_or(|(earliest, _)| moment < earliest) {
                first = Some((moment, op));
            }
        }
        known.extend(first.map(|(_, op)| op));
    }
    known.reverse();
    known
}
