//! The consumer: an application that polls records, and the client that fetches them. As Kafka's `KafkaConsumer` with
//! partitions assigned by hand (`assign()`); rebalancing is not modelled.
//!
//! ```text
//!   Application <- poll() -- Fetcher <-- Reader <-- Fetch, ListOffsets, OffsetsForLeaderEpoch --> leaders
//!        |                                 ^
//!        +-- commitSync() --> Committer    | committed offsets
//!                                 +--> Group <-- FindCoordinator, OffsetFetch, OffsetCommit --> coordinator
//! ```
//!
//! The client works while the application does, as with a network thread of its own: what is fetched ahead waits in the
//! buffer. A process that starts again knows nothing but the committed offsets.

pub mod application;
mod commit;
mod coordinator;
mod drain;
mod fetcher;
mod group;
mod position;
mod reader;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ktrial_sim::actor::Event;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::time::Instant;

use crate::client::connections::Destination;
use crate::client::consumer::application::Processing;
use crate::client::consumer::drain::Drain;
use crate::client::consumer::group::Group;
use crate::client::consumer::reader::{InFlight, Reader};

use crate::cluster::Cluster;
use crate::config::{AutoOffsetReset, ConsumerConfig};
use crate::ids::{GroupId, TopicId, TopicPartition};
use crate::message::{CorrelationId, ListOffsetsTarget, Message, Response};
use crate::probe::Probe;
use crate::process::{Ctx, Process, Timer};
use crate::wake_up::WakeUp;

/// What a consumer is started with.
#[derive(Clone, Debug)]
pub struct ConsumerSpec {
    /// Where to find the brokers, and which topics and groups there are.
    pub cluster: Arc<Cluster>,
    /// Its settings. The name of the group is the role's.
    pub config: ConsumerConfig,
    /// What it is for.
    pub role: ConsumerRole,
}

/// What a consumer is for.
#[derive(Clone, Debug)]
pub enum ConsumerRole {
    /// An application's consumer.
    Group {
        /// Its group.
        group: GroupId,
        /// The partitions assigned to it.
        partitions: Vec<TopicPartition>,
        /// What the application does with the records.
        processing: Processing,
    },
    /// Reads every partition of every topic but `__consumer_offsets` once, from the beginning to the end.
    Drain {
        /// Not before, by its monotonic clock.
        start_at: Instant,
    },
}

/// What a consumer waits for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ConsumerTimer {
    /// Something is due.
    WakeUp,
}

/// A consumer's process.
#[derive(Clone, Debug)]
pub struct Consumer {
    reader: Reader,
    purpose: Purpose,
    start_at: Instant,
    wake_up: WakeUp,
}

#[derive(Clone, Debug)]
enum Purpose {
    Group(Box<Group>),
    Drain(Drain),
}

