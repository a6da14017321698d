//! Takes batches out of the accumulator, sends them to their leaders and decides what an answer means. As Kafka's `Sender`.
//!
//! ```text
//!   answer                            batch
//!   no error                          ok
//!   MESSAGE_TOO_LARGE, > 1 record     split, back to the head of the queue
//!   retriable, attempts and time left back to the head of the queue, after a pause
//!   anything else                     failed, or unknown if any attempt may have been appended
//! ```
//!
//! A connection that dies or times out answers all its requests with NETWORK_EXCEPTION or REQUEST_TIMED_OUT, oldest
//! first, so two of them go back to the head in reverse order (PB3).

use ktrial_sim::network::ConnectionId;
use ktrial_sim::time::{Duration, Instant};

use crate::client::backoff::ExponentialBackoff;
use crate::client::connection_settings::ConnectionSettings;
use crate::client::connections::{Connections, Destination};
use crate::client::metadata::{ClientMetadata, refresh_if_due};
use crate::client::producer::accumulator::{Accumulator, AccumulatorSettings, Readiness};
use crate::client::producer::batch::{Outcome, ProducerBatch};
use crate::client::producer::order::AckedOrder;
use crate::cluster::Cluster;
use crate::config::{Acks, ProducerConfig};
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, LeaderEpoch, Offset, TopicId, TopicPartition};
use crate::message::{
    CorrelationId, ProducePartitionResponse, ProduceRequest, ProduceResponse, Request,
    RequiredAcks, Response,
};
use crate::mutant::{Mutant, Mutation};
use crate::note::Note;
use crate::probe::Probe;
use crate::process::Ctx;
use crate::record::{Record, RecordValue};

/// What the producer remembers of a request.
#[derive(Clone, Debug)]
enum InFlight {
    Metadata,
    Produce(Vec<ProducerBatch>),
}

/// The producer without its application: everything from the accumulator to the brokers.
#[derive(Clone, Debug)]
pub struct Sender {
    settings: SenderSettings,
    metadata: ClientMetadata,
    connections: Connections<InFlight>,
    accumulator: Accumulator,
    acked_order: AckedOrder,
    /// Records that the application has no answer for.
    outstanding: u64,
    /// Lower bound of when a batch in flight expires.
    next_in_flight_expiry_at: Instant,
    mutation: Mutation,
}

#[derive(Copy, Clone, Debug)]
struct SenderSettings {
    acks: RequiredAcks,
    retries: u32,
    retry_backoff: ExponentialBackoff,
    request_timeout: Duration,
    delivery_timeout: Duration,
    max_request_size: u32,
    /// Only one request in flight: nothing of a partition is sent while a batch of it is (`guaranteeMessageOrder`).
    guarantees_order: bool,
}

impl Sender {
    /// Connected to nothing, with empty queues for `topics`.
    pub fn new(config: &ProducerConfig, cluster: &Cluster, topics: &[TopicId]) -> Self {
        let settings = SenderSettings::new(config);
        let partitions = |&topic: &TopicId| (topic, cluster.topic(topic).assignment.len() as u16);
        Sender {
            settings,
            metadata: ClientMetadata::new(
                cluster,
                config.metadata_max_age_ms,
                settings.retry_backoff,
            ),
            connections: Connections::new(ConnectionSettings::from(config)),
            accumulator: Accumulator::new(
                accumulator_settings(config),
                topics.iter().map(partitions),
            ),
            acked_order: AckedOrder::default(),
            outstanding: 0,
            next_in_flight_expiry_at: Instant::NEVER,
            mutation: cluster.mutation,
        }
    }

    /// What the producer knows of the cluster.
    pub fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// Records that the application has no answer for.
    pub fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// Takes a record from the application. False, and nothing done, if `buffer.memory` is exhausted.
    pub fn append(&mut self, partition: TopicPartition, record: Record, now: Instant) -> bool {
        let is_appended = self.accumulator.append(partition, record, now);
        self.outstanding += u64::from(is_appended);
        is_appended
    }

    /// The application waits for metadata.
    pub fn request_metadata(&mut self) {
        self.metadata.request_refresh();
    }

    /// What waits to be sent.
    pub fn accumulator(&self) -> &Accumulator {
        &self.accumulator
    }

    /// A connection is open.
    pub fn connected(&mut self, connection: ConnectionId, now: Instant) {
        self.connections.connected(connection, now);
    }

    /// A connection did not come about.
    pub fn connect_failed(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if self.connections.connect_failed(connection, ctx.now(), ctx.random()).is_some() {
            self.metadata.request_refresh();
        }
    }

