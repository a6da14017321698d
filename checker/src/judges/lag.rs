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
use crate::history::{Clock, Offset, OpId, Time, What};
use crate::verdict::Coverage;

/// Measures every poll that returned records.
pub(crate) fn measure(evidence: &Evidence<'_>, coverage: &mut Coverage) {
    let history = evidence.history;
    if history.meta().clock == Clock::PerProcess {
        return;
    }
    let known: Vec<_> = evidence.logs.iter().map(|log| known_by(evidence, log)).collect();
    let mut read: Table<Option<Offset>> =
        Table::new(history.sessions().count(), evidence.logs.len());
    for (_, event) in evidence.events_but_sends() {
        let What::Polled { poll } = event.what else { continue };
        let poll = history.poll(poll);
        for span in history.spans(poll.records) {
            let log = evidence.log(span.key);
            let is_final =
                log.at_rest.is_some_and(|rest| history.event(rest.op).process == event.process);
            let position = read.cell(event.process.0, span.key.0);
            let since = position
                .filter(|_| !is_final)
                .and_then(|position| known[span.key.0 as usize][log.places.at_or_above(position)]);
            if let Some(since) = since {
                let lag = poll.invoked_at.0.saturating_sub(history.event(since).time.0);
                coverage.worst_lag_ns = coverage.worst_lag_ns.max(lag);
            }
            *position = (*position).max(Some(span.end()));
        }
    }
}

/// For each slot, and for the end, the first event by which somebody knew of a record there or beyond.
fn known_by(evidence: &Evidence<'_>, log: &Log) -> Vec<Option<OpId>> {
    let mut known = vec![None; log.len() + 1];
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
        known[index] = first.map(|(_, op)| op);
    }
    known
}
