//! A history: what the clients of a log did and saw, in order, and nothing about how the log is made.
//!
//! [`History`] is append-only; [`record`](self) holds the methods a trial (or an importer) writes it with, this file the
//! ones it is read with. Pushing an event costs some nanoseconds, cloning a history copies a few kilobytes whatever its
//! length, so a trial records always and a fork takes its history along.

mod attached;
mod event;
mod ids;
mod meta;
mod names;
mod record;
mod scalars;

pub use attached::{
    Bounds, KeyBounds, LogEntries, LogEntry, LogEntryKind, Offsets, Poll, PollId, Producer,
    ProducerRef, SendDetail, Span, Spans,
};
pub use event::{Event, LogBound, PositionedBy, RebalanceKind, What};
pub use ids::{
    ClientId, Generation, GroupId, Key, LeaderEpoch, MessageKey, Offset, OpId, ProcessId, Time,
    TransactionalId, Value,
};
pub use meta::{Clock, CommitSemantics, Isolation, Meta, Order, Source, SubVia};
pub use names::TopicPartition;
pub use scalars::ScalarName;

use crate::chunked::Chunked;
use attached::SendInputs;
use names::Names;
use scalars::{NameKind, Scalars};
use std::sync::Arc;

/// What the clients of a log did and saw, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    meta: Meta,
    names: Arc<Names>,
    scalars: Arc<Scalars>,
    sessions: Chunked<Session>,
    /// By process, what it polled last.
    polled_last: Vec<Spans>,
    events: Chunked<Event>,
    polls: Chunked<Poll>,
    spans: Chunked<Span>,
    values: Chunked<Value>,
    offsets: Chunked<(Key, Offset)>,
    bounds: Chunked<KeyBounds>,
    entries: Chunked<LogEntry>,
    producers: Chunked<Producer>,
    /// In the order of the events they were told with.
    details: Chunked<SendDetail>,
    /// In the order of the events they were told with.
    inputs: Chunked<SendInputs>,
    /// The events with which it was told that a send's record is a tombstone.
    tombstones: Chunked<OpId>,
}

/// One life of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The client.
    pub client: ClientId,
    /// The consumer group it reads for, if any.
    pub group: Option<GroupId>,
}

impl History {
    /// The number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the history came about.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// All events with their ids, in order.
    pub fn events(&self) -> impl Iterator<Item = (OpId, &Event)> {
        (0..).map(OpId).zip(self.events.iter())
    }

    /// The event that happened last, if anything did.
    #[must_use]
    pub fn last_event(&self) -> Option<&Event> {
        self.len().checked_sub(1).map(|last| self.events.get(last as u32))
    }

    /// The event behind `op`. Panics if this history has no such event.
    #[must_use]
    pub fn event(&self, op: OpId) -> &Event {
        self.events.get(op.0)
    }

    /// All partitions, in the order of their [`Key`]s.
    #[must_use]
    pub fn keys(&self) -> &[TopicPartition] {
        self.names.keys()
    }

    /// The name of a client. Panics if this history has no such client.
    #[must_use]
    pub fn client_name(&self, client: ClientId) -> &str {
        &self.names.clients()[client.0 as usize]
    }

