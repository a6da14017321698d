//! The monitor's picture of the cluster, drawn from notes alone: every replica's log, what of it is committed, what the
//! controller has decided. No actor sees it.

use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};
use crate::log::EpochStart;
use crate::metadata::{BrokerState, PartitionState};
use crate::record::Batch;

use super::assurance::Assurance;
use super::record_chain::RecordChain;
use super::replica_set::ReplicaSet;

/// A partition with all its replicas.
#[derive(Clone, Debug)]
pub(super) struct PartitionGhost {
    pub(super) partition: TopicPartition,
    /// As Kafka writes it: `orders-0`.
    pub(super) name: String,
    /// `min.insync.replicas`, but not more than there are replicas.
    pub(super) min_isr: usize,
    /// In the order of the assignment.
    pub(super) replicas: Vec<ReplicaGhost>,
    /// What the controller has decided last; `None` before the topic's creation.
    pub(super) registration: Option<Registration>,
    /// What it decided before, by partition epoch.
    pub(super) history: Vec<Registration>,
    /// The true log: what lies below the true high watermark, its end.
    pub(super) committed: RecordChain,
    /// Whether it is promised that none of that is lost.
    pub(super) assurance: Assurance,
    /// Who has appended in which epoch, oldest first.
    pub(super) reigns: Vec<Reign>,
}

/// A leader's appends of one epoch.
#[derive(Copy, Clone, Debug)]
pub(super) struct Reign {
    pub(super) epoch: LeaderEpoch,
    pub(super) slot: usize,
    /// The offset after the last record.
    pub(super) end: Offset,
}

/// A partition's state at the controller.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Registration {
    pub(super) isr: ReplicaSet,
    pub(super) elr: ReplicaSet,
    pub(super) last_known: ReplicaSet,
    /// Some member of these is not assigned.
    pub(super) names_a_stranger: bool,
    pub(super) leader: Option<usize>,
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) partition_epoch: PartitionEpoch,
}

impl Registration {
    /// Who may be elected cleanly, now or once the ISR is empty.
    pub(super) fn candidates(&self) -> ReplicaSet {
        self.isr | self.elr
    }
}

/// One replica of a partition.
#[derive(Clone, Debug)]
pub(super) struct ReplicaGhost {
    pub(super) broker: BrokerId,
    pub(super) log: RecordChain,
    /// Where each leader epoch begins in the log.
    pub(super) epochs: Vec<EpochStart>,
    pub(super) high_watermark: Offset,
    /// Everything below is durable.
    pub(super) recovery_point: Offset,
    /// The log was cut here, and the power may go before that is durable: then the old tail is back.
    pub(super) undoable_cut: Option<Offset>,
    /// What the last high-watermark checkpoint says.
    pub(super) checkpointed: Option<Offset>,
    /// Opened by the process that runs now.
    pub(super) is_open: bool,
    /// What happened since the log was last opened, besides appends and cuts.
    pub(super) aftermath: Option<Aftermath>,
    /// It may have lost records since it last joined the ISR.
    pub(super) is_harmed: bool,
    /// It registered after an unclean shutdown and has not left the ISR and ELR since.
    pub(super) owes_exclusion: bool,
    /// The epoch this process has applied.
    pub(super) leader_epoch: Option<LeaderEpoch>,
    /// Whether it leads in that epoch, as far as it knows.
    pub(super) is_leader: bool,
    /// As leader: who it counts on.
    pub(super) maximal_isr: ReplicaSet,
}

/// What a death has done to a log.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Aftermath {
    /// Nothing: the page cache survives a process.
    Kept,
    /// What was not durable may be gone, in part.
    PowerLost,
    /// All is gone.
    DiskLost,
}

