//! The invariant monitor: watches a trial from outside and reports a broken rule at the event that breaks it.
//!
//! It is fed with the processes' [notes](crate::note), with deaths and with faults, and keeps *ghost state*: what every
//! replica's log holds, what of it is committed, what the controller has decided. `model/INVARIANTS.md` has the rules by
//! number, and when each is in force. Nothing here can reach an actor, but for [`Monitor::permits`], with which a trial
//! may keep its damage within what Kafka promises to survive.
//!
//! It is always on, so it does little per note: a log is one hash per offset (`record_chain`), and whether two logs are
//! the same below an offset is one comparison.
//!
//! - `ghost`, `record_chain`, `replica_set`: the state.
//! - `assurance`: when committed records must survive; `budget`: which faults leave it so.
//! - the other files: the rules, a function each, which decide on the ghost state and change nothing.

mod assurance;
mod budget;
mod durability;
mod epochs;
mod ghost;
mod isr;
#[cfg(test)]
mod laws;
mod leader_completeness;
mod log_matching;
mod offsets;
mod purgatory;
mod record_chain;
mod recovery;
mod replica_set;
#[cfg(test)]
mod stage;
mod truncation;
mod violation;

use std::sync::Arc;

use ktrial_sim::fault::{Fault, FlushErrorMode};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Death, FaultPhase, Stamp};

use crate::cluster::Cluster;
use crate::controller::partition_change_builder::Elected;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::log::EpochStart;
use crate::metadata::{BrokerState, PartitionState};
use crate::note::Note;
use crate::record::Batch;

use budget::Damage;
use ghost::{Aftermath, BrokerGhost, PartitionGhost, Registration, ReplicaGhost};
use purgatory::Acknowledgement;
use replica_set::ReplicaSet;
use violation::Verdict;

pub use violation::{Invariant, Violation};

/// Most violations that are kept.
pub const VIOLATIONS_MAX: usize = 64;

/// Watches one trial.
#[derive(Clone, Debug)]
pub struct Monitor {
    cluster: Arc<Cluster>,
    /// By topic and partition number: the place in `partitions`. (Not every partition of a topic is simulated.)
    places: Arc<[Vec<usize>]>,
    partitions: Vec<PartitionGhost>,
    brokers: Vec<BrokerGhost>,
    /// Metadata records that have been announced.
    announced: u64,
    /// How many of them a restarted controller has still to announce again.
    to_repeat: u64,
    violations: Vec<Violation>,
}

impl Monitor {
    /// Before the trial: all logs are empty and nothing runs.
    ///
    /// # Panics
    /// If a partition has more than 32 replicas.
    pub fn new(cluster: &Arc<Cluster>) -> Self {
        let partitions: Vec<PartitionGhost> = cluster
            .partitions()
            .map(|(partition, assignment)| {
                let config = &cluster.topic(partition.topic).config;
                let name = cluster.partition_name(partition);
                PartitionGhost::new(partition, name, config.min_insync_replicas, assignment)
            })
            .collect();
        Monitor {
            places: places(cluster),
            partitions,
            brokers: cluster.brokers.iter().map(|&broker| BrokerGhost::new(broker)).collect(),
            announced: 0,
            to_repeat: 0,
            violations: Vec::new(),
            cluster: Arc::clone(cluster),
        }
    }

    /// What was broken, in order of time: each invariant once per partition and broker, at most [`VIOLATIONS_MAX`] in
    /// all.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether committed records of a partition must all survive what has happened so far.
    pub fn is_durability_promised(&self, partition: TopicPartition) -> bool {
        self.partitions[self.index(partition)].assurance.is_in_force
    }

    /// A process was started.
    pub fn booted(&mut self, stamp: Stamp) {
        if stamp.node == self.cluster.controller {
            self.to_repeat = self.announced;
        } else if let Some(broker) = self.broker_at(stamp.node) {
            broker.is_running = true;
        }
    }

    /// A process ended.
    pub fn died(&mut self, stamp: Stamp, death: Death) {
        match death {
            Death::Crash | Death::Exit => self.stop(stamp.node, Aftermath::Kept),
            Death::PowerLoss => self.stop(stamp.node, Aftermath::PowerLost),
        }
    }

