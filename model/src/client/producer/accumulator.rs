//! Where records wait to be sent: a queue of batches per partition. As Kafka's `RecordAccumulator`.
//!
//! ```text
//!   retried batches      full batches       open batch
//!   [b7 b8]              [b9 b10]           [b11 ...]  <- records
//!   head: next to be sent, and where a failed batch returns to
//! ```
//!
//! A failed batch goes back to the head, but the batches behind it that are in flight are not called back: this is how a
//! retry reorders records (PB3). While the head waits out its backoff, nothing of its partition is sent.

use std::collections::VecDeque;
use std::sync::Arc;

use ktrial_sim::time::{Duration, Instant};

use crate::client::producer::batch::ProducerBatch;
use crate::ids::{LeaderEpoch, TopicId, TopicPartition};
use crate::record::{BATCH_OVERHEAD_BYTES, Batch, Record};

/// The settings of an accumulator.
#[derive(Copy, Clone, Debug)]
pub struct AccumulatorSettings {
    /// `batch.size`, in bytes.
    pub batch_size: u32,
    /// `linger.ms`.
    pub linger: Duration,
    /// `buffer.memory`, in bytes.
    pub buffer_memory: u64,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
}

/// All records that are neither in flight nor done.
#[derive(Clone, Debug)]
pub struct Accumulator {
    settings: AccumulatorSettings,
    queues: Vec<PartitionQueue>,
    /// The first queue of each topic.
    topics: Vec<(TopicId, usize)>,
    /// Bytes of `buffer.memory` that are taken, in flight included.
    reserved_bytes: u64,
    /// Lower bound of when a waiting batch expires.
    next_expiry_at: Instant,
}

#[derive(Clone, Debug)]
struct PartitionQueue {
    partition: TopicPartition,
    closed: VecDeque<ProducerBatch>,
    open: OpenBatch,
    next_sequence: u64,
    /// A batch is in flight and order must be kept (`max.in.flight.requests.per.connection` = 1).
    is_muted: bool,
}

/// The batch that records are added to; its memory is used again for the next one.
#[derive(Clone, Debug, Default)]
struct OpenBatch {
    records: Vec<Record>,
    size_bytes: u32,
    created_at: Instant,
    reserved_bytes: u64,
}

/// Whether the head of a partition's queue can be sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Readiness {
    /// Nothing to send, or a batch in flight that must be answered first.
    Idle,
    /// Not before this instant.
    At(Instant),
    /// Now.
    Now,
}

impl Accumulator {
    /// Empty queues for these topics with their numbers of partitions.
    pub fn new(
        settings: AccumulatorSettings,
        topics: impl IntoIterator<Item = (TopicId, u16)>,
    ) -> Self {
        let mut accumulator = Accumulator {
            settings,
            queues: Vec::new(),
            topics: Vec::new(),
            reserved_bytes: 0,
            next_expiry_at: Instant::NEVER,
        };
        for (topic, partitions) in topics {
            accumulator.add_topic(topic, partitions);
        }
        accumulator
    }

    fn add_topic(&mut self, topic: TopicId, partitions: u16) {
        if self.topics.iter().all(|&(known, _)| known != topic) {
            self.topics.push((topic, self.queues.len()));
            self.queues.extend(
                (0..partitions)
                    .map(|number| PartitionQueue::new(TopicPartition::new(topic, number))),
            );
        }
    }

    /// Whether every partition of the topic has had a record.
    pub fn has_seen_every_partition(&self, topic: TopicId) -> bool {
        let mut queues = self.queues.iter().filter(|queue| queue.partition.topic == topic);
        queues.all(|queue| queue.next_sequence > 0 || !queue.open.records.is_empty())
    }

    /// How many batches of the partition wait.
    pub fn queue_length(&self, partition: TopicPartition) -> u32 {
        let queue = self.queue(partition);
        queue.closed.len() as u32 + u32::from(!queue.open.records.is_empty())
    }