    /// All consumer groups' names, in the order of their [`GroupId`]s.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        self.names.groups()
    }

    /// All transactional ids' names, in the order of their [`TransactionalId`]s.
    #[must_use]
    pub fn transactional_ids(&self) -> &[String] {
        self.names.transactional_ids()
    }

    /// All processes, in the order of their [`ProcessId`]s.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter()
    }

    /// The session of a process. Panics if this history has no such process.
    #[must_use]
    pub fn session(&self, process: ProcessId) -> &Session {
        self.sessions.get(process.0)
    }

    /// A process as people name it: `consumer-1`, and `consumer-1 (life 2)` after its first restart.
    #[must_use]
    pub fn process_name(&self, process: ProcessId) -> String {
        let client = self.session(process).client;
        let name = self.client_name(client);
        match self.sessions.range(0, process.0).filter(|earlier| earlier.client == client).count() {
            0 => name.to_owned(),
            restarts => format!("{name} (life {})", restarts + 1),
        }
    }

    /// The names of series of values, by the upper half of their numbers.
    pub fn value_series(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names.series().iter().map(|(&upper_half, name)| (upper_half, &name[..]))
    }

    /// The JSON scalar that a value or a message key stands for, unless it is just the number.
    pub(crate) fn scalar_json(&self, number: u64) -> Option<&str> {
        self.scalars.json(number)
    }

    /// A value as people name it: `v17`, or what [`name_series`](Self::name_series) and
    /// [`value_named`](Self::value_named) were told.
    #[must_use]
    pub fn value_name(&self, value: Value) -> ScalarName<'_> {
        let series = self.names.series().get(&((value.0 >> 32) as u32));
        let kind = match (value, self.scalars.json(value.0), series) {
            (Value::CORRUPT, ..) => NameKind::Corrupt,
            (_, Some(json), _) => NameKind::Json(json),
            (_, _, Some(name)) => NameKind::Series(name, value.0 as u32),
            _ => NameKind::Number('v', value.0),
        };
        ScalarName { kind }
    }

    /// A message key as people name it: `k17`, or what [`message_key_named`](Self::message_key_named) was told.
    #[must_use]
    pub fn message_key_name(&self, key: MessageKey) -> ScalarName<'_> {
        let json = self.scalars.json(key.0).map(NameKind::Json);
        ScalarName { kind: json.unwrap_or(NameKind::Number('k', key.0)) }
    }

    /// A poll's times and records.
    #[must_use]
    pub fn poll(&self, poll: PollId) -> &Poll {
        self.polls.get(poll.0)
    }

    /// The spans an event refers to.
    pub fn spans(&self, spans: Spans) -> impl Iterator<Item = &Span> {
        self.spans.range(spans.start, spans.len)
    }

    /// The (partition, offset) pairs an event refers to.
    pub fn offsets(&self, offsets: Offsets) -> impl Iterator<Item = (Key, Offset)> {
        self.offsets.range(offsets.start, offsets.len).copied()
    }

    /// The bounds of logs an event refers to.
    pub fn bounds(&self, bounds: Bounds) -> impl Iterator<Item = &KeyBounds> {
        self.bounds.range(bounds.start, bounds.len)
    }

    /// The entries of a log an event refers to.
    pub fn log_entries(&self, entries: LogEntries) -> impl Iterator<Item = &LogEntry> {
        self.entries.range(entries.start, entries.len)
    }

    /// A producer's identity.
    #[must_use]
    pub fn producer(&self, producer: ProducerRef) -> &Producer {
        self.producers.get(producer.0)
    }

    /// Whether any process told which producer it is.
    pub(crate) fn knows_producers(&self) -> bool {
        self.producers.len() > 0
    }

    /// Whether a sequence number or a message key was told of any send.
    pub(crate) fn knows_details(&self) -> bool {
        self.details.len() > 0
    }

    /// Whether a message key was told of any send.
    pub(crate) fn knows_message_keys(&self) -> bool {
        self.details.iter().any(|detail| detail.message_key.is_some())
    }

    /// What else was told of a send with `event`, its invocation or its acknowledgement. O(log details), and free in a
    /// history without any.
    #[must_use]
    pub fn send_detail(&self, event: OpId) -> Option<&SendDetail> {
        told_with(&self.details, event, |detail| detail.told_with)
    }

    /// Whether it was told with `event`, a send's invocation or acknowledgement, that the send's record is a tombstone. O(log
    /// tombstones).
    #[must_use]
    pub fn is_tombstone(&self, event: OpId) -> bool {
        told_with(&self.tombstones, event, |&told_with| told_with).is_some()
    }

    /// Whether it was told of any send which records its record was made from.
    pub(crate) fn knows_inputs(&self) -> bool {
        self.inputs.len() > 0
    }

    /// The records, by partition and offset, that were told with `event`, a send's invocation or acknowledgement, to be
    /// those that the send's record was made from; none if nothing was told. O(log sends that tell).
    pub fn send_inputs(&self, event: OpId) -> impl Iterator<Item = (Key, Offset)> {
        let told = told_with(&self.inputs, event, |told| told.told_with);
        told.into_iter().flat_map(|told| self.offsets(told.inputs))
    }

    /// The records of a span.
    pub fn records(&self, span: &Span) -> impl Iterator<Item = (Offset, Value)> {
        (span.base.0..).map(Offset).zip(self.values(span).flatten().copied())
    }

    /// The values of a span's records, as the slices they are stored in.
    pub(crate) fn values(&self, span: &Span) -> impl Iterator<Item = &[Value]> {
        self.values.slices(span.values, span.len)
    }
}

/// What was told with `event`, in a list by rising events.
fn told_with<T: Copy>(list: &Chunked<T>, event: OpId, of: impl Fn(&T) -> OpId) -> Option<&T> {
    let (mut low, mut high) = (0, list.len() as u32);
    while low < high {
        let middle = low.midpoint(high);
        if of(list.get(middle)) < event {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let found = ((low as usize) < list.len()).then(|| list.get(low));
    found.filter(|found| of(found) == event)
}