/// A broker as a whole.
#[derive(Clone, Debug)]
pub(super) struct BrokerGhost {
    pub(super) broker: BrokerId,
    pub(super) is_running: bool,
    /// As which incarnation the process that runs registers, once it has said so.
    pub(super) incarnation: Option<u64>,
    /// The process that runs has its clean-shutdown file in place.
    pub(super) is_shut_down: bool,
    /// The process before it had when it ended.
    pub(super) stopped_cleanly: bool,
    /// It ended uncleanly and has not registered since: when it does, it leaves ISR and ELR.
    pub(super) is_bound_to_leave: bool,
    /// It lost power or its disk and has not registered since.
    pub(super) lost_since_registration: bool,
    /// Its disk may have lost even what was flushed.
    pub(super) is_disk_damaged: bool,
    /// Faults in force that may make the process halt at any moment.
    pub(super) ailments: u32,
    /// Of all its incarnations, in order.
    pub(super) broker_epochs: Vec<BrokerEpoch>,
    pub(super) state: BrokerState,
}

impl BrokerGhost {
    pub(super) fn new(broker: BrokerId) -> Self {
        BrokerGhost {
            broker,
            is_running: false,
            incarnation: None,
            is_shut_down: false,
            stopped_cleanly: false,
            is_bound_to_leave: false,
            lost_since_registration: false,
            is_disk_damaged: false,
            ailments: 0,
            broker_epochs: Vec::new(),
            state: BrokerState::Fenced,
        }
    }

    /// The next registration settles what a process left behind, unless it is of a process that has ended since it asked:
    /// how that one ended is found out by the one after it.
    pub(super) fn registered_as(&mut self, incarnation: u64) {
        if self.incarnation == Some(incarnation) {
            self.lost_since_registration = false;
            self.is_bound_to_leave = false;
        }
    }
}

impl PartitionGhost {
    pub(super) fn new(
        partition: TopicPartition,
        name: String,
        min_insync_replicas: u32,
        assignment: &[BrokerId],
    ) -> Self {
        assert!(assignment.len() <= ReplicaSet::MAX, "a partition has at most 32 replicas");
        PartitionGhost {
            partition,
            name,
            min_isr: assignment.len().min(min_insync_replicas as usize),
            replicas: assignment.iter().map(|&broker| ReplicaGhost::new(broker)).collect(),
            registration: None,
            history: Vec::new(),
            committed: RecordChain::new(),
            assurance: Assurance::default(),
            reigns: Vec::new(),
        }
    }

    /// The place of a broker's replica.
    pub(super) fn slot(&self, broker: BrokerId) -> Option<usize> {
        self.replicas.iter().position(|replica| replica.broker == broker)
    }

    /// The replicas of these brokers, as far as they are assigned.
    pub(super) fn set_of(&self, brokers: &[BrokerId]) -> ReplicaSet {
        brokers.iter().filter_map(|&broker| self.slot(broker)).collect()
    }

    /// Who may have lost records since they joined the ISR.
    pub(super) fn harmed(&self) -> ReplicaSet {
        (0..self.replicas.len()).filter(|&slot| self.replicas[slot].is_harmed).collect()
    }

    /// The controller's leader, if it has committed all it has, and the other in-sync replicas that run.
    pub(super) fn settled(&self) -> Option<(usize, ReplicaSet)> {
        let registration = self.registration?;
        let slot = registration.leader?;
        let leader = &self.replicas[slot];
        let leads = leader.is_leader && leader.leader_epoch == Some(registration.leader_epoch);
        let followers = registration.isr.without(ReplicaSet::of(slot));
        let running = followers.iter().filter(|&slot| self.replicas[slot].is_open).collect();
        (leads && leader.high_watermark == leader.log.end()).then_some((slot, running))
    }

    /// What the controller's state says of this partition.
    pub(super) fn registration_of(&self, state: &PartitionState) -> Registration {
        let named = state.isr.iter().chain(&state.elr).chain(&state.leader);
        let names_a_stranger = named.into_iter().any(|&broker| self.slot(broker).is_none());
        Registration {
            isr: self.set_of(&state.isr),
            elr: self.set_of(&state.elr),
            last_known: self.set_of(&state.last_known_elr),
            names_a_stranger,
            leader: state.leader.and_then(|leader| self.slot(leader)),
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
        }
    }

