//! What a leader does for producers, and for those who ask where its log begins and ends. As
//! `Partition.appendRecordsToLeader`, `checkEnoughReplicasReachOffset` and `fetchOffsetForTimestamp`.

use super::{BrokerRegistrations, Partition};
use crate::error_code::ErrorCode;
use crate::ids::{LeaderEpoch, Offset};
use crate::log::{AppendInfo, Host};
use crate::message::{
    EpochEndOffset, Fetcher, ListOffsetsTarget, OffsetForLeaderEpoch, RequiredAcks,
};
use crate::mutant::Mutant;
use crate::record::Batch;

/// What an append by the leader has done.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct LeaderAppend {
    /// Where the records are, and the flush that has to end before anybody is told.
    pub info: AppendInfo,
    /// Delayed operations may be complete. Never while a flush is waited for: Kafka's append has not returned by then.
    pub high_watermark_advanced: bool,
}

impl Partition {
    /// Appends a producer's batch (W2-W4). With acks=all the answer waits for
    /// [`check_enough_replicas_reach`](Self::check_enough_replicas_reach) of `info.next_offset`; with any acks it waits
    /// for `info.flush`.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownTopicOrPartition`] before the first metadata, [`ErrorCode::NotLeaderOrFollower`],
    /// [`ErrorCode::NotEnoughReplicas`], [`ErrorCode::MessageTooLarge`], [`ErrorCode::RecordListTooLarge`]: nothing was
    /// appended; [`ErrorCode::KafkaStorageError`].
    pub fn append_records_to_leader(
        &mut self,
        batch: &Batch,
        acks: RequiredAcks,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> Result<LeaderAppend, ErrorCode> {
        self.check_leads(None)?;
        if acks == RequiredAcks::All && self.isr.committed().len() < self.effective_min_isr() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let epoch = self.leader_epoch.expect("a leader has an epoch");
        let info = self.log.append_as_leader(batch, epoch, host)?;
        let high_watermark_advanced =
            info.flush.is_none() && self.maybe_increment_high_watermark(brokers, host);
        Ok(LeaderAppend { info, high_watermark_advanced })
    }

    /// Whether acks=all is earned for everything below `required` (W6): `None` is not yet.
    ///
    /// # Errors
    /// [`ErrorCode::NotLeaderOrFollower`] if this broker does not lead any more,
    /// [`ErrorCode::NotEnoughReplicasAfterAppend`] if the ISR has fallen below `min.insync.replicas`; in both cases the
    /// records may well survive.
    pub fn check_enough_replicas_reach(&self, required: Offset) -> Option<Result<(), ErrorCode>> {
        if !self.is_leader() {
            return Some(Err(ErrorCode::NotLeaderOrFollower));
        }
        if self.config.mutation.is(Mutant::AckBeforeHighWatermark) {
            return Some(Ok(()));
        }
        if self.log.high_watermark() < required {
            return None;
        }
        let is_enough = self.effective_min_isr() <= self.isr.maximal_len();
        Some(if is_enough { Ok(()) } else { Err(ErrorCode::NotEnoughReplicasAfterAppend) })
    }

    /// Where the epoch asked for ends in this log, for whoever wants to know whether its records are still there
    /// (F3, KIP-320); `None` if the log knows no such epoch.
    ///
    /// # Errors
    /// Those of the leader epoch (P7); [`ErrorCode::NotLeaderOrFollower`].
    pub fn last_offset_for_leader_epoch(
        &self,
        asked: &OffsetForLeaderEpoch,
    ) -> Result<Option<EpochEndOffset>, ErrorCode> {
        self.check_leads(Some(asked.current_leader_epoch))?;
        Ok(self.log.end_offset_for_epoch(asked.leader_epoch))
    }

    /// Where the log begins or ends for `fetcher` (H6).
    ///
    /// # Errors
    /// Those of the leader epoch (P7); [`ErrorCode::NotLeaderOrFollower`]; [`ErrorCode::OffsetNotAvailable`] to a client
    /// while the high watermark is behind the start of the leader's epoch, when the end could go back (KIP-207).
    pub fn list_offset(
        &self,
        target: ListOffsetsTarget,
        current_leader_epoch: Option<LeaderEpoch>,
        fetcher: Fetcher,
    ) -> Result<Offset, ErrorCode> {
        self.check_leads(current_leader_epoch)?;
        let is_behind_epoch_start =
            self.leader_epoch_start_offset.is_some_and(|start| self.log.high_watermark() < start);
        match (target, fetcher) {
            (ListOffsetsTarget::Earliest, _) => Ok(self.log.log_start_offset()),
            (ListOffsetsTarget::Latest, Fetcher::Replica(..)) => Ok(self.log.log_end_offset()),
            (ListOffsetsTarget::Latest, Fetcher::Consumer) if is_behind_epoch_start => {
                Err(ErrorCode::OffsetNotAvailable)
            }
            (ListOffsetsTarget::Latest, Fetcher::Consumer) => Ok(self.log.high_watermark()),
        }
    }
}