    /// Every partition that records may wait for.
    pub fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        self.queues.iter().map(|queue| queue.partition)
    }

    /// How many partitions that are.
    pub fn partition_count(&self) -> usize {
        self.queues.len()
    }

    /// The one at `index` of them.
    pub fn partition(&self, index: usize) -> TopicPartition {
        self.queues[index].partition
    }

    /// Whether the partition has no batch that waits for more records.
    pub fn is_batch_complete(&self, partition: TopicPartition) -> bool {
        let open = &self.queue(partition).open;
        open.records.is_empty() || open.size_bytes >= self.settings.batch_size
    }

    /// Adds a record to its partition's open batch, or begins a new one. False, and nothing done, if `buffer.memory` is
    /// exhausted.
    pub fn append(&mut self, partition: TopicPartition, record: Record, now: Instant) -> bool {
        let settings = self.settings;
        let queue = self.queue(partition);
        if !queue.open.has_room_for(&record, settings.batch_size) {
            let reserved_bytes =
                u64::from(settings.batch_size.max(BATCH_OVERHEAD_BYTES + record.size_bytes));
            if self.reserved_bytes + reserved_bytes > settings.buffer_memory {
                return false;
            }
            self.reserved_bytes += reserved_bytes;
            self.next_expiry_at = self.next_expiry_at.min(now + settings.delivery_timeout);
            let queue = self.queue_mut(partition);
            queue.close();
            queue.open.begin(now, reserved_bytes);
        }
        self.queue_mut(partition).open.push(record);
        true
    }

    /// Whether the partition's head can be sent to a leader of this epoch. `is_flushing` is whether lingering is of no
    /// use: memory is exhausted, or the producer closes.
    pub fn readiness(
        &self,
        partition: TopicPartition,
        leader_epoch: LeaderEpoch,
        is_flushing: bool,
        now: Instant,
    ) -> Readiness {
        let queue = self.queue(partition);
        if queue.is_muted {
            return Readiness::Idle;
        }
        match queue.closed.front() {
            Some(head) if head.is_backing_off(leader_epoch, now) => Readiness::At(head.retry_at),
            Some(_) => Readiness::Now,
            None => queue.open.readiness(&self.settings, is_flushing, now),
        }
    }

    /// Takes the partition's head to send it to a leader of this epoch, ready or not, if it is allowed out at all and is
    /// not larger than `max_bytes`.
    pub fn drain(
        &mut self,
        partition: TopicPartition,
        leader_epoch: LeaderEpoch,
        max_bytes: u32,
        now: Instant,
    ) -> Option<ProducerBatch> {
        let queue = self.queue_mut(partition);
        if queue.is_muted {
            return None;
        }
        if queue.closed.is_empty() {
            queue.close();
        }
        let head = queue.closed.front()?;
        if head.is_backing_off(leader_epoch, now) || head.batch.size_bytes > max_bytes {
            return None;
        }
        let mut batch = queue.closed.pop_front()?;
        batch.attempted_epoch = leader_epoch;
        Some(batch)
    }

    /// Puts a failed batch back to the head of its queue, not to be sent before `retry_at`.
    pub fn reenqueue(&mut self, mut batch: ProducerBatch, retry_at: Instant) {
        batch.attempts += 1;
        batch.retry_at = retry_at;
        self.next_expiry_at =
            self.next_expiry_at.min(batch.created_at + self.settings.delivery_timeout);
        self.queue_mut(batch.partition).closed.push_front(batch);
    }

    /// Cuts a batch that a broker found too large into batches of at most `batch.size` bytes (at least one record each)
    /// and puts them back to the head in order (PB7, `RecordAccumulator.splitAndReenqueue`).
    ///
    /// # Panics
    /// If there is only one record.
    pub fn split(&mut self, batch: ProducerBatch) {
        assert!(batch.batch.count() > 1, "one record cannot be split");
        let mut parts = split_records(&batch.batch.records, self.settings.batch_size);
        if parts.len() == 1 {
            let whole = parts.remove(0);
            parts.extend(whole.chunks(whole.len().div_ceil(2)).map(<[Record]>::to_vec));
        }
        self.release(&batch);
        self.next_expiry_at =
            self.next_expiry_at.min(batch.created_at + self.settings.delivery_timeout);
        for records in parts.into_iter().rev() {
            let part = Batch::new(records.into());
            let reserved_bytes = u64::from(part.size_bytes);
            self.reserved_bytes += reserved_bytes;
            self.queue_mut(batch.partition).closed.push_front(batch.part(part, reserved_bytes));
        }
    }

    /// Nothing of the partition is sent until [`Accumulator::unmute`].
    pub fn mute(&mut self, partition: TopicPartition) {
        self.queue_mut(partition).is_muted = true;
    }

    /// The partition's batch in flight is answered.
    pub fn unmute(&mut self, partition: TopicPartition) {
        self.queue_mut(partition).is_muted = false;
    }

    /// The batch is done and its memory free.
    ///
    /// # Panics
    /// If more is freed than was taken.
    pub fn release(&mut self, batch: &ProducerBatch) {
        let left = self.reserved_bytes.checked_sub(batch.reserved_bytes);
        self.reserved_bytes = left.expect("a batch gives back the memory it took");
    }

    /// When the next waiting batch expires, or earlier.
    pub fn next_expiry_at(&self) -> Instant {
        self.next_expiry_at
    }

    /// Takes out the waiting batches whose time for delivery is over, from the head of each queue up to the first that
    /// still has time.
    pub fn expire(&mut self, now: Instant) -> Vec<ProducerBatch> {
        let mut expired = Vec::new();
        if now < self.next_expiry_at {
            return expired;
        }
        let delivery_timeout = self.settings.delivery_timeout;
        self.next_expiry_at = Instant::NEVER;
        for queue in &mut self.queues {
            queue.expire(delivery_timeout, now, &mut expired);
            self.next_expiry_at =
                self.next_expiry_at.min(queue.next_created_at() + delivery_timeout);
        }
        expired
    }

    fn index(&self, partition: TopicPartition) -> usize {
        let topic = self.topics.iter().find(|&&(topic, _)| topic == partition.topic);
        topic.expect("a record goes to a topic of the workload").1
            + usize::from(partition.partition)
    }

    fn queue(&self, partition: TopicPartition) -> &PartitionQueue {
        &self.queues[self.index(partition)]
    }

    fn queue_mut(&mut self, partition: TopicPartition) -> &mut PartitionQueue {
        let index = self.index(partition);
        &mut self.queues[index]
    }
}

