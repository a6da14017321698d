//! A producer's batch on its way from the first record to the final answer, and what the application is told of it. As
//! Kafka's `ProducerBatch`.
//!
//! What the application is told is honest (PB4, PB8): "failed" only if the batch is in no log. An attempt whose answer
//! never came, or came with an error that leaves it open whether the batch was appended, taints the batch for good: if a
//! later attempt fails for certain, the earlier one may still be in the log.

use ktrial_sim::time::{Duration, Instant};

use crate::error_code::ErrorCode;
use crate::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::record::Batch;

/// What the application is told of every record of a batch.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Acknowledged; the offset of the batch's first record, or none with acks=0.
    Ok(Option<Offset>),
    /// Certainly in no log.
    Failed(ErrorCode),
    /// Perhaps in the log, perhaps more than once.
    Unknown(ErrorCode),
}

/// A batch that takes no more records.
#[derive(Clone, Debug)]
pub struct ProducerBatch {
    /// Where it goes.
    pub partition: TopicPartition,
    /// Its records.
    pub batch: Batch,
    /// The how-manyth batch of its partition it is; parts of a split batch share the number.
    pub sequence: u64,
    /// When its first record came: `delivery.timeout.ms` counts from here.
    pub created_at: Instant,
    /// How often it was put back after a failed attempt.
    pub attempts: u32,
    /// Not sent again before, unless the leader changed.
    pub retry_at: Instant,
    /// The leader's epoch at the last attempt.
    pub attempted_epoch: LeaderEpoch,
    /// What it takes of `buffer.memory`, in bytes.
    pub reserved_bytes: u64,
    maybe_appended: bool,
    is_done: bool,
}

impl ProducerBatch {
    /// A batch that was never sent.
    pub fn new(
        partition: TopicPartition,
        batch: Batch,
        sequence: u64,
        created_at: Instant,
        reserved_bytes: u64,
    ) -> Self {
        ProducerBatch {
            partition,
            batch,
            sequence,
            created_at,
            attempts: 0,
            retry_at: created_at,
            attempted_epoch: LeaderEpoch::default(),
            reserved_bytes,
            maybe_appended: false,
            is_done: false,
        }
    }

    /// The same history for some of the records: the batch was too large and is split.
    pub fn part(&self, batch: Batch, reserved_bytes: u64) -> Self {
        ProducerBatch { batch, reserved_bytes, ..self.clone() }
    }

    /// Whether the application has been told.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the time for delivery is over.
    pub fn is_expired(&self, delivery_timeout: Duration, now: Instant) -> bool {
        now >= self.created_at + delivery_timeout
    }

    /// Whether the batch has to wait before it is sent again. A new leader is tried at once (KIP-951).
    pub fn is_backing_off(&self, leader_epoch: LeaderEpoch, now: Instant) -> bool {
        self.attempts > 0 && now < self.retry_at && leader_epoch <= self.attempted_epoch
    }

    /// An attempt ended with an error. `was_written` is whether the request left the client at all.
    pub fn attempt_failed(&mut self, error: ErrorCode, was_written: bool) {
        self.maybe_appended |= was_written && error.leaves_produce_outcome_unknown();
    }

    /// The batch is given up with the error of its last attempt.
    pub fn fail(&mut self, error: ErrorCode) -> Outcome {
        self.end(if self.maybe_appended { Outcome::Unknown(error) } else { Outcome::Failed(error) })
    }

    /// The time for delivery is over. In flight, even a first attempt may have been appended.
    pub fn expire(&mut self, is_in_flight: bool) -> Outcome {
        self.maybe_appended |= is_in_flight;
        self.fail(ErrorCode::RequestTimedOut)
    }

    /// The batch is acknowledged.
    pub fn succeed(&mut self, base_offset: Option<Offset>) -> Outcome {
        self.end(Outcome::Ok(base_offset))
    }

    fn end(&mut self, outcome: Outcome) -> Outcome {
        assert!(!self.is_done, "the application is told once");
        self.is_done = true;
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{ORDERS_0, at};
    use crate::ids::RecordId;
    use crate::record::{Record, RecordValue};

    fn batch() -> ProducerBatch {
        let record = Record {
            key: None,
            value: RecordValue::Data(RecordId(0)),
            size_bytes: 100,
            timestamp_ms: 0,
        };
        ProducerBatch::new(ORDERS_0, Batch::new([record].into()), 0, at(0), 0)
    }

    /// V17: by each error of a first attempt, the outcome if the second is certain to have done nothing.
    #[test]
    fn an_attempt_taints_the_batch_unless_it_is_certain_that_nothing_was_appended() {
        use ErrorCode::*;
        for error in
            [NotLeaderOrFollower, RequestTimedOut, NetworkException, NotEnoughReplicasAfterAppend]
        {
            let mut batch = batch();
            batch.attempt_failed(error, true);
            assert_eq!(
                batch.fail(NotEnoughReplicas),
                Outcome::Unknown(NotEnoughReplicas),
                "after {error}"
            );
        }
        for error in [NotEnoughReplicas, UnknownTopicOrPartition, MessageTooLarge, CorruptMessage] {
            let mut batch = batch();
            batch.attempt_failed(error, true);
            assert_eq!(
                batch.fail(NotEnoughReplicas),
                Outcome::Failed(NotEnoughReplicas),
                "after {error}"
            );
        }
    }

    #[test]
    fn what_never_left_the_client_is_certain() {
        let mut batch = batch();
        batch.attempt_failed(ErrorCode::NetworkException, false);
        assert_eq!(
            batch.fail(ErrorCode::NetworkException),
            Outcome::Failed(ErrorCode::NetworkException)
        );
    }

    #[test]
    fn a_batch_expires_as_failed_in_the_queue_and_as_unknown_in_flight() {
        assert_eq!(batch().expire(false), Outcome::Failed(ErrorCode::RequestTimedOut));
        assert_eq!(batch().expire(true), Outcome::Unknown(ErrorCode::RequestTimedOut));
    }

    #[test]
    fn the_parts_of_a_split_batch_share_its_taint() {
        let mut whole = batch();
        whole.attempt_failed(ErrorCode::NetworkException, true);
        let mut part = whole.part(whole.batch.clone(), 0);
        assert_eq!(
            part.fail(ErrorCode::MessageTooLarge),
            Outcome::Unknown(ErrorCode::MessageTooLarge)
        );
    }

    #[test]
    #[should_panic(expected = "the application is told once")]
    fn an_outcome_is_final() {
        let mut batch = batch();
        batch.succeed(None);
        batch.fail(ErrorCode::RequestTimedOut);
    }
}
