//! Records that a living consumer was handed and has not finished with: neither processed nor skipped yet.
//!
//! A record leaves a consumer's hands when the consumer processes it or a later one of the partition, is positioned anew,
//! loses the partition, or ends.

use super::table::Table;
use crate::history::{History, Key, Offset, Offsets, ProcessId, Span};
use std::ops::Range;

/// What each consumer has in hand of each partition.
pub(crate) struct InHand {
    ranges: Table<Vec<Range<Offset>>>,
}

impl InHand {
    pub(crate) fn new(processes: usize, keys: usize) -> Self {
        InHand { ranges: Table::new(processes, keys) }
    }

    pub(crate) fn polled(&mut self, process: ProcessId, span: &Span) {
        let ranges = self.ranges.cell(process.0, span.key.0);
        match ranges.last_mut() {
            Some(last) if last.end == span.base => last.end = span.end(),
            _ => ranges.push(span.base..span.end()),
        }
    }

    pub(crate) fn processed(&mut self, process: ProcessId, span: &Span) {
        self.ranges.cell(process.0, span.key.0).retain_mut(|range| {
            range.start = range.start.max(span.end());
            range.start < range.end
        });
    }

    pub(crate) fn positioned(&mut self, process: ProcessId, key: Key) {
        self.ranges.cell(process.0, key.0).clear();
    }

    pub(crate) fn assigned(&mut self, process: ProcessId, history: &History, keys: Offsets) {
        let row = self.ranges.row(process.0);
        let mut kept: Vec<_> = vec![Vec::new(); row.len()];
        for (Key(key), _) in history.offsets(keys) {
            kept[key as usize] = std::mem::take(&mut row[key as usize]);
        }
        row.swap_with_slice(&mut kept);
    }

    pub(crate) fn ended(&mut self, process: ProcessId) {
        self.ranges.row(process.0).iter_mut().for_each(Vec::clear);
    }

    /// Everything still in some consumer's hands.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ProcessId, Key, &Range<Offset>)> {
        let cells = self.ranges.iter();
        cells.flat_map(|(process, key, ranges)| {
            ranges.iter().map(move |range| (ProcessId(process), Key(key), range))
        })
    }
}
