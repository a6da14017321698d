//! A partition as one of its brokers sees it: its role, its log, and as leader its followers. As `Partition`.
//!
//! Nothing here sends or waits. A method takes what a request or the metadata says and returns what the broker has to do
//! next: answer, wake its purgatory (`high_watermark_advanced`), send an [`AlterPartitionWish`](crate::message), wait for
//! a flush. One file per concern:
//!
//! - this file: state, and how a metadata record makes the broker [leader](Partition::make_leader) or
//!   [follower](Partition::make_follower) (P2, P3)
//! - `leader`: append, acknowledge, list offsets (W3, W6, H6)
//! - `fetch`: what a fetch reads and what a follower's fetch proves (F1-F6, P7)
//! - `high_watermark`: when it advances (H1-H3)
//! - `isr_change`: growing and shrinking the in-sync set (E1-E5)
//! - `follower`: append and truncation as the leader says (L13, F11-F16)
//!
//! Rule names are those of FIDELITY.md. The methods that depend on who is alive take the metadata cache as
//! [`BrokerRegistrations`]; all take the process as [`Host`]. An error [`ErrorCode::KafkaStorageError`] means halt.

mod fetch;
mod follower;
mod high_watermark;
mod in_sync_replicas;
mod isr_change;
mod leader;
mod replica;
#[cfg(test)]
mod tests;

use ktrial_sim::disk::DiskError;
use ktrial_sim::time::Duration;

use crate::cluster::Cluster;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};
use crate::log::{FlushRound, Host, LogConfig, LogManager, UnifiedLog};
use crate::metadata::{BrokerState, PartitionState};
use crate::mutant::{Mutant, Mutation};
use crate::note::Note;
use crate::probe::Probe;

pub use fetch::{FetchParams, LogRead};
pub use follower::FollowerAppend;
pub use in_sync_replicas::InSyncReplicas;
pub use isr_change::AlterPartitionOutcome;
pub use leader::LeaderAppend;
pub use replica::Replica;

/// What this broker knows of others: its metadata cache.
pub trait BrokerRegistrations {
    /// A broker's incarnation and what the controller lets it do; `None` if it is not registered.
    fn registration(&self, broker: BrokerId) -> Option<(BrokerEpoch, BrokerState)>;
}

/// One of a broker's partitions.
#[derive(Clone, Debug)]
pub struct Partition {
    local: BrokerId,
    config: PartitionConfig,
    log: UnifiedLog,
    /// `None` while nobody leads, and before the first metadata.
    leader: Option<BrokerId>,
    /// `None` before the first metadata.
    leader_epoch: Option<LeaderEpoch>,
    partition_epoch: Option<PartitionEpoch>,
    replicas: Vec<BrokerId>,
    /// Of the leader: where its epoch begins.
    leader_epoch_start_offset: Option<Offset>,
    /// Of the leader: all other replicas.
    followers: Vec<Replica>,
    /// Of the leader.
    isr: InSyncReplicas,
}

/// The configuration that concerns a partition beyond its log.
#[derive(Copy, Clone, Debug)]
struct PartitionConfig {
    min_insync_replicas: u32,
    replica_lag_time_max: Duration,
    mutation: Mutation,
}

/// What becoming the leader changed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BecameLeader {
    /// This broker was not the leader before: its fetcher for the partition has to stop.
    pub is_new_leader: bool,
    /// The epoch is new: state kept for the leadership (a group coordinator's) has to be loaded.
    pub is_new_epoch: bool,
    /// Delayed operations may be complete.
    pub high_watermark_advanced: bool,
}

/// What becoming a follower changed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BecameFollower {
    /// This broker led before: delayed operations have to be completed, with errors.
    pub was_leader: bool,
    /// The epoch is new: the fetcher has to be (re)started, or stopped if nobody leads.
    pub is_new_epoch: bool,
}

