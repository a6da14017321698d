//! What is learnt of the logs themselves: their bounds, their ends at rest, their whole content.

use super::super::{
    Bounds, Event, History, Key, KeyBounds, LogBound, LogEntries, LogEntry, Offset, OpId,
    ProcessId, Time, Value, What,
};

impl History {
    /// The process asks where the logs of `keys` begin or end. Panics if it names none.
    pub fn list_offsets_invoked(
        &mut self,
        process: ProcessId,
        time: Time,
        of: LogBound,
        keys: impl IntoIterator<Item = Key>,
    ) -> OpId {
        let keys = self.push_keys(keys);
        assert!(keys.len > 0, "a question about bounds names a partition");
        self.push(process, time, What::ListOffsetsInvoked { of, keys })
    }

    /// The bounds arrive.
    pub fn list_offsets_ok(
        &mut self,
        op: OpId,
        time: Time,
        offsets: impl IntoIterator<Item = (Key, Offset)>,
    ) {
        let asked = self.event(op);
        assert!(
            matches!(asked.what, What::ListOffsetsInvoked { .. }),
            "{op:?} asked for no log's bounds"
        );
        let process = asked.process;
        let offsets = self.push_offsets(offsets);
        self.push(process, time, What::ListOffsetsOk { op, offsets });
    }

    /// The response behind the poll, send or transaction that was just completed told bounds of logs.
    pub fn bounds_told(&mut self, op: OpId, bounds: impl IntoIterator<Item = KeyBounds>) {
        let start = self.bounds.len() as u32;
        let len = bounds.into_iter().map(|bounds| self.bounds.push(bounds)).count() as u32;
        let bounds = Bounds { start, len };
        self.tell_of(op, What::BoundsTold { op, bounds });
    }

    /// All faults are over. Whichever process says so, it is true for all.
    pub fn healed(&mut self, process: ProcessId, time: Time) {
        self.push(process, time, What::Healed);
    }

    /// The system is at rest and this process, a reader of nothing else, has polled everything of `key` from its first
    /// position (0 unless it said otherwise) to the log's end.
    pub fn drained(&mut self, process: ProcessId, time: Time, key: Key, end: Offset) {
        self.push(process, time, What::Drained { key, end });
    }

    /// The system is at rest and these are all records of the partition's committed log.
    pub fn log_dumped(
        &mut self,
        process: ProcessId,
        time: Time,
        key: Key,
        records: impl IntoIterator<Item = (Offset, Value)>,
    ) {
        let records =
            self.push_spans(records.into_iter().map(|(offset, value)| (key, offset, value)));
        self.push(process, time, What::LogDumped { key, records });
    }

    /// What else the log that was just dumped holds: markers, aborted records, and again those committed records whose
    /// producer is known, in the order of their offsets.
    pub fn log_annotated(&mut self, entries: impl IntoIterator<Item = LogEntry>) {
        let &Event { process, time, what } = self.event(self.last());
        let What::LogDumped { key, .. } = what else {
            panic!("a log is annotated when it was just dumped")
        };
        let start = self.entries.len() as u32;
        let len = entries.into_iter().map(|entry| self.entries.push(entry)).count() as u32;
        let entries = LogEntries { start, len };
        self.push(process, time, What::LogAnnotated { key, entries });
    }
}
