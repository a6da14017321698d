//! The producer: an application that sends records, and the client that gets them into the log. As Kafka's
//! `KafkaProducer`, without idempotence and transactions.
//!
//! ```text
//!   Application -- send() --> Accumulator -- drain --> Sender -- Produce --> leader
//!        ^                        ^                       |
//!        |                        +---- retry ------------+<-- answer, time-out, lost connection
//!        +------------- ok, failed, unknown --------------+
//! ```

pub mod accumulator;
pub mod batch;
mod order;
mod partitioning;
mod sender;
pub mod workload;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ktrial_sim::actor::Event;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::random::Stream;
use ktrial_sim::time::{Duration, Instant};

use crate::client::producer::partitioning::Partitioning;
use crate::client::producer::sender::Sender;
use crate::client::producer::workload::{Application, NewRecord, Workload};
use crate::cluster::Cluster;
use crate::config::ProducerConfig;
use crate::error_code::ErrorCode;
use crate::ids::{RecordId, TopicPartition};
use crate::message::Message;
use crate::note::Note;
use crate::probe::Probe;
use crate::process::{Ctx, Process, Timer};
use crate::record::{BATCH_OVERHEAD_BYTES, Record, RecordValue};
use crate::wake_up::WakeUp;

/// What a producer is started with.
#[derive(Clone, Debug)]
pub struct ProducerSpec {
    /// Where to find the brokers, and which topics there are.
    pub cluster: Arc<Cluster>,
    /// Its settings.
    pub config: ProducerConfig,
    /// What its application does.
    pub workload: Workload,
    /// The stream of the application's draws ([`ktrial_sim::random::Purpose::Workload`]).
    pub stream: Stream,
}

/// What a producer waits for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ProducerTimer {
    /// Something is due.
    WakeUp,
}

/// With acks=0 a record is done once it is written, at the very instant. An application that sends as fast as answers
/// come gets them at the next turn of the client's network thread, this much later.
const TURN: Duration = Duration::from_millis(1);

/// A producer's process.
#[derive(Clone, Debug)]
pub struct Producer {
    spec: Arc<ProducerSpec>,
    application: Application,
    partitioning: Partitioning,
    sender: Sender,
    /// The call of `send()` that is blocked.
    blocked: Option<SendCall>,
    is_closing: bool,
    wake_up: WakeUp,
}

/// A call of `send()` that has not returned yet.
#[derive(Copy, Clone, Debug)]
struct SendCall {
    record: NewRecord,
    partition: TopicPartition,
    invoked_at: Instant,
}