    /// A fault began or ended: losses also strike hosts on which nothing runs.
    pub fn fault(&mut self, fault: &Fault, phase: FaultPhase) {
        match phase {
            FaultPhase::Begins => self.fault_begins(fault),
            FaultPhase::Heals => self.fault_heals(fault),
            FaultPhase::Vetoed | FaultPhase::BecomesPermanent => {}
        }
    }

    /// A process said something.
    ///
    /// Long: one arm per kind of note.
    pub fn noted(&mut self, stamp: Stamp, note: &Note) {
        match note {
            Note::Appended { partition, batch, as_leader } => {
                self.appended(stamp, *partition, batch, *as_leader);
            }
            Note::HighWatermark { partition, high_watermark, leader_epoch, as_leader } => {
                let moved = HighWatermarkMoved {
                    to: *high_watermark,
                    leader_epoch: *leader_epoch,
                    as_leader: *as_leader,
                };
                self.high_watermark_moved(stamp, *partition, moved);
            }
            Note::LogLoaded { partition, clean, log_end_offset, high_watermark } => {
                let found = LogFound {
                    clean: *clean,
                    end: *log_end_offset,
                    high_watermark: *high_watermark,
                };
                self.log_loaded(stamp, *partition, found);
            }
            Note::Flushed { partition, recovery_point } => {
                self.flushed(stamp, *partition, *recovery_point);
            }
            Note::Truncated { partition, log_end_offset, epochs, .. } => {
                self.truncated(stamp, *partition, *log_end_offset, epochs);
            }
            Note::BecameLeader { partition, leader_epoch, epochs, .. } => {
                self.became_leader(stamp, *partition, *leader_epoch, epochs);
            }
            Note::BecameFollower { partition, leader_epoch, .. } => {
                self.became_follower(stamp, *partition, *leader_epoch);
            }
            Note::InSyncReplicas { partition, maximal_isr, .. } => {
                let (index, slot) = self.replica_at(stamp, *partition);
                let partition = &mut self.partitions[index];
                partition.replicas[slot].maximal_isr = partition.set_of(maximal_isr);
            }
            Note::AcksAllCompleted {
                partition,
                required_offset,
                high_watermark,
                maximal_isr,
                ..
            } => {
                let answer = Acknowledgement {
                    required_offset: *required_offset,
                    high_watermark: *high_watermark,
                    maximal_isr: *maximal_isr,
                };
                self.acknowledged(stamp, *partition, &answer);
            }
            Note::HighWatermarkCheckpoint { entries, .. } => self.checkpointed(stamp, entries),
            Note::CleanShutdown => {
                if let Some(broker) = self.broker_at(stamp.node) {
                    broker.is_shut_down = true;
                }
            }
            Note::BrokerStarted { incarnation } => {
                if let Some(broker) = self.broker_at(stamp.node) {
                    broker.incarnation = Some(*incarnation);
                }
            }
            Note::BrokerRegistered { broker, incarnation, broker_epoch, unclean } => {
                self.broker_registered(stamp, *broker, *incarnation, *broker_epoch, *unclean);
            }
            Note::BrokerChanged { broker, state } => self.broker_changed(stamp, *broker, *state),
            Note::PartitionChanged { partition, state, elected } => {
                self.partition_changed(stamp, *partition, state, *elected);
            }
            // What clients see is the checker's business.
            Note::SendInvoked { .. }
            | Note::SendOk { .. }
            | Note::SendFailed { .. }
            | Note::SendUnknown { .. }
            | Note::PositionResolved { .. }
            | Note::Polled { .. }
            | Note::Processed { .. }
            | Note::CommitInvoked { .. }
            | Note::CommitEnded { .. }
            | Note::CommittedInvoked { .. }
            | Note::CommittedFetched { .. }
            | Note::FinalRead { .. }
            | Note::Drained { .. } => {}
        }
    }

