//! What a leader reads for a fetch, and what a follower's fetch proves. As `Partition.fetchRecords`, `readRecords` and
//! `updateFollowerFetchState`.

use super::{BrokerRegistrations, Partition};
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId, Offset};
use crate::log::{FetchIsolation, Host};
use crate::message::{
    AlterPartitionWish, EpochEndOffset, FetchPartition, FetchPartitionResponse, Fetcher,
};
use crate::metadata::BrokerState;
use crate::mutant::Mutant;
use crate::probe::Probe;

/// How to read, the same for all partitions of a fetch but for the bytes that are left.
#[derive(Copy, Clone, Debug)]
pub struct FetchParams {
    /// Who asks: decides what may be seen.
    pub fetcher: Fetcher,
    /// Bytes left in the response.
    pub max_bytes: u32,
    /// Whether the first batch comes whatever its size: true until the response has a batch.
    pub is_one_wanted: bool,
    /// Whether a follower's fetch counts as its progress: true on arrival, false when it is read again on completion.
    pub is_progress: bool,
}

/// What was read, and what the fetch brought about.
#[derive(Clone, Debug)]
pub struct LogRead {
    /// What the fetcher is told: no batch if the logs diverge, the high watermark before the fetch counted (F6).
    pub response: FetchPartitionResponse,
    /// What the follower's progress brought about.
    pub progress: FollowerProgress,
}

/// What follows from how far a follower has got.
#[derive(Clone, Default, Debug)]
pub struct FollowerProgress {
    /// Delayed operations may be complete.
    pub high_watermark_advanced: bool,
    /// To be sent to the controller: the follower may join the ISR.
    pub isr_change: Option<Box<AlterPartitionWish>>,
}

impl Partition {
    /// Reads for a fetch, then counts it as the follower's progress (F1-F6).
    ///
    /// # Errors
    /// [`ErrorCode::UnknownTopicOrPartition`] before the first metadata; [`ErrorCode::FencedLeaderEpoch`],
    /// [`ErrorCode::UnknownLeaderEpoch`] (also to a broker that is no replica), [`ErrorCode::NotLeaderOrFollower`] (also
    /// to an earlier incarnation of a follower); [`ErrorCode::OffsetOutOfRange`], [`ErrorCode::CorruptMessage`].
    pub fn fetch_records(
        &mut self,
        fetch: &FetchPartition,
        params: FetchParams,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> Result<LogRead, ErrorCode> {
        self.check_leads(fetch.current_leader_epoch)?;
        self.check_fetcher(fetch, params.fetcher)?;
        let mut response = FetchPartitionResponse {
            partition: fetch.partition,
            error: ErrorCode::None,
            high_watermark: self.log.high_watermark(),
            log_start_offset: self.log.log_start_offset(),
            diverging_epoch: self.diverging_epoch(fetch)?,
            batches: Vec::new(),
        };
        if response.diverging_epoch.is_some() {
            host.probe(Probe::DivergingEpoch);
            return Ok(LogRead { response, progress: FollowerProgress::default() });
        }
        let max_bytes = fetch.max_bytes.min(params.max_bytes);
        let isolation = isolation(params.fetcher);
        response.batches =
            self.log.read(fetch.fetch_offset, max_bytes, params.is_one_wanted, isolation, host)?;
        let progress = match params.fetcher {
            Fetcher::Replica(broker, epoch) if params.is_progress => {
                self.count_progress(broker, epoch, fetch.fetch_offset, brokers, host)?
            }
            Fetcher::Replica(..) | Fetcher::Consumer => FollowerProgress::default(),
        };
        Ok(LogRead { response, progress })
    }

    /// Bytes that a fetch at `fetch_offset` could return now, for a delayed fetch to know whether it is complete.
    pub fn available_bytes(&self, fetch_offset: Offset, fetcher: Fetcher, host: &impl Host) -> u64 {
        self.log.available_bytes(fetch_offset, isolation(fetcher), host)
    }

    /// Whether the fetcher's and this log part ways before its fetch offset (F2, KIP-595).
    pub fn diverging_epoch(
        &self,
        fetch: &FetchPartition,
    ) -> Result<Option<EpochEndOffset>, ErrorCode> {
        let ignores = self.config.mutation.is(Mutant::IgnoreLeaderEpochs);
        let Some(fetched) = fetch.last_fetched_epoch.filter(|_| !ignores) else { return Ok(None) };
        let end = self.log.end_offset_for_epoch(fetched).ok_or(ErrorCode::OffsetOutOfRange)?;
        if fetch.fetch_offset < self.log.log_start_offset() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        Ok((end.epoch < fetched || end.end_offset < fetch.fetch_offset).then_some(end))
    }

    /// Only assigned replicas may fetch as such. Another may be one that this broker has not heard of yet.
    fn check_fetcher(&self, fetch: &FetchPartition, fetcher: Fetcher) -> Result<(), ErrorCode> {
        match fetcher {
            Fetcher::Replica(broker, _) if self.follower(broker).is_none() => {
                Err(match fetch.current_leader_epoch {
                    Some(_) => ErrorCode::UnknownLeaderEpoch,
                    None => ErrorCode::NotLeaderOrFollower,
                })
            }
            Fetcher::Replica(..) | Fetcher::Consumer => Ok(()),
        }
    }

    /// A follower that fetches at an offset has everything below it (F4, F5).
    fn count_progress(
        &mut self,
        broker: BrokerId,
        epoch: BrokerEpoch,
        fetch_offset: Offset,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> Result<FollowerProgress, ErrorCode> {
        if is_stale(epoch, brokers.registration(broker)) {
            host.probe(Probe::StaleFollowerEpoch);
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        let (now, log_end_offset) = (host.now(), self.log.log_end_offset());
        let is_it = |follower: &&mut super::Replica| follower.broker() == broker;
        let follower = self.followers.iter_mut().find(is_it).expect("the fetcher was checked");
        let end_before = follower.log_end_offset();
        follower.fetched(fetch_offset, log_end_offset, epoch, now);
        let isr_change = self.maybe_expand_isr(broker, brokers, host).map(Box::new);
        let high_watermark_advanced =
            end_before != Some(fetch_offset) && self.maybe_increment_high_watermark(brokers, host);
        Ok(FollowerProgress { high_watermark_advanced, isr_change })
    }
}

fn isolation(fetcher: Fetcher) -> FetchIsolation {
    match fetcher {
        Fetcher::Consumer => FetchIsolation::HighWatermark,
        Fetcher::Replica(..) => FetchIsolation::LogEnd,
    }
}

/// Whether `epoch` is of an incarnation before the one that is alive. A fenced broker does not count as alive.
fn is_stale(epoch: BrokerEpoch, registration: Option<(BrokerEpoch, BrokerState)>) -> bool {
    registration.is_some_and(|(alive, state)| state != BrokerState::Fenced && alive > epoch)
}
