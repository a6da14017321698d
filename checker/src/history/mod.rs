//! A history: what the clients of a log did and saw, in order, and nothing about how the log is made.
//!
//! [`History`] is append-only; [`record`](self) holds the methods a trial (or an importer) writes it with, this file the
//! ones it is read with. Pushing an event costs some nanoseconds, cloning a history copies a few kilobytes whatever its
//! length, so a trial records always and a fork takes its history along.

mod event;
mod ids;
mod names;
mod record;

pub use event::{Event, Offsets, Poll, PollId, PositionedBy, Span, Spans, What};
pub use ids::{ClientId, GroupId, Key, Offset, OpId, ProcessId, Time, Value};
pub use names::TopicPartition;

use crate::chunked::Chunked;
use names::Names;
use std::sync::Arc;

/// What the clients of a log did and saw, in order.
#[derive(Clone, Debug, Default)]
pub struct History {
    names: Arc<Names>,
    sessions: Chunked<Session>,
    events: Chunked<Event>,
    polls: Chunked<Poll>,
    spans: Chunked<Span>,
    values: Chunked<Value>,
    offsets: Chunked<(Key, Offset)>,
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

    /// All events with their ids, in order.
    pub fn events(&self) -> impl Iterator<Item = (OpId, &Event)> {
        (0..).map(OpId).zip(self.events.iter())
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

    /// The records of a span.
    pub fn records(&self, span: &Span) -> impl Iterator<Item = (Offset, Value)> {
        (span.base.0..).map(Offset).zip(self.values(span).flatten().copied())
    }

    /// The values of a span's records, as the slices they are stored in.
    pub(crate) fn values(&self, span: &Span) -> impl Iterator<Item = &[Value]> {
        self.values.slices(span.values, span.len)
    }
}