    /// Nothing is on its way any more: of every partition whose leader has committed all it has, the in-sync replicas that
    /// run have the same log. A broker that died and has not registered since is in sync only because the controller has
    /// not noticed yet.
    pub fn final_check(&mut self, stamp: Stamp) {
        for index in 0..self.partitions.len() {
            let partition = &self.partitions[index];
            let Some((leader, followers)) = partition.settled() else { continue };
            let verdicts: Vec<Verdict> = followers
                .iter()
                .filter(|&slot| !self.broker(partition.replicas[slot].broker).is_bound_to_leave)
                .map(|slot| log_matching::in_sync_replica_is_identical(partition, leader, slot))
                .collect();
            for verdict in verdicts {
                self.judge(stamp, Some(index), verdict);
            }
        }
    }
}

/// A note of a moved high watermark.
struct HighWatermarkMoved {
    to: Offset,
    leader_epoch: LeaderEpoch,
    as_leader: bool,
}

/// A note of a log that was opened.
struct LogFound {
    clean: bool,
    end: Offset,
    high_watermark: Offset,
}

/// What replicas do.
impl Monitor {
    fn appended(&mut self, stamp: Stamp, of: TopicPartition, batch: &Batch, as_leader: bool) {
        let (index, slot) = self.replica_at(stamp, of);
        let partition = &self.partitions[index];
        let replica = &partition.replicas[slot];
        let contiguous = offsets::append_is_contiguous(partition, replica, batch);
        let verdict = contiguous
            .clone()
            .and_then(|()| epochs::epoch_does_not_fall(partition, replica, batch))
            .and_then(|()| match as_leader {
                true => epochs::epoch_has_one_leader(partition, slot, batch),
                false => Ok(()),
            });
        self.judge(stamp, Some(index), verdict);
        let partition = &mut self.partitions[index];
        let replica = &mut partition.replicas[slot];
        if contiguous.is_err() {
            replica.cut(batch.base_offset);
            replica.log.pad(batch.base_offset);
        }
        replica.append(batch);
        if as_leader {
            epochs::extend_reign(partition, slot, batch);
        } else {
            let verdict = log_matching::follower_matches_its_leader(partition, slot, batch);
            self.judge(stamp, Some(index), verdict);
        }
    }

    fn high_watermark_moved(
        &mut self,
        stamp: Stamp,
        of: TopicPartition,
        moved: HighWatermarkMoved,
    ) {
        let (index, slot) = self.replica_at(stamp, of);
        let partition = &self.partitions[index];
        let replica = &partition.replicas[slot];
        let in_log = offsets::high_watermark_is_in_log(partition, replica, moved.to);
        let is_in_log = in_log.is_ok();
        let verdict = in_log.and_then(|()| match moved.as_leader {
            true => offsets::leader_high_watermark_rises(partition, replica, moved.to),
            false => Ok(()),
        });
        let is_protected = is_in_log && partition.protects(moved.leader_epoch);
        self.judge(stamp, Some(index), verdict);
        self.partitions[index].replicas[slot].high_watermark = moved.to;
        if is_protected {
            let verdict = match moved.as_leader {
                true => self.commit(index, slot, moved.to),
                false => self.learn(index, slot, moved.to),
            };
            self.judge(stamp, Some(index), verdict);
        }
    }

    /// A leader calls everything below `high_watermark` committed.
    fn commit(&mut self, index: usize, slot: usize, high_watermark: Offset) -> Verdict {
        let partition = &mut self.partitions[index];
        log_matching::high_watermark_agrees(partition, slot, high_watermark)?;
        let PartitionGhost { committed, replicas, .. } = partition;
        committed.extend_from(&replicas[slot].log, high_watermark);
        isr::high_watermark_is_justified(partition, slot, high_watermark)
    }

    /// A follower is told that everything below `high_watermark` is committed.
    fn learn(&self, index: usize, slot: usize, high_watermark: Offset) -> Verdict {
        let partition = &self.partitions[index];
        log_matching::follower_knows_no_more_than_leaders(partition, slot, high_watermark)?;
        log_matching::high_watermark_agrees(partition, slot, high_watermark)
    }

