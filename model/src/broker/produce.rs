//! Produce requests: append, then wait for what `acks` asks for. As `ReplicaManager.appendRecords` and `DelayedProduce`.
//!
//! ```text
//! acks=0    append                                          no answer; on an error the broker hangs up
//! acks=1    append -- [flush, if flush.messages asks] ----> answer
//! acks=all  append -- [flush] -- high watermark passes it -> answer, or REQUEST_TIMED_OUT (the records stay)
//! ```

use ktrial_sim::time::Instant;

use super::Broker;
use super::partition::Partition;
use super::request_channel::ReplyTo;
use crate::error_code::ErrorCode;
use crate::ids::{Offset, TopicPartition};
use crate::log::FlushRound;
use crate::message::{
    ProducePartitionResponse, ProduceRequest, ProduceResponse, RequiredAcks, Response,
};
use crate::note::Note;
use crate::probe::Probe;
use crate::process::Ctx;
use crate::record::Batch;

/// A produce request that was appended as far as possible and is not answered yet.
#[derive(Clone, Debug)]
pub struct DelayedProduce {
    reply: ReplyTo,
    acks: RequiredAcks,
    deadline: Instant,
    partitions: Vec<ProduceStatus>,
}

/// What is known of one partition's batch.
#[derive(Copy, Clone, Debug)]
struct ProduceStatus {
    partition: TopicPartition,
    outcome: Outcome,
}

#[derive(Copy, Clone, Debug)]
enum Outcome {
    Failed(ErrorCode),
    Appended { base_offset: Offset, required: Offset, flush: Option<FlushRound>, acked: bool },
}

impl ProduceStatus {
    fn is_decided(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_) | Outcome::Appended { acked: true, .. })
    }
}

impl DelayedProduce {
    /// When the producer is told that it took too long.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }
}

impl Broker {
    /// Appends every batch (W1-W5) and answers at once or later.
    pub(super) fn produce(&mut self, reply: ReplyTo, request: ProduceRequest, ctx: &mut Ctx<'_>) {
        let deadline = ctx.now() + request.timeout;
        let append = |(partition, batch): &(TopicPartition, Batch)| ProduceStatus {
            partition: *partition,
            outcome: self.append(*partition, batch, request.acks, ctx),
        };
        let partitions: Vec<ProduceStatus> = request.batches.iter().map(append).collect();
        let mut delayed = DelayedProduce { reply, acks: request.acks, deadline, partitions };
        if self.is_produce_complete(&mut delayed, ctx) {
            self.answer_produce(&delayed, ctx);
        } else {
            self.produce_purgatory.push(delayed);
            self.is_purgatory_deadline_stale = true;
        }
    }

    fn append(
        &mut self,
        name: TopicPartition,
        batch: &Batch,
        acks: RequiredAcks,
        ctx: &mut Ctx<'_>,
    ) -> Outcome {
        let Some(partition) = self.partitions.get_mut(name) else {
            return Outcome::Failed(ErrorCode::UnknownTopicOrPartition);
        };
        match partition.append_records_to_leader(batch, acks, self.control.cache(), ctx) {
            Ok(append) => {
                self.changes.appended(name);
                self.changes.high_watermark(name, append.high_watermark_advanced);
                Outcome::Appended {
                    base_offset: append.info.base_offset,
                    required: append.info.next_offset,
                    flush: append.info.flush,
                    acked: false,
                }
            }
            Err(error) => Outcome::Failed(self.halted_by(error, ctx)),
        }
    }

    /// Looks at delayed requests again: something moved.
    pub(super) fn check_delayed_produces(&mut self, ctx: &mut Ctx<'_>) {
        let mut purgatory = std::mem::take(&mut self.produce_purgatory);
        let mut index = 0;
        while index < purgatory.len() {
            if self.is_produce_complete(&mut purgatory[index], ctx) {
                self.answer_produce(&purgatory.swap_remove(index), ctx);
            } else {
                index += 1;
            }
        }
        self.produce_purgatory = purgatory;
    }

    /// Whether every partition's fate is known, as far as the producer wants to know it.
    fn is_produce_complete(&self, delayed: &mut DelayedProduce, ctx: &mut Ctx<'_>) -> bool {
        for status in &mut delayed.partitions {
            let Outcome::Appended { required, flush, acked: acked @ false, .. } =
                &mut status.outcome
            else {
                continue;
            };
            let partition = self.partitions.get(status.partition).expect("it was appended to");
            if flush.is_some_and(|round| !partition.log().has_flushed(round)) {
                continue;
            }
            if delayed.acks != RequiredAcks::All {
                *acked = true;
                continue;
            }
            match partition.check_enough_replicas_reach(*required) {
                Some(Ok(())) => {
                    *acked = true;
                    ctx.note(acks_all_completed(partition, *required));
                }
                Some(Err(error)) => {
                    if error == ErrorCode::NotLeaderOrFollower {
                        ctx.probe(Probe::ProduceLostLeader);
                    }
                    status.outcome = Outcome::Failed(error);
                }
                None => {}
            }
        }
        delayed.partitions.iter().all(ProduceStatus::is_decided)
    }

    fn answer_produce(&mut self, delayed: &DelayedProduce, ctx: &mut Ctx<'_>) {
        if delayed.acks == RequiredAcks::Zero {
            let has_failed = delayed
                .partitions
                .iter()
                .any(|status| matches!(status.outcome, Outcome::Failed(_)));
            if has_failed {
                self.channels.disconnect(delayed.reply, ctx);
            } else {
                self.channels.unmute(delayed.reply);
            }
            return;
        }
        let partitions = delayed.partitions.iter().map(|status| self.partition_response(status));
        let response = ProduceResponse { partitions: partitions.collect() };
        self.channels.respond(delayed.reply, Response::Produce(response), ctx);
    }

    fn partition_response(&self, status: &ProduceStatus) -> ProducePartitionResponse {
        let (error, base_offset) = match status.outcome {
            Outcome::Appended { base_offset, acked: true, .. } => {
                (ErrorCode::None, Some(base_offset))
            }
            Outcome::Appended { acked: false, .. } => (ErrorCode::RequestTimedOut, None),
            Outcome::Failed(error) => (error, None),
        };
        let current_leader = (error == ErrorCode::NotLeaderOrFollower)
            .then(|| self.partitions.get(status.partition)?.current_leader())
            .flatten();
        ProducePartitionResponse { partition: status.partition, error, base_offset, current_leader }
    }

    /// Answers what has waited for too long: whatever is not acknowledged by now timed out, and stays in the log.
    pub(super) fn expire_delayed_produces(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let purgatory = std::mem::take(&mut self.produce_purgatory);
        let (expired, waiting): (Vec<_>, Vec<_>) =
            purgatory.into_iter().partition(|delayed| delayed.deadline <= now);
        self.produce_purgatory = waiting;
        for delayed in expired {
            ctx.probe(Probe::ProduceTimedOut);
            self.answer_produce(&delayed, ctx);
        }
    }
}

fn acks_all_completed(partition: &Partition, required_offset: Offset) -> Note {
    Note::AcksAllCompleted {
        partition: partition.partition(),
        required_offset,
        high_watermark: partition.log().high_watermark(),
        maximal_isr: partition.in_sync_replicas().maximal_len() as u32,
        min_isr: partition.effective_min_isr() as u32,
    }
}
