//! Writing a history: one method per thing a client does or learns.
//!
//! ```text
//!   send()  ──► send_invoked ──► send_ok | send_failed | send_unknown      poll() returns ──► polled ──► processed
//!   commit  ──► commit_invoked ──► commit_ok | commit_failed | commit_unknown
//!   txn     ──► txn_begun ──► sends, polls, txn_offsets ──► txn_committed | txn_aborted | txn_unknown
//!   start   ──► open_session, producer_initialized | assigned, committed_invoked ──► committed_ok, positioned
//!   group   ──► subscribed ──► rebalanced, joined, rebalanced, ...                               end ──► crashed | closed
//!   log     ──► list_offsets_invoked ──► list_offsets_ok; bounds_told after any answer
//!   at rest ──► healed; a reader from the beginning: polled..., drained; or log_dumped, log_annotated
//! ```
//! A completion must name an operation of the right kind; anything else is a bug of the caller and panics.

mod consumer;
mod log;
mod producer;

use super::{
    ClientId, Event, GroupId, History, Key, MessageKey, Meta, Offset, Offsets, OpId, ProcessId,
    Session, Span, Spans, Time, TopicPartition, TransactionalId, Value, What,
};
use std::sync::Arc;

impl History {
    /// An empty history.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty history of known origin.
    #[must_use]
    pub fn of(meta: Meta) -> Self {
        History { meta, ..Self::default() }
    }

