//! Writing a history: one method per thing a client does or learns.
//!
//! ```text
//!   send()  ──► send_invoked ──► send_ok | send_failed | send_unknown      poll() returns ──► polled ──► processed
//!   commit  ──► commit_invoked ──► commit_ok | commit_failed | commit_unknown
//!   start   ──► open_session, assigned, committed_invoked ──► committed_ok, positioned          end ──► crashed | closed
//!   at rest ──► a reader from the beginning: polled..., drained; or log_dumped
//! ```
//! A completion must name an operation of the right kind; anything else is a bug of the caller and panics.

use super::{
    ClientId, Event, GroupId, History, Key, Offset, Offsets, OpId, Poll, PollId, PositionedBy,
    ProcessId, Session, Span, Spans, Time, TopicPartition, Value, What,
};
use std::sync::Arc;

impl History {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of a partition, given on first mention. Name partitions, clients and groups before the first fork.
    pub fn key(&mut self, topic: &str, partition: u32) -> Key {
        Arc::make_mut(&mut self.names)
            .intern_key(TopicPartition { topic: topic.to_owned(), partition })
    }

    /// The id of a client, given on first mention.
    pub fn client(&mut self, name: &str) -> ClientId {
        Arc::make_mut(&mut self.names).intern_client(name.to_owned())
    }

    /// The id of a consumer group, given on first mention.
    pub fn group(&mut self, name: &str) -> GroupId {
        Arc::make_mut(&mut self.names).intern_group(name.to_owned())
    }

    /// A client (re)starts: a new process, reading for `group` if it is a group's consumer.
    pub fn open_session(&mut self, client: ClientId, group: Option<GroupId>) -> ProcessId {
        ProcessId(self.sessions.push(Session { client, group }))
    }

    /// The application calls `send()`; the order of these calls is the order the producer owes.
    pub fn send_invoked(&mut self, process: ProcessId, time: Time, key: Key, value: Value) -> OpId {
        self.push(process, time, What::SendInvoked { key, value })
    }

    /// A send is acknowledged, with the record's offset if the broker told it.
    pub fn send_ok(&mut self, op: OpId, time: Time, offset: Option<Offset>) {
        let process = self.sender(op);
        self.push(process, time, What::SendOk { op, offset: offset.unwrap_or(Offset::NONE) });
    }

    /// A send certainly did not happen and never will.
    pub fn send_failed(&mut self, op: OpId, time: Time) {
        let process = self.sender(op);
        self.push(process, time, What::SendFailed { op });
    }

    /// The application gives up on a send that may have happened or may still happen.
    pub fn send_unknown(&mut self, op: OpId, time: Time) {
        let process = self.sender(op);
        self.push(process, time, What::SendUnknown { op });
    }

    /// A `poll()` called at `invoked_at` hands records to the application, each partition's in the order handed out.
    /// A poll without records need not be recorded.
    pub fn polled(
        &mut self,
        process: ProcessId,
        invoked_at: Time,
        time: Time,
        records: impl IntoIterator<Item = (Key, Offset, Value)>,
    ) -> OpId {
        let records = self.push_spans(records);
        let poll = PollId(self.polls.push(Poll { invoked_at, records }));
        self.push(process, time, What::Polled { poll })
    }

    /// The application finishes processing records that were polled.
    pub fn processed(
        &mut self,
        process: ProcessId,
        time: Time,
        records: impl IntoIterator<Item = (Key, Offset, Value)>,
    ) -> OpId {
        let records = self.push_spans(records);
        self.push(process, time, What::Processed { records })
    }

    /// The process reads exactly `keys` from now on. Partitions it read before keep their position; for the others,
    /// and for every jump, say [`positioned`](Self::positioned) when the position is known.
    pub fn assigned(
        &mut self,
        process: ProcessId,
        time: Time,
        keys: impl IntoIterator<Item = Key>,
    ) {
        let keys = self.push_offsets(keys.into_iter().map(|key| (key, Offset::NONE)));
        self.push(process, time, What::Assigned { keys });
    }

    /// The process will read `key` from `offset` on.
    pub fn positioned(
        &mut self,
        process: ProcessId,
        time: Time,
        key: Key,
        offset: Offset,
        by: PositionedBy,
    ) {
        self.push(process, time, What::Positioned { key, offset, by });
    }

    /// The process asks for offsets (the next to read) to be committed.
    pub fn commit_invoked(
        &mut self,
        process: ProcessId,
        time: Time,
        group: GroupId,
        offsets: impl IntoIterator<Item = (Key, Offset)>,
    ) -> OpId {
        let offsets = self.push_offsets(offsets);
        self.push(process, time, What::CommitInvoked { group, offsets })
    }

    /// A commit happened.
    pub fn commit_ok(&mut self, op: OpId, time: Time) {
        let process = self.committer(op);
        self.push(process, time, What::CommitOk { op });
    }