    /// A connection is gone: whatever was in flight on it failed.
    pub fn closed(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if let Some((_, in_flight)) = self.connections.closed(connection, ctx.now(), ctx.random()) {
            self.disconnected(in_flight, ErrorCode::NetworkException, ctx);
        }
    }

    fn disconnected(&mut self, in_flight: Vec<InFlight>, error: ErrorCode, ctx: &mut Ctx<'_>) {
        self.metadata.request_refresh();
        for request in in_flight {
            match request {
                InFlight::Metadata => self.metadata.refresh_failed(ctx.now(), ctx.random()),
                InFlight::Produce(batches) => {
                    batches
                        .into_iter()
                        .for_each(|batch| self.attempt_failed(batch, error, true, ctx));
                }
            }
        }
    }

    /// An answer came.
    ///
    /// # Panics
    /// If it does not answer what was asked.
    pub fn answered(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) {
        let now = ctx.now();
        let Some((_, request)) = self.connections.answered(connection, correlation, now) else {
            return;
        };
        match (request, response) {
            (InFlight::Metadata, Response::Metadata(response)) => {
                self.metadata.update(&response, now, ctx.random())
            }
            (InFlight::Produce(batches), Response::Produce(response)) => {
                self.produced(batches, &response, ctx)
            }
            (request, response) => unreachable!("{response:?} does not answer {request:?}"),
        }
    }

    fn produced(
        &mut self,
        batches: Vec<ProducerBatch>,
        response: &ProduceResponse,
        ctx: &mut Ctx<'_>,
    ) {
        assert_eq!(
            batches.len(),
            response.partitions.len(),
            "every partition of a request is answered"
        );
        for (batch, answer) in batches.into_iter().zip(&response.partitions) {
            assert_eq!(
                batch.partition, answer.partition,
                "partitions are answered in the request's order"
            );
            self.complete(batch, answer, ctx);
            if let Some((leader, epoch)) = answer.current_leader {
                self.metadata.update_leader(answer.partition, leader, epoch);
            }
        }
    }

    fn complete(
        &mut self,
        batch: ProducerBatch,
        answer: &ProducePartitionResponse,
        ctx: &mut Ctx<'_>,
    ) {
        match answer.error {
            ErrorCode::None => self.acknowledged(batch, answer.base_offset, ctx),
            ErrorCode::MessageTooLarge if batch.batch.count() > 1 && !batch.is_done() => {
                ctx.probe(Probe::BatchSplit);
                self.unmute(batch.partition);
                self.accumulator.split(batch);
            }
            error => self.attempt_failed(batch, error, true, ctx),
        }
    }

    fn acknowledged(
        &mut self,
        mut batch: ProducerBatch,
        base_offset: Option<Offset>,
        ctx: &mut Ctx<'_>,
    ) {
        self.unmute(batch.partition);
        if self.acked_order.is_reordered(&batch, base_offset) {
            ctx.probe(Probe::ReorderedByRetry);
        }
        if !batch.is_done() {
            let outcome = batch.succeed(base_offset);
            self.report(&batch, outcome, ctx);
        }
        self.accumulator.release(&batch);
    }

    /// An attempt ended with an error: tries again, or tells the application.
    fn attempt_failed(
        &mut self,
        mut batch: ProducerBatch,
        error: ErrorCode,
        was_written: bool,
        ctx: &mut Ctx<'_>,
    ) {
        self.unmute(batch.partition);
        if error.invalidates_metadata() {
            self.metadata.request_refresh();
        }
        if batch.is_done() {
            self.accumulator.release(&batch);
            return;
        }
        batch.attempt_failed(
            error,
            was_written && !self.mutation.is(Mutant::ClassifyTimeoutAsFailed),
        );
        if self.can_retry(&batch, error, ctx.now()) {
            self.retry(batch, ctx);
        } else {
            let outcome = batch.fail(error);
            self.report(&batch, outcome, ctx);
            self.accumulator.release(&batch);
        }
    }

    fn can_retry(&self, batch: &ProducerBatch, error: ErrorCode, now: Instant) -> bool {
        error.is_retriable()
            && batch.attempts < self.settings.retries
            && !batch.is_expired(self.settings.delivery_timeout, now)
    }

    fn retry(&mut self, batch: ProducerBatch, ctx: &mut Ctx<'_>) {
        ctx.probe(Probe::BatchRetried);
        let pause = self.settings.retry_backoff.after(batch.attempts + 1, ctx.random());
        self.accumulator.reenqueue(batch, ctx.now() + pause);
    }

