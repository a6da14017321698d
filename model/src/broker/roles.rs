//! What new metadata makes of this broker's partitions: leader, follower, or neither. As `ReplicaManager.applyDelta` and
//! `BrokerMetadataPublisher`.

use ktrial_sim::time::Duration;

use super::lifecycle::LifecycleState;
use super::metadata_cache::MetadataDelta;
use super::partition::{BecameFollower, BecameLeader};
use super::{Broker, BrokerTimer};
use crate::ids::{LeaderEpoch, Offset, TopicId, TopicPartition};
use crate::log::FetchIsolation;
use crate::metadata::PartitionState;
use crate::process::{Ctx, Timer};

/// How long a group coordinator takes to read a partition of `__consumer_offsets`, at the least.
const LOAD_LATENCY: Duration = Duration::from_millis(5);

impl Broker {
    /// The metadata changed. Only the latest state counts; what was in between is not seen (P5).
    pub(super) fn apply_metadata(&mut self, delta: &MetadataDelta, ctx: &mut Ctx<'_>) {
        for &name in &delta.partitions {
            let state = self.control.cache().partition(name).expect("it changed").clone();
            if self.partitions.get(name).is_some() {
                self.take_role(name, &state, ctx);
            }
        }
    }

    fn take_role(&mut self, name: TopicPartition, state: &PartitionState, ctx: &mut Ctx<'_>) {
        let cache = self.control.cache();
        let partition = self.partitions.get_mut(name).expect("it is local");
        if state.leader == Some(self.spec.id) {
            match partition.make_leader(state, cache, ctx) {
                Ok(Some(became)) => self.became_leader(name, state.leader_epoch, became, ctx),
                Ok(None) => {}
                Err(error) => {
                    self.halted_by(error, ctx);
                }
            }
        } else if let Some(became) = partition.make_follower(state, ctx) {
            self.became_follower(name, state, became, ctx);
        }
    }

    fn became_leader(
        &mut self,
        name: TopicPartition,
        epoch: LeaderEpoch,
        became: BecameLeader,
        ctx: &mut Ctx<'_>,
    ) {
        self.fetchers.unfollow(name);
        self.changes.high_watermark(name, became.high_watermark_advanced);
        // A new ISR may be all that a delayed produce was waiting for.
        self.changes.flushed = true;
        if became.is_new_epoch {
            self.changes.roles.push(name);
            let is_offsets = name.topic == TopicId::CONSUMER_OFFSETS;
            if is_offsets && self.coordinator.on_leader(name, epoch) {
                let timer = BrokerTimer::LoadOffsets(name, epoch);
                ctx.set_timer(LOAD_LATENCY, Timer::Broker(timer));
            }
        }
    }

    fn became_follower(
        &mut self,
        name: TopicPartition,
        state: &PartitionState,
        became: BecameFollower,
        ctx: &mut Ctx<'_>,
    ) {
        if became.was_leader {
            self.changes.roles.push(name);
            let resigned = self.coordinator.on_resigned(name);
            self.respond_all(resigned, ctx);
        }
        let is_stopping = self.control.state() == LifecycleState::PendingControlledShutdown;
        let is_out_of_sync = state.leader.is_none() || !state.isr.contains(&self.spec.id);
        match state.leader {
            // A stopping broker that left the ISR does not fetch its way back in (P6).
            Some(_) if is_stopping && is_out_of_sync => self.fetchers.unfollow(name),
            Some(leader) if became.is_new_epoch => {
                self.fetchers.follow(name, leader, state.leader_epoch);
            }
            Some(_) => {}
            None => self.fetchers.unfollow(name),
        }
    }

    /// The log of a partition of `__consumer_offsets` has been read: its groups are served from now on.
    pub(super) fn load_offsets(
        &mut self,
        name: TopicPartition,
        epoch: LeaderEpoch,
        ctx: &mut Ctx<'_>,
    ) {
        let partition = self.partitions.get(name).expect("it is local");
        if !partition.is_leader() || partition.leader_epoch() != Some(epoch) {
            return;
        }
        let log = partition.log();
        let mut batches = Vec::new();
        let mut next = log.log_start_offset();
        while next < log.log_end_offset() {
            // A damaged batch ends the loading, as in Kafka: what was read counts.
            let Ok(read) = log.read(next, u32::MAX, true, FetchIsolation::LogEnd, ctx) else {
                break;
            };
            let Some(last) = read.last() else { break };
            next = last.next_offset();
            batches.extend(read);
        }
        let (end, high_watermark) = (log.log_end_offset(), log.high_watermark());
        self.coordinator.load(name, &batches, end, high_watermark);
    }

    /// The high watermark of a partition moved: commits it has passed are answered.
    pub(super) fn offsets_committed(&mut self, name: TopicPartition, ctx: &mut Ctx<'_>) {
        if name.topic != TopicId::CONSUMER_OFFSETS {
            return;
        }
        let partition = self.partitions.get(name).expect("it is local");
        let Some(epoch) = partition.leader_epoch() else { return };
        let high_watermark: Offset = partition.log().high_watermark();
        let answers = self.coordinator.on_high_watermark(name, epoch, high_watermark);
        self.respond_all(answers, ctx);
    }
}