    fn truncated(&mut self, stamp: Stamp, of: TopicPartition, end: Offset, cache: &[EpochStart]) {
        let (index, slot) = self.replica_at(stamp, of);
        let partition = &self.partitions[index];
        let verdict = match partition.assurance.is_in_force {
            true => truncation::cut_spares_committed(partition, slot, end),
            false => Ok(()),
        };
        self.judge(stamp, Some(index), verdict);
        let replica = &mut self.partitions[index].replicas[slot];
        replica.cut(end);
        replica.undoable_cut = Some(replica.undoable_cut.map_or(end, |cut| cut.min(end)));
        let partition = &self.partitions[index];
        let replica = &partition.replicas[slot];
        let verdict = epochs::cache_fits_log(partition, replica, None, cache);
        self.judge(stamp, Some(index), verdict);
        self.check_durability(stamp, index);
    }

    fn flushed(&mut self, stamp: Stamp, of: TopicPartition, recovery_point: Offset) {
        let (index, slot) = self.replica_at(stamp, of);
        let partition = &self.partitions[index];
        let replica = &partition.replicas[slot];
        let verdict = offsets::recovery_point_is_in_log(partition, replica, recovery_point);
        self.judge(stamp, Some(index), verdict);
        let replica = &mut self.partitions[index].replicas[slot];
        replica.recovery_point = replica.recovery_point.max(recovery_point);
        replica.undoable_cut = None;
    }

    fn log_loaded(&mut self, stamp: Stamp, of: TopicPartition, found: LogFound) {
        let (index, slot) = self.replica_at(stamp, of);
        let partition = &self.partitions[index];
        let replica = &partition.replicas[slot];
        let broker = self.broker(replica.broker);
        let verdicts = [
            recovery::log_is_recovered(partition, slot, broker, found.end),
            recovery::shutdown_is_remembered(partition, replica, broker, found.clean),
            recovery::high_watermark_is_restored(
                partition,
                replica,
                found.end,
                found.high_watermark,
            ),
        ];
        for verdict in verdicts {
            self.judge(stamp, Some(index), verdict);
        }
        self.partitions[index].replicas[slot].opened(found.end, found.high_watermark);
        self.check_durability(stamp, index);
        let partition = &self.partitions[index];
        let is_candidate =
            partition.registration.is_some_and(|state| state.candidates().contains(slot));
        if is_candidate && partition.assurance.is_in_force {
            let verdict = leader_completeness::candidate_is_complete(partition, slot);
            self.judge(stamp, Some(index), verdict);
        }
    }

    fn became_leader(
        &mut self,
        stamp: Stamp,
        of: TopicPartition,
        epoch: LeaderEpoch,
        cache: &[EpochStart],
    ) {
        let (index, slot) = self.replica_at(stamp, of);
        self.apply_epoch(stamp, index, slot, epoch);
        let partition = &mut self.partitions[index];
        partition.replicas[slot].is_leader = true;
        let is_the_leader = partition
            .registration
            .is_some_and(|state| state.leader == Some(slot) && state.leader_epoch == epoch);
        if is_the_leader && !partition.assurance.is_in_force {
            partition.found_anew(slot, epoch);
        }
        let partition = &self.partitions[index];
        let completeness = match is_the_leader {
            true => leader_completeness::leader_is_complete(partition, slot, epoch),
            false => Ok(()),
        };
        let replica = &partition.replicas[slot];
        let cache = epochs::cache_fits_log(partition, replica, Some(epoch), cache);
        self.judge(stamp, Some(index), completeness);
        self.judge(stamp, Some(index), cache);
    }

    fn became_follower(&mut self, stamp: Stamp, of: TopicPartition, epoch: LeaderEpoch) {
        let (index, slot) = self.replica_at(stamp, of);
        self.apply_epoch(stamp, index, slot, epoch);
        let replica = &mut self.partitions[index].replicas[slot];
        replica.is_leader = false;
        replica.maximal_isr = Default::default();
    }

    fn apply_epoch(&mut self, stamp: Stamp, index: usize, slot: usize, epoch: LeaderEpoch) {
        let partition = &self.partitions[index];
        let verdict = epochs::applied_epoch_rises(partition, &partition.replicas[slot], epoch);
        self.judge(stamp, Some(index), verdict);
        self.partitions[index].replicas[slot].leader_epoch = Some(epoch);
    }