    /// The brokers of these replicas, for people: `1, 2`.
    pub(super) fn brokers_of(&self, set: ReplicaSet) -> String {
        let brokers: Vec<String> =
            set.iter().map(|slot| self.replicas[slot].broker.to_string()).collect();
        brokers.join(", ")
    }

    /// A record, for people: `orders-0@42`.
    pub(super) fn record(&self, offset: Offset) -> String {
        format!("{}@{offset}", self.name)
    }
}

impl ReplicaGhost {
    fn new(broker: BrokerId) -> Self {
        ReplicaGhost {
            broker,
            log: RecordChain::new(),
            epochs: Vec::new(),
            high_watermark: Offset::ZERO,
            recovery_point: Offset::ZERO,
            undoable_cut: None,
            checkpointed: None,
            is_open: false,
            aftermath: None,
            is_harmed: false,
            owes_exclusion: false,
            leader_epoch: None,
            is_leader: false,
            maximal_isr: ReplicaSet::default(),
        }
    }

    /// Whether it has every record of `committed`.
    pub(super) fn holds(&self, committed: &RecordChain) -> bool {
        self.log.agrees_below(committed, committed.end())
    }

    /// The epoch of the record at `offset`; `None` beyond the end of the log or where it is not known.
    pub(super) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        if offset >= self.log.end() || !self.log.is_known() {
            return None;
        }
        self.epochs.iter().rev().find(|start| start.start_offset <= offset).map(|start| start.epoch)
    }

    pub(super) fn append(&mut self, batch: &Batch) {
        let is_new_epoch = self.epochs.last().is_none_or(|last| last.epoch != batch.leader_epoch);
        if is_new_epoch {
            let start_offset = batch.base_offset;
            self.epochs.push(EpochStart { epoch: batch.leader_epoch, start_offset });
        }
        self.log.append(batch);
    }

    /// Drops what lies at `end` or beyond.
    pub(super) fn cut(&mut self, end: Offset) {
        self.log.truncate(end);
        self.epochs.retain(|start| start.start_offset < end);
        self.high_watermark = self.high_watermark.min(end);
        self.recovery_point = self.recovery_point.min(end);
    }

    /// Whether the power could go now without loss.
    pub(super) fn is_durable(&self) -> bool {
        self.recovery_point == self.log.end() && self.undoable_cut.is_none()
    }

    /// The process is gone, and with it what it had in memory.
    pub(super) fn died(&mut self, aftermath: Aftermath) {
        self.is_harmed |= match aftermath {
            Aftermath::Kept => false,
            Aftermath::PowerLost => !self.is_durable(),
            Aftermath::DiskLost => self.log.end() > Offset::ZERO,
        };
        self.aftermath = self.aftermath.max(Some(aftermath));
        self.is_open = false;
        self.is_leader = false;
        self.leader_epoch = None;
        self.maximal_isr = ReplicaSet::default();
    }

    /// The log was opened and ends at `end`. After a power loss that came between a cut and its flush, nobody outside can
    /// tell whether the records from the cut on are those before it or those after it.
    pub(super) fn opened(&mut self, end: Offset, high_watermark: Offset) {
        if self.aftermath == Some(Aftermath::PowerLost)
            && let Some(cut) = self.undoable_cut
        {
            self.cut(cut.min(end));
        }
        self.cut(end);
        self.log.pad(end);
        if self.aftermath > Some(Aftermath::Kept) {
            // What is read back after a power loss is on the platter.
            self.recovery_point = end;
            self.undoable_cut = None;
        }
        self.high_watermark = high_watermark;
        self.aftermath = None;
        self.is_open = true;
    }
}