    /// It turned out that nobody recorded what was sent.
    pub(crate) fn is_reads_only(&mut self) {
        self.meta.reads_only = true;
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

    /// The id of a `transactional.id`, given on first mention.
    pub fn transactional_id(&mut self, name: &str) -> TransactionalId {
        Arc::make_mut(&mut self.names).intern_transactional_id(name.to_owned())
    }

    /// People shall read each value n + `upper_half` · 2^32 as `name#n`.
    pub fn name_series(&mut self, upper_half: u32, name: &str) {
        Arc::make_mut(&mut self.names).name_series(upper_half, name.to_owned());
    }

    /// The value that stands for a record identified by a text, given on first mention.
    pub fn value_named(&mut self, name: &str) -> Value {
        Value(self.scalar(&quoted(name)))
    }

    /// The message key that stands for a text, given on first mention.
    pub fn message_key_named(&mut self, name: &str) -> MessageKey {
        MessageKey(self.scalar(&quoted(name)))
    }

    /// The number of a JSON scalar: itself, if it is an unsigned integer below 2^62.
    pub(crate) fn scalar(&mut self, json: &str) -> u64 {
        Arc::make_mut(&mut self.scalars).number(json)
    }

    /// A client (re)starts: a new process, reading for `group` if it is a group's consumer.
    pub fn open_session(&mut self, client: ClientId, group: Option<GroupId>) -> ProcessId {
        ProcessId(self.sessions.push(Session { client, group }))
    }

    /// The process dies.
    pub fn crashed(&mut self, process: ProcessId, time: Time) {
        self.push(process, time, What::Crashed);
    }

    /// The process closes in good order.
    pub fn closed(&mut self, process: ProcessId, time: Time) {
        self.push(process, time, What::Closed);
    }

    fn push(&mut self, process: ProcessId, time: Time, what: What) -> OpId {
        OpId(self.events.push(Event { time, process, what }))
    }

    fn last(&self) -> OpId {
        OpId(u32::try_from(self.len()).expect("events have 32-bit ids") - 1)
    }

    /// Tells more of `op`, which must have been completed last, in an event of a kind that it has not had yet.
    fn tell_of(&mut self, op: OpId, what: What) {
        let mut told = self.last();
        while self.event(told).what.tells_of() == Some(op) {
            let earlier = std::mem::discriminant(&self.event(told).what);
            assert_ne!(earlier, std::mem::discriminant(&what), "{op:?} was told of already");
            told = OpId(told.0 - 1);
        }
        let completion = *self.event(told);
        let is_of_op = told == op || completion.what.completes() == Some(op);
        assert!(is_of_op, "{op:?} was not completed last");
        self.push(completion.process, completion.time, what);
    }

    fn push_offsets(&mut self, offsets: impl IntoIterator<Item = (Key, Offset)>) -> Offsets {
        let start = self.offsets.len() as u32;
        let len = offsets.into_iter().map(|pair| self.offsets.push(pair)).count() as u32;
        Offsets { start, len }
    }

    fn push_keys(&mut self, keys: impl IntoIterator<Item = Key>) -> Offsets {
        self.push_offsets(keys.into_iter().map(|key| (key, Offset::NONE)))
    }

    /// These spans, if they hold exactly these records, or else new ones.
    fn same_or_push_spans(
        &mut self,
        spans: Spans,
        records: impl IntoIterator<Item = (Key, Offset, Value)>,
    ) -> Spans {
        let mut records = records.into_iter();
        let (mut same, mut other) = (0, records.next());
        {
            let mut held = self.spans(spans).flat_map(|span| self.keyed_records(span));
            while other.is_some() && held.next() == other {
                (same, other) = (same + 1, records.next());
            }
            if other.is_none() && held.next().is_none() {
                return spans;
            }
        }
        let held = self.spans(spans).flat_map(|span| self.keyed_records(span));
        let begun: Vec<_> = held.take(same).chain(other).collect();
        self.push_spans(begun.into_iter().chain(records))
    }

    fn keyed_records(&self, span: &Span) -> impl Iterator<Item = (Key, Offset, Value)> {
        let key = span.key;
        self.records(span).map(move |(offset, value)| (key, offset, value))
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

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::super::{KeyBounds, ProcessId};
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
    fn what_was_polled_is_kept_once_if_it_is_processed_whole() {
        let polled = [(5, 1), (6, 2), (8, 3)];
        for processed in [&polled[..], &polled[..2], &[(5, 1), (6, 7)], &[(4, 1)], &[]] {
            let mut history = History::new();
            let key = history.key("t", 0);
            let client = history.client("c");
            let process = history.open_session(client, None);
            let keyed = |&(offset, value): &(i64, u64)| (key, Offset(offset), Value(value));
            history.polled(process, Time(1), Time(2), polled.iter().map(keyed));
            let held = history.values.len();
            let op = history.processed(process, Time(3), processed.iter().map(keyed));
            let What::Processed { records } = history.event(op).what else { panic!("not that") };
            let spans = history.spans(records).flat_map(|span| history.keyed_records(span));
            assert!(spans.eq(processed.iter().map(keyed)), "{processed:?}");
            assert_eq!(history.values.len() == held, processed == polled || processed.is_empty());
        }
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

    fn txn(history: &mut History) -> (ProcessId, OpId) {
        let client = history.client("app");
        let process = history.open_session(client, None);
        (process, history.txn_begun(process, Time(1)))
    }

    #[test]
    fn details_are_found_by_the_event_they_were_told_with() {
        let mut history = History::new();
        let key = history.key("t", 0);
        let (process, _) = txn(&mut history);
        let message_key = history.message_key_named("alice");
        let sends: Vec<OpId> = (0..5)
            .map(|n| {
                let op = history.send_invoked(process, Time(n), key, Value(n));
                if n % 2 == 0 {
                    history.send_told(Some(message_key), Some(n as i32));
                }
                op
            })
            .collect();
        history.send_ok(sends[1], Time(9), None);
        history.send_told(None, Some(7));
        let sequence = |op| history.send_detail(op).map(|detail| detail.sequence);
        assert_eq!(
            sends.iter().map(|&op| sequence(op)).collect::<Vec<_>>(),
            [Some(Some(0)), None, Some(Some(2)), None, Some(Some(4))]
        );
        assert_eq!(sequence(OpId(6)), Some(Some(7)));
        assert_eq!(history.message_key_name(message_key).to_string(), "\"alice\"");
    }

    #[test]
    fn values_are_printed_as_they_were_named() {
        let mut history = History::new();
        history.name_series(512, "producer-2");
        let named = history.value_named("order 17");
        assert_eq!(history.value_named("order 17"), named);
        assert_ne!(history.value_named("17"), Value(17));
        let series = Value((512 << 32) + 17);
        let names = [Value(17), series, named, Value::CORRUPT];
        let names = names.map(|value| history.value_name(value).to_string());
        assert_eq!(names, ["v17", "producer-2#17", "\"order 17\"", "an unreadable record"]);
        let long = history.value_named(&"x".repeat(1000));
        assert_eq!(history.value_name(long).to_string().len(), 67);
    }

    #[test]
    fn bounds_follow_what_told_them() {
        let mut history = History::new();
        let key = history.key("t", 0);
        let (process, _) = txn(&mut history);
        let send = history.send_invoked(process, Time(2), key, Value(1));
        history.send_ok(send, Time(3), None);
        let told = KeyBounds { high_watermark: Offset(1), ..KeyBounds::of(key) };
        history.bounds_told(send, [told]);
        history.positions_told(send, [(key, Offset(1))]);
        let event = history.event(OpId(3));
        let What::BoundsTold { op, bounds } = event.what else { panic!("no bounds") };
        assert_eq!((op, event.time, event.process), (send, Time(3), process));
        assert_eq!(history.bounds(bounds).copied().collect::<Vec<_>>(), [told]);
    }

    #[test]
    #[should_panic(expected = "was not completed last")]
    fn bounds_of_an_operation_before_the_last_are_a_bug() {
        let mut history = History::new();
        let key = history.key("t", 0);
        let (process, txn) = txn(&mut history);
        history.txn_aborted(txn, Time(2));
        let send = history.send_invoked(process, Time(2), key, Value(1));
        history.send_unknown(send, Time(3));
        history.bounds_told(txn, []);
    }

    #[test]
    #[should_panic(expected = "is no transaction")]
    fn only_a_transaction_is_committed() {
        let mut history = History::new();
        let (process, _) = txn(&mut history);
        history.crashed(process, Time(2));
        history.txn_committed(OpId(1), Time(3), None);
    }
}