    fn unmute(&mut self, partition: TopicPartition) {
        if self.settings.guarantees_order {
            self.accumulator.unmute(partition);
        }
    }

    fn report(&mut self, batch: &ProducerBatch, outcome: Outcome, ctx: &mut Ctx<'_>) {
        self.outstanding -= batch.batch.count();
        for (place, record) in (0..).zip(batch.batch.records.iter()) {
            let RecordValue::Data(record) = record.value else {
                unreachable!("a producer sends data")
            };
            ctx.note(match outcome {
                Outcome::Ok(base_offset) => {
                    Note::SendOk { record, offset: base_offset.map(|base| base + place) }
                }
                Outcome::Failed(error) => Note::SendFailed { record, error },
                Outcome::Unknown(error) => Note::SendUnknown { record, error },
            });
        }
    }

    /// Does whatever is due: gives up requests and batches that took too long, asks for metadata, sends what is ready.
    /// `is_flushing` is whether lingering is of no use.
    pub fn run(&mut self, is_flushing: bool, ctx: &mut Ctx<'_>) {
        self.connections.housekeep(ctx);
        while let Some((_, in_flight)) = self.connections.time_out(ctx) {
            ctx.probe(Probe::RequestTimedOut);
            self.disconnected(in_flight, ErrorCode::RequestTimedOut, ctx);
        }
        self.send_ready(is_flushing, ctx);
        self.expire(ctx);
        refresh_if_due(&mut self.metadata, &mut self.connections, InFlight::Metadata, ctx);
    }

    /// When [`Sender::run`] has something to do again, if nothing happens before.
    pub fn next_deadline(&self, is_flushing: bool, now: Instant) -> Instant {
        let refresh_at = Some(self.metadata.next_refresh_at()).filter(|&at| at > now);
        let ready_at = self.accumulator.partitions().filter_map(|partition| {
            match self.accumulator.readiness(
                partition,
                self.leader_epoch(partition),
                is_flushing,
                now,
            ) {
                Readiness::At(at) => Some(at),
                Readiness::Now | Readiness::Idle => None,
            }
        });
        let expiry_at = self.accumulator.next_expiry_at().min(self.next_in_flight_expiry_at);
        ready_at
            .chain(refresh_at)
            .fold(self.connections.next_deadline().min(expiry_at), Instant::min)
    }

    fn leader_epoch(&self, partition: TopicPartition) -> LeaderEpoch {
        self.metadata
            .leader_and_epoch(partition)
            .map_or(LeaderEpoch::default(), |known| known.epoch)
    }

    fn send_ready(&mut self, is_flushing: bool, ctx: &mut Ctx<'_>) {
        for index in 0..self.accumulator.partition_count() {
            let partition = self.accumulator.partition(index);
            while let Some(leader) = self.ready_leader(partition, is_flushing, ctx) {
                self.send_to(leader, index, ctx);
            }
        }
    }

    /// The leader that the partition's head can be sent to now.
    fn ready_leader(
        &mut self,
        partition: TopicPartition,
        is_flushing: bool,
        ctx: &mut Ctx<'_>,
    ) -> Option<BrokerId> {
        let epoch = self.leader_epoch(partition);
        if self.accumulator.readiness(partition, epoch, is_flushing, ctx.now()) != Readiness::Now {
            return None;
        }
        match self.metadata.leader(partition) {
            Some((leader, _)) => {
                self.connections.ready(Destination::Broker(leader), ctx).then_some(leader)
            }
            None => {
                self.metadata.request_refresh();
                None
            }
        }
    }

    /// Sends one request with the head of every partition of this leader, ready or not, as far as they fit; that of
    /// partition number `first` comes first.
    fn send_to(&mut self, leader: BrokerId, first: usize, ctx: &mut Ctx<'_>) {
        let batches = self.drain(leader, first, ctx.now());
        let request = Request::Produce(Box::new(ProduceRequest {
            acks: self.settings.acks,
            timeout: self.settings.request_timeout,
            batches: batches.iter().map(|batch| (batch.partition, batch.batch.clone())).collect(),
        }));
        let to = Destination::Broker(leader);
        if self.settings.acks == RequiredAcks::Zero {
            let is_written = self.connections.send_one_way(to, request, ctx);
            batches.into_iter().for_each(|batch| self.written(batch, is_written, ctx));
        } else if let Err(InFlight::Produce(batches)) =
            self.connections.send(to, request, InFlight::Produce(batches), ctx)
        {
            batches.into_iter().for_each(|batch| self.written(batch, false, ctx));
        }
    }

