//! What a follower does with its leader's answers. As `ReplicaFetcherThread.processPartitionData`,
//! `AbstractFetcherThread.getOffsetTruncationState` and `Partition.truncateTo`.

use super::Partition;
use crate::error_code::ErrorCode;
use crate::ids::{LeaderEpoch, Offset};
use crate::log::{AppendInfo, FlushRound, Host};
use crate::message::EpochEndOffset;
use crate::mutant::Mutant;
use crate::probe::Probe;
use crate::record::Batch;

/// What an append by a follower has done.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FollowerAppend {
    /// What was appended, and the flush that has to end before the next fetch: that fetch says "I have it".
    pub info: AppendInfo,
    /// The high watermark is another one.
    pub high_watermark_changed: bool,
}

impl Partition {
    /// Where a follower fetches next, and the epoch of the last record before (KIP-595).
    pub fn fetch_position(&self) -> (Offset, Option<LeaderEpoch>) {
        let last_fetched_epoch =
            self.log.latest_epoch().filter(|_| !self.config.mutation.is(Mutant::SkipTruncation));
        (self.log.log_end_offset(), last_fetched_epoch)
    }

    /// Appends what the leader has sent for a fetch at this log's end, then takes its high watermark, even if that is
    /// lower than the follower's (L13).
    ///
    /// # Errors
    /// [`ErrorCode::UnknownServerError`] if the batches do not begin at this log's end or later: the partition has
    /// failed until new metadata comes; [`ErrorCode::RecordListTooLarge`], likewise; [`ErrorCode::KafkaStorageError`].
    pub fn append_records_to_follower(
        &mut self,
        batches: impl IntoIterator<Item = Batch>,
        leader_high_watermark: Offset,
        host: &mut impl Host,
    ) -> Result<FollowerAppend, ErrorCode> {
        assert!(!self.is_leader(), "a leader does not append another's batches");
        let info = self.log.append_as_follower(batches, host)?;
        let high_watermark_changed = self.log.update_high_watermark(leader_high_watermark);
        if high_watermark_changed {
            self.note_high_watermark(host);
        }
        Ok(FollowerAppend { info, high_watermark_changed })
    }

    /// Truncates to where this log and the leader's part ways, as far as the leader's answer and this log tell (F11,
    /// F12). If there may be more to cut, the next fetch will show it; that fetch has to wait for the flush that makes
    /// the cut durable, if something was cut.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn truncate_to_divergence(
        &mut self,
        leader: EpochEndOffset,
        host: &mut impl Host,
    ) -> Result<Option<FlushRound>, ErrorCode> {
        let target = match self.log.end_offset_for_epoch(leader.epoch) {
            None => leader.end_offset,
            Some(local) if local.epoch == leader.epoch => local.end_offset.min(leader.end_offset),
            Some(local) => {
                host.probe(Probe::DivergedBelowReportedEpoch);
                local.end_offset
            }
        };
        self.truncate_to(target, host)
    }

    /// Cuts the log at `target` or before. Cutting below the high watermark is allowed, and lowers it (F16). The next
    /// fetch has to wait for the flush, if something was cut.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn truncate_to(
        &mut self,
        target: Offset,
        host: &mut impl Host,
    ) -> Result<Option<FlushRound>, ErrorCode> {
        assert!(!self.is_leader(), "a leader does not truncate");
        self.log.truncate_to(target, host)
    }

    /// Drops the whole log and starts at `start`: the leader's log begins beyond this one's end (F15). The next fetch has
    /// to wait for the flush.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn truncate_fully_and_start_at(
        &mut self,
        start: Offset,
        host: &mut impl Host,
    ) -> Result<FlushRound, ErrorCode> {
        assert!(!self.is_leader(), "a leader does not truncate");
        self.log.truncate_fully(start, host)
    }
}