    fn acknowledged(&mut self, stamp: Stamp, of: TopicPartition, answer: &Acknowledgement) {
        let (index, slot) = self.replica_at(stamp, of);
        let partition = &self.partitions[index];
        let replica = &partition.replicas[slot];
        let committed = purgatory::acknowledged_is_committed(partition, replica, answer);
        let in_sync = purgatory::enough_are_in_sync(partition, replica, answer);
        self.judge(stamp, Some(index), committed);
        self.judge(stamp, Some(index), in_sync);
    }

    fn checkpointed(&mut self, stamp: Stamp, entries: &[(TopicPartition, Offset)]) {
        let broker = BrokerId(stamp.node.0);
        for index in 0..self.partitions.len() {
            let partition = &mut self.partitions[index];
            let Some(slot) = partition.slot(broker) else { continue };
            let entry = entries.iter().find(|(of, _)| *of == partition.partition);
            if let Some((_, high_watermark)) = entry {
                partition.replicas[slot].checkpointed = Some(*high_watermark);
            }
            let partition = &self.partitions[index];
            let replica = &partition.replicas[slot];
            let verdict = recovery::checkpoint_is_complete(partition, replica, entry.is_some());
            self.judge(stamp, Some(index), verdict);
        }
    }
}

/// What the controller decides.
impl Monitor {
    fn broker_registered(
        &mut self,
        stamp: Stamp,
        broker: BrokerId,
        incarnation: u64,
        broker_epoch: BrokerEpoch,
        unclean: bool,
    ) {
        let is_repeated = self.is_repeated();
        let earlier = &self.broker(broker).broker_epochs;
        let verdict = match is_repeated {
            true => epochs::broker_epoch_is_remembered(broker, earlier, broker_epoch),
            false => epochs::broker_epoch_rises(broker, earlier.last().copied(), broker_epoch),
        };
        self.judge(stamp, None, verdict);
        if is_repeated {
            return;
        }
        if let Some(ghost) = self.broker_at(broker.node()) {
            ghost.broker_epochs.push(broker_epoch);
            ghost.state = BrokerState::Fenced;
            ghost.registered_as(incarnation);
        }
        for partition in &mut self.partitions {
            let Some(slot) = partition.slot(broker) else { continue };
            let is_candidate =
                partition.registration.is_some_and(|state| state.candidates().contains(slot));
            partition.replicas[slot].owes_exclusion = unclean && is_candidate;
        }
    }

    fn broker_changed(&mut self, stamp: Stamp, broker: BrokerId, state: BrokerState) {
        if self.is_repeated() {
            return;
        }
        if let Some(ghost) = self.broker_at(broker.node()) {
            ghost.state = state;
        }
        if state != BrokerState::Active || !self.cluster.eligible_leader_replicas {
            return;
        }
        for index in 0..self.partitions.len() {
            let partition = &self.partitions[index];
            let Some(slot) = partition.slot(broker) else { continue };
            let verdict = isr::unclean_broker_was_excluded(partition, slot);
            self.judge(stamp, Some(index), verdict);
        }
    }

    fn partition_changed(
        &mut self,
        stamp: Stamp,
        of: TopicPartition,
        state: &PartitionState,
        elected: Elected,
    ) {
        let is_repeated = self.is_repeated();
        let index = self.index(of);
        let partition = &self.partitions[index];
        let after = partition.registration_of(state);
        let before = partition.registration;
        let is_known = before.is_some_and(|before| after.partition_epoch <= before.partition_epoch);
        if is_known && is_repeated {
            let verdict = epochs::state_is_remembered(partition, &after);
            self.judge(stamp, Some(index), verdict);
            return;
        }
        self.check_state(stamp, index, before.as_ref(), &after);
        if elected.may_lose_records()
            && let Some(leader) = after.leader
        {
            self.elected_uncleanly(stamp, index, leader);
        }
        self.take_state(index, before.as_ref(), after);
        self.partitions[index].reassess();
        self.check_candidates(stamp, index);
    }

