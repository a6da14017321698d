//! What the history tells besides records: bounds of logs, asked for by `ListOffsets` or told with other responses, and the
//! end of all faults.

use crate::history::{Event, History, Key, LogBound, Offset, OpId, PositionedBy, What};

/// An answer to "where does this log begin", or "where does it end": exact at some moment between question and answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoundRead {
    pub(crate) key: Key,
    pub(crate) offset: Offset,
    /// The question's event.
    pub(crate) asked: OpId,
    /// The answer's event.
    pub(crate) told: OpId,
}

/// Everything told, in the order of the events.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// High watermarks that were asked for.
    pub(crate) ends: Vec<BoundRead>,
    /// Log start offsets that were asked for.
    pub(crate) starts: Vec<BoundRead>,
    /// Where logs began for consumers that were reset to the earliest offset.
    pub(crate) resets: Vec<(Key, Offset, OpId)>,
    /// Events that tell what a response said besides.
    pub(crate) asides: Vec<OpId>,
    /// The last event that declared all faults over.
    pub(crate) healed: Option<OpId>,
}

impl Told {
    /// Notes an event if it tells such a thing.
    pub(crate) fn note(&mut self, history: &History, op: OpId, event: &Event) {
        match event.what {
            What::BoundsTold { .. } => self.asides.push(op),
            What::Positioned { key, offset, by: PositionedBy::ResetEarliest } => {
                self.resets.push((key, offset, op))
            }
            What::Healed => self.healed = Some(op),
            What::ListOffsetsOk { op: asked, offsets } => {
                let What::ListOffsetsInvoked { of, .. } = history.event(asked).what else { return };
                let known = history.offsets(offsets).filter(|(_, offset)| offset.known().is_some());
                let reads = known.map(|(key, offset)| BoundRead { key, offset, asked, told: op });
                match of {
                    LogBound::Latest => self.ends.extend(reads),
                    LogBound::Earliest => self.starts.extend(reads),
                    LogBound::LastStable => {}
                }
            }
            _ => {}
        }
    }
}
