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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::scripted::{ORDERS, ORDERS_0, at};
    use crate::ids::RecordId;
    use crate::record::RecordValue;

    const EPOCH: LeaderEpoch = LeaderEpoch(1);
    /// Three records of 100 bytes fill a batch.
    const SETTINGS: AccumulatorSettings = AccumulatorSettings {
        batch_size: BATCH_OVERHEAD_BYTES + 300,
        linger: Duration::from_millis(10),
        buffer_memory: 4 * (BATCH_OVERHEAD_BYTES as u64 + 300),
        delivery_timeout: Duration::from_secs(1),
    };

    fn accumulator() -> Accumulator {
        Accumulator::new(SETTINGS, [(ORDERS, 1)])
    }

    fn record(id: u64) -> Record {
        Record {
            key: None,
            value: RecordValue::Data(RecordId(id)),
            size_bytes: 100,
            timestamp_ms: 0,
        }
    }

    fn append(accumulator: &mut Accumulator, ids: std::ops::Range<u64>, now: Instant) -> usize {
        ids.take_while(|&id| accumulator.append(ORDERS_0, record(id), now)).count()
    }

    fn drain(accumulator: &mut Accumulator, now: Instant) -> Option<ProducerBatch> {
        accumulator.drain(ORDERS_0, EPOCH, u32::MAX, now)
    }

    fn ids(batch: &ProducerBatch) -> Vec<u64> {
        let id = |record: &Record| match record.value {
            RecordValue::Data(id) => id.0,
            RecordValue::OffsetCommit(_) => unreachable!(),
        };
        batch.batch.records.iter().map(id).collect()
    }

    /// PB1.
    #[test]
    fn a_batch_is_ready_when_it_is_full_or_has_lingered_or_lingering_is_of_no_use() {
        let mut accumulator = accumulator();
        let readiness = |accumulator: &Accumulator, now, is_flushing| {
            accumulator.readiness(ORDERS_0, EPOCH, is_flushing, now)
        };
        assert_eq!(readiness(&accumulator, at(0), true), Readiness::Idle);
        append(&mut accumulator, 0..2, at(5));
        assert_eq!(readiness(&accumulator, at(5), false), Readiness::At(at(15)));
        assert_eq!(readiness(&accumulator, at(15), false), Readiness::Now);
        assert_eq!(readiness(&accumulator, at(5), true), Readiness::Now);
        append(&mut accumulator, 2..3, at(5));
        assert_eq!(readiness(&accumulator, at(5), false), Readiness::Now);
    }

    /// PB3, KIP-580, KIP-951.
    #[test]
    fn a_failed_batch_goes_first_after_its_pause_or_to_a_new_leader_at_once() {
        let mut accumulator = accumulator();
        append(&mut accumulator, 0..6, at(0));
        let failed = drain(&mut accumulator, at(0)).unwrap();
        accumulator.reenqueue(failed, at(100));
        assert_eq!(accumulator.readiness(ORDERS_0, EPOCH, false, at(99)), Readiness::At(at(100)));
        assert!(drain(&mut accumulator, at(99)).is_none(), "what is behind it waits, too");
        assert_eq!(accumulator.readiness(ORDERS_0, EPOCH.next(), false, at(1)), Readiness::Now);
        let retried = drain(&mut accumulator, at(100)).unwrap();
        assert_eq!((ids(&retried), retried.attempts), (vec![0, 1, 2], 1));
    }

    #[test]
    fn two_batches_that_fail_one_after_the_other_come_back_reversed() {
        let mut accumulator = accumulator();
        append(&mut accumulator, 0..6, at(0));
        let in_flight =
            [drain(&mut accumulator, at(0)).unwrap(), drain(&mut accumulator, at(0)).unwrap()];
        in_flight.into_iter().for_each(|batch| accumulator.reenqueue(batch, at(0)));
        assert_eq!(ids(&drain(&mut accumulator, at(0)).unwrap()), [3, 4, 5]);
    }

    #[test]
    fn a_muted_partition_sends_nothing() {
        let mut accumulator = accumulator();
        append(&mut accumulator, 0..6, at(0));
        accumulator.mute(ORDERS_0);
        assert_eq!(accumulator.readiness(ORDERS_0, EPOCH, true, at(50)), Readiness::Idle);
        assert!(drain(&mut accumulator, at(50)).is_none());
        accumulator.unmute(ORDERS_0);
        assert!(drain(&mut accumulator, at(50)).is_some());
    }

    #[test]
    fn memory_is_taken_per_batch_and_given_back() {
        let mut accumulator = accumulator();
        assert_eq!(append(&mut accumulator, 0..20, at(0)), 12, "four batches of three records");
        let batch = drain(&mut accumulator, at(0)).unwrap();
        assert_eq!(append(&mut accumulator, 12..20, at(0)), 0, "in flight it is still taken");
        accumulator.release(&batch);
        assert_eq!(append(&mut accumulator, 12..20, at(0)), 3);
    }

    /// PB4.
    #[test]
    fn what_waits_for_longer_than_the_delivery_timeout_expires() {
        let mut accumulator = accumulator();
        append(&mut accumulator, 0..3, at(0));
        append(&mut accumulator, 3..4, at(400));
        assert_eq!(accumulator.next_expiry_at(), at(1_000));
        assert!(accumulator.expire(at(999)).is_empty());
        assert_eq!(accumulator.expire(at(1_000)).iter().map(ids).collect::<Vec<_>>(), [[0, 1, 2]]);
        assert_eq!(accumulator.next_expiry_at(), at(1_400));
        assert_eq!(
            accumulator.expire(at(1_400)).iter().map(ids).collect::<Vec<_>>(),
            [[3]],
            "open or not"
        );
        assert_eq!(accumulator.next_expiry_at(), Instant::NEVER);
    }

    /// PB7.
    #[test]
    fn a_batch_that_cannot_be_cut_at_batch_size_is_halved() {
        let mut accumulator = accumulator();
        append(&mut accumulator, 0..3, at(0));
        let batch = drain(&mut accumulator, at(0)).unwrap();
        accumulator.split(batch);
        let parts =
            [drain(&mut accumulator, at(0)).unwrap(), drain(&mut accumulator, at(0)).unwrap()];
        assert_eq!(parts.each_ref().map(ids), [vec![0, 1], vec![2]]);
        parts.iter().for_each(|part| accumulator.release(part));
        assert_eq!(append(&mut accumulator, 3..20, at(0)), 12, "all memory is free again");
    }

    /// What may happen to an accumulator.
    #[derive(Clone, Debug)]
    enum Step {
        Append,
        Drain,
        Fail(usize),
        Succeed(usize),
        Split(usize),
        Pass(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => Just(Step::Append),
            3 => Just(Step::Drain),
            1 => (0_usize..4).prop_map(Step::Fail),
            1 => (0_usize..4).prop_map(Step::Succeed),
            1 => (0_usize..4).prop_map(Step::Split),
            1 => (0_u64..300).prop_map(Step::Pass),
        ]
    }

    /// An accumulator under random steps, with everything that left it.
    struct Walk {
        accumulator: Accumulator,
        now: Instant,
        appended: u64,
        in_flight: Vec<ProducerBatch>,
        done: Vec<u64>,
    }

    impl Walk {
        fn take(&mut self, step: &Step) {
            match *step {
                Step::Append => {
                    let is_appended =
                        self.accumulator.append(ORDERS_0, record(self.appended), self.now);
                    self.appended += u64::from(is_appended);
                }
                Step::Drain => self.in_flight.extend(drain(&mut self.accumulator, self.now)),
                Step::Fail(nth) => {
                    if let Some(batch) = self.take_in_flight(nth) {
                        self.accumulator.reenqueue(batch, self.now + Duration::from_millis(20));
                    }
                }
                Step::Succeed(nth) => {
                    if let Some(batch) = self.take_in_flight(nth) {
                        self.finish(&batch);
                    }
                }
                Step::Split(nth) => {
                    if let Some(batch) = self.take_in_flight(nth) {
                        if batch.batch.count() > 1 {
                            self.accumulator.split(batch)
                        } else {
                            self.finish(&batch)
                        }
                    }
                }
                Step::Pass(millis) => {
                    self.now += Duration::from_millis(millis);
                    let expired = self.accumulator.expire(self.now);
                    expired.iter().for_each(|batch| self.finish(batch));
                }
            }
        }

        fn take_in_flight(&mut self, nth: usize) -> Option<ProducerBatch> {
            (nth < self.in_flight.len()).then(|| self.in_flight.remove(nth))
        }

        fn finish(&mut self, batch: &ProducerBatch) {
            self.accumulator.release(batch);
            self.done.extend(ids(batch));
        }
    }

    proptest! {
        #[test]
        fn every_record_leaves_exactly_once_and_all_memory_comes_back(steps in prop::collection::vec(step(), 0..200)) {
            let mut walk =
                Walk { accumulator: accumulator(), now: at(0), appended: 0, in_flight: Vec::new(), done: Vec::new() };
            steps.iter().for_each(|step| walk.take(step));
            std::mem::take(&mut walk.in_flight).iter().for_each(|batch| walk.finish(batch));
            walk.take(&Step::Pass(10_000));
            walk.done.sort_unstable();
            prop_assert_eq!(walk.done, (0..walk.appended).collect::<Vec<_>>());
            prop_assert_eq!(walk.accumulator.reserved_bytes, 0);
            prop_assert_eq!(walk.accumulator.next_expiry_at(), Instant::NEVER);
        }

        #[test]
        fn without_failures_records_leave_in_order(appends in prop::collection::vec(0_u64..30, 1..100)) {
            let mut walk =
                Walk { accumulator: accumulator(), now: at(0), appended: 0, in_flight: Vec::new(), done: Vec::new() };
            for pause_ms in appends {
                walk.now += Duration::from_millis(pause_ms);
                walk.take(&Step::Append);
                if walk.accumulator.readiness(ORDERS_0, EPOCH, false, walk.now) == Readiness::Now {
                    walk.take(&Step::Drain);
                    walk.take(&Step::Succeed(0));
                }
            }
            prop_assert!(walk.done.is_sorted());
            prop_assert!(walk.in_flight.is_empty());
        }
    }
}