impl Partition {
    /// Opens `partition` on broker `local` at boot, without a role until the metadata gives it one.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn load(
        partition: TopicPartition,
        local: BrokerId,
        cluster: &Cluster,
        logs: &LogManager,
        host: &mut impl Host,
    ) -> Result<Self, ErrorCode> {
        let topic = &cluster.topic(partition.topic).config;
        let config = PartitionConfig {
            min_insync_replicas: topic.min_insync_replicas,
            replica_lag_time_max: Duration::from_millis(cluster.config.replica_lag_time_max_ms),
            mutation: cluster.mutation,
        };
        let log = logs.load(partition, LogConfig::of(topic, cluster.mutation), host)?;
        Ok(Partition::new(local, config, log))
    }

    fn new(local: BrokerId, config: PartitionConfig, log: UnifiedLog) -> Self {
        Partition {
            local,
            config,
            log,
            leader: None,
            leader_epoch: None,
            partition_epoch: None,
            replicas: Vec::new(),
            leader_epoch_start_offset: None,
            followers: Vec::new(),
            isr: InSyncReplicas::default(),
        }
    }

    /// Which partition this is.
    pub fn partition(&self) -> TopicPartition {
        self.log.partition()
    }

    /// This replica's log.
    pub fn log(&self) -> &UnifiedLog {
        &self.log
    }

    /// This replica's log, for what concerns all logs of a broker: scheduled flushes and shutdown.
    pub fn log_mut(&mut self) -> &mut UnifiedLog {
        &mut self.log
    }

    /// Who leads, as far as this broker knows.
    pub fn leader(&self) -> Option<BrokerId> {
        self.leader
    }

    /// Whether this broker leads, as far as it knows.
    pub fn is_leader(&self) -> bool {
        self.leader == Some(self.local)
    }

    /// The latest leader epoch this broker knows; `None` before the first metadata.
    pub fn leader_epoch(&self) -> Option<LeaderEpoch> {
        self.leader_epoch
    }

    /// The leader and its epoch, for clients that asked the wrong broker (KIP-951).
    pub fn current_leader(&self) -> Option<(BrokerId, LeaderEpoch)> {
        self.leader.zip(self.leader_epoch)
    }

    /// The version of the partition's state this broker knows.
    pub fn partition_epoch(&self) -> Option<PartitionEpoch> {
        self.partition_epoch
    }

    /// The in-sync replicas as this leader sees them; empty on a follower.
    pub fn in_sync_replicas(&self) -> &InSyncReplicas {
        &self.isr
    }

    /// What this leader knows of its followers; empty on a follower.
    pub fn followers(&self) -> &[Replica] {
        &self.followers
    }

    /// `min.insync.replicas`, but not more than there are replicas.
    pub fn effective_min_isr(&self) -> usize {
        (self.config.min_insync_replicas as usize).min(self.replicas.len())
    }

    /// The metadata says that this broker leads (P2). Nothing is truncated, and the high watermark stays where it is until
    /// followers have fetched. `None` if the broker knows something newer.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`].
    pub fn make_leader(
        &mut self,
        state: &PartitionState,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> Result<Option<BecameLeader>, ErrorCode> {
        assert_eq!(state.leader, Some(self.local), "only who is elected becomes the leader");
        if self.is_stale(state) {
            return Ok(None);
        }
        let is_new_leader = !self.is_leader();
        let is_new_epoch = self.is_new_epoch(state);
        self.assign_followers(&state.replicas);
        self.isr = InSyncReplicas::committed_as(state.isr.clone());
        if is_new_epoch {
            self.begin_leader_epoch(state, is_new_leader, host)?;
        }
        self.take_epochs(state);
        self.note_in_sync_replicas(host);
        let high_watermark_advanced = self.maybe_increment_high_watermark(brokers, host);
        Ok(Some(BecameLeader { is_new_leader, is_new_epoch, high_watermark_advanced }))
    }

    /// The metadata says that another broker leads, or none (P3). `None` if the broker knows something newer.
    pub fn make_follower(
        &mut self,
        state: &PartitionState,
        host: &mut impl Host,
    ) -> Option<BecameFollower> {
        assert_ne!(state.leader, Some(self.local), "who is elected does not follow");
        if self.is_stale(state) {
            return None;
        }
        let became =
            BecameFollower { was_leader: self.is_leader(), is_new_epoch: self.is_new_epoch(state) };
        self.leader_epoch_start_offset = None;
        self.followers.clear();
        self.isr = InSyncReplicas::default();
        self.take_epochs(state);
        if became.is_new_epoch {
            host.note(Note::BecameFollower {
                partition: self.partition(),
                leader_epoch: state.leader_epoch,
                leader: state.leader,
            });
        }
        Some(became)
    }

    /// One file of a flush of the log is durable, or not ([`LogToken::Flush`](crate::log::LogToken)).
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`] if the disk failed.
    pub fn flush_completed(
        &mut self,
        round: FlushRound,
        result: Result<(), DiskError>,
        brokers: &impl BrokerRegistrations,
        host: &mut impl Host,
    ) -> Result<FlushCompleted, ErrorCode> {
        let has_round_ended = self.log.flush_completed(round, result, host)?;
        let high_watermark_advanced =
            has_round_ended && self.maybe_increment_high_watermark(brokers, host);
        Ok(FlushCompleted { has_round_ended, high_watermark_advanced })
    }

    fn is_stale(&self, state: &PartitionState) -> bool {
        self.partition_epoch.is_some_and(|known| state.partition_epoch < known)
    }

    fn is_new_epoch(&self, state: &PartitionState) -> bool {
        self.leader_epoch.is_none_or(|known| state.leader_epoch > known)
    }

    fn take_epochs(&mut self, state: &PartitionState) {
        self.leader = state.leader;
        self.leader_epoch = Some(state.leader_epoch);
        self.partition_epoch = Some(state.partition_epoch);
        self.replicas.clone_from(&state.replicas);
    }

    /// Keeps what is known of followers that stay assigned.
    fn assign_followers(&mut self, replicas: &[BrokerId]) {
        let local = self.local;
        self.followers.retain(|follower| replicas.contains(&follower.broker()));
        for &broker in replicas.iter().filter(|&&broker| broker != local) {
            if self.follower(broker).is_none() {
                self.followers.push(Replica::new(broker));
            }
        }
    }

    /// Writes the epoch's start down before anything is appended in it: a follower may have records of an epoch between
    /// the last one in this log and the new one, and has to be told where they part (KAFKA-7415).
    fn begin_leader_epoch(
        &mut self,
        state: &PartitionState,
        is_new_leader: bool,
        host: &mut impl Host,
    ) -> Result<(), ErrorCode> {
        let start_offset = self.log.log_end_offset();
        self.log.begin_epoch(state.leader_epoch, host)?;
        self.leader_epoch_start_offset = Some(start_offset);
        let now = host.now();
        for follower in &mut self.followers {
            let is_in_sync = state.isr.contains(&follower.broker());
            if is_new_leader {
                follower.reset_for_new_leader(is_in_sync, now);
            } else {
                follower.reset_for_new_epoch(is_in_sync, start_offset, now);
            }
        }
        if self.log.high_watermark() < start_offset {
            host.probe(Probe::LeaderBeganWithUncommitted);
        }
        host.note(Note::BecameLeader {
            partition: self.partition(),
            leader_epoch: state.leader_epoch,
            log_end_offset: start_offset,
            epochs: self.log.epochs().starts().to_vec(),
        });
        Ok(())
    }

    /// Whether whoever believes in `current_leader_epoch` may talk to this replica (P7); `None` skips that check.
    fn check_leader_epoch(
        &self,
        current_leader_epoch: Option<LeaderEpoch>,
    ) -> Result<(), ErrorCode> {
        let local = self.leader_epoch.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        match current_leader_epoch {
            _ if self.config.mutation.is(Mutant::IgnoreLeaderEpochs) => Ok(()),
            Some(remote) if local > remote => Err(ErrorCode::FencedLeaderEpoch),
            Some(remote) if local < remote => Err(ErrorCode::UnknownLeaderEpoch),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether this broker leads, in the epoch the asker believes in.
    fn check_leads(&self, current_leader_epoch: Option<LeaderEpoch>) -> Result<(), ErrorCode> {
        self.check_leader_epoch(current_leader_epoch)?;
        if self.is_leader() { Ok(()) } else { Err(ErrorCode::NotLeaderOrFollower) }
    }

    fn follower(&self, broker: BrokerId) -> Option<&Replica> {
        self.followers.iter().find(|follower| follower.broker() == broker)
    }

    fn note_in_sync_replicas(&self, host: &mut impl Host) {
        host.note(Note::InSyncReplicas {
            partition: self.partition(),
            leader_epoch: self.leader_epoch.expect("a leader has an epoch"),
            isr: self.isr.committed().to_vec(),
            maximal_isr: self.isr.maximal().collect(),
        });
    }

    fn note_high_watermark(&self, host: &mut impl Host) {
        host.note(Note::HighWatermark {
            partition: self.partition(),
            high_watermark: self.log.high_watermark(),
            leader_epoch: self.leader_epoch.expect("a replica with a role has an epoch"),
            as_leader: self.is_leader(),
        });
    }
}

/// What the end of a flush changed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FlushCompleted {
    /// A round has ended: who waits for it may go on ([`UnifiedLog::has_flushed`]).
    pub has_round_ended: bool,
    /// Delayed operations may be complete.
    pub high_watermark_advanced: bool,
}