    fn check_state(
        &mut self,
        stamp: Stamp,
        index: usize,
        before: Option<&Registration>,
        after: &Registration,
    ) {
        let partition = &self.partitions[index];
        let with_elr = self.cluster.eligible_leader_replicas;
        let validity = isr::state_is_valid(partition, after, with_elr);
        let succession =
            before.map_or(Ok(()), |before| epochs::state_succeeds(partition, before, after));
        let wish = before.filter(|before| before.leader_epoch == after.leader_epoch);
        let joining = wish.map_or(Default::default(), |before| after.isr.without(before.isr));
        let activity = joining.iter().try_for_each(|slot| {
            let broker = self.broker(partition.replicas[slot].broker);
            isr::joining_broker_is_active(partition, broker)
        });
        for verdict in [validity, succession, activity] {
            self.judge(stamp, Some(index), verdict);
        }
    }

    /// A replica that a leader takes into the ISR is caught up, whatever it lost before it registered; one that is neither
    /// in ISR nor in ELR is excluded.
    fn take_state(&mut self, index: usize, before: Option<&Registration>, after: Registration) {
        let candidates_before = before.map_or(Default::default(), Registration::candidates);
        let brokers = &self.brokers;
        let partition = &mut self.partitions[index];
        for (slot, replica) in partition.replicas.iter_mut().enumerate() {
            let is_candidate = after.candidates().contains(slot);
            let is_welcomed = before.is_some_and(|it| it.leader_epoch == after.leader_epoch);
            let joins =
                is_welcomed && after.isr.contains(slot) && !candidates_before.contains(slot);
            replica.owes_exclusion &= is_candidate;
            replica.is_harmed &= !joins || lost_since_registration(brokers, replica);
        }
        partition.history.push(after);
        partition.registration = Some(after);
    }

    /// Who stopped uncleanly and leaves ISR and ELR: it has registered again, or does so in the very decision that is
    /// being announced.
    fn leaving(&self, index: usize) -> ReplicaSet {
        let partition = &self.partitions[index];
        let is_leaving = |&slot: &usize| {
            let replica = &partition.replicas[slot];
            replica.owes_exclusion || self.broker(replica.broker).is_bound_to_leave
        };
        (0..partition.replicas.len()).filter(is_leaving).collect()
    }

    fn elected_uncleanly(&mut self, stamp: Stamp, index: usize, leader: usize) {
        let partition = &mut self.partitions[index];
        let topic = self.cluster.topic(partition.partition.topic);
        if topic.config.unclean_leader_election_enable {
            partition.void();
        } else {
            let leaving = self.leaving(index);
            let partition = &self.partitions[index];
            let verdict = leader_completeness::election_is_clean(partition, leader, leaving);
            self.judge(stamp, Some(index), verdict);
        }
    }

    fn check_candidates(&mut self, stamp: Stamp, index: usize) {
        let partition = &self.partitions[index];
        let Some(registration) = partition.registration else { return };
        if !partition.assurance.is_in_force {
            return;
        }
        for slot in registration.candidates().iter() {
            let partition = &self.partitions[index];
            let verdict = leader_completeness::candidate_is_complete(partition, slot);
            self.judge(stamp, Some(index), verdict);
        }
    }

    /// Whether the record that is being announced was announced before the controller restarted: it reads its log back
    /// from the start and repeats all of it, in order.
    fn is_repeated(&mut self) -> bool {
        let is_repeated = self.to_repeat > 0;
        self.to_repeat -= u64::from(is_repeated);
        self.announced += u64::from(!is_repeated);
        is_repeated
    }
}

/// What happens to hosts.
impl Monitor {
    fn fault_begins(&mut self, fault: &Fault) {
        if matches!(Damage::of(fault), Some(Damage::UncleanStop(_))) {
            self.change_ailments(fault, |ailments| ailments + 1);
        }
        match fault {
            Fault::PowerLoss { nodes } => {
                nodes.iter().for_each(|&node| self.stop(node, Aftermath::PowerLost));
            }
            Fault::DiskLoss { node } => self.stop(*node, Aftermath::DiskLost),
            Fault::BitRot { node, .. }
            | Fault::FlushError { node, mode: FlushErrorMode::MarksClean } => self.damage(*node),
            _ => {}
        }
    }

    fn fault_heals(&mut self, fault: &Fault) {
        if matches!(Damage::of(fault), Some(Damage::UncleanStop(_))) {
            self.change_ailments(fault, |ailments| ailments.saturating_sub(1));
        }
    }