    fn drain(&mut self, leader: BrokerId, first: usize, now: Instant) -> Vec<ProducerBatch> {
        let count = self.accumulator.partition_count();
        let mut room_bytes = self.settings.max_request_size;
        let mut batches = Vec::new();
        for index in (first..count).chain(0..first) {
            let partition = self.accumulator.partition(index);
            let Some((_, epoch)) =
                self.metadata.leader(partition).filter(|&(broker, _)| broker == leader)
            else {
                continue;
            };
            // A single batch goes out whatever its size: `send()` has checked the record's.
            let max_bytes = if batches.is_empty() { u32::MAX } else { room_bytes };
            if let Some(batch) = self.accumulator.drain(partition, epoch, max_bytes, now) {
                room_bytes = room_bytes.saturating_sub(batch.batch.size_bytes);
                self.sent(&batch);
                batches.push(batch);
            }
        }
        batches
    }

    fn sent(&mut self, batch: &ProducerBatch) {
        let expires_at = batch.created_at + self.settings.delivery_timeout;
        self.next_in_flight_expiry_at = self.next_in_flight_expiry_at.min(expires_at);
        if self.settings.guarantees_order {
            self.accumulator.mute(batch.partition);
        }
    }

    /// With acks=0 there is nothing to wait for once a request is written (PB6).
    fn written(&mut self, batch: ProducerBatch, is_written: bool, ctx: &mut Ctx<'_>) {
        if is_written {
            self.acknowledged(batch, None, ctx);
        } else {
            self.attempt_failed(batch, ErrorCode::NetworkException, false, ctx);
        }
    }

    /// Gives up the batches whose time for delivery is over, in flight first.
    fn expire(&mut self, ctx: &mut Ctx<'_>) {
        self.expire_in_flight(ctx);
        for mut batch in self.accumulator.expire(ctx.now()) {
            ctx.probe(Probe::BatchExpiredInQueue);
            let outcome = batch.expire(false);
            self.report(&batch, outcome, ctx);
            self.accumulator.release(&batch);
        }
    }

    /// The request is not called back: its answer, if one comes, only frees the memory.
    fn expire_in_flight(&mut self, ctx: &mut Ctx<'_>) {
        let (now, timeout) = (ctx.now(), self.settings.delivery_timeout);
        if now < self.next_in_flight_expiry_at {
            return;
        }
        let is_unknown = !self.mutation.is(Mutant::ClassifyTimeoutAsFailed);
        let mut expired = Vec::new();
        self.next_in_flight_expiry_at = Instant::NEVER;
        for batch in self
            .connections
            .in_flight_mut()
            .flat_map(InFlight::batches)
            .filter(|batch| !batch.is_done())
        {
            if batch.is_expired(timeout, now) {
                let outcome = batch.expire(is_unknown);
                expired.push((batch.clone(), outcome));
            } else {
                self.next_in_flight_expiry_at =
                    self.next_in_flight_expiry_at.min(batch.created_at + timeout);
            }
        }
        for (batch, outcome) in expired {
            ctx.probe(Probe::BatchExpiredInFlight);
            self.report(&batch, outcome, ctx);
        }
    }
}

impl InFlight {
    fn batches(&mut self) -> &mut [ProducerBatch] {
        match self {
            InFlight::Metadata => &mut [],
            InFlight::Produce(batches) => batches,
        }
    }
}

impl SenderSettings {
    fn new(config: &ProducerConfig) -> Self {
        SenderSettings {
            acks: match config.acks {
                Acks::Zero => RequiredAcks::Zero,
                Acks::One => RequiredAcks::One,
                Acks::All => RequiredAcks::All,
            },
            retries: config.retries,
            retry_backoff: ExponentialBackoff::from_millis(
                config.retry_backoff_ms,
                config.retry_backoff_max_ms,
            ),
            request_timeout: Duration::from_millis(config.request_timeout_ms),
            delivery_timeout: Duration::from_millis(config.delivery_timeout_ms),
            max_request_size: config.max_request_size,
            guarantees_order: config.max_in_flight_requests_per_connection == 1,
        }
    }
}

fn accumulator_settings(config: &ProducerConfig) -> AccumulatorSettings {
    AccumulatorSettings {
        batch_size: config.batch_size,
        linger: Duration::from_millis(config.linger_ms),
        buffer_memory: config.buffer_memory,
        delivery_timeout: Duration::from_millis(config.delivery_timeout_ms),
    }
}
