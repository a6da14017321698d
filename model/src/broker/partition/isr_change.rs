//! How a leader changes the in-sync set: it asks the controller, one change at a time. As `Partition.maybeExpandIsr`,
//! `maybeShrinkIsr`, `handleAlterPartitionUpdate` and `handleAlterPartitionError` (KIP-497).

use super::{BrokerRegistrations, InSyncReplicas, Partition};
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId};
use crate::log::Host;
use crate::message::AlterPartitionWish;
use crate::metadata::PartitionState;
use crate::mutant::Mutant;
use crate::probe::Probe;

/// What the controller's answer to a wish brought about.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct AlterPartitionOutcome {
    /// Delayed operations may be complete.
    pub high_watermark_advanced: bool,
    /// To be sent again.
    pub retry: Option<AlterPartitionWish>,
}

impl Partition {
    /// Looks for in-sync replicas that fell behind (E1); to be called every half `replica.lag.time.max.ms`. Returns what
    /// to ask the controller for.
    pub fn maybe_shrink_isr(
        &mut self,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> Option<AlterPartitionWish> {
        if !self.is_leader() || self.isr.is_change_pending() {
            return None;
        }
        let in_sync: Vec<BrokerId> = self
            .isr
            .committed()
            .iter()
            .copied()
            .filter(|&broker| !self.is_out_of_sync(broker, host))
            .collect();
        if in_sync.len() == self.isr.committed().len() {
            return None;
        }
        let wish = self.wish(in_sync, brokers);
        self.isr.propose_shrink(wish.clone());
        if self.config.mutation.is(Mutant::ShrinkIsrUnpersisted) {
            self.isr.presume_committed();
        }
        host.probe(Probe::IsrShrinkProposed);
        self.note_in_sync_replicas(host);
        Some(wish)
    }

    /// Takes the controller's answer to `wish` (E4, E5): the new state, or why there is none. An answer to anything but
    /// the pending change is out of date and ignored. A failure of the whole request (no answer, stale broker epoch) is
    /// no answer to the wish: it is to be sent again as it is.
    pub fn alter_partition_completed(
        &mut self,
        wish: &AlterPartitionWish,
        answer: Result<&PartitionState, ErrorCode>,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> AlterPartitionOutcome {
        if !self.isr.is_pending(wish) {
            return AlterPartitionOutcome::default();
        }
        match answer {
            Ok(state) => self.isr_changed(state, brokers, host),
            Err(error) => self.isr_change_failed(wish, error, host),
        }
    }

    /// Lets a follower into the ISR that has everything committed, also in this epoch (E2, KAFKA-7128).
    pub(super) fn maybe_expand_isr(
        &mut self,
        broker: BrokerId,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> Option<AlterPartitionWish> {
        if self.isr.is_change_pending()
            || self.isr.committed().contains(&broker)
            || !self.is_follower_in_sync(broker)
        {
            return None;
        }
        if !self.follower(broker).is_some_and(|follower| self.is_eligible(follower, brokers)) {
            host.probe(Probe::IneligibleFollower);
            return None;
        }
        let new_isr = self.isr.committed().iter().copied().chain([broker]).collect();
        let wish = self.wish(new_isr, brokers);
        self.isr.propose_expand(broker, wish.clone());
        host.probe(Probe::IsrExpandProposed);
        self.note_in_sync_replicas(host);
        Some(wish)
    }

    /// Whether a follower has everything below the high watermark and has reached the leader's epoch.
    fn is_follower_in_sync(&self, broker: BrokerId) -> bool {
        if self.config.mutation.is(Mutant::ExpandIsrBeforeHighWatermark) {
            return true;
        }
        let end_offset = self.follower(broker).and_then(|follower| follower.log_end_offset());
        let epoch_start = self.leader_epoch_start_offset;
        epoch_start.is_some()
            && end_offset >= Some(self.log.high_watermark())
            && end_offset >= epoch_start
    }

    /// Whether an in-sync replica was not caught up for too long.
    fn is_out_of_sync(&self, broker: BrokerId, host: &impl Host) -> bool {
        let (log_end_offset, lag) = (self.log.log_end_offset(), self.config.replica_lag_time_max);
        broker != self.local
            && !self
                .follower(broker)
                .is_some_and(|replica| replica.is_caught_up(log_end_offset, lag, host.now()))
    }

    fn wish(
        &self,
        new_isr: Vec<BrokerId>,
        brokers: &impl BrokerRegistrations,
    ) -> AlterPartitionWish {
        AlterPartitionWish {
            partition: self.partition(),
            leader_epoch: self.leader_epoch.expect("a leader has an epoch"),
            partition_epoch: self.partition_epoch.expect("a leader has a partition epoch"),
            new_isr: new_isr
                .into_iter()
                .map(|broker| (broker, self.known_epoch(broker, brokers)))
                .collect(),
            recovered: true,
        }
    }

    /// The incarnation of an in-sync replica as this leader knows it. `None` of one that has not fetched yet is safe: if
    /// it restarts, the controller takes it out and the partition epoch of the wish is out of date (KIP-903).
    fn known_epoch(
        &self,
        broker: BrokerId,
        brokers: &impl BrokerRegistrations,
    ) -> Option<BrokerEpoch> {
        if broker == self.local {
            return brokers.registration(broker).map(|(epoch, _)| epoch);
        }
        self.follower(broker)?.broker_epoch()
    }

    fn isr_changed(
        &mut self,
        state: &PartitionState,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> AlterPartitionOutcome {
        let is_current = Some(state.leader_epoch) == self.leader_epoch
            && Some(state.partition_epoch) >= self.partition_epoch;
        if !is_current {
            return AlterPartitionOutcome::default();
        }
        self.isr = InSyncReplicas::committed_as(state.isr.clone());
        self.partition_epoch = Some(state.partition_epoch);
        self.note_in_sync_replicas(host);
        let high_watermark_advanced = self.maybe_increment_high_watermark(brokers, host);
        AlterPartitionOutcome { high_watermark_advanced, retry: None }
    }

    /// Only [`ErrorCode::IneligibleReplica`] and [`ErrorCode::OperationNotAttempted`] say for certain that nothing was
    /// changed, so only then is the pending change forgotten. Other refusals leave it pending until new metadata comes; the rest is tried again.
    fn isr_change_failed(
        &mut self,
        wish: &AlterPartitionWish,
        error: ErrorCode,
        host: &mut impl Host,
    ) -> AlterPartitionOutcome {
        host.probe(Probe::IsrChangeRefused);
        let mut outcome = AlterPartitionOutcome::default();
        match error {
            ErrorCode::IneligibleReplica | ErrorCode::OperationNotAttempted => {
                self.isr.roll_back();
                self.note_in_sync_replicas(host);
            }
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::InvalidUpdateVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::NewLeaderElected => {}
            _ => outcome.retry = Some(wish.clone()),
        }
        outcome
    }
}