impl Producer {
    /// The process starts: knows its bootstrap servers and nothing else. A process that starts again is a new producer
    /// whose application begins its workload anew, with new record ids.
    pub fn boot(spec: &Arc<ProducerSpec>, ctx: &mut Ctx<'_>) -> Self {
        let first_id = RecordId::first(ctx.node(), ctx.incarnation());
        let mut producer = Producer {
            application: Application::new(&spec.workload, spec.stream.clone(), first_id, ctx.now()),
            partitioning: Partitioning::new(&spec.config),
            sender: Sender::new(&spec.config, &spec.cluster, &spec.workload.topics),
            blocked: None,
            is_closing: false,
            wake_up: WakeUp::default(),
            spec: Arc::clone(spec),
        };
        producer.run(ctx);
        producer
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event<Process>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Message(connection, message) => self.received(connection, message, ctx),
            Event::Connected(connection) => self.sender.connected(connection, ctx.now()),
            Event::ConnectFailed(connection, _) => self.sender.connect_failed(connection, ctx),
            Event::Closed(connection, _) => self.sender.closed(connection, ctx),
            Event::Timer(Timer::Producer(ProducerTimer::WakeUp)) => self.wake_up.fired(ctx),
            Event::Shutdown => self.is_closing = true,
            event => unreachable!("nothing sends {event:?} to a producer"),
        }
        self.run(ctx);
    }

    /// Whether the application has sent what it wanted to and knows the outcome of all of it.
    pub fn is_done(&self, now: Instant) -> bool {
        self.application.is_done(&self.spec.workload, now)
            && self.blocked.is_none()
            && self.sender.outstanding() == 0
    }

    fn received(&mut self, connection: ConnectionId, message: Message, ctx: &mut Ctx<'_>) {
        match message {
            Message::Response(correlation, response) => {
                self.sender.answered(connection, correlation, response, ctx)
            }
            Message::Request(_, request) => unreachable!("nobody asks a producer for {request:?}"),
        }
    }

    /// The application's thread, then the network thread.
    fn run(&mut self, ctx: &mut Ctx<'_>) {
        self.run_application(ctx);
        self.sender.run(self.is_flushing(), ctx);
        if self.is_closing && self.blocked.is_none() && self.sender.outstanding() == 0 {
            ctx.exit();
            return;
        }
        let due = self.next_deadline(ctx.now());
        self.wake_up.no_later_than(due, Timer::Producer(ProducerTimer::WakeUp), ctx);
    }

    /// Memory is exhausted or the producer closes: lingering is of no use.
    fn is_flushing(&self) -> bool {
        self.blocked.is_some() || self.is_closing
    }

    fn next_deadline(&self, now: Instant) -> Instant {
        let workload = &self.spec.workload;
        let application_at = match &self.blocked {
            Some(call) => self.blocked_until(call),
            None if self.is_closing => Instant::NEVER,
            None if self.application.sends(workload, self.sender.outstanding(), now) => now + TURN,
            None => self.application.next_send_at(workload, now),
        };
        application_at.min(self.sender.next_deadline(self.is_flushing(), now))
    }

    fn blocked_until(&self, call: &SendCall) -> Instant {
        call.invoked_at + Duration::from_millis(self.spec.config.max_block_ms)
    }

    fn run_application(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(call) = self.blocked.take() {
            self.append(call, ctx);
        }
        while self.blocked.is_none() && self.sends_now(ctx.now()) {
            let call = self.send(ctx.now());
            let SendCall { record, partition, .. } = call;
            ctx.note(Note::SendInvoked { record: record.id, partition, key: record.key });
            self.append(call, ctx);
        }
    }

    fn sends_now(&self, now: Instant) -> bool {
        !self.is_closing
            && self.application.sends(&self.spec.workload, self.sender.outstanding(), now)
    }

    fn send(&mut self, now: Instant) -> SendCall {
        let record = self.application.next_record(&self.spec.workload, now);
        let (metadata, accumulator) = (self.sender.metadata(), self.sender.accumulator());
        let stream = self.application.stream();
        let partition =
            self.partitioning.partition(record.topic, record.key, metadata, accumulator, stream);
        SendCall { record, partition, invoked_at: now }
    }

    /// Gives the record to the client, or finds out that `send()` has to block or fails.
    fn append(&mut self, call: SendCall, ctx: &mut Ctx<'_>) {
        let size_bytes = self.spec.workload.record_size_bytes;
        if self.is_too_large(size_bytes) {
            ctx.note(Note::SendFailed {
                record: call.record.id,
                error: ErrorCode::MessageTooLarge,
            });
        } else if self.is_appended(&call, ctx) {
            let NewRecord { topic, key, .. } = call.record;
            self.partitioning.appended(topic, key, size_bytes, self.sender.accumulator());
        } else if ctx.now() >= self.blocked_until(&call) {
            ctx.probe(Probe::SendBlockedTooLong);
            ctx.note(Note::SendFailed {
                record: call.record.id,
                error: ErrorCode::RequestTimedOut,
            });
        } else {
            self.blocked = Some(call);
        }
    }

    /// As `KafkaProducer.ensureValidRecordSize`.
    fn is_too_large(&self, size_bytes: u32) -> bool {
        let size_bytes = BATCH_OVERHEAD_BYTES + size_bytes;
        size_bytes > self.spec.config.max_request_size
            || u64::from(size_bytes) > self.spec.config.buffer_memory
    }

    /// Needs metadata of the topic, and memory.
    fn is_appended(&mut self, call: &SendCall, ctx: &Ctx<'_>) -> bool {
        let record = Record {
            key: call.record.key,
            value: RecordValue::Data(call.record.id),
            size_bytes: self.spec.workload.record_size_bytes,
            timestamp_ms: ctx.wall_clock_ms(),
        };
        if self.sender.metadata().knows(call.record.topic) {
            self.sender.append(call.partition, record, ctx.now())
        } else {
            self.sender.request_metadata();
            false
        }
    }
}
