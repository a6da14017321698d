//! Fetch requests of consumers and followers: read now, or wait for more. As `ReplicaManager.fetchMessages` and
//! `DelayedFetch`.
//!
//! A follower's progress counts when its request arrives (F4), not when a delayed one is read again on completion (F7).
//! A follower is not woken by a high watermark that moves alone: it learns of it with the next data, or when its wait is
//! over.

use std::sync::Arc;

use ktrial_sim::time::Instant;

use super::Broker;
use super::partition::{FetchParams, LogRead};
use super::request_channel::ReplyTo;
use crate::error_code::ErrorCode;
use crate::ids::{Offset, TopicPartition};
use crate::message::{
    FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse, Response,
};
use crate::probe::Probe;
use crate::process::Ctx;

/// A fetch that found too little and waits.
#[derive(Clone, Debug)]
pub struct DelayedFetch {
    reply: ReplyTo,
    request: Arc<FetchRequest>,
    deadline: Instant,
}

impl DelayedFetch {
    /// When it is answered with whatever there is.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    fn concerns(&self, partitions: &[TopicPartition]) -> bool {
        self.request.partitions.iter().any(|fetch| partitions.contains(&fetch.partition))
    }
}

/// The responses of all partitions so far.
struct FetchResult {
    partitions: Vec<FetchPartitionResponse>,
    bytes: u64,
    /// Something the fetcher should know at once, whatever the bytes.
    is_urgent: bool,
}

impl Broker {
    /// Reads what there is; answers if that is enough.
    pub(super) fn fetch(&mut self, reply: ReplyTo, request: Arc<FetchRequest>, ctx: &mut Ctx<'_>) {
        let result = self.read(&request, true, ctx);
        let is_enough = result.is_urgent
            || request.max_wait.is_zero()
            || request.partitions.is_empty()
            || result.bytes >= u64::from(request.min_bytes);
        if is_enough {
            self.answer_fetch(reply, result, ctx);
        } else {
            let deadline = ctx.now() + request.max_wait;
            self.fetch_purgatory.push(DelayedFetch { reply, request, deadline });
            self.is_purgatory_deadline_stale = true;
        }
    }

    fn read(
        &mut self,
        request: &FetchRequest,
        is_progress: bool,
        ctx: &mut Ctx<'_>,
    ) -> FetchResult {
        let mut result = FetchResult {
            partitions: Vec::with_capacity(request.partitions.len()),
            bytes: 0,
            is_urgent: false,
        };
        for fetch in &request.partitions {
            let left = u64::from(request.max_bytes).saturating_sub(result.bytes);
            let params = FetchParams {
                fetcher: request.fetcher,
                max_bytes: left as u32,
                is_one_wanted: result.bytes == 0,
                is_progress,
            };
            let response = self.read_partition(fetch, params, ctx);
            let batches = response.batches.iter();
            result.bytes += batches.map(|batch| u64::from(batch.size_bytes)).sum::<u64>();
            result.is_urgent |=
                response.error != ErrorCode::None || response.diverging_epoch.is_some();
            result.partitions.push(response);
        }
        result
    }

    fn read_partition(
        &mut self,
        fetch: &FetchPartition,
        params: FetchParams,
        ctx: &mut Ctx<'_>,
    ) -> FetchPartitionResponse {
        let name = fetch.partition;
        let read = match self.partitions.get_mut(name) {
            Some(partition) => partition.fetch_records(fetch, params, self.control.cache(), ctx),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        };
        match read {
            Ok(LogRead { response, progress }) => {
                self.changes.high_watermark(name, progress.high_watermark_advanced);
                if let Some(wish) = progress.isr_change {
                    self.wish_for_isr(*wish, ctx);
                }
                response
            }
            Err(error) => {
                match error {
                    ErrorCode::FencedLeaderEpoch => ctx.probe(Probe::FencedLeaderEpoch),
                    ErrorCode::UnknownLeaderEpoch => ctx.probe(Probe::UnknownLeaderEpoch),
                    _ => {}
                }
                refused(name, self.halted_by(error, ctx))
            }
        }
    }

    fn answer_fetch(&mut self, reply: ReplyTo, result: FetchResult, ctx: &mut Ctx<'_>) {
        let response = FetchResponse { partitions: result.partitions };
        self.channels.respond(reply, Response::Fetch(response), ctx);
    }

    /// Looks at the delayed fetches of these partitions again: of followers if the log grew, of consumers if the high
    /// watermark moved, of both if the partition has another leader (`is_role_changed`).
    pub(super) fn check_delayed_fetches(
        &mut self,
        partitions: &[TopicPartition],
        is_role_changed: bool,
        ctx: &mut Ctx<'_>,
    ) {
        if partitions.is_empty() {
            return;
        }
        let mut index = 0;
        while index < self.fetch_purgatory.len() {
            let delayed = &self.fetch_purgatory[index];
            if delayed.concerns(partitions) && (is_role_changed || self.has_enough(delayed, ctx)) {
                let delayed = self.fetch_purgatory.swap_remove(index);
                self.complete_fetch(delayed, ctx);
            } else {
                index += 1;
            }
        }
    }

    fn has_enough(&self, delayed: &DelayedFetch, ctx: &Ctx<'_>) -> bool {
        let available = |fetch: &FetchPartition| {
            let partition = self.partitions.get(fetch.partition)?;
            let fetcher = delayed.request.fetcher;
            Some(partition.available_bytes(fetch.fetch_offset, fetcher, ctx))
        };
        let bytes: u64 = delayed.request.partitions.iter().filter_map(available).sum();
        bytes >= u64::from(delayed.request.min_bytes)
    }

    fn complete_fetch(&mut self, delayed: DelayedFetch, ctx: &mut Ctx<'_>) {
        let result = self.read(&delayed.request, false, ctx);
        self.answer_fetch(delayed.reply, result, ctx);
    }

    /// Answers fetches that have waited long enough.
    pub(super) fn expire_delayed_fetches(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now();
        let purgatory = std::mem::take(&mut self.fetch_purgatory);
        let (expired, waiting): (Vec<_>, Vec<_>) =
            purgatory.into_iter().partition(|delayed| delayed.deadline <= now);
        self.fetch_purgatory = waiting;
        for delayed in expired {
            self.complete_fetch(delayed, ctx);
        }
    }

    /// Whether a delayed fetch is a follower's; used to forget those of connections that are gone.
    pub(super) fn forget_delayed_fetches(&mut self, reply_is_gone: impl Fn(ReplyTo) -> bool) {
        self.fetch_purgatory.retain(|delayed| !reply_is_gone(delayed.reply));
    }
}

fn refused(partition: TopicPartition, error: ErrorCode) -> FetchPartitionResponse {
    FetchPartitionResponse {
        partition,
        error,
        high_watermark: Offset::ZERO,
        log_start_offset: Offset::ZERO,
        diverging_epoch: None,
        batches: Vec::new(),
    }
}