    fn change_ailments(&mut self, fault: &Fault, change: impl Fn(u32) -> u32) {
        for node in fault.nodes() {
            if let Some(broker) = self.broker_at(node) {
                broker.ailments = change(broker.ailments);
            }
        }
    }

    /// A broker's process is gone.
    fn stop(&mut self, node: NodeId, aftermath: Aftermath) {
        let Some(broker) = self.broker_at(node) else { return };
        broker.incarnation = None;
        if std::mem::take(&mut broker.is_running) {
            broker.stopped_cleanly = std::mem::take(&mut broker.is_shut_down);
            // A power loss may still take the clean-shutdown file.
            broker.is_bound_to_leave |= !broker.stopped_cleanly || aftermath > Aftermath::Kept;
        }
        broker.lost_since_registration |= aftermath > Aftermath::Kept;
        self.for_replicas_on(node, |replica| replica.died(aftermath));
    }

    /// A disk may have lost even what was flushed.
    fn damage(&mut self, node: NodeId) {
        let Some(broker) = self.broker_at(node) else { return };
        broker.is_disk_damaged = true;
        self.for_replicas_on(node, |replica| replica.is_harmed = true);
    }

    fn for_replicas_on(&mut self, node: NodeId, change: impl Fn(&mut ReplicaGhost)) {
        for partition in &mut self.partitions {
            let Some(slot) = partition.slot(BrokerId(node.0)) else { continue };
            change(&mut partition.replicas[slot]);
            partition.reassess();
        }
    }
}

/// Bookkeeping.
impl Monitor {
    fn check_durability(&mut self, stamp: Stamp, index: usize) {
        let partition = &self.partitions[index];
        let verdict = match partition.assurance.is_in_force {
            true => durability::someone_has_everything(partition),
            false => Ok(()),
        };
        self.judge(stamp, Some(index), verdict);
    }

    #[inline]
    fn judge(&mut self, stamp: Stamp, index: Option<usize>, verdict: Verdict) {
        if let Err(broken) = verdict {
            self.report(stamp, index, *broken);
        }
    }

    /// Keeps a violation unless it is one more of the same.
    #[cold]
    fn report(&mut self, stamp: Stamp, index: Option<usize>, broken: violation::Broken) {
        let partition = index.map(|index| self.partitions[index].partition);
        let is_known = self.violations.iter().any(|known| {
            known.invariant == broken.invariant
                && known.partition == partition
                && known.broker == broken.broker
        });
        if is_known || self.violations.len() == VIOLATIONS_MAX {
            return;
        }
        let violation::Broken { invariant, broker, offset, text } = broken;
        self.violations.push(Violation { invariant, stamp, partition, broker, offset, text });
    }

    fn index(&self, partition: TopicPartition) -> usize {
        self.places[usize::from(partition.topic.0)][usize::from(partition.partition)]
    }

    /// The partition and, in it, the replica on the node that spoke.
    fn replica_at(&self, stamp: Stamp, partition: TopicPartition) -> (usize, usize) {
        let index = self.index(partition);
        let slot = self.partitions[index].slot(BrokerId(stamp.node.0));
        (index, slot.expect("only brokers that have a replica speak of it"))
    }

    fn broker(&self, broker: BrokerId) -> &BrokerGhost {
        let found = self.brokers.iter().find(|ghost| ghost.broker == broker);
        found.expect("replicas are on the cluster's brokers")
    }

    fn broker_at(&mut self, node: NodeId) -> Option<&mut BrokerGhost> {
        self.brokers.iter_mut().find(|ghost| ghost.broker.node() == node)
    }
}

fn places(cluster: &Cluster) -> Arc<[Vec<usize>]> {
    let mut next = 0;
    let mut place = |replicas: &Vec<BrokerId>| {
        let place = next;
        next += usize::from(!replicas.is_empty());
        place
    };
    cluster.topics.iter().map(|topic| topic.assignment.iter().map(&mut place).collect()).collect()
}

fn lost_since_registration(brokers: &[BrokerGhost], replica: &ReplicaGhost) -> bool {
    brokers.iter().any(|broker| broker.broker == replica.broker && broker.lost_since_registration)
}