    /// A commit certainly did not happen.
    pub fn commit_failed(&mut self, op: OpId, time: Time) {
        let process = self.committer(op);
        self.push(process, time, What::CommitFailed { op });
    }

    /// A commit may or may not have happened.
    pub fn commit_unknown(&mut self, op: OpId, time: Time) {
        let process = self.committer(op);
        self.push(process, time, What::CommitUnknown { op });
    }

    /// The process asks for its group's committed offsets.
    pub fn committed_invoked(&mut self, process: ProcessId, time: Time, group: GroupId) -> OpId {
        self.push(process, time, What::CommittedInvoked { group })
    }

    /// The group's committed offsets arrive; `None` where nothing is committed. Name every partition asked for.
    pub fn committed_ok(
        &mut self,
        op: OpId,
        time: Time,
        offsets: impl IntoIterator<Item = (Key, Option<Offset>)>,
    ) {
        let asked = self.event(op);
        assert!(
            matches!(asked.what, What::CommittedInvoked { .. }),
            "{op:?} asked for no committed offsets"
        );
        let process = asked.process;
        let offsets =
            self.push_offsets(offsets.into_iter().map(|(key, o)| (key, o.unwrap_or(Offset::NONE))));
        self.push(process, time, What::CommittedOk { op, offsets });
    }

    /// The process dies.
    pub fn crashed(&mut self, process: ProcessId, time: Time) {
        self.push(process, time, What::Crashed);
    }

    /// The process closes in good order.
    pub fn closed(&mut self, process: ProcessId, time: Time) {
        self.push(process, time, What::Closed);
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

    fn push(&mut self, process: ProcessId, time: Time, what: What) -> OpId {
        OpId(self.events.push(Event { time, process, what }))
    }

    fn sender(&self, op: OpId) -> ProcessId {
        let send = self.event(op);
        assert!(matches!(send.what, What::SendInvoked { .. }), "{op:?} is no send");
        send.process
    }

    fn committer(&self, op: OpId) -> ProcessId {
        let commit = self.event(op);
        assert!(matches!(commit.what, What::CommitInvoked { .. }), "{op:?} is no commit");
        commit.process
    }

    fn push_offsets(&mut self, offsets: impl IntoIterator<Item = (Key, Offset)>) -> Offsets {
        let start = self.offsets.len() as u32;
        let len = offsets.into_iter().map(|pair| self.offsets.push(pair)).count() as u32;
        Offsets { start, len }
    }

    fn push_spans(&mut self, records: impl IntoIterator<Item = (Key, Offset, Value)>) -> Spans {
        let start = self.spans.len() as u32;
        let mut open: Option<Span> = None;
        for (key, offset, value) in records {
            let values = self.values.push(value);
            match &mut open {
                Some(span) if span.key == key && span.end() == offset => span.len += 1,
                _ => {
                    let next = Span { key, len: 1, base: offset, values };
                    open.replace(next).map(|full| self.spans.push(full));
                }
            }
        }
        open.map(|last| self.spans.push(last));
        Spans { start, len: self.spans.len() as u32 - start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_offsets_of_one_partition_make_one_span() {
        let mut history = History::new();
        let (a, b) = (history.key("t", 0), history.key("t", 1));
        let client = history.client("c");
        let process = history.open_session(client, None);
        let records = [(a, 5, 1), (a, 6, 2), (a, 8, 3), (b, 9, 4)];
        let records = records.map(|(key, offset, value)| (key, Offset(offset), Value(value)));
        let op = history.polled(process, Time(1), Time(2), records);
        let What::Polled { poll } = history.event(op).what else { panic!("not a poll") };
        let spans: Vec<_> = history.spans(history.poll(poll).records).copied().collect();
        assert_eq!(
            spans.iter().map(|span| (span.key, span.base.0, span.len)).collect::<Vec<_>>(),
            [(a, 5, 2), (a, 8, 1), (b, 9, 1)]
        );
        let read: Vec<_> = spans
            .iter()
            .flat_map(|span| history.records(span).map(|(offset, value)| (span.key, offset, value)))
            .collect();
        assert_eq!(read, records);
    }

    #[test]
    #[should_panic(expected = "is no send")]
    fn a_completion_must_name_a_send() {
        let mut history = History::new();
        let client = history.client("c");
        let process = history.open_session(client, None);
        history.crashed(process, Time(0));
        history.send_ok(OpId(0), Time(1), None);
    }

    #[test]
    fn a_restarted_client_is_a_new_process() {
        let mut history = History::new();
        let client = history.client("orders-app");
        let first = history.open_session(client, None);
        let second = history.open_session(client, None);
        assert_eq!(history.process_name(first), "orders-app");
        assert_eq!(history.process_name(second), "orders-app (life 2)");
    }
}