impl Consumer {
    /// The process starts: knows its bootstrap servers and nothing else.
    pub fn boot(spec: &Arc<ConsumerSpec>, ctx: &mut Ctx<'_>) -> Self {
        let (reader, purpose, start_at) = match &spec.role {
            ConsumerRole::Group { group, partitions, processing } => {
                let policy = reset_policy(spec.config.auto_offset_reset);
                let reader = Reader::new(
                    &spec.cluster,
                    &spec.config,
                    Some(*group),
                    policy,
                    partitions.iter().copied(),
                );
                let group = Group::new(*group, &spec.config, *processing, &reader, ctx.now());
                (reader, Purpose::Group(Box::new(group)), Instant::START)
            }
            ConsumerRole::Drain { start_at } => {
                let partitions = application_partitions(&spec.cluster);
                let policy = Some(ListOffsetsTarget::Earliest);
                let reader = Reader::new(&spec.cluster, &spec.config, None, policy, partitions);
                (reader, Purpose::Drain(Drain::default()), *start_at)
            }
        };
        let mut consumer = Consumer { reader, purpose, start_at, wake_up: WakeUp::default() };
        consumer.run(ctx);
        consumer
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event<Process>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Message(connection, message) => self.received(connection, message, ctx),
            Event::Connected(connection) => {
                self.reader.connections.connected(connection, ctx.now())
            }
            Event::ConnectFailed(connection, _) => self.connect_failed(connection, ctx),
            Event::Closed(connection, _) => self.closed(connection, ctx),
            Event::Timer(Timer::Consumer(ConsumerTimer::WakeUp)) => self.wake_up.fired(ctx),
            Event::Shutdown => self.shut_down(ctx),
            event => unreachable!("nothing sends {event:?} to a consumer"),
        }
        self.run(ctx);
    }

    /// Whether a final read is through. A consumer of a group never is.
    pub fn is_done(&self) -> bool {
        matches!(self.purpose, Purpose::Drain(_)) && self.reader.partitions.is_empty()
    }

    fn shut_down(&mut self, ctx: &mut Ctx<'_>) {
        match &mut self.purpose {
            Purpose::Group(group) => group.close(),
            Purpose::Drain(_) => ctx.exit(),
        }
    }

    fn connect_failed(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if let Some(from) =
            self.reader.connections.connect_failed(connection, ctx.now(), ctx.random())
        {
            self.disconnected(from, Vec::new(), ctx);
        }
    }

    fn closed(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if let Some((from, in_flight)) =
            self.reader.connections.closed(connection, ctx.now(), ctx.random())
        {
            self.disconnected(from, in_flight, ctx);
        }
    }

    fn disconnected(&mut self, from: Destination, in_flight: Vec<InFlight>, ctx: &mut Ctx<'_>) {
        self.reader.request_metadata();
        if let Purpose::Group(group) = &mut self.purpose {
            group.disconnected(from, ctx);
        }
        for request in in_flight {
            self.reader.failed(&request, from, ctx);
            if let Purpose::Group(group) = &mut self.purpose {
                group.failed(&request, ctx);
            }
        }
    }

    fn received(&mut self, connection: ConnectionId, message: Message, ctx: &mut Ctx<'_>) {
        match message {
            Message::Response(correlation, response) => {
                self.answered(connection, correlation, response, ctx)
            }
            Message::Request(_, request) => unreachable!("nobody asks a consumer for {request:?}"),
        }
    }

    fn answered(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) {
        let answered = self.reader.connections.answered(connection, correlation, ctx.now());
        let Some((from, request)) = answered else { return };
        let reader = &mut self.reader;
        match (&mut self.purpose, request, response) {
            (_, InFlight::Metadata, Response::Metadata(response)) => {
                reader.metadata_received(&response, ctx)
            }
            (_, InFlight::Fetch(asked), Response::Fetch(response)) => {
                reader.fetched(&asked, response, from, ctx)
            }
            (_, InFlight::ListOffsets(asked), Response::ListOffsets(response)) => {
                reader.offsets_listed(&asked, &response, ctx);
            }
            (
                _,
                InFlight::OffsetsForLeaderEpoch(asked),
                Response::OffsetsForLeaderEpoch(response),
            ) => {
                reader.epochs_ended(&asked, &response, ctx);
            }
            (
                Purpose::Group(group),
                InFlight::FindCoordinator,
                Response::FindCoordinator(error, coordinator),
            ) => {
                group.coordinator_found(error, coordinator, ctx);
            }
            (Purpose::Group(group), InFlight::OffsetFetch, Response::OffsetFetch(response)) => {
                group.offsets_fetched(&response, from, reader, ctx);
            }
            (
                Purpose::Group(group),
                InFlight::OffsetCommit(id),
                Response::OffsetCommit(response),
            ) => {
                group.offsets_committed(id, &response, from, ctx);
            }
            (_, request, response) => unreachable!("{response:?} does not answer {request:?}"),
        }
    }

    fn run(&mut self, ctx: &mut Ctx<'_>) {
        if ctx.now() >= self.start_at {
            self.reader.connections.housekeep(ctx);
            while let Some((from, in_flight)) = self.reader.connections.time_out(ctx) {
                ctx.probe(Probe::RequestTimedOut);
                self.disconnected(from, in_flight, ctx);
            }
            if self.run_purpose(ctx) || self.reader.is_lost() {
                ctx.exit();
                return;
            }
        }
        let due = self.next_deadline(ctx.now());
        self.wake_up.no_later_than(due, Timer::Consumer(ConsumerTimer::WakeUp), ctx);
    }

    /// Whether the consumer is closed.
    fn run_purpose(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let is_closed = match &mut self.purpose {
            Purpose::Group(group) => group.run(&mut self.reader, ctx),
            Purpose::Drain(drain) => {
                drain.run(&mut self.reader, ctx);
                false
            }
        };
        if !self.is_done() {
            self.reader.run(ctx);
        }
        is_closed
    }

    fn next_deadline(&self, now: Instant) -> Instant {
        match &self.purpose {
            _ if now < self.start_at => self.start_at,
            _ if self.is_done() => Instant::NEVER,
            Purpose::Group(group) => group.next_deadline(now).min(self.reader.next_deadline(now)),
            Purpose::Drain(_) => self.reader.next_deadline(now),
        }
    }
}

fn reset_policy(policy: AutoOffsetReset) -> Option<ListOffsetsTarget> {
    match policy {
        AutoOffsetReset::Earliest => Some(ListOffsetsTarget::Earliest),
        AutoOffsetReset::Latest => Some(ListOffsetsTarget::Latest),
        AutoOffsetReset::None => None,
    }
}

fn application_partitions(cluster: &Cluster) -> impl Iterator<Item = TopicPartition> {
    let partitions = cluster.partitions().map(|(partition, _)| partition);
    partitions.filter(|partition| partition.topic != TopicId::CONSUMER_OFFSETS)
}