impl PartitionQueue {
    fn new(partition: TopicPartition) -> Self {
        PartitionQueue {
            partition,
            closed: VecDeque::new(),
            open: OpenBatch::default(),
            next_sequence: 0,
            is_muted: false,
        }
    }

    /// The open batch takes no more records.
    fn close(&mut self) {
        if !self.open.records.is_empty() {
            let records: Arc<[Record]> = self.open.records.drain(..).collect();
            let (created_at, reserved_bytes) = (self.open.created_at, self.open.reserved_bytes);
            let batch = Batch::new(records);
            let sequence = self.next_sequence;
            self.next_sequence += 1;
            self.closed.push_back(ProducerBatch::new(
                self.partition,
                batch,
                sequence,
                created_at,
                reserved_bytes,
            ));
        }
    }

    fn next_created_at(&self) -> Instant {
        match self.closed.front() {
            Some(head) => head.created_at,
            None if self.open.records.is_empty() => Instant::NEVER,
            None => self.open.created_at,
        }
    }

    fn expire(
        &mut self,
        delivery_timeout: Duration,
        now: Instant,
        expired: &mut Vec<ProducerBatch>,
    ) {
        while now >= self.next_created_at() + delivery_timeout {
            if self.closed.is_empty() {
                self.close();
            }
            expired.extend(self.closed.pop_front());
        }
    }
}

impl OpenBatch {
    /// The first record of a batch is taken whatever its size.
    fn has_room_for(&self, record: &Record, batch_size: u32) -> bool {
        !self.records.is_empty() && self.size_bytes + record.size_bytes <= batch_size
    }

    fn begin(&mut self, now: Instant, reserved_bytes: u64) {
        assert!(self.records.is_empty(), "the batch before is closed");
        self.created_at = now;
        self.reserved_bytes = reserved_bytes;
        self.size_bytes = BATCH_OVERHEAD_BYTES;
    }

    fn push(&mut self, record: Record) {
        self.size_bytes += record.size_bytes;
        self.records.push(record);
    }

    fn readiness(
        &self,
        settings: &AccumulatorSettings,
        is_flushing: bool,
        now: Instant,
    ) -> Readiness {
        let lingers_until = self.created_at + settings.linger;
        if self.records.is_empty() {
            Readiness::Idle
        } else if is_flushing || self.size_bytes >= settings.batch_size || now >= lingers_until {
            Readiness::Now
        } else {
            Readiness::At(lingers_until)
        }
    }
}

fn split_records(records: &[Record], batch_size: u32) -> Vec<Vec<Record>> {
    let mut parts: Vec<Vec<Record>> = Vec::new();
    let mut size_bytes = u32::MAX;
    for record in records {
        size_bytes = size_bytes.saturating_add(record.size_bytes);
        match parts.last_mut() {
            Some(part) if size_bytes <= batch_size => part.push(*record),
            _ => {
                parts.push(vec![*record]);
                size_bytes = BATCH_OVERHEAD_BYTES + record.size_bytes;
            }
        }
    }
    parts
}
